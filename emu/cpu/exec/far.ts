/**
 * Transfers that change CS: far JMP, CALL and RET, IRET, software interrupts, SYSENTER and SYSEXIT.
 * SDM vol. 2, the instructions' operation sections; vol. 3, 5.8 (control transfers) and 7.3 (tasks).
 *
 * Every executor here ends its block and sets EIP. Faults are thrown before any effect; only a task switch past
 * its commit point delivers its fault itself, because that belongs to the new task.
 * Without descriptors (real-address and virtual-8086 mode): far-real.ts.
 */
import { CAUSE } from '../../accounting.ts';
import { GP, NP, TS } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import {
  BUSY,
  CALL_GATE16,
  CALL_GATE32,
  checkReturnCode,
  checkStackSegment,
  Descriptor,
  dropInnerSegments,
  enterCode,
  install,
  isNull,
  markAccessed,
  readDescriptor,
  readTss,
  selectorError,
  TASK_GATE,
  TSS16,
  TSS32,
} from '../descriptors.ts';
import { deliver, deliverIcebp } from '../exceptions.ts';
import { Frame } from '../frame.ts';
import type { Insn } from '../insn.ts';
import { IF, IOPL, NT, RF, VM } from '../registers.ts';
import { CS_, SS_, TR_ } from '../segments.ts';
import { requireAvailable, type SwitchKind, switchTask, TASK_TRAP } from '../tasks.ts';
import { iretReal, iretToV86, retFarReal, transferReal } from './far-real.ts';
import { peekStack } from './stack.ts';

const RETURN = CAUSE.exceptionReturn;
const SYSTEM = CAUSE.system;
const BP = 3;
const OVERFLOW = 4;
const MSR_CS = 0x174;
const MSR_ESP = 0x175;
const MSR_EIP = 0x176;
/** Flags that IRET loads at any privilege: CF PF AF ZF SF TF DF OF NT, and with 32 bits RF AC ID. */
const IRET16 = 0x4dd5;
const IRET32 = 0x25_4dd5;
const CODE_FLAT = 0xcf9b00;
const DATA_FLAT = 0xcf9300;
const RING3 = 0x6000;

const target = new Descriptor();
const gate = new Descriptor();
const stack = new Descriptor();
const frame = new Frame();

// ---- far jumps and calls -------------------------------------------------------------------------------------

export const jmpFar = (c: Cpu, i: Insn) => transfer(c, i, i.imm2, i.imm, false);
export const callFar = (c: Cpu, i: Insn) => transfer(c, i, i.imm2, i.imm, true);
export const jmpFarM = (c: Cpu, i: Insn) => transferM(c, i, false);
export const callFarM = (c: Cpu, i: Insn) => transferM(c, i, true);

/** m16:16 and m16:32: offset first, selector behind it. */
function transferM(c: Cpu, i: Insn, call: boolean): void {
  const at = c.ea(i);
  const offset = i.o32 ? c.load32(i.seg, at) : c.load16(i.seg, at);
  const behind = (at + (i.o32 ? 4 : 2)) | 0;
  const selector = c.load16(i.seg, i.a32 ? behind : behind & 0xffff);
  transfer(c, i, selector, offset, call);
}

function transfer(c: Cpu, i: Insn, selector: number, offset: number, call: boolean): void {
  if (c.paragraphs) return transferReal(c, i, selector, offset, call);
  if (isNull(selector)) c.raise(GP, 0);
  const d = target;
  readDescriptor(c, selector, GP, d);
  if (d.isSystem) return transferBySystem(c, i, call);
  checkDirect(c, d, selector);
  if (call) pushReturn(c, i, i.o32 ? 4 : 2, offset, d);
  else checkOffset(c, offset, d);
  markAccessed(c, d);
  if (call) commitReturn(c);
  enterCode(c, d, c.cpl);
  c.eip = offset;
}

/** Privilege of a direct far transfer to code (SDM vol. 3, 5.8.1). */
function checkDirect(c: Cpu, d: Descriptor, selector: number): void {
  const error = selectorError(selector);
  if (!d.isCode) c.raise(GP, error);
  if (d.isConforming ? d.dpl > c.cpl : (selector & 3) > c.cpl || d.dpl !== c.cpl) c.raise(GP, error);
  if (!d.present) c.raise(NP, error);
}

function checkOffset(c: Cpu, offset: number, d: Descriptor): void {
  if (offset >>> 0 > d.limit) c.raise(GP, 0);
}

/** Checks the pushes of CS and EIP on the current stack; `commitReturn` does them. */
function pushReturn(c: Cpu, i: Insn, size: number, offset: number, d: Descriptor): void {
  frame.onCurrentStack(c, size);
  frame.add(c.selector(CS_));
  frame.add(i.next);
  frame.check(c);
  checkOffset(c, offset, d);
}

function commitReturn(c: Cpu): void {
  frame.write(c);
  frame.commit(c);
}

