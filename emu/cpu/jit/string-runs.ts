/**
 * What a run of rounds of a string instruction does to caches and clock (cpu/runs.ts, `lines`), in compiled code: one
 * function for each kind of round.
 *
 * Parameters of a run: physical addresses of the first elements (of its operands), rounds, log2 of an element's bytes, step
 * in bytes; what else goes in and comes out is in cells (RUN). The result is the rounds that were done.
 */
import { CAUSE } from '../../accounting.ts';
import { RUN } from '../runs.ts';
import { CELL } from './cells.ts';
import { LOAD, NOBODY, ROUNDS, STORE, Strings } from './string-writer.ts';
import { type Func, I32 } from './wasm.ts';

const ISSUE = CAUSE.issue;

/** A kind of round: a load, if any, then a load or store, if any. */
export const KINDS = {
  copy: { first: true, second: 'store' },
  fill: { first: false, second: 'store' },
  scan: { first: true, second: null },
  compare: { first: true, second: 'load' },
} as const;
export type StringKind = keyof typeof KINDS;

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
export const X = 11;
export const Y = 12;
export const RUN_LOCALS = Array.from({ length: 8 }, () => I32);

/** A run's function, with the hierarchy's functions for what is not the most recent of its set. */
export class StringRun extends Strings {
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
    this.charge(ISSUE, () => this.ticks(X));
    c.op('end');
    c.f64(0).i32(0).mem('f64load', this.headAt).op('f64gt').brIf(2);
    this.synced();
    this.clock().i32(0).mem('f64load', this.headAt).op('f64ge').brIf(2);
    this.due(() => this.run(RUN.cost));
    c.i32(ROUNDS).set(LEFT);
  }

  /** Pushes ticks that are in a local, for charge(). */
  protected ticks(local: number): void {
    this.c.get(local).op('f64convert_s');
  }

  /** Issue ticks are due. */
  protected due(push: () => void): void {
    this.setCell(CELL.due, push);
  }
}
