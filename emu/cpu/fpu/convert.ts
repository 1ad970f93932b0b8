/**
 * Between the register format and the others: floats of 32 and 64 bits, whole numbers of 16, 32 and 64 bits, packed
 * decimals; rounding to a whole number in the register. SDM vol. 1, 4.2, 4.7, 8.3; vol. 2, FST, FIST, FBLD, FBSTP,
 * FRNDINT. What does not fit into a word's result is left in `hi` and `lo` of the rounder.
 */
import { BIAS, INFINITY, INTEGER_BIT, type Operand, QNAN, UNSUPPORTED, ZERO } from './number.ts';
import { IE, PE, type Rounder } from './rounder.ts';

const BIAS32 = 127;
const BIAS64 = 1023;

/** The image of `a` as a 32-bit float. Look at `stopped` first. */
export function toFloat32(u: Rounder, a: Operand): number {
  const sign = a.sign << 31;
  if (a.kind === ZERO) return sign;
  if (a.kind === INFINITY) return sign | 0x7f80_0000;
  if (a.kind >= QNAN) {
    if (a.kind !== QNAN && !u.raise(IE)) return 0;
    return a.kind === UNSUPPORTED ? 0xffc0_0000 | 0 : sign | 0x7fc0_0000 | ((a.hi >>> 8) & 0x3f_ffff);
  }
  u.load(a);
  u.exp += BIAS32 - BIAS;
  u.deliver(24, 0xfe, false);
  return sign | (u.exp << 23) | ((u.hi >>> 8) & 0x7f_ffff);
}

/** The image of `a` as a 64-bit float, into `hi` and `lo`. Look at `stopped` first. */
export function toFloat64(u: Rounder, a: Operand): void {
  let top = a.sign << 31;
  u.hi = u.lo = 0;
  if (a.kind === INFINITY) top |= 0x7ff0_0000;
  else if (a.kind >= QNAN) {
    if (a.kind !== QNAN && !u.raise(IE)) return;
    if (a.kind === UNSUPPORTED) top = 0xfff8_0000 | 0;
    else {
      top |= 0x7ff8_0000;
      u.hi = a.hi;
      u.lo = a.lo;
    }
  } else if (a.kind !== ZERO) {
    u.load(a);
    u.exp += BIAS64 - BIAS;
    u.deliver(53, 0x7fe, false);
    top |= u.exp << 20;
  }
  u.lo = (u.lo >>> 11) | (u.hi << 21);
  u.hi = top | ((u.hi >>> 11) & 0xf_ffff);
}

/** Rounds the magnitude of a finite number to a whole one, into `hi` and `lo`; false: it needs over 64 bits. */
function toWhole(u: Rounder, a: Operand): boolean {
  u.load(a);
  const shift = BIAS + 63 - a.exp;
  if (shift < 0) return false;
  u.shiftRight(shift);
  u.exp = 0;
  const wasTop = u.hi < 0;
  if (u.roundTo(64)) u.flags |= PE;
  return !(wasTop && u.exp !== 0);
}

/**
 * `a` as a signed whole number of `bits` (16, 32, 64) into `hi` and `lo`. What does not fit is invalid and gives the
 * indefinite.
 */
export function toInteger(u: Rounder, a: Operand, bits: number): void {
  let fits = a.kind < INFINITY;
  if (a.kind === ZERO) u.hi = u.lo = 0;
  else if (fits) {
    fits = toWhole(u, a);
    // The magnitude may be 2^(bits−1) for a negative number, and less for a positive one.
    const high = bits === 64 ? u.hi : u.lo;
    const limit = bits === 16 ? 0x8000 : 0x8000_0000;
    if (bits !== 64 && u.hi !== 0) fits = false;
    if (high >>> 0 > limit || (high >>> 0 === limit && (a.sign === 0 || (bits === 64 && u.lo !== 0))))
      fits = false;
  }
  if (!fits) {
    u.flags &= ~PE;
    u.up = 0;
    u.raise(IE);
    u.hi = bits === 64 ? INTEGER_BIT : 0;
    u.lo = bits === 64 ? 0 : bits === 32 ? INTEGER_BIT : 0x8000;
    return;
  }
  if (a.sign === 0) return;
  u.lo = -u.lo | 0;
  u.hi = (~u.hi + (u.lo === 0 ? 1 : 0)) | 0;
}

