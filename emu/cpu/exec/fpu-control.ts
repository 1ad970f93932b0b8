/**
 * x87 control instructions: words, environment and whole state to and from memory, initialisation, WAIT, the stack
 * pointer. SDM vol. 1, 8.1.10 (layouts) and 8.3.11; vol. 2, the instructions' pages.
 *
 * Those whose name begins with FN do not look at exceptions that wait. Faults of a large operand come before any
 * effect: its whole extent is checked first.
 */

import { NM } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import type { Fpu } from '../fpu/fpu.ts';
import type { Insn } from '../insn.ts';
import { CR0_MP, CR0_TS } from '../registers.ts';
import { available, begin, index, note, reportPending } from './fpu.ts';

const EAX = 0;
const ALL_MASKED = 0x3f;
const REGISTERS = 80; // bytes
const HIGH = 0xffff_0000 | 0;

/** WAIT: #NM if a task switch left the FPU to another task, then what waits is reported. */
export function wait(c: Cpu): void {
  if ((c.cr0 & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS)) c.raise(NM);
  reportPending(c);
}

// ---- words -----------------------------------------------------------------------------------------------------

export function fldcw(c: Cpu, i: Insn): void {
  const f = begin(c);
  f.control = c.load16(i.seg, c.ea(i));
  f.settleFerr();
}

export function fnstcw(c: Cpu, i: Insn): void {
  const f = available(c);
  c.store16(i.seg, c.ea(i), f.control);
}

export function fnstsw(c: Cpu, i: Insn): void {
  const f = available(c);
  c.store16(i.seg, c.ea(i), f.status);
}

export function fnstswAx(c: Cpu): void {
  c.setReg(EAX, 2, available(c).status);
}

export function fninit(c: Cpu): void {
  available(c).init();
}

export function fnclex(c: Cpu): void {
  available(c).clearExceptions();
}

/** FNENI, FNDISI (8087) and FNSETPM (287): nothing is left for them to do. */
export function fnone(c: Cpu): void {
  available(c);
}

// ---- the stack -------------------------------------------------------------------------------------------------

export function fnop(c: Cpu, i: Insn): void {
  note(c, i, begin(c));
}

/** FINCSTP and FDECSTP: `i.op` is what is added to TOP. */
export function rotate(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  f.rotate(i.op);
  f.signal(0, 0);
}

/** FFREE, and FFREEP with `i.op` 1, which pops too. */
export function ffree(c: Cpu, i: Insn): void {
  const f = begin(c);
  note(c, i, f);
  f.free(index(i));
  f.signal(0, 0);
  if (i.op) f.pop();
}

// ---- the environment -------------------------------------------------------------------------------------------

/** Real-address and virtual-8086 mode keep linear addresses of 32 bits in place of selectors and offsets. */
function linearLayout(c: Cpu): boolean {
  return !c.protectedMode || c.virtual8086;
}

function environmentSize(i: Insn): number {
  return i.o32 ? 28 : 14;
}

/** What environment and state must be aligned to where alignment is checked; the registers in them need not be. */
function alignment(i: Insn): number {
  return i.o32 ? 4 : 2;
}

function storeDword(c: Cpu, s: number, at: number, v: number): void {
  if (!c.mmu.checksAlignment) return c.store32(s, at, v);
  c.store16(s, at, v & 0xffff);
  c.store16(s, (at + 2) | 0, v >>> 16);
}

function loadDword(c: Cpu, s: number, at: number): number {
  return c.mmu.checksAlignment ? c.load16(s, at) | (c.load16(s, (at + 2) | 0) << 16) : c.load32(s, at);
}

