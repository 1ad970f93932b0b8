/**
 * A drive's backend, with its failures as answers: how many sectors could be read, whether a write or a flush went
 * well. The first failure is said to the user; anything but a MediumError is a mistake of the host's code and passes.
 */

import { type BlockBackend, MediumError, SECTOR_BYTES } from './block.ts';

export class Medium {
  private readonly backend: BlockBackend;
  private readonly notice: (text: string) => void;
  private noticed = false;

  constructor(backend: BlockBackend, notice: (text: string) => void) {
    this.backend = backend;
    this.notice = notice;
  }

  /** Sectors read into `into` from `lba` on, before one that fails or the end of `into`. */
  read(lba: number, into: Uint8Array): number {
    const wanted = into.length / SECTOR_BYTES;
    if (this.works(() => this.backend.read(lba, into))) return wanted;
    const one = (n: number) => into.subarray(n * SECTOR_BYTES, (n + 1) * SECTOR_BYTES);
    let good = 0;
    while (good < wanted && this.works(() => this.backend.read(lba + good, one(good)))) good++;
    return good;
  }

  write(lba: number, from: Uint8Array): boolean {
    return this.works(() => this.backend.write(lba, from));
  }

  flush(): boolean {
    return this.works(() => this.backend.flush());
  }

  private works(access: () => void): boolean {
    try {
      access();
      return true;
    } catch (error) {
      if (!(error instanceof MediumError)) throw error;
      if (!this.noticed) this.notice(error.message);
      this.noticed = true;
      return false;
    }
  }
}
