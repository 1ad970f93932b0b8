/**
 * What the functions of the shared module (model.ts) have in common: cells, counts, charges and the clock, lines of a
 * cache. Each function's locals are its own; those that it lends are named at the call.
 */
import { CAUSE } from '../../accounting.ts';
import { CELL, LEAVE } from './cells.ts';
import type { CacheLayout, Layout } from './layout.ts';
import { Code } from './wasm.ts';

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;

/** Can the ways of a set be looked at four at a time? */
function inVectors(cache: CacheLayout): boolean {
  return cache.ways % 4 === 0 && cache.ways <= 16;
}

export class Writer {
  protected readonly layout: Layout;
  protected readonly c = new Code();

  constructor(layout: Layout) {
    this.layout = layout;
  }

  // ---- cells ------------------------------------------------------------------------------------------------------

  protected at(cell: number): number {
    return this.layout.cellsAt + 4 * cell;
  }

  protected cell(cell: number): Code {
    return this.c.i32(0).mem('i32load', this.at(cell));
  }

  protected setCell(cell: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('i32store', this.at(cell));
  }

  protected count(cell: number): void {
    this.setCell(cell, () => this.cell(cell).i32(1).op('i32add'));
  }

  // ---- time -------------------------------------------------------------------------------------------------------

  /** Charges the ticks in local `due` and those of mispredictions, as Jit.sync; `due` and its cell are 0 then. */
  protected sync(due: number, t: number): void {
    const { c } = this;
    c.get(due).i32(0).op('i32gt_s').if();
    this.charge(ISSUE, () => c.get(due).op('f64convert_s'));
    c.i32(0).set(due).op('end');
    this.setCell(CELL.due, () => c.get(due));
    this.cell(CELL.mispredictTicks).tee(t).if();
    this.charge(MISPREDICT, () => c.get(t).op('f64convert_s'));
    this.setCell(CELL.mispredictTicks, () => c.i32(0));
    c.op('end');
  }

  /** Accounting.charge to the region in the cell. */
  protected charge(cause: number, ticks: () => void): void {
    const { c, layout } = this;
    this.cell(CELL.row);
    this.cell(CELL.row).mem('f64load', layout.matrix + 8 * cause);
    ticks();
    c.op('f64add').mem('f64store', layout.matrix + 8 * cause);
    c.i32(0).i32(0).mem('f64load', layout.time);
    ticks();
    c.op('f64add').mem('f64store', layout.time);
  }

  /** Pushes the tick that the clock would show if all that is due were charged, as a double; local `due` is the unit's. */
  protected now(due: number): void {
    const { c, layout } = this;
    c.i32(0).mem('f64load', layout.time).get(due);
    this.cell(CELL.mispredictTicks).op('i32add', 'f64convert_s', 'f64add');
  }

  /** Charges a stall to the region in the cell; what is due stays due, for only the sums can be seen. */
  protected stall(cause: number, ticks: () => void): void {
    const { c } = this;
    this.charge(cause, ticks);
    this.cell(CELL.limit).i32(0).op('i32gt_s').if();
    this.setCell(CELL.limit, () => {
      this.cell(CELL.limit).op('f64convert_s');
      ticks();
      c.op('f64sub').f64(0).op('f64max', 'i32trunc_s');
    });
    c.op('end');
  }

  /** The same for one that is known beforehand, to the cause that `push` pushes. Local `t` is lost. */
  protected stallTo(push: () => void, ticks: number, t: number): void {
    const { c, layout } = this;
    if (ticks === 0) return;
    this.cell(CELL.row);
    push();
    c.i32(3).op('i32shl', 'i32add').tee(t);
    c.get(t).mem('f64load', layout.matrix).f64(ticks).op('f64add').mem('f64store', layout.matrix);
    c.i32(0).i32(0).mem('f64load', layout.time).f64(ticks).op('f64add').mem('f64store', layout.time);
    this.cell(CELL.limit).tee(t).i32(0).op('i32gt_s').if();
    this.setCell(CELL.limit, () => {
      c.get(t).i32(ticks).op('i32sub').i32(0).get(t).i32(ticks).op('i32gt_s', 'select');
    });
    c.op('end');
  }

  /** Time has passed: CELL.limit anew, but where it says LEAVE. */
  protected limit(): void {
    const { c, layout } = this;
    this.cell(CELL.limit).i32(LEAVE).op('i32ne').if();
    this.setCell(CELL.limit, () => {
      c.i32(0).mem('f64load', this.at(CELL.until)).i32(0).mem('f64load', layout.time).op('f64sub');
      this.cell(CELL.mispredictTicks).op('f64convert_s', 'f64sub').f64(0).op('f64max', 'i32trunc_s');
    });
    c.op('end');
  }

  // ---- lines ------------------------------------------------------------------------------------------------------

  /** The line number of the address in local `pa`, and its set's first way in bytes. */
  protected set(cache: CacheLayout, pa: number, line: number, set: number): void {
    const { c } = this;
    c.get(pa).i32(cache.shift).op('i32shr_u').tee(line).i32(cache.setMask).op('i32and');
    c.i32(4 * cache.ways)
      .op('i32mul')
      .set(set);
  }

