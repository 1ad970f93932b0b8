/**
 * Runs of strings for a write-through L1D that does not allocate on stores. A line costs a few dozen host instructions, so
 * all of the hierarchy is inline, misses of L2 too, and the clock, the bus and what each cause is charged are in locals.
 * Ticks are whole numbers (profile.ts
 * checks it), so they are integers here, and their sums are exact in any order.
 */
import { CAUSE } from '../../accounting.ts';
import { BUS_FREE, RING, RING_NEXT, STORES_DONE, STREAM_VICTIM } from '../../mmu/hierarchy.ts';
import { RUN } from '../runs.ts';
import { CELL } from './cells.ts';
import type { CacheLayout } from './layout.ts';
import { RUN_LOCALS, StringRun, X, Y } from './string-runs.ts';
import { SYNC } from './string-writer.ts';
import { I32, I64, V128 } from './wasm.ts';

const ISSUE = CAUSE.issue;
const DATA_L2 = CAUSE.dataL2;
const DATA_MEMORY = CAUSE.dataMemory;
const STORE_BUFFER = CAUSE.storeBuffer;

// More locals of a run that holds time in them.
const DUE = 13;
const L2_NUMBER = 14;
const L2_AT = 15;
const FOUND = 16;
const OLD = 17;
const FREE = 18;
const NEXT_SLOT = 19;
const MISSES_1 = 20;
const MISSES_2 = 21;
const ACCESSES = 22;
const TIME = 23;
const BUS = 24;
const STORED = 25;
const WAIT = 26;
const FINISHED = 27;
const SUMS = 28;
const SUMMED: readonly number[] = [ISSUE, DATA_L2, DATA_MEMORY, STORE_BUFFER];
const LINES = SUMS + SUMMED.length;

export class FastRun extends StringRun {
  protected override locals(): number[] {
    const dwords = TIME - DUE;
    const qwords = LINES - TIME;
    return [
      ...RUN_LOCALS,
      ...Array.from({ length: dwords }, () => I32),
      ...Array.from({ length: qwords }, () => I64),
      V128,
    ];
  }

  protected override begin(): void {
    // What is due may wait, but not mispredictions: nothing here reads the clock without charging both.
    this.cell(CELL.mispredictTicks).if().call(SYNC).op('end');
    super.clock().op('i64trunc_s').set(TIME);
    this.timing(BUS_FREE).op('i64trunc_s').set(BUS);
    this.timing(STORES_DONE).op('i64trunc_s').set(STORED);
    this.cell(CELL.due).set(DUE);
    this.word(RING_NEXT).set(NEXT_SLOT);
  }

  protected override suspend(): void {
    const { c, layout } = this;
    c.i32(0).get(TIME).op('f64convert_i64_s').mem('f64store', layout.time);
    this.setTiming(BUS_FREE, () => void c.get(BUS).op('f64convert_i64_s'));
    this.setTiming(STORES_DONE, () => void c.get(STORED).op('f64convert_i64_s'));
    this.setCell(CELL.due, () => c.get(DUE));
    this.setWord(RING_NEXT, () => c.get(NEXT_SLOT));
  }

  protected override finish(): void {
    const { layout } = this;
    for (const [n, cause] of SUMMED.entries()) {
      const at = layout.matrix + 8 * cause;
      this.cell(CELL.row);
      this.cell(CELL.row)
        .mem('f64load', at)
        .get(SUMS + n)
        .op('f64convert_i64_s', 'f64add')
        .mem('f64store', at);
    }
    const add = (dword: number, local: number) =>
      this.setRun(dword, () => this.run(dword).get(local).op('i32add'));
    add(RUN.l1dMisses, MISSES_1);
    add(RUN.l2Misses, MISSES_2);
    add(RUN.l2Accesses, ACCESSES);
  }

  protected override clock() {
    return this.c.get(TIME).op('f64convert_i64_s');
  }

  protected override charge(cause: number, ticks: () => void): void {
    const { c } = this;
    const sum = SUMS + SUMMED.indexOf(cause);
    c.get(sum);
    ticks();
    c.op('i64add').set(sum).get(TIME);
    ticks();
    c.op('i64add').set(TIME);
  }

  protected override synced(): void {
    const { c } = this;
    c.get(DUE).if();
    this.charge(ISSUE, () => this.ticks(DUE));
    c.i32(0).set(DUE).op('end');
  }

  protected override due(push: () => void): void {
    push();
    this.c.set(DUE);
  }

  protected override ticks(local: number): void {
    this.c.get(local).op('i64extend_u');
  }

  /** Pushes the later of two ticks. */
  private later(one: number, two: number) {
    return this.c.get(one).get(two).get(one).get(two).op('i64gt_s', 'select');
  }

  private stream() {
    return this.c.i64(BigInt(this.layout.stream)).op('i64add');
  }

  private plus(local: number): void {
    this.c.get(local).i32(1).op('i32add').set(local);
  }

