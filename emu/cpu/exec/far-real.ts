/**
 * Far transfers without descriptors: JMP, CALL, RETF and IRET in real-address and virtual-8086 mode, and IRET from
 * ring 0 to virtual-8086 mode. SDM vol. 2, the instructions' operation sections; vol. 3, 20.2.5 (entering V86).
 */
import { CAUSE } from '../../accounting.ts';
import { GP } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import { Frame } from '../frame.ts';
import type { Insn } from '../insn.ts';
import { checkParagraphOffset, enterParagraph, loadParagraph } from '../realmode.ts';
import { AC_FLAG, ALL_FLAGS, ID, IOPL, RF, VM } from '../registers.ts';
import { CS_, DS_, ES_, FS_, GS_, SS_ } from '../segments.ts';
import { peekStack } from './stack.ts';

const RETURN = CAUSE.exceptionReturn;
const V86_LIMIT = 0xffff;
const WORD_FLAGS = 0xffff;

const frame = new Frame();

export function transferReal(c: Cpu, i: Insn, selector: number, offset: number, call: boolean): void {
  if (call) {
    frame.onCurrentStack(c, i.o32 ? 4 : 2);
    frame.add(c.selector(CS_));
    frame.add(i.next);
    frame.check(c);
  }
  checkParagraphOffset(c, offset);
  if (call) {
    frame.write(c);
    frame.commit(c);
  }
  enterParagraph(c, selector, offset);
}

export function retFarReal(c: Cpu, i: Insn): void {
  const size = i.o32 ? 4 : 2;
  const selector = peekStack(c, size, size) & 0xffff;
  const eip = peekStack(c, 0, size);
  checkParagraphOffset(c, eip);
  c.setStackTop((c.stackTop + 2 * size + (i.imm & 0xffff)) | 0);
  enterParagraph(c, selector, eip);
}

/** IRET in real mode, and in virtual-8086 mode with IOPL 3 (#GP(0) below). VM stays; IOPL stays in the latter. */
export function iretReal(c: Cpu, i: Insn): void {
  const v86 = c.virtual8086;
  if (v86 && c.iopl < 3) c.raise(GP, 0);
  const size = i.o32 ? 4 : 2;
  const flags = peekStack(c, 2 * size, size);
  const selector = peekStack(c, size, size) & 0xffff;
  const eip = peekStack(c, 0, size);
  checkParagraphOffset(c, eip);
  const frameAt = (c.segmentBase(SS_) + c.stackTop) | 0;
  c.charge(RETURN, c.costs.iretSameRing);
  c.accounting.restoreRegion(frameAt);
  c.setStackTop((c.stackTop + 3 * size) | 0);
  const mask = (size === 4 ? ALL_FLAGS & ~VM : WORD_FLAGS) & (v86 ? ~IOPL : -1);
  enterParagraph(c, selector, eip);
  c.eflags = (c.eflags & ~mask) | (flags & mask);
}

/** From ring 0 with VM in the popped EFLAGS: EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS. */
export function iretToV86(c: Cpu, flags: number): void {
  const word = (k: number) => peekStack(c, 4 * k, 4);
  const eip = word(0);
  const esp = word(3);
  // All of the frame is read before anything changes.
  const selectors = [word(5), word(1), word(4), word(6), word(7), word(8)];
  if (eip >>> 0 > V86_LIMIT) c.raise(GP, 0);
  const frameAt = (c.segmentBase(SS_) + c.stackTop) | 0;
  c.charge(RETURN, c.costs.iretOuterRing);
  c.accounting.restoreRegion(frameAt);
  c.eflags = flags & (ALL_FLAGS | RF | AC_FLAG | ID);
  for (const s of [ES_, CS_, SS_, DS_, FS_, GS_]) loadParagraph(c, s, selectors[s] & 0xffff);
  c.setPrivilege(3);
  c.esp = esp;
  c.eip = eip;
  c.leave = true;
}