  /** The way that holds a line, or the number of ways. Unrolled: a set has few. */
  protected find(cache: CacheLayout, line: number, set: number, way: number): void {
    const { c } = this;
    if (inVectors(cache)) {
      c.i32(1 << cache.ways);
      for (let w = 0; w < cache.ways; w += 4) {
        c.get(set)
          .mem('v128load', cache.tags + 4 * w)
          .i32(2)
          .vector('i32x4shr_s')
          .get(line)
          .vector('i32x4splat', 'i32x4eq', 'i32x4bitmask');
        c.i32(w).op('i32shl', 'i32or');
      }
      c.op('i32ctz').set(way);
      return;
    }
    c.block();
    for (let w = 0; w < cache.ways; w++) {
      c.i32(w).set(way);
      // An empty way is -1, and -1 >> 2 is no line's number.
      c.get(set)
        .mem('i32load', cache.tags + 4 * w)
        .i32(2)
        .op('i32shr_s')
        .get(line)
        .op('i32eq')
        .brIf(0);
    }
    c.i32(cache.ways).set(way).op('end');
  }

  /** Makes a way the most recent of its set. `way`, `tag` and `t` are lost. */
  protected toFront(cache: CacheLayout, set: number, way: number, tag: number, t: number): void {
    const { c } = this;
    if (inVectors(cache)) return this.toFrontInVectors(cache, set, way);
    c.get(way).if();
    c.get(set).get(way).i32(2).op('i32shl', 'i32add').mem('i32load', cache.tags).set(tag);
    this.shiftUp(cache, set, way, t);
    c.get(set).get(tag).mem('i32store', cache.tags);
    c.op('end');
  }

  /**
   * A case for each way, with constant shuffles: so the host guesses the way, and need not wait for it before the next look
   * at this set.
   */
  private toFrontInVectors(cache: CacheLayout, set: number, way: number): void {
    const { c } = this;
    const { ways, tags } = cache;
    for (let n = 0; n < ways; n++) c.block();
    c.get(way).brTable([ways - 1, ...Array.from({ length: ways - 1 }, (_, n) => n)], ways - 1);
    for (let w = 1; w < ways; w++) {
      c.op('end');
      const group = w >> 2;
      c.get(set);
      c.get(set).mem('v128load', tags + 16 * group);
      c.get(set).mem('v128load', tags);
      // All of the first four are in the second vector, but w.
      const rest = [0, 1, 2, 3].filter(n => n !== w).slice(0, 3);
      c.shuffle([w & 3, ...rest.map(n => n + 4)]);
      for (let g = group; g > 0; g--) {
        c.get(set)
          .get(set)
          .mem('v128load', tags + 16 * g - 16);
        c.get(set).mem('v128load', tags + 16 * g);
        const kept = [0, 1, 2, 3].filter(n => g < group || n !== (w & 3)).slice(0, 3);
        c.shuffle([3, ...kept.map(n => n + 4)]);
        c.mem('v128store', tags + 16 * g);
      }
      c.mem('v128store', tags);
      c.br(ways - 1 - w);
    }
    c.op('end');
  }

  /** The tag in a local comes into a set as its most recent; the last one goes. */
  protected moveIn(cache: CacheLayout, set: number, tag: number): void {
    const { c } = this;
    if (inVectors(cache)) return this.moveUp(cache, set, tag);
    for (let way = cache.ways - 1; way > 0; way--)
      c.get(set)
        .get(set)
        .mem('i32load', cache.tags + 4 * (way - 1))
        .mem('i32store', cache.tags + 4 * way);
    c.get(set).get(tag).mem('i32store', cache.tags);
  }

  private moveUp(cache: CacheLayout, set: number, tag: number): void {
    const { c } = this;
    for (let w = cache.ways - 4; w >= 0; w -= 4) {
      const at = cache.tags + 4 * w;
      c.get(set);
      if (w > 0) c.get(set).mem('v128load', at - 16);
      else c.get(tag).vector('i32x4splat');
      c.get(set).mem('v128load', at);
      c.shuffle([3, 4, 5, 6]);
      c.mem('v128store', at);
    }
  }

  /** Ways 0 to way - 1 move up by one. `way` and `t` are lost. */
  protected shiftUp(cache: CacheLayout, set: number, way: number, t: number): void {
    const { c } = this;
    c.loop();
    c.get(set).get(way).i32(2).op('i32shl', 'i32add').tee(t);
    c.get(t)
      .mem('i32load', cache.tags - 4)
      .mem('i32store', cache.tags);
    c.get(way).i32(1).op('i32sub').tee(way).brIf(0);
    c.op('end');
  }

  /** Nothing is at hand any more (LineFilter.clear). */
  protected clearFilter(): void {
    const { c, layout } = this;
    const { filter } = layout;
    c.i32(filter.reads)
      .i32(0)
      .i32(8 * (filter.mask + 1))
      .fill();
    c.i32(0).i32(0).mem('i32store', filter.store);
  }

  /** The line filter forgets what it has of the set of the line in local `line`. */
  protected forget(line: number): void {
    const { c, layout } = this;
    const { filter } = layout;
    for (const tags of [filter.reads, filter.writes])
      c.get(line).i32(filter.mask).op('i32and').i32(2).op('i32shl').i32(0).mem('i32store', tags);
  }
}