  protected override missedLoad(pa: number): void {
    const { c, layout } = this;
    const { l1d, l2 } = layout;
    this.forget(X);
    this.way(l1d, X, Y);
    this.missed(l1d, FOUND).if();
    this.plus(MISSES_1);
    this.plus(ACCESSES);
    this.set(l2, pa, L2_NUMBER, L2_AT);
    this.way(l2, L2_NUMBER, L2_AT);
    this.missed(l2, FOUND).if();
    this.synced();
    this.transferred();
    this.insert(l1d, Y, () => c.get(X).i32(2).op('i32shl'));
    c.get(FINISHED).get(TIME).op('i64sub').set(WAIT);
    this.occupied();
    this.charge(DATA_MEMORY, () => c.get(WAIT));
    c.op('else');
    this.toFront(l2, L2_AT, FOUND, OLD, FREE);
    this.insert(l1d, Y, () => c.get(X).i32(2).op('i32shl'));
    this.synced();
    this.charge(DATA_L2, () => c.i64(BigInt(layout.l2Hit)));
    c.op('end', 'else');
    this.toFront(l1d, Y, FOUND, OLD, FREE);
    c.op('end');
  }

  protected override missedStore(pa: number): void {
    const { c, layout } = this;
    const { l1d, l2 } = layout;
    c.get(X).i32(l1d.setMask).op('i32and');
    c.i32(4 * l1d.ways)
      .op('i32mul')
      .set(Y);
    this.way(l1d, X, Y);
    this.missed(l1d, FOUND).if();
    this.plus(MISSES_1);
    c.op('else').get(FOUND).if();
    this.forget(X);
    this.toFront(l1d, Y, FOUND, OLD, FREE);
    c.op('end', 'end');
    this.synced();
    const ring = layout.timing + 8 * RING;
    c.get(NEXT_SLOT).i32(3).op('i32shl').tee(FREE).mem('f64load', ring);
    c.op('i64trunc_s').get(TIME).op('i64sub').tee(WAIT).i64(0n).op('i64gt_s').if();
    this.charge(STORE_BUFFER, () => c.get(WAIT));
    c.op('end');
    c.i32(0).get(NEXT_SLOT).i32(1).op('i32add').tee(NEXT_SLOT);
    c.get(NEXT_SLOT).i32(layout.storeEntries).op('i32eq', 'select').set(NEXT_SLOT);
    this.plus(ACCESSES);
    this.later(TIME, STORED).i64(BigInt(layout.l2Store)).op('i64add').set(STORED);
    this.set(l2, pa, L2_NUMBER, L2_AT);
    this.way(l2, L2_NUMBER, L2_AT);
    this.missed(l2, FOUND).if();
    // FREE is lost.
    c.get(FREE).set(Y);
    this.transferred();
    this.later(STORED, FINISHED).set(STORED);
    this.occupied();
    c.get(Y).set(FREE);
    c.op('else');
    c.get(FREE).set(Y);
    this.toFront(l2, L2_AT, FOUND, OLD, FREE);
    c.get(Y).set(FREE).op('end');
    this.dirty(l2, L2_AT);
    c.get(FREE).get(STORED).op('f64convert_i64_s').mem('f64store', ring);
  }

  /** The bus brings L2_NUMBER into L2, at FINISHED; OLD is the tag that fell out. */
  private transferred(): void {
    const { c, layout } = this;
    const { l2, streams, streamCount } = layout;
    this.plus(MISSES_2);
    this.later(TIME, BUS).tee(FINISHED);
    this.stream().set(BUS);
    c.block();
    for (let n = 0; n < streamCount; n++) {
      const at = streams + 4 * n;
      c.i32(0).mem('i32load', at).get(L2_NUMBER).op('i32eq').if();
      c.i32(0).get(L2_NUMBER).i32(1).op('i32add').mem('i32store', at);
      c.get(BUS).set(FINISHED).br(1).op('end');
    }
    if (streamCount > 0) {
      this.word(STREAM_VICTIM).tee(FREE).i32(2).op('i32shl').get(L2_NUMBER).i32(1).op('i32add');
      c.mem('i32store', streams);
      this.setWord(STREAM_VICTIM, () => {
        c.i32(0).get(FREE).i32(1).op('i32add').tee(FREE).get(FREE).i32(streamCount).op('i32eq', 'select');
      });
    }
    c.get(FINISHED).i64(BigInt(layout.random)).op('i64add').set(FINISHED).op('end');
    this.victim(l2, L2_AT).set(OLD);
    this.insert(l2, L2_AT, () => c.get(L2_NUMBER).i32(2).op('i32shl'));
  }

  /** Hierarchy.retireFromL2 of OLD. An empty way's tag is negative. */
  private occupied(): void {
    const { c } = this;
    c.get(OLD)
      .i32(0x8000_0001 | 0)
      .op('i32and')
      .i32(1)
      .op('i32eq')
      .if();
    this.later(BUS, TIME);
    this.stream().set(BUS).op('end');
  }

  /** FOUND is the way of a set that holds a line, or the number of ways. */
  private way(cache: CacheLayout, line: number, set: number): void {
    const { c } = this;
    const { ways, tags } = cache;
    if (ways % 4 !== 0 || ways > 16) return this.find(cache, line, set, FOUND);
    c.get(line).vector('i32x4splat').set(LINES);
    c.i32(1 << ways);
    for (let w = 0; w < ways; w += 4) {
      c.get(set)
        .mem('v128load', tags + 4 * w)
        .i32(2)
        .vector('i32x4shr_s')
        .get(LINES)
        .vector('i32x4eq', 'i32x4bitmask');
      if (w > 0) c.i32(w).op('i32shl');
      c.op('i32or');
    }
    c.op('i32ctz').set(FOUND);
  }
}
