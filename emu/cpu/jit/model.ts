/**
 * Compiled code that all units share: what the memory hierarchy (mmu/hierarchy.ts) does for a load or store whose line is
 * not at hand. It does the same as the model there, which the interpreter uses, but charges nothing that is merely due:
 * the sums are the same. shared.ts has the accesses before it, dispatch.ts the way from unit to unit, gates.ts handlers
 * entered and left.
 */
import { CAUSE } from '../../accounting.ts';
import { BUS_FREE, RING, RING_NEXT, STORES_DONE, STREAM_VICTIM } from '../../mmu/hierarchy.ts';
import { CELL } from './cells.ts';
import { Dispatch } from './dispatch.ts';
import { Flush } from './flush.ts';
import { Gates } from './gates.ts';
import { HOST_IMPORTS } from './helpers.ts';
import type { CacheLayout, Layout } from './layout.ts';
import { moduleBytes } from './module.ts';
import { Privileges } from './privileges.ts';
import { Check, FILL, Load, SPILL, Store, SWITCH_LINE, WALK_CODE, WALK_DATA, WALK_LINE } from './shared.ts';
import { Walk } from './walks.ts';
import { Code, F64, type Func, I32, type Import } from './wasm.ts';
import { Writer } from './writer.ts';

const DATA_L2 = CAUSE.dataL2;
const DATA_MEMORY = CAUSE.dataMemory;
const STORE_BUFFER = CAUSE.storeBuffer;
const WALK = CAUSE.walk;
const WALK_SWITCH = CAUSE.walkSwitch;

// Slots of Hierarchy's timing state, in bytes.
const BUS_AT = 8 * BUS_FREE;
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
const L2_LINE = 8;
const SLOT = 9;
const T = 10;
const NOW = 11;
const DONE = 12;
const STORED = 13;
const BUS = 14;
const LOCALS = [I32, I32, I32, I32, I32, I32, I32, I32, I32, F64, F64, F64, F64];
const SIGNATURE = { parameters: [I32, I32], results: [] };

/** The module that exports the shared helpers. Its first functions are called by the others only. */
export function modelBytes(layout: Layout): Uint8Array<ArrayBuffer> {
  const functions: Func[] = [];
  functions[FILL - HOST_IMPORTS.length] = new Hierarchy(layout).fill();
  functions[SPILL - HOST_IMPORTS.length] = new Hierarchy(layout).spill();
  functions[WALK_LINE - HOST_IMPORTS.length] = new Hierarchy(layout).fill(WALK, WALK);
  functions[SWITCH_LINE - HOST_IMPORTS.length] = new Hierarchy(layout).fill(WALK_SWITCH, WALK_SWITCH);
  functions[WALK_DATA - HOST_IMPORTS.length] = new Walk(layout, true).func();
  functions[WALK_CODE - HOST_IMPORTS.length] = new Walk(layout, false).func();
  functions.push(new Flush(layout).func());
  functions.push(new Load(layout).func(), new Store(layout).func(), new Check(layout).func());
  functions.push(new Dispatch(layout, false).func(), new Dispatch(layout, true).func());
  functions.push(new Gates(layout).interrupt(), new Gates(layout).iret());
  functions.push(new Privileges(layout).segmentLoad());
  functions.push(new Privileges(layout).flags(), new Privileges(layout).popf());
  functions.push(...HOST_IMPORTS.map(hostCall));
  return moduleBytes(HOST_IMPORTS, functions);
}

/**
 * The host's helper number `n` as a function of this module: units import that, since V8 compiles a bridge to each function
 * of the host for every module that imports it, which took longer than the unit itself.
 */
function hostCall({ name, signature }: Import, n: number): Func {
  const code = new Code();
  for (const parameter of signature.parameters.keys()) code.get(parameter);
  code.call(n);
  return { signature, locals: [], code, name };
}

/** In a tag. */
const DIRTY = 1;

