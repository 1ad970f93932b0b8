/**
 * Loads and stores in compiled code. The fast part is inline and does what Mmu.read… and write… do when they find everything
 * at hand: the page in the front table, the line where it was used last. All else is a helper.
 */

import { CELL, FAULT } from './cells.ts';
import { Flags } from './flags.ts';
import { HELPERS, LOADED } from './helpers.ts';
import { BANK, ENTRY, LIN, OFFSET, PA, SLOT, T, VALUE } from './locals.ts';

const MAX_STAMP = 0x7fff_ffff;
const FRONT_MASK = 1023;
const FRONT_WRITE = 4;
const FRONT_DELTA = 8;
const FRONT_STAMP = 12;

export class Accesses extends Flags {
  /**
   * Loads `size` bytes at the offset in local OFFSET through segment `s` into VALUE, zero-extended.
   */
  load(s: number, size: 1 | 2 | 4): void {
    const { c } = this;
    const slow = () => {
      this.showCounts();
      c.i32(s).get(OFFSET).i32(size);
      this.pushDue().i32(this.at).call(HELPERS.read).set(VALUE);
      this.afterHelper();
      this.cell(CELL.status);
      this.if(() => this.exitFault());
    };
    if (this.segments.readTop[s] < 0) return slow();
    this.block(() => {
      this.block(() => {
        this.front(s, size, false);
        this.touch();
        c.get(PA).mem(size === 4 ? 'i32load' : size === 2 ? 'i32load16_u' : 'i32load8_u', this.layout.ram);
        c.set(VALUE).br(1);
      });
      slow();
    });
  }

  /** Stores VALUE's low `size` bytes at OFFSET; `behind` does the rest of the instruction once the store is done. */
  store(s: number, size: 1 | 2 | 4, behind: () => void = () => {}, loaded = false): void {
    const { c } = this;
    const slow = () => {
      this.showCounts();
      c.i32(s).get(OFFSET).i32(size).get(VALUE);
      this.pushDue()
        .i32(loaded ? this.at | LOADED : this.at)
        .call(HELPERS.write);
      this.afterHelper();
      this.cell(CELL.status);
      this.if(() => {
        this.cell(CELL.status).i32(FAULT).op('i32and');
        this.if(() => this.exitFault());
        if (this.atEnd) return;
        behind();
        this.exitBehind();
      });
    };
    if (this.segments.writeTop[s] < 0) slow();
    else
      this.block(() => {
        this.block(() => {
          this.front(s, size, true);
          this.touchForStore();
          c.get(PA)
            .get(VALUE)
            .mem(size === 4 ? 'i32store' : size === 2 ? 'i32store16' : 'i32store8', this.layout.ram);
          c.br(1);
        });
        slow();
      });
    behind();
  }

  /** Raises the faults of a store that comes later, as Mmu.probeWrite does. */
  probe(s: number, size: 1 | 2 | 4): void {
    const { c } = this;
    const slow = () => {
      c.i32(s).get(OFFSET).i32(size);
      this.pushDue().i32(this.at).call(HELPERS.probe);
      this.afterHelper();
      this.cell(CELL.status);
      this.if(() => this.exitFault());
    };
    if (this.segments.writeTop[s] < 0) return slow();
    this.block(() => {
      this.block(() => {
        this.slot(s, size, true);
        c.br(1);
      });
      slow();
    });
  }

  /** Goes on if the page of OFFSET is in the front table, else out of the block around; sets PA and uses the entry. */
  private front(s: number, size: number, write: boolean): void {
    const { c } = this;
    this.slot(s, size, write);
    c.get(LIN).get(SLOT).mem('i32load', FRONT_DELTA).op('i32add').set(PA);
    this.use();
  }

  private slot(s: number, size: number, write: boolean): void {
    const { c } = this;
    const top = (write ? this.segments.writeTop : this.segments.readTop)[s];
    if (top < 0xffff_ffff)
      c.get(OFFSET)
        .i32((top - size + 1) | 0)
        .op('i32gt_u')
        .brIf(0);
    c.get(OFFSET);
    if (this.segments.base[s]) c.i32(this.segments.base[s]).op('i32add');
    c.tee(LIN).i32(12).op('i32shr_u').get(LIN).i32(22).op('i32shr_u', 'i32xor').i32(FRONT_MASK);
    c.op('i32and').i32(4).op('i32shl').get(BANK).op('i32add').tee(SLOT);
    c.mem('i32load', write ? FRONT_WRITE : 0);
    c.get(LIN).i32(-4096).op('i32and');
    this.cell(CELL.epoch).op('i32or', 'i32ne').brIf(0);
    if (size > 1) {
      const line = this.layout.timed ? 1 << this.layout.l1d.shift : 4096;
      c.get(LIN)
        .i32(line - 1)
        .op('i32and')
        .i32(line - size)
        .op('i32gt_u')
        .brIf(0);
    }
  }

  /** Renews the TLB entry of SLOT, as Mmu.use does. */
  private use(): void {
    const { c, layout } = this;
    c.get(SLOT).mem('i32load', FRONT_STAMP).tee(ENTRY);
    this.cell(CELL.lastEntry).op('i32ne');
    this.if(() => {
      this.setCell(CELL.lastEntry, () => c.get(ENTRY));
      const { dataClock } = layout;
      c.i32(0).i32(0).mem('i32load', dataClock).i32(1).op('i32add').tee(T).mem('i32store', dataClock);
      c.get(ENTRY).get(T).mem('i32store', 0);
      c.get(T).i32(MAX_STAMP).op('i32eq');
      this.if(() => c.call(HELPERS.renumber));
    });
  }

  /** A load from the L1D line of PA. */
  private touch(): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    c.get(PA)
      .i32(shift)
      .op('i32shr_u')
      .tee(T)
      .i32(setMask)
      .op('i32and')
      .i32(4 * ways)
      .op('i32mul');
    c.mem('i32load', tags).i32(2).op('i32shr_s').get(T).op('i32ne');
    this.if(() => {
      c.get(PA);
      this.pushDue().call(HELPERS.load);
      this.afterHelper();
    });
  }

  /** A store to the L1D line of PA. */
  private touchForStore(): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    const miss = () => {
      c.get(PA);
      this.pushDue().call(HELPERS.store);
      this.afterHelper();
    };
    c.get(PA).i32(shift).op('i32shr_u').tee(T);
    if (layout.writeBack) {
      c.i32(setMask)
        .op('i32and')
        .i32(4 * ways)
        .op('i32mul')
        .mem('i32load', tags);
      c.get(T).i32(2).op('i32shl').i32(1).op('i32or', 'i32ne');
      this.if(miss);
      return;
    }
    c.i32(0).mem('i32load', layout.lastStore).op('i32ne');
    this.if(() => {
      c.i32(0).get(T).mem('i32store', layout.lastStore);
      miss();
    });
  }
}
