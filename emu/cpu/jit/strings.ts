/**
 * What a run of rounds of a string instruction does to caches and clock (cpu/runs.ts, `lines`), in compiled code: one
 * function for each kind of round. The hierarchy is all here (mmu/hierarchy.ts), misses of L2 too, since a long string
 * brings in a line or two every few rounds.
 *
 * Parameters of a run: physical addresses of the first elements (of its operands), rounds, log2 of an element's bytes, step
 * in bytes; what else goes in and comes out is in cells of its own (RUN). The result is the rounds that were done.
 */
import { CAUSE } from '../../accounting.ts';
import { BUS_FREE, RING, RING_NEXT, STORES_DONE, STREAM_VICTIM } from '../../mmu/hierarchy.ts';
import { CELL } from './cells.ts';
import type { CacheLayout, Layout } from './layout.ts';
import { F64, type Func, I32, moduleBytes, V128 } from './wasm.ts';
import { Writer } from './writer.ts';

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;
const DATA_L2 = CAUSE.dataL2;
const DATA_MEMORY = CAUSE.dataMemory;
const STORE_BUFFER = CAUSE.storeBuffer;

/** Dwords; `headAt` is a double. */
export const RUN = {
  headAt: 0,
  /** Of the chunk: rounds left and not charged, what a round costs, the fraction of a tick, issue ticks of the next. */
  left: 2,
  uncharged: 3,
  perRound: 4,
  fraction: 5,
  cost: 6,
  /** Of Runs: the stamp, the one renewed last, how often, and by an access that looks its page up. */
  only: 7,
  last: 8,
  touches: 9,
  looked: 10,
  /** Of Hierarchy: counted in this run. */
  l1dMisses: 11,
  l2Misses: 12,
  l2Accesses: 13,
} as const;
export const RUN_CELLS = 14;

/** A kind of round: a load, if any, then a load or store, if any. */
const KINDS = {
  copy: { first: true, second: 'store' },
  fill: { first: false, second: 'store' },
  scan: { first: true, second: null },
  compare: { first: true, second: 'load' },
} as const;
export type StringKind = keyof typeof KINDS;

const ROUNDS = 64;
/** Mmu.lastEntry: nobody. */
const NOBODY = -2;

// Functions of the module.
const SYNC = 0;
const TRANSFER = 1;
const LOAD = 2;
const ENQUEUE = 3;
const STORE = 4;

export function stringsBytes(layout: Layout, at: number): Uint8Array<ArrayBuffer> {
  const functions: Func[] = [];
  functions[SYNC] = new Hierarchy(layout, at).sync_();
  functions[TRANSFER] = new Hierarchy(layout, at).transfer();
  functions[LOAD] = new Hierarchy(layout, at).load();
  functions[ENQUEUE] = new Hierarchy(layout, at).enqueue();
  functions[STORE] = new Hierarchy(layout, at).store();
  const fast = layout.timed && !layout.writeBack && !layout.writeAllocate;
  for (const kind of Object.keys(KINDS) as StringKind[])
    functions.push((fast ? new FastRun(layout, at) : new Run(layout, at)).func(kind));
  return moduleBytes([], functions);
}

class Strings extends Writer {
  private readonly runAt: number;

  constructor(layout: Layout, runAt: number) {
    super(layout);
    this.runAt = runAt;
  }

  protected run(dword: number) {
    return this.c.i32(0).mem('i32load', this.runAt + 4 * dword);
  }

  protected setRun(dword: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('i32store', this.runAt + 4 * dword);
  }

  protected counted(dword: number): void {
    this.setRun(dword, () => this.run(dword).i32(1).op('i32add'));
  }

  protected get headAt(): number {
    return this.runAt + 4 * RUN.headAt;
  }

  /** Charges what is due. */
  protected synced(): void {
    this.cell(CELL.due);
    this.cell(CELL.mispredictTicks).op('i32or').if().call(SYNC).op('end');
  }

  protected clock() {
    return this.c.i32(0).mem('f64load', this.layout.time);
  }

  protected timing(slot: number) {
    return this.c.i32(0).mem('f64load', this.layout.timing + 8 * slot);
  }

  protected setTiming(slot: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('f64store', this.layout.timing + 8 * slot);
  }

