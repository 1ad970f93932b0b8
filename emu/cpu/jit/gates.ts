/**
 * INT n and IRET in compiled code, for what protected mode does all the time: 32-bit interrupt and trap gates, to the same
 * ring or to ring 0 by the stack of a 32-bit TSS, and back to the same or an outer ring (SDM vol. 3, 6.12.1; vol. 2,
 * IRET). Semantics are exceptions.ts, frame.ts, descriptors.ts and exec/far.ts: the same accesses in the same order.
 *
 * Each function looks first and changes nothing (looks.ts): descriptors, limits, rights, that every page is in the front
 * table. If anything is else than here, it returns 0 and the row's executor does the instruction. Left to that: faults,
 * task gates, 16-bit gates, stacks and code, conforming code, rings 1 and 2 as targets of a gate, virtual-8086 mode, LDTs,
 * accessed bits that are clear, frames across a page, code segments that differ in more than privilege, data segments
 * that a return would take away, TF, NT, a changed AC, and whatever somebody wants to be told of (GATES_QUIET).
 */
import { CAUSE, INTERRUPTED } from '../../accounting.ts';
import { LineFilter } from '../../mmu/filter.ts';
import { AC_FLAG, IF, PLACE, STORED, TF, VM } from '../registers.ts';
import { CS_, DS_, ES_, FS_, GS_, SS_ } from '../segments.ts';
import { Acts, ENTRY, FLAGS, FRAME, FRAME_SLOT } from './acts.ts';
import { CELL } from './cells.ts';
import type { SharedHelper } from './helpers.ts';
import {
  AT,
  ATTRIBUTES,
  BANK,
  BASE,
  CHANGES,
  CODE_AT,
  CODE_HI,
  CODE_SELECTOR,
  CODE_SLOT,
  CPL,
  DUE,
  ENTERED_CODE,
  HI,
  LEFT_CODE,
  LEFT_STACK,
  LIMIT,
  NEXT,
  OLD_CPL,
  OLD_FLAGS,
  PA,
  SELECTOR,
  SHAPE,
  SLOT,
  STACK_AT,
  STACK_BASE,
  STACK_HI,
  STACK_LIMIT,
  STACK_SELECTOR,
  STACK_SLOT,
  T,
  TARGET_EIP,
  TOP,
  TSS_AT,
  TSS_SLOT,
  U,
} from './looks.ts';
import { BANK_BYTES, FRONT_WRITE } from './places.ts';
import type { Func } from './wasm.ts';

const ENTRY_CAUSE = CAUSE.exceptionEntry;
const RETURN_CAUSE = CAUSE.exceptionReturn;
const KERNEL_BITS = LineFilter.bankBits(0);
const USER_BITS = LineFilter.bankBits(1);

const TRAP_GATE_BIT = 0x100;
/** Flags that IRET loads at any privilege, as in exec/far.ts. */
const IRET_FLAGS = 0x25_4dd5;

/** The functions `interrupt` and `iret` of helpers.ts. An object writes one of them. */
export class Gates extends Acts {
  /** exceptions.ts, enterGate and enterProcedure, for a software interrupt. */
  interrupt(): Func {
    const { c } = this;
    this.quiet();
    this.gate();
    this.code(ENTERED_CODE);
    this.dpl(CODE_HI).tee(CPL).get(OLD_CPL).op('i32gt_u');
    this.refuse();
    c.get(CPL).get(OLD_CPL).op('i32ne').tee(CHANGES).if();
    c.get(CPL);
    this.refuse();
    this.innerStack();
    c.op('else');
    this.currentStack();
    this.reg(PLACE.esp).set(TOP);
    c.op('end');
    // The frame: all of it in the segment, and in one page.
    c.get(CHANGES).i32(3).op('i32shl').i32(12).op('i32add').set(T);
    c.get(TOP).get(T).op('i32lt_u');
    this.refuse();
    c.get(TOP).i32(1).op('i32sub').get(STACK_LIMIT).op('i32gt_u');
    this.refuse();
    c.get(TOP).get(T).op('i32sub').get(STACK_BASE).op('i32add').tee(FRAME).i32(3).op('i32and');
    this.refuse();
    c.get(FRAME).get(T).op('i32add').i32(1).op('i32sub').get(FRAME).op('i32xor').i32(-4096).op('i32and');
    this.refuse();
    this.bankOf(CPL);
    this.look(FRAME, FRAME_SLOT, FRONT_WRITE, BANK);
    // EFLAGS behind the gate.
    c.get(OLD_FLAGS).set(FLAGS);
    c.get(HI).i32(TRAP_GATE_BIT).op('i32and', 'i32eqz').if();
    c.get(FLAGS).i32(~IF).op('i32and').set(FLAGS).op('end');
    this.interruptWaits(FLAGS, IF);

    // Nothing can fail any more.
    this.begin();
    this.load(SLOT, AT);
    this.load(CODE_SLOT, CODE_AT);
    c.get(CHANGES).if();
    this.load(TSS_SLOT, TSS_AT);
    c.get(TSS_AT).i32(4).op('i32add').set(U);
    this.load(TSS_SLOT, U);
    this.load(STACK_SLOT, STACK_AT);
    this.counts(1, 8, 5);
    c.op('else');
    this.counts(1, 4, 3);
    c.op('end');
    this.use(FRAME_SLOT);
    this.physical(FRAME, FRAME_SLOT).set(U);
    // From the top down; no frame is longer than two lines.
    c.get(U).get(CHANGES).i32(3).op('i32shl', 'i32add').i32(8).op('i32add').set(PA);
    this.storeLine();
    c.get(U).set(PA);
    this.storeLine();
    this.put(0, () => c.get(NEXT));
    this.put(4, () => this.segment(CS_, SELECTOR));
    this.reg(PLACE.aux).set(PA);
    this.reg(PLACE.result).set(T);
    this.put(8, () => this.image(OLD_FLAGS, T, PA));
    c.get(CHANGES).if();
    this.put(12, () => this.reg(PLACE.esp));
    this.put(16, () => this.segment(SS_, SELECTOR));
    this.enterStack();
    c.op('end');
    c.get(FRAME).set(AT);
    this.saveRegion();
    this.enterCode();
    this.setReg(PLACE.esp, () => c.get(TOP).get(CHANGES).i32(3).op('i32shl').i32(12).op('i32add', 'i32sub'));
    this.setReg(PLACE.eip, () => c.get(TARGET_EIP));
    this.setReg(PLACE.eflags, () => c.get(FLAGS));
    this.passTime(ENTRY_CAUSE, this.layout.entryTicks);
    return this.done('interrupt', 3);
  }

