/**
 * More forms that the interpreter leaves to their rows' executors, said in compiled code: words, and bytes and bit tests in
 * memory; flags by name, PUSHF, segment registers that are read. What each does is exec/alu.ts and rows/{arith,bit,data,
 * control,segment}.ts. With operands in memory each says how often it loads and stores when all goes well.
 */
import type { Insn } from '../insn.ts';
import { DF, PLACE, RF, VM } from '../registers.ts';
import type { Emitter } from './emit.ts';
import { HELPERS } from './helpers.ts';
import { A, B, CARRY, OFFSET, T, VALUE } from './locals.ts';

const EAX = 0;
const ESP = 4;
const SS = 2;
const KEPT = 0x3fff_ffff;

type Size = 1 | 2 | 4;
type Form = (e: Emitter, i: Insn) => void;

export interface Accessing {
  emit: Form;
  loads: number;
  stores: number;
}

// ---- operands -----------------------------------------------------------------------------------------------------------

function pushRegister(e: Emitter, index: number, size: Size): void {
  if (size === 4) e.r32(index);
  else if (size === 2) e.r16(index);
  else e.r8(index);
}

function setRegister(e: Emitter, index: number, size: Size): void {
  if (size === 4) e.setR32(index);
  else if (size === 2) e.setR16(index);
  else e.setR8(index);
}

const address = (e: Emitter, i: Insn) => e.ea(i).set(OFFSET);

/** Pushes r/m; `update`: it is going to be written, and the faults of that come first. */
function pushOperand(e: Emitter, i: Insn, size: Size, update = false): void {
  if (i.isReg) return pushRegister(e, i.rm, size);
  address(e, i);
  if (update) e.probe(i.seg, size);
  e.load(i.seg, size);
  e.c.get(VALUE);
}

/** Puts what `push` pushes (any upper bits) into r/m, which was read before. */
function setOperand(e: Emitter, i: Insn, size: Size, push: () => void): void {
  push();
  if (i.isReg) return setRegister(e, i.rm, size);
  e.c.set(VALUE);
  e.store(i.seg, size);
}

// ---- arithmetic: operands in the top bits of A and B ----------------------------------------------------------------

type Operation = (e: Emitter, shift: number) => void;

const add: Operation = (e, shift) => {
  const { c } = e;
  c.get(A).get(B).op('i32add').tee(T).i32(shift).op('i32shr_s');
  e.setResult();
  e.flagsOfVector(() => {
    c.get(A).get(B).op('i32and').get(A).get(B).op('i32or').get(T).i32(-1).op('i32xor', 'i32and', 'i32or');
    carries(e, shift);
  });
};

/** Takes a vector of carries out of all bits and pushes the one that AUX holds. */
function carries(e: Emitter, shift: number): void {
  e.c.tee(VALUE).i32(~KEPT).op('i32and').get(VALUE).i32(shift).op('i32shr_u').i32(8).op('i32and', 'i32or');
}

const logic =
  (op: 'i32and' | 'i32or' | 'i32xor'): Operation =>
  (e, shift) => {
    e.c.get(A).get(B).op(op).i32(shift).op('i32shr_s');
    e.setResult();
    e.flagsOfLogic();
  };

const sub: Operation = (e, shift) => e.flagsOfSub8(shift);

/** Name, operation, and whether the result is written. */
const OPERATIONS: readonly [string, Operation, boolean][] = [
  ['ADD', add, true],
  ['OR', logic('i32or'), true],
  ['AND', logic('i32and'), true],
  ['SUB', sub, true],
  ['XOR', logic('i32xor'), true],
  ['CMP', sub, false],
  ['TEST', logic('i32and'), false],
];

const top = (e: Emitter, shift: number, local: number) => e.c.i32(shift).op('i32shl').set(local);

/** r/m = r/m op source. */
function toOperand(
  operation: Operation,
  writes: boolean,
  size: Size,
  source: (e: Emitter, i: Insn) => void,
): Form {
  const shift = 32 - 8 * size;
  return (e, i) => {
    pushOperand(e, i, size, writes);
    top(e, shift, A);
    source(e, i);
    top(e, shift, B);
    operation(e, shift);
    if (writes) setOperand(e, i, size, () => e.result());
  };
}