/** A call gate, task gate or TSS; `target` holds its descriptor. */
function transferBySystem(c: Cpu, i: Insn, call: boolean): void {
  const d = target;
  const error = selectorError(d.selector);
  const type = d.type;
  const isTss = (type & ~BUSY) === TSS16 || (type & ~BUSY) === TSS32;
  if (!isTss && type !== TASK_GATE && type !== CALL_GATE16 && type !== CALL_GATE32) c.raise(GP, error);
  if (d.dpl < Math.max(c.cpl, d.selector & 3)) c.raise(GP, error);
  if (isTss) {
    readTss(c, d.selector, GP, d);
    requireAvailable(c, d, GP);
    return toTask(c, d, call ? 'call' : 'jump', i.next, SYSTEM);
  }
  if (!d.present) c.raise(NP, error);
  if (type === TASK_GATE) {
    readTss(c, d.gateSelector, GP, d);
    requireAvailable(c, d, GP);
    return toTask(c, d, call ? 'call' : 'jump', i.next, SYSTEM);
  }
  throughCallGate(c, i, call);
}

/** SDM vol. 3, 5.8.3–5.8.5. The offset of the instruction is ignored; a call may change to an inner ring. */
function throughCallGate(c: Cpu, i: Insn, call: boolean): void {
  gate.hi = target.hi;
  gate.lo = target.lo;
  const size = gate.type === CALL_GATE32 ? 4 : 2;
  const selector = gate.gateSelector;
  const offset = gate.gateOffset;
  const error = selectorError(selector);
  if (isNull(selector)) c.raise(GP, 0);
  const d = target;
  readDescriptor(c, selector, GP, d);
  if (!d.isCode || d.dpl > c.cpl) c.raise(GP, error);
  if (!call && !d.isConforming && d.dpl !== c.cpl) c.raise(GP, error);
  if (!d.present) c.raise(NP, error);
  const inner = call && !d.isConforming && d.dpl < c.cpl;
  if (inner) innerCall(c, i, size, gate.hi & 31, offset, d);
  else if (call) pushReturn(c, i, size, offset, d);
  else checkOffset(c, offset, d);
  markAccessed(c, d);
  if (call) commitReturn(c);
  enterCode(c, d, inner ? d.dpl : c.cpl);
  c.eip = offset;
}

/** The frame of a call to an inner ring: SS, ESP, the parameters copied in their order, CS, EIP. */
function innerCall(c: Cpu, i: Insn, size: number, parameters: number, offset: number, d: Descriptor): void {
  frame.onInnerStack(c, d.dpl, size);
  frame.add(c.selector(SS_));
  frame.add(c.esp);
  for (let k = parameters - 1; k >= 0; k--) frame.add(peekStack(c, k * size, size));
  frame.add(c.selector(CS_));
  frame.add(i.next);
  frame.check(c);
  checkOffset(c, offset, d);
}

/** Far transfers and IRET to another task. A fault past the commit point is delivered there. */
function toTask(c: Cpu, tss: Descriptor, kind: SwitchKind, returnEip: number, cause: number): void {
  c.taskSwitched = false;
  let trap = false;
  try {
    trap = switchTask(c, tss, kind, returnEip, cause);
  } catch (e) {
    if (e !== c.fault || !c.taskSwitched) throw e;
    deliver(c, c.fault.vector, c.fault.error, 'fault', c.eip);
    return;
  }
  if (trap) deliver(c, TASK_TRAP, -1, 'trap', c.eip);
}

// ---- far returns ---------------------------------------------------------------------------------------------

/** RETF and RETF imm16, to the same or an outer ring. */
export function retFar(c: Cpu, i: Insn): void {
  if (c.paragraphs) return retFarReal(c, i);
  const size = i.o32 ? 4 : 2;
  const release = i.imm & 0xffff;
  // Where both would fault, the selector's fault is the one that silicon reports.
  const selector = peekStack(c, size, size) & 0xffff;
  const eip = peekStack(c, 0, size);
  const d = target;
  checkReturnCode(c, selector, d);
  const rpl = selector & 3;
  if (rpl === c.cpl) {
    checkOffset(c, eip, d);
    markAccessed(c, d);
    c.setStackTop((c.stackTop + 2 * size + release) | 0);
    enterCode(c, d, rpl);
  } else {
    const esp = peekStack(c, 2 * size + release, size);
    const ss = peekStack(c, 3 * size + release, size) & 0xffff;
    checkStackSegment(c, ss, rpl, GP, stack);
    checkOffset(c, eip, d);
    markAccessed(c, d);
    enterOuter(c, d, rpl, (esp + release) | 0);
  }
  c.eip = eip;
}

/** CS and SS of an outer ring (`stack` holds SS, checked), its stack pointer, and the data segments it may keep. */
function enterOuter(c: Cpu, d: Descriptor, rpl: number, esp: number): void {
  enterCode(c, d, rpl);
  install(c, SS_, stack);
  c.setStackTop(esp);
  dropInnerSegments(c);
}