  /** exec/far.ts, iretFrame with 32-bit operands. */
  iret(): Func {
    const { c, layout } = this;
    this.quiet();
    // The frame: at most 20 bytes, all in the segment and in one page.
    this.currentStack();
    c.get(STACK_LIMIT).i32(20).op('i32lt_u');
    this.refuse();
    this.reg(PLACE.esp).tee(TOP).get(STACK_LIMIT).i32(19).op('i32sub', 'i32gt_u');
    this.refuse();
    c.get(TOP).get(STACK_BASE).op('i32add').tee(AT).i32(3).op('i32and');
    this.refuse();
    c.get(AT).i32(19).op('i32add').get(AT).op('i32xor').i32(-4096).op('i32and');
    this.refuse();
    this.bankOf(OLD_CPL);
    this.look(AT, SLOT, 0, BANK);
    this.physical(AT, SLOT).set(PA);
    // EFLAGS, as returnedFlags.
    c.get(PA)
      .mem('i32load', layout.ram + 8)
      .tee(U)
      .i32(TF | VM)
      .op('i32and');
    this.refuse();
    c.get(U).get(OLD_FLAGS).op('i32xor').i32(AC_FLAG).op('i32and');
    this.refuse();
    this.loadable(IRET_FLAGS).set(T);
    c.get(OLD_FLAGS).get(T).i32(-1).op('i32xor', 'i32and');
    c.get(U).get(T).op('i32and', 'i32or').i32(STORED).op('i32and').set(FLAGS);
    this.interruptWaits(FLAGS, IF);
    // The code.
    c.get(PA)
      .mem('i32load16_u', layout.ram + 4)
      .tee(CODE_SELECTOR);
    c.i32(3).op('i32and').tee(CPL).get(OLD_CPL).op('i32lt_u');
    this.refuse();
    this.code(LEFT_CODE);
    this.dpl(CODE_HI).get(CPL).op('i32ne');
    c.get(PA).mem('i32load', layout.ram).tee(TARGET_EIP);
    this.segment(CS_, LIMIT).op('i32gt_u', 'i32or');
    this.refuse();
    // The stack.
    c.get(CPL).get(OLD_CPL).op('i32ne').tee(CHANGES).if();
    c.get(PA)
      .mem('i32load16_u', layout.ram + 16)
      .set(STACK_SELECTOR);
    this.stack(LEFT_STACK);
    for (const s of [ES_, DS_, FS_, GS_]) this.keeps(s);
    c.get(PA)
      .mem('i32load', layout.ram + 12)
      .set(TOP);
    c.op('else').get(TOP).i32(12).op('i32add').set(TOP).op('end');

    // Nothing can fail any more.
    this.begin();
    c.get(AT).i32(8).op('i32add').set(FRAME);
    this.load(SLOT, FRAME);
    this.load(SLOT, AT);
    this.load(CODE_SLOT, CODE_AT);
    c.get(CHANGES).if();
    c.get(AT).i32(12).op('i32add').set(FRAME);
    this.load(SLOT, FRAME);
    c.get(AT).i32(16).op('i32add').set(FRAME);
    this.load(SLOT, FRAME);
    this.load(STACK_SLOT, STACK_AT);
    this.counts(0, 9, 0);
    this.passTime(RETURN_CAUSE, layout.returnOuterTicks);
    this.enterStack();
    c.op('else');
    this.counts(0, 5, 0);
    this.passTime(RETURN_CAUSE, layout.returnTicks);
    c.op('end');
    this.restoreRegion();
    this.enterCode();
    this.setReg(PLACE.esp, () => c.get(TOP));
    this.setReg(PLACE.eip, () => c.get(TARGET_EIP));
    this.setReg(PLACE.eflags, () => c.get(FLAGS));
    this.physical(AT, SLOT)
      .mem('i32load', layout.ram + 8)
      .set(U);
    this.setArithmetic(U);
    return this.done('iret', 1);
  }

