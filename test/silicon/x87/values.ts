/**
 * Numbers worth trying on an FPU, as 20 hexadecimal digits (sign and exponent, significand). Most are drawn from a
 * pool that is the same for a seed, so that a corpus can name them by number.
 */
import type { Random } from '../random.ts';

const hex = (v: number, digits: number) => (v >>> 0).toString(16).padStart(digits, '0');

export function image(sign: number, exp: number, hi: number, lo: number): string {
  return hex((sign << 15) | exp, 4) + hex(hi, 8) + hex(lo, 8);
}

const INTEGER = 0x80000000;
const ONE = 0x3fff;

/** Significands with the integer bit: powers of two, all ones, borders of 24 and 53 bits, halves of them. */
const SIGNIFICANDS: readonly (readonly [number, number])[] = [
  [INTEGER, 0],
  [INTEGER, 1],
  [0xffffffff, 0xffffffff],
  [0xffffffff, 0xfffff800],
  [0xffffff00, 0],
  [0x80000080, 0],
  [0x80000180, 0],
  [0x80000100, 0],
  [0x80000000, 0x400],
  [0x80000000, 0xc00],
  [0x80000000, 0x800],
  [0xc0000000, 0],
  [0xffffff80, 0],
  [0xffffffff, 0xfffffc00],
  [0xaaaaaaaa, 0xaaaaaaab],
  [0xc90fdaa2, 0x2168c235],
];
/** Exponents: ends, borders of the shorter formats with their denormals, whole numbers, π's range. */
const EXPONENTS = [
  1,
  2,
  0x3f,
  0x40,
  0x7ffe,
  0x7ffd,
  ONE,
  ONE - 1,
  ONE + 1,
  ONE - 2,
  0x3fff - 127,
  0x3fff + 127,
  0x3fff + 128,
  0x3fff - 126,
  0x3fff - 149,
  0x3fff - 150,
  0x3fff - 151,
  0x3fff - 1022,
  0x3fff + 1023,
  0x3fff + 1024,
  0x3fff - 1023,
  0x3fff - 1074,
  0x3fff - 1075,
  ONE + 14,
  ONE + 15,
  ONE + 30,
  ONE + 31,
  ONE + 32,
  ONE + 52,
  ONE + 59,
  ONE + 61,
  ONE + 62,
  ONE + 63,
  ONE + 64,
  ONE + 65,
  ONE - 33,
  ONE - 63,
  ONE - 64,
  ONE - 65,
  0x2000,
  0x1fff,
  0x6000,
  0x5fff,
];

/** What is no ordinary number: zeros, infinities, NaNs, denormals, and the formats that are none. */
const SPECIAL: readonly string[] = [0, 1].flatMap(s => [
  image(s, 0, 0, 0),
  image(s, 0x7fff, INTEGER, 0),
  image(s, 0x7fff, 0xc0000000, 0),
  image(s, 0x7fff, 0xc0000000, 1),
  image(s, 0x7fff, 0xffffffff, 0xffffffff),
  image(s, 0x7fff, 0xd1234567, 0x89abcdef),
  image(s, 0x7fff, 0x80000000, 1),
  image(s, 0x7fff, 0xa0000000, 0),
  image(s, 0x7fff, 0xbfffffff, 0xffffffff),
  image(s, 0, 0, 1),
  image(s, 0, 0x7fffffff, 0xffffffff),
  image(s, 0, 0x40000000, 0),
  image(s, 0, 0x00012345, 0x80000000),
  image(s, 0, INTEGER, 0),
  image(s, 0, 0xc0000000, 0x123),
  image(s, 0x7fff, 0, 0),
  image(s, 0x7fff, 0x40000000, 1),
  image(s, ONE, 0x40000000, 0),
  image(s, ONE, 0, 0),
  image(s, 1, 0x7fffffff, 0xffffffff),
  image(s, 0x7ffe, 0, 1),
]);

/** Numbers around those that whole-number formats can just hold, with halves. */
const WHOLE: readonly string[] = [0, 1].flatMap(s => [
  image(s, ONE - 1, INTEGER, 0), // 0.5
  image(s, ONE - 1, INTEGER, 1),
  image(s, ONE, 0xc0000000, 0), // 1.5
  image(s, ONE + 1, 0xa0000000, 0), // 2.5
  image(s, ONE + 14, 0xfffe0000, 0), // 32767
  image(s, ONE + 14, 0xffff0000, 0), // 32767.5
  image(s, ONE + 14, 0xfffeffff, 0),
  image(s, ONE + 15, 0x80000000, 0), // 32768
  image(s, ONE + 15, 0x80008000, 0), // 32768.5
  image(s, ONE + 15, 0x80010000, 0),
  image(s, ONE + 30, 0xfffffffe, 0),
  image(s, ONE + 30, 0xffffffff, 0), // 2^31 − 0.5
  image(s, ONE + 31, 0x80000000, 0),
  image(s, ONE + 31, 0x80000000, 0x80000000), // 2^31 + 0.5
  image(s, ONE + 62, 0xffffffff, 0xfffffffe),
  image(s, ONE + 62, 0xffffffff, 0xffffffff), // 2^63 − 0.5
  image(s, ONE + 63, 0x80000000, 0),
  image(s, ONE + 59, 0xde0b6b3a, 0x763fffff), // about 10^18
  image(s, ONE + 59, 0xde0b6b3a, 0x76400000),
  image(s, ONE + 59, 0xde0b6b3a, 0x763ffff0),
  image(s, ONE + 59, 0xde0b6b3a, 0x763ffff8),
]);

/** All values that a vector may name; `random` decides the ones that are not edges. */
export function makePool(random: Random, size: number): string[] {
  const pool = [...SPECIAL, ...WHOLE];
  for (const [hi, lo] of SIGNIFICANDS)
    for (const e of [ONE, 1, 0x7ffe]) pool.push(image(random.below(2), e, hi, lo));
  while (pool.length < size) {
    const sign = random.below(2);
    const [hi, lo] = random.chance(30) ? random.pick(SIGNIFICANDS) : [random.word() | INTEGER, random.word()];
    const kind = random.below(100);
    if (kind < 20) pool.push(image(sign, random.pick(EXPONENTS), hi, lo));
    else if (kind < 60) pool.push(image(sign, ONE + random.between(-12, 12), hi, lo));
    else if (kind < 75) pool.push(image(sign, ONE + random.between(-70, 70), hi, lo));
    else if (kind < 85) pool.push(image(sign, random.between(1, 0x7ffe), hi, lo));
    // Short significands: their sums and products are exact, or end in halves.
    else pool.push(image(sign, ONE + random.between(-40, 40), hi & 0xff800000, 0));
  }
  return pool;
}

/** A value beside `v`: a few units away, or its exponent moved, or its sign turned. */
export function near(random: Random, v: string): string {
  const se = Number.parseInt(v.slice(0, 4), 16);
  let exp = se & 0x7fff;
  const hi = Number.parseInt(v.slice(4, 12), 16);
  let lo = Number.parseInt(v.slice(12), 16);
  const sign = random.below(2);
  if (random.chance(60)) lo = (lo + random.between(-3, 3)) >>> 0;
  if (random.chance(40)) exp = Math.min(0x7fff, Math.max(0, exp + random.between(-2, 2)));
  return image(sign, exp, hi, lo);
}
