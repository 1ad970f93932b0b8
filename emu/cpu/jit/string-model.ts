/**
 * The memory hierarchy (mmu/hierarchy.ts) as runs of strings meet it, in compiled code: as the model there says, and what is
 * due is charged when it is there, so that a run may be left at any line.
 */
import { CAUSE } from '../../accounting.ts';
import { BUS_FREE, RING, RING_NEXT, STORES_DONE, STREAM_VICTIM } from '../../mmu/hierarchy.ts';
import { RUN } from '../runs.ts';
import { CELL } from './cells.ts';
import { ENQUEUE, Strings, TRANSFER } from './string-writer.ts';
import { F64, type Func, I32 } from './wasm.ts';

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;
const DATA_L2 = CAUSE.dataL2;
const DATA_MEMORY = CAUSE.dataMemory;
const STORE_BUFFER = CAUSE.storeBuffer;

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

export class StringModel extends Strings {
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
