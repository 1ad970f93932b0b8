/**
 * The data of a command: how far it has got on the disk, and the block in the buffer between medium and host. The
 * address registers follow. When a block moves, and what the host is told of it, is the protocol's (drive.ts).
 */
import { SECTOR_BYTES } from './block.ts';
import { type DriveCore, FAULT } from './commands.ts';
import { ERROR } from './registers.ts';

/** Sectors that a DMA transfer, or a verification, takes from the medium in one go: what the buffer holds. */
export const CHUNK = 64;

interface Position {
  /** Next sector, and those still to transfer after the block in the buffer. */
  lba: number;
  left: number;
  /** Most sectors of a block; next byte of the one in the buffer, and its end. */
  block: number;
  at: number;
  end: number;
}

export interface TransferState {
  position: Position;
  buffer: Uint8Array;
}

/** Sectors that went well, and the outcome where there are none. */
export interface Moved {
  sectors: number;
  error: number;
}

export class Transfer {
  private readonly drive: DriveCore;
  private readonly buffer = new Uint8Array(CHUNK * SECTOR_BYTES);
  private s: Position = { lba: 0, left: 0, block: 0, at: 0, end: 0 };

  constructor(drive: DriveCore) {
    this.drive = drive;
  }

  get lba(): number {
    return this.s.lba;
  }

  /** Are there sectors to transfer after the block in the buffer? */
  get more(): boolean {
    return this.s.left > 0;
  }

  /** Is the next sector one of the disk's? */
  get onDisk(): boolean {
    return this.s.lba >= 0 && this.s.lba < this.drive.sectors;
  }

  /** Nothing is to be transferred. */
  clear(): void {
    this.s.at = this.s.end = this.s.left = 0;
  }

  /** From the sector that the registers name on, as many as they say, in blocks of `block`. */
  start(ext: boolean, block: number): void {
    const { s } = this;
    const { taskFile, settings } = this.drive;
    s.block = block;
    s.lba = taskFile.address(ext, settings.geometry);
    s.left = taskFile.count(ext);
  }

  /** Sectors of the next block, cut off at the end of the disk. */
  blockLength(): number {
    return Math.min(this.s.block, this.s.left, this.drive.sectors - this.s.lba);
  }

  // ---- the host's side ---------------------------------------------------------------------------------------------

  /** A block of `sectors` is in the buffer, or wanted there. */
  open(sectors: number): void {
    this.s.at = 0;
    this.s.end = sectors * SECTOR_BYTES;
  }

  /** One sector that is not of the disk. */
  openOnly(bytes?: Uint8Array): void {
    if (bytes) this.buffer.set(bytes);
    this.s.left = 0;
    this.open(1);
  }

  /** Has the host moved the whole block? */
  get moved(): boolean {
    return this.s.at >= this.s.end;
  }

  readWord(): number {
    const { s, buffer } = this;
    const word = buffer[s.at] | (buffer[s.at + 1] << 8);
    s.at += 2;
    return word;
  }

  writeWord(word: number): void {
    const { s, buffer } = this;
    buffer[s.at] = word;
    buffer[s.at + 1] = word >>> 8;
    s.at += 2;
  }

  /** What of the block the host has not moved yet. */
  rest(): Uint8Array {
    return this.buffer.subarray(this.s.at, this.s.end);
  }

  /** The host moved `bytes` of the rest. */
  advance(bytes: number): void {
    this.s.at += bytes;
  }

  // ---- the medium's side -------------------------------------------------------------------------------------------

  /** Reads the next block into the buffer and moves on; fewer sectors than asked before one that fails. */
  readMedium(ext: boolean): Moved {
    const wanted = this.blockLength();
    if (wanted === 0) return this.failed(ext, ERROR.IDNF);
    const sectors = this.drive.medium.read(this.s.lba, this.buffer.subarray(0, wanted * SECTOR_BYTES));
    if (sectors === 0) return this.failed(ext, ERROR.UNC);
    return this.done(ext, sectors);
  }

  /** Writes the block in the buffer and moves on. */
  writeMedium(ext: boolean): Moved {
    const { lba, end } = this.s;
    if (!this.drive.medium.write(lba, this.buffer.subarray(0, end)))
      return this.failed(ext, ERROR.ABRT | FAULT);
    return this.done(ext, end / SECTOR_BYTES);
  }

  private done(ext: boolean, sectors: number): Moved {
    this.s.lba += sectors;
    this.s.left -= sectors;
    this.place(ext, this.s.lba - 1);
    return { sectors, error: 0 };
  }

  private failed(ext: boolean, error: number): Moved {
    this.placeNext(ext);
    return { sectors: 0, error };
  }

  /** The registers name the next sector, at which the transfer ends. */
  placeNext(ext: boolean): void {
    this.place(ext, this.s.lba);
  }

  /** The registers name the sector and say how many are left. */
  private place(ext: boolean, lba: number): void {
    const { taskFile, settings } = this.drive;
    taskFile.setAddress(lba, ext, settings.geometry);
    taskFile.setCount(this.s.left & 0xff);
  }

  save(): TransferState {
    return {
      position: { ...this.s },
      buffer: this.buffer.slice(0, Math.max(SECTOR_BYTES, this.s.end)),
    };
  }

  load(state: TransferState): void {
    this.s = { ...state.position };
    this.buffer.set(state.buffer);
  }
}
