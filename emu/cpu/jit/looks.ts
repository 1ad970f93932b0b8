/**
 * How gates.ts looks at what an instruction is about to use, without changing anything: pages by the front table, gates and
 * segment descriptors by their checks (SDM vol. 3, 3.4, 5.2–5.7, 6.11). Whatever is not as it mostly is, it refuses: the
 * function returns 0, and the instruction is left to its row's executor.
 *
 * A descriptor that passed is kept at hand, so that the next look is a comparison: of its selector (or vector), of the front
 * table's tag for its page, and of its eight bytes. The host clears what is at hand when it may have changed what the
 * checks depend on beyond those: table registers and CS (Jit.run, and behind an executor).
 */
import { CR0_PE, NT, PLACE, RF, TF, VM } from '../registers.ts';
import {
  CS_,
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
import { AT_HAND_BYTES, CELL, GATES_HEARD, GATES_INTR, GATES_QUIET, LEAVE } from './cells.ts';
import { BANK_BYTES, FRONT_DELTA, FRONT_MASK } from './places.ts';
import type { Code } from './wasm.ts';
import { Writer } from './writer.ts';

// Fields of a segment register.
export const SELECTOR = 0;
export const BASE = 1;
export const LIMIT = 2;
export const ATTRIBUTES = 3;

/** Present 32-bit interrupt gate, the lowest bit of the type apart: that tells a trap gate. */
const GATE_MASK = SEG_P | SEG_S | 0xe00;
const GATE_TYPE = SEG_P | 0xe00;
const CODE_MASK = SEG_P | SEG_S | SEG_CODE | SEG_EXPAND_DOWN | SEG_ACCESSED | SEG_DB;
const CODE_TYPE = SEG_P | SEG_S | SEG_CODE | SEG_ACCESSED | SEG_DB;
const STACK_MASK = SEG_P | SEG_S | SEG_CODE | SEG_EXPAND_DOWN | SEG_RW | SEG_ACCESSED | SEG_DB;
const STACK_TYPE = SEG_P | SEG_S | SEG_RW | SEG_ACCESSED | SEG_DB;
const TSS_WIDE = 0x800;
const CONFORMING = SEG_CODE | SEG_EXPAND_DOWN;
const DPL = 3 << SEG_DPL_SHIFT;
/** Where SS is in Cpu.shape. */
export const STACK_SHAPE = 12;
const SHAPE_MASK = 0xf << STACK_SHAPE;

// Parameters and locals.
export const DUE = 0;
export const VECTOR = 1;
export const NEXT = 2;
/** Linear address of the gate, or of the frame that IRET pops. */
export const AT = 3;
export const SLOT = 4;
export const HI = 5;
export const CODE_SELECTOR = 6;
export const CODE_AT = 7;
export const CODE_SLOT = 8;
export const CODE_HI = 9;
export const STACK_SELECTOR = 10;
export const STACK_AT = 11;
export const STACK_SLOT = 12;
export const STACK_HI = 13;
export const STACK_BASE = 14;
export const STACK_LIMIT = 15;
/** CELL.shape with that stack. */
export const SHAPE = 16;
export const TSS_AT = 17;
export const TSS_SLOT = 18;
/** Stack pointer, before pushes and after pops. */
export const TOP = 19;
/** Privilege before and behind, and whether it is another. */
export const OLD_CPL = 20;
export const CPL = 21;
export const CHANGES = 22;
export const OLD_FLAGS = 23;
/** Where the handler, or what was interrupted, begins. */
export const TARGET_EIP = 24;
/** Of the front table, for stack accesses. */
export const BANK = 25;
export const PA = 26;
export const T = 27;
export const U = 28;
const LO = 29;
const EPOCH = 30;
export const LAST_LOOK = 30;

// Of a descriptor at hand, in bytes.
const KEY = 0;
/** No selector, and no vector. */
export const NO_KEY = -1;
const ADDRESS = 4;
const FRONT_SLOT = 8;
const BYTES = 16;
const MADE = 24;
const GATE = 0;
export const ENTERED_CODE = 1;
export const ENTERED_STACK = 2;
export const LEFT_CODE = 3;
export const LEFT_STACK = 4;
const DATA_SEGMENT = 5;

/** Locals of a descriptor's linear address and slot, and those that are made of it. */
interface Look {
  key: number;
  at: number;
  slot: number;
  made: readonly number[];
}
const GATE_LOOK: Look = { key: U, at: AT, slot: SLOT, made: [HI, CODE_SELECTOR, TARGET_EIP] };
const CODE_LOOK: Look = { key: CODE_SELECTOR, at: CODE_AT, slot: CODE_SLOT, made: [CODE_HI] };
const STACK_LOOK: Look = {
  key: STACK_SELECTOR,
  at: STACK_AT,
  slot: STACK_SLOT,
  made: [STACK_HI, STACK_BASE, STACK_LIMIT, SHAPE],
};

export class Looks extends Writer {
  /** Refuses if somebody must know, or a head has work to do, or in what is left out; sets the locals of before. */
  protected quiet(): void {
    const { c } = this;
    this.cell(CELL.gates)
      .i32(GATES_QUIET | GATES_HEARD)
      .op('i32and')
      .i32(GATES_QUIET)
      .op('i32ne');
    this.cell(CELL.limit).i32(LEAVE).op('i32eq', 'i32or');
    this.reg(PLACE.eflags).tee(OLD_FLAGS);
    c.i32(TF | NT | RF | VM)
      .op('i32and')
      .i32(0)
      .op('i32ne', 'i32or');
    this.reg(PLACE.cr0).i32(CR0_PE).op('i32and', 'i32eqz', 'i32or');
    this.refuse();
    this.reg(PLACE.cpl).set(OLD_CPL);
    this.lookFrom();
  }

  /** The front table's epoch of the moment: before any look. */
  protected lookFrom(): void {
    this.cell(CELL.epoch).set(EPOCH);
  }

  /** Leaves the function with 0 if the dword on the stack is not 0. */
  protected refuse(): void {
    this.c.if().i32(0).op('return', 'end');
  }

  /** Refuses if the flags in local `flags` let in an interrupt that waits: `mask` is IF. */
  protected interruptWaits(flags: number, mask: number): void {
    this.c.get(flags).i32(mask).op('i32and').i32(0).op('i32ne');
    this.cell(CELL.gates).i32(GATES_INTR).op('i32and').i32(0).op('i32ne', 'i32and');
    this.refuse();
  }

  // ---- pages ------------------------------------------------------------------------------------------------------

  /** Into `slot` the front table's slot for `lin`, less the table's address; refuses if the page is not there. */
  protected look(lin: number, slot: number, write: number, bank?: number): void {
    const { c, layout } = this;
    c.get(lin).i32(12).op('i32shr_u').get(lin).i32(22).op('i32shr_u', 'i32xor').i32(FRONT_MASK);
    c.op('i32and').i32(4).op('i32shl');
    if (bank !== undefined) c.get(bank).op('i32add');
    c.tee(slot).mem('i32load', layout.front + write);
    c.get(lin).i32(-4096).op('i32and').get(EPOCH).op('i32or', 'i32ne');
    this.refuse();
  }

  protected physical(lin: number, slot: number): Code {
    return this.c
      .get(lin)
      .get(slot)
      .mem('i32load', this.layout.front + FRONT_DELTA)
      .op('i32add');
  }

  /** BANK for accesses at the privilege in local `cpl`. */
  protected bankOf(cpl: number): void {
    this.c.i32(BANK_BYTES).i32(0).get(cpl).i32(3).op('i32eq', 'select').set(BANK);
  }

  // ---- gates and descriptors ----------------------------------------------------------------------------------------

  /** The gate of VECTOR, for software: HI, CODE_SELECTOR and TARGET_EIP. */
  protected gate(): void {
    const { c } = this;
    c.get(VECTOR).i32(1).op('i32add').set(U);
    this.atHand(GATE, GATE_LOOK, () => {
      c.get(VECTOR).i32(3).op('i32shl').i32(7).op('i32add');
      this.reg(PLACE.idtLimit).op('i32gt_u');
      this.refuse();
      this.reg(PLACE.idtBase).get(VECTOR).i32(3).op('i32shl', 'i32add').set(AT);
      this.readPair(AT, SLOT, HI);
      c.get(HI).i32(GATE_MASK).op('i32and').i32(GATE_TYPE).op('i32ne');
      this.refuse();
      c.get(LO).i32(16).op('i32shr_u').set(CODE_SELECTOR);
      c.get(LO).i32(0xffff).op('i32and').get(HI).i32(0xffff_0000).op('i32and', 'i32or').tee(TARGET_EIP);
      this.segment(CS_, LIMIT).op('i32gt_u');
      this.refuse();
    });
    this.dpl(HI).get(OLD_CPL).op('i32lt_u');
    this.refuse();
  }

  /** The code segment CODE_SELECTOR: refuses what differs from CS in more than privilege. */
  protected code(place: number): void {
    const { c } = this;
    this.atHand(place, CODE_LOOK, () => {
      this.descriptor(CODE_LOOK, CODE_HI);
      c.get(CODE_HI).i32(CODE_MASK).op('i32and').i32(CODE_TYPE).op('i32ne');
      c.get(CODE_HI);
      this.segment(CS_, ATTRIBUTES)
        .op('i32xor')
        .i32(SEG_RW | SEG_DB)
        .op('i32and', 'i32or');
      this.refuse();
      this.base(CODE_HI);
      this.segment(CS_, BASE).op('i32ne');
      this.limitOf(CODE_HI);
      this.segment(CS_, LIMIT).op('i32ne', 'i32or');
      this.refuse();
    });
  }

  /** The stack segment STACK_SELECTOR for privilege CPL. */
  protected stack(place: number): void {
    const { c } = this;
    c.get(STACK_SELECTOR).i32(3).op('i32and').get(CPL).op('i32ne');
    this.refuse();
    this.atHand(place, STACK_LOOK, () => {
      this.descriptor(STACK_LOOK, STACK_HI);
      c.get(STACK_HI).i32(STACK_MASK).op('i32and').i32(STACK_TYPE).op('i32ne');
      this.dpl(STACK_HI).get(CPL).op('i32ne', 'i32or');
      this.refuse();
      this.base(STACK_HI).set(STACK_BASE);
      this.limitOf(STACK_HI).set(STACK_LIMIT);
      this.shapeOfStack();
    });
    this.cell(CELL.shape).i32(~SHAPE_MASK).op('i32and').get(SHAPE).op('i32or').set(SHAPE);
  }

  /** The data segment STACK_SELECTOR, writable, for privilege OLD_CPL: what a stack's locals hold, and SHAPE its kind. */
  protected data(): void {
    const { c } = this;
    this.atHand(DATA_SEGMENT, STACK_LOOK, () => {
      this.descriptor(STACK_LOOK, STACK_HI);
      c.get(STACK_HI)
        .i32(STACK_MASK & ~SEG_DB)
        .op('i32and')
        .i32(STACK_TYPE & ~SEG_DB)
        .op('i32ne');
      this.refuse();
      this.base(STACK_HI).set(STACK_BASE);
      this.limitOf(STACK_HI).set(STACK_LIMIT);
      this.shapeOfStack();
    });
    this.dpl(STACK_HI).set(T);
    c.get(STACK_SELECTOR).i32(3).op('i32and').get(T).op('i32gt_u').get(OLD_CPL).get(T).op('i32gt_u', 'i32or');
    this.refuse();
  }

  /** The stack that the TSS holds for ring 0. */
  protected innerStack(): void {
    const { c, layout } = this;
    this.segment(TR_, ATTRIBUTES).i32(TSS_WIDE).op('i32and', 'i32eqz');
    this.segment(TR_, LIMIT).i32(9).op('i32lt_u', 'i32or');
    this.segment(TR_, BASE).i32(4).op('i32add').tee(TSS_AT).i32(3).op('i32and', 'i32or');
    this.refuse();
    c.get(TSS_AT).i32(4).op('i32add').get(TSS_AT).op('i32xor').i32(-4096).op('i32and');
    this.refuse();
    this.look(TSS_AT, TSS_SLOT, 0);
    this.physical(TSS_AT, TSS_SLOT).tee(PA).mem('i32load', layout.ram).set(TOP);
    c.get(PA)
      .mem('i32load16_u', layout.ram + 4)
      .set(STACK_SELECTOR);
    this.stack(ENTERED_STACK);
  }

  protected currentStack(): void {
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
  protected keeps(s: number): void {
    const { c } = this;
    this.segment(s, ATTRIBUTES).tee(T).i32(DPL).op('i32and').i32(DPL).op('i32ne').if();
    c.get(T).i32(CONFORMING).op('i32and').i32(CONFORMING).op('i32ne');
    this.dpl(T).get(CPL).op('i32lt_u', 'i32and').if();
    c.get(T);
    for (const field of [SELECTOR, BASE, LIMIT]) this.segment(s, field).op('i32or');
    this.refuse();
    c.op('end', 'end');
  }

  protected dpl(hi: number): Code {
    return this.c.get(hi).i32(SEG_DPL_SHIFT).op('i32shr_u').i32(3).op('i32and');
  }

  /** What `check` finds and sets, from what is at hand if that is the same; else `check` runs, and it is at hand. */
  private atHand(place: number, look: Look, check: () => void): void {
    const { c, layout } = this;
    const { key, at, slot, made } = look;
    const hand = layout.atHand + place * AT_HAND_BYTES;
    c.block().block();
    c.i32(0)
      .mem('i32load', hand + KEY)
      .get(key)
      .op('i32ne')
      .brIf(0);
    c.i32(0)
      .mem('i32load', hand + FRONT_SLOT)
      .tee(slot)
      .mem('i32load', layout.front);
    c.i32(0)
      .mem('i32load', hand + ADDRESS)
      .tee(at)
      .i32(-4096)
      .op('i32and')
      .get(EPOCH)
      .op('i32or', 'i32ne')
      .brIf(0);
    this.physical(at, slot).mem('i64load', layout.ram);
    c.i32(0)
      .mem('i64load', hand + BYTES)
      .op('i64ne')
      .brIf(0);
    for (const [n, local] of made.entries())
      c.i32(0)
        .mem('i32load', hand + MADE + 4 * n)
        .set(local);
    c.br(1).op('end');
    c.i32(0)
      .i32(NO_KEY)
      .mem('i32store', hand + KEY);
    check();
    const put = (offset: number, local: number) =>
      c
        .i32(0)
        .get(local)
        .mem('i32store', hand + offset);
    put(FRONT_SLOT, slot);
    put(ADDRESS, at);
    c.i32(0);
    this.physical(at, slot)
      .mem('i64load', layout.ram)
      .mem('i64store', hand + BYTES);
    for (const [n, local] of made.entries()) put(MADE + 4 * n, local);
    put(KEY, key);
    c.op('end');
  }

  /** The descriptor of a selector in the GDT. */
  private descriptor({ key, at, slot }: Look, hi: number): void {
    const { c } = this;
    // Null, or in the LDT.
    c.get(key).i32(0xfffc).op('i32and', 'i32eqz').get(key).i32(4).op('i32and', 'i32or');
    this.refuse();
    c.get(key).i32(0xfff8).op('i32and').tee(T).i32(7).op('i32add');
    this.reg(PLACE.gdtLimit).op('i32gt_u');
    this.refuse();
    this.reg(PLACE.gdtBase).get(T).op('i32add').set(at);
    this.readPair(at, slot, hi);
  }

  /** The two dwords at linear address `at`, which is to be a multiple of 8 (one page, one line): LO and `hi`. */
  private readPair(at: number, slot: number, hi: number): void {
    const { c, layout } = this;
    c.get(at).i32(7).op('i32and');
    this.refuse();
    this.look(at, slot, 0);
    this.physical(at, slot).tee(T).mem('i32load', layout.ram).set(LO);
    c.get(T)
      .mem('i32load', layout.ram + 4)
      .set(hi);
  }

  /** SHAPE's part for a stack segment of STACK_BASE and STACK_LIMIT; refuses one that the host does not know. */
  private shapeOfStack(): void {
    const { c, layout } = this;
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
    c.get(T)
      .i32(STACK_SHAPE - 4)
      .op('i32shl')
      .set(SHAPE);
  }

  private base(hi: number): Code {
    const { c } = this;
    c.get(LO).i32(16).op('i32shr_u').get(hi).i32(0xff).op('i32and').i32(16).op('i32shl', 'i32or');
    return c.get(hi).i32(0xff00_0000).op('i32and', 'i32or');
  }

  private limitOf(hi: number): Code {
    const { c } = this;
    c.get(LO).i32(0xffff).op('i32and').get(hi).i32(0xf_0000).op('i32and', 'i32or').tee(T);
    c.i32(12).op('i32shl').i32(0xfff).op('i32or').get(T).get(hi).i32(SEG_G).op('i32and', 'select');
    return c;
  }

  // ---- registers ------------------------------------------------------------------------------------------------

  protected reg(place: number): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + 4 * place);
  }

  protected setReg(place: number, value: () => void): void {
    this.c.i32(0);
    value();
    this.c.mem('i32store', this.layout.registers + 4 * place);
  }

  protected segment(s: number, field: number): Code {
    return this.reg(PLACE.segments + 4 * s + field);
  }

  protected setSegment(s: number, field: number, value: () => void): void {
    this.setReg(PLACE.segments + 4 * s + field, value);
  }
}
