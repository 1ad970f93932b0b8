/**
 * The commonest events of the memory hierarchy beyond "the most recent line of its set" (mmu/hierarchy.ts), in compiled
 * code that all units share (library.ts): a load of another line of L1D's set, or of one that L2 has; a store that goes
 * through to a line that L2 has. Each looks first, changing nothing, and leaves what is rarer to the one model, by the helper.
 *
 * Only for a write-through L1D without allocation on stores: with write-back the helpers do it all.
 */
import { CAUSE } from '../../accounting.ts';
import { RING, STORES_DONE } from '../../mmu/hierarchy.ts';
import { CELL } from './cells.ts';
import { HELPERS } from './helpers.ts';
import type { CacheLayout, Layout } from './layout.ts';
import { SharedCode } from './shared.ts';
import { Code, F64, type Func, I32 } from './wasm.ts';

const DATA_L2 = CAUSE.dataL2;
const STORE_BUFFER = CAUSE.storeBuffer;

// Slots of Hierarchy's timing state, in bytes.
const DONE_AT = 8 * STORES_DONE;
const RING_AT = 8 * RING;

// Parameters and locals.
const ADDRESS = 0;
const DUE = 1;
const LINE = 2;
const SET = 3;
const WAY = 4;
const TAG = 5;
const L2_SET = 6;
const L2_WAY = 7;
const SLOT = 8;
const T = 9;
const NOW = 10;
const DONE = 11;
const LOCALS = [I32, I32, I32, I32, I32, I32, I32, I32, F64, F64];

/** The functions `load` and `store`, each (pa, due); none where the helpers do it all. */
export function modelFunctions(layout: Layout): Func[] {
  if (!layout.timed || layout.writeBack || layout.writeAllocate) return [];
  const signature = { parameters: [I32, I32], results: [] };
  const func = (name: string, code: Code): Func => ({ signature, locals: LOCALS, code, name });
  const writer = new Writer(layout);
  return [func('load', writer.load()), func('store', writer.store())];
}

class Writer extends SharedCode {
  load(): Code {
    const { layout } = this;
    const c = (this.c = new Code());
    // The unit reads back what is left of it.
    c.i32(0).get(DUE).mem('i32store', this.cell(CELL.due));
    this.set(layout.l1d, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32lt_u').if();
    this.toFront(layout.l1d, SET, WAY);
    c.op('return', 'end');
    this.set(layout.l2, T, L2_SET);
    this.find(layout.l2, T, L2_SET, L2_WAY);
    c.get(L2_WAY).i32(layout.l2.ways).op('i32ge_u').if();
    c.get(ADDRESS).get(DUE).call(HELPERS.load).op('return', 'end');
    this.count(CELL.l1dMisses);
    this.count(CELL.l2Accesses);
    this.toFront(layout.l2, L2_SET, L2_WAY);
    // The line comes into L1D's way 0; nothing there is dirty.
    c.i32(layout.l1d.ways - 1).set(WAY);
    this.shiftUp(layout.l1d, SET, WAY);
    c.get(SET).get(LINE).i32(2).op('i32shl').mem('i32store', layout.l1d.tags);
    this.sync(DUE, T);
    this.charge(DATA_L2, () => c.f64(layout.l2Hit));
    this.limit(T);
    return c;
  }

  store(): Code {
    const { layout } = this;
    const c = (this.c = new Code());
    this.set(layout.l2, T, L2_SET);
    this.find(layout.l2, T, L2_SET, L2_WAY);
    c.get(L2_WAY).i32(layout.l2.ways).op('i32ge_u').if();
    c.get(ADDRESS).get(DUE).call(HELPERS.store).op('return', 'end');
    this.set(layout.l1d, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32lt_u').if();
    this.toFront(layout.l1d, SET, WAY);
    c.op('else');
    this.count(CELL.l1dMisses);
    c.op('end');
    // Hierarchy.storeSlot: the next entry, waited for if it is not free.
    this.sync(DUE, T);
    c.i32(0).mem('i32load', this.cell(CELL.ringNext)).tee(T).i32(3).op('i32shl').set(SLOT);
    c.i32(0).i32(0).get(T).i32(1).op('i32add').tee(T).get(T).i32(layout.storeEntries).op('i32eq', 'select');
    c.mem('i32store', this.cell(CELL.ringNext));
    c.get(SLOT)
      .mem('f64load', layout.timing + RING_AT)
      .i32(0)
      .mem('f64load', layout.time)
      .op('f64sub')
      .set(DONE);
    c.get(DONE).f64(0).op('f64gt').if();
    this.charge(STORE_BUFFER, () => c.get(DONE));
    c.op('end');
    // Hierarchy.enqueue, for a line that L2 has: in order, later.
    this.count(CELL.l2Accesses);
    c.i32(0).mem('f64load', layout.time).set(NOW);
    c.get(NOW)
      .i32(0)
      .mem('f64load', layout.timing + DONE_AT)
      .op('f64max')
      .f64(layout.l2Store)
      .op('f64add');
    c.set(DONE);
    this.toFront(layout.l2, L2_SET, L2_WAY);
    c.get(L2_SET)
      .get(L2_SET)
      .mem('i32load', layout.l2.tags)
      .i32(1)
      .op('i32or')
      .mem('i32store', layout.l2.tags);
    c.i32(0)
      .get(DONE)
      .mem('f64store', layout.timing + DONE_AT);
    c.get(SLOT)
      .get(DONE)
      .mem('f64store', layout.timing + RING_AT);
    this.limit(T);
    return c;
  }

  /** The line number of ADDRESS, and its set's first way in bytes. */
  private set(cache: CacheLayout, line: number, set: number): void {
    const { c } = this;
    c.get(ADDRESS).i32(cache.shift).op('i32shr_u').tee(line).i32(cache.setMask).op('i32and');
    c.i32(4 * cache.ways)
      .op('i32mul')
      .set(set);
  }

  /** The way that holds a line, or the number of ways. Unrolled: a set has few. */
  private find(cache: CacheLayout, line: number, set: number, way: number): void {
    const { c } = this;
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

  /** Makes a way the most recent of its set. */
  private toFront(cache: CacheLayout, set: number, way: number): void {
    const { c } = this;
    c.get(way).if();
    c.get(set).get(way).i32(2).op('i32shl', 'i32add').mem('i32load', cache.tags).set(TAG);
    this.shiftUp(cache, set, way);
    c.get(set).get(TAG).mem('i32store', cache.tags);
    c.op('end');
  }

  /** Ways 0 to way - 1 move up by one. `way` and T are lost. */
  private shiftUp(cache: CacheLayout, set: number, way: number): void {
    const { c } = this;
    c.loop();
    c.get(set).get(way).i32(2).op('i32shl', 'i32add').tee(T);
    c.get(T)
      .mem('i32load', cache.tags - 4)
      .mem('i32store', cache.tags);
    c.get(way).i32(1).op('i32sub').tee(way).brIf(0);
    c.op('end');
  }
}
