/**
 * Lazy flags in compiled code. Four locals hold the last result and its carry vector unfolded (registers.ts): AUX = ((x & y)
 * | ((x | y) & ~(result ^ n))) & m. K says which: an addition (0) leaves its operands in x and y, n = 0; a subtraction
 * (-1) ~a and b, n = -1; a vector that is known (1) is in both, n = 0 and m = -1. Nothing is folded unless it is read or
 * an exit needs it.
 */
import { Base } from './base.ts';
import { A, B, K, RESULT, T, X, Y } from './locals.ts';
import type { Code } from './wasm.ts';

/** Values of K. */
const ADDED = 0;
const SUBTRACTED = -1;
export const KNOWN = 1;

const CARRIES = 0xc000_0008 | 0;
const HIGH_CARRIES = 0xc000_0000 | 0;

export class Flags extends Base {
  /** Flags of A + B = RESULT, all three in their locals. */
  flagsOfAdd(): void {
    this.c.get(A).set(X).get(B).set(Y).i32(ADDED).set(K);
    this.flags = 'any';
  }

  /** Flags of A - B = RESULT. */
  flagsOfSub(): void {
    this.c.get(A).i32(-1).op('i32xor').set(X).get(B).set(Y).i32(SUBTRACTED).set(K);
    this.flags = 'sub';
  }

  /** Flags of a byte's or word's subtraction, `shift` bits up in A and B; RESULT is set here. */
  flagsOfSub8(shift = 24): void {
    const { c } = this;
    c.get(A).get(B).op('i32sub').tee(T).i32(shift).op('i32shr_s').set(RESULT);
    this.flagsOfVector(() => {
      c.get(A).i32(-1).op('i32xor').get(B).op('i32and');
      c.get(A).i32(-1).op('i32xor').get(B).op('i32or').get(T).op('i32and', 'i32or').tee(X);
      c.i32(HIGH_CARRIES).op('i32and').get(X).i32(shift).op('i32shr_u').i32(8).op('i32and', 'i32or');
    });
    this.flags = 'sub';
  }

  /** RESULT is set; no carries. */
  flagsOfLogic(): void {
    this.c.i32(0).set(X).i32(0).set(Y).i32(KNOWN).set(K);
    this.flags = 'logic';
  }

  /** RESULT is set; `push` pushes the carry vector. */
  flagsOfVector(push: () => void): void {
    push();
    this.c.tee(X).set(Y).i32(KNOWN).set(K);
    this.flags = 'any';
  }

  result(): Code {
    return this.c.get(RESULT);
  }

  setResult(): Code {
    return this.c.set(RESULT);
  }

  teeResult(): Code {
    return this.c.tee(RESULT);
  }

  /** Pushes the carry vector. */
  aux(): Code {
    const { c } = this;
    c.get(X).get(Y).op('i32and');
    c.get(X).get(Y).op('i32or').get(RESULT).get(K).i32(1).op('i32shr_s', 'i32xor');
    c.i32(-1).op('i32xor', 'i32and', 'i32or');
    return c.i32(-1).i32(CARRIES).get(K).i32(0).op('i32gt_s', 'select', 'i32and');
  }

  /** Pushes CF as 0 or 1. */
  carry(): Code {
    if (this.flags === 'sub') return this.c.get(A).get(B).op('i32lt_u');
    if (this.flags === 'logic') return this.c.i32(0);
    return this.aux().i32(31).op('i32shr_u');
  }

  /** Pushes a condition (its number as in SDM vol. 2, B.1.4.7) as 0 or 1. */
  condition(cc: number): void {
    const { c } = this;
    const not = cc & 1;
    const pair = cc >> 1;
    if (this.flags === 'sub' && pair !== 5 && pair !== 0) {
      if (pair === 2)
        c.get(A)
          .get(B)
          .op(not ? 'i32ne' : 'i32eq');
      else if (pair === 4)
        c.get(RESULT)
          .i32(0)
          .op(not ? 'i32ge_s' : 'i32lt_s');
      else
        c.get(A)
          .get(B)
          .op(SUB_CONDITIONS[cc] ?? 'unreachable');
      return;
    }
    if (pair === 2) {
      c.get(RESULT);
      if (not) c.i32(0).op('i32ne');
      else c.op('i32eqz');
      return;
    }
    if (this.flags === 'logic' && pair !== 5) {
      // CF = OF = 0.
      if (pair === 0 || pair === 1) c.i32(not);
      else if (pair === 3) {
        c.get(RESULT).op('i32eqz');
        if (not) c.op('i32eqz');
      } else if (pair === 7)
        c.get(RESULT)
          .i32(0)
          .op(not ? 'i32gt_s' : 'i32le_s');
      else
        c.get(RESULT)
          .i32(0)
          .op(not ? 'i32ge_s' : 'i32lt_s');
      return;
    }
    this.aux().set(T);
    switch (pair) {
      case 0: // OF
        c.get(T).get(T).i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u');
        break;
      case 1:
        c.get(T).i32(31).op('i32shr_u');
        break;
      case 3:
        c.get(T).i32(31).op('i32shr_u').get(RESULT).op('i32eqz', 'i32or');
        break;
      case 4:
        c.get(RESULT).i32(31).op('i32shr_u').get(T).i32(1).op('i32and', 'i32xor');
        break;
      case 5:
        c.get(RESULT).get(T).i32(8).op('i32shr_u', 'i32xor').i32(0xff).op('i32and', 'i32popcnt');
        c.i32(1).op('i32and', 'i32eqz');
        break;
      default: // SF ≠ OF
        c.get(RESULT).get(T).i32(31).op('i32shl', 'i32xor').get(T).op('i32xor');
        c.get(T).i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u');
        if (pair === 7) c.get(RESULT).op('i32eqz', 'i32or');
    }
    if (not) c.op('i32eqz');
  }
}

/** Conditions of A compared with B, by number. */
const SUB_CONDITIONS: Readonly<
  Record<
    number,
    'i32lt_u' | 'i32ge_u' | 'i32le_u' | 'i32gt_u' | 'i32lt_s' | 'i32ge_s' | 'i32le_s' | 'i32gt_s'
  >
> = {
  2: 'i32lt_u',
  3: 'i32ge_u',
  6: 'i32le_u',
  7: 'i32gt_u',
  12: 'i32lt_s',
  13: 'i32ge_s',
  14: 'i32le_s',
  15: 'i32gt_s',
};
