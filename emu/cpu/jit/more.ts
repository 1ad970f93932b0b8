/**
 * Forms that the interpreter leaves to their rows' executors, said in compiled code for register operands: bytes,
 * carries, rotates, counts in CL. What each does is exec/alu.ts.
 */
import type { Insn } from '../insn.ts';
import type { Emitter } from './emit.ts';
import { A, B, CARRY, T, VALUE } from './locals.ts';
import { byCl, byConstant, rol, ror, sar, shl, shr } from './shifts.ts';

const EAX = 0;
const EDX = 2;
const HIGH_CARRIES = 0xc000_0000 | 0;

type Form = (e: Emitter, i: Insn) => void;
type Push = (e: Emitter, i: Insn) => void;

// ---- bytes: operands in the top bytes of A and B --------------------------------------------------------------------

function add8(e: Emitter): void {
  const { c } = e;
  c.get(A).get(B).op('i32add').tee(T).i32(24).op('i32shr_s');
  e.setResult();
  e.flagsOfVector(() => {
    c.get(A)
      .get(B)
      .op('i32and')
      .get(A)
      .get(B)
      .op('i32or')
      .get(T)
      .i32(-1)
      .op('i32xor', 'i32and', 'i32or')
      .tee(VALUE);
    c.i32(HIGH_CARRIES).op('i32and').get(VALUE).i32(24).op('i32shr_u').i32(8).op('i32and', 'i32or');
  });
}

const logic8 = (op: 'i32and' | 'i32or' | 'i32xor') => (e: Emitter) => {
  e.c.get(A).get(B).op(op).i32(24).op('i32shr_s');
  e.setResult();
  e.flagsOfLogic();
};

const BYTES: readonly [name: string, operation: (e: Emitter) => void, writes: boolean][] = [
  ['ADD', add8, true],
  ['OR', logic8('i32or'), true],
  ['AND', logic8('i32and'), true],
  ['SUB', e => e.flagsOfSub8(), true],
  ['XOR', logic8('i32xor'), true],
  ['CMP', e => e.flagsOfSub8(), false],
];

function byteForm(
  operation: (e: Emitter) => void,
  writes: boolean,
  dst: (i: Insn) => number,
  source: Push,
): Form {
  return (e, i) => {
    e.r8(dst(i)).i32(24).op('i32shl').set(A);
    source(e, i);
    e.c.i32(24).op('i32shl').set(B);
    operation(e);
    if (!writes) return;
    e.result();
    e.setR8(dst(i));
  };
}

const rm = (i: Insn) => i.rm;
const reg = (i: Insn) => i.reg;
const immediate: Push = (e, i) => void e.c.i32(i.imm);

// ---- dwords -----------------------------------------------------------------------------------------------------------

function withCarry(subtract: boolean, dst: (i: Insn) => number, source: Push): Form {
  return (e, i) => {
    const { c } = e;
    e.carry().set(CARRY);
    e.r32(dst(i)).set(A);
    source(e, i);
    c.set(B);
    c.get(A).get(B);
    c.op(subtract ? 'i32sub' : 'i32add')
      .get(CARRY)
      .op(subtract ? 'i32sub' : 'i32add');
    e.setResult();
    if (subtract) e.flagsOfSub();
    else e.flagsOfAdd();
    // A and B do not tell the conditions: there was a carry.
    e.flags = 'any';
    e.result();
    e.setR32(dst(i));
  };
}

const register: Push = (e, i) => void e.r32(i.reg);
const operand: Push = (e, i) => void e.r32(i.rm);

const FORMS: readonly [form: string, emit: Form][] = [
  ...BYTES.flatMap(([name, operation, writes]): [string, Form][] => [
    [`${name} r/m8, r8`, byteForm(operation, writes, rm, (e, i) => void e.r8(i.reg))],
    [`${name} r8, r/m8`, byteForm(operation, writes, reg, (e, i) => void e.r8(i.rm))],
    [`${name} r/m8, imm8`, byteForm(operation, writes, rm, immediate)],
    [`${name} AL, imm8`, byteForm(operation, writes, () => EAX, immediate)],
  ]),
  ...(['ADC', 'SBB'] as const).flatMap((name): [string, Form][] => {
    const subtract = name === 'SBB';
    return [
      [`${name} r/m32, r32`, withCarry(subtract, rm, register)],
      [`${name} r32, r/m32`, withCarry(subtract, reg, operand)],
      [`${name} r/m32, imm32`, withCarry(subtract, rm, immediate)],
      [`${name} r/m32, imm8`, withCarry(subtract, rm, immediate)],
      [`${name} EAX, imm32`, withCarry(subtract, () => EAX, immediate)],
    ];
  }),
  ['SHL r/m32, CL', byCl(shl)],
  ['SAL r/m32, CL', byCl(shl)],
  ['SHR r/m32, CL', byCl(shr)],
  ['SAR r/m32, CL', byCl(sar)],
  ['ROL r/m32, CL', byCl(rol)],
  ['ROR r/m32, CL', byCl(ror)],
  ['ROR r/m32, imm8', byConstant(ror)],
  [
    'NOT r/m32',
    (e, i) => {
      e.r32(i.rm).i32(-1).op('i32xor');
      e.setR32(i.rm);
    },
  ],
  [
    'NEG r/m32',
    (e, i) => {
      e.r32(i.rm).set(B);
      e.c.i32(0).set(A);
      e.c.get(A).get(B).op('i32sub');
      e.setResult();
      e.flagsOfSub();
      e.result();
      e.setR32(i.rm);
    },
  ],
  [
    'MOV r8, imm8',
    (e, i) => {
      e.c.i32(i.imm);
      e.setR8(i.reg);
    },
  ],
  [
    'XCHG r/m32, r32',
    (e, i) => {
      e.r32(i.rm);
      e.r32(i.reg);
      e.setR32(i.rm);
      e.setR32(i.reg);
    },
  ],
  [
    'MUL r/m32',
    (e, i) => {
      const { c } = e;
      e.r32(EAX).op('i64extend_u');
      e.r32(i.rm).op('i64extend_u', 'i64mul').i64(32n).op('i64shr_u', 'i32wrap').set(VALUE);
      e.r32(EAX);
      e.r32(i.rm).op('i32mul');
      e.teeResult();
      e.setR32(EAX);
      c.get(VALUE);
      e.setR32(EDX);
      e.flagsOfVector(() => c.get(VALUE).i32(0).op('i32ne').i32(31).op('i32shl'));
    },
  ],
];

const byForm = new Map(FORMS);

/** Compiled code for an instruction that has no case in the interpreter's loop, or undefined. */
export function moreOf(i: Insn): Form | undefined {
  if (i.lock || i.rep !== 0) return undefined;
  const form = byForm.get(i.row.form);
  return i.isReg || !i.row.form.includes('r/m') ? form : undefined;
}
