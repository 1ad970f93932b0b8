/**
 * x87 loads and stores, exchange and conditional moves. SDM vol. 2, the instructions' pages; vol. 1, 8.5 for what a
 * store to memory does with exceptions that are not masked: nothing is stored, nothing popped.
 */
import type { Cpu } from '../cpu.ts';
import { toDecimal, toFloat32, toFloat64, toInteger } from '../fpu/convert.ts';
import type { Insn } from '../insn.ts';
import type { Exec } from '../row.ts';
import {
  a,
  begin,
  deliver,
  INDEFINITE_HI,
  INDEFINITE_SE,
  index,
  type Loader,
  load16int,
  load32fp,
  load32int,
  load64fp,
  load64int,
  load80,
  loadDecimal,
  note,
  pushResult,
  settle,
  stackFault,
  u,
  underflow,
} from './fpu.ts';

// ---- loads -----------------------------------------------------------------------------------------------------

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

/** What is about to be stored. */
let word0 = 0;
let word1 = 0;
let word2 = 0;

/** Raises the faults of a store; operands of 10 bytes are aligned as those of 8 are (SDM vol. 3, table 6-7). */
function probe(c: Cpu, i: Insn, size: number): void {
  c.probeStore(i.seg, c.ea(i), size, size > 8 ? 8 : size);
}

/** Stores `size` bytes from `word0` up; every fault comes before the first of them. */
function store(c: Cpu, i: Insn, size: number): void {
  const at = c.ea(i);
  probe(c, i, size);
  if (size === 2) return c.store16(i.seg, at, word0);
  c.store32(i.seg, at, word0);
  if (size > 4) c.store32(i.seg, (at + 4) | 0, word1);
  if (size > 8) c.store16(i.seg, (at + 8) | 0, word2);
}

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
    if (u.stopped) probe(c, i, size);
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
  if (u.stopped) probe(c, i, 10);
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
