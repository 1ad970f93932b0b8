/**
 * The interrupt vector table of real-address mode: four bytes a vector, offset and segment (SDM vol. 3, 20.1.4).
 */
import { CAUSE } from '../accounting.ts';
import { GP } from '../mmu/fault.ts';
import type { Cpu } from './cpu.ts';
import { Frame } from './frame.ts';
import { checkParagraphOffset, enterParagraph } from './realmode.ts';
import { AC_FLAG, IF, RF, TF } from './registers.ts';
import { CS_ } from './segments.ts';

const ENTRY = CAUSE.exceptionEntry;

const frame = new Frame();

/**
 * Delivers `vector`: FLAGS, CS and IP are pushed as words, and no error code is. Throws #GP for a vector outside the
 * table and #SS for a stack that wraps, with nothing changed.
 */
export function enterRealHandler(c: Cpu, vector: number, eflags: number, returnEip: number): void {
  const at = vector * 4;
  if (at + 3 > c.idtLimit) c.raise(GP, at | 2);
  const handler = c.systemRead32(c.idtBase + at);
  frame.onCurrentStack(c, 2);
  frame.add(eflags);
  frame.add(c.selector(CS_));
  frame.add(returnEip);
  frame.check(c);
  checkParagraphOffset(c, handler & 0xffff);
  frame.write(c);
  c.accounting.saveRegion(frame.linear(0));
  frame.commit(c);
  enterParagraph(c, handler >>> 16, handler & 0xffff);
  c.setSystemFlag(IF | TF | RF | AC_FLAG, false);
  c.charge(ENTRY, c.costs.exceptionEntry);
}
