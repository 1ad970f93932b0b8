/**
 * x87 data instructions: arithmetic, comparison, loads and stores, exchange, conditional moves. SDM vol. 1, 8.3 and
 * 8.5; vol. 2, the instructions' pages.
 *
 * Each goes the same way: #NM and #MF, the memory operand (whose faults leave everything as it was), stack faults,
 * the operation, then the result and the status word. An exception that is not masked and comes before the result
 * (invalid, denormal, zero divide) stores and pops nothing; it is reported at the next waiting instruction.
 */
import { FROZEN, MF, NM } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import { add, compare, divide, EQUAL, LESS, multiply, UNORDERED } from '../fpu/arithmetic.ts';
import { fromDecimal, toDecimal, toFloat32, toFloat64, toInteger } from '../fpu/convert.ts';
import { C0, C2, C3, type Fpu } from '../fpu/fpu.ts';
import { Operand } from '../fpu/number.ts';
import { IE, Rounder, SF } from '../fpu/rounder.ts';
import type { Insn } from '../insn.ts';
import { CF, CR0_EM, CR0_NE, CR0_TS, PF, ZF } from '../registers.ts';
import type { Exec } from '../row.ts';
import { CS_ } from '../segments.ts';

/** Scratch of the running instruction. */
export const u = new Rounder();
export const a = new Operand();
export const b = new Operand();

const INDEFINITE_SE = 0xffff;
const INDEFINITE_HI = 0xc000_0000 | 0;

// ---- the common way --------------------------------------------------------------------------------------------

/** #NM while the FPU is emulated or another task's. */
export function available(c: Cpu): Fpu {
  if (c.cr0 & (CR0_EM | CR0_TS)) c.raise(NM);
  return c.fpu;
}

/** Reports an exception that waits: as #MF, or outside the processor, which stands still until it is interrupted. */
export function reportPending(c: Cpu): void {
  if (!c.fpu.pending) return;
  if (c.cr0 & CR0_NE) c.raise(MF);
  if (c.fpu.ignne) return;
  c.fpu.assertFerr();
  throw FROZEN;
}

/** Starts a waiting instruction. */
export function begin(c: Cpu): Fpu {
  const f = available(c);
  reportPending(c);
  u.begin(f.control);
  return f;
}

/** Notes the instruction, once nothing can fault any more. */
export function note(c: Cpu, i: Insn, f: Fpu): void {
  f.setInstruction(c.selector(CS_), i.eip, i.imm & 0x7ff);
  if (!i.isReg) f.setData(c.selector(i.seg), c.ea(i));
}

/** A stack fault. True when it is masked. */
export function stackFault(overflow: boolean): boolean {
  const masked = u.raise(IE);
  u.flags |= SF;
  u.up = overflow ? 1 : 0;
  return masked;
}

/** The status word takes what the operation found. */
export function settle(f: Fpu): void {
  f.signal(u.flags, u.up);
}

/** A read of an empty register: the destination becomes the indefinite. */
function underflow(f: Fpu, destination: number, pops: number): void {
  if (stackFault(false)) {
    f.set(destination, INDEFINITE_SE, INDEFINITE_HI, 0);
    for (; pops > 0; pops--) f.pop();
  }
  settle(f);
}

/** Stores the result into ST(i) unless the operation was stopped. */
function deliver(f: Fpu, destination: number, pops: number): void {
  if (!u.stopped) {
    f.set(destination, u.se, u.hi, u.lo);
    for (; pops > 0; pops--) f.pop();
  }
  settle(f);
}

/** The stack register that the second byte names. */
export function index(i: Insn): number {
  return i.imm & 7;
}

// ---- memory operands -------------------------------------------------------------------------------------------

type Loader = (c: Cpu, i: Insn, to: Operand) => void;

const load32fp: Loader = (c, i, to) => to.set32(c.load32(i.seg, c.ea(i)));
const load16int: Loader = (c, i, to) => to.setInt32((c.load16(i.seg, c.ea(i)) << 16) >> 16);
const load32int: Loader = (c, i, to) => to.setInt32(c.load32(i.seg, c.ea(i)));

/** The dwords of an operand, read after its whole extent was checked against the segment. */
let word0 = 0;
let word1 = 0;
let word2 = 0;

function load64(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  c.checkLoad(i.seg, at, 8);
  word0 = c.load32(i.seg, at);
  word1 = c.load32(i.seg, (at + 4) | 0);
}

function load80(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  c.checkLoad(i.seg, at, 10);
  word0 = c.load32(i.seg, at);
  word1 = c.load32(i.seg, (at + 4) | 0);
  word2 = c.load16(i.seg, (at + 8) | 0);
}

const load64fp: Loader = (c, i, to) => {
  load64(c, i);
  to.set64(word0, word1);
};
const load64int: Loader = (c, i, to) => {
  load64(c, i);
  to.setInt64(word0, word1);
};
const loadDecimal: Loader = (c, i, to) => {
  load80(c, i);
  fromDecimal(to, word0, word1, word2);
};

/** What is stored into memory, and how: from `word0` up. */
function store(c: Cpu, i: Insn, size: number): void {
  const at = c.ea(i);
  c.probeStore(i.seg, at, size);
  if (size === 2) return c.store16(i.seg, at, word0);
  c.store32(i.seg, at, word0);
  if (size > 4) c.store32(i.seg, (at + 4) | 0, word1);
  if (size > 8) c.store16(i.seg, (at + 8) | 0, word2);
}

// ---- arithmetic ------------------------------------------------------------------------------------------------

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

