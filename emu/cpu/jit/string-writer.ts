/** What the functions of the strings' module (strings.ts) have in common: their numbers, cells, timing, lines that come and go. */
import { BUS_FREE } from '../../mmu/hierarchy.ts';
import { RUN } from '../runs.ts';
import { CELL } from './cells.ts';
import { HOST_IMPORTS } from './helpers.ts';
import type { CacheLayout } from './layout.ts';
import { Writer } from './writer.ts';

/** Functions of the module: what is due is charged; Hierarchy.transfer, load, enqueue and store; those of a run. */
export const SYNC = HOST_IMPORTS.length;
export const TRANSFER = SYNC + 1;
export const LOAD = SYNC + 2;
export const ENQUEUE = SYNC + 3;
export const STORE = SYNC + 4;
export const COPY = SYNC + 5;
export const FILL = SYNC + 6;

/** Rounds from head to head. */
export const ROUNDS = 64;
/** The last dword of one vector, then the first three of another. */
const UP = [12, 13, 14, 15, ...Array.from({ length: 12 }, (_, n) => 16 + n)];
/** Mmu.lastEntry: nobody. */
export const NOBODY = -2;

export class Strings extends Writer {
  protected run(dword: number) {
    return this.c.i32(0).mem('i32load', this.layout.runs + 4 * dword);
  }

  protected setRun(dword: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('i32store', this.layout.runs + 4 * dword);
  }

  protected counted(dword: number): void {
    this.setRun(dword, () => this.run(dword).i32(1).op('i32add'));
  }

  protected get headAt(): number {
    return this.layout.runs + 4 * RUN.headAt;
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

  /**
   * An absent line comes in as the most recent of its set: all move up, and the last falls out. Four ways at once, where there
   * are as many: what is looked at next is then stored in one piece, for which the host need not wait.
   */
  protected insert(cache: CacheLayout, set: number, push: () => void): void {
    const { c } = this;
    const { ways, tags } = cache;
    if (ways % 4 !== 0) {
      for (let w = ways - 1; w > 0; w--) {
        const from = tags + 4 * (w - 1);
        c.get(set)
          .get(set)
          .mem('i32load', from)
          .mem('i32store', from + 4);
      }
      c.get(set);
      push();
      c.mem('i32store', tags);
      return;
    }
    for (let w = ways - 4; w > 0; w -= 4)
      c.get(set)
        .get(set)
        .mem('v128load', tags + 4 * (w - 4))
        .get(set)
        .mem('v128load', tags + 4 * w)
        .shuffleBytes(UP)
        .mem('v128store', tags + 4 * w);
    c.get(set);
    push();
    c.vector('i32x4splat').get(set).mem('v128load', tags).shuffleBytes(UP).mem('v128store', tags);
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