/** r = r op r/m. */
function toRegister(operation: Operation, writes: boolean, size: Size): Form {
  const shift = 32 - 8 * size;
  return (e, i) => {
    pushOperand(e, i, size);
    top(e, shift, B);
    pushRegister(e, i.reg, size);
    top(e, shift, A);
    operation(e, shift);
    if (!writes) return;
    e.result();
    setRegister(e, i.reg, size);
  };
}

const immediate = (e: Emitter, i: Insn) => void e.c.i32(i.imm);
const registerOf = (size: Size) => (e: Emitter, i: Insn) => pushRegister(e, i.reg, size);

/** INC or DEC of r/m: CF is kept. */
function step(by: 1 | -1, size: Size): Form {
  const shift = 32 - 8 * size;
  return (e, i) => {
    const { c } = e;
    e.carry().set(CARRY);
    pushOperand(e, i, size, true);
    c.tee(A).i32(by).op('i32add').tee(B).i32(shift).op('i32shl').i32(shift).op('i32shr_s');
    e.setResult();
    e.flagsOfVector(() => {
      c.get(CARRY).i32(31).op('i32shl').get(CARRY);
      // The one result that overflows.
      e.result().i32(by === 1 ? -(2 ** (8 * size - 1)) : 2 ** (8 * size - 1) - 1);
      c.op('i32eq', 'i32xor').i32(30).op('i32shl', 'i32or');
      if (by === 1) c.get(A).get(B).i32(-1).op('i32xor', 'i32and');
      else c.get(A).i32(-1).op('i32xor').get(B).op('i32and');
      c.i32(8).op('i32and', 'i32or');
    });
    setOperand(e, i, size, () => e.result());
  };
}

/** ROL of a word register by a constant that is no multiple of 16. */
const rol16: Form = (e, i) => {
  const { c } = e;
  const n = i.imm & 15;
  e.r16(i.rm).tee(T).i32(n).op('i32shl').get(T);
  c.i32(16 - n)
    .op('i32shr_u', 'i32or')
    .i32(0xffff)
    .op('i32and')
    .set(VALUE);
  e.flagsOfVector(() => {
    e.aux().i32(KEPT).op('i32and').get(VALUE).i32(31).op('i32shl', 'i32or');
    c.get(VALUE).i32(15).op('i32shr_u').i32(30).op('i32shl', 'i32or');
  });
  c.get(VALUE);
  e.setR16(i.rm);
};

// ---- flags one by one ---------------------------------------------------------------------------------------------------

/** Registers.setCf of what `push` pushes, 0 or 1; T is lost. */
function setCarry(e: Emitter, push: () => void): void {
  const { c } = e;
  push();
  c.set(CARRY);
  e.flagsOfVector(() => {
    e.aux().tee(T).i32(KEPT).op('i32and').get(CARRY).i32(31).op('i32shl', 'i32or');
    c.get(CARRY).get(T).get(T).i32(1).op('i32shl', 'i32xor').i32(31).op('i32shr_u', 'i32xor');
    c.i32(30).op('i32shl', 'i32or');
  });
}

const direction =
  (down: boolean): Form =>
  e => {
    e.c.i32(0);
    e.state(PLACE.eflags);
    e.c.i32(down ? DF : ~DF).op(down ? 'i32or' : 'i32and');
    e.setState(PLACE.eflags);
  };