function codesOf(order: number): number {
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

// ---- loads -----------------------------------------------------------------------------------------------------

/** Pushes the result, or the indefinite where a stack overflow is masked. */
export function pushResult(f: Fpu): void {
  if (!f.isEmpty(-1)) {
    u.flags = 0;
    u.stopped = false;
    if (stackFault(true)) u.setIndefinite();
  }
  if (!u.stopped) f.push(u.se, u.hi, u.lo);
  settle(f);
}

/** Loads that convert: a signalling NaN is invalid; a denormal raises its exception, and is loaded even so. */
function converting(load: Loader): Exec {
  return (c, i) => {
    const f = begin(c);
    load(c, i, a);
    note(c, i, f);
    if (!u.unary(a)) {
      u.denormal(a);
      u.stopped = false;
      u.setOperand(a);
    }
    pushResult(f);
  };
}

export const fld32 = converting(load32fp);
export const fld64 = converting(load64fp);
export const fild16 = converting(load16int);
export const fild32 = converting(load32int);
export const fild64 = converting(load64int);
export const fbld = converting(loadDecimal);

export function fld80(c: Cpu, i: Insn): void {
  const f = begin(c);
  load80(c, i);
  note(c, i, f);
  u.setResult(word2, word1, word0);
  pushResult(f);
}

export function fldST(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  const n = index(i);
  // An empty source comes before a full destination.
  if (f.isEmpty(n)) {
    if (stackFault(false)) f.push(INDEFINITE_SE, INDEFINITE_HI, 0);
    return settle(f);
  }
  u.setResult(f.se(n), f.hi(n), f.lo(n));
  pushResult(f);
}

// ---- stores ----------------------------------------------------------------------------------------------------

/** Makes the image of `a` in word0 and up. */
type Converter = () => void;

/** Stores ST(0) of `size` bytes; an empty register stores the indefinite. `i.op` is 1 to pop. */
function storing(size: number, convert: Converter, indefinite: Converter): Exec {
  return (c, i) => {
    const f = begin(c);
    if (f.isEmpty(0)) {
      if (stackFault(false)) indefinite();
    } else {
      f.get(0, a);
      convert();
    }
    if (u.stopped) c.probeStore(i.seg, c.ea(i), size);
    else store(c, i, size);
    note(c, i, f);
    if (!u.stopped && i.op) f.pop();
    settle(f);
  };
}

function setWords(low: number, middle: number, high: number): void {
  word0 = low;
  word1 = middle;
  word2 = high;
}

function resultWords(): void {
  setWords(u.lo, u.hi, u.se);
}

export const fst32 = storing(
  4,
  () => {
    word0 = toFloat32(u, a);
  },
  () => setWords(0xffc0_0000 | 0, 0, 0),
);
export const fst64 = storing(
  8,
  () => {
    toFloat64(u, a);
    resultWords();
  },
  () => setWords(0, 0xfff8_0000 | 0, 0),
);

function integerStore(bits: number, indefinite: Converter): Exec {
  return storing(
    bits / 8,
    () => {
      toInteger(u, a, bits);
      resultWords();
    },
    indefinite,
  );
}

export const fist16 = integerStore(16, () => setWords(0x8000, 0, 0));
export const fist32 = integerStore(32, () => setWords(0x8000_0000 | 0, 0, 0));
export const fist64 = integerStore(64, () => setWords(0, 0x8000_0000 | 0, 0));
export const fbstp = storing(
  10,
  () => {
    toDecimal(u, a);
    resultWords();
  },
  () => setWords(0, INDEFINITE_HI, 0xffff),
);

export function fstp80(c: Cpu, i: Insn): void {
  const f = begin(c);
  if (!f.isEmpty(0)) setWords(f.lo(0), f.hi(0), f.se(0));
  else if (stackFault(false)) setWords(0, INDEFINITE_HI, INDEFINITE_SE);
  if (u.stopped) c.probeStore(i.seg, c.ea(i), 10);
  else store(c, i, 10);
  note(c, i, f);
  if (!u.stopped) f.pop();
  settle(f);
}

/** FST ST(i) and FSTP ST(i): a copy of bits. `i.op` is 1 to pop. */
export function fstST(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  if (f.isEmpty(0)) return underflow(f, index(i), i.op);
  u.setResult(f.se(0), f.hi(0), f.lo(0));
  deliver(f, index(i), i.op);
}

/** FSTP1 (D9 D8+i): of an empty ST(0) it copies nothing and raises nothing, and pops. */
export function fstp1(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  if (!f.isEmpty(0)) f.set(index(i), f.se(0), f.hi(0), f.lo(0));
  f.pop();
  settle(f);
}

// ---- exchange and conditional moves ----------------------------------------------------------------------------

export function fxch(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  const n = index(i);
  if (f.isEmpty(0) || f.isEmpty(n)) {
    if (!stackFault(false)) return settle(f);
    if (f.isEmpty(0)) f.set(0, INDEFINITE_SE, INDEFINITE_HI, 0);
    if (f.isEmpty(n)) f.set(n, INDEFINITE_SE, INDEFINITE_HI, 0);
  }
  u.setResult(f.se(0), f.hi(0), f.lo(0));
  f.set(0, f.se(n), f.hi(n), f.lo(n));
  f.set(n, u.se, u.hi, u.lo);
  settle(f);
}

/** FCMOVcc; `i.op` is the condition. */
export function fcmov(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  const n = index(i);
  if (f.isEmpty(0) || f.isEmpty(n)) return underflow(f, 0, 0);
  if (c.condition(i.op)) f.set(0, f.se(n), f.hi(n), f.lo(n));
}
