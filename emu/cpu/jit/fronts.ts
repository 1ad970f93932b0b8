/**
 * The front tables as compiled code fills them and drops pages from them: that of data (mmu/mmu.ts) and that of code pages
 * (mmu/walker.ts), with the line filter that hangs on the first. The parameters are those of the functions in walks.ts.
 */

import { FRONT } from '../../mmu/control.ts';
import { BIG } from '../../mmu/tlb.ts';
import { CODE_FRONT } from '../../mmu/walker.ts';
import { CELL } from './cells.ts';
import type { Layout } from './layout.ts';
import {
  BANK_BYTES,
  FETCH_DELTA,
  FETCH_PAGE,
  FETCH_UNCACHED,
  FETCH_USER,
  FRONT_DELTA,
  FRONT_STAMP,
  FRONT_WRITE,
  SLOT_SHIFT,
} from './places.ts';
import { TlbWriter } from './tlbs.ts';
import type { Code } from './wasm.ts';

export const SMALL_SHIFT = 12;
/** Of the front table: kernel and user, watched or not; of the code TLB's. */
const BANKS = 4;
const CODE_BANKS = 2;
const EPOCH_MASK = 4095;
/** CELL.bank has it for user accesses; 12 bits further down it is TLB_U, 13 bits TLB_W. */
export const USER = BANK_BYTES;

export const LIN = 0;
/** 1 for a store, 0 for a load or fetch. */
export const WRITE = 1;
export const DUE = 2;

export class FrontWriter extends TlbWriter {
  protected readonly data: boolean;
  protected readonly key = this.local();
  /** Where the page of LIN is, and the address of its entry's stamp. */
  protected readonly pa = this.local();
  protected readonly stamp = this.local();
  protected readonly tag = this.local();
  protected readonly slot = this.local();
  protected readonly t = this.local();
  protected readonly u = this.local();
  protected readonly v = this.local();
  protected readonly w = this.local();

  /** `data`: for the data TLBs, else the code TLBs. */
  constructor(layout: Layout, data: boolean) {
    super(layout, 3);
    this.data = data;
  }

  /** A small page, `key`, leaves the front table: `push` pushes the address of its stamp. */
  protected dropFront(key: number, push: () => void): void {
    const { c, layout } = this;
    push();
    c.set(this.u);
    const slots = this.data ? FRONT : CODE_FRONT;
    const front = this.data ? layout.front : layout.codeFront;
    c.get(key)
      .get(key)
      .i32(this.data ? 10 : 6)
      .op('i32shr_u', 'i32xor')
      .i32(slots - 1)
      .op('i32and');
    c.i32(SLOT_SHIFT).op('i32shl').set(this.slot);
    // Watched code has banks of its own, which may hold the page while nobody watches.
    for (let bank = 0; bank < (this.data ? BANKS : CODE_BANKS); bank++) {
      const at = front + bank * (slots << SLOT_SHIFT);
      this.dword(at + FRONT_STAMP, this.slot)
        .get(this.u)
        .op('i32eq');
      this.if(() => {
        if (this.data) {
          this.inEpoch(() => this.dword(at, this.slot));
          this.inEpoch(() => this.dword(at + FRONT_WRITE, this.slot)).op('i32or');
          this.if(() => this.clearFilter());
          this.setDword(at + FRONT_WRITE, this.slot, () => c.i32(0));
        }
        this.setDword(at, this.slot, () => c.i32(0));
      });
    }
  }

  private inEpoch(push: () => Code): Code {
    push().i32(EPOCH_MASK).op('i32and');
    return this.cell(CELL.epoch).op('i32eq');
  }