/** BT, BTS, BTR, BTC (0 to 3) of a dword: the index is what `index` pushes. */
function bit(op: number, index: (e: Emitter, i: Insn) => void, far: boolean): Form {
  return (e, i) => {
    const { c } = e;
    index(e, i);
    c.set(B);
    if (i.isReg) e.r32(i.rm).set(A);
    else {
      e.ea(i);
      // The bit string goes on to both sides of the operand.
      if (far) c.get(B).i32(5).op('i32shr_s').i32(2).op('i32shl', 'i32add');
      c.set(OFFSET);
      if (op > 0) e.probe(i.seg, 4);
      e.load(i.seg, 4);
      c.get(VALUE).set(A);
    }
    // Counts are taken modulo 32.
    setCarry(e, () => c.get(A).get(B).op('i32shr_u').i32(1).op('i32and'));
    if (op === 0) return;
    setOperand(e, i, 4, () => {
      c.get(A).i32(1).get(B).op('i32shl');
      if (op === 1) c.op('i32or');
      else if (op === 2) c.i32(-1).op('i32xor', 'i32and');
      else c.op('i32xor');
    });
  };
}

const pushf: Form = e => {
  const { c } = e;
  e.result();
  e.aux()
    .call(HELPERS.flags)
    .i32(~(VM | RF))
    .op('i32and')
    .set(VALUE);
  e.r32(ESP).i32(4).op('i32sub').set(OFFSET);
  e.store(SS, 4, () => {
    c.get(OFFSET);
    e.setR32(ESP);
  });
};

/** MOV Sreg, r16, if the shared code can do it; else the executor. */
const loadSegment =
  (s: number): Form =>
  (e, i) => {
    const { c } = e;
    e.pushDue().i32(s);
    e.r32(i.size === 4 ? i.rm : i.rm >> 1)
      .call(HELPERS.segment)
      .tee(VALUE);
    e.if(
      () => {
        e.afterHelper();
        c.get(VALUE).i32(2).op('i32eq');
        if (!e.atEnd) e.if(() => e.exitBehind());
        else c.op('drop');
      },
      () => e.execute(),
    );
    e.flags = 'any';
  };

const pushSegment =
  (s: number): Form =>
  e => {
    e.state(PLACE.segments + 4 * s).set(VALUE);
    e.r32(ESP).i32(4).op('i32sub').set(OFFSET);
    e.store(SS, 4, () => {
      e.c.get(OFFSET);
      e.setR32(ESP);
    });
  };

const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];

// ---- the table -----------------------------------------------------------------------------------------------------------

type Row = [form: string, emit: Form, loads: number, stores: number];

const ALU: readonly Row[] = OPERATIONS.flatMap(([name, operation, writes]): Row[] => {
  const stores = writes ? 1 : 0;
  const rows = (size: Size, bits: number): Row[] => [
    [`${name} r/m${bits}, r${bits}`, toOperand(operation, writes, size, registerOf(size)), 1, stores],
    [`${name} r${bits}, r/m${bits}`, toRegister(operation, writes, size), 1, 0],
    [`${name} r/m${bits}, imm${bits}`, toOperand(operation, writes, size, immediate), 1, stores],
  ];
  return [
    ...rows(1, 8),
    ...rows(2, 16),
    [`${name} r/m16, imm8`, toOperand(operation, writes, 2, immediate), 1, stores],
    [
      `${name} AX, imm16`,
      (e, i) => {
        e.r16(EAX);
        top(e, 16, A);
        e.c.i32(i.imm);
        top(e, 16, B);
        operation(e, 16);
        if (!writes) return;
        e.result();
        e.setR16(EAX);
      },
      0,
      0,
    ],
  ];
});

const MOVES: readonly Row[] = [
  [
    'MOV r/m16, r16',
    (e, i) => {
      if (!i.isReg) address(e, i);
      setOperand(e, i, 2, () => e.r16(i.reg));
    },
    0,
    1,
  ],
  [
    'MOV r16, r/m16',
    (e, i) => {
      pushOperand(e, i, 2);
      e.setR16(i.reg);
    },
    1,
    0,
  ],
  [
    'MOV r/m16, imm16',
    (e, i) => {
      if (!i.isReg) address(e, i);
      setOperand(e, i, 2, () => e.c.i32(i.imm));
    },
    0,
    1,
  ],
  [
    'MOV r16, imm16',
    (e, i) => {
      e.c.i32(i.imm);
      e.setR16(i.reg);
    },
    0,
    0,
  ],
  ...SEGMENT_NAMES.map(
    (name, s): Row => [
      `MOV r/m16, ${name}`,
      (e, i) => {
        const push = () =>
          void e
            .state(PLACE.segments + 4 * s)
            .i32(0xffff)
            .op('i32and');
        if (!i.isReg) {
          address(e, i);
          return setOperand(e, i, 2, push);
        }
        const register = i.size === 4 ? i.rm : i.rm >> 1;
        push();
        if (i.o32) e.setR32(register);
        else e.setR16(register * 2);
      },
      0,
      1,
    ],
  ),
];