  /** A dword behind the streams. */
  protected word(index: number) {
    return this.c.i32(0).mem('i32load', this.layout.streams + 4 * index);
  }

  protected setWord(index: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('i32store', this.layout.streams + 4 * index);
  }

  /** Pushes whether no way is. */
  protected missed(cache: CacheLayout, way: number) {
    return this.c.get(way).i32(cache.ways).op('i32eq');
  }

  /** An absent line comes in as the most recent of its set: all move up, and the last falls out. */
  protected insert(cache: CacheLayout, set: number, push: () => void): void {
    const { c } = this;
    let n = cache.ways - 1;
    // From above, so that nothing is overwritten before it has moved.
    while (n > 0) {
      const dwords = n >= 4 ? 4 : n >= 2 ? 2 : 1;
      n -= dwords;
      const [load, store] =
        dwords === 4
          ? (['v128load', 'v128store'] as const)
          : dwords === 2
            ? (['i64load', 'i64store'] as const)
            : (['i32load', 'i32store'] as const);
      const from = cache.tags + 4 * n;
      c.get(set)
        .get(set)
        .mem(load, from)
        .mem(store, from + 4);
    }
    c.get(set);
    push();
    c.mem('i32store', cache.tags);
  }

  /** The last way's tag. */
  protected victim(cache: CacheLayout, set: number) {
    return this.c.get(set).mem('i32load', cache.tags + 4 * (cache.ways - 1));
  }

  /** Hierarchy.retireFromL2 of the tag in local `tag`. */
  protected retire(tag: number): void {
    const { c } = this;
    c.get(tag).i32(-1).op('i32ne').get(tag).i32(1).op('i32and', 'i32and').if();
    this.occupy();
    c.op('end');
  }

  private occupy(): void {
    this.synced();
    this.setTiming(BUS_FREE, () => {
      this.timing(BUS_FREE);
      this.clock().op('f64max').f64(this.layout.stream).op('f64add');
    });
  }

  /** Hierarchy.retireFromL1 of the tag in local `tag`, which is lost as the others are. */
  protected retireFromL1(tag: number, set: number, way: number, t: number, t2: number): void {
    const { c, layout } = this;
    const { l1d, l2 } = layout;
    c.get(tag).i32(-1).op('i32ne').get(tag).i32(1).op('i32and', 'i32and').if();
    c.get(tag)
      .i32(2 + l2.shift - l1d.shift)
      .op('i32shr_u')
      .tee(tag);
    c.i32(l2.setMask)
      .op('i32and')
      .i32(4 * l2.ways)
      .op('i32mul')
      .set(set);
    this.find(l2, tag, set, way);
    this.missed(l2, way).if();
    this.occupy();
    c.op('else');
    this.toFront(l2, set, way, t, t2);
    this.dirty(l2, set);
    c.op('end', 'end');
  }

  protected dirty(cache: CacheLayout, set: number): void {
    this.c.get(set).get(set).mem('i32load', cache.tags).i32(1).op('i32or').mem('i32store', cache.tags);
  }
}

// Parameter and locals of the hierarchy's functions.
const ADDRESS = 0;
const LINE = 1;
const SET = 2;
const WAY = 3;
const L2_LINE = 4;
const L2_SET = 5;
const TAG = 6;
const T = 7;
const SLOT = 8;
const DIRTY = 9;
const STALL = 10;
const NOW = 11;
const DONE = 12;

class Hierarchy extends Strings {
  sync_(): Func {
    const { c } = this;
    const t = 0;
    for (const [cell, cause] of [
      [CELL.due, ISSUE],
      [CELL.mispredictTicks, MISPREDICT],
    ]) {
      this.cell(cell).tee(t).if();
      this.charge(cause, () => c.get(t).op('f64convert_s'));
      this.setCell(cell, () => c.i32(0));
      c.op('end');
    }
    return { signature: { parameters: [], results: [] }, locals: [I32], code: c };
  }

