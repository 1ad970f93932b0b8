/**
 * The cases of the interpreter's inner loop (exec/hot.ts), said in compiled code: each does exactly what the case of the
 * same number does. Branches are in translate.ts; what has no case here is done by its row's executor.
 */
import type { Insn } from '../insn.ts';
import type { Emitter } from './emit.ts';
import { A, B, CARRY, OFFSET, T, VALUE } from './locals.ts';
import { moreOf } from './more.ts';
import { byConstant, rol, sar, shl, shr } from './shifts.ts';
import { endingOf, wordsOf } from './words.ts';

/** Cases that end a block, in hot.ts. */
export const CALL = 65;
export const CALL_INDIRECT = 66;
export const RET = 67;
export const JMP = 68;
export const JMP_INDIRECT = 69;
/** The first of the sixteen conditional jumps. */
export const JCC = 70;

const SS = 2;
const ESP = 4;
const EBP = 5;
const EAX = 0;

type Form = (e: Emitter, i: Insn) => void;

const address = (e: Emitter, i: Insn) => e.ea(i).set(OFFSET);

function loadTo(e: Emitter, i: Insn, size: 1 | 2 | 4): void {
  address(e, i);
  e.load(i.seg, size);
}

type Operation = (e: Emitter) => void;

/** A and B hold the operands; RESULT and flags are set. */
const add: Operation = e => {
  e.c.get(A).get(B).op('i32add');
  e.setResult();
  e.flagsOfAdd();
};
const sub: Operation = e => {
  e.c.get(A).get(B).op('i32sub');
  e.setResult();
  e.flagsOfSub();
};
const logic =
  (op: 'i32and' | 'i32or' | 'i32xor'): Operation =>
  e => {
    e.c.get(A).get(B).op(op);
    e.setResult();
    e.flagsOfLogic();
  };

/** r = r op source. */
const toRegister =
  (operation: Operation, writes = true): Form =>
  (e, i) => {
    e.r32(i.dst).set(A);
    e.source(i).set(B);
    operation(e);
    if (writes) {
      e.result();
      e.setR32(i.dst);
    }
  };

/** r = r op [m]. */
const fromMemory =
  (operation: Operation, writes = true): Form =>
  (e, i) => {
    loadTo(e, i, 4);
    e.r32(i.dst).set(A);
    e.c.get(VALUE).set(B);
    operation(e);
    if (writes) {
      e.result();
      e.setR32(i.dst);
    }
  };

/** [m] = [m] op source. The probe raises the store's faults, so that flags may be set before it. */
const toMemory =
  (operation: Operation, operand: (e: Emitter, i: Insn) => void = (e, i) => void e.source(i).set(B)): Form =>
  (e, i) => {
    address(e, i);
    e.probe(i.seg, 4);
    e.load(i.seg, 4);
    operand(e, i);
    e.c.get(VALUE).set(A);
    operation(e);
    e.result().set(VALUE);
    e.store(i.seg, 4);
  };

const compareMemory =
  (operation: Operation): Form =>
  (e, i) => {
    loadTo(e, i, 4);
    e.c.get(VALUE).set(A);
    e.source(i).set(B);
    operation(e);
  };

/** INC and DEC of A: CF, which stands in CARRY, is kept; OF is set by one result only. */
const step =
  (by: 1 | -1): Operation =>
  e => {
    const { c } = e;
    const keep = by === 1 ? 0x8000_0000 | 0 : 0x7fff_ffff;
    c.get(A).i32(by).op('i32add');
    e.setResult();
    e.flagsOfVector(() => {
      c.get(CARRY).i32(31).op('i32shl');
      c.get(CARRY);
      e.result().i32(keep).op('i32eq', 'i32xor').i32(30).op('i32shl', 'i32or');
      if (by === 1) c.get(A).get(A).i32(1).op('i32add').i32(-1).op('i32xor', 'i32and');
      else c.get(A).i32(-1).op('i32xor').get(A).i32(1).op('i32sub', 'i32and');
      c.i32(8).op('i32and', 'i32or');
    });
  };

const stepRegister =
  (by: 1 | -1): Form =>
  (e, i) => {
    e.carry().set(CARRY);
    e.r32(i.dst).set(A);
    step(by)(e);
    e.result();
    e.setR32(i.dst);
  };