class Hierarchy extends Writer {
  /** Hierarchy.load; what it costs is charged to these causes. */
  fill(hit = DATA_L2, miss = DATA_MEMORY): Func {
    const { layout, c } = this;
    if (!layout.timed) return this.func();
    this.setCell(CELL.due, () => c.get(DUE));
    this.set(layout.l1d, ADDRESS, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32lt_u').if();
    this.toFront(layout.l1d, SET, WAY, TAG, T);
    this.forget(LINE);
    c.op('return', 'end');
    this.count(CELL.l1dMisses);
    this.count(CELL.l2Accesses);
    this.lookInL2();
    c.get(L2_WAY).i32(layout.l2.ways).op('i32lt_u').if();
    this.toFront(layout.l2, L2_SET, L2_WAY, TAG, T);
    this.intoL1(false);
    this.stall(hit, () => c.f64(layout.l2Hit));
    c.op('else');
    this.fromMemory();
    this.intoL1(false);
    this.stall(miss, () => c.get(DONE).get(NOW).op('f64sub'));
    c.op('end');
    return this.func();
  }

  /** Hierarchy.store. */
  spill(): Func {
    const { layout, c } = this;
    if (!layout.timed) return this.func();
    this.setCell(CELL.due, () => c.get(DUE));
    this.set(layout.l1d, ADDRESS, LINE, SET);
    this.find(layout.l1d, LINE, SET, WAY);
    c.get(WAY).i32(layout.l1d.ways).op('i32lt_u').if();
    c.get(WAY).if();
    this.toFront(layout.l1d, SET, WAY, TAG, T);
    this.forget(LINE);
    c.op('end');
    if (layout.writeBack) {
      this.markDirty(layout.l1d, SET);
      c.op('return');
    }
    c.op('else');
    this.count(CELL.l1dMisses);
    if (!layout.writeBack && layout.writeAllocate) this.intoL1(false);
    c.op('end');
    this.enqueue(!(layout.writeBack && layout.writeAllocate));
    if (layout.writeBack && layout.writeAllocate) this.intoL1(true);
    return this.func();
  }

  /** Hierarchy.enqueue: in order, later; waits for the store buffer's next entry only. */
  private enqueue(dirty: boolean): void {
    const { layout, c } = this;
    const ring = layout.streams + 4 * RING_NEXT;
    c.i32(0).mem('i32load', ring).tee(T).i32(3).op('i32shl').set(SLOT);
    c.i32(0).i32(0).get(T).i32(1).op('i32add').tee(T).get(T).i32(layout.storeEntries).op('i32eq', 'select');
    c.mem('i32store', ring);
    this.now(DUE);
    c.set(NOW);
    c.get(SLOT)
      .mem('f64load', layout.timing + RING_AT)
      .tee(DONE)
      .get(NOW)
      .op('f64gt')
      .if();
    this.stall(STORE_BUFFER, () => c.get(DONE).get(NOW).op('f64sub'));
    c.get(DONE).set(NOW).op('end');
    this.count(CELL.l2Accesses);
    c.get(NOW)
      .i32(0)
      .mem('f64load', layout.timing + DONE_AT)
      .op('f64max')
      .f64(layout.l2Store)
      .op('f64add');
    c.set(STORED);
    this.lookInL2();
    c.get(L2_WAY).i32(layout.l2.ways).op('i32lt_u').if();
    this.toFront(layout.l2, L2_SET, L2_WAY, TAG, T);
    c.op('else');
    this.transferIntoL2();
    c.get(STORED).get(DONE).op('f64max').set(STORED);
    c.op('end');
    if (dirty) this.markDirty(layout.l2, L2_SET);
    c.i32(0)
      .get(STORED)
      .mem('f64store', layout.timing + DONE_AT);
    c.get(SLOT)
      .get(STORED)
      .mem('f64store', layout.timing + RING_AT);
  }

  /** Sets L2's line, set and way of ADDRESS. */
  private lookInL2(): void {
    this.set(this.layout.l2, ADDRESS, L2_LINE, L2_SET);
    this.find(this.layout.l2, L2_LINE, L2_SET, L2_WAY);
  }

  /** A line that L2 lacks, for a load: NOW, and DONE when it is there. */
  private fromMemory(): void {
    this.now(DUE);
    this.c.set(NOW);
    this.transferIntoL2();
  }

  /** Hierarchy.transfer at NOW, of L2_LINE, and its way into L2. */
  private transferIntoL2(): void {
    const { layout, c } = this;
    this.count(CELL.l2Misses);
    c.get(NOW)
      .i32(0)
      .mem('f64load', layout.timing + BUS_AT)
      .op('f64max')
      .tee(DONE);
    c.f64(layout.stream).op('f64add').set(BUS);
    c.i32(0)
      .get(BUS)
      .mem('f64store', layout.timing + BUS_AT);
    c.block().block();
    for (let n = 0; n < layout.streamCount; n++) {
      c.i32(4 * n).set(T);
      c.i32(0)
        .mem('i32load', layout.streams + 4 * n)
        .get(L2_LINE)
        .op('i32eq')
        .brIf(0);
    }
    const victim = layout.streams + 4 * STREAM_VICTIM;
    c.i32(0).mem('i32load', victim).tee(T).i32(2).op('i32shl').get(L2_LINE).i32(1).op('i32add');
    c.mem('i32store', layout.streams);
    c.i32(0).i32(0).get(T).i32(1).op('i32add').tee(T).get(T).i32(layout.streamCount).op('i32eq', 'select');
    c.mem('i32store', victim);
    c.get(DONE).f64(layout.random).op('f64add').set(DONE).br(1).op('end');
    c.get(T).get(L2_LINE).i32(1).op('i32add').mem('i32store', layout.streams);
    c.get(BUS).set(DONE).op('end');
    this.insert(layout.l2, L2_SET, L2_LINE, false);
    this.retire();
  }

  /** The line of ADDRESS becomes the most recent of its set in L1D. */
  private intoL1(dirty: boolean): void {
    const { layout, c } = this;
    this.insert(layout.l1d, SET, LINE, dirty);
    this.forget(LINE);
    if (!layout.writeBack) return;
    // Hierarchy.retireFromL1.
    c.get(TAG).i32(0).op('i32ge_s').get(TAG).i32(1).op('i32and', 'i32and').if();
    c.get(TAG)
      .i32(2 + layout.l2.shift - layout.l1d.shift)
      .op('i32shr_s')
      .tee(LINE)
      .i32(layout.l2.setMask)
      .op('i32and');
    c.i32(4 * layout.l2.ways)
      .op('i32mul')
      .set(L2_SET);
    this.find(layout.l2, LINE, L2_SET, L2_WAY);
    c.get(L2_WAY).i32(layout.l2.ways).op('i32lt_u').if();
    this.toFront(layout.l2, L2_SET, L2_WAY, TAG, T);
    this.markDirty(layout.l2, L2_SET);
    c.op('else');
    this.now(DUE);
    c.set(BUS);
    this.occupyBus();
    c.op('end', 'end');
  }

  /** Cache.insert; TAG is the tag of the victim, or -1. */
  private insert(cache: CacheLayout, set: number, line: number, dirty: boolean): void {
    const { c } = this;
    const last = cache.ways - 1;
    c.get(set)
      .mem('i32load', cache.tags + 4 * last)
      .set(TAG);
    c.get(line).i32(2).op('i32shl');
    if (dirty) c.i32(DIRTY).op('i32or');
    c.set(T);
    this.moveIn(cache, set, T);
  }

  /** Hierarchy.retireFromL2, of the victim in TAG, at NOW. */
  private retire(): void {
    const { c } = this;
    c.get(TAG).i32(0).op('i32ge_s').get(TAG).i32(1).op('i32and', 'i32and').if();
    c.get(NOW).set(BUS);
    this.occupyBus();
    c.op('end');
  }

  /** From the tick in BUS on, or when it is free. */
  private occupyBus(): void {
    const { layout, c } = this;
    c.i32(0)
      .get(BUS)
      .i32(0)
      .mem('f64load', layout.timing + BUS_AT)
      .op('f64max');
    c.f64(layout.stream)
      .op('f64add')
      .mem('f64store', layout.timing + BUS_AT);
  }

  /** The most recent line of a set is dirty. */
  private markDirty(cache: CacheLayout, set: number): void {
    const { c } = this;
    c.get(set).get(set).mem('i32load', cache.tags).i32(DIRTY).op('i32or').mem('i32store', cache.tags);
  }

  private func(): Func {
    return { signature: SIGNATURE, locals: LOCALS, code: this.c };
  }
}
