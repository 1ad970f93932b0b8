/**
 * x87 arithmetic on two operands, and comparison: FADD, FSUB, FMUL, FDIV and their reversed, popping and integer
 * forms, FCOM, FUCOM, FICOM, FCOMI. SDM vol. 2, the instructions' pages.
 */
import { add, compare, divide, EQUAL, LESS, multiply, UNORDERED } from '../fpu/arithmetic.ts';
import { C0, C2, C3, type Fpu } from '../fpu/fpu.ts';
import { IE } from '../fpu/rounder.ts';
import { CF, PF, ZF } from '../registers.ts';
import type { Exec } from '../row.ts';
import {
  a,
  b,
  begin,
  deliver,
  index,
  type Loader,
  load16int,
  load32fp,
  load32int,
  load64fp,
  note,
  settle,
  stackFault,
  u,
  underflow,
} from './fpu.ts';

const [FADD, FMUL, FCOM, FCOMP, FSUB, FSUBR, FDIV] = [0, 1, 2, 3, 4, 5, 6];

/** The operations of ModRM's reg field on ST(0), in a, and the other operand, in b. */
function operate(op: number): void {
  if (op === FADD) add(u, a, b, false);
  else if (op === FMUL) multiply(u, a, b);
  else if (op === FSUB) add(u, a, b, true);
  else if (op === FSUBR) add(u, b, a, true);
  else if (op === FDIV) divide(u, a, b);
  else divide(u, b, a);
}

/** Condition codes that say how ST(0) compares. */
export function codesOf(order: number): number {
  return order === UNORDERED ? C0 | C2 | C3 : order === EQUAL ? C3 : order === LESS ? C0 : 0;
}

/** Compares a with b into the condition codes. */
function compareTo(f: Fpu, quiet: boolean, pops: number): void {
  const codes = codesOf(compare(u, a, b, quiet));
  if (hasOrder()) f.setCodes(C0 | C2 | C3, codes);
  if (!u.stopped) for (; pops > 0; pops--) f.pop();
  settle(f);
}

/** An unmasked invalid operand leaves the codes alone; an unmasked denormal only keeps the operands. */
export function hasOrder(): boolean {
  return !u.stopped || (u.flags & IE) === 0;
}

function compareEmpty(f: Fpu, pops: number): void {
  if (stackFault(false)) {
    f.setCodes(C0 | C2 | C3, C0 | C2 | C3);
    for (; pops > 0; pops--) f.pop();
  }
  settle(f);
}

/** ST(0) with a memory operand; `i.op` is the operation. */
function withMemory(load: Loader): Exec {
  return (c, i) => {
    const f = begin(c);
    load(c, i, b);
    note(c, i, f);
    const compares = i.op === FCOM || i.op === FCOMP;
    if (f.isEmpty(0)) return compares ? compareEmpty(f, i.op - FCOM) : underflow(f, 0, 0);
    f.get(0, a);
    if (compares) return compareTo(f, false, i.op - FCOM);
    operate(i.op);
    deliver(f, 0, 0);
  };
}

export const arith32fp = withMemory(load32fp);
export const arith64fp = withMemory(load64fp);
export const arith16int = withMemory(load16int);
export const arith32int = withMemory(load32int);

/** ST(0) with ST(i), into ST(0) or ST(i). */
function withRegister(intoOther: boolean, pops: number): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    const n = index(i);
    const destination = intoOther ? n : 0;
    if (f.isEmpty(0) || f.isEmpty(n)) return underflow(f, destination, pops);
    f.get(0, a);
    f.get(n, b);
    operate(i.op);
    deliver(f, destination, pops);
  };
}

export const arithST = withRegister(false, 0);
export const arithSTi = withRegister(true, 0);
export const arithSTiPop = withRegister(true, 1);

function comparison(quiet: boolean, pops: number): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    const n = index(i);
    if (f.isEmpty(0) || f.isEmpty(n)) return compareEmpty(f, pops);
    f.get(0, a);
    f.get(n, b);
    compareTo(f, quiet, pops);
  };
}

export const fcom = comparison(false, 0);
export const fcomp = comparison(false, 1);
export const fcompp = comparison(false, 2);
export const fucom = comparison(true, 0);
export const fucomp = comparison(true, 1);
export const fucompp = comparison(true, 2);

/** FCOMI and FUCOMI: the result goes to EFLAGS, OF SF AF cleared. */
function comparisonToFlags(quiet: boolean, pops: number): Exec {
  return (c, i) => {
    const f = begin(c);
    note(c, i, f);
    const n = index(i);
    let order = UNORDERED;
    if (f.isEmpty(0) || f.isEmpty(n)) stackFault(false);
    else {
      f.get(0, a);
      f.get(n, b);
      order = compare(u, a, b, quiet);
    }
    if (hasOrder())
      c.setArithmetic(order === UNORDERED ? ZF | PF | CF : order === EQUAL ? ZF : order === LESS ? CF : 0);
    if (!u.stopped && pops) f.pop();
    settle(f);
  };
}

export const fcomi = comparisonToFlags(false, 0);
export const fcomip = comparisonToFlags(false, 1);
export const fucomi = comparisonToFlags(true, 0);
export const fucomip = comparisonToFlags(true, 1);
