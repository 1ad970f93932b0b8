/**
 * Delivery of interrupts and exceptions: IDT, gates, ring changes, task gates, double and triple faults.
 * SDM vol. 3, chapter 6 (6.11 gates, 6.12 procedures, 6.13 error codes, table 6-5 double faults) and vol. 2, the
 * operation of INT n.
 *
 * Everything is checked before anything is changed: a delivery that fails leaves registers and memory as they were
 * (but for accessed bits), and the failure is delivered instead. Real mode: vectors.ts. Left out: VME.
 */
import { CAUSE } from '../accounting.ts';
import { DB, DE, DF, GP, NMI, NP, PF, TS } from '../mmu/fault.ts';
import type { EventKind } from '../probe.ts';
import type { Cpu } from './cpu.ts';
import {
  Descriptor,
  enterCode,
  INTERRUPT_GATE16,
  INTERRUPT_GATE32,
  installNull,
  isNull,
  markAccessed,
  readDescriptor,
  readTss,
  selectorError,
  TASK_GATE,
  TRAP_GATE16,
  TRAP_GATE32,
} from './descriptors.ts';
import { Frame } from './frame.ts';
import { IF, NT, RF, TF, VM } from './registers.ts';
import { CS_, DS_, ES_, FS_, GS_ } from './segments.ts';
import { requireAvailable, switchTask } from './tasks.ts';
import { enterRealHandler } from './vectors.ts';

const ENTRY = CAUSE.exceptionEntry;

/** The data segments in the order in which a frame out of virtual-8086 mode holds them. */
const V86_PUSHED = [GS_, FS_, DS_, ES_];

const gate = new Descriptor();
const target = new Descriptor();
const frame = new Frame();

/**
 * Delivers event `vector` with `error` code (-1: none pushed) to its handler, which will return to `returnEip`.
 *
 * For 'software' (INT n, INT3, INTO) a fault of the delivery is thrown, as the instruction's own; for the other
 * kinds it is delivered in turn, as a double fault where table 6-5 says so, and ends in `c.shutdown`.
 */
export function deliver(c: Cpu, vector: number, error: number, kind: EventKind, returnEip: number): void {
  if (kind === 'software') return deliverSoftware(c, vector, kind, returnEip, 0);
  if (vector === PF && kind === 'fault') c.cr2 = c.fault.address;
  for (;;) {
    try {
      return enter(c, vector, error, kind, returnEip);
    } catch (e) {
      if (e !== c.fault) throw e;
    }
    // A fault after a task switch's commit point belongs to the new task.
    if (c.taskSwitched) returnEip = c.eip;
    const second = c.fault.vector;
    if (second === PF) c.cr2 = c.fault.address;
    const first = kind === 'external' ? NMI : vector; // an interrupt is benign, whatever its number
    if (first === DF) return shutdown(c, returnEip);
    if (doubleFault(first, second)) {
      vector = DF;
      error = 0;
    } else {
      vector = second;
      error = withExt(second, c.fault.error);
    }
    kind = 'fault';
  }
}

/** INT1 (F1): like a trap, without a privilege check on the gate; its faults are the instruction's, with EXT set. */
export function deliverIcebp(c: Cpu, returnEip: number): void {
  deliverSoftware(c, DB, 'trap', returnEip, 1);
}

/** An instruction's own event: its faults are the instruction's, unless a task switch has left that behind. */
function deliverSoftware(c: Cpu, vector: number, kind: EventKind, returnEip: number, ext: 0 | 1): void {
  try {
    enter(c, vector, -1, kind, returnEip);
  } catch (e) {
    if (e !== c.fault) throw e;
    if (ext) c.fault.error = withExt(c.fault.vector, c.fault.error);
    if (!c.taskSwitched) throw e;
    deliver(c, c.fault.vector, c.fault.error, 'fault', c.eip);
  }
}

/** Triple fault: the processor stops. The machine reports where. */
function shutdown(c: Cpu, eip: number): void {
  c.eip = eip;
  c.shutdown = true;
  c.leave = true;
}

function isContributory(vector: number): boolean {
  return vector === DE || (vector >= TS && vector <= GP);
}

/** SDM vol. 3, table 6-5. */
function doubleFault(first: number, second: number): boolean {
  if (isContributory(first)) return isContributory(second);
  return first === PF && (second === PF || isContributory(second));
}

/** Error codes of faults during an event's delivery carry EXT (SDM vol. 3, 6.13); a page fault's never does. */
function withExt(vector: number, error: number): number {
  return error >= 0 && vector >= TS && vector <= GP ? error | 1 : error;
}

/** One attempt. Throws the CPU's fault with nothing changed (or after a task switch's commit point). */
function enter(c: Cpu, vector: number, error: number, kind: EventKind, returnEip: number): void {
  c.taskSwitched = false;
  if (c.protectedMode) enterGate(c, vector, error, kind, returnEip);
  else enterRealHandler(c, vector, pushedFlags(c, vector, kind, returnEip), returnEip);
  if (vector === DB && kind !== 'software') c.setDr(7, c.dr(7) & ~0x2000); // GD
  if (vector === NMI && kind === 'external') c.nmiBlocked = true;
  c.halted = false;
  c.shadow = false;
  c.repEip = -1;
  c.leave = true;
  c.deliveries++;
  for (const tell of c.probes.delivered) tell(vector, error, kind, returnEip);
}

