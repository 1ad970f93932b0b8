/** A unit's function: how it begins and ends, and instructions that their rows' executors do. */

import type { Insn } from '../insn.ts';
import { PLACE } from '../registers.ts';
import { ES_ } from '../segments.ts';
import { Accesses } from './accesses.ts';
import { CELL, FAULT } from './cells.ts';
import { KNOWN } from './flags.ts';
import { HELPERS } from './helpers.ts';
import { AT, EIP_LOCAL, I32_LOCALS, K, KIND, LINE, REGISTERS, RESULT, X, Y } from './locals.ts';
import { type Code, type Func, I32 } from './wasm.ts';

const SLOT_EIP = 9 * 4;
const SLOT_RESULT = 10 * 4;
const SLOT_AUX = 11 * 4;

export class Emitter extends Accesses {
  /** Registers and flags from the state into locals. */
  reload(): void {
    const { c, layout } = this;
    for (let n = 0; n < 8; n++)
      c.i32(0)
        .mem('i32load', layout.registers + 4 * n)
        .set(REGISTERS + n);
    c.i32(0)
      .mem('i32load', layout.registers + SLOT_RESULT)
      .set(RESULT);
    c.i32(0)
      .mem('i32load', layout.registers + SLOT_AUX)
      .tee(X)
      .set(Y)
      .i32(KNOWN)
      .set(K);
    this.flags = 'any';
  }

  spill(): void {
    const { c, layout } = this;
    for (let n = 0; n < 8; n++)
      c.i32(0)
        .get(REGISTERS + n)
        .mem('i32store', layout.registers + 4 * n);
    c.i32(0)
      .get(RESULT)
      .mem('i32store', layout.registers + SLOT_RESULT)
      .i32(0);
    this.aux().mem('i32store', layout.registers + SLOT_AUX);
  }

  /** The row's executor does the instruction. */
  execute(): void {
    this.executed(HELPERS.execute, () => {});
  }

  /** REP MOVS or REP STOS by the module of strings, if its segments are such; else false, and nothing is written. */
  rep(i: Insn): boolean {
    const { c, segments, layout } = this;
    const { base, readTop, writeTop } = segments;
    const moves = i.row.form.startsWith('MOVS m');
    if (i.rep !== 1 || !i.a32 || !(moves || i.row.form.startsWith('STOS'))) return false;
    const from = moves ? i.seg : ES_;
    const usable = (s: number, top: number) => top >= 0 && (base[s] & 0xfff) === 0;
    if (!usable(ES_, writeTop[ES_]) || (moves && !usable(from, readTop[from]))) return false;
    const perRound = i.size * (moves ? layout.rep.move : layout.rep.store);
    this.executed(moves ? HELPERS.repMove : HELPERS.repFill, () => {
      c.i32(base[from]).i32(readTop[from] | 0);
      c.i32(base[ES_]).i32(writeTop[ES_] | 0);
      c.i32(i.size >> 1)
        .i32(i.eip)
        .i32(i.next);
      c.i32(i.alone ? i.cost : -1).i32(perRound);
    });
    return true;
  }

  private executed(helper: number, more: () => void): void {
    const { c } = this;
    this.spill();
    c.i32(this.at);
    this.pushDue();
    more();
    c.call(helper);
    this.afterHelper();
    this.reload();
    this.cell(CELL.status);
    this.seldom(() => {
      this.cell(CELL.status).i32(FAULT).op('i32and');
      this.if(() => this.exitFault());
      if (!this.atEnd) this.exitBehind();
    });
  }

  /** Pushes a dword of the processor's state (registers.ts, PLACE) that no local holds. */
  state(place: number): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + 4 * place);
  }

  /** Takes 0 and the dword back. */
  setState(place: number): Code {
    return this.c.mem('i32store', this.layout.registers + 4 * place);
  }

  /** Flags from the state. */
  reloadFlags(): void {
    this.state(PLACE.result).set(RESULT);
    this.state(PLACE.aux).tee(X).set(Y).i32(KNOWN).set(K);
    this.flags = 'any';
  }

  /** Pushes EIP as an executor left it. */
  stateEip(): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + SLOT_EIP);
  }

  /** What the unit or the host before left. */
  begin(unit: number): void {
    const { c } = this;
    this.reload();
    this.setCell(CELL.unit, () => c.i32(unit));
  }

  /** The two ways out: at a border, and in the middle of a block (label 0 around it). */
  finish(): void {
    const { c, layout } = this;
    this.spill();
    c.i32(0)
      .get(EIP_LOCAL)
      .mem('i32store', layout.registers + SLOT_EIP);
    this.setCell(CELL.lastLine, () => c.get(LINE));
    c.returnCall(HELPERS.dispatch).op('end');
    this.spill();
    this.setCell(CELL.at, () => c.get(AT));
    c.get(KIND);
  }

  /** At a border that leads to a head; registers and EIP are in the state. */
  exitHead(lastLine: number): void {
    const { c } = this;
    this.setCell(CELL.lastLine, () => c.i32(lastLine));
    c.returnCall(HELPERS.head);
  }

  func(name: string): Func {
    return {
      signature: { parameters: [I32], results: [I32] },
      locals: Array.from({ length: I32_LOCALS }, () => I32),
      code: this.c,
      name,
    };
  }
}