  /** Mmu.fillFront; the entry was used last. */
  protected fillFront(): void {
    const { c, layout } = this;
    const { front } = layout;
    c.get(LIN)
      .i32(12)
      .op('i32shr_u')
      .get(LIN)
      .i32(22)
      .op('i32shr_u', 'i32xor')
      .i32(FRONT - 1);
    c.op('i32and').i32(SLOT_SHIFT).op('i32shl');
    this.cell(CELL.bank).op('i32add').set(this.slot);
    c.get(LIN)
      .i32(-1 << SMALL_SHIFT)
      .op('i32and');
    this.cell(CELL.epoch).op('i32or').set(this.tag);
    c.get(this.pa).get(LIN).op('i32sub').set(this.t);
    // The tags that are there: v and w are 0 if they are this one, and their low bits are 0 if they are of this epoch.
    this.dword(front, this.slot).get(this.tag).op('i32xor').set(this.v);
    this.dword(front + FRONT_WRITE, this.slot)
      .get(this.tag)
      .op('i32xor')
      .set(this.w);
    const foreign = (x: number) => c.get(x).i32(EPOCH_MASK).op('i32and').i32(0).op('i32ne');
    foreign(this.v);
    foreign(this.w).op('i32and');
    this.if(
      () => c.i32(1).set(this.v).i32(1).set(this.w),
      () => {
        this.dword(front + FRONT_DELTA, this.slot)
          .get(this.t)
          .op('i32ne');
        this.dword(front + FRONT_STAMP, this.slot)
          .get(this.stamp)
          .op('i32ne', 'i32or');
        this.if(
          () => {
            c.i32(1).set(this.v).i32(1).set(this.w);
            this.clearFilter();
          },
          () => {
            const lost = (x: number) =>
              c.get(x).i32(0).op('i32ne').get(x).i32(EPOCH_MASK).op('i32and', 'i32eqz', 'i32and');
            lost(this.v);
            lost(this.w).op('i32or');
            this.if(() => this.clearFilter());
          },
        );
      },
    );
    this.setDword(front + FRONT_DELTA, this.slot, () => c.get(this.t));
    this.setDword(front + FRONT_STAMP, this.slot, () => c.get(this.stamp));
    const set = (offset: number, x: number, own: () => void) =>
      this.setDword(front + offset, this.slot, () => {
        c.get(this.tag).i32(0).get(x).op('i32eqz');
        own();
        c.op('i32or', 'select');
      });
    set(0, this.v, () => c.get(WRITE).op('i32eqz'));
    set(FRONT_WRITE, this.w, () => c.get(WRITE));
    c.get(WRITE);
    this.if(() => c.get(this.pa).i32(SMALL_SHIFT).op('i32shr_u').i32(0xff).mem('i32store8', layout.dirty));
    c.get(this.key).i32(BIG).op('i32and');
    this.if(() => this.noteBig());
    this.setCell(CELL.lastEntry, () => c.get(this.stamp));
  }

  private noteBig(): void {
    const { c } = this;
    const { bigSlots, bigSlotCount } = this.layout;
    this.setWord(bigSlots, () => this.word(bigSlots).i32(1).op('i32add').tee(this.v));
    c.get(this.v).i32(bigSlotCount).op('i32le_u');
    this.if(() => {
      this.toBytes(this.v, this.v);
      this.setDword(bigSlots, this.v, () => c.get(this.slot).i32(2).op('i32shr_u'));
    });
  }

  /** Walker.fetching and the code TLB's front table, as Walker.translateFetch sets them. */
  protected fillCode(): void {
    const { c, layout } = this;
    const { codeFront, fetching } = layout;
    const page = () =>
      c
        .get(LIN)
        .i32(-1 << SMALL_SHIFT)
        .op('i32and');
    const user = () => this.cell(CELL.bank).i32(SLOT_SHIFT).op('i32shr_u').i32(FRONT).op('i32and');
    c.get(this.pa).get(LIN).op('i32sub').set(this.t);
    this.setWord(fetching + FETCH_PAGE, page);
    this.setWord(fetching + FETCH_USER, user);
    this.setWord(fetching + FETCH_DELTA, () => c.get(this.t));
    this.setWord(fetching + FETCH_UNCACHED, () => c.i32(0));
    c.get(LIN)
      .i32(12)
      .op('i32shr_u')
      .get(LIN)
      .i32(18)
      .op('i32shr_u', 'i32xor')
      .i32(CODE_FRONT - 1)
      .op('i32and');
    user()
      .i32(0)
      .op('i32ne')
      .i32(CODE_FRONT)
      .op('i32mul', 'i32or')
      .i32(SLOT_SHIFT)
      .op('i32shl')
      .set(this.slot);
    this.setDword(codeFront, this.slot, () => {
      page();
      this.cell(CELL.epoch).op('i32or');
    });
    this.setDword(codeFront + FRONT_DELTA, this.slot, () => c.get(this.t));
    this.setDword(codeFront + FRONT_STAMP, this.slot, () => c.get(this.stamp));
  }
}
