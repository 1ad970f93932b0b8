/**
 * The x87 instruction set: SDM vol. 2, appendix A.5 (escape opcodes D8 to DF) and the instructions' pages. With the
 * aliases that processors decode without the manual saying so: FCOM2, FCOMP3, FCOMP5, FXCH4, FXCH7, FSTP1, FSTP8,
 * FSTP9, FFREEP. What has no row is #UD.
 *
 * The executors find the stack register, and what the FPU keeps of the opcode, in the instruction's `imm`.
 */
import type { CostClass } from '../../profile/profile.ts';
import {
  arith16int,
  arith32fp,
  arith32int,
  arith64fp,
  arithST,
  arithSTi,
  arithSTiPop,
  fcom,
  fcomi,
  fcomip,
  fcomp,
  fcompp,
  fucom,
  fucomi,
  fucomip,
  fucomp,
  fucompp,
} from '../exec/fpu-arithmetic.ts';
import {
  ffree,
  fldcw,
  fldenv,
  fnclex,
  fninit,
  fnone,
  fnop,
  fnsave,
  fnstcw,
  fnstenv,
  fnstsw,
  fnstswAx,
  frstor,
  rotate,
  wait,
} from '../exec/fpu-control.ts';
import {
  f2xm1Exec,
  fabs,
  fchs,
  fcosExec,
  fldConstant,
  fpatanExec,
  fprem,
  fptan,
  frndint,
  fscale,
  fsincos,
  fsinExec,
  fsqrt,
  ftst,
  fxam,
  fxtract,
  fyl2xExec,
  fyl2xp1Exec,
} from '../exec/fpu-functions.ts';
import {
  fbld,
  fbstp,
  fcmov,
  fild16,
  fild32,
  fild64,
  fist16,
  fist32,
  fist64,
  fld32,
  fld64,
  fld80,
  fldST,
  fst32,
  fst64,
  fstp1,
  fstp80,
  fstST,
  fxch,
} from '../exec/fpu-move.ts';
import type { Exec, Row } from '../row.ts';
import { row } from './kit.ts';

/** The eight operations of the reg field, with the cost of each. */
const ARITHMETIC: readonly (readonly [string, CostClass])[] = [
  ['ADD', 'fadd'],
  ['MUL', 'fmul'],
  ['COM', 'fcom'],
  ['COMP', 'fcom'],
  ['SUB', 'fadd'],
  ['SUBR', 'fadd'],
  ['DIV', 'fdiv'],
  ['DIVR', 'fdiv'],
];
const COMPARES = [2, 3];

/** `D8 /digit m` and its kin. */
function memoryArithmetic(opcode: string, prefix: string, operand: string, exec: Exec): Row[] {
  return ARITHMETIC.map(([name, cost], op) =>
    row(`${opcode} /${op} m`, `${prefix}${name} ${operand}`, cost, exec, { op }),
  );
}

/** Second byte of a register form: C0 + 8 · digit. */
function second(digit: number): string {
  return (0xc0 + 8 * digit).toString(16).toUpperCase();
}

/** DC and DE name SUB and SUBR, DIV and DIVR the other way round: the destination is ST(i). */
const REVERSED = [0, 1, 2, 3, 5, 4, 7, 6];

function registerArithmetic(
  opcode: string,
  suffix: string,
  operands: string,
  exec: Exec,
  swap: boolean,
): Row[] {
  return ARITHMETIC.flatMap(([, cost], op) => {
    if (COMPARES.includes(op)) return [];
    const name = ARITHMETIC[swap ? REVERSED[op] : op][0];
    return [row(`${opcode} ${second(op)}+i`, `F${name}${suffix} ${operands}`, cost, exec, { op })];
  });
}

const arithmeticRows: Row[] = [
  ...memoryArithmetic('D8', 'F', 'm32fp', arith32fp),
  ...memoryArithmetic('DC', 'F', 'm64fp', arith64fp),
  ...memoryArithmetic('DA', 'FI', 'm32int', arith32int),
  ...memoryArithmetic('DE', 'FI', 'm16int', arith16int),
  ...registerArithmetic('D8', '', 'ST(0), ST(i)', arithST, false),
  ...registerArithmetic('DC', '', 'ST(i), ST(0)', arithSTi, true),
  ...registerArithmetic('DE', 'P', 'ST(i), ST(0)', arithSTiPop, true),
];