  /** Hierarchy.transfer(line, now): when it is there. */
  transfer(): Func {
    const { c, layout } = this;
    const line = 0;
    const now = 1;
    const start = 2;
    const t = 3;
    this.timing(BUS_FREE).get(now).op('f64max').set(start);
    this.setTiming(BUS_FREE, () => void c.get(start).f64(layout.stream).op('f64add'));
    for (let n = 0; n < layout.streamCount; n++) {
      const at = layout.streams + 4 * n;
      c.i32(0).mem('i32load', at).get(line).op('i32eq').if();
      c.i32(0).get(line).i32(1).op('i32add').mem('i32store', at);
      c.get(start).f64(layout.stream).op('f64add', 'return', 'end');
    }
    if (layout.streamCount > 0) {
      this.word(STREAM_VICTIM).tee(t).i32(2).op('i32shl').get(line).i32(1).op('i32add');
      c.mem('i32store', layout.streams);
      this.setWord(STREAM_VICTIM, () => {
        c.i32(0).get(t).i32(1).op('i32add').tee(t).get(t).i32(layout.streamCount).op('i32eq', 'select');
      });
    }
    c.get(start).f64(layout.random).op('f64add');
    return { signature: { parameters: [I32, F64], results: [F64] }, locals: [F64, I32], code: c };
  }

  /** Hierarchy.load. */
  load(): Func {
    const { c, layout } = this;
    const { l1d, l2 } = layout;
    this.set(l1d, ADDRESS, LINE, SET);
    this.find(l1d, LINE, SET, WAY);
    this.forget(LINE);
    this.missed(l1d, WAY).op('i32eqz').if();
    this.toFront(l1d, SET, WAY, TAG, T);
    c.op('return', 'end');
    this.counted(RUN.l1dMisses);
    this.counted(RUN.l2Accesses);
    this.set(l2, ADDRESS, L2_LINE, L2_SET);
    this.find(l2, L2_LINE, L2_SET, WAY);
    this.missed(l2, WAY).if();
    this.counted(RUN.l2Misses);
    this.synced();
    this.clock().set(NOW);
    c.get(L2_LINE).get(NOW).call(TRANSFER).get(NOW).op('f64sub').set(STALL);
    this.fillL2();
    c.op('else');
    this.toFront(l2, L2_SET, WAY, TAG, T);
    c.f64(layout.l2Hit).set(STALL).op('end');
    this.fillL1(false);
    this.synced();
    c.get(DIRTY).if();
    this.charge(DATA_MEMORY, () => c.get(STALL));
    c.op('else');
    this.charge(DATA_L2, () => c.get(STALL));
    c.op('end');
    return this.func();
  }

  /** L2_LINE comes into L2; DIRTY says then that it was not there. */
  private fillL2(): void {
    const { c, layout } = this;
    const { l2 } = layout;
    this.victim(l2, L2_SET).set(TAG);
    this.insert(l2, L2_SET, () => c.get(L2_LINE).i32(2).op('i32shl'));
    this.retire(TAG);
    c.i32(1).set(DIRTY);
  }

  /** LINE comes into L1D, and a dirty victim goes. */
  private fillL1(dirty: boolean): void {
    const { c, layout } = this;
    const { l1d } = layout;
    if (layout.writeBack) this.victim(l1d, SET).set(TAG);
    this.insert(l1d, SET, () => {
      c.get(LINE).i32(2).op('i32shl');
      if (dirty) c.i32(1).op('i32or');
    });
    if (layout.writeBack) this.retireFromL1(TAG, L2_SET, WAY, T, SLOT);
  }

  /** Hierarchy.enqueue. */
  enqueue(): Func {
    const { c, layout } = this;
    const { l2 } = layout;
    this.synced();
    this.word(RING_NEXT).tee(T).i32(3).op('i32shl').set(SLOT);
    this.setWord(RING_NEXT, () => {
      c.i32(0).get(T).i32(1).op('i32add').tee(T).get(T).i32(layout.storeEntries).op('i32eq', 'select');
    });
    const ring = layout.timing + 8 * RING;
    c.get(SLOT).mem('f64load', ring);
    this.clock().op('f64sub').set(STALL);
    c.get(STALL).f64(0).op('f64gt').if();
    this.charge(STORE_BUFFER, () => c.get(STALL));
    c.op('end');
    this.counted(RUN.l2Accesses);
    this.clock().set(NOW);
    c.get(NOW);
    this.timing(STORES_DONE).op('f64max').f64(layout.l2Store).op('f64add').set(DONE);
    this.set(l2, ADDRESS, L2_LINE, L2_SET);
    this.find(l2, L2_LINE, L2_SET, WAY);
    this.missed(l2, WAY).if();
    this.counted(RUN.l2Misses);
    c.get(DONE).get(L2_LINE).get(NOW).call(TRANSFER).op('f64max').set(DONE);
    this.fillL2();
    c.op('else');
    this.toFront(l2, L2_SET, WAY, TAG, T);
    c.op('end');
    if (!layout.writeBack || !layout.writeAllocate) this.dirty(l2, L2_SET);
    this.setTiming(STORES_DONE, () => c.get(DONE));
    c.get(SLOT).get(DONE).mem('f64store', ring);
    return this.func();
  }

