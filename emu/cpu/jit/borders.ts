/**
 * Between the blocks of a unit: what a block's end adds up, the way to the next one, which its line is fetched on, and out of
 * the unit. Translation (translate.ts) is one object with this and Branches.
 */
import type { Block } from '../blocks.ts';
import { type Insn, PRE_LINE, PRE_LINE2 } from '../insn.ts';
import type { Segments } from './base.ts';
import { CELL, TARGET, TARGET_SHIFT, TARGETS } from './cells.ts';
import { Emitter } from './emit.ts';
import { HELPERS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { EIP_LOCAL, LINE, NEXT, PENDING, SLOT, T, VALUE } from './locals.ts';

/** Bits of a count in CELL.counts. */
export const COUNT_BITS = 21;

export interface Unit {
  id: number;
  blocks: readonly Block[];
  /** Numbers of the blocks with which others may go on; the first is what it is compiled for. */
  entries: readonly number[];
  /** Of each block: what was loaded and stored before each instruction, when all went well. */
  loads: readonly number[][];
  stores: readonly number[][];
}

/** A label that is open: a break to it leads to these blocks. */
interface Scope {
  level: number;
  entries: readonly number[];
}

export abstract class Borders {
  protected readonly unit: Unit;
  protected readonly layout: Layout;
  protected readonly e: Emitter;
  protected readonly numberOf = new Map<number, number>();
  /** Innermost last; the first leads to all entries. */
  protected readonly scopes: Scope[] = [];
  /** The block that is written. */
  protected now = 0;

  constructor(unit: Unit, layout: Layout, segments: Segments) {
    this.unit = unit;
    this.layout = layout;
    this.e = new Emitter(layout, segments);
    for (const [n, b] of unit.blocks.entries()) this.numberOf.set(b.eip, n);
  }

  /** A break to block `n`, to which the way is open. */
  protected breakTo(n: number): void {
    const { e, scopes } = this;
    let at = scopes.length - 1;
    while (!scopes[at].entries.includes(n)) at--;
    const { level, entries } = scopes[at];
    if (entries.length > 1 || at === 0) e.c.i32(n).set(NEXT);
    e.c.br(e.depth - level - 1);
  }

  /** A break to the block whose number is in NEXT, an entry. */
  protected breakToNext(): void {
    this.e.c.br(this.e.depth - 1);
  }

  /** The constants of a block that has run to its end. */
  protected totals(b: Block): void {
    const { c } = this.e;
    if (this.layout.omit.has('counts')) return;
    const n = b.insns.length;
    const loads = this.unit.loads[this.now][n];
    const stores = this.unit.stores[this.now][n];
    const counts =
      BigInt(n) + (BigInt(loads) << BigInt(COUNT_BITS)) + (BigInt(stores) << BigInt(2 * COUNT_BITS));
    this.e.setCell(CELL.ticks, () => this.e.cell(CELL.ticks).i32(b.total).op('i32add').tee(PENDING));
    const at = this.layout.cellsAt + 4 * CELL.counts;
    c.i32(0).i32(0).mem('i64load', at).i64(counts).op('i64add').mem('i64store', at);
  }

  /** The block has run to its end. */
  protected border(b: Block): void {
    this.totals(b);
    this.e.flags = 'any';
  }

  protected exitBorder(b: Block): void {
    this.e.c.i32(b.lastLine).set(LINE);
    this.e.exitBorder();
  }

  /** Leaves the unit if a head has work to do; `push` pushes EIP. */
  protected checkClock(b: Block, push: () => void): void {
    const { e } = this;
    if (this.layout.omit.has('clock')) return;
    e.c.get(PENDING);
    e.cell(CELL.limit).op('i32ge_s');
    e.seldom(() => {
      push();
      e.c.set(EIP_LOCAL);
      this.exitBorder(b);
    });
  }

  protected direct(b: Block, eip: number): void {
    this.border(b);
    this.go(b, eip);
  }

  /** From the end of `b` to the block at `eip`. */
  protected go(b: Block, eip: number): void {
    const { e } = this;
    const { c } = e;
    const next = this.numberOf.get(eip);
    if (next === undefined) {
      c.i32(eip).set(EIP_LOCAL);
      return this.exitBorder(b);
    }
    this.checkClock(b, () => void c.i32(eip));
    const to = this.unit.blocks[next];
    if (to.firstLine !== b.lastLine) {
      e.due = to.ticks[1];
      this.fetch(to.pa);
    }
    this.breakTo(next);
  }

  /** An executor has set EIP. */
  protected leaveBehind(b: Block): void {
    this.e.stateEip().set(EIP_LOCAL);
    this.border(b);
    this.exitBorder(b);
  }

  /** To the block at EIP_LOCAL, if the unit has it. */
  protected indirect(b: Block): void {
    const { e } = this;
    const { c } = e;
    this.border(b);
    c.get(EIP_LOCAL)
      .get(EIP_LOCAL)
      .i32(12)
      .op('i32shr_u', 'i32xor')
      .i32(TARGETS - 1)
      .op('i32and')
      .i32(TARGET_SHIFT);
    c.op('i32shl').tee(SLOT).mem('i32load', this.targetAt(TARGET.eip)).get(EIP_LOCAL).op('i32eq');
    e.if(() => {
      c.get(SLOT).mem('i32load', this.targetAt(TARGET.unit)).i32(this.unit.id).op('i32eq');
      e.if(() => {
        this.checkClock(b, () => void c.get(EIP_LOCAL));
        c.get(SLOT).mem('i32load', this.targetAt(TARGET.block)).set(NEXT);
        this.fetchElsewhere(b);
        this.breakToNext();
      });
    });
    this.exitBorder(b);
  }

  /** Where a dword of a target is, from SLOT. */
  protected targetAt(dword: number): number {
    return this.layout.targetsAt + 4 * dword;
  }

  /** The lines that the engine fetches before an instruction (Insn.pre). */
  protected fetches(b: Block, i: Insn): void {
    const pa = b.pa + ((i.eip - b.eip) | 0);
    if (i.pre & PRE_LINE) this.fetch(pa);
    if (i.pre & PRE_LINE2) this.fetch(pa + i.length - 1);
  }

  protected countFetch(): void {
    this.e.setCell(CELL.fetches, () => this.e.cell(CELL.fetches).i32(1).op('i32add'));
  }

  protected fetch(pa: number): void {
    const { e, layout } = this;
    const { c } = e;
    if (layout.omit.has('fetch')) return;
    this.countFetch();
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1i;
    const line = pa >>> shift;
    c.i32(0)
      .mem('i32load', tags + 4 * (line & setMask) * ways)
      .i32(line << 2)
      .op('i32ne');
    e.seldom(() => {
      c.i32(pa);
      e.pushDue().call(HELPERS.fetch);
      e.afterHelper();
    });
  }

  /** Fetches where the target in SLOT begins, unless `b` ended in its line. */
  protected fetchElsewhere(b: Block): void {
    const { e, layout } = this;
    if (layout.omit.has('fetch')) return;
    e.c.get(SLOT).mem('i32load', this.targetAt(TARGET.pa)).tee(T);
    e.c
      .i32(layout.timed ? layout.l1i.shift : 12)
      .op('i32shr_u')
      .i32(b.lastLine)
      .op('i32ne');
    e.if(() => this.fetchTarget());
  }

  /** The first line of the target in SLOT, whose physical address is in T. */
  protected fetchTarget(): void {
    const { e, layout } = this;
    const { c } = e;
    this.countFetch();
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1i;
    c.get(T).i32(shift).op('i32shr_u').tee(VALUE).i32(setMask).op('i32and');
    c.i32(4 * ways)
      .op('i32mul')
      .mem('i32load', tags)
      .get(VALUE)
      .i32(2)
      .op('i32shl', 'i32ne');
    e.if(() => {
      const first = () => c.get(SLOT).mem('i32load', this.targetAt(TARGET.first));
      c.get(T).get(PENDING);
      first().op('i32add').call(HELPERS.fetch);
      e.setCell(CELL.ticks, () => {
        e.cell(CELL.due);
        first().op('i32sub');
      });
    });
  }
}
