/**
 * FPREM, FPREM1, FSCALE and FXTRACT: exact operations on exponents and significands. SDM vol. 2, their pages.
 */
import { BIAS, INFINITY, type Operand, ZERO } from './number.ts';
import { type Rounder, ZE } from './rounder.ts';

/** What a partial remainder says besides its result: not complete, and the quotient's low three bits. */
export interface RemainderState {
  /** There is a quotient. */
  valid: boolean;
  incomplete: boolean;
  quotient: number;
}

/** A reduction that needs more than 63 steps is partial. */
const WHOLE = 64;

/**
 * The remainder of a by b: `nearest` as IEEE 754 has it (FPREM1), else with a's sign (FPREM). A difference of
 * exponents of 64 or more is reduced by 32 to 63 and more calls are due.
 */
export function remainder(u: Rounder, a: Operand, b: Operand, nearest: boolean, out: RemainderState): void {
  out.valid = false;
  out.incomplete = false;
  out.quotient = 0;
  if (u.binary(a, b)) return;
  if (a.kind === INFINITY || b.kind === ZERO) return u.invalid();
  if (u.denormal(a, b)) return;
  out.valid = true;
  if (a.kind === ZERO) return u.setZero(a.sign);
  if (b.kind === INFINITY) {
    u.load(a);
    return u.pack(64);
  }
  const difference = a.exp - b.exp;
  u.load(a);
  if (difference < (nearest ? -1 : 0)) return u.pack(64);
  if (difference >= WHOLE) {
    const steps = 32 | (difference & 31);
    reduce(u, b, steps);
    u.exp = a.exp - steps;
    out.incomplete = true;
  } else {
    out.quotient = difference < 0 ? 0 : reduce(u, b, difference);
    u.exp = difference < 0 ? a.exp : b.exp;
    if (nearest && above(u, b, out.quotient, difference)) {
      out.quotient++;
      subtractFrom(u, b, difference);
    }
  }
  if ((u.hi | u.lo | u.ext) === 0) return u.setZero(a.sign);
  u.normalise();
  u.pack(64);
}

/** Shift and subtract: hi:lo becomes (hi:lo · 2^steps) mod b. Returns the low bits of the quotient. */
function reduce(u: Rounder, b: Operand, steps: number): number {
  const bh = b.hi >>> 0;
  const bl = b.lo >>> 0;
  let rh = u.hi >>> 0;
  let rl = u.lo >>> 0;
  let carry = 0;
  let q = 0;
  for (let n = 0; ; n++) {
    q <<= 1;
    if (carry !== 0 || rh > bh || (rh === bh && rl >= bl)) {
      const low = rl - bl;
      rl = low >>> 0;
      rh = (rh - bh - (low < 0 ? 1 : 0)) >>> 0;
      q |= 1;
    }
    if (n === steps) break;
    carry = rh >>> 31;
    rh = ((rh << 1) | (rl >>> 31)) >>> 0;
    rl = (rl << 1) >>> 0;
  }
  u.hi = rh | 0;
  u.lo = rl | 0;
  return q;
}

/** Is the remainder nearer to b than to 0, or half of it with an odd quotient? */
function above(u: Rounder, b: Operand, quotient: number, difference: number): boolean {
  if (difference < 0) return u.hi >>> 0 > b.hi >>> 0 || (u.hi === b.hi && u.lo >>> 0 > b.lo >>> 0);
  const carry = u.hi < 0;
  const h = ((u.hi << 1) | (u.lo >>> 31)) >>> 0;
  const l = (u.lo << 1) >>> 0;
  const bh = b.hi >>> 0;
  const bl = b.lo >>> 0;
  if (carry || h > bh || (h === bh && l > bl)) return true;
  return h === bh && l === bl && (quotient & 1) !== 0;
}

/** The working number becomes itself less b, its sign turned. With a difference of −1, b is twice as large. */
function subtractFrom(u: Rounder, b: Operand, difference: number): void {
  u.sign ^= 1;
  if (difference >= 0) {
    const low = (b.lo >>> 0) - (u.lo >>> 0);
    u.hi = (b.hi - u.hi - (low < 0 ? 1 : 0)) | 0;
    u.lo = low | 0;
    return;
  }
  // 2b − r, as b + (b − r), where b < r: less than b, so it fits.
  const low = (b.lo >>> 0) - (u.lo >>> 0);
  const high = b.hi - u.hi - (low < 0 ? 1 : 0);
  const sum = (b.lo >>> 0) + (low >>> 0);
  u.lo = sum | 0;
  u.hi = (b.hi + high + (sum > 0xffff_ffff ? 1 : 0)) | 0;
}

const FAR = 0x1_0000;

/** The whole part of a finite number, as far as ±65536. */
function truncated(a: Operand): number {
  if (a.kind === ZERO || a.exp < BIAS) return 0;
  const n = a.exp - BIAS;
  const v = n > 15 ? FAR : a.hi >>> (31 - n);
  return a.sign ? -v : v;
}

/** a · 2^trunc(b). */
export function scale(u: Rounder, a: Operand, b: Operand): void {
  if (u.binary(a, b)) return;
  if (b.kind === INFINITY) {
    if (b.sign === 0 ? a.kind === ZERO : a.kind === INFINITY) return u.invalid();
    if (u.denormal(a)) return;
    return b.sign === 0 ? u.setInfinity(a.sign) : u.setZero(a.sign);
  }
  if (u.denormal(a, b)) return;
  if (a.kind === INFINITY) return u.setInfinity(a.sign);
  if (a.kind === ZERO) return u.setZero(a.sign);
  u.load(a);
  u.exp += truncated(b);
  u.pack(64);
}

/** FXTRACT: the exponent as a number into `exponent`; the result is the significand with exponent 0. */
export function extract(u: Rounder, a: Operand, exponent: Operand): void {
  if (u.unary(a)) {
    exponent.set80(u.se, u.hi, u.lo);
    return;
  }
  if (a.kind === INFINITY) {
    exponent.copy(a);
    exponent.sign = 0;
    return u.setInfinity(a.sign);
  }
  if (a.kind === ZERO) {
    u.raise(ZE);
    exponent.kind = INFINITY;
    exponent.sign = 1;
    exponent.set80(0xffff, 0x8000_0000 | 0, 0);
    return u.setZero(a.sign);
  }
  if (u.denormal(a)) return;
  exponent.setInt32(a.exp - BIAS);
  u.setResult((a.sign << 15) | BIAS, a.hi, a.lo);
}