/** FRNDINT. */
export function roundToInteger(u: Rounder, a: Operand): void {
  if (u.unary(a)) return;
  if (a.kind === ZERO) return u.setZero(a.sign);
  if (a.kind === INFINITY) return u.setInfinity(a.sign);
  if (u.denormal(a)) return;
  if (a.exp >= BIAS + 63) return u.setOperand(a);
  toWhole(u, a);
  if ((u.hi | u.lo) === 0) return u.setZero(a.sign);
  u.exp = BIAS + 63;
  u.normalise();
  u.setResult((a.sign << 15) | u.exp, u.hi, u.lo);
}

const MILLION = 1_000_000;

/** The remainder of hi:lo by a million; the quotient replaces it. */
function divideByMillion(u: Rounder): number {
  const high = u.hi >>> 0;
  const low = u.lo >>> 0;
  // By 16 bits at a time no product leaves 2^53.
  const qh = Math.floor(high / MILLION);
  let r = (high % MILLION) * 0x1_0000 + (low >>> 16);
  const q1 = Math.floor(r / MILLION);
  r = (r % MILLION) * 0x1_0000 + (low & 0xffff);
  u.hi = qh | 0;
  u.lo = (q1 * 0x1_0000 + Math.floor(r / MILLION)) | 0;
  return r % MILLION;
}

/** Six decimal digits as nibbles. */
function nibbles(v: number): number {
  let out = 0;
  for (let n = 0; n < 24; n += 4) {
    out |= (v % 10) << n;
    v = Math.floor(v / 10);
  }
  return out;
}

/**
 * `a` as a packed decimal of 18 digits: the low dwords into `lo` and `hi`, digits 16 and 17 with the sign byte
 * into `se`. What does not fit is invalid and gives the packed-decimal indefinite.
 */
export function toDecimal(u: Rounder, a: Operand): void {
  let fits = a.kind < INFINITY;
  if (a.kind === ZERO) u.hi = u.lo = 0;
  // 10^18 is 0x0DE0B6B3_A7640000.
  else if (fits)
    fits = toWhole(u, a) && (u.hi >>> 0 < 0x0de0_b6b3 || (u.hi === 0x0de0_b6b3 && u.lo >>> 0 < 0xa764_0000));
  if (!fits) {
    u.flags &= ~PE;
    u.up = 0;
    u.raise(IE);
    return u.setResult(0xffff, 0xc000_0000 | 0, 0);
  }
  const d0 = nibbles(divideByMillion(u));
  const d1 = nibbles(divideByMillion(u));
  const d2 = nibbles(u.lo);
  u.setResult((a.sign << 15) | (d2 >>> 16), (d1 >>> 8) | (d2 << 16), d0 | (d1 << 24));
}

/** A packed decimal as FBLD takes it: digits above 9 count as they stand, as processors do. */
export function fromDecimal(a: Operand, lo: number, hi: number, top: number): void {
  let high = 0;
  let low = 0;
  for (let n = 17; n >= 0; n--) {
    const word = n >= 16 ? top : n >= 8 ? hi : lo;
    const digit = (word >>> ((n & 7) * 4)) & 15;
    // ×10 + digit on two words.
    const l = low * 10 + digit;
    low = l % 0x1_0000_0000;
    high = high * 10 + Math.floor(l / 0x1_0000_0000);
  }
  a.sign = (top >>> 15) & 1;
  a.setMagnitude(low | 0, high | 0);
}
