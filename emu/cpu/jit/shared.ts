/**
 * Accesses whose line is not at hand, as Mmu.read…, write… and probeWrite do them with the front table: in compiled code
 * that all units share. They put the line into the filter. What the front table does not know, or lies in two lines, is
 * the host's.
 */
import { FILLED } from '../../mmu/filter.ts';
import { CELL } from './cells.ts';
import { HELPERS, HOST_IMPORTS, type SharedHelper } from './helpers.ts';
import type { Layout } from './layout.ts';
import { FRONT_DELTA, FRONT_MASK, FRONT_STAMP, FRONT_WRITE } from './places.ts';
import { type Code, type Func, I32 } from './wasm.ts';
import { Writer } from './writer.ts';

/** Functions of the shared module: Hierarchy.load and store, (pa, due); the walker's loads, and walks.ts. */
export const FILL = HOST_IMPORTS.length;
export const SPILL = FILL + 1;
export const WALK_LINE = FILL + 2;
export const SWITCH_LINE = FILL + 3;
export const WALK_DATA = FILL + 4;
export const WALK_CODE = FILL + 5;

const MAX_STAMP = 0x7fff_ffff;

/** Gives the cell whose address is in local `cell` a new stamp, as Recency.touch does. Local `t` is lost. */
export function stamp(c: Code, layout: Layout, cell: number, t: number): void {
  const { dataClock } = layout;
  c.i32(0).i32(0).mem('i32load', dataClock).i32(1).op('i32add').tee(t).mem('i32store', dataClock);
  c.get(cell).get(t).mem('i32store', 0);
  c.get(t).i32(MAX_STAMP).op('i32eq').if().call(HELPERS.renumber).op('end');
}

/** The set of the line of the address in local `lin`, in bytes, into local `slot`. */
export function filterSlot(c: Code, layout: Layout, lin: number, slot: number): void {
  const { filter } = layout;
  c.get(lin)
    .i32(filter.shift - 2)
    .op('i32shr_u');
  c.i32(filter.mask << 2)
    .op('i32and')
    .set(slot);
}

// Parameters: a store has its value behind ACCESS.
const LIN = 0;
const ACCESS = 1;

interface Locals {
  due: number;
  at: number;
  slot: number;
  pa: number;
  entry: number;
  t: number;
}

const LOCALS = [I32, I32, I32, I32];

/** `value`: parameters are (lin, access, value, due, at), else (lin, access, due, at). */
function localsOf(value: boolean): Locals {
  const n = value ? 3 : 2;
  return { due: n, at: n + 1, slot: n + 2, pa: n + 3, entry: n + 4, t: n + 5 };
}

abstract class Access extends Writer {
  private readonly name: SharedHelper;
  protected readonly l: Locals;
  private readonly hasValue: boolean;
  private readonly results: readonly number[];

  constructor(layout: Layout, name: SharedHelper, hasValue: boolean, results: readonly number[]) {
    super(layout);
    this.name = name;
    this.hasValue = hasValue;
    this.l = localsOf(hasValue);
    this.results = results;
  }

  abstract func(): Func;

  protected finished(): Func {
    const parameters = [I32, I32, I32, I32, ...(this.hasValue ? [I32] : [])];
    return {
      signature: { parameters, results: this.results },
      locals: LOCALS,
      code: this.c,
      name: this.name,
    };
  }

  /** Leaves the block around unless the front table has, or gets, the page of LIN (`write`: for stores); sets slot. */
  protected front(write: boolean): void {
    const { c, layout, l } = this;
    c.get(LIN).i32(12).op('i32shr_u').get(LIN).i32(22).op('i32shr_u', 'i32xor').i32(FRONT_MASK);
    c.op('i32and').i32(4).op('i32shl');
    this.cell(CELL.bank).op('i32add').tee(l.slot);
    c.mem('i32load', layout.front + (write ? FRONT_WRITE : 0));
    c.get(LIN).i32(-4096).op('i32and');
    this.cell(CELL.epoch).op('i32or', 'i32ne').if();
    c.get(LIN)
      .i32(write ? 1 : 0)
      .get(l.due)
      .call(WALK_DATA)
      .op('i32eqz')
      .brIf(1);
    c.op('end');
  }

  /** Leaves the block around if the operand crosses a border of `unit` bytes. */
  protected within(unit: number): void {
    const { c } = this;
    c.get(LIN)
      .i32(unit - 1)
      .op('i32and')
      .i32(unit);
    this.size().op('i32sub', 'i32gt_u').brIf(0);
  }

  protected size(): Code {
    return this.c.get(ACCESS).i32(4).op('i32shr_u');
  }

  /** Physical address, and the TLB entry used, as Mmu.use does. */
  protected use(): void {
    const { c, layout, l } = this;
    c.get(LIN)
      .get(l.slot)
      .mem('i32load', layout.front + FRONT_DELTA)
      .op('i32add')
      .set(l.pa);
    c.get(l.slot)
      .mem('i32load', layout.front + FRONT_STAMP)
      .tee(l.entry);
    this.cell(CELL.lastEntry).op('i32ne').if();
    this.setCell(CELL.lastEntry, () => c.get(l.entry));
    stamp(c, layout, l.entry, l.t);
    c.op('end');
  }

