/**
 * What the functions of gates.ts and privileges.ts do once nothing can fail any more: accesses by the front table (Mmu.read…
 * and write…), flags as the registers keep them, time and counts. The slots are those that looks.ts found.
 */
import { AF, CF, IF, IOPL, PF, PLACE, SF, ZF } from '../registers.ts';
import { CELL } from './cells.ts';
import type { SharedHelper } from './helpers.ts';
import { DUE, LAST_LOOK, Looks, OLD_CPL, OLD_FLAGS, PA, T } from './looks.ts';
import { FRONT_STAMP } from './places.ts';
import { FILL, SPILL, stamp } from './shared.ts';
import { type Code, type Func, I32 } from './wasm.ts';

// Locals beyond those of looks.ts.
export const FRAME = LAST_LOOK + 1;
export const FRAME_SLOT = LAST_LOOK + 2;
/** EFLAGS without the arithmetic ones, behind it. */
export const FLAGS = LAST_LOOK + 3;
export const ENTRY = LAST_LOOK + 4;
const LAST_LOCAL = ENTRY;

export class Acts extends Looks {
  protected func(name: SharedHelper, parameters: number, results: number): Func {
    const dwords = (n: number) => Array.from({ length: n }, () => I32);
    return {
      signature: { parameters: dwords(parameters), results: dwords(results) },
      locals: dwords(LAST_LOCAL + 1 - parameters),
      code: this.c,
      name,
    };
  }

  // ---- doing ------------------------------------------------------------------------------------------------------

  protected begin(): void {
    this.setCell(CELL.due, () => this.c.get(DUE));
  }

  /** A load at linear address `lin`: the entry of its page and its line are used. PA, T and ENTRY are lost. */
  protected load(slot: number, lin: number): void {
    const { c, layout } = this;
    this.use(slot);
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    this.physical(lin, slot).tee(PA).i32(shift).op('i32shr_u').tee(T).i32(setMask).op('i32and');
    c.i32(4 * ways)
      .op('i32mul')
      .mem('i32load', tags)
      .i32(2)
      .op('i32shr_s')
      .get(T)
      .op('i32ne')
      .if();
    c.get(PA).get(DUE).call(FILL).op('end');
  }

  /** Walker.storeLine for PA. */
  protected storeLine(): void {
    const { c, layout } = this;
    if (!layout.timed) return;
    const { tags, shift, setMask, ways } = layout.l1d;
    c.get(PA).i32(shift).op('i32shr_u').tee(T);
    if (layout.writeBack) {
      c.i32(setMask)
        .op('i32and')
        .i32(4 * ways)
        .op('i32mul')
        .mem('i32load', tags);
      c.get(T).i32(2).op('i32shl').i32(1).op('i32or', 'i32ne').if();
    } else {
      c.i32(0).mem('i32load', layout.lastStore).op('i32ne').if();
      c.i32(0).get(T).mem('i32store', layout.lastStore);
      c.i32(0).i32(0).mem('i32store', layout.filter.store);
    }
    c.get(PA).get(DUE).call(SPILL).op('end');
  }

  /** Mmu.use for a slot. */
  protected use(slot: number): void {
    const { c, layout } = this;
    c.get(slot)
      .mem('i32load', layout.front + FRONT_STAMP)
      .tee(ENTRY);
    this.cell(CELL.lastEntry).op('i32ne').if();
    this.setCell(CELL.lastEntry, () => c.get(ENTRY));
    stamp(c, layout, ENTRY, T);
    c.op('end');
  }

  /** Pushes EFLAGS as Registers.eflags tells it; locals. */
  protected image(flags: number, result: number, aux: number): void {
    const { c } = this;
    c.get(flags).i32(2).op('i32or').get(aux).i32(31).op('i32shr_u', 'i32or');
    c.get(result).get(aux).i32(8).op('i32shr_u', 'i32xor').i32(0xff).op('i32and', 'i32popcnt');
    c.i32(1).op('i32and', 'i32eqz').i32(2).op('i32shl', 'i32or');
    c.get(aux).i32(1).op('i32shl').i32(AF).op('i32and', 'i32or');
    c.get(result).op('i32eqz').i32(6).op('i32shl', 'i32or');
    c.get(result).i32(31).op('i32shr_u').get(aux).i32(1).op('i32and', 'i32xor').i32(7).op('i32shl', 'i32or');
    c.get(aux).get(aux).i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u').i32(11).op('i32shl', 'i32or');
  }

  /** Registers.setArithmetic of the flags in local `image`. */
  protected setArithmetic(image: number): void {
    const { c } = this;
    this.setReg(PLACE.result, () => c.i32(0).i32(0x100).get(image).i32(ZF).op('i32and', 'select'));
    this.setReg(PLACE.aux, () => {
      c.get(image).i32(31).op('i32shl');
      c.get(image)
        .get(image)
        .i32(11)
        .op('i32shr_u', 'i32xor')
        .i32(CF)
        .op('i32and')
        .i32(30)
        .op('i32shl', 'i32or');
      c.get(image)
        .i32(1)
        .op('i32shr_u')
        .i32(AF >> 1)
        .op('i32and', 'i32or');
      c.get(image)
        .i32(7)
        .op('i32shr_u')
        .i32(SF >> 7)
        .op('i32and', 'i32or');
      c.get(image).i32(PF).op('i32and', 'i32eqz').i32(8).op('i32shl', 'i32or');
    });
  }

  /** Pushes those of `always` and of IF and IOPL that code of privilege OLD_CPL, with flags OLD_FLAGS, may load. */
  protected loadable(always: number): Code {
    const { c } = this;
    c.i32(always);
    c.i32(IF).i32(0).get(OLD_CPL).get(OLD_FLAGS).i32(12).op('i32shr_u').i32(3).op('i32and', 'i32le_u');
    c.op('select', 'i32or');
    return c.i32(0).i32(IOPL).get(OLD_CPL).op('select', 'i32or');
  }

  /** Charges ticks to the region in the cell. What is due stays due: only the sums can be seen. */
  protected passTime(cause: number, ticks: number): void {
    const { c } = this;
    if (ticks === 0) return;
    this.charge(cause, () => c.f64(ticks));
    this.cell(CELL.limit).i32(ticks).op('i32sub').tee(T).i32(0).get(T).i32(0).op('i32gt_s', 'select').set(T);
    this.setCell(CELL.limit, () => c.get(T));
  }

  protected counts(deliveries: number, loads: number, stores: number): void {
    const at = this.at(CELL.gateCounts);
    const n = BigInt(deliveries) + (BigInt(loads) << 21n) + (BigInt(stores) << 42n);
    this.c.i32(0).i32(0).mem('i64load', at).i64(n).op('i64add').mem('i64store', at);
  }
}
