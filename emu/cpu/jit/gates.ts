/**
 * INT n and IRET in compiled code, for what protected mode does all the time: 32-bit interrupt and trap gates, to the same
 * ring or to ring 0 by the stack of a 32-bit TSS, and back to the same or an outer ring (SDM vol. 3, 6.12.1; vol. 2,
 * IRET). Semantics are exceptions.ts, frame.ts, descriptors.ts and exec/far.ts: the same accesses in the same order.
 *
 * Each function looks first and changes nothing: descriptors, limits, rights, that every page is in the front table. If
 * anything is else than here, it returns 0 and the row's executor does the instruction. Left to that: faults, task
 * gates, 16-bit gates, stacks and code, conforming code, rings 1 and 2 as targets of a gate, virtual-8086 mode, LDTs,
 * accessed bits that are clear, frames across a page, code segments that differ in more than privilege, data segments
 * that a return would take away, TF, NT, a changed AC, and whatever somebody wants to be told of (GATES_QUIET).
 */
import { CAUSE, INTERRUPTED } from '../../accounting.ts';
import { LineFilter } from '../../mmu/filter.ts';
import {
  AC_FLAG,
  AF,
  CF,
  CR0_PE,
  IF,
  IOPL,
  NT,
  PF,
  PLACE,
  RF,
  SF,
  STORED,
  TF,
  VM,
  ZF,
} from '../registers.ts';
import {
  CS_,
  DS_,
  ES_,
  FS_,
  GS_,
  SEG_ACCESSED,
  SEG_CODE,
  SEG_DB,
  SEG_DPL_SHIFT,
  SEG_EXPAND_DOWN,
  SEG_G,
  SEG_P,
  SEG_RW,
  SEG_S,
  SHAPES,
  SS_,
  TR_,
} from '../segments.ts';
import { CELL, GATES_INTR, GATES_QUIET, LEAVE } from './cells.ts';
import type { SharedHelper } from './helpers.ts';
import { FILL, SPILL, stamp } from './shared.ts';
import { type Code, type Func, I32 } from './wasm.ts';
import { Writer } from './writer.ts';

const ENTRY_CAUSE = CAUSE.exceptionEntry;
const RETURN_CAUSE = CAUSE.exceptionReturn;

// Fields of a segment register.
const SELECTOR = 0;
const BASE = 1;
const LIMIT = 2;
const ATTRIBUTES = 3;

const FRONT_MASK = 1023;
const FRONT_WRITE = 4;
const FRONT_DELTA = 8;
const FRONT_STAMP = 12;
/** Bytes of a bank of the front table. */
const BANK_BYTES = 16 * (FRONT_MASK + 1);
const KERNEL_BITS = LineFilter.bankBits(0);
const USER_BITS = LineFilter.bankBits(1);

/** Present 32-bit interrupt gate, the lowest bit of the type apart: that tells a trap gate. */
const GATE_MASK = SEG_P | SEG_S | 0xe00;
const GATE = SEG_P | 0xe00;
const TRAP_GATE_BIT = 0x100;
const CODE_MASK = SEG_P | SEG_S | SEG_CODE | SEG_EXPAND_DOWN | SEG_ACCESSED | SEG_DB;
const CODE_TYPE = SEG_P | SEG_S | SEG_CODE | SEG_ACCESSED | SEG_DB;
const STACK_MASK = SEG_P | SEG_S | SEG_CODE | SEG_EXPAND_DOWN | SEG_RW | SEG_ACCESSED | SEG_DB;
const STACK_TYPE = SEG_P | SEG_S | SEG_RW | SEG_ACCESSED | SEG_DB;
const TSS_WIDE = 0x800;
const CONFORMING = SEG_CODE | SEG_EXPAND_DOWN;
/** Flags that IRET loads at any privilege, as in exec/far.ts. */
const IRET_FLAGS = 0x25_4dd5;

