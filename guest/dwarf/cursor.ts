/** A position that only moves on over bytes that nobody vouches for: the numbers of DWARF 5, 7.1 to 7.6. */
import type { ByteReader } from '../bytes.ts';

export class Cursor {
  at: number;
  readonly reader: ByteReader;

  constructor(reader: ByteReader, at = 0) {
    this.reader = reader;
    this.at = at;
  }

  u8(): number {
    return this.reader.u8(this.at++, 'byte');
  }

  u16(): number {
    this.at += 2;
    return this.reader.u16(this.at - 2, 'number');
  }

  u24(): number {
    return this.u16() + this.u8() * 65536;
  }

  u32(): number {
    this.at += 4;
    return this.reader.u32(this.at - 4, 'number');
  }

  u64(): bigint {
    const low = this.u32();
    return (BigInt(this.u32()) << 32n) | BigInt(low);
  }

  /** Unsigned LEB128, modulo 2^32. */
  uleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** Signed LEB128, as int32. */
  sleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return shift + 7 < 32 && byte & 0x40 ? value | (-1 << (shift + 7)) : value;
    }
  }

  /** Either LEB128 in full, modulo 2^64. */
  leb64(signed: boolean): bigint {
    let value = 0n;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if (shift < 64) value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte >= 0x80) continue;
      if (!signed) return BigInt.asUintN(64, value);
      return BigInt.asIntN(64, byte & 0x40 && shift + 7 < 64 ? value | (-1n << BigInt(shift + 7)) : value);
    }
  }

  string(): string {
    const text = this.reader.string(this.at, 'string');
    this.at += text.length + 1;
    return text;
  }

  block(length: number): Uint8Array {
    const bytes = this.reader.slice(this.at, length, 'block');
    this.at += length;
    return bytes;
  }

  skip(length: number): void {
    this.block(length);
  }
}