const BITS: readonly Row[] = ['BT', 'BTS', 'BTR', 'BTC'].flatMap((name, op): Row[] => [
  [`${name} r/m32, r32`, bit(op, (e, i) => void e.r32(i.reg), true), 1, op > 0 ? 1 : 0],
  [`${name} r/m32, imm8`, bit(op, (e, i) => void e.c.i32(i.imm & 31), false), 1, op > 0 ? 1 : 0],
]);

const ROWS: readonly Row[] = [
  ...ALU,
  ...MOVES,
  ...BITS,
  ['INC r/m8', step(1, 1), 1, 1],
  ['DEC r/m8', step(-1, 1), 1, 1],
  ['INC r/m16', step(1, 2), 1, 1],
  ['DEC r/m16', step(-1, 2), 1, 1],
  ['CLC', e => setCarry(e, () => e.c.i32(0)), 0, 0],
  ['STC', e => setCarry(e, () => e.c.i32(1)), 0, 0],
  ['CMC', e => setCarry(e, () => e.carry().i32(1).op('i32xor')), 0, 0],
  ['CLD', direction(false), 0, 0],
  ['STD', direction(true), 0, 0],
];

/** In the order in which the registers lie in the state. */
export const CONTROL_READS = [0, 2, 3, 4].map(n => `MOV r32, CR${n}`);

const byForm = new Map(ROWS.map(([form, emit, loads, stores]) => [form, { emit, loads, stores }]));
const segmentLoads = new Map(
  [0, 3, 4, 5].map(s => [
    `MOV ${SEGMENT_NAMES[s]}, r/m16`,
    { emit: loadSegment(s), loads: 0, stores: 0 } as Accessing,
  ]),
);
const segmentPushes = new Map(
  SEGMENT_NAMES.map((name, s) => [
    `PUSH ${name}`,
    { emit: pushSegment(s), loads: 0, stores: 1 } as Accessing,
  ]),
);
const rolByConstant: Accessing = { emit: rol16, loads: 0, stores: 0 };
const pushFlags: Accessing = { emit: pushf, loads: 0, stores: 1 };

const ENDINGS = new Map([
  ['CLI', { loads: 0, stores: 0 }],
  ['STI', { loads: 0, stores: 0 }],
  ['POPF', { loads: 1, stores: 0 }],
  ...CONTROL_READS.map((form): [string, { loads: number; stores: number }] => [
    form,
    { loads: 0, stores: 0 },
  ]),
]);

/** What compiled code accesses for an instruction that ends its block for a head, but leads to the next; else undefined. */
export function endingOf(i: Insn): { loads: number; stores: number } | undefined {
  return i.lock || i.rep !== 0 || (i.row.form === 'POPF' && !i.o32) ? undefined : ENDINGS.get(i.row.form);
}

/** Compiled code for an instruction that has neither a case in the interpreter's loop nor one in more.ts. */
export function wordsOf(i: Insn): Accessing | undefined {
  if (i.lock || i.rep !== 0 || !i.a32) return undefined;
  const { form } = i.row;
  if (form === 'PUSHF') return i.o32 ? pushFlags : undefined;
  if (form === 'ROL r/m16, imm8') return i.isReg && (i.imm & 15) !== 0 ? rolByConstant : undefined;
  if (segmentLoads.has(form)) return i.isReg ? segmentLoads.get(form) : undefined;
  if (segmentPushes.has(form)) return i.o32 ? segmentPushes.get(form) : undefined;
  const found = byForm.get(form);
  if (!found || !i.isReg || !form.includes('r/m')) return found;
  return { ...found, loads: 0, stores: 0 };
}