// Parameters and locals.
const DUE = 0;
const VECTOR = 1;
const NEXT = 2;
/** Linear address of the gate, or of the frame that IRET pops. */
const AT = 3;
const SLOT = 4;
const LO = 5;
const HI = 6;
const CODE_SELECTOR = 7;
const CODE_AT = 8;
const CODE_SLOT = 9;
const CODE_LO = 10;
const CODE_HI = 11;
const STACK_SELECTOR = 12;
const STACK_AT = 13;
const STACK_SLOT = 14;
const STACK_LO = 15;
const STACK_HI = 16;
const TSS_AT = 17;
const TSS_SLOT = 18;
/** Stack pointer, before pushes and after pops. */
const TOP = 19;
const FRAME = 20;
const FRAME_SLOT = 21;
/** Privilege behind it; it is another. */
const CPL = 22;
const CHANGES = 23;
const FLAGS = 24;
const BANK = 25;
const PA = 26;
const ENTRY = 27;
const T = 28;
const U = 29;
const STACK_BASE = 30;
const STACK_LIMIT = 31;
const SHAPE = 32;
const LAST_LOCAL = 32;
/** Where SS is in Cpu.shape. */
const STACK_SHAPE = 12;

/** A descriptor that is looked at: locals of its selector, linear address, front slot and dwords. */
interface Look {
  selector: number;
  at: number;
  slot: number;
  lo: number;
  hi: number;
}
const CODE_LOOK: Look = {
  selector: CODE_SELECTOR,
  at: CODE_AT,
  slot: CODE_SLOT,
  lo: CODE_LO,
  hi: CODE_HI,
};
const STACK_LOOK: Look = {
  selector: STACK_SELECTOR,
  at: STACK_AT,
  slot: STACK_SLOT,
  lo: STACK_LO,
  hi: STACK_HI,
};

/** The functions `interrupt` and `iret` of helpers.ts. An object writes one of them. */
export class Gates extends Writer {
  /** exceptions.ts, enterGate and enterProcedure, for a software interrupt. */
  interrupt(): Func {
    const { c } = this;
    this.quiet();
    // The gate.
    c.get(VECTOR).i32(3).op('i32shl').i32(7).op('i32add');
    this.reg(PLACE.idtLimit).op('i32gt_u');
    this.refuse();
    this.reg(PLACE.idtBase).get(VECTOR).i32(3).op('i32shl', 'i32add').set(AT);
    this.lookAtPair(AT, SLOT, LO, HI);
    c.get(HI).i32(GATE_MASK).op('i32and').i32(GATE).op('i32ne');
    this.refuse();
    this.dpl(HI);
    this.reg(PLACE.cpl).op('i32lt_u');
    this.refuse();
    // Its code.
    c.get(LO).i32(16).op('i32shr_u').set(CODE_SELECTOR);
    this.descriptor(CODE_LOOK);
    this.sameCode();
    this.dpl(CODE_HI).tee(CPL);
    this.reg(PLACE.cpl).op('i32gt_u');
    this.refuse();
    c.get(LO).i32(0xffff).op('i32and').get(HI).i32(0xffff_0000).op('i32and', 'i32or').tee(VECTOR);
    this.segment(CS_, LIMIT).op('i32gt_u');
    this.refuse();
    // The stack.
    c.get(CPL);
    this.reg(PLACE.cpl).op('i32ne').tee(CHANGES).if();
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
    this.userBank();
    this.look(FRAME, FRAME_SLOT, FRONT_WRITE, BANK);
    // EFLAGS behind the gate.
    this.reg(PLACE.eflags).set(FLAGS);
    c.get(HI).i32(TRAP_GATE_BIT).op('i32and', 'i32eqz').if();
    c.get(FLAGS).i32(~IF).op('i32and').set(FLAGS).op('end');
    this.interruptWaits();

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
    this.put(8, () => this.image());
    c.get(CHANGES).if();
    this.put(12, () => this.reg(PLACE.esp));
    this.put(16, () => this.segment(SS_, SELECTOR));
    this.enterStack();
    c.op('end');
    c.get(FRAME).set(AT);
    this.saveRegion();
    this.enterCode();
    this.setReg(PLACE.esp, () => c.get(TOP).get(CHANGES).i32(3).op('i32shl').i32(12).op('i32add', 'i32sub'));
    this.setReg(PLACE.eip, () => c.get(VECTOR));
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
    this.reg(PLACE.cpl).set(CPL);
    this.userBank();
    this.look(AT, SLOT, 0, BANK);
    this.physical(AT, SLOT).set(PA);
    // EFLAGS, as returnedFlags.
    c.get(PA)
      .mem('i32load', layout.ram + 8)
      .tee(U)
      .i32(TF | VM)
      .op('i32and');
    this.refuse();
    c.get(U);
    this.reg(PLACE.eflags).op('i32xor').i32(AC_FLAG).op('i32and');
    this.refuse();
    c.i32(IRET_FLAGS);
    c.i32(IF).i32(0).get(CPL);
    this.reg(PLACE.eflags).i32(12).op('i32shr_u').i32(3).op('i32and', 'i32le_u', 'select', 'i32or');
    c.i32(0).i32(IOPL).get(CPL).op('select', 'i32or').set(T);
    this.reg(PLACE.eflags).get(T).i32(-1).op('i32xor', 'i32and');
    c.get(U).get(T).op('i32and', 'i32or').i32(STORED).op('i32and').set(FLAGS);
    this.interruptWaits();
    // The code.
    c.get(PA)
      .mem('i32load16_u', layout.ram + 4)
      .set(CODE_SELECTOR);
    c.get(PA).mem('i32load', layout.ram).set(VECTOR);
    this.descriptor(CODE_LOOK);
    this.sameCode();
    c.get(CODE_SELECTOR).i32(3).op('i32and').tee(CPL);
    this.reg(PLACE.cpl).op('i32lt_u');
    this.refuse();
    this.dpl(CODE_HI).get(CPL).op('i32ne');
    this.refuse();
    c.get(VECTOR);
    this.segment(CS_, LIMIT).op('i32gt_u');
    this.refuse();
    // The stack.
    c.get(CPL);
    this.reg(PLACE.cpl).op('i32ne').tee(CHANGES).if();
    this.physical(AT, SLOT)
      .tee(PA)
      .mem('i32load16_u', layout.ram + 16)
      .set(STACK_SELECTOR);
    this.stackDescriptor();
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
    this.setReg(PLACE.eip, () => c.get(VECTOR));
    this.setReg(PLACE.eflags, () => c.get(FLAGS));
    this.setArithmetic();
    return this.done('iret', 1);
  }

