/**
 * Shifts and rotates of a dword register (SDM vol. 2, SAL/SAR/SHL/SHR and RCL/RCR/ROL/ROR; exec/alu.ts): by a count in the
 * instruction, or in CL, where 0 changes nothing. Left out: through carry, bytes, words, memory, which the rows' executors do.
 */
import type { Insn } from '../insn.ts';
import type { Emitter } from './emit.ts';
import { CARRY, T, VALUE } from './locals.ts';

const ECX = 1;

/** A shift or rotate of r/m32 by the count in CARRY, 1 to 31. */
type Shift = (e: Emitter, i: Insn) => void;

export const shl: Shift = (e, i) => {
  const { c } = e;
  e.r32(i.rm).set(T);
  c.get(T).get(CARRY).op('i32shl');
  e.teeResult();
  e.setR32(i.rm);
  e.flagsOfVector(() => {
    c.get(T)
      .get(CARRY)
      .i32(1)
      .op('i32sub', 'i32shl')
      .i32(0x8000_0000 | 0)
      .op('i32and');
    e.result().i32(1).op('i32shr_u').i32(0x4000_0000).op('i32and', 'i32or');
  });
};

export const shr: Shift = (e, i) => {
  const { c } = e;
  e.r32(i.rm).set(T);
  c.get(T).get(CARRY).op('i32shr_u');
  e.teeResult();
  e.setR32(i.rm);
  e.flagsOfVector(() => {
    const of = () => {
      // OF is the sign for a count of 1, else the two top bits' difference: the same, for the top bit is 0 then.
      e.result().i32(30).op('i32shr_u').i32(1).op('i32and');
    };
    c.get(T).get(CARRY).i32(1).op('i32sub', 'i32shr_u').i32(1).op('i32and').tee(VALUE).i32(31).op('i32shl');
    of();
    c.get(VALUE).op('i32xor').i32(30).op('i32shl', 'i32or');
  });
};

export const sar: Shift = (e, i) => {
  const { c } = e;
  e.r32(i.rm).set(T);
  c.get(T).get(CARRY).op('i32shr_s');
  e.teeResult();
  e.setR32(i.rm);
  e.flagsOfVector(() => {
    c.get(T).get(CARRY).i32(1).op('i32sub', 'i32shr_s').i32(1).op('i32and').tee(T).i32(31).op('i32shl');
    c.get(T).i32(30).op('i32shl', 'i32or');
  });
};

/** CF and OF only: the vector's top bits are CF and CF ^ OF. */
export const rol: Shift = (e, i) => {
  const { c } = e;
  e.aux().i32(0x3fff_ffff).op('i32and').set(T);
  e.r32(i.rm).get(CARRY).op('i32rotl').tee(VALUE);
  e.setR32(i.rm);
  e.flagsOfVector(() => {
    c.get(VALUE).i32(31).op('i32shl').get(T).op('i32or');
    c.get(VALUE).i32(31).op('i32shr_u').i32(30).op('i32shl', 'i32or');
  });
};

export const ror: Shift = (e, i) => {
  const { c } = e;
  e.aux().i32(0x3fff_ffff).op('i32and').set(T);
  e.r32(i.rm).get(CARRY).op('i32rotr').tee(VALUE);
  e.setR32(i.rm);
  e.flagsOfVector(() => {
    // CF is the sign, OF the two top bits' difference, so CF ^ OF is bit 30.
    c.get(VALUE)
      .i32(0xc000_0000 | 0)
      .op('i32and')
      .get(T)
      .op('i32or');
  });
};

export const byCl =
  (shift: Shift): Shift =>
  (e, i) => {
    e.r8(4 * ECX)
      .i32(31)
      .op('i32and')
      .tee(CARRY);
    e.if(() => shift(e, i));
    e.flags = 'any';
  };

/** By a count that the instruction has: of a case of the loop in `value` (exec/hot.ts), else its immediate. */
export const byConstant =
  (shift: Shift): Shift =>
  (e, i) => {
    const count = i.form !== 0 ? i.value : i.imm & 31;
    if (count === 0) return;
    e.c.i32(count).set(CARRY);
    shift(e, i);
  };
