/** The two operands of a ModRM instruction, whichever of register and memory they are. */
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';

/** r/m as a source. */
export function getE(c: Cpu, i: Insn): number {
  return i.isReg ? c.getReg(i.rm, i.size) : c.load(i.seg, c.ea(i), i.size);
}

/** r/m as a destination. */
export function setE(c: Cpu, i: Insn, v: number): void {
  if (i.isReg) c.setReg(i.rm, i.size, v);
  else c.store(i.seg, c.ea(i), i.size, v);
}

/** r/m as a destination that is read first; follow with setE, which cannot fault then. */
export function getForUpdate(c: Cpu, i: Insn): number {
  return i.isReg ? c.getReg(i.rm, i.size) : c.loadForWrite(i.seg, c.ea(i), i.size);
}

/** The register that ModRM.reg (or the opcode) names. */
export function getG(c: Cpu, i: Insn): number {
  return c.getReg(i.reg, i.size);
}

export function setG(c: Cpu, i: Insn, v: number): void {
  c.setReg(i.reg, i.size, v);
}

/** Sign-extends a value of the operand size. */
export function signed(v: number, i: Insn): number {
  return (v << i.shift) >> i.shift;
}

/** Zero-extends a value of the operand size to an unsigned number (for 4 bytes it stays int32). */
export function truncated(v: number, size: number): number {
  return size === 4 ? v : size === 1 ? v & 0xff : v & 0xffff;
}