  /** Hierarchy.store. */
  store(): Func {
    const { c, layout } = this;
    const { l1d } = layout;
    this.set(l1d, ADDRESS, LINE, SET);
    this.find(l1d, LINE, SET, WAY);
    this.missed(l1d, WAY).if();
    this.counted(RUN.l1dMisses);
    if (layout.writeAllocate) {
      if (layout.writeBack) c.get(ADDRESS).call(ENQUEUE);
      this.forget(LINE);
      this.fillL1(layout.writeBack);
      if (layout.writeBack) c.op('return');
    }
    c.op('else').get(WAY).if();
    this.forget(LINE);
    this.toFront(l1d, SET, WAY, TAG, T);
    c.op('end');
    if (layout.writeBack) {
      this.dirty(l1d, SET);
      c.op('return');
    }
    c.op('end').get(ADDRESS).call(ENQUEUE);
    return this.func();
  }

  private func(): Func {
    const locals = [...Array.from({ length: 9 }, () => I32), F64, F64, F64];
    return { signature: { parameters: [I32], results: [] }, locals, code: this.c };
  }
}

// Parameters and locals of a run.
const A = 0;
const B = 1;
const N = 2;
const SHIFT = 3;
const STEP = 4;
const DID = 5;
const M = 6;
const K = 7;
const LEFT = 8;
const LAST = 9;
const TOUCHES = 10;
const X = 11;
const Y = 12;
const RUN_LOCALS = Array.from({ length: 8 }, () => I32);

/** A run's function, with the hierarchy's functions for what is not the most recent of its set. */
class Run extends Strings {
  func(kind: StringKind): Func {
    const { c } = this;
    const { first, second } = KINDS[kind];
    this.run(RUN.left).set(LEFT);
    this.run(RUN.last).set(LAST);
    this.begin();
    c.block().loop();
    c.get(N).get(DID).op('i32sub').set(M);
    this.least(LEFT);
    if (first) this.inLine(A);
    if (second) this.inLine(B);
    c.get(M).if();
    this.together(first, second);
    c.op('else').i32(1).set(M);
    this.suspend();
    if (first) this.across(A, false);
    if (second) this.across(B, second === 'store');
    this.begin();
    c.op('end');
    c.get(DID).get(M).op('i32add').set(DID);
    c.get(LEFT).get(M).op('i32sub').set(LEFT);
    this.setRun(RUN.uncharged, () => this.run(RUN.uncharged).get(M).op('i32add'));
    c.get(DID).get(N).op('i32eq').brIf(1);
    c.get(LEFT).op('i32eqz').if();
    this.goOn();
    c.op('end');
    c.get(M).get(STEP).op('i32mul').set(M);
    if (first) c.get(A).get(M).op('i32add').set(A);
    if (second) c.get(B).get(M).op('i32add').set(B);
    c.br(0).op('end', 'end');
    this.suspend();
    this.finish();
    this.setRun(RUN.left, () => c.get(LEFT));
    this.setRun(RUN.last, () => c.get(LAST));
    this.setRun(RUN.touches, () => c.get(TOUCHES));
    c.get(DID);
    const parameters = Array.from({ length: 5 }, () => I32);
    return { signature: { parameters, results: [I32] }, code: c, name: kind, locals: this.locals() };
  }

  protected locals(): number[] {
    return RUN_LOCALS;
  }

  /** What a run holds in locals comes in, and goes out: nothing here. */
  protected begin(): void {}
  protected suspend(): void {}
  /** The end. */
  protected finish(): void {}