/** Through the IDT's gate. */
function enterGate(c: Cpu, vector: number, error: number, kind: EventKind, returnEip: number): void {
  const at = vector * 8;
  const idtError = at | 2;
  if (at + 7 > c.idtLimit) c.raise(GP, idtError);
  gate.read(c, c.idtBase + at);
  const type = gate.isSystem ? gate.type : 0;
  const wide = type === INTERRUPT_GATE32 || type === TRAP_GATE32;
  if (!wide && type !== TASK_GATE && type !== INTERRUPT_GATE16 && type !== TRAP_GATE16) c.raise(GP, idtError);
  if (kind === 'software' && gate.dpl < c.cpl) c.raise(GP, idtError);
  if (!gate.present) c.raise(NP, idtError);
  const eflags = pushedFlags(c, vector, kind, returnEip);
  if (type === TASK_GATE) enterTask(c, error, eflags, returnEip);
  else {
    enterProcedure(c, error, returnEip, wide, (type & 1) === 0, eflags);
    c.charge(ENTRY, vector === PF && kind === 'fault' ? c.costs.pageFaultEntry : c.costs.exceptionEntry);
  }
}

const DR6_BS = 0x4000;

/**
 * The image of EFLAGS in the frame: RF is set for faults but not for an instruction breakpoint's, and for an
 * interrupt or trap between the rounds of a string instruction; else it is what it is, which is 0 behind any
 * instruction but IRET (SDM vol. 3, 17.3.1.1). A single step between rounds pushes it clear, as silicon does
 * (test/silicon/README.md).
 */
function pushedFlags(c: Cpu, vector: number, kind: EventKind, returnEip: number): number {
  const stepped = vector === DB && (c.dr(6) & DR6_BS) !== 0;
  const resume =
    kind === 'fault'
      ? !(vector === DB && c.breakpoints.executing)
      : kind !== 'software' && !stepped && c.repEip !== -1 && c.repEip === returnEip;
  return resume ? c.eflags | RF : c.eflags;
}

/**
 * Interrupt and trap gates (SDM vol. 3, 6.12.1): `closes` for interrupt gates, which clear IF. Out of virtual-8086
 * mode they lead to ring 0 only, and the data segments are pushed and nulled (20.3.1.1).
 */
function enterProcedure(
  c: Cpu,
  error: number,
  returnEip: number,
  wide: boolean,
  closes: boolean,
  eflags: number,
): void {
  const selector = gate.gateSelector;
  const offset = gate.gateOffset;
  if (isNull(selector)) c.raise(GP, 0);
  readDescriptor(c, selector, GP, target);
  if (!target.isCode || target.dpl > c.cpl) c.raise(GP, selectorError(selector));
  if (!target.present) c.raise(NP, selectorError(selector));
  const inner = !target.isConforming && target.dpl < c.cpl;
  const v86 = c.virtual8086;
  if (v86 && (!inner || target.dpl !== 0)) c.raise(GP, selectorError(selector));
  const cpl = inner ? target.dpl : c.cpl;
  const size = wide ? 4 : 2;
  if (inner) {
    frame.onInnerStack(c, cpl, size);
    if (v86) for (const s of V86_PUSHED) frame.add(c.selector(s));
    frame.add(c.selector(2));
    frame.add(c.esp);
  } else frame.onCurrentStack(c, size);
  frame.add(eflags);
  frame.add(c.selector(CS_));
  frame.add(returnEip);
  if (error >= 0) frame.add(error);
  if (offset >>> 0 > target.limit) c.raise(GP, 0);
  markAccessed(c, target);
  frame.check(c);
  frame.write(c);

  c.accounting.saveRegion(frame.linear(error >= 0 ? 1 : 0));
  frame.commit(c);
  if (v86) for (const s of V86_PUSHED) installNull(c, s, 0);
  enterCode(c, target, cpl);
  c.eip = offset;
  c.setSystemFlag(TF | NT | RF | VM, false);
  if (closes) c.setSystemFlag(IF, false);
}

/** Task gates (SDM vol. 3, 6.12.2). The error code goes onto the new task's stack. */
function enterTask(c: Cpu, error: number, eflags: number, returnEip: number): void {
  readTss(c, gate.gateSelector, GP, target);
  requireAvailable(c, target, GP);
  const wide = (target.type & 8) !== 0;
  const trap = switchTask(c, target, 'event', returnEip, ENTRY, (eflags & RF) !== 0);
  if (error >= 0) {
    frame.onCurrentStack(c, wide ? 4 : 2);
    frame.add(error);
    frame.check(c);
    frame.write(c);
    frame.commit(c);
  }
  if (trap) deliver(c, DB, -1, 'trap', c.eip);
}
