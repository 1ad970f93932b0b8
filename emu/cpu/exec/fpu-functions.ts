/**
 * x87 instructions on ST(0) and ST(1) alone: sign, examination, constants, square root, remainders, scaling,
 * rounding, and the transcendental functions. SDM vol. 1, 8.3.3 to 8.3.9; vol. 2, the instructions' pages.
 */
import type { Cpu } from '../cpu.ts';
import { compare, squareRoot, UNORDERED } from '../fpu/arithmetic.ts';
import { roundToInteger } from '../fpu/convert.ts';
import { C0, C1, C2, C3, CODES, type Fpu } from '../fpu/fpu.ts';
import { BIAS, DENORMAL, INFINITY, NORMAL, Operand, QNAN, SNAN, ZERO } from '../fpu/number.ts';
import { extract, type RemainderState, remainder, scale } from '../fpu/remainder.ts';
import type { Rounder } from '../fpu/rounder.ts';
import { f2xm1, fcos, fpatan, fsin, ftan, fyl2x, fyl2xp1, inRange } from '../fpu/transcendental.ts';
import type { Insn } from '../insn.ts';
import type { Exec } from '../row.ts';
import {
  a,
  b,
  begin,
  deliver,
  INDEFINITE_HI,
  INDEFINITE_SE,
  note,
  pushResult,
  settle,
  stackFault,
  u,
} from './fpu.ts';
import { codesOf, hasOrder } from './fpu-arithmetic.ts';

const ONE_HI = 0x8000_0000 | 0;

/** Raises the stack underflow of an empty operand; the result is the indefinite. */
function empty(): void {
  if (stackFault(false)) u.setIndefinite();
}

/** ST(0) becomes a function of itself. */
function unary(operation: (u: Rounder, a: Operand) => void): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    if (f.isEmpty(0)) empty();
    else {
      f.get(0, a);
      operation(u, a);
    }
    deliver(f, 0, 0);
  };
}

/** A function of ST(0), in a, and ST(1), in b: into ST(0), or into ST(1) with a pop. */
function binary(operation: (u: Rounder, a: Operand, b: Operand) => void, pops: number): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    if (f.isEmpty(0) || f.isEmpty(1)) empty();
    else {
      f.get(0, a);
      f.get(1, b);
      operation(u, a, b);
    }
    deliver(f, pops, pops);
  };
}

export const fsqrt = unary(squareRoot);
export const frndint = unary(roundToInteger);
export const f2xm1Exec = unary(f2xm1);
export const fscale = binary(scale, 0);
export const fyl2xExec = binary(fyl2x, 1);
export const fyl2xp1Exec = binary(fyl2xp1, 1);
export const fpatanExec = binary(fpatan, 1);

/** FCHS and FABS look at no kind of operand: `change` makes the new sign and exponent. */
function signOf(change: (se: number) => number): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    if (f.isEmpty(0)) empty();
    else u.setResult(change(f.se(0)), f.hi(0), f.lo(0));
    deliver(f, 0, 0);
  };
}

export const fchs = signOf(se => se ^ 0x8000);
export const fabs = signOf(se => se & 0x7fff);

const zero = new Operand();

export function ftst(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  let order = UNORDERED;
  if (f.isEmpty(0)) stackFault(false);
  else {
    f.get(0, a);
    order = compare(u, a, zero, false);
  }
  if (hasOrder()) f.setCodes(C0 | C2 | C3, codesOf(order));
  settle(f);
}

export function fxam(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  f.get(0, a);
  let codes = 0;
  if (f.isEmpty(0)) codes = C3 | C0;
  else if (a.kind === ZERO) codes = C3;
  else if (a.kind === NORMAL) codes = C2;
  else if (a.kind === DENORMAL) codes = C3 | C2;
  else if (a.kind === INFINITY) codes = C2 | C0;
  else if (a.kind === QNAN || a.kind === SNAN) codes = C0;
  f.setCodes(CODES, codes | (a.sign ? C1 : 0));
}