  /** The line of `pa` is not the most recent of its set; its number is in X, its set in Y. */
  protected missedLoad(pa: number): void {
    this.c.get(pa).call(LOAD);
  }

  /** The line of `pa`, whose number is in X, is not the last that was stored to; with write-back, not dirty and recent. */
  protected missedStore(pa: number): void {
    this.c.get(pa).call(STORE);
  }

  /** M is the less of it and a local. */
  private least(local: number): void {
    this.c.get(M).get(local).get(M).get(local).op('i32lt_u', 'select').set(M);
  }

  private get lineBytes(): number {
    return this.layout.timed ? 1 << this.layout.l1d.shift : 4096;
  }

  /** M is no more than Runs.inLine. */
  private inLine(pa: number): void {
    const { c, lineBytes } = this;
    c.i32(lineBytes)
      .get(pa)
      .i32(lineBytes - 1)
      .op('i32and')
      .tee(Y)
      .op('i32sub')
      .get(SHIFT)
      .op('i32shr_u')
      .tee(X);
    c.i32(0).op('i32ne').get(STEP).i32(0).op('i32lt_s', 'i32and').if();
    c.get(Y).get(SHIFT).op('i32shr_u').i32(1).op('i32add').set(X).op('end');
    this.least(X);
  }

  /** M rounds in their lines: round by round until the next would change nothing. */
  private together(first: boolean, second: 'load' | 'store' | null): void {
    const { c, layout } = this;
    this.touch(false);
    if (!layout.timed) return;
    c.i32(0).set(K).loop();
    if (first) this.load(A, pa => this.missedLoad(pa));
    if (second === 'load') this.load(B, pa => this.missedLoad(pa));
    if (second === 'store') this.store(B, pa => this.missedStore(pa));
    c.get(K).i32(1).op('i32add').tee(K).get(M).op('i32lt_u').if();
    this.settled(first, second);
    c.op('i32eqz').brIf(1).op('end', 'end');
  }

  /** Pushes the tag of the most recent line of the set of `pa`, whose line number goes into X, its set in bytes into Y. */
  private recent(pa: number) {
    const { c, layout } = this;
    const { shift, setMask, ways, tags } = layout.l1d;
    c.get(pa).i32(shift).op('i32shr_u').tee(X).i32(setMask).op('i32and');
    return c
      .i32(4 * ways)
      .op('i32mul')
      .tee(Y)
      .mem('i32load', tags);
  }

  /** Walker.touchLine. */
  private load(pa: number, missed: (pa: number) => void): void {
    const { c } = this;
    if (!this.layout.timed) return;
    this.recent(pa).i32(2).op('i32shr_s').get(X).op('i32ne').if();
    missed(pa);
    c.op('end');
  }

