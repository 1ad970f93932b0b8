/**
 * Addition, multiplication, division, square root and comparison of x87 operands: the exact result into the
 * rounder's working number, then rounded by precision control. SDM vol. 1, 8.3.5, 8.5; vol. 2, tables of FADD,
 * FSUB, FMUL, FDIV, FSQRT, FCOM.
 */
import { BIAS, INFINITY, INTEGER_BIT, type Operand, QNAN, UNSUPPORTED, ZERO } from './number.ts';
import { DOWN, IE, type Rounder, ZE } from './rounder.ts';

/** a + b, or a − b with `subtract`. */
export function add(u: Rounder, a: Operand, b: Operand, subtract: boolean): void {
  if (u.binary(a, b)) return;
  const bSign = subtract ? b.sign ^ 1 : b.sign;
  if (a.kind === INFINITY) {
    if (b.kind === INFINITY && a.sign !== bSign) return u.invalid();
    if (!u.denormal(a, b)) u.setInfinity(a.sign);
    return;
  }
  if (u.denormal(a, b)) return;
  if (b.kind === INFINITY) return u.setInfinity(bSign);
  if (b.kind === ZERO) {
    if (a.kind === ZERO) return u.setZero(a.sign === bSign ? a.sign : zeroSign(u));
    u.load(a);
  } else if (a.kind === ZERO) {
    u.load(b);
    u.sign = bSign;
  } else if (!sum(u, a, b, bSign)) return u.setZero(zeroSign(u));
  u.pack(u.precision);
}

/** The sign of an exact zero sum of numbers of opposite signs. */
function zeroSign(u: Rounder): number {
  return u.rounding === DOWN ? 1 : 0;
}

/** The working number becomes a + b with b's sign given; false if that is exactly 0. */
function sum(u: Rounder, a: Operand, b: Operand, bSign: number): boolean {
  const aFirst = magnitude(a, b) >= 0;
  const large = aFirst ? a : b;
  const small = aFirst ? b : a;
  u.load(small);
  u.shiftRight(large.exp - small.exp);
  u.exp = large.exp;
  u.sign = aFirst ? a.sign : bSign;
  if (a.sign === bSign) {
    const lo = (u.lo >>> 0) + (large.lo >>> 0);
    const hi = (u.hi >>> 0) + (large.hi >>> 0) + (lo > 0xffff_ffff ? 1 : 0);
    u.lo = lo | 0;
    u.hi = hi | 0;
    if (hi > 0xffff_ffff) {
      u.shiftRight(1);
      u.hi |= INTEGER_BIT;
      u.exp++;
    }
    return true;
  }
  const borrow = u.ext !== 0 ? 1 : 0;
  const lo = (large.lo >>> 0) - (u.lo >>> 0) - borrow;
  u.ext = -u.ext | 0;
  u.lo = lo | 0;
  u.hi = (large.hi - u.hi - (lo < 0 ? 1 : 0)) | 0;
  if ((u.hi | u.lo | u.ext) === 0) return false;
  u.normalise();
  return true;
}

/** Compares the magnitudes of two numbers or infinities that are not 0: below, at or above 0. */
function magnitude(a: Operand, b: Operand): number {
  if (a.exp !== b.exp) return a.exp - b.exp;
  if (a.hi !== b.hi) return a.hi >>> 0 < b.hi >>> 0 ? -1 : 1;
  if (a.lo !== b.lo) return a.lo >>> 0 < b.lo >>> 0 ? -1 : 1;
  return 0;
}

/** High dword of the unsigned product; `Math.imul` gives the low one. */
export function mulHigh(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const low = al * bl;
  const middle = ah * bl + (low >>> 16);
  const other = al * bh + (middle & 0xffff);
  return (ah * bh + (middle >>> 16) + (other >>> 16)) | 0;
}

export function multiply(u: Rounder, a: Operand, b: Operand): void {
  multiplyTo(u, a, b, u.precision);
}

