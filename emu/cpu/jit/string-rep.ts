/**
 * REP MOVS and REP STOS as a unit begins them: upwards, with 32-bit addresses, in pages that the front table holds, without
 * the host. What exec/string.ts and exec/bulk.ts do then; whatever else comes up, before or within, they go on with (RUN.resumed).
 *
 * Parameters: where the instruction is and the ticks due (as for `execute`); of the source and of the target the segment's base
 * and the highest offset; log2 of an element's bytes; EIP and that of the next instruction; its issue ticks if it is alone in
 * its block (Insn.alone), else -1; what a round costs.
 */
import { CAUSE } from '../../accounting.ts';
import { MAX_STAMP } from '../../mmu/tlb.ts';
import { RUN } from '../runs.ts';
import { CELL } from './cells.ts';
import { HELPERS } from './helpers.ts';
import { EFLAGS_AT, EIP_AT, FRONT_DELTA, FRONT_MASK, FRONT_STAMP, FRONT_WRITE } from './places.ts';
import { COPY, FILL, NOBODY, ROUNDS, Strings } from './string-writer.ts';
import { type Func, I32 } from './wasm.ts';

const ISSUE = CAUSE.issue;
const PAGE = 4096;
// Of the registers, in bytes.
const EAX_AT = 0;
const ECX_AT = 4;
const ESI_AT = 24;
const EDI_AT = 28;
const DF = 0x400;

// Parameters.
const AT = 0;
const DUE = 1;
const FROM_BASE = 2;
const FROM_TOP = 3;
const TO_BASE = 4;
const TO_TOP = 5;
const SHIFT = 6;
const EIP = 7;
const NEXT = 8;
const COST = 9;
const PER_ROUND = 10;
const PARAMETERS = 11;
// Locals.
const COUNT = 11;
const N = 12;
const A = 13;
const B = 14;
const BYTES = 15;
const SLOT = 16;
const FIRST = 17;
const SECOND = 18;
const DID = 19;
const T = 20;
const SPARED = 21;
const VALUE = 22;
const LOCALS = 12;

export class Rep extends Strings {
  func(kind: 'move' | 'fill'): Func {
    const { c } = this;
    const moves = kind === 'move';
    this.start();
    c.block().block();
    this.register(EFLAGS_AT).i32(DF).op('i32and').brIf(0);
    this.register(ECX_AT).set(COUNT);
    c.loop();
    c.get(COUNT).op('i32eqz').brIf(2);
    this.rounds(moves);
    this.take(moves);
    this.data(moves);
    c.get(COUNT).op('i32eqz').brIf(2);
    this.run(RUN.left).brIf(0);
    c.op('end', 'end');
    // The host goes on.
    this.setRun(RUN.resumed, () => c.i32(1));
    c.get(AT);
    this.cell(CELL.due).call(HELPERS.execute).op('return', 'end');
    this.end();
    const dwords = (n: number) => Array.from({ length: n }, () => I32);
    const signature = { parameters: dwords(PARAMETERS), results: [] };
    return { signature, locals: dwords(LOCALS), code: c, name: moves ? 'repMove' : 'repFill' };
  }

  private register(at: number) {
    return this.c.i32(0).mem('i32load', this.layout.registers + at);
  }

  private setRegister(at: number, push: () => void): void {
    this.c.i32(0);
    push();
    this.c.mem('i32store', this.layout.registers + at);
  }

  /** As stringExec begins. */
  private start(): void {
    const { c, layout } = this;
    this.setCell(CELL.due, () => c.get(DUE));
    this.run(RUN.eip).get(EIP).op('i32ne').if();
    this.synced();
    if (layout.rep.start > 0) this.charge(ISSUE, () => c.f64(layout.rep.start));
    this.setRun(RUN.fraction, () => c.i32(0));
    c.op('end');
    this.setRun(RUN.eip, () => c.i32(-1));
    this.setRun(RUN.left, () => c.i32(ROUNDS));
    this.setRun(RUN.uncharged, () => c.i32(0));
    this.setRun(RUN.perRound, () => c.get(PER_ROUND));
    this.setRun(RUN.cost, () => c.get(COST));
    // Runs.mayGoOn: LEAVE and REFETCH are negative.
    c.i32(0)
      .i32(0)
      .mem('f64load', layout.cellsAt + 4 * CELL.until)
      .f64(-1);
    c.get(COST).i32(-1).op('i32gt_s');
    this.cell(CELL.limit).i32(-1).op('i32gt_s', 'i32and', 'select');
    c.mem('f64store', this.headAt);
  }