  /** Walker.storeLine. */
  private store(pa: number, missed: (pa: number) => void): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    if (layout.writeBack) {
      this.recent(pa).get(X).i32(2).op('i32shl').i32(1).op('i32or', 'i32ne').if();
      missed(pa);
      c.op('end');
      return;
    }
    c.get(pa).i32(layout.l1d.shift).op('i32shr_u').tee(X);
    c.i32(0).mem('i32load', layout.lastStore).op('i32ne').if();
    c.i32(0).get(X).mem('i32store', layout.lastStore);
    c.i32(0).i32(0).mem('i32store', layout.filter.store);
    missed(pa);
    c.op('end');
  }

  /** Pushes Runs.settled. */
  private settled(first: boolean, second: 'load' | 'store' | null): void {
    const { c, layout } = this;
    const through = second === 'store' && !layout.writeBack;
    if (second === null || through) {
      // The last store's line is B's.
      if (first) this.recent(A).i32(2).op('i32shr_s').get(X).op('i32eq');
      else c.i32(1);
      return;
    }
    if (second === 'store') this.recent(B).get(X).i32(2).op('i32shl').i32(1).op('i32or', 'i32eq');
    else this.recent(B).i32(2).op('i32shr_s').get(X).op('i32eq');
    if (!first) return;
    // A's line is the most recent of its set, or B's is and it comes next.
    this.recent(A).i32(2).op('i32shr_s').get(X).op('i32eq');
    if (layout.l1d.ways > 1) {
      c.get(Y)
        .mem('i32load', layout.l1d.tags + 4)
        .i32(2)
        .op('i32shr_s')
        .get(X)
        .op('i32eq');
      c.get(Y).get(B).i32(layout.l1d.shift).op('i32shr_u').i32(layout.l1d.setMask).op('i32and');
      c.i32(4 * layout.l1d.ways).op('i32mul', 'i32eq', 'i32and', 'i32or');
    }
    c.op('i32and');
  }

  /** One use of the entry; `looked`: by the slow part. */
  private touch(looked: boolean): void {
    const { c } = this;
    if (looked) this.run(RUN.looked);
    else {
      c.get(LAST);
      this.run(RUN.only).op('i32ne');
    }
    c.if().get(TOUCHES).i32(1).op('i32add').set(TOUCHES);
    if (looked) c.i32(NOBODY).set(LAST);
    else this.run(RUN.only).set(LAST);
    c.op('end');
  }

  /** Runs.across. */
  private across(pa: number, store: boolean): void {
    const { c, lineBytes } = this;
    const access = (at: number) =>
      store
        ? this.store(at, missed => void c.get(missed).call(STORE))
        : this.load(at, missed => void c.get(missed).call(LOAD));
    c.get(pa).get(pa).i32(1).get(SHIFT).op('i32shl', 'i32add').i32(1).op('i32sub').tee(K);
    c.op('i32xor').i32(-lineBytes).op('i32and').if();
    this.touch(true);
    access(pa);
    access(K);
    c.op('else');
    this.touch(false);
    access(pa);
    c.op('end');
  }

  /** Runs.goOn, else out of the block around the loop. */
  private goOn(): void {
    const { c } = this;
    this.run(RUN.uncharged);
    this.run(RUN.perRound).op('i32mul');
    this.run(RUN.fraction).op('i32add').set(X);
    this.setRun(RUN.uncharged, () => c.i32(0));
    this.setRun(RUN.fraction, () => c.get(X).i32(1023).op('i32and'));
    c.get(X).i32(10).op('i32shr_u').tee(X).if();
    this.synced();
    this.charge(ISSUE, () => c.get(X).op('f64convert_s'));
    c.op('end');
    c.f64(0).i32(0).mem('f64load', this.headAt).op('f64gt').brIf(2);
    this.synced();
    this.clock().i32(0).mem('f64load', this.headAt).op('f64ge').brIf(2);
    this.due(() => this.run(RUN.cost));
    c.i32(ROUNDS).set(LEFT);
  }

  /** Issue ticks are due. */
  protected due(push: () => void): void {
    this.setCell(CELL.due, push);
  }
}

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

/**
 * The same for a write-through L1D that does not allocate on stores: a line costs a few dozen host instructions, so all of
 * the hierarchy is inline, and the clock, the bus and what each cause is charged are in locals. Ticks are whole numbers: their
 * sums are exact in any order.
 */
class FastRun extends Run {
  protected override locals(): number[] {
    const dwords = TIME - DUE;
    const doubles = LINES - TIME;
    return [
      ...RUN_LOCALS,
      ...Array.from({ length: dwords }, () => I32),
      ...Array.from({ length: doubles }, () => F64),
      V128,
    ];
  }

  protected override begin(): void {
    // What is due may wait, but not mispredictions: nothing here reads the clock without charging both.
    this.cell(CELL.mispredictTicks).if().call(SYNC).op('end');
    super.clock().set(TIME);
    this.timing(BUS_FREE).set(BUS);
    this.timing(STORES_DONE).set(STORED);
    this.cell(CELL.due).set(DUE);
    this.word(RING_NEXT).set(NEXT_SLOT);
  }