/** a × b rounded to `bits` bits. */
export function multiplyTo(u: Rounder, a: Operand, b: Operand, bits: number): void {
  if (u.binary(a, b)) return;
  const sign = a.sign ^ b.sign;
  if (a.kind === INFINITY || b.kind === INFINITY) {
    if (a.kind === ZERO || b.kind === ZERO) return u.invalid();
    if (!u.denormal(a, b)) u.setInfinity(sign);
    return;
  }
  if (u.denormal(a, b)) return;
  if (a.kind === ZERO || b.kind === ZERO) return u.setZero(sign);
  const low = Math.imul(a.lo, b.lo);
  const p1 = (mulHigh(a.lo, b.lo) >>> 0) + (Math.imul(a.hi, b.lo) >>> 0) + (Math.imul(a.lo, b.hi) >>> 0);
  const p2 =
    (mulHigh(a.hi, b.lo) >>> 0) +
    (mulHigh(a.lo, b.hi) >>> 0) +
    (Math.imul(a.hi, b.hi) >>> 0) +
    Math.floor(p1 / 0x1_0000_0000);
  u.sign = sign;
  u.exp = a.exp + b.exp - BIAS + 1;
  u.hi = ((mulHigh(a.hi, b.hi) >>> 0) + Math.floor(p2 / 0x1_0000_0000)) | 0;
  u.lo = p2 | 0;
  u.ext = p1 | (low !== 0 ? 1 : 0);
  // One bit may be lost below `ext` when the product is shifted up; it is sticky only, so keep it so.
  if (u.hi >= 0) {
    u.exp--;
    u.hi = (u.hi << 1) | (u.lo >>> 31);
    u.lo = (u.lo << 1) | (u.ext >>> 31);
    u.ext = (p1 << 1) | (low !== 0 ? 1 : 0);
  }
  u.pack(bits);
}

export function divide(u: Rounder, a: Operand, b: Operand): void {
  if (u.binary(a, b)) return;
  const sign = a.sign ^ b.sign;
  if (a.kind === INFINITY) {
    if (b.kind === INFINITY) return u.invalid();
    if (!u.denormal(a, b)) u.setInfinity(sign);
    return;
  }
  if (b.kind === ZERO) {
    if (a.kind === ZERO) return u.invalid();
    if (u.raise(ZE)) u.setInfinity(sign);
    return;
  }
  if (u.denormal(a, b)) return;
  if (b.kind === INFINITY || a.kind === ZERO) return u.setZero(sign);
  quotient(u, a, b);
  u.sign = sign;
  u.pack(u.precision);
}

/** The working number becomes a / b, both finite: bit by bit, then where the remainder lies. */
function quotient(u: Rounder, a: Operand, b: Operand): void {
  const bh = b.hi >>> 0;
  const bl = b.lo >>> 0;
  let rh = a.hi >>> 0;
  let rl = a.lo >>> 0;
  let carry = 0;
  u.exp = a.exp - b.exp + BIAS;
  if (rh < bh || (rh === bh && rl < bl)) {
    u.exp--;
    carry = 1;
    rh = ((rh << 1) | (rl >>> 31)) >>> 0;
    rl = (rl << 1) >>> 0;
  }
  let qh = 0;
  let ql = 0;
  for (let n = 0; n < 64; n++) {
    qh = (qh << 1) | (ql >>> 31);
    ql <<= 1;
    if (carry !== 0 || rh > bh || (rh === bh && rl >= bl)) {
      const low = rl - bl;
      rl = low >>> 0;
      rh = (rh - bh - (low < 0 ? 1 : 0)) >>> 0;
      ql |= 1;
    }
    carry = rh >>> 31;
    rh = ((rh << 1) | (rl >>> 31)) >>> 0;
    rl = (rl << 1) >>> 0;
  }
  u.hi = qh;
  u.lo = ql;
  // The remainder is doubled already: against the divisor it says which side of half the rest is on.
  if ((rh | rl) === 0 && carry === 0) u.ext = 0;
  else if (carry !== 0 || rh > bh || (rh === bh && rl > bl)) u.ext = INTEGER_BIT | 1;
  else u.ext = rh === bh && rl === bl ? INTEGER_BIT : 1;
}

