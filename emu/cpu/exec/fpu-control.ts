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

/** FENI, FDISI (8087) and FSETPM (287): nothing is left for them to do. */
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
  if (i.op) f.pop();
}

// ---- the environment -------------------------------------------------------------------------------------------

/** Real-address and virtual-8086 mode keep linear addresses of 32 bits in place of selectors and offsets. */
function linearLayout(c: Cpu): boolean {
  return !c.protectedMode || c.virtual8086;
}

export function environmentSize(i: Insn): number {
  return i.o32 ? 28 : 14;
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

/** Reads the environment at `at`, whose extent was checked; the first fault of its loads finds nothing changed. */
function loadEnvironment(c: Cpu, i: Insn, f: Fpu, at: number): void {
  const field = (n: number) =>
    i.o32 ? c.load32(i.seg, (at + 4 * n) | 0) : c.load16(i.seg, (at + 2 * n) | 0);
  const control = field(0);
  const status = field(1);
  const tags = field(2);
  const w3 = field(3);
  const w4 = field(4);
  const w5 = field(5);
  const w6 = field(6);
  f.control = control;
  f.status = status;
  f.tags = tags;
  if (linearLayout(c)) {
    const shift = i.o32 ? 4 : 4;
    const mask = i.o32 ? 0xffff_0000 | 0 : 0xf_0000;
    f.setInstruction(0, (w3 & 0xffff) | ((w4 << shift) & mask), w4 & 0x7ff);
    f.setData(0, (w5 & 0xffff) | ((w6 << shift) & mask));
  } else {
    f.setInstruction(w4 & 0xffff, w3, i.o32 ? (w4 >>> 16) & 0x7ff : 0);
    f.setData(w6 & 0xffff, w5);
  }
}

/** FNSTENV masks all exceptions behind it. */
export function fnstenv(c: Cpu, i: Insn): void {
  const f = available(c);
  const at = c.ea(i);
  c.probeStore(i.seg, at, environmentSize(i));
  storeEnvironment(c, i, f, at);
  f.control |= ALL_MASKED;
  f.settleFerr();
}

export function fldenv(c: Cpu, i: Insn): void {
  const f = begin(c);
  const at = c.ea(i);
  c.checkLoad(i.seg, at, environmentSize(i));
  loadEnvironment(c, i, f, at);
  f.settleFerr();
}

/** FNSAVE initialises the FPU behind it. */
export function fnsave(c: Cpu, i: Insn): void {
  const f = available(c);
  const at = c.ea(i);
  const size = environmentSize(i);
  c.probeStore(i.seg, at, size + REGISTERS);
  storeEnvironment(c, i, f, at);
  for (let n = 0; n < 8; n++) {
    const to = (at + size + n * 10) | 0;
    c.store32(i.seg, to, f.lo(n));
    c.store32(i.seg, (to + 4) | 0, f.hi(n));
    c.store16(i.seg, (to + 8) | 0, f.se(n));
  }
  f.init();
}

const image = new Int32Array(24);

export function frstor(c: Cpu, i: Insn): void {
  const f = begin(c);
  const at = c.ea(i);
  const size = environmentSize(i);
  c.checkLoad(i.seg, at, size + REGISTERS);
  // The registers first: a page fault among them must find the environment unchanged.
  for (let n = 0; n < 8; n++) {
    const from = (at + size + n * 10) | 0;
    image[n * 3] = c.load32(i.seg, from);
    image[n * 3 + 1] = c.load32(i.seg, (from + 4) | 0);
    image[n * 3 + 2] = c.load16(i.seg, (from + 8) | 0);
  }
  loadEnvironment(c, i, f, at);
  for (let n = 0; n < 8; n++) f.setImage(n, image[n * 3 + 2], image[n * 3 + 1], image[n * 3]);
  f.settleFerr();
}
