/**
 * A unit, blocks of one page that lead to each other, as one WebAssembly function: `run(block)` goes from block to block
 * until it leaves the unit, comes to a border behind which the clock or `leave` wants a head, faults, or finds its own
 * code changed. Cycles, counters and fetches of a block are added as its constants.
 *
 * The blocks lie nested, so that one falls into the next; a jump elsewhere goes round by the loop's table.
 */
import type { Block } from '../blocks.ts';
import type { Insn } from '../insn.ts';
import { PRE_LINE, PRE_LINE2 } from '../insn.ts';
import { RF } from '../registers.ts';
import type { Segments } from './base.ts';
import { CELL, TARGETS } from './cells.ts';
import { Emitter } from './emit.ts';
import { CALL, CALL_INDIRECT, FORMS, JCC, JMP, JMP_INDIRECT, RET } from './forms.ts';
import { HELPERS, IMPORTS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { BANK, COUNTS, EIP_LOCAL, FETCHES, LINE, NEXT, OFFSET, PENDING, T, VALUE } from './locals.ts';
import { moreOf } from './more.ts';
import { moduleBytes } from './wasm.ts';

const SS = 2;
const ESP = 4;
/** Bits of a count in COUNTS. */
export const COUNT_BITS = 21;

export interface Unit {
  id: number;
  blocks: readonly Block[];
  /** Of each block: what was loaded and stored before each instruction, when all went well. */
  loads: readonly number[][];
  stores: readonly number[][];
}

/** The module of a unit, whose only export is `run`. */
export function translate(unit: Unit, layout: Layout, segments: Segments): Uint8Array<ArrayBuffer> {
  return moduleBytes(IMPORTS, [new Translation(unit, layout, segments).func()]);
}

class Translation {
  private readonly unit: Unit;
  private readonly layout: Layout;
  private readonly e: Emitter;
  private readonly numberOf = new Map<number, number>();
  /** The block that is written. */
  private now = 0;

  constructor(unit: Unit, layout: Layout, segments: Segments) {
    this.unit = unit;
    this.layout = layout;
    this.e = new Emitter(layout, segments);
    for (const [n, b] of unit.blocks.entries()) this.numberOf.set(b.eip, n);
  }

  func() {
    const { e, unit } = this;
    const { c } = e;
    const count = unit.blocks.length;
    e.begin();
    c.block(); // the exit
    c.loop();
    e.depth = 1;
    for (let n = 0; n < count; n++) c.block();
    c.get(NEXT).brTable(
      unit.blocks.map((_, n) => n),
      0,
    );
    for (let n = 0; n < count; n++) {
      c.op('end');
      this.now = n;
      // Blocks that are still open, and the loop.
      e.depth = count - 1 - n + 1;
      this.block(unit.blocks[n]);
    }
    c.op('unreachable', 'end', 'end');
    e.finish();
    return e.func('run');
  }

  private block(b: Block): void {
    const { e } = this;
    e.flags = 'any';
    e.atEnd = false;
    e.at = this.now << 8;
    e.due = b.ticks[1];
    this.fetchFirst(b);
    const last = b.insns.length - 1;
    for (let k = 0; k < last; k++) this.plain(b, k);
    this.last(b, last);
  }

  // ---- instructions -----------------------------------------------------------------------------------------------

  private place(b: Block, k: number): Insn {
    this.e.at = (this.now << 8) | k;
    this.e.due = b.ticks[k + 1];
    const i = b.insns[k];
    this.fetches(b, i);
    return i;
  }

  private plain(b: Block, k: number): void {
    const i = this.place(b, k);
    const form = FORMS[i.form] ?? moreOf(i);
    if (form) form(this.e, i);
    else this.e.execute();
  }

  private last(b: Block, k: number): void {
    const { e } = this;
    const { c } = e;
    const i = this.place(b, k);
    e.atEnd = true;
    const kind = i.form;
    if (kind >= JCC) return this.conditional(b, i);
    switch (kind) {
      case CALL:
        if (i.imm >>> 0 > e.segments.codeLimit) break;
        c.i32(i.next).set(VALUE);
        this.push();
        this.pushReturn(i.next);
        return this.direct(b, i.imm);
      case JMP:
        if (i.imm >>> 0 > e.segments.codeLimit) break;
        return this.direct(b, i.imm);
      case JMP_INDIRECT:
        this.target(i);
        this.checkTarget();
        this.predictTarget(i);
        return this.indirect(b);
      case CALL_INDIRECT:
        if (e.segments.codeLimit !== 0xffff_ffff) break;
        this.target(i);
        c.i32(i.next).set(VALUE);
        // A load that was made counts, should the push fault.
        this.push(!i.isReg);
        this.predictTarget(i);
        this.pushReturn(i.next);
        return this.indirect(b);
      case RET:
        e.r32(ESP).set(OFFSET);
        e.load(SS, 4);
        c.get(VALUE).set(EIP_LOCAL);
        this.checkTarget();
        e.r32(ESP).i32(4).op('i32add');
        e.setR32(ESP);
        this.popReturn();
        return this.indirect(b);
      default: {
        if (this.gate(i)) {
          this.behindGate(b);
          e.c.op('end');
          break;
        }
        const form = FORMS[kind] ?? (b.ends ? undefined : moreOf(i));
        if (form) {
          form(e, i);
          return this.direct(b, b.end);
        }
      }
    }
    e.execute();
    if (b.ends) e.stateEip().set(EIP_LOCAL);
    else c.i32(b.end).set(EIP_LOCAL);
    this.border(b);
    e.exitBorder();
  }

  /**
   * INT n and IRET by the shared code (gates.ts): opens a branch where that has done it. Behind the branch nothing is
   * done yet. False for other instructions.
   */
  private gate(i: Insn): boolean {
    const { e } = this;
    const { form } = i.row;
    const returns = form === 'IRET' && i.o32;
    if (!returns && form !== 'INT imm8') return false;
    const { c } = e;
    e.spill();
    e.pushDue();
    if (returns) c.call(HELPERS.iret);
    else
      c.i32(i.imm & 0xff)
        .i32(i.next)
        .call(HELPERS.interrupt);
    c.if();
    return true;
  }

  /** Behind a gate: a head with nothing to look at but the clock, then the block at EIP if it is here. */
  private behindGate(b: Block): void {
    const { e } = this;
    e.depth++;
    e.afterHelper();
    e.reload();
    e.stateEip().set(EIP_LOCAL);
    e.cell(CELL.bank).i32(this.layout.front).op('i32add').set(BANK);
    this.border(b);
    e.c.get(PENDING);
    e.cell(CELL.limit).op('i32ge_s');
    e.cell(CELL.reshaped).i32(0).op('i32ne', 'i32or');
    e.if(() => e.exitHead());
    this.ifHere(() => {
      const { c } = e;
      c.call(HELPERS.refetch);
      e.if(() => {
        // As the engine does behind a head, and before a block.
        c.i32(0);
        e.stateFlags().i32(~RF).op('i32and');
        e.storeFlags();
        if (b.region >= 0) e.setCell(CELL.row, () => c.i32(b.region << 7));
        c.br(e.depth - 1);
      });
    });
    e.exitHead();
    e.depth--;
  }

  /** CALL's push of VALUE. */
  private push(loaded = false): void {
    const { e } = this;
    const behind = () => {
      e.c.get(OFFSET);
      e.setR32(ESP);
    };
    e.r32(ESP).i32(4).op('i32sub').set(OFFSET);
    e.store(SS, 4, behind, loaded);
  }

  /** The target of an indirect jump or call, into EIP_LOCAL. */
  private target(i: Insn): void {
    const { e } = this;
    if (i.isReg) e.r32(i.rm);
    else {
      e.ea(i).set(OFFSET);
      e.load(i.seg, 4);
      e.c.get(VALUE);
    }
    e.c.set(EIP_LOCAL);
  }

  /** EIP_LOCAL is where an indirect jump or call goes. */
  private predictTarget(i: Insn): void {
    const { e, layout } = this;
    const { c } = e;
    const slot = layout.targetsOfBranches + 4 * ((i.eip ^ (i.eip >>> 12)) & layout.targetMask);
    c.i32(0).mem('i32load', slot).get(EIP_LOCAL).op('i32ne');
    e.if(() => {
      c.i32(0).get(EIP_LOCAL).mem('i32store', slot);
      this.mispredicted();
    });
  }

  private checkTarget(): void {
    const { e } = this;
    if (e.segments.codeLimit === 0xffff_ffff) return;
    e.c
      .get(EIP_LOCAL)
      .i32(e.segments.codeLimit | 0)
      .op('i32gt_u');
    e.if(() => {
      e.c.i32(e.at);
      e.pushDue().call(HELPERS.general);
      e.afterHelper();
      e.exitFault();
    });
  }

  // ---- the predictor ------------------------------------------------------------------------------------------------

  private pushReturn(next: number): void {
    const { c } = this.e;
    const { returnTop, returnMask, returns } = this.layout;
    c.i32(0).i32(0).mem('i32load', returnTop).i32(1).op('i32add').i32(returnMask).op('i32and').tee(T);
    c.mem('i32store', returnTop);
    c.get(T).i32(2).op('i32shl').i32(next).mem('i32store', returns);
  }

  /** EIP_LOCAL is where RET went. */
  private popReturn(): void {
    const { e } = this;
    const { c } = e;
    const { returnTop, returnMask, returns } = this.layout;
    c.i32(0).mem('i32load', returnTop).tee(T).i32(2).op('i32shl').mem('i32load', returns).set(VALUE);
    c.i32(0).get(T).i32(1).op('i32sub').i32(returnMask).op('i32and').mem('i32store', returnTop);
    c.get(VALUE).get(EIP_LOCAL).op('i32ne');
    e.if(() => this.mispredicted());
  }

  private mispredicted(): void {
    const { e } = this;
    const ticks = this.layout.mispredictTicks;
    e.setCell(CELL.mispredicts, () => e.cell(CELL.mispredicts).i32(1).op('i32add'));
    if (ticks === 0) return;
    e.setCell(CELL.mispredictTicks, () => e.cell(CELL.mispredictTicks).i32(ticks).op('i32add'));
    e.setCell(CELL.limit, () => e.cell(CELL.limit).i32(ticks).op('i32sub'));
  }

  private conditional(b: Block, i: Insn): void {
    const { e } = this;
    const { c } = e;
    if (i.imm >>> 0 > e.segments.codeLimit) {
      e.execute();
      e.stateEip().set(EIP_LOCAL);
      this.border(b);
      return e.exitBorder();
    }
    const counter = this.layout.counters + ((i.eip ^ (i.eip >>> 12)) & this.layout.counterMask);
    e.condition(i.form - JCC);
    this.totals(b);
    e.if(() => {
      c.i32(0).mem('i32load8_u', counter).tee(T).i32(3).op('i32lt_u');
      e.if(() => c.i32(0).get(T).i32(1).op('i32add').mem('i32store8', counter));
      c.get(T).i32(2).op('i32lt_u');
      e.if(() => this.mispredicted());
      this.go(i.imm, false);
    });
    c.i32(0).mem('i32load8_u', counter).tee(T);
    e.if(() => c.i32(0).get(T).i32(1).op('i32sub').mem('i32store8', counter));
    c.get(T).i32(2).op('i32ge_u');
    e.if(() => this.mispredicted());
    this.go(i.next, true);
  }

  // ---- borders --------------------------------------------------------------------------------------------------------

  /** The constants of a block that has run to its end. */
  private totals(b: Block): void {
    const { c } = this.e;
    const n = b.insns.length;
    const loads = this.unit.loads[this.now][n];
    const stores = this.unit.stores[this.now][n];
    const counts =
      BigInt(n) + (BigInt(loads) << BigInt(COUNT_BITS)) + (BigInt(stores) << BigInt(2 * COUNT_BITS));
    c.get(PENDING).i32(b.total).op('i32add').set(PENDING);
    c.get(COUNTS).i64(counts).op('i64add').set(COUNTS);
    c.i32(b.lastLine).set(LINE);
  }

  /** The block has run to its end, EIP_LOCAL is set. */
  private border(b: Block): void {
    this.totals(b);
    this.e.flags = 'any';
  }

  private direct(b: Block, eip: number): void {
    this.border(b);
    this.go(eip, true);
  }

  /** To the block at `eip`, unless a head has work to do. `fallsThrough`: nothing but the next block is behind. */
  private go(eip: number, fallsThrough: boolean): void {
    const { e } = this;
    const { c } = e;
    const next = this.numberOf.get(eip);
    c.i32(eip).set(EIP_LOCAL);
    if (next === undefined) return e.exitBorder();
    c.get(PENDING);
    e.cell(CELL.limit).op('i32ge_s');
    c.if();
    e.depth++;
    e.exitBorder();
    e.depth--;
    c.op('end');
    if (fallsThrough && next === this.now + 1) return;
    c.i32(next)
      .set(NEXT)
      .br(e.depth - 1);
  }

  /** To the block at EIP_LOCAL, if the unit has it. */
  private indirect(b: Block): void {
    const { e } = this;
    const { c } = e;
    this.border(b);
    c.get(PENDING);
    e.cell(CELL.limit).op('i32ge_s');
    e.if(() => e.exitBorder());
    this.ifHere(() => c.br(e.depth - 1));
    e.exitBorder();
  }

  /** If the unit has the block at EIP_LOCAL: its number into NEXT, then `body`. */
  private ifHere(body: () => void): void {
    const { e } = this;
    const { c } = e;
    c.get(EIP_LOCAL)
      .get(EIP_LOCAL)
      .i32(12)
      .op('i32shr_u', 'i32xor')
      .i32(TARGETS - 1)
      .op('i32and')
      .i32(3);
    c.op('i32shl').tee(T).mem('i32load', this.layout.targetsAt).get(EIP_LOCAL).op('i32eq');
    e.if(() => {
      c.get(T)
        .mem('i32load', this.layout.targetsAt + 4)
        .tee(T)
        .i32(8)
        .op('i32shr_u')
        .i32(this.unit.id)
        .op('i32eq');
      e.if(() => {
        c.get(T).i32(0xff).op('i32and').set(NEXT);
        body();
      });
    });
  }

  // ---- fetching ---------------------------------------------------------------------------------------------------------

  private fetchFirst(b: Block): void {
    const { e } = this;
    e.c.get(LINE).i32(b.firstLine).op('i32ne');
    e.if(() => this.fetch(b.pa));
  }

  /** The lines that the engine fetches before an instruction (Insn.pre). */
  private fetches(b: Block, i: Insn): void {
    const pa = b.pa + ((i.eip - b.eip) | 0);
    if (i.pre & PRE_LINE) this.fetch(pa);
    if (i.pre & PRE_LINE2) this.fetch(pa + i.length - 1);
  }

  private fetch(pa: number): void {
    const { e, layout } = this;
    const { c } = e;
    c.get(FETCHES).i32(1).op('i32add').set(FETCHES);
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1i;
    const line = pa >>> shift;
    c.i32(0)
      .mem('i32load', tags + 4 * (line & setMask) * ways)
      .i32(line << 2)
      .op('i32ne');
    e.if(() => {
      c.i32(pa);
      e.pushDue().call(HELPERS.fetch);
      e.afterHelper();
    });
  }
}
