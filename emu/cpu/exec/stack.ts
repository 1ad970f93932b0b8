/** Looking at the stack without moving its pointer: returns check a whole frame before they take it. */
import type { Cpu } from '../cpu.ts';
import { SS_ } from '../segments.ts';

/** The word or dword at `above` bytes over the stack's top. */
export function peekStack(c: Cpu, above: number, size: number): number {
  const at = (c.stackTop + above) | 0;
  const offset = c.bigStack ? at : at & 0xffff;
  return size === 4 ? c.load32(SS_, offset) : c.load16(SS_, offset);
}
