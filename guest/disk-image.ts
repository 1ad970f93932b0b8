/**
 * An image file as the sectors of a disk, for the machine's `disks`: read when the guest reads, and written through
 * only when asked, else what the guest writes stays in an overlay (emu/devices/ide/block.ts).
 *
 * Raw images only: byte n of the file is byte n of the disk; the rest of a last sector that is not whole reads as
 * zeros. A block device has the size that reading finds. What was written through is not taken back by a snapshot.
 * Left out: image formats (qcow2, VHD), locking, and writing to a file whose last sector is not whole.
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { type BlockBackend, MediumError, Overlay, SECTOR_BYTES } from '../emu/devices/ide/block.ts';
import { GuestError } from './error.ts';

/** 2 TiB: what an MBR's partition table reaches. */
const MOST_SECTORS = 2 ** 32;
const CLOSED = -1;

export interface DiskImageOptions {
  /** Write to the file; else the guest's writes are forgotten with the machine. Default false. */
  write?: boolean;
}

export interface DiskImage extends BlockBackend {
  /** Closes the file. Reading then fails as a medium does. */
  close(): void;
}

/** Opens an image. Throws a GuestError, one line, if it cannot be a disk. */
export function openDiskImage(path: string, options: DiskImageOptions = {}): DiskImage {
  const write = options.write ?? false;
  const file = new ImageFile(path, write);
  if (write) return file;
  const overlay = new Overlay(file);
  return Object.assign(overlay, { close: () => file.close() });
}

class ImageFile implements DiskImage {
  readonly sectors: number;
  private readonly path: string;
  private readonly bytes: number;
  private fd: number;

  constructor(path: string, write: boolean) {
    this.path = path;
    try {
      // Not waiting for a FIFO's other end.
      this.fd = openSync(path, (write ? constants.O_RDWR : constants.O_RDONLY) | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      throw new GuestError(`cannot open disk image ${path}: ${reason(error)}`);
    }
    try {
      this.bytes = this.size(write);
    } catch (error) {
      this.close();
      throw error;
    }
    this.sectors = Math.ceil(this.bytes / SECTOR_BYTES);
  }

  read(lba: number, into: Uint8Array): void {
    const from = lba * SECTOR_BYTES;
    const length = Math.min(into.length, this.bytes - from);
    into.fill(0, length);
    this.transfer('read', lba, length, done => readSync(this.fd, into, done, length - done, from + done));
  }

  write(lba: number, from: Uint8Array): void {
    const at = lba * SECTOR_BYTES;
    const { length } = from;
    this.transfer('write', lba, length, done => writeSync(this.fd, from, done, length - done, at + done));
  }

  flush(): void {
    try {
      fsyncSync(this.fd);
    } catch (error) {
      throw new MediumError(`cannot flush ${this.path}: ${reason(error)}`);
    }
  }

  close(): void {
    if (this.fd !== CLOSED) closeSync(this.fd);
    this.fd = CLOSED;
  }

  private size(write: boolean): number {
    const { path } = this;
    const stat = fstatSync(this.fd);
    if (!stat.isFile() && !stat.isBlockDevice()) throw new GuestError(`disk image ${path} is not a file`);
    const size = stat.isFile() ? stat.size : this.deviceSize();
    if (size === 0) throw new GuestError(`disk image ${path} is empty`);
    if (size > MOST_SECTORS * SECTOR_BYTES) throw new GuestError(`disk image ${path} is larger than 2 TiB`);
    if (write && size % SECTOR_BYTES !== 0)
      throw new GuestError(
        `disk image ${path}: ${size} bytes are no whole number of sectors, so it cannot be written`,
      );
    return size;
  }

  /** fstat says 0 of a block device; the last byte that can be read tells. */
  private deviceSize(): number {
    const byte = new Uint8Array(1);
    const exists = (sector: number): boolean => {
      try {
        return readSync(this.fd, byte, 0, 1, sector * SECTOR_BYTES) === 1;
      } catch {
        return false;
      }
    };
    let low = 0;
    let high = MOST_SECTORS + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (exists(middle)) low = middle + 1;
      else high = middle;
    }
    return low * SECTOR_BYTES;
  }

  /** Repeats until `length` bytes have gone; none at a time means that the file has shrunk. */
  private transfer(what: string, lba: number, length: number, some: (done: number) => number): void {
    let done = 0;
    try {
      while (done < length) {
        const count = some(done);
        if (count === 0) throw new Error('the file has become shorter');
        done += count;
      }
    } catch (error) {
      throw new MediumError(`cannot ${what} sector ${lba} of ${this.path}: ${reason(error)}`);
    }
  }
}

/** What went wrong, without the path and system call that Node adds. */
function reason(error: unknown): string {
  return (error as Error).message.replace(/, \w+( '.*')?$/, '');
}
