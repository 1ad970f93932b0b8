/**
 * Operands of the x87 FPU, taken apart: sign, exponent and a 64-bit significand with its leading bit in place, and
 * the kind that decides what an operation does with it. SDM vol. 1, 4.2.2, 4.8.3 and 8.2.2 (unsupported formats).
 *
 * A significand is two int32, `hi` with the integer bit as its sign bit. Exponents are biased by 16383 as in a
 * register; a denormal's is made as if the exponent had no lower bound, so it may be 0 or less.
 */

export const ZERO = 0;
export const NORMAL = 1;
/** Denormals and pseudo-denormals, and what a denormal of a shorter format became. */
export const DENORMAL = 2;
export const INFINITY = 3;
export const QNAN = 4;
export const SNAN = 5;
/** Unnormals, pseudo-infinities, pseudo-NaNs: invalid operands since the 387. */
export const UNSUPPORTED = 6;

export const BIAS = 16383;
export const EXP_MAX = 0x7fff;
export const INTEGER_BIT = 0x8000_0000 | 0;
export const QUIET_BIT = 0x4000_0000;

const BIAS32 = 127;
const BIAS64 = 1023;

export class Operand {
  kind = ZERO;
  sign = 0;
  exp = 0;
  hi = 0;
  lo = 0;

  /** An 80-bit register image: sign and exponent, significand. */
  set80(se: number, hi: number, lo: number): void {
    const e = se & EXP_MAX;
    this.sign = (se >>> 15) & 1;
    this.exp = e;
    this.hi = hi | 0;
    this.lo = lo | 0;
    if (e === EXP_MAX) {
      if (hi >= 0) this.kind = UNSUPPORTED;
      else if ((hi & 0x7fff_ffff) === 0 && lo === 0) this.kind = INFINITY;
      else this.kind = hi & QUIET_BIT ? QNAN : SNAN;
    } else if (e !== 0) this.kind = hi < 0 ? NORMAL : UNSUPPORTED;
    else if ((hi | lo) === 0) this.kind = ZERO;
    else {
      this.kind = DENORMAL;
      this.exp = 1;
      this.normalise();
    }
  }

  set32(bits: number): void {
    const e = (bits >>> 23) & 0xff;
    const fraction = bits & 0x7f_ffff;
    this.sign = bits >>> 31;
    this.setFraction(e, 0xff, e - BIAS32, fraction << 8, 0);
  }

  set64(lo: number, hi: number): void {
    const e = (hi >>> 20) & 0x7ff;
    this.sign = hi >>> 31;
    this.setFraction(e, 0x7ff, e - BIAS64, ((hi & 0xf_ffff) << 11) | (lo >>> 21), lo << 11);
  }

  setInt32(v: number): void {
    this.setInt64(v, v >> 31);
  }

  setInt64(lo: number, hi: number): void {
    this.sign = hi >>> 31;
    if (hi < 0) {
      lo = -lo | 0;
      hi = (~hi + (lo === 0 ? 1 : 0)) | 0;
    }
    this.setMagnitude(lo, hi);
  }

  /** A whole number of 64 bits without a sign; `sign` stays. */
  setMagnitude(lo: number, hi: number): void {
    this.hi = hi | 0;
    this.lo = lo | 0;
    this.exp = BIAS + 63;
    this.kind = (hi | lo) === 0 ? ZERO : NORMAL;
    if (this.kind === NORMAL) this.normalise();
    else this.exp = 0;
  }

  copy(from: Operand): void {
    this.kind = from.kind;
    this.sign = from.sign;
    this.exp = from.exp;
    this.hi = from.hi;
    this.lo = from.lo;
  }

  get isNan(): boolean {
    return this.kind === QNAN || this.kind === SNAN;
  }

  /** Is it a number but not zero? */
  get isFinite(): boolean {
    return this.kind === NORMAL || this.kind === DENORMAL;
  }

  /** Shifts the significand up until its integer bit is set. It must not be 0. */
  normalise(): void {
    if (this.hi === 0) {
      this.hi = this.lo;
      this.lo = 0;
      this.exp -= 32;
    }
    const n = Math.clz32(this.hi);
    if (n === 0) return;
    this.hi = (this.hi << n) | (this.lo >>> (32 - n));
    this.lo <<= n;
    this.exp -= n;
  }

  private setFraction(e: number, top: number, unbiased: number, hi: number, lo: number): void {
    this.hi = INTEGER_BIT | hi;
    this.lo = lo;
    if (e === top) {
      this.exp = EXP_MAX;
      this.kind = (hi | lo) === 0 ? INFINITY : hi & QUIET_BIT ? QNAN : SNAN;
    } else if (e !== 0) {
      this.exp = unbiased + BIAS;
      this.kind = NORMAL;
    } else if ((hi | lo) === 0) {
      this.hi = 0;
      this.exp = 0;
      this.kind = ZERO;
    } else {
      this.hi = hi;
      this.exp = unbiased + 1 + BIAS;
      this.kind = DENORMAL;
      this.normalise();
    }
  }
}