const compareRows: Row[] = [
  row('D8 D0+i', 'FCOM ST(i)', 'fcom', fcom),
  row('D8 D8+i', 'FCOMP ST(i)', 'fcom', fcomp),
  row('DC D0+i', 'FCOM2 ST(i)', 'fcom', fcom),
  row('DC D8+i', 'FCOMP3 ST(i)', 'fcom', fcomp),
  row('DE D0+i', 'FCOMP5 ST(i)', 'fcom', fcomp),
  row('DE D9', 'FCOMPP', 'fcom', fcompp),
  row('DD E0+i', 'FUCOM ST(i)', 'fcom', fucom),
  row('DD E8+i', 'FUCOMP ST(i)', 'fcom', fucomp),
  row('DA E9', 'FUCOMPP', 'fcom', fucompp),
  row('DB E8+i', 'FUCOMI ST, ST(i)', 'fcomi', fucomi, { writes: 'OSZAPC' }),
  row('DB F0+i', 'FCOMI ST, ST(i)', 'fcomi', fcomi, { writes: 'OSZAPC' }),
  row('DF E8+i', 'FUCOMIP ST, ST(i)', 'fcomi', fucomip, { writes: 'OSZAPC' }),
  row('DF F0+i', 'FCOMIP ST, ST(i)', 'fcomi', fcomip, { writes: 'OSZAPC' }),
  row('D9 E4', 'FTST', 'fcom', ftst),
  row('D9 E5', 'FXAM', 'fxam', fxam),
];

const loadRows: Row[] = [
  row('D9 /0 m', 'FLD m32fp', 'fld', fld32),
  row('DD /0 m', 'FLD m64fp', 'fld', fld64),
  row('DB /5 m', 'FLD m80fp', 'fldExtended', fld80),
  row('D9 C0+i', 'FLD ST(i)', 'fld', fldST),
  row('DF /0 m', 'FILD m16int', 'fild', fild16),
  row('DB /0 m', 'FILD m32int', 'fild', fild32),
  row('DF /5 m', 'FILD m64int', 'fild', fild64),
  row('DF /4 m', 'FBLD m80dec', 'fbld', fbld),
  ...['FLD1', 'FLDL2T', 'FLDL2E', 'FLDPI', 'FLDLG2', 'FLDLN2', 'FLDZ'].map((name, op) =>
    row(`D9 ${(0xe8 + op).toString(16).toUpperCase()}`, name, 'fconst', fldConstant, { op }),
  ),
];

const pops = { op: 1 } as const;

const storeRows: Row[] = [
  row('D9 /2 m', 'FST m32fp', 'fst', fst32),
  row('D9 /3 m', 'FSTP m32fp', 'fst', fst32, pops),
  row('DD /2 m', 'FST m64fp', 'fst', fst64),
  row('DD /3 m', 'FSTP m64fp', 'fst', fst64, pops),
  row('DB /7 m', 'FSTP m80fp', 'fstExtended', fstp80),
  row('DD D0+i', 'FST ST(i)', 'fst', fstST),
  row('DD D8+i', 'FSTP ST(i)', 'fst', fstST, pops),
  row('D9 D8+i', 'FSTP1 ST(i)', 'fst', fstp1),
  row('DF D0+i', 'FSTP8 ST(i)', 'fst', fstST, pops),
  row('DF D8+i', 'FSTP9 ST(i)', 'fst', fstST, pops),
  row('DF /2 m', 'FIST m16int', 'fist', fist16),
  row('DF /3 m', 'FISTP m16int', 'fist', fist16, pops),
  row('DB /2 m', 'FIST m32int', 'fist', fist32),
  row('DB /3 m', 'FISTP m32int', 'fist', fist32, pops),
  row('DF /7 m', 'FISTP m64int', 'fist', fist64, pops),
  row('DF /6 m', 'FBSTP m80bcd', 'fbstp', fbstp, pops),
];

