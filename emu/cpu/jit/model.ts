/**
 * Compiled code that all units share: the commonest events of the memory hierarchy (mmu/hierarchy.ts): a load of another
 * line of L1D's set, or of one that L2 has; a store that goes through to a line that L2 has. Each looks first, changing
 * nothing, and leaves what is rarer to the one model, by the host's helper. shared.ts has the accesses before them,
 * dispatch.ts the way from unit to unit.
 *
 * Left to the host: what a write-back L1D does beyond its own ways.
 */
import { CAUSE } from '../../accounting.ts';
import { RING, STORES_DONE } from '../../mmu/hierarchy.ts';
import { CELL } from './cells.ts';
import { Dispatch } from './dispatch.ts';
import { HELPERS, HOST_IMPORTS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { Check, FILL, Load, SPILL, Store } from './shared.ts';
import { F64, type Func, I32, moduleBytes } from './wasm.ts';
import { Writer } from './writer.ts';

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
const SIGNATURE = { parameters: [I32, I32], results: [] };

/** The module that exports the shared helpers. Its first two functions are called by the others only. */
export function modelBytes(layout: Layout): Uint8Array<ArrayBuffer> {
  const functions: Func[] = [];
  functions[FILL - HOST_IMPORTS.length] = new Hierarchy(layout).fill();
  functions[SPILL - HOST_IMPORTS.length] = new Hierarchy(layout).spill();
  functions.push(new Load(layout).func(), new Store(layout).func(), new Check(layout).func());
  functions.push(new Dispatch(layout).func());
  return moduleBytes(HOST_IMPORTS, functions);
}

class Hierarchy extends Writer {
  /** Hierarchy.load. */
  fill(): Func {
    const { layout, c } = this;
    if (!layout.timed) return this.func();
    // The unit reads back what is left of it.
    this.setCell(CELL.due, () => c.get(DUE));
    this.set(layout.l1d, ADDRESS, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32lt_u').if();
    this.toFront(layout.l1d, SET, WAY, TAG, T);
    this.forget(LINE);
    c.op('return', 'end');
    if (layout.writeBack) return this.toHost(HELPERS.fill);
    this.set(layout.l2, ADDRESS, T, L2_SET);
    this.find(layout.l2, T, L2_SET, L2_WAY);
    c.get(L2_WAY).i32(layout.l2.ways).op('i32ge_u').if();
    c.get(ADDRESS).get(DUE).call(HELPERS.fill).op('return', 'end');
    this.count(CELL.l1dMisses);
    this.count(CELL.l2Accesses);
    this.toFront(layout.l2, L2_SET, L2_WAY, TAG, T);
    // The line comes into L1D's way 0; nothing there is dirty.
    if (layout.l1d.ways > 1) {
      c.i32(layout.l1d.ways - 1).set(WAY);
      this.shiftUp(layout.l1d, SET, WAY, T);
    }
    c.get(SET).get(LINE).i32(2).op('i32shl').mem('i32store', layout.l1d.tags);
    this.forget(LINE);
    this.sync(DUE, T);
    this.charge(DATA_L2, () => c.f64(layout.l2Hit));
    this.limit();
    return this.func();
  }

  /** Hierarchy.store. */
  spill(): Func {
    const { layout, c } = this;
    if (!layout.timed) return this.func();
    if (layout.writeBack) return this.spillBack();
    if (layout.writeAllocate) return this.toHost(HELPERS.spill);
    this.set(layout.l2, ADDRESS, T, L2_SET);
    this.find(layout.l2, T, L2_SET, L2_WAY);
    c.get(L2_WAY).i32(layout.l2.ways).op('i32ge_u').if();
    c.get(ADDRESS).get(DUE).call(HELPERS.spill).op('return', 'end');
    this.set(layout.l1d, ADDRESS, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32ge_u').if();
    this.count(CELL.l1dMisses);
    c.op('else').get(WAY).if();
    this.toFront(layout.l1d, SET, WAY, TAG, T);
    this.forget(LINE);
    c.op('end', 'end');
    // Hierarchy.storeSlot: the next entry, waited for if it is not free.
    this.sync(DUE, T);
    this.cell(CELL.ringNext).tee(T).i32(3).op('i32shl').set(SLOT);
    c.i32(0).i32(0).get(T).i32(1).op('i32add').tee(T).get(T).i32(layout.storeEntries).op('i32eq', 'select');
    c.mem('i32store', this.at(CELL.ringNext));
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
    this.toFront(layout.l2, L2_SET, L2_WAY, TAG, T);
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
    this.limit();
    return this.func();
  }

  /** With write-back, a line that L1D has: it is dirty now, and the most recent. */
  private spillBack(): Func {
    const { layout, c } = this;
    this.set(layout.l1d, ADDRESS, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32ge_u').if();
    c.get(ADDRESS).get(DUE).call(HELPERS.spill).op('return', 'end');
    this.setCell(CELL.due, () => c.get(DUE));
    this.toFront(layout.l1d, SET, WAY, TAG, T);
    this.forget(LINE);
    c.get(SET).get(SET).mem('i32load', layout.l1d.tags).i32(1).op('i32or').mem('i32store', layout.l1d.tags);
    return this.func();
  }

  private toHost(helper: number): Func {
    this.c.get(ADDRESS).get(DUE).call(helper);
    return this.func();
  }

  private func(): Func {
    return { signature: SIGNATURE, locals: LOCALS, code: this.c };
  }
}