/** Writes the environment at `at`, which was probed. */
function storeEnvironment(c: Cpu, i: Insn, f: Fpu, at: number): void {
  const linear = linearLayout(c);
  const ip = linear ? (f.fip + (f.fcs << 4)) | 0 : f.fip;
  const dp = linear ? (f.fdp + (f.fds << 4)) | 0 : f.fdp;
  const field = (n: number, v: number) => {
    if (i.o32) c.store32(i.seg, (at + 4 * n) | 0, v);
    else c.store16(i.seg, (at + 2 * n) | 0, v);
  };
  field(0, f.control | HIGH);
  field(1, f.status | HIGH);
  field(2, f.tags | HIGH);
  if (!linear) {
    field(3, ip);
    field(4, f.fcs | (i.o32 ? f.fop << 16 : 0));
    field(5, dp);
    field(6, f.fds | HIGH);
  } else if (i.o32) {
    field(3, (ip & 0xffff) | HIGH);
    field(4, ((ip >>> 16) << 12) | f.fop);
    field(5, (dp & 0xffff) | HIGH);
    field(6, (dp >>> 16) << 12);
  } else {
    field(3, ip);
    field(4, ((ip >>> 4) & 0xf000) | f.fop);
    field(5, dp);
    field(6, (dp >>> 4) & 0xf000);
  }
}

/** The seven fields of an environment that was read. */
const fields = new Int32Array(7);

/** Reads the environment at `at`, whose extent was checked; nothing is changed yet. */
function readEnvironment(c: Cpu, i: Insn, at: number): void {
  for (let n = 0; n < 7; n++)
    fields[n] = i.o32 ? c.load32(i.seg, (at + 4 * n) | 0) : c.load16(i.seg, (at + 2 * n) | 0);
}

function setEnvironment(c: Cpu, i: Insn, f: Fpu): void {
  const [control, status, tags, ip, selector, dp, data] = fields;
  f.control = control;
  f.status = status;
  f.tags = tags;
  if (linearLayout(c)) {
    const mask = i.o32 ? HIGH : 0xf_0000;
    f.setInstruction(0, (ip & 0xffff) | ((selector << 4) & mask), selector & 0x7ff);
    f.setData(0, (dp & 0xffff) | ((data << 4) & mask));
  } else {
    f.setInstruction(selector & 0xffff, ip, i.o32 ? (selector >>> 16) & 0x7ff : 0);
    f.setData(data & 0xffff, dp);
  }
  f.settleFerr();
}

/** FNSTENV masks all exceptions behind it. */
export function fnstenv(c: Cpu, i: Insn): void {
  const f = available(c);
  const at = c.ea(i);
  c.probeStore(i.seg, at, environmentSize(i), alignment(i));
  storeEnvironment(c, i, f, at);
  f.control |= ALL_MASKED;
  f.settleFerr();
}

export function fldenv(c: Cpu, i: Insn): void {
  const f = begin(c);
  const at = c.ea(i);
  c.checkLoad(i.seg, at, environmentSize(i), alignment(i));
  readEnvironment(c, i, at);
  setEnvironment(c, i, f);
}

/** FNSAVE initialises the FPU behind it. */
export function fnsave(c: Cpu, i: Insn): void {
  const f = available(c);
  const at = c.ea(i);
  const size = environmentSize(i);
  c.probeStore(i.seg, at, size + REGISTERS, alignment(i));
  storeEnvironment(c, i, f, at);
  for (let n = 0; n < 8; n++) {
    const to = (at + size + n * 10) | 0;
    storeDword(c, i.seg, to, f.lo(n));
    storeDword(c, i.seg, (to + 4) | 0, f.hi(n));
    c.store16(i.seg, (to + 8) | 0, f.se(n));
  }
  f.init();
}

const image = new Int32Array(24);

export function frstor(c: Cpu, i: Insn): void {
  const f = begin(c);
  const at = c.ea(i);
  const size = environmentSize(i);
  c.checkLoad(i.seg, at, size + REGISTERS, alignment(i));
  readEnvironment(c, i, at);
  for (let n = 0; n < 8; n++) {
    const from = (at + size + n * 10) | 0;
    image[n * 3] = loadDword(c, i.seg, from);
    image[n * 3 + 1] = loadDword(c, i.seg, (from + 4) | 0);
    image[n * 3 + 2] = c.load16(i.seg, (from + 8) | 0);
  }
  setEnvironment(c, i, f);
  for (let n = 0; n < 8; n++) f.setImage(n, image[n * 3 + 2], image[n * 3 + 1], image[n * 3]);
}