  /** Puts the line of LIN into the filter: `tags` says for what. Local slot is lost. */
  protected keep(tags: 'reads' | 'writes'): void {
    const { c, layout, l } = this;
    const { filter } = layout;
    const other = tags === 'reads' ? filter.writes : filter.reads;
    filterSlot(c, layout, LIN, l.slot);
    if (!layout.timed) this.noteFilled();
    this.tag().set(l.t);
    c.get(l.slot).get(l.t).mem('i32store', filter[tags]);
    // Both share delta and entry: what stands there for the other is void unless those are its own.
    c.get(l.pa).get(LIN).op('i32sub').tee(l.t).get(l.slot).mem('i32load', filter.delta).op('i32ne');
    c.get(l.entry).get(l.slot).mem('i32load', filter.entry).op('i32ne', 'i32or').if();
    c.get(l.slot).i32(0).mem('i32store', other);
    c.get(l.slot).get(l.t).mem('i32store', filter.delta);
    c.get(l.slot).get(l.entry).mem('i32store', filter.entry);
    c.op('end');
  }

  /** An empty set of the filter is about to be filled: it is noted, as LineFilter.clear wants. */
  private noteFilled(): void {
    const { c, layout, l } = this;
    const { filter } = layout;
    c.get(l.slot)
      .mem('i32load', filter.reads)
      .get(l.slot)
      .mem('i32load', filter.writes)
      .op('i32or', 'i32eqz');
    c.if();
    c.i32(0).i32(0).mem('i32load', filter.filled).i32(1).op('i32add').tee(l.t).mem('i32store', filter.filled);
    c.get(l.t).i32(FILLED).op('i32le_s').if();
    c.get(l.t).i32(2).op('i32shl').get(l.slot).i32(2).op('i32shr_u').mem('i32store', filter.filled);
    c.op('end', 'end');
  }

  protected tag(): Code {
    const line = 1 << this.layout.filter.shift;
    this.c.get(LIN).i32(-line).op('i32and');
    return this.cell(CELL.bankBits).op('i32or');
  }

  protected line(): number {
    return 1 << this.layout.filter.shift;
  }

  protected clean(): void {
    this.setCell(CELL.status, () => this.c.i32(0));
    this.setCell(CELL.due, () => this.c.get(this.l.due));
  }

  /** Pushes L1D's tag of the most recent line of the set of pa; leaves the line number in t. */
  protected recent(): void {
    const { c, layout, l } = this;
    const { tags, shift, setMask, ways } = layout.l1d;
    c.get(l.pa).i32(shift).op('i32shr_u').tee(l.t).i32(setMask).op('i32and');
    c.i32(4 * ways)
      .op('i32mul')
      .mem('i32load', tags);
  }
}

export class Load extends Access {
  constructor(layout: Layout) {
    super(layout, 'load', false, [I32]);
  }

  func(): Func {
    const { c, layout, l } = this;
    c.block();
    this.front(false);
    this.within(this.line());
    this.clean();
    this.use();
    if (layout.timed) {
      this.recent();
      c.i32(2).op('i32shr_s').get(l.t).op('i32ne').if();
      c.get(l.pa).get(l.due).call(FILL).op('end');
    }
    this.keep('reads');
    this.size().i32(4).op('i32eq').if();
    c.get(l.pa).mem('i32load', layout.ram).op('return', 'end');
    this.size().i32(2).op('i32eq').if();
    c.get(l.pa).mem('i32load16_u', layout.ram).op('return', 'end');
    c.get(l.pa).mem('i32load8_u', layout.ram).op('return', 'end');
    c.get(LIN).get(ACCESS).get(l.due).get(l.at).call(HELPERS.read);
    return this.finished();
  }
}

export class Store extends Access {
  constructor(layout: Layout) {
    super(layout, 'store', true, []);
  }

  func(): Func {
    const { c, layout, l } = this;
    const VALUE = 2;
    c.block();
    this.front(true);
    this.within(this.line());
    this.clean();
    this.use();
    this.touch();
    this.size().i32(4).op('i32eq').if();
    c.get(l.pa).get(VALUE).mem('i32store', layout.ram).op('return', 'end');
    this.size().i32(2).op('i32eq').if();
    c.get(l.pa).get(VALUE).mem('i32store16', layout.ram).op('return', 'end');
    c.get(l.pa).get(VALUE).mem('i32store8', layout.ram).op('return', 'end');
    c.get(LIN).get(ACCESS).get(VALUE).get(l.due).get(l.at).call(HELPERS.write);
    return this.finished();
  }

  /** Walker.storeLine. */
  private touch(): void {
    const { c, layout, l } = this;
    if (!layout.timed) return this.keep('writes');
    if (layout.writeBack) {
      this.notDirty();
      c.if().get(l.pa).get(l.due).call(SPILL).op('end');
      this.notDirty();
      // A miss need not bring the line in.
      c.op('i32eqz').if();
      this.keep('writes');
      c.op('end');
      return;
    }
    const { store } = layout.filter;
    c.get(l.pa).i32(layout.l1d.shift).op('i32shr_u').tee(l.t);
    c.i32(0).mem('i32load', layout.lastStore).op('i32ne').if();
    c.i32(0).get(l.t).mem('i32store', layout.lastStore);
    c.get(l.pa).get(l.due).call(SPILL).op('end');
    c.i32(0);
    this.tag().mem('i32store', store);
    c.i32(0)
      .get(l.pa)
      .get(LIN)
      .op('i32sub')
      .mem('i32store', store + 4);
    c.i32(0)
      .get(l.entry)
      .mem('i32store', store + 8);
  }

  /** Pushes whether the line of pa is anything but the most recent of its set, and dirty. */
  private notDirty(): void {
    this.recent();
    this.c.get(this.l.t).i32(2).op('i32shl').i32(1).op('i32or', 'i32ne');
  }
}

/** Of a store that comes later: its faults only. */
export class Check extends Access {
  constructor(layout: Layout) {
    super(layout, 'check', false, []);
  }

  func(): Func {
    const { c, l } = this;
    c.block();
    this.front(true);
    this.within(4096);
    this.clean();
    c.op('return', 'end');
    c.get(LIN).get(ACCESS).get(l.due).get(l.at).call(HELPERS.probe);
    return this.finished();
  }
}
