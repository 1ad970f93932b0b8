/**
 * Looking at descriptors without loading them: LAR, LSL, VERR, VERW, ARPL. SDM vol. 2, the instructions' pages;
 * vol. 3, 5.10 (pointer validation). A selector that fails clears ZF and raises nothing; only reading the operand or
 * the descriptor table may fault. Open to every privilege; protected mode only (rows: `protectedOnly`).
 */
import type { Cpu } from '../cpu.ts';
import {
  BUSY,
  CALL_GATE16,
  CALL_GATE32,
  Descriptor,
  isNull,
  LDT,
  lookUpDescriptor,
  TASK_GATE,
  TSS16,
  TSS32,
} from '../descriptors.ts';
import type { Insn } from '../insn.ts';
import { getE, getG, setE, setG } from './operand.ts';

/** What LAR gives of a descriptor's second dword: type, S, DPL, P, AVL, D/B, G, and limit bits 16–19 as AMD does. */
const ACCESS_RIGHTS = 0x00ff_ff00;

const d = new Descriptor();

const types = (...list: number[]) => list.reduce((bits, type) => bits | (1 << type), 0);
/** System types with a limit, and those that LAR knows beside them, as bits by type. */
const WITH_LIMIT = types(TSS16, TSS16 | BUSY, LDT, TSS32, TSS32 | BUSY);
const WITH_RIGHTS = WITH_LIMIT | types(CALL_GATE16, TASK_GATE, CALL_GATE32);

/** The selector operand: 16 bits, whatever the operand size. */
function selectorOf(c: Cpu, i: Insn): number {
  return i.isReg ? c.r16[i.rm] : c.load16(i.seg, c.ea(i));
}

/** Reads the descriptor into `d`; false if there is none or `selector` may not see it at this privilege. */
function visible(c: Cpu, selector: number): boolean {
  if (isNull(selector) || !lookUpDescriptor(c, selector, d)) return false;
  return (d.isCode && d.isConforming) || Math.max(c.cpl, selector & 3) <= d.dpl;
}

export function lar(c: Cpu, i: Insn): void {
  const ok = visible(c, selectorOf(c, i)) && (!d.isSystem || (WITH_RIGHTS >> d.type) & 1);
  if (ok) setG(c, i, d.hi & ACCESS_RIGHTS);
  c.setZf(ok ? 1 : 0);
}

export function lsl(c: Cpu, i: Insn): void {
  const ok = visible(c, selectorOf(c, i)) && (!d.isSystem || (WITH_LIMIT >> d.type) & 1);
  if (ok) setG(c, i, d.limit);
  c.setZf(ok ? 1 : 0);
}

export function verr(c: Cpu, i: Insn): void {
  c.setZf(visible(c, selectorOf(c, i)) && d.isReadable ? 1 : 0);
}

export function verw(c: Cpu, i: Insn): void {
  c.setZf(visible(c, selectorOf(c, i)) && d.isWritableData ? 1 : 0);
}

/** ARPL: raises the RPL of the first operand to that of the second. Memory is written only then, as on silicon. */
export function arpl(c: Cpu, i: Insn): void {
  const selector = getE(c, i);
  const rpl = getG(c, i) & 3;
  const raised = (selector & 3) < rpl;
  if (raised) setE(c, i, (selector & ~3) | rpl);
  c.setZf(raised ? 1 : 0);
}
