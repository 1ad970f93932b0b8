/**
 * Rounding, and the exceptions that it raises: SDM vol. 1, 4.8.4 (rounding), 4.9.1 and 8.5 (exceptions and their
 * masked and unmasked responses).
 *
 * An operation leaves its exact result in the working number: sign, exponent without bounds, significand of 64 bits
 * and `ext`, 32 bits below it, of which the lowest stands for all that is further down. `deliver` rounds it to a
 * format. `flags` collects the exceptions in the order in which the manual has them: what is found earlier and is
 * not masked (invalid, zero divide, denormal) ends the operation with `stopped`, and there is no result.
 */
import {
  DENORMAL,
  EXP_MAX,
  INTEGER_BIT,
  type Operand,
  QNAN,
  QUIET_BIT,
  SNAN,
  UNSUPPORTED,
} from './number.ts';

/** Exceptions as bits of status and control word. */
export const IE = 0x01;
export const DE = 0x02;
export const ZE = 0x04;
export const OE = 0x08;
export const UE = 0x10;
export const PE = 0x20;
export const SF = 0x40;
const EXCEPTIONS = 0x3f;

/** Rounding control. */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const CHOP = 3;

/** What an unmasked overflow or underflow adds to or takes from the exponent (8.5.4). */
const SCALE = 24576;

export class Rounder {
  /** The control word in force: masks, precision, rounding. */
  control = 0x37f;
  /** Exceptions of the running operation. */
  flags = 0;
  /** The last rounding went up in magnitude (C1). */
  up = 0;
  /** An unmasked exception found before there was a result: nothing may be stored or popped. */
  stopped = false;

  /** The working number. */
  sign = 0;
  exp = 0;
  hi = 0;
  lo = 0;
  ext = 0;

  /** The result as a register image: sign and exponent; the significand is `hi` and `lo`. */
  se = 0;

  begin(control: number): void {
    this.control = control;
    this.flags = 0;
    this.up = 0;
    this.stopped = false;
  }

  get rounding(): number {
    return (this.control >> 10) & 3;
  }

  /** Bits of precision by the control word: 24, 53 or 64. */
  get precision(): number {
    const pc = (this.control >> 8) & 3;
    return pc === 0 ? 24 : pc === 2 ? 53 : 64;
  }

  /** Raises an exception that comes before the result; false: it is not masked, so the operation ends. */
  raise(flag: number): boolean {
    this.flags |= flag;
    if (flag & EXCEPTIONS & ~this.control) this.stopped = true;
    return !this.stopped;
  }

  // ---- results that need no rounding -------------------------------------------------------------------------

  setResult(se: number, hi: number, lo: number): void {
    this.se = se;
    this.hi = hi;
    this.lo = lo;
  }

  setZero(sign: number): void {
    this.setResult(sign << 15, 0, 0);
  }

  setInfinity(sign: number): void {
    this.setResult((sign << 15) | EXP_MAX, INTEGER_BIT, 0);
  }

  /** The real indefinite. */
  setIndefinite(): void {
    this.setResult(0xffff, INTEGER_BIT | QUIET_BIT, 0);
  }

  invalid(): void {
    if (this.raise(IE)) this.setIndefinite();
  }

  /** An operand as it is, NaNs made quiet. */
  setOperand(a: Operand): void {
    this.setResult((a.sign << 15) | (a.exp & EXP_MAX), a.hi | (a.kind === SNAN ? QUIET_BIT : 0), a.lo);
  }

  /** Unsupported and NaN operands: true when one decided the result. */
  unary(a: Operand): boolean {
    if (a.kind < QNAN) return false;
    if (a.kind === UNSUPPORTED) this.invalid();
    else if (a.kind === QNAN || this.raise(IE)) this.setOperand(a);
    return true;
  }

  /** The same for two operands: table 4-7's x87 column. */
  binary(a: Operand, b: Operand): boolean {
    if (a.kind < QNAN && b.kind < QNAN) return false;
    if (a.kind === UNSUPPORTED || b.kind === UNSUPPORTED) {
      this.invalid();
      return true;
    }
    if (a.kind === SNAN || b.kind === SNAN) if (!this.raise(IE)) return true;
    this.setOperand(chooseNan(a, b));
    return true;
  }

