/** Are 64-bit counters read whole, and is bad input refused before the library sees it? */
import { expect, it } from 'vitest';
import { readCount, readU64 } from '../../guest/u64.ts';

const bytes = (...b: number[]) => Uint8Array.from(b);

it('reads little-endian numbers of 64 bits', () => {
  expect(readU64(bytes(1, 2, 0, 0, 0, 0, 0, 0x80, 99))).toBe(0x8000_0000_0000_0201n);
  expect(readCount(bytes(0, 0, 0, 0, 1, 0, 0, 0))).toBe(2 ** 32);
  expect(readCount(new Uint8Array(8))).toBe(0);
});

it('refuses what is too short, null, or not exact as a number', () => {
  expect(() => readU64(new Uint8Array(7))).toThrow(RangeError);
  expect(() => readU64(null as unknown as Uint8Array)).toThrow(RangeError);
  expect(() => readCount(bytes(255, 255, 255, 255, 255, 255, 255, 255))).toThrow(RangeError);
});
