/**
 * Loads and stores in compiled code. What is inline does what Mmu.read… and write… do when they find everything at hand:
 * the line filter (mmu/filter.ts) knows the line, so that nothing changes but the recency of a TLB entry. All else is a
 * call of the shared code (model.ts).
 */

import { LineFilter } from '../../mmu/filter.ts';
import { IDENTITY, PAGED } from '../../mmu/mmu.ts';
import { CELL, FAULT } from './cells.ts';
import { Flags } from './flags.ts';
import { accessOf, HELPERS, LOADED } from './helpers.ts';
import { ENTRY, LIN, OFFSET, SLOT, T, VALUE } from './locals.ts';
import { filterSlot, stamp } from './shared.ts';
import type { Code } from './wasm.ts';

type Size = 1 | 2 | 4;

export class Accesses extends Flags {
  /**
   * Loads `size` bytes at the offset in local OFFSET through segment `s` into VALUE, zero-extended.
   */
  load(s: number, size: Size): void {
    const { c, layout } = this;
    const call = (helper: 'load' | 'read') => {
      c.get(LIN).i32(accessOf(s, size));
      this.pushDue().i32(this.at).call(HELPERS[helper]).set(VALUE);
      this.afterHelper();
      this.cell(CELL.status);
      this.seldom(() => this.exitFault());
    };
    this.access(s, size, this.segments.readTop[s], call, 'read', 'load', () => {
      this.lineTag(size);
      c.get(SLOT).mem('i32load', layout.filter.reads).op('i32ne');
      this.elsewhere();
      this.use(() => c.get(SLOT).mem('i32load', layout.filter.entry));
      this.physical(() => c.get(SLOT).mem('i32load', layout.filter.delta));
      c.mem(size === 4 ? 'i32load' : size === 2 ? 'i32load16_u' : 'i32load8_u', layout.ram).set(VALUE);
    });
  }

  /** Stores VALUE's low `size` bytes at OFFSET; `behind` does the rest of the instruction once the store is done. */
  store(s: number, size: Size, behind: () => void = () => {}, loaded = false): void {
    const { c } = this;
    const call = (helper: 'store' | 'write') => {
      c.get(LIN).i32(accessOf(s, size)).get(VALUE);
      this.pushDue()
        .i32(loaded ? this.at | LOADED : this.at)
        .call(HELPERS[helper]);
      this.afterHelper();
      this.cell(CELL.status);
      this.seldom(() => {
        this.cell(CELL.status).i32(FAULT).op('i32and');
        this.if(() => this.exitFault());
        if (this.atEnd) return;
        behind();
        this.exitBehind();
      });
    };
    this.access(s, size, this.segments.writeTop[s], call, 'write', 'store', () => {
      const { entry, delta } = this.atHandForStore(size);
      this.use(() => entry());
      this.physical(() => delta());
      c.get(VALUE).mem(size === 4 ? 'i32store' : size === 2 ? 'i32store16' : 'i32store8', this.layout.ram);
    });
    behind();
  }

  /** Raises the faults of a store that comes later, as Mmu.probeWrite does. */
  probe(s: number, size: Size): void {
    const { c } = this;
    const call = (helper: 'check' | 'probe') => {
      c.get(LIN).i32(accessOf(s, size));
      this.pushDue().i32(this.at).call(HELPERS[helper]);
      this.afterHelper();
      this.cell(CELL.status);
      this.seldom(() => this.exitFault());
    };
    this.access(s, size, this.segments.writeTop[s], call, 'probe', 'check', () => {
      this.atHandForStore(size);
    });
  }

  /**
   * An access through `s`: `fast` leaves the block around it if the line is not at hand; then `shared` does it, and `host`
   * where the segment has its say.
   */
  private access<H extends string, S extends string>(
    s: number,
    size: Size,
    top: number,
    call: (helper: H | S) => void,
    host: H,
    shared: S,
    fast: () => void,
  ): void {
    const { c } = this;
    c.get(OFFSET);
    if (this.segments.base[s]) c.i32(this.segments.base[s]).op('i32add');
    c.set(LIN);
    if (top < 0) return call(host);
    const inLimit = () =>
      this.block(() => {
        this.block(() => {
          fast();
          c.br(1);
        });
        call(shared);
      });
    if (top >= 0xffff_ffff || this.layout.omit.has('limit')) return inLimit();
    if (top < size - 1) return call(host);
    c.get(OFFSET)
      .i32((top - size + 1) | 0)
      .op('i32gt_u');
    this.if(() => call(host), inLimit);
  }

  /** Pushes what the filter's tag of LIN's line is, if it is at hand and the operand is aligned; sets SLOT. */
  private lineTag(size: Size): void {
    this.tag(size);
    filterSlot(this.c, this.layout, LIN, SLOT);
  }

  /** Leaves the block around if it is pushed that the line is not at hand. */
  private elsewhere(): void {
    if (this.layout.omit.has('line')) this.c.op('drop');
    else this.c.rarely().brIf(0);
  }

  private tag(size: Size): Code {
    const line = 1 << this.layout.filter.shift;
    // An operand that is not aligned keeps a low bit, and no tag has one.
    this.c
      .get(LIN)
      .i32(-line | (size - 1))
      .op('i32and');
    if (this.segments.translation === IDENTITY) this.c.i32(LineFilter.bankBits(0));
    else this.cell(CELL.bankBits);
    return this.c.op('i32or');
  }

  /** Leaves the block around unless the line of LIN may be stored to; what pushes its TLB entry and delta. */
  private atHandForStore(size: Size): { entry: () => Code; delta: () => Code } {
    const { c, layout } = this;
    const { filter } = layout;
    if (layout.timed && !layout.writeBack) {
      this.tag(size).i32(0).mem('i32load', filter.store).op('i32ne');
      this.elsewhere();
      return {
        delta: () => c.i32(0).mem('i32load', filter.store + 4),
        entry: () => c.i32(0).mem('i32load', filter.store + 8),
      };
    }
    this.lineTag(size);
    c.get(SLOT).mem('i32load', filter.writes).op('i32ne');
    this.elsewhere();
    return {
      delta: () => c.get(SLOT).mem('i32load', filter.delta),
      entry: () => c.get(SLOT).mem('i32load', filter.entry),
    };
  }

  /** Renews the TLB entry that `push` pushes, as Mmu.use does. */
  private use(push: () => Code): void {
    const { c, layout } = this;
    if (this.segments.translation !== PAGED || layout.omit.has('recency')) return;
    push().tee(ENTRY);
    this.cell(CELL.lastEntry).op('i32ne');
    this.if(() => {
      this.setCell(CELL.lastEntry, () => c.get(ENTRY));
      stamp(c, layout, ENTRY, T);
    });
  }

  /** Pushes the physical address of LIN. */
  private physical(delta: () => Code): void {
    this.c.get(LIN);
    if (this.segments.translation === IDENTITY) return;
    delta().op('i32add');
  }
}