  /** Raises the denormal-operand exception if it applies; true: it is not masked, so there is no result. */
  denormal(a: Operand, b: Operand = a): boolean {
    return (a.kind === DENORMAL || b.kind === DENORMAL) && !this.raise(DE);
  }

  // ---- the working number ------------------------------------------------------------------------------------

  load(a: Operand): void {
    this.sign = a.sign;
    this.exp = a.exp;
    this.hi = a.hi;
    this.lo = a.lo;
    this.ext = 0;
  }

  /** Shifts down by `n`, what falls out leaving its trace in the lowest bit of `ext`. */
  shiftRight(n: number): void {
    if (n >= 96) {
      this.ext = (this.hi | this.lo | this.ext) !== 0 ? 1 : 0;
      this.hi = this.lo = 0;
      return;
    }
    for (; n >= 32; n -= 32) {
      this.ext = this.lo | (this.ext !== 0 ? 1 : 0);
      this.lo = this.hi;
      this.hi = 0;
    }
    if (n === 0) return;
    const lost = this.ext << (32 - n);
    this.ext = (this.ext >>> n) | (this.lo << (32 - n)) | (lost !== 0 ? 1 : 0);
    this.lo = (this.lo >>> n) | (this.hi << (32 - n));
    this.hi >>>= n;
  }

  /** Shifts up until the integer bit is set. The number must not be 0. */
  normalise(): void {
    while (this.hi === 0) {
      this.hi = this.lo;
      this.lo = this.ext;
      this.ext = 0;
      this.exp -= 32;
    }
    const n = Math.clz32(this.hi);
    if (n === 0) return;
    this.hi = (this.hi << n) | (this.lo >>> (32 - n));
    this.lo = (this.lo << n) | (this.ext >>> (32 - n));
    this.ext <<= n;
    this.exp -= n;
  }

  /** Moves the number by less than any bit of it, up or down: the exact result lies beside it. */
  nudge(up: boolean): void {
    if (up) {
      this.ext |= 1;
      return;
    }
    this.ext = (this.ext - 1) | 0;
    if (this.ext !== -1) return;
    this.lo = (this.lo - 1) | 0;
    if (this.lo === -1) this.hi = (this.hi - 1) | 0;
    if (this.hi >= 0) this.normalise();
  }

  // ---- rounding ----------------------------------------------------------------------------------------------

  /** What lies below the last of `bits` bits: 0 nothing, 1 less than half, 2 half, 3 more. */
  private rest(bits: number): number {
    let below: number;
    let sticky = this.ext !== 0;
    let half: number;
    if (bits === 64) {
      below = this.ext >>> 0;
      sticky = false;
      half = 0x8000_0000;
    } else if (bits === 53) {
      below = this.lo & 0x7ff;
      half = 0x400;
    } else {
      below = this.hi & 0xff;
      sticky ||= this.lo !== 0;
      half = 0x80;
    }
    if (below < half) return below === 0 && !sticky ? 0 : 1;
    return below === half && !sticky ? 2 : 3;
  }

  /** Does rounding `rest` go up in magnitude? */
  private goesUp(rest: number, odd: boolean): boolean {
    switch (this.rounding) {
      case NEAREST:
        return rest === 3 || (rest === 2 && odd);
      case DOWN:
        return rest !== 0 && this.sign === 1;
      case UP:
        return rest !== 0 && this.sign === 0;
      default:
        return false;
    }
  }

  private isOdd(bits: number): boolean {
    return ((bits === 64 ? this.lo : bits === 53 ? this.lo >>> 11 : this.hi >>> 8) & 1) !== 0;
  }

  /** Rounds the significand to `bits` bits at their fixed place; true if that was inexact. Sets `up`. */
  roundTo(bits: number): boolean {
    const rest = this.rest(bits);
    const increments = this.goesUp(rest, this.isOdd(bits));
    this.ext = 0;
    if (bits === 53) this.lo &= ~0x7ff;
    else if (bits === 24) {
      this.hi &= ~0xff;
      this.lo = 0;
    }
    this.up = increments ? 1 : 0;
    if (increments) this.increment(bits);
    return rest !== 0;
  }

