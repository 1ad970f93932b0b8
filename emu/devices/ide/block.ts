/**
 * What a disk's sectors come from. The host's side (an image file) implements `BlockBackend` outside emu/; here are
 * the interface, the error by which it says that the medium failed, and two backends that need no host: sectors in
 * memory, and an overlay that keeps what was written and leaves what is below alone.
 */

export const SECTOR_BYTES = 512;

/** The medium cannot give or take these sectors. `message` is one line for the user; the drive reports UNC or a fault. */
export class MediumError extends Error {
  override readonly name = 'MediumError';
}

/**
 * Sectors of 512 bytes, from 0 to `sectors` - 1. The drive never asks beyond them. A transfer that fails throws a
 * MediumError; anything else thrown is a mistake of the host's code.
 */
export interface BlockBackend {
  /** From 1 to 2^48. */
  readonly sectors: number;
  /** Fills `into` (a multiple of 512 bytes) from sector `lba` on. */
  read(lba: number, into: Uint8Array): void;
  /** Takes the bytes of `from` (a multiple of 512), which stay the caller's. */
  write(lba: number, from: Uint8Array): void;
  /** What was written is on the medium when this returns. */
  flush(): void;
  /** State for snapshots, of backends that have some. */
  save?(): unknown;
  load?(state: unknown): void;
}

/** A disk in memory, for tests and small images. The bytes are used in place. */
export class MemoryDisk implements BlockBackend {
  readonly sectors: number;
  private readonly bytes: Uint8Array;

  /** Throws a RangeError unless `bytes` is one sector or more, whole. */
  constructor(bytes: Uint8Array) {
    if (bytes.length === 0 || bytes.length % SECTOR_BYTES !== 0)
      throw new RangeError(`a disk of ${bytes.length} bytes is no whole number of sectors`);
    this.sectors = bytes.length / SECTOR_BYTES;
    this.bytes = bytes;
  }

  read(lba: number, into: Uint8Array): void {
    into.set(this.bytes.subarray(lba * SECTOR_BYTES, lba * SECTOR_BYTES + into.length));
  }

  write(lba: number, from: Uint8Array): void {
    this.bytes.set(from, lba * SECTOR_BYTES);
  }

  flush(): void {}

  save(): unknown {
    return this.bytes.slice();
  }

  load(state: unknown): void {
    this.bytes.set(state as Uint8Array);
  }
}

/** 1 GiB: what a guest may have us remember. */
const MOST_WRITTEN = 2 ** 21;

/**
 * Copy on write: what was written is kept here, by sector, and goes into snapshots; `below` is only read. A stored
 * sector is never changed in place, so a snapshot shares it. A write that would keep more than `most` sectors fails
 * as a medium does.
 */
export class Overlay implements BlockBackend {
  readonly sectors: number;
  private readonly below: BlockBackend;
  private readonly most: number;
  private written = new Map<number, Uint8Array>();

  constructor(below: BlockBackend, most = MOST_WRITTEN) {
    this.below = below;
    this.most = most;
    this.sectors = below.sectors;
  }

  /** Sectors that differ from what is below, or were at least written. */
  get size(): number {
    return this.written.size;
  }

  read(lba: number, into: Uint8Array): void {
    const end = lba + into.length / SECTOR_BYTES;
    for (let from = lba; from < end; ) {
      const kept = this.written.get(from);
      let to = from + 1;
      if (kept) into.set(kept, (from - lba) * SECTOR_BYTES);
      else {
        while (to < end && !this.written.has(to)) to++;
        this.below.read(from, into.subarray((from - lba) * SECTOR_BYTES, (to - lba) * SECTOR_BYTES));
      }
      from = to;
    }
  }

  write(lba: number, from: Uint8Array): void {
    for (let at = 0; at < from.length; at += SECTOR_BYTES) {
      const sector = lba + at / SECTOR_BYTES;
      if (this.written.size >= this.most && !this.written.has(sector))
        throw new MediumError(`the overlay is full: it keeps ${this.most} written sectors`);
      this.written.set(sector, from.slice(at, at + SECTOR_BYTES));
    }
  }

  flush(): void {}

  save(): unknown {
    return [...this.written];
  }

  load(state: unknown): void {
    this.written = new Map(state as [number, Uint8Array][]);
  }
}
