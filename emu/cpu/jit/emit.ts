/** A unit's function: how it begins and ends, and instructions that their rows' executors do. */
import { Accesses } from './accesses.ts';
import { CELL, FAULT } from './cells.ts';
import { HELPERS } from './helpers.ts';
import {
  AT,
  BANK,
  COUNTS,
  EIP_LOCAL,
  FETCHES,
  I32_LOCALS,
  KIND,
  LINE,
  M,
  N,
  PENDING,
  REGISTERS,
  RESULT,
  X,
  Y,
} from './locals.ts';
import { type Code, type Func, I32, I64 } from './wasm.ts';

const SLOT_EIP = 9 * 4;
const SLOT_RESULT = 10 * 4;
const SLOT_AUX = 11 * 4;
const SLOT_EFLAGS = 12 * 4;

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
      .i32(0)
      .set(N)
      .i32(-1)
      .set(M);
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
    const { c } = this;
    this.spill();
    this.showCounts();
    c.i32(this.at);
    this.pushDue().call(HELPERS.execute);
    this.afterHelper();
    this.reload();
    this.cell(CELL.status);
    this.if(() => {
      this.cell(CELL.status).i32(FAULT).op('i32and');
      this.if(() => this.exitFault());
      if (!this.atEnd) this.exitBehind();
    });
  }

  /** Pushes EIP as an executor left it. */
  stateEip(): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + SLOT_EIP);
  }

  /** Pushes the flags that are not arithmetic; takes 0 and them back. */
  stateFlags(): Code {
    return this.c.i32(0).mem('i32load', this.layout.registers + SLOT_EFLAGS);
  }

  storeFlags(): Code {
    return this.c.mem('i32store', this.layout.registers + SLOT_EFLAGS);
  }

  begin(): void {
    this.reload();
    this.c.i32(0).set(PENDING).i32(0).set(FETCHES).i64(0n).set(COUNTS);
    this.cell(CELL.lastLine).set(LINE);
    this.cell(CELL.bank).i32(this.layout.front).op('i32add').set(BANK);
  }

  finish(): void {
    const { c, layout } = this;
    this.spill();
    c.i32(0)
      .get(EIP_LOCAL)
      .mem('i32store', layout.registers + SLOT_EIP);
    this.setCell(CELL.ticks, () => c.get(PENDING));
    this.setCell(CELL.fetches, () => c.get(FETCHES));
    this.setCell(CELL.lastLine, () => c.get(LINE));
    this.setCell(CELL.at, () => c.get(AT));
    this.showCounts();
    c.get(KIND);
  }

  func(name: string): Func {
    return {
      signature: { parameters: [I32], results: [I32] },
      locals: [...Array.from({ length: I32_LOCALS }, () => I32), I64],
      code: this.c,
      name,
    };
  }
}