/** IRET: from a nested task, or from an interrupt to the same or an outer ring or V86 mode (SDM vol. 2, IRET). */
export function iret(c: Cpu, i: Insn): void {
  if (c.paragraphs) iretReal(c, i);
  else if (c.systemFlags & NT) iretTask(c, i);
  else iretFrame(c, i);
  c.nmiBlocked = false;
  for (const tell of c.probes.returned) tell();
}

function iretFrame(c: Cpu, i: Insn): void {
  const size = i.o32 ? 4 : 2;
  // From the top down, as silicon does: it decides which of several faults is reported.
  const flags = peekStack(c, 2 * size, size);
  const selector = peekStack(c, size, size) & 0xffff;
  const eip = peekStack(c, 0, size);
  const frameAt = (c.segmentBase(SS_) + c.stackTop) | 0;
  if (size === 4 && flags & VM && c.cpl === 0) return iretToV86(c, flags);
  const d = target;
  checkReturnCode(c, selector, d);
  const rpl = selector & 3;
  const outer = rpl > c.cpl;
  let esp = 0;
  if (outer) {
    esp = peekStack(c, 3 * size, size);
    checkStackSegment(c, peekStack(c, 4 * size, size) & 0xffff, rpl, GP, stack);
  }
  checkOffset(c, eip, d);
  markAccessed(c, d);

  c.charge(RETURN, outer ? c.costs.iretOuterRing : c.costs.iretSameRing);
  c.accounting.restoreRegion(frameAt);
  const eflags = returnedFlags(c, flags, size);
  if (outer) enterOuter(c, d, rpl, esp);
  else {
    c.setStackTop((c.stackTop + 3 * size) | 0);
    enterCode(c, d, rpl);
  }
  c.eflags = eflags;
  c.eip = eip;
}

/** EFLAGS after IRET: IF needs CPL ≤ IOPL and IOPL needs CPL 0, by the privilege before the return. */
function returnedFlags(c: Cpu, flags: number, size: number): number {
  let mask = size === 4 ? IRET32 : IRET16;
  if (c.cpl <= c.iopl) mask |= IF;
  if (c.cpl === 0) mask |= IOPL;
  return (c.eflags & ~mask) | (flags & mask);
}

/** IRET with NT set: back to the task that the TSS's link names, which must be busy. */
function iretTask(c: Cpu, i: Insn): void {
  const link = c.systemRead16(c.segmentBase(TR_));
  if (isNull(link)) c.raise(TS, 0);
  readTss(c, link, TS, target);
  if (!(target.type & BUSY)) c.raise(TS, selectorError(link));
  if (!target.present) c.raise(NP, selectorError(link));
  toTask(c, target, 'iret', i.next, RETURN);
}

// ---- software interrupts -------------------------------------------------------------------------------------

/** In virtual-8086 mode INT n, but not INT3 and INTO, needs IOPL 3 (SDM vol. 3, 20.2.7). */
export function intN(c: Cpu, i: Insn): void {
  if (c.virtual8086 && c.iopl < 3) c.raise(GP, 0);
  deliver(c, i.imm & 0xff, -1, 'software', i.next);
}
export const int3 = (c: Cpu, i: Insn) => deliver(c, BP, -1, 'software', i.next);
export const int1 = (c: Cpu, i: Insn) => deliverIcebp(c, i.next);

export function into(c: Cpu, i: Insn): void {
  if (c.of) deliver(c, OVERFLOW, -1, 'software', i.next);
  else c.eip = i.next;
}

// ---- fast system calls ---------------------------------------------------------------------------------------

function msr(c: Cpu, n: number): number {
  return c.msrs.get(n)?.lo ?? 0;
}

/** SYSENTER: to ring 0, flat segments that are not read from the GDT (SDM vol. 3, 5.8.7). */
export function sysenter(c: Cpu): void {
  const cs = msr(c, MSR_CS) & 0xfffc;
  if (!c.protectedMode || cs === 0) c.raise(GP, 0);
  c.setSystemFlag(VM | IF | RF, false);
  c.setSegment(CS_, cs, 0, 0xffff_ffff, CODE_FLAT);
  c.setSegment(SS_, (cs + 8) & 0xfffc, 0, 0xffff_ffff, DATA_FLAT);
  c.setPrivilege(0);
  c.esp = msr(c, MSR_ESP);
  c.eip = msr(c, MSR_EIP);
  c.leave = true;
}

/** SYSEXIT: to ring 3 at EDX with the stack pointer in ECX. */
export function sysexit(c: Cpu): void {
  c.requireRing0();
  const cs = msr(c, MSR_CS) & 0xfffc;
  if (!c.protectedMode || cs === 0) c.raise(GP, 0);
  c.setSegment(CS_, ((cs + 16) & 0xfffc) | 3, 0, 0xffff_ffff, CODE_FLAT | RING3);
  c.setSegment(SS_, ((cs + 24) & 0xfffc) | 3, 0, 0xffff_ffff, DATA_FLAT | RING3);
  c.setPrivilege(3);
  c.eip = c.r32[2];
  c.esp = c.r32[1];
  c.leave = true;
}
