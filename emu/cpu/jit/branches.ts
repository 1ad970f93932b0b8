/** Jumps, calls and returns of a unit, and what the predictor (cpu/predictor.ts) makes of them. */
import type { Block } from '../blocks.ts';
import type { Insn } from '../insn.ts';
import { Borders } from './borders.ts';
import { CELL } from './cells.ts';
import { JCC } from './forms.ts';
import { HELPERS } from './helpers.ts';
import { EIP_LOCAL, OFFSET, T, VALUE } from './locals.ts';

const SS = 2;
const ESP = 4;

export abstract class Branches extends Borders {
  /** CALL's push of VALUE. */
  protected push(loaded = false): void {
    const { e } = this;
    const behind = () => {
      e.c.get(OFFSET);
      e.setR32(ESP);
    };
    e.r32(ESP).i32(4).op('i32sub').set(OFFSET);
    e.store(SS, 4, behind, loaded);
  }

  /** The target of an indirect jump or call, into EIP_LOCAL. */
  protected target(i: Insn): void {
    const { e } = this;
    if (i.isReg) e.r32(i.rm);
    else {
      e.ea(i).set(OFFSET);
      e.load(i.seg, 4);
      e.c.get(VALUE);
    }
    e.c.set(EIP_LOCAL);
  }

  /** EIP_LOCAL is where an indirect jump or call goes. */
  protected predictTarget(i: Insn): void {
    const { e, layout } = this;
    if (layout.omit.has('predictor')) return;
    const { c } = e;
    const slot = layout.targetsOfBranches + 4 * ((i.eip ^ (i.eip >>> 12)) & layout.targetMask);
    c.i32(0).mem('i32load', slot).get(EIP_LOCAL).op('i32ne');
    e.if(() => {
      c.i32(0).get(EIP_LOCAL).mem('i32store', slot);
      this.mispredicted();
    });
  }

  protected checkTarget(): void {
    const { e } = this;
    if (e.segments.codeLimit === 0xffff_ffff) return;
    e.c
      .get(EIP_LOCAL)
      .i32(e.segments.codeLimit | 0)
      .op('i32gt_u');
    e.if(() => {
      e.c.i32(e.at);
      e.pushDue().call(HELPERS.general);
      e.afterHelper();
      e.exitFault();
    });
  }

  protected pushReturn(next: number): void {
    const { c } = this.e;
    const { returnTop, returnMask, returns, omit } = this.layout;
    if (omit.has('predictor')) return;
    c.i32(0).i32(0).mem('i32load', returnTop).i32(1).op('i32add').i32(returnMask).op('i32and').tee(T);
    c.mem('i32store', returnTop);
    c.get(T).i32(2).op('i32shl').i32(next).mem('i32store', returns);
  }

  /** EIP_LOCAL is where RET went. */
  protected popReturn(): void {
    const { e } = this;
    const { c } = e;
    const { returnTop, returnMask, returns, omit } = this.layout;
    if (omit.has('predictor')) return;
    c.i32(0).mem('i32load', returnTop).tee(T).i32(2).op('i32shl').mem('i32load', returns).set(VALUE);
    c.i32(0).get(T).i32(1).op('i32sub').i32(returnMask).op('i32and').mem('i32store', returnTop);
    c.get(VALUE).get(EIP_LOCAL).op('i32ne');
    e.seldom(() => this.mispredicted());
  }

  protected mispredicted(): void {
    const { e } = this;
    const ticks = this.layout.mispredictTicks;
    e.setCell(CELL.mispredicts, () => e.cell(CELL.mispredicts).i32(1).op('i32add'));
    if (ticks === 0) return;
    e.setCell(CELL.mispredictTicks, () => e.cell(CELL.mispredictTicks).i32(ticks).op('i32add'));
    e.setCell(CELL.limit, () => e.cell(CELL.limit).i32(ticks).op('i32sub'));
  }

  protected conditional(b: Block, i: Insn): void {
    const { e } = this;
    if (i.imm >>> 0 > e.segments.codeLimit) {
      e.execute();
      return this.leaveBehind(b);
    }
    const counter = this.layout.counters + ((i.eip ^ (i.eip >>> 12)) & this.layout.counterMask);
    e.condition(i.form - JCC);
    this.totals(b);
    e.if(() => {
      this.predictor(counter, 3);
      this.go(b, i.imm);
    });
    this.predictor(counter, 0);
    this.go(b, i.next);
  }

  /** A branch has gone the way that the counter says when it is `sure`; else it comes nearer. */
  protected predictor(counter: number, sure: 0 | 3): void {
    const { e } = this;
    const { c } = e;
    if (this.layout.omit.has('predictor')) return;
    c.i32(0).mem('i32load8_u', counter);
    if (sure) c.i32(sure).op('i32ne');
    e.seldom(() => {
      c.i32(0)
        .i32(0)
        .mem('i32load8_u', counter)
        .tee(T)
        .i32(sure ? 1 : -1)
        .op('i32add')
        .mem('i32store8', counter);
      c.get(T)
        .i32(2)
        .op(sure ? 'i32lt_u' : 'i32ge_u');
      e.seldom(() => this.mispredicted());
    });
  }
}