  private done(name: SharedHelper, parameters: number): Func {
    const { c } = this;
    this.setCell(CELL.passed, () => c.i32(1));
    return {
      signature: { parameters: Array.from({ length: parameters }, () => I32), results: [I32] },
      locals: Array.from({ length: LAST_LOCAL + 1 - parameters }, () => I32),
      code: c.i32(1),
      name,
    };
  }

  // ---- looking --------------------------------------------------------------------------------------------------

  /** Refuses if somebody must know, or a head has work to do, or in what is left out. */
  private quiet(): void {
    this.cell(CELL.gates).i32(GATES_QUIET).op('i32and', 'i32eqz');
    this.cell(CELL.limit).i32(LEAVE).op('i32eq', 'i32or');
    this.reg(PLACE.eflags)
      .i32(TF | NT | RF | VM)
      .op('i32and')
      .i32(0)
      .op('i32ne', 'i32or');
    this.reg(PLACE.cr0).i32(CR0_PE).op('i32and', 'i32eqz', 'i32or');
    this.refuse();
  }

  /** Leaves the function with 0 if the dword on the stack is not 0. */
  private refuse(): void {
    this.c.if().i32(0).op('return', 'end');
  }

  /** Refuses if FLAGS let an interrupt in that waits. */
  private interruptWaits(): void {
    this.c.get(FLAGS).i32(IF).op('i32and').i32(0).op('i32ne');
    this.cell(CELL.gates).i32(GATES_INTR).op('i32and').i32(0).op('i32ne', 'i32and');
    this.refuse();
  }

  /** Into `slot` the front table's slot for `lin`, less the table's address; refuses if the page is not there. */
  private look(lin: number, slot: number, write: number, bank?: number): void {
    const { c, layout } = this;
    c.get(lin).i32(12).op('i32shr_u').get(lin).i32(22).op('i32shr_u', 'i32xor').i32(FRONT_MASK);
    c.op('i32and').i32(4).op('i32shl');
    if (bank !== undefined) c.get(bank).op('i32add');
    c.tee(slot).mem('i32load', layout.front + write);
    c.get(lin).i32(-4096).op('i32and');
    this.cell(CELL.epoch).op('i32or', 'i32ne');
    this.refuse();
  }

  /** The two dwords at linear address `at`, which is to be a multiple of 8: one page, one line. */
  private lookAtPair(at: number, slot: number, lo: number, hi: number): void {
    const { c, layout } = this;
    c.get(at).i32(7).op('i32and');
    this.refuse();
    this.look(at, slot, 0);
    this.physical(at, slot).tee(PA).mem('i32load', layout.ram).set(lo);
    c.get(PA)
      .mem('i32load', layout.ram + 4)
      .set(hi);
  }