  private done(name: SharedHelper, parameters: number): Func {
    const { c } = this;
    this.setCell(CELL.passed, () => c.i32(1));
    c.i32(1);
    return this.func(name, parameters, 1);
  }

  /** A dword of the frame at physical address U. */
  private put(above: number, value: () => void): void {
    this.c.get(U);
    value();
    this.c.mem('i32store', this.layout.ram + above);
  }

  /** SS of the new privilege. What the host and the units make of it may change. */
  private enterStack(): void {
    const { c } = this;
    this.cell(CELL.shape).get(SHAPE).op('i32ne').if();
    this.setCell(CELL.reshaped, () =>
      this.cell(CELL.reshaped)
        .i32(1 << SS_)
        .op('i32or'),
    );
    this.setCell(CELL.shape, () => c.get(SHAPE));
    c.op('end');
    this.setSegment(SS_, SELECTOR, () => c.get(STACK_SELECTOR));
    this.setSegment(SS_, BASE, () => c.get(STACK_BASE));
    this.setSegment(SS_, LIMIT, () => c.get(STACK_LIMIT));
    this.setSegment(SS_, ATTRIBUTES, () => c.get(STACK_HI));
  }

  /** CS, CPL and what follows from it. */
  private enterCode(): void {
    const { c } = this;
    this.setSegment(CS_, SELECTOR, () => c.get(CODE_SELECTOR).i32(0xfffc).op('i32and').get(CPL).op('i32or'));
    this.setSegment(CS_, ATTRIBUTES, () => c.get(CODE_HI));
    this.setReg(PLACE.cpl, () => c.get(CPL));
    c.get(CPL).i32(3).op('i32eq').if();
    this.setCell(CELL.bank, () => c.i32(BANK_BYTES));
    this.setCell(CELL.bankBits, () => c.i32(USER_BITS));
    c.op('else');
    this.setCell(CELL.bank, () => c.i32(0));
    this.setCell(CELL.bankBits, () => c.i32(KERNEL_BITS));
    c.op('end');
  }

  /** Accounting.saveRegion of AT. */
  private saveRegion(): void {
    const { c, layout } = this;
    const ring = layout.interrupted;
    const count = ring + 4 * INTERRUPTED.count;
    c.i32(0)
      .mem('i32load', count)
      .tee(U)
      .i32(INTERRUPTED.frames - 1)
      .op('i32and')
      .i32(2)
      .op('i32shl')
      .tee(T);
    c.get(AT).mem('i32store', ring);
    c.get(T);
    this.cell(CELL.row).i32(7).op('i32shr_u');
    c.i32(0)
      .mem('i32load', ring + 4 * INTERRUPTED.watched)
      .op('i32or')
      .mem('i32store', ring + 4 * INTERRUPTED.region);
    c.i32(0).get(U).i32(1).op('i32add').i32(INTERRUPTED.countMask).op('i32and').mem('i32store', count);
  }

  /** Accounting.restoreRegion of AT. */
  private restoreRegion(): void {
    const { c, layout } = this;
    const ring = layout.interrupted;
    const count = ring + 4 * INTERRUPTED.count;
    const region = ring + 4 * INTERRUPTED.region;
    c.i32(1).set(U);
    c.block().loop();
    c.i32(0)
      .mem('i32load', count)
      .get(U)
      .op('i32sub')
      .i32(INTERRUPTED.frames - 1)
      .op('i32and');
    c.i32(2).op('i32shl').tee(T).mem('i32load', ring).get(AT).op('i32eq');
    c.get(T).mem('i32load', region).i32(INTERRUPTED.noRegion).op('i32ne', 'i32and').if();
    c.get(T).mem('i32load', region).i32(INTERRUPTED.regionMask).op('i32and').i32(7).op('i32shl').tee(PA);
    this.cell(CELL.row).op('i32ne').if();
    // What is due is the old region's.
    this.sync(DUE, ENTRY);
    this.setCell(CELL.row, () => c.get(PA));
    this.limit();
    c.op('end');
    c.i32(0)
      .get(T)
      .mem('i32load', region)
      .i32(~INTERRUPTED.regionMask)
      .op('i32and')
      .mem('i32store', ring + 4 * INTERRUPTED.watched);
    c.get(T).i32(INTERRUPTED.noRegion).mem('i32store', region);
    c.get(U).i32(1).op('i32eq').if();
    c.i32(0).i32(0).mem('i32load', count).i32(1).op('i32sub').i32(INTERRUPTED.countMask).op('i32and');
    c.mem('i32store', count).op('end').br(2).op('end');
    c.get(U).i32(1).op('i32add').tee(U).i32(INTERRUPTED.frames).op('i32le_u').brIf(0);
    c.op('end', 'end');
  }
}
