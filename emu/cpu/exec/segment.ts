/**
 * Loads and stores of segment registers: MOV, PUSH, POP, LDS and its kin. SDM vol. 2. `i.op` is the register.
 * MOV SS and POP SS hold interrupts and debug traps off for one instruction (SDM vol. 3, 6.8.3); LSS does not.
 */
import type { Cpu } from '../cpu.ts';
import { loadSegment } from '../descriptors.ts';
import type { Insn } from '../insn.ts';
import { SS_ } from '../segments.ts';

/** The number of the register operand, whichever view the decoder indexed. */
export function registerNumber(i: Insn): number {
  return i.size === 4 ? i.rm : i.rm >> 1;
}

/** Stores a 16-bit system value: memory gets 16 bits; a 32-bit register is zero-extended. */
export function storeSelector(c: Cpu, i: Insn, v: number): void {
  if (!i.isReg) c.store16(i.seg, c.ea(i), v);
  else if (i.o32) c.r32[registerNumber(i)] = v & 0xffff;
  else c.r16[registerNumber(i) * 2] = v;
}

/** Loads the 16-bit operand of MOV Sreg, LLDT, LTR and LMSW. */
export function loadSelector(c: Cpu, i: Insn): number {
  return i.isReg ? c.r16[registerNumber(i) * 2] : c.load16(i.seg, c.ea(i));
}

export const movFromSegment = (c: Cpu, i: Insn) => storeSelector(c, i, c.selector(i.op));

export const movToSegment = (c: Cpu, i: Insn) => loadSegment(c, i.op, loadSelector(c, i));

export function movToStackSegment(c: Cpu, i: Insn): void {
  loadSegment(c, SS_, loadSelector(c, i));
  shadow(c, i);
}

export const pushSegment = (c: Cpu, i: Insn) => c.push(c.selector(i.op), i.o32);

/** The stack pointer moves by the size that the old SS has. */
export function popSegment(c: Cpu, i: Insn): void {
  const big = c.bigStack;
  const top = c.stackTop;
  const v = i.o32 ? c.load32(SS_, top) : c.load16(SS_, top);
  loadSegment(c, i.op, v & 0xffff);
  const next = top + (i.o32 ? 4 : 2);
  if (big) c.esp = next;
  else c.esp = (c.esp & ~0xffff) | (next & 0xffff);
}

export function popStackSegment(c: Cpu, i: Insn): void {
  popSegment(c, i);
  shadow(c, i);
}

function shadow(c: Cpu, i: Insn): void {
  c.shadow = true;
  c.debugShadow = true;
  c.eip = i.next;
}

/**
 * LDS, LES, LFS, LGS and LSS: offset and selector from memory, then the segment, then the register. With 16-bit
 * addresses the selector's goes round at 64 KiB, as on silicon.
 */
export function loadFarPointer(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  const offset = i.o32 ? c.load32(i.seg, at) : c.load16(i.seg, at);
  const behind = (at + (i.o32 ? 4 : 2)) | 0;
  loadSegment(c, i.op, c.load16(i.seg, i.a32 ? behind : behind & 0xffff));
  if (i.o32) c.r32[i.digit] = offset;
  else c.r16[i.digit * 2] = offset;
}