  /** The descriptor of a selector in the GDT. PA and T are lost. */
  private descriptor(look: Look): void {
    const { c } = this;
    // Null, or in the LDT.
    c.get(look.selector).i32(0xfffc).op('i32and', 'i32eqz').get(look.selector).i32(4).op('i32and', 'i32or');
    this.refuse();
    c.get(look.selector).i32(0xfff8).op('i32and').tee(T).i32(7).op('i32add');
    this.reg(PLACE.gdtLimit).op('i32gt_u');
    this.refuse();
    this.reg(PLACE.gdtBase).get(T).op('i32add').set(look.at);
    this.lookAtPair(look.at, look.slot, look.lo, look.hi);
  }

  /** Refuses code that differs from what runs now in more than its privilege. */
  private sameCode(): void {
    const { c } = this;
    c.get(CODE_HI).i32(CODE_MASK).op('i32and').i32(CODE_TYPE).op('i32ne');
    c.get(CODE_HI);
    this.segment(CS_, ATTRIBUTES)
      .op('i32xor')
      .i32(SEG_RW | SEG_DB)
      .op('i32and', 'i32or');
    this.refuse();
    this.base(CODE_LO, CODE_HI);
    this.segment(CS_, BASE).op('i32ne');
    this.limitOf(CODE_LO, CODE_HI);
    this.segment(CS_, LIMIT).op('i32ne', 'i32or');
    this.refuse();
  }

  /** The stack that the TSS holds for ring 0. */
  private innerStack(): void {
    const { c, layout } = this;
    this.segment(TR_, ATTRIBUTES).i32(TSS_WIDE).op('i32and', 'i32eqz');
    this.segment(TR_, LIMIT).i32(9).op('i32lt_u', 'i32or');
    this.refuse();
    this.segment(TR_, BASE).i32(4).op('i32add').tee(TSS_AT).i32(3).op('i32and');
    this.refuse();
    c.get(TSS_AT).i32(4).op('i32add').get(TSS_AT).op('i32xor').i32(-4096).op('i32and');
    this.refuse();
    this.look(TSS_AT, TSS_SLOT, 0);
    this.physical(TSS_AT, TSS_SLOT).tee(PA).mem('i32load', layout.ram).set(TOP);
    c.get(PA)
      .mem('i32load16_u', layout.ram + 4)
      .set(STACK_SELECTOR);
    this.stackDescriptor();
  }

  /** The stack segment STACK_SELECTOR for privilege CPL. PA is kept. */
  private stackDescriptor(): void {
    const { c } = this;
    c.get(STACK_SELECTOR).i32(3).op('i32and').get(CPL).op('i32ne');
    this.refuse();
    c.get(PA).set(U);
    this.descriptor(STACK_LOOK);
    c.get(U).set(PA);
    c.get(STACK_HI).i32(STACK_MASK).op('i32and').i32(STACK_TYPE).op('i32ne');
    this.dpl(STACK_HI).get(CPL).op('i32ne', 'i32or');
    this.refuse();
    this.base(STACK_LO, STACK_HI).set(STACK_BASE);
    this.limitOf(STACK_LO, STACK_HI).set(STACK_LIMIT);
    this.shapeOfStack();
  }

  /** SHAPE for a stack segment of STACK_BASE and STACK_LIMIT; refuses one that the host does not know. */
  private shapeOfStack(): void {
    const { c, layout } = this;
    this.cell(CELL.shape).set(SHAPE);
    this.segment(SS_, BASE).get(STACK_BASE).op('i32ne');
    this.segment(SS_, LIMIT).get(STACK_LIMIT).op('i32ne', 'i32or').if();
    c.i32(0).set(T);
    c.loop();
    c.get(T).mem('i32load', layout.shapes).get(STACK_BASE).op('i32eq');
    for (const top of [4, 8])
      c.get(T)
        .mem('i32load', layout.shapes + top)
        .get(STACK_LIMIT)
        .op('i32eq', 'i32and');
    c.get(T)
      .mem('i32load', layout.shapes + 12)
      .op('i32and', 'i32eqz')
      .if();
    c.get(T)
      .i32(16)
      .op('i32add')
      .tee(T)
      .i32(16 * SHAPES)
      .op('i32lt_u')
      .brIf(1);
    c.i32(0).op('return', 'end', 'end');
    c.get(SHAPE)
      .i32(~(0xf << STACK_SHAPE))
      .op('i32and');
    c.get(T)
      .i32(STACK_SHAPE - 4)
      .op('i32shl', 'i32or')
      .set(SHAPE)
      .op('end');
  }

