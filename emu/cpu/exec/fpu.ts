/**
 * What x87 instructions have in common. SDM vol. 1, 8.3 and 8.5.
 *
 * Each goes the same way: #NM and #MF, the memory operand (whose faults leave everything as it was), stack faults,
 * the operation, then the result and the status word. An exception that is not masked and comes before the result
 * (invalid, denormal, zero divide) stores and pops nothing; it is reported at the next waiting instruction.
 */
import { FROZEN, MF, NM } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import { fromDecimal } from '../fpu/convert.ts';
import type { Fpu } from '../fpu/fpu.ts';
import { Operand } from '../fpu/number.ts';
import { IE, Rounder, SF } from '../fpu/rounder.ts';
import type { Insn } from '../insn.ts';
import { CR0_EM, CR0_NE, CR0_TS } from '../registers.ts';
import { CS_ } from '../segments.ts';

/** Scratch of the running instruction. */
export const u = new Rounder();
export const a = new Operand();
export const b = new Operand();

/** The real indefinite: sign and exponent, high dword; the low one is 0. */
export const INDEFINITE_SE = 0xffff;
export const INDEFINITE_HI = 0xc000_0000 | 0;

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
export function underflow(f: Fpu, destination: number, pops: number): void {
  if (stackFault(false)) {
    f.set(destination, INDEFINITE_SE, INDEFINITE_HI, 0);
    for (; pops > 0; pops--) f.pop();
  }
  settle(f);
}

/** Stores the result into ST(i) unless the operation was stopped. */
export function deliver(f: Fpu, destination: number, pops: number): void {
  if (!u.stopped) {
    f.set(destination, u.se, u.hi, u.lo);
    for (; pops > 0; pops--) f.pop();
  }
  settle(f);
}

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

/** The stack register that the second byte names. */
export function index(i: Insn): number {
  return i.imm & 7;
}

// ---- memory operands -------------------------------------------------------------------------------------------

export type Loader = (c: Cpu, i: Insn, to: Operand) => void;

export const load32fp: Loader = (c, i, to) => to.set32(c.load32(i.seg, c.ea(i)));
export const load16int: Loader = (c, i, to) => to.setInt32((c.load16(i.seg, c.ea(i)) << 16) >> 16);
export const load32int: Loader = (c, i, to) => to.setInt32(c.load32(i.seg, c.ea(i)));

/** The image of 64 bits into the rounder's `hi` and `lo`; its whole extent is checked against the segment first. */
function load64(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  c.checkLoad(i.seg, at, 8, 8);
  u.lo = c.load32(i.seg, at);
  u.hi = c.load32(i.seg, (at + 4) | 0);
}

/** The image of 80 bits as the rounder's result. */
export function load80(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  c.checkLoad(i.seg, at, 10, 8);
  const lo = c.load32(i.seg, at);
  const hi = c.load32(i.seg, (at + 4) | 0);
  u.setResult(c.load16(i.seg, (at + 8) | 0), hi, lo);
}

export const load64fp: Loader = (c, i, to) => {
  load64(c, i);
  to.set64(u.lo, u.hi);
};
export const load64int: Loader = (c, i, to) => {
  load64(c, i);
  to.setInt64(u.lo, u.hi);
};
export const loadDecimal: Loader = (c, i, to) => {
  load80(c, i);
  fromDecimal(to, u.lo, u.hi, u.se);
};