/** Byte comparison of what `push` pushes with what `other` pushes. */
function compare8(e: Emitter, push: () => void, other: () => void): void {
  push();
  e.c.i32(24).op('i32shl').set(A);
  other();
  e.c.i32(24).op('i32shl').set(B);
  e.flagsOfSub8();
}

/** Flags of the byte AND of two values. */
function test8(e: Emitter, push: () => void): void {
  push();
  e.c.op('i32and').i32(24).op('i32shl').i32(24).op('i32shr_s');
  e.setResult();
  e.flagsOfLogic();
}

/** IMUL: VALUE and T are the operands. */
function multiply(e: Emitter, i: Insn): void {
  const { c } = e;
  c.get(VALUE).get(T).op('i32mul');
  e.teeResult();
  e.setR32(i.dst);
  e.flagsOfVector(() => {
    c.get(VALUE).op('i64extend_s').get(T).op('i64extend_s', 'i64mul');
    e.result().op('i64extend_s', 'i64ne').i32(31).op('i32shl');
  });
}

function push(e: Emitter, loaded = false): void {
  e.r32(ESP).i32(4).op('i32sub').set(OFFSET);
  e.store(
    SS,
    4,
    () => {
      e.c.get(OFFSET);
      e.setR32(ESP);
    },
    loaded,
  );
}

const mov8 = (e: Emitter, i: Insn) => {
  e.r8(i.src);
  e.setR8(i.dst);
};