  private increment(bits: number): void {
    const negative = this.hi < 0;
    if (bits === 24) this.hi = (this.hi + 0x100) | 0;
    else {
      const step = bits === 64 ? 1 : 0x800;
      this.lo = (this.lo + step) | 0;
      if (this.lo >>> 0 < step) this.hi = (this.hi + 1) | 0;
    }
    if (negative && this.hi >= 0) {
      this.hi = INTEGER_BIT;
      this.exp++;
    }
  }

  /** Would rounding to `bits` bits, without a bound of the exponent, carry into the next power of two? */
  private carries(bits: number): boolean {
    const full =
      bits === 64
        ? (this.hi & this.lo) === -1
        : bits === 53
          ? this.hi === -1 && this.lo >>> 11 === 0x1f_ffff
          : this.hi >>> 8 === 0xff_ffff;
    return full && this.goesUp(this.rest(bits), true);
  }

  /**
   * Rounds the working number (normalised, not 0) to `bits` bits and biased exponents 1 to `top`, denormals below.
   * The result is in sign, exp (0 for a denormal), hi and lo. `scales`: an unmasked overflow or underflow still
   * delivers, with its exponent wrapped; else it sets `stopped`.
   */
  deliver(bits: number, top: number, scales: boolean): void {
    if (this.exp <= 0) {
      const tiny = this.exp < 0 || !this.carries(bits);
      if (tiny && !(this.control & UE)) {
        this.flags |= UE;
        if (!scales) {
          this.stopped = true;
          return;
        }
        this.exp += SCALE;
        if (this.exp <= 0) return this.underflowAgain();
      } else {
        this.shiftRight(1 - this.exp);
        this.exp = 0;
        const inexact = this.roundTo(bits);
        if (inexact) this.flags |= tiny ? PE | UE : PE;
        if (this.hi < 0) this.exp = 1;
        return;
      }
    }
    const inexact = this.roundTo(bits);
    if (this.exp > top && this.overflow(bits, top, scales)) return;
    if (inexact) this.flags |= PE;
  }

  /** So small that wrapping the exponent does not help. */
  private underflowAgain(): void {
    this.exp = this.hi = this.lo = 0;
    this.flags |= PE;
    this.up = 0;
  }

  /** False when the exponent was wrapped, and the result stands. */
  private overflow(bits: number, top: number, scales: boolean): boolean {
    this.flags |= OE;
    const masked = (this.control & OE) !== 0;
    if (!masked && !scales) {
      this.stopped = true;
      this.up = 0;
      return true;
    }
    if (!masked) {
      this.exp -= SCALE;
      if (this.exp <= top) return false;
    }
    this.flags |= PE;
    const rc = this.rounding;
    const directed = rc === UP ? this.sign === 0 : rc === DOWN && this.sign === 1;
    const away = !masked || rc === NEAREST || directed;
    this.up = away ? 1 : 0;
    this.exp = away ? top + 1 : top;
    this.hi = away ? INTEGER_BIT : bits === 24 ? ~0xff : -1;
    this.lo = away || bits === 24 ? 0 : bits === 53 ? ~0x7ff : -1;
    return true;
  }

  /** Rounds to a register with `bits` bits. */
  pack(bits: number): void {
    this.deliver(bits, EXP_MAX - 1, true);
    this.se = (this.sign << 15) | this.exp;
  }
}

/** Of two operands, at least one a NaN and none unsupported, the one that is the result once it is quiet. */
function chooseNan(a: Operand, b: Operand): Operand {
  if (!a.isNan) return b;
  if (!b.isNan) return a;
  if (a.kind !== b.kind) return a.kind === QNAN ? a : b;
  if (a.hi !== b.hi) return a.hi >>> 0 > b.hi >>> 0 ? a : b;
  if (a.lo !== b.lo) return a.lo >>> 0 > b.lo >>> 0 ? a : b;
  return a.sign === 0 ? a : b;
}