  /** Runs.look, else out of the block around the loop: N rounds from A to B, stamps in FIRST and SECOND. */
  private rounds(moves: boolean): void {
    const { c, layout } = this;
    c.get(COUNT).set(N);
    c.f64(0).i32(0).mem('f64load', this.headAt).op('f64gt').if();
    this.run(RUN.left).set(T);
    this.least(T);
    c.op('end');
    if (moves) this.page(ESI_AT, FROM_BASE, A, FIRST, 0);
    this.page(EDI_AT, TO_BASE, B, SECOND, FRONT_WRITE);
    c.get(N).op('i32eqz').brIf(1);
    c.get(N).get(SHIFT).op('i32shl').set(BYTES);
    if (moves) {
      this.limit_(ESI_AT, FROM_TOP);
      c.get(B).get(A).op('i32sub').get(BYTES).op('i32lt_u').brIf(1);
    }
    this.limit_(EDI_AT, TO_TOP);
    c.i32(0)
      .mem('i32load', layout.dataClock)
      .i32(MAX_STAMP - 2 * PAGE - 2)
      .op('i32ge_s')
      .brIf(1);
  }

  private least(local: number): void {
    this.c.get(N).get(local).get(N).get(local).op('i32lt_u', 'select').set(N);
  }

  /** The page of the next element, which the front table must know; N is no more than it has of them. */
  private page(register: number, base: number, pa: number, stamp: number, tag: number): void {
    const { c, layout } = this;
    this.register(register).get(base).op('i32add').tee(pa);
    c.i32(12).op('i32shr_u').get(pa).i32(22).op('i32shr_u', 'i32xor').i32(FRONT_MASK);
    c.op('i32and').i32(4).op('i32shl');
    this.cell(CELL.bank).op('i32add').tee(SLOT);
    c.mem('i32load', layout.front + tag);
    c.get(pa).i32(-PAGE).op('i32and');
    this.cell(CELL.epoch).op('i32or', 'i32ne').brIf(1);
    c.i32(PAGE)
      .get(pa)
      .i32(PAGE - 1)
      .op('i32and', 'i32sub')
      .get(SHIFT)
      .op('i32shr_u')
      .set(T);
    this.least(T);
    c.get(SLOT)
      .mem('i32load', layout.front + FRONT_DELTA)
      .get(pa)
      .op('i32add')
      .set(pa);
    c.get(SLOT)
      .mem('i32load', layout.front + FRONT_STAMP)
      .set(stamp);
  }

  /** The last byte is within the segment. Its base is a page's, so that the offset does not wrap where the page does not. */
  private limit_(register: number, top: number): void {
    this.register(register).get(BYTES).op('i32add').i32(1).op('i32sub').get(top).op('i32gt_u').brIf(1);
  }