/** Constants as sign-and-exponent, significand, and the 32 bits below it: they are rounded as they are loaded. */
const CONSTANTS: readonly (readonly [number, number, number, number])[] = [
  [BIAS, 0x8000_0000, 0, 0], // 1
  [BIAS + 1, 0xd49a_784b, 0xcd1b_8afe, 0x492b_f6ff], // log2 10
  [BIAS, 0xb8aa_3b29, 0x5c17_f0bb, 0xbe87_fed0], // log2 e
  [BIAS + 1, 0xc90f_daa2, 0x2168_c234, 0xc4c6_628b], // π
  [BIAS - 2, 0x9a20_9a84, 0xfbcf_f798, 0x8f89_59ac], // log10 2
  [BIAS - 1, 0xb172_17f7, 0xd1cf_79ab, 0xc9e3_b398], // ln 2
  [0, 0, 0, 0],
];

/** FLD1 and so on; `i.op` is the constant's number. */
export function fldConstant(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  const [exp, hi, lo, ext] = CONSTANTS[i.op];
  u.sign = 0;
  u.exp = exp;
  u.hi = hi | 0;
  u.lo = lo | 0;
  u.ext = ext | 0;
  u.roundTo(64);
  u.up = 0;
  u.setResult(exp, u.hi, u.lo);
  pushResult(f);
}

// ---- remainders ------------------------------------------------------------------------------------------------

const state: RemainderState = { incomplete: false, quotient: 0, valid: false };

/** FPREM, and FPREM1 with `i.op` 1. Complete ones give the quotient's low bits in C0, C3 and C1; C2 says partial. */
export function fprem(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  state.valid = false;
  f.setCodes(C2, 0);
  if (f.isEmpty(0) || f.isEmpty(1)) empty();
  else {
    f.get(0, a);
    f.get(1, b);
    remainder(u, a, b, i.op === 1, state);
  }
  const q = state.quotient;
  deliver(f, 0, 0);
  if (!state.valid || u.stopped) return;
  f.setCodes(CODES, state.incomplete ? C2 : (q & 4 ? C0 : 0) | (q & 2 ? C3 : 0) | (q & 1 ? C1 : 0));
}

// ---- one operand, two results ----------------------------------------------------------------------------------

const second = new Operand();

/** ST(0) or the register that a push needs is not as it must be: both results are the indefinite. */
function pairFault(f: Fpu): boolean {
  if (!f.isEmpty(0) && f.isEmpty(-1)) return false;
  if (stackFault(!f.isEmpty(0))) {
    f.set(0, INDEFINITE_SE, INDEFINITE_HI, 0);
    f.push(INDEFINITE_SE, INDEFINITE_HI, 0);
  }
  settle(f);
  return true;
}

/** The exponent replaces ST(0), the significand is pushed. */
export function fxtract(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  if (pairFault(f)) return;
  f.get(0, a);
  extract(u, a, second);
  if (!u.stopped) {
    f.set(0, (second.sign << 15) | second.exp, second.hi, second.lo);
    f.push(u.se, u.hi, u.lo);
  }
  settle(f);
}

/** Sets C2 if the operand is beyond ±2^63 and nothing is to be done. True if so. */
function outOfRange(f: Fpu): boolean {
  f.get(0, a);
  const out = !inRange(a);
  if (out) {
    f.setCodes(C2, C2);
    settle(f);
  }
  return out;
}

/** FSIN and FCOS. */
function circular(operation: (u: Rounder, a: Operand) => void): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    f.setCodes(C2, 0);
    if (f.isEmpty(0)) empty();
    else {
      if (outOfRange(f)) return;
      operation(u, a);
    }
    deliver(f, 0, 0);
  };
}

export const fsinExec = circular(fsin);
export const fcosExec = circular(fcos);

/** The result replaces ST(0); 1 is pushed, or a NaN again. */
export function fptan(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  f.setCodes(C2, 0);
  if (pairFault(f) || outOfRange(f)) return;
  ftan(u, a);
  if (!u.stopped) {
    f.set(0, u.se, u.hi, u.lo);
    if (a.kind >= INFINITY) f.push(u.se, u.hi, u.lo);
    else f.push(BIAS, ONE_HI, 0);
  }
  settle(f);
}

/** The sine replaces ST(0), the cosine is pushed. */
export function fsincos(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  f.setCodes(C2, 0);
  if (pairFault(f) || outOfRange(f)) return;
  fsin(u, a);
  const { se, hi, lo } = u;
  if (!u.stopped) {
    fcos(u, a);
    f.set(0, se, hi, lo);
    f.push(u.se, u.hi, u.lo);
  }
  settle(f);
}