  protected override suspend(): void {
    const { c, layout } = this;
    c.i32(0).get(TIME).mem('f64store', layout.time);
    this.setTiming(BUS_FREE, () => c.get(BUS));
    this.setTiming(STORES_DONE, () => c.get(STORED));
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
        .op('f64add')
        .mem('f64store', at);
    }
    const add = (dword: number, local: number) =>
      this.setRun(dword, () => this.run(dword).get(local).op('i32add'));
    add(RUN.l1dMisses, MISSES_1);
    add(RUN.l2Misses, MISSES_2);
    add(RUN.l2Accesses, ACCESSES);
  }

  protected override clock() {
    return this.c.get(TIME);
  }

  protected override charge(cause: number, ticks: () => void): void {
    const { c } = this;
    const sum = SUMS + SUMMED.indexOf(cause);
    c.get(sum);
    ticks();
    c.op('f64add').set(sum).get(TIME);
    ticks();
    c.op('f64add').set(TIME);
  }

  protected override synced(): void {
    const { c } = this;
    c.get(DUE).if();
    this.charge(ISSUE, () => c.get(DUE).op('f64convert_s'));
    c.i32(0).set(DUE).op('end');
  }

  protected override due(push: () => void): void {
    push();
    this.c.set(DUE);
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
    c.get(FINISHED).get(TIME).op('f64sub').set(WAIT);
    this.occupied();
    this.charge(DATA_MEMORY, () => c.get(WAIT));
    c.op('else');
    this.toFront(l2, L2_AT, FOUND, OLD, FREE);
    this.insert(l1d, Y, () => c.get(X).i32(2).op('i32shl'));
    this.synced();
    this.charge(DATA_L2, () => c.f64(layout.l2Hit));
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
    c.get(TIME).op('f64sub').tee(WAIT).f64(0).op('f64gt').if();
    this.charge(STORE_BUFFER, () => c.get(WAIT));
    c.op('end');
    c.i32(0).get(NEXT_SLOT).i32(1).op('i32add').tee(NEXT_SLOT);
    c.get(NEXT_SLOT).i32(layout.storeEntries).op('i32eq', 'select').set(NEXT_SLOT);
    this.plus(ACCESSES);
    c.get(TIME).get(STORED).op('f64max').f64(layout.l2Store).op('f64add').set(STORED);
    this.set(l2, pa, L2_NUMBER, L2_AT);
    this.way(l2, L2_NUMBER, L2_AT);
    this.missed(l2, FOUND).if();
    // FREE is lost.
    c.get(FREE).set(Y);
    this.transferred();
    c.get(STORED).get(FINISHED).op('f64max').set(STORED);
    this.occupied();
    c.get(Y).set(FREE);
    c.op('else');
    c.get(FREE).set(Y);
    this.toFront(l2, L2_AT, FOUND, OLD, FREE);
    c.get(Y).set(FREE).op('end');
    this.dirty(l2, L2_AT);
    c.get(FREE).get(STORED).mem('f64store', ring);
  }

  /** The bus brings L2_NUMBER into L2, at FINISHED; OLD is the tag that fell out. */
  private transferred(): void {
    const { c, layout } = this;
    const { l2, streams, streamCount } = layout;
    this.plus(MISSES_2);
    c.get(TIME).get(BUS).op('f64max').tee(FINISHED).f64(layout.stream).op('f64add').set(BUS);
    c.block();
    for (let n = 0; n < streamCount; n++) {
      const at = streams + 4 * n;
      c.i32(0).mem('i32load', at).get(L2_NUMBER).op('i32eq').if();
      c.i32(0).get(L2_NUMBER).i32(1).op('i32add').mem('i32store', at);
      c.get(FINISHED).f64(layout.stream).op('f64add').set(FINISHED).br(1).op('end');
    }
    if (streamCount > 0) {
      this.word(STREAM_VICTIM).tee(FREE).i32(2).op('i32shl').get(L2_NUMBER).i32(1).op('i32add');
      c.mem('i32store', streams);
      this.setWord(STREAM_VICTIM, () => {
        c.i32(0).get(FREE).i32(1).op('i32add').tee(FREE).get(FREE).i32(streamCount).op('i32eq', 'select');
      });
    }
    c.get(FINISHED).f64(layout.random).op('f64add').set(FINISHED).op('end');
    this.victim(l2, L2_AT).set(OLD);
    this.insert(l2, L2_AT, () => c.get(L2_NUMBER).i32(2).op('i32shl'));
  }

  /** Hierarchy.retireFromL2 of OLD. An empty way's tag is negative. */
  private occupied(): void {
    const { c, layout } = this;
    c.get(OLD)
      .i32(0x8000_0001 | 0)
      .op('i32and')
      .i32(1)
      .op('i32eq')
      .if();
    c.get(BUS).get(TIME).op('f64max').f64(layout.stream).op('f64add').set(BUS).op('end');
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