export const FORMS: Readonly<Record<number, Form>> = {
  1: (e, i) => {
    e.source(i);
    e.setR32(i.dst);
  },
  2: (e, i) => {
    loadTo(e, i, 4);
    e.c.get(VALUE);
    e.setR32(i.dst);
  },
  3: (e, i) => {
    address(e, i);
    e.source(i).set(VALUE);
    e.store(i.seg, 4);
  },
  4: (e, i) => {
    address(e, i);
    e.r8(i.src).set(VALUE);
    e.store(i.seg, 1);
  },
  5: (e, i) => {
    address(e, i);
    e.c.i32(i.value).set(VALUE);
    e.store(i.seg, 1);
  },
  6: (e, i) => {
    loadTo(e, i, 1);
    e.c.get(VALUE);
    e.setR8(i.dst);
  },
  7: mov8,
  8: (e, i) => {
    loadTo(e, i, 1);
    e.c.get(VALUE);
    e.setR32(i.dst);
  },
  9: (e, i) => {
    e.r8(i.src);
    e.setR32(i.dst);
  },
  10: (e, i) => {
    loadTo(e, i, 2);
    e.c.get(VALUE);
    e.setR32(i.dst);
  },
  11: (e, i) => {
    e.r16(i.src);
    e.setR32(i.dst);
  },
  12: (e, i) => {
    loadTo(e, i, 1);
    e.c.get(VALUE).op('i32extend8');
    e.setR32(i.dst);
  },
  13: (e, i) => {
    e.r8(i.src).op('i32extend8');
    e.setR32(i.dst);
  },
  14: (e, i) => {
    loadTo(e, i, 2);
    e.c.get(VALUE).op('i32extend16');
    e.setR32(i.dst);
  },
  15: (e, i) => {
    e.r16(i.src).op('i32extend16');
    e.setR32(i.dst);
  },
  16: (e, i) => {
    e.ea(i);
    e.setR32(i.dst);
  },
  17: (e, i) => {
    e.r32(i.dst);
    e.r32(EAX);
    e.setR32(i.dst);
    e.setR32(EAX);
  },
  18: (e, i) => {
    address(e, i);
    e.r16(i.src).set(VALUE);
    e.store(i.seg, 2);
  },
  20: toRegister(add),
  21: toRegister(logic('i32or')),
  22: toRegister(logic('i32and')),
  23: toRegister(sub),
  24: toRegister(logic('i32xor')),
  25: toRegister(sub, false),
  26: toRegister(logic('i32and'), false),
  27: fromMemory(add),
  28: fromMemory(logic('i32or')),
  29: fromMemory(logic('i32and')),
  30: fromMemory(sub),
  31: fromMemory(logic('i32xor')),
  32: fromMemory(sub, false),
  33: compareMemory(sub),
  34: compareMemory(logic('i32and')),
  35: toMemory(add),
  36: toMemory(logic('i32or')),
  37: toMemory(logic('i32and')),
  38: toMemory(sub),
  39: toMemory(logic('i32xor')),
  40: toMemory(step(1), e => void e.carry().set(CARRY)),
  41: toMemory(step(-1), e => void e.carry().set(CARRY)),
  42: stepRegister(1),
  43: stepRegister(-1),
  44: byConstant(shl),
  45: byConstant(shr),
  46: byConstant(sar),
  47: byConstant(rol),
  48: (e, i) => {
    e.r32(i.dst).set(VALUE);
    e.r32(i.src).set(T);
    multiply(e, i);
  },
  49: (e, i) => {
    loadTo(e, i, 4);
    e.r32(i.dst).set(T);
    multiply(e, i);
  },
  50: (e, i) => {
    e.r32(i.src).set(VALUE);
    e.c.i32(i.imm).set(T);
    multiply(e, i);
  },
  51: (e, i) => {
    loadTo(e, i, 4);
    e.c.i32(i.imm).set(T);
    multiply(e, i);
  },
  52: (e, i) =>
    compare8(
      e,
      () => e.r8(i.dst),
      () => e.c.i32(i.value),
    ),
  53: (e, i) =>
    test8(e, () => {
      e.r8(i.dst).i32(i.value);
    }),
  54: (e, i) => {
    loadTo(e, i, 1);
    compare8(
      e,
      () => e.c.get(VALUE),
      () => e.c.i32(i.value),
    );
  },
  55: (e, i) => {
    loadTo(e, i, 1);
    test8(e, () => {
      e.c.get(VALUE).i32(i.value);
    });
  },
  56: (e, i) =>
    compare8(
      e,
      () => e.r8(i.dst),
      () => e.r8(i.src),
    ),
  57: (e, i) =>
    test8(e, () => {
      e.r8(i.dst);
      e.r8(i.src);
    }),
  58: (e, i) => {
    e.condition(i.op);
    e.setR8(i.dst);
  },
  59: (e, i) => {
    e.r32(i.src);
    e.r32(i.dst);
    e.condition(i.op);
    e.c.op('select');
    e.setR32(i.dst);
  },
  60: (e, i) => {
    loadTo(e, i, 4);
    e.c.get(VALUE);
    e.r32(i.dst);
    e.condition(i.op);
    e.c.op('select');
    e.setR32(i.dst);
  },
  61: (e, i) => {
    e.source(i).set(VALUE);
    push(e);
  },
  62: (e, i) => {
    loadTo(e, i, 4);
    push(e, true);
  },
  63: (e, i) => {
    e.r32(ESP).set(OFFSET);
    e.load(SS, 4);
    e.r32(ESP).i32(4).op('i32add');
    e.setR32(ESP);
    e.c.get(VALUE);
    e.setR32(i.dst);
  },
  64: e => {
    e.r32(EBP).set(OFFSET);
    e.load(SS, 4);
    e.c.get(OFFSET).i32(4).op('i32add');
    e.setR32(ESP);
    e.c.get(VALUE);
    e.setR32(EBP);
  },
};

/** Loads and stores of data that compiled code itself makes for an instruction when nothing goes wrong. */
export function accessesOf(i: Insn): { loads: number; stores: number } {
  const other = i.form === 0 ? (endingOf(i) ?? (moreOf(i) ? undefined : wordsOf(i))) : undefined;
  if (other) return { loads: other.loads, stores: other.stores };
  const kind = i.form;
  const loads = LOADS.includes(kind) || (INDIRECT.includes(kind) && !i.isReg) ? 1 : 0;
  const stores = STORES.includes(kind) ? 1 : 0;
  return { loads, stores };
}

/** CALL and JMP to r/m. */
const INDIRECT = [CALL_INDIRECT, JMP_INDIRECT];
const UPDATES = [35, 36, 37, 38, 39, 40, 41];
const LOADS = [
  2,
  6,
  8,
  10,
  12,
  14,
  27,
  28,
  29,
  30,
  31,
  32,
  33,
  34,
  49,
  51,
  54,
  55,
  60,
  62,
  63,
  64,
  RET,
].concat(UPDATES);
const STORES = [3, 4, 5, 18, 61, 62, CALL, CALL_INDIRECT].concat(UPDATES);