  private currentStack(): void {
    this.segment(SS_, ATTRIBUTES)
      .i32(STACK_MASK & ~SEG_ACCESSED)
      .op('i32and')
      .i32(STACK_TYPE & ~SEG_ACCESSED)
      .op('i32ne');
    this.refuse();
    this.segment(SS_, BASE).set(STACK_BASE);
    this.segment(SS_, LIMIT).set(STACK_LIMIT);
  }

  /** Refuses if dropInnerSegments would change data segment `s` at privilege CPL. */
  private keeps(s: number): void {
    const { c } = this;
    this.segment(s, ATTRIBUTES).tee(T).i32(CONFORMING).op('i32and').i32(CONFORMING).op('i32ne');
    this.dpl(T).get(CPL).op('i32lt_u', 'i32and').if();
    c.get(T);
    for (const field of [SELECTOR, BASE, LIMIT]) this.segment(s, field).op('i32or');
    this.refuse();
    c.op('end');
  }

  private dpl(hi: number): Code {
    return this.c.get(hi).i32(SEG_DPL_SHIFT).op('i32shr_u').i32(3).op('i32and');
  }

  private base(lo: number, hi: number): Code {
    const { c } = this;
    c.get(lo).i32(16).op('i32shr_u').get(hi).i32(0xff).op('i32and').i32(16).op('i32shl', 'i32or');
    return c.get(hi).i32(0xff00_0000).op('i32and', 'i32or');
  }

  private limitOf(lo: number, hi: number): Code {
    const { c } = this;
    c.get(lo).i32(0xffff).op('i32and').get(hi).i32(0xf_0000).op('i32and', 'i32or').tee(T);
    c.i32(12).op('i32shl').i32(0xfff).op('i32or').get(T).get(hi).i32(SEG_G).op('i32and', 'select');
    return c;
  }

  /** BANK for accesses at privilege CPL. */
  private userBank(): void {
    this.c.i32(BANK_BYTES).i32(0).get(CPL).i32(3).op('i32eq', 'select').set(BANK);
  }

  // ---- doing ------------------------------------------------------------------------------------------------------

  private begin(): void {
    this.setCell(CELL.due, () => this.c.get(DUE));
  }

  private physical(lin: number, slot: number): Code {
    return this.c
      .get(lin)
      .get(slot)
      .mem('i32load', this.layout.front + FRONT_DELTA)
      .op('i32add');
  }

  /** A load at linear address `lin`: the entry of its page and its line are used. PA, T and ENTRY are lost. */
  private load(slot: number, lin: number): void {
    const { c, layout } = this;
    this.use(slot);
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    this.physical(lin, slot).tee(PA).i32(shift).op('i32shr_u').tee(T).i32(setMask).op('i32and');
    c.i32(4 * ways)
      .op('i32mul')
      .mem('i32load', tags)
      .i32(2)
      .op('i32shr_s')
      .get(T)
      .op('i32ne')
      .if();
    c.get(PA).get(DUE).call(FILL).op('end');
  }

