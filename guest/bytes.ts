/**
 * Bounded little-endian reading of bytes that nobody vouches for: each read checks its range first and answers with
 * a GuestError that says what was being read, so that no RangeError can escape.
 */
import { GuestError } from './error.ts';

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly length: number;
  private readonly view: DataView;
  private readonly what: string;

  /** `what` begins the message of every error (`kernel.elf`). */
  constructor(bytes: Uint8Array, what: string) {
    // A plain array even of a Buffer, whose slice() would share memory.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
  }

  u8(offset: number, field: string): number {
    this.check(offset, 1, field);
    return this.view.getUint8(offset);
  }

  u16(offset: number, field: string): number {
    this.check(offset, 2, field);
    return this.view.getUint16(offset, true);
  }

  u32(offset: number, field: string): number {
    this.check(offset, 4, field);
    return this.view.getUint32(offset, true);
  }

  /** A view (not a copy) of `size` bytes. */
  slice(offset: number, size: number, field: string): Uint8Array {
    this.check(offset, size, field);
    return this.bytes.subarray(offset, offset + size);
  }

  /** The NUL-terminated string at `offset`, as Latin-1. Throws when no NUL follows. */
  string(offset: number, field: string): string {
    this.check(offset, 1, field);
    const end = this.bytes.indexOf(0, offset);
    if (end < 0) this.fail(`${field} has no end`);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + offset, end - offset).toString('latin1');
  }

  fail(problem: string): never {
    throw new GuestError(`${this.what}: ${problem}`);
  }

  private check(offset: number, size: number, field: string): void {
    // Written so that NaN and fractions fail too.
    if (!(Number.isInteger(offset) && offset >= 0 && size >= 0 && offset + size <= this.length)) {
      this.fail(`${field} lies outside the file (offset ${offset}, ${size} bytes, file of ${this.length})`);
    }
  }
}