  /** Runs.take. */
  private take(moves: boolean): void {
    const { c, layout } = this;
    c.i32(0).set(SPARED);
    if (moves) {
      const line = layout.timed ? 1 << layout.l1d.shift : PAGE;
      c.get(FIRST).get(SECOND).op('i32ne').get(FIRST);
      this.cell(CELL.lastEntry).op('i32eq', 'i32and');
      c.get(A)
        .i32(line - 1)
        .op('i32and')
        .i32(1)
        .get(SHIFT)
        .op('i32shl', 'i32add')
        .i32(line)
        .op('i32le_u', 'i32and')
        .set(SPARED);
    }
    this.setRun(RUN.only, () => c.get(moves ? FIRST : SECOND));
    this.setRun(RUN.last, () => this.cell(CELL.lastEntry));
    this.setRun(RUN.looked, () => this.cell(CELL.paged));
    c.get(A).get(B).get(N).get(SHIFT).i32(1).get(SHIFT).op('i32shl');
    c.call(moves ? COPY : FILL).set(DID);
    const count = (dword: number) => this.setRun(dword, () => this.run(dword).get(DID).op('i32add'));
    if (moves) count(RUN.loads);
    count(RUN.stores);
    this.setCell(CELL.lastEntry, () => this.run(RUN.last));
    if (moves) c.get(FIRST).get(SECOND).op('i32eq').if();
    this.run(RUN.touches).tee(T).if();
    this.renew(moves ? FIRST : SECOND, () => c.get(T));
    c.op('end');
    if (!moves) return;
    c.op('else');
    this.run(RUN.last).i32(NOBODY).op('i32ne').if();
    this.setCell(CELL.lastEntry, () => c.get(SECOND));
    c.op('end').get(DID).get(SPARED).op('i32sub').tee(T).if();
    this.renew(FIRST, () => c.get(DID).get(T).op('i32add').i32(1).op('i32sub'));
    this.renew(SECOND, () => c.i32(1));
    c.op('else');
    this.renew(SECOND, () => c.get(DID));
    c.op('end', 'end');
  }

  /** The last of some uses was of the entry whose stamp is at a local. */
  private renew(stamp: number, uses: () => void): void {
    const { c, layout } = this;
    c.get(stamp).i32(0).mem('i32load', layout.dataClock);
    uses();
    c.op('i32add').tee(VALUE).mem('i32store', 0);
    c.i32(0).get(VALUE).mem('i32store', layout.dataClock);
  }

  /** DID elements, and the registers. */
  private data(moves: boolean): void {
    const { c, layout } = this;
    c.get(DID).get(SHIFT).op('i32shl').set(BYTES);
    const ram = (pa: number) => c.get(pa).i32(layout.ram).op('i32add');
    if (moves) {
      ram(B);
      ram(A).get(BYTES).copy();
      this.setRegister(ESI_AT, () => this.register(ESI_AT).get(BYTES).op('i32add'));
    } else this.store(() => ram(B));
    this.setRegister(EDI_AT, () => this.register(EDI_AT).get(BYTES).op('i32add'));
    c.get(COUNT).get(DID).op('i32sub').set(COUNT);
    this.setRegister(ECX_AT, () => c.get(COUNT));
  }

  /** Bytes that are all the same, or element by element. */
  private store(target: () => void): void {
    const { c, layout } = this;
    const at = layout.ram;
    this.register(EAX_AT).set(VALUE);
    c.get(SHIFT)
      .op('i32eqz')
      .get(VALUE)
      .get(VALUE)
      .i32(0xff)
      .op('i32and')
      .i32(0x0101_0101)
      .op('i32mul', 'i32eq', 'i32or')
      .if();
    target();
    c.get(VALUE).get(BYTES).fill().op('else');
    c.get(B).get(BYTES).op('i32add').set(T).loop();
    c.get(SHIFT).i32(2).op('i32eq').if();
    c.get(B).get(VALUE).mem('i32store', at);
    c.op('else').get(B).get(VALUE).mem('i32store16', at).op('end');
    c.get(B).i32(1).get(SHIFT).op('i32shl', 'i32add').tee(B).get(T).op('i32lt_u').brIf(0).op('end', 'end');
  }

  /** As stringExec ends when no rounds are left. */
  private end(): void {
    const { c } = this;
    this.run(RUN.uncharged).get(PER_ROUND).op('i32mul');
    this.run(RUN.fraction).op('i32add').tee(T);
    c.i32(1023).op('i32and').set(N);
    this.setRun(RUN.fraction, () => c.get(N));
    c.get(T).i32(10).op('i32shr_u').tee(T).if();
    this.synced();
    this.charge(ISSUE, () => c.get(T).op('f64convert_s'));
    c.op('end');
    this.setRegister(EIP_AT, () => c.get(NEXT));
    this.setCell(CELL.status, () => c.i32(0));
    this.cell(CELL.limit).i32(0).op('i32ge_s').if();
    this.limit();
    c.op('end');
  }
}
