/**
 * Instructions on flags and data segments in compiled code: POPF and PUSHF's EFLAGS (SDM vol. 2; rows/data.ts), MOV to ES, DS,
 * FS and GS (descriptors.ts, loadDataSegment). Left to the executor: selectors that are null or of an LDT, segments that
 * may not be written to, accessed bits that are clear, and what faults.
 */
import { AC_FLAG, CR0_PE, IF, PLACE, RF, STORED, TF, VM } from '../registers.ts';
import { Acts, FLAGS } from './acts.ts';
import { CELL, GATES_HEARD, GATES_QUIET, LEAVE, REFETCH } from './cells.ts';
import {
  AT,
  ATTRIBUTES,
  BASE,
  LIMIT,
  NEXT,
  OLD_CPL,
  OLD_FLAGS,
  SELECTOR,
  SHAPE,
  STACK_AT,
  STACK_BASE,
  STACK_HI,
  STACK_LIMIT,
  STACK_SELECTOR,
  STACK_SHAPE,
  STACK_SLOT,
  T,
  U,
  VECTOR,
} from './looks.ts';
import type { Func } from './wasm.ts';

/** Flags that POPF loads at any privilege. */
const POPF_FLAGS = 0x24_4dd5;

/** An object writes one of the functions of helpers.ts. */
export class Privileges extends Acts {
  /** MOV to ES, DS, FS or GS of selector `NEXT`: `VECTOR` is the register's number. */
  segmentLoad(): Func {
    const { c, layout } = this;
    const at = (field: number) => layout.registers + 4 * (PLACE.segments + field);
    this.cell(CELL.gates).i32(GATES_QUIET).op('i32and', 'i32eqz');
    this.reg(PLACE.cr0).i32(CR0_PE).op('i32and', 'i32eqz', 'i32or');
    this.reg(PLACE.eflags).i32(VM).op('i32and', 'i32or');
    this.refuse();
    this.reg(PLACE.cpl).set(OLD_CPL);
    this.lookFrom();
    c.get(NEXT).i32(0xffff).op('i32and').set(STACK_SELECTOR);
    this.data();
    this.begin();
    this.load(STACK_SLOT, STACK_AT);
    this.counts(0, 2, 0);
    c.get(VECTOR).i32(4).op('i32shl').set(U);
    c.get(U).get(STACK_SELECTOR).mem('i32store', at(SELECTOR));
    c.get(U).get(STACK_BASE).mem('i32store', at(BASE));
    c.get(U).get(STACK_LIMIT).mem('i32store', at(LIMIT));
    c.get(U).get(STACK_HI).mem('i32store', at(ATTRIBUTES));
    this.setCell(CELL.passed, () => c.i32(1));
    // Its place in the shape: ES is highest, four bits each.
    c.i32(20).get(VECTOR).i32(2).op('i32shl', 'i32sub').set(T);
    c.get(SHAPE).i32(STACK_SHAPE).op('i32shr_u').get(T).op('i32shl');
    this.cell(CELL.shape).i32(0xf).get(T).op('i32shl').i32(-1).op('i32xor', 'i32and', 'i32or').tee(SHAPE);
    this.cell(CELL.shape).op('i32eq').if().i32(1).op('return', 'end');
    this.setCell(CELL.shape, () => c.get(SHAPE));
    // The next border leads to code for other segments.
    this.cell(CELL.limit).i32(LEAVE).op('i32ne').if();
    this.setCell(CELL.limit, () => c.i32(REFETCH));
    c.op('end');
    this.setCell(CELL.reshaped, () => this.cell(CELL.reshaped).i32(1).get(VECTOR).op('i32shl', 'i32or'));
    c.i32(2);
    return this.func('segment', 3, 1);
  }

  /** EFLAGS of a result and its carry vector. */
  flags(): Func {
    this.reg(PLACE.eflags).set(AT);
    this.image(AT, 0, 1);
    return this.func('flags', 2, 1);
  }

  /** POPF with 32-bit operands (rows/data.ts), but for the load and ESP. What asks for a head in vain does not. */
  popf(): Func {
    const { c } = this;
    const value = 0;
    this.reg(PLACE.eflags).set(OLD_FLAGS);
    this.reg(PLACE.cpl).set(OLD_CPL);
    this.loadable(POPF_FLAGS).set(T);
    c.get(OLD_FLAGS).get(T).i32(-1).op('i32xor', 'i32and').get(value).get(T).op('i32and', 'i32or');
    c.i32(STORED & ~RF)
      .op('i32and')
      .set(FLAGS);
    this.setReg(PLACE.eflags, () => c.get(FLAGS));
    this.setArithmetic(value);
    const leave = () => {
      this.setCell(CELL.limit, () => c.i32(LEAVE));
      this.setCell(CELL.passed, () => c.i32(1));
    };
    // Code that checks alignment is not compiled.
    c.get(FLAGS).get(OLD_FLAGS).op('i32xor').i32(AC_FLAG).op('i32and').if();
    leave();
    c.op('end');
    c.get(FLAGS)
      .i32(TF | IF)
      .op('i32and')
      .if();
    this.cell(CELL.gates)
      .i32(~GATES_HEARD)
      .op('i32and')
      .i32(GATES_QUIET)
      .op('i32ne')
      .get(FLAGS)
      .i32(TF)
      .op('i32and', 'i32or')
      .if();
    leave();
    this.setCell(CELL.leaves, () => c.i32(1));
    c.op('end', 'end');
    return this.func('popf', 1, 0);
  }
}