export function squareRoot(u: Rounder, a: Operand): void {
  if (u.unary(a)) return;
  if (a.kind === ZERO) return u.setZero(a.sign);
  if (a.sign === 1) return u.invalid();
  if (u.denormal(a)) return;
  if (a.kind === INFINITY) return u.setInfinity(0);
  root(u, a);
  u.pack(u.precision);
}

/** The working number becomes √a, a finite and positive: two bits of a make one of the root. */
function root(u: Rounder, a: Operand): void {
  const power = a.exp - BIAS;
  const odd = (power & 1) !== 0;
  // The radicand is 1.f or 2·1.f; with one zero bit in front of the first its bits come in pairs.
  let sh = odd ? a.hi : a.hi >>> 1;
  let sl = odd ? a.lo : (a.lo >>> 1) | (a.hi << 31);
  let tail = odd ? 0 : (a.lo & 1) << 31;
  let top = 0; // the remainder: three words, and the root's two
  let rh = 0;
  let rl = 0;
  let qh = 0;
  let ql = 0;
  for (let n = 0; n < 64; n++) {
    top = (top << 2) | (rh >>> 30);
    rh = (rh << 2) | (rl >>> 30);
    rl = (rl << 2) | (sh >>> 30);
    sh = (sh << 2) | (sl >>> 30);
    sl = (sl << 2) | (tail >>> 30);
    tail <<= 2;
    const tt = qh >>> 30;
    const th = (qh << 2) | (ql >>> 30);
    const tl = (ql << 2) | 1;
    const fits = top > tt || (top === tt && (rh >>> 0 > th >>> 0 || (rh === th && rl >>> 0 >= tl >>> 0)));
    qh = (qh << 1) | (ql >>> 31);
    ql <<= 1;
    if (!fits) continue;
    const low = (rl >>> 0) - (tl >>> 0);
    const middle = (rh >>> 0) - (th >>> 0) - (low < 0 ? 1 : 0);
    rl = low | 0;
    rh = middle | 0;
    top = top - tt - (middle < 0 ? 1 : 0);
    ql |= 1;
  }
  u.sign = 0;
  u.exp = (power >> 1) + BIAS;
  u.hi = qh;
  u.lo = ql;
  const above = top !== 0 || rh >>> 0 > qh >>> 0 || (rh === qh && rl >>> 0 > ql >>> 0);
  u.ext = (top | rh | rl) === 0 ? 0 : above ? INTEGER_BIT | 1 : 1;
}

/** How a compares with b. */
export const GREATER = 0;
export const LESS = 1;
export const EQUAL = 2;
export const UNORDERED = 3;

/** Compares; `quiet`: a QNaN raises nothing. Look at `stopped` before using the result. */
export function compare(u: Rounder, a: Operand, b: Operand, quiet: boolean): number {
  if (a.kind >= QNAN || b.kind >= QNAN) {
    const signals = !quiet || a.kind > QNAN || b.kind > QNAN || a.kind === UNSUPPORTED;
    if (signals) u.raise(IE);
    return UNORDERED;
  }
  u.denormal(a, b);
  if (a.kind === ZERO && b.kind === ZERO) return EQUAL;
  if (a.kind === ZERO) return b.sign === 1 ? GREATER : LESS;
  if (b.kind === ZERO || a.sign !== b.sign) return a.sign === 1 ? LESS : GREATER;
  const m = magnitude(a, b);
  if (m === 0) return EQUAL;
  return m > 0 !== (a.sign === 1) ? GREATER : LESS;
}