  /** Walker.storeLine for PA. */
  private storeLine(): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    c.get(PA).i32(shift).op('i32shr_u').tee(T);
    if (layout.writeBack) {
      c.i32(setMask)
        .op('i32and')
        .i32(4 * ways)
        .op('i32mul')
        .mem('i32load', tags);
      c.get(T).i32(2).op('i32shl').i32(1).op('i32or', 'i32ne').if();
    } else {
      c.i32(0).mem('i32load', layout.lastStore).op('i32ne').if();
      c.i32(0).get(T).mem('i32store', layout.lastStore);
      c.i32(0).i32(0).mem('i32store', layout.filter.store);
    }
    c.get(PA).get(DUE).call(SPILL).op('end');
  }

  /** Mmu.use for a slot. */
  private use(slot: number): void {
    const { c, layout } = this;
    c.get(slot)
      .mem('i32load', layout.front + FRONT_STAMP)
      .tee(ENTRY);
    this.cell(CELL.lastEntry).op('i32ne').if();
    this.setCell(CELL.lastEntry, () => c.get(ENTRY));
    stamp(c, layout, ENTRY, T);
    c.op('end');
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
    this.segment(SS_, BASE).get(STACK_BASE).op('i32ne');
    this.segment(SS_, LIMIT).get(STACK_LIMIT).op('i32ne', 'i32or').if();
    this.setCell(CELL.reshaped, () =>
      this.cell(CELL.reshaped)
        .i32(1 << SS_)
        .op('i32or'),
    );
    c.op('end');
    this.setSegment(SS_, SELECTOR, () => c.get(STACK_SELECTOR).i32(0xfffc).op('i32and').get(CPL).op('i32or'));
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
    this.userBank();
    this.setCell(CELL.bank, () => c.get(BANK));
    this.setCell(CELL.bankBits, () => c.i32(USER_BITS).i32(KERNEL_BITS).get(BANK).op('select'));
  }

  /** Pushes EFLAGS as Registers.eflags tells it. */
  private image(): void {
    const { c } = this;
    const result = () => this.reg(PLACE.result);
    const aux = () => this.reg(PLACE.aux);
    this.reg(PLACE.eflags).i32(2).op('i32or');
    aux().i32(31).op('i32shr_u', 'i32or');
    result();
    aux().i32(8).op('i32shr_u', 'i32xor').i32(0xff).op('i32and', 'i32popcnt');
    c.i32(1).op('i32and', 'i32eqz').i32(2).op('i32shl', 'i32or');
    aux().i32(1).op('i32shl').i32(AF).op('i32and', 'i32or');
    result().op('i32eqz').i32(6).op('i32shl', 'i32or');
    result().i32(31).op('i32shr_u');
    aux().i32(1).op('i32and', 'i32xor').i32(7).op('i32shl', 'i32or');
    aux();
    aux().i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u').i32(11).op('i32shl', 'i32or');
  }

  /** Registers.setArithmetic of what the frame's third dword holds; PA is lost. */
  private setArithmetic(): void {
    const { c, layout } = this;
    this.physical(AT, SLOT)
      .mem('i32load', layout.ram + 8)
      .set(U);
    this.setReg(PLACE.result, () => c.i32(0).i32(0x100).get(U).i32(ZF).op('i32and', 'select'));
    this.setReg(PLACE.aux, () => {
      c.get(U).i32(31).op('i32shl');
      c.get(U).get(U).i32(11).op('i32shr_u', 'i32xor').i32(CF).op('i32and').i32(30).op('i32shl', 'i32or');
      c.get(U)
        .i32(1)
        .op('i32shr_u')
        .i32(AF >> 1)
        .op('i32and', 'i32or');
      c.get(U)
        .i32(7)
        .op('i32shr_u')
        .i32(SF >> 7)
        .op('i32and', 'i32or');
      c.get(U).i32(PF).op('i32and', 'i32eqz').i32(8).op('i32shl', 'i32or');
    });
  }

  /** Charges ticks to the region in the cell. What is due stays due: only the sums can be seen. */
  private passTime(cause: number, ticks: number): void {
    const { c } = this;
    if (ticks === 0) return;
    this.charge(cause, () => c.f64(ticks));
    this.cell(CELL.limit).i32(ticks).op('i32sub').tee(T).i32(0).get(T).i32(0).op('i32gt_s', 'select').set(T);
    this.setCell(CELL.limit, () => c.get(T));
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
    this.setCell(CELL.row, () =>
      c.get(T).mem('i32load', region).i32(INTERRUPTED.regionMask).op('i32and').i32(7).op('i32shl'),
    );
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

  // ---- registers and cells --------------------------------------------------------------------------------------

  private reg(place: number): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + 4 * place);
  }

  private counts(deliveries: number, loads: number, stores: number): void {
    const at = this.at(CELL.gateCounts);
    const n = BigInt(deliveries) + (BigInt(loads) << 21n) + (BigInt(stores) << 42n);
    this.c.i32(0).i32(0).mem('i64load', at).i64(n).op('i64add').mem('i64store', at);
  }

  private setReg(place: number, value: () => void): void {
    this.c.i32(0);
    value();
    this.c.mem('i32store', this.layout.registers + 4 * place);
  }

  private segment(s: number, field: number): Code {
    return this.reg(PLACE.segments + 4 * s + field);
  }

  private setSegment(s: number, field: number, value: () => void): void {
    this.setReg(PLACE.segments + 4 * s + field, value);
  }
}