/** Condition codes as Jcc has them: B E BE U, and their opposites under DB. */
const CONDITIONS: readonly (readonly [string, number])[] = [
  ['B', 2],
  ['E', 4],
  ['BE', 6],
  ['U', 10],
];

const moveRows: Row[] = [
  row('D9 C8+i', 'FXCH ST(i)', 'fxch', fxch),
  row('DD C8+i', 'FXCH4 ST(i)', 'fxch', fxch),
  row('DF C8+i', 'FXCH7 ST(i)', 'fxch', fxch),
  ...CONDITIONS.flatMap(([name, cc], n) => [
    row(`DA ${second(n)}+i`, `FCMOV${name} ST(0), ST(i)`, 'fcmov', fcmov, { op: cc, reads: 'ZPC' }),
    row(`DB ${second(n)}+i`, `FCMOVN${name} ST(0), ST(i)`, 'fcmov', fcmov, { op: cc + 1, reads: 'ZPC' }),
  ]),
];

const functionRows: Row[] = [
  row('D9 E0', 'FCHS', 'fsign', fchs),
  row('D9 E1', 'FABS', 'fsign', fabs),
  row('D9 F0', 'F2XM1', 'fexp', f2xm1Exec),
  row('D9 F1', 'FYL2X', 'flog', fyl2xExec),
  row('D9 F2', 'FPTAN', 'ftan', fptan),
  row('D9 F3', 'FPATAN', 'fatan', fpatanExec),
  row('D9 F4', 'FXTRACT', 'fxtract', fxtract),
  row('D9 F5', 'FPREM1', 'fprem', fprem, { op: 1 }),
  row('D9 F8', 'FPREM', 'fprem', fprem),
  row('D9 F9', 'FYL2XP1', 'flog', fyl2xp1Exec),
  row('D9 FA', 'FSQRT', 'fsqrt', fsqrt),
  row('D9 FB', 'FSINCOS', 'fsincos', fsincos),
  row('D9 FC', 'FRNDINT', 'frndint', frndint),
  row('D9 FD', 'FSCALE', 'fscale', fscale),
  row('D9 FE', 'FSIN', 'fsin', fsinExec),
  row('D9 FF', 'FCOS', 'fsin', fcosExec),
];

const controlRows: Row[] = [
  row('D9 D0', 'FNOP', 'fnop', fnop),
  row('D9 F6', 'FDECSTP', 'fnop', rotate, { op: -1 }),
  row('D9 F7', 'FINCSTP', 'fnop', rotate, { op: 1 }),
  row('DD C0+i', 'FFREE ST(i)', 'fnop', ffree),
  row('DF C0+i', 'FFREEP ST(i)', 'fnop', ffree, pops),
  row('D9 /5 m', 'FLDCW m2byte', 'fldcw', fldcw),
  row('D9 /7 m', 'FNSTCW m2byte', 'fnstcw', fnstcw),
  row('DD /7 m', 'FNSTSW m2byte', 'fnstsw', fnstsw),
  row('DF E0', 'FNSTSW AX', 'fnstsw', fnstswAx),
  row('DB E0', 'FNENI', 'fnop', fnone),
  row('DB E1', 'FNDISI', 'fnop', fnone),
  row('DB E2', 'FNCLEX', 'fnclex', fnclex),
  row('DB E3', 'FNINIT', 'fninit', fninit),
  row('DB E4', 'FNSETPM', 'fnop', fnone),
  row('D9 /4 m', 'FLDENV m14/28byte', 'fldenv', fldenv),
  row('D9 /6 m', 'FNSTENV m14/28byte', 'fnstenv', fnstenv),
  row('DD /4 m', 'FRSTOR m94/108byte', 'frstor', frstor),
  row('DD /6 m', 'FNSAVE m94/108byte', 'fnsave', fnsave),
  row('9B', 'WAIT', 'fwait', wait),
];

export const fpuRows: Row[] = [
  ...arithmeticRows,
  ...compareRows,
  ...loadRows,
  ...storeRows,
  ...moveRows,
  ...functionRows,
  ...controlRows,
];
