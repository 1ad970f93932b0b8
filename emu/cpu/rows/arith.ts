/** Two-operand arithmetic and logic, INC, DEC, NEG, NOT, TEST, multiplication and division. SDM vol. 2. */

import { DE } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import {
  alu,
  dec,
  div64,
  idiv64,
  imulHigh,
  inc,
  logic,
  mulHigh,
  multiplyFlags,
  remainder,
  sub,
} from '../exec/alu.ts';
import { getE, getForUpdate, getG, setE, setG, signed } from '../exec/operand.ts';
import type { Insn } from '../insn.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const CMP = 7;
const EAX = 0;
const EDX = 2;

function aluEG(c: Cpu, i: Insn): void {
  const b = getG(c, i);
  if (i.op === CMP) sub(c, getE(c, i), b, i.shift);
  else setE(c, i, alu(c, i.op, getForUpdate(c, i), b, i.shift));
}

function aluGE(c: Cpu, i: Insn): void {
  const b = getE(c, i);
  const r = alu(c, i.op, getG(c, i), b, i.shift);
  if (i.op !== CMP) setG(c, i, r);
}

function aluEI(c: Cpu, i: Insn): void {
  if (i.op === CMP) sub(c, getE(c, i), i.imm, i.shift);
  else setE(c, i, alu(c, i.op, getForUpdate(c, i), i.imm, i.shift));
}

function aluAI(c: Cpu, i: Insn): void {
  const r = alu(c, i.op, c.getReg(EAX, i.size), i.imm, i.shift);
  if (i.op !== CMP) c.setReg(EAX, i.size, r);
}

const testEG = (c: Cpu, i: Insn) => void logic(c, getE(c, i) & getG(c, i), i.shift);
const testEI = (c: Cpu, i: Insn) => void logic(c, getE(c, i) & i.imm, i.shift);
const testAI = (c: Cpu, i: Insn) => void logic(c, c.getReg(EAX, i.size) & i.imm, i.shift);
const incE = (c: Cpu, i: Insn) => setE(c, i, inc(c, getForUpdate(c, i), i.shift));
const decE = (c: Cpu, i: Insn) => setE(c, i, dec(c, getForUpdate(c, i), i.shift));
const incR = (c: Cpu, i: Insn) => setG(c, i, inc(c, getG(c, i), i.shift));
const decR = (c: Cpu, i: Insn) => setG(c, i, dec(c, getG(c, i), i.shift));
const notE = (c: Cpu, i: Insn) => setE(c, i, ~getForUpdate(c, i));
const negE = (c: Cpu, i: Insn) => setE(c, i, sub(c, 0, getForUpdate(c, i), i.shift));

function mulE(c: Cpu, i: Insn): void {
  const b = getE(c, i);
  const a = c.getReg(EAX, i.size);
  if (i.size === 4) {
    const low = Math.imul(a, b);
    const high = mulHigh(a >>> 0, b >>> 0);
    c.r32[EAX] = low;
    c.r32[EDX] = high;
    return multiplyFlags(c, low, high !== 0);
  }
  const product = a * b;
  if (i.size === 1) {
    c.r16[EAX] = product;
    return multiplyFlags(c, signed(product, i), product > 0xff);
  }
  c.r16[EAX] = product;
  c.r16[EDX * 2] = product >>> 16;
  multiplyFlags(c, signed(product, i), product > 0xffff);
}

function imulE(c: Cpu, i: Insn): void {
  const b = signed(getE(c, i), i);
  const a = signed(c.getReg(EAX, i.size), i);
  const low = Math.imul(a, b);
  if (i.size === 4) {
    const high = imulHigh(a, b);
    c.r32[EAX] = low;
    c.r32[EDX] = high;
    return multiplyFlags(c, low, high !== low >> 31);
  }
  c.r16[EAX] = low;
  if (i.size === 2) c.r16[EDX * 2] = low >> 16;
  multiplyFlags(c, signed(low, i), signed(low, i) !== low);
}

function imulTwo(c: Cpu, i: Insn, a: number, b: number): void {
  const low = Math.imul(a, b);
  const r = signed(low, i);
  const fits = i.size === 4 ? imulHigh(a, b) === low >> 31 : r === low;
  setG(c, i, r);
  multiplyFlags(c, r, !fits);
}
const imulGE = (c: Cpu, i: Insn) => imulTwo(c, i, signed(getG(c, i), i), signed(getE(c, i), i));
const imulGEI = (c: Cpu, i: Insn) => imulTwo(c, i, signed(getE(c, i), i), i.imm);

function divE(c: Cpu, i: Insn): void {
  const d = getE(c, i);
  if (i.size === 4) {
    const q = div64(c, c.r32[EDX], c.r32[EAX], d);
    c.r32[EAX] = q;
    c.r32[EDX] = remainder;
    return;
  }
  const n = i.size === 1 ? c.r16[EAX] : ((c.r16[EDX * 2] << 16) | c.r16[EAX]) >>> 0;
  if (d === 0) c.raise(DE);
  const q = Math.floor(n / d);
  if (q > (i.size === 1 ? 0xff : 0xffff)) c.raise(DE);
  quotient(c, i, q, n - q * d);
}

function idivE(c: Cpu, i: Insn): void {
  const d = signed(getE(c, i), i);
  if (i.size === 4) {
    const q = idiv64(c, c.r32[EDX], c.r32[EAX], d);
    c.r32[EAX] = q;
    c.r32[EDX] = remainder;
    return;
  }
  const n = i.size === 1 ? (c.r16[EAX] << 16) >> 16 : (c.r16[EDX * 2] << 16) | c.r16[EAX];
  if (d === 0) c.raise(DE);
  const q = Math.trunc(n / d);
  if (signed(q, i) !== q) c.raise(DE);
  quotient(c, i, q, n - q * d);
}

function quotient(c: Cpu, i: Insn, q: number, r: number): void {
  if (i.size === 1) c.r16[EAX] = (q & 0xff) | (r << 8);
  else {
    c.r16[EAX] = q;
    c.r16[EDX * 2] = r;
  }
}

const OSZAPC = 'OSZAPC';
const names = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP'];

function group(op: number): Row[] {
  const name = names[op];
  const hex = (n: number) => (op * 8 + n).toString(16).padStart(2, '0');
  const isLogic = op === 1 || op === 4 || op === 6;
  const carry = op === 2 || op === 3;
  const options = {
    op,
    writes: isLogic ? 'OSZPC' : OSZAPC,
    undef: isLogic ? 'A' : '',
    reads: carry ? 'C' : '',
  };
  const locked = { ...options, lock: op !== CMP };
  const cost = carry ? 'adc' : 'alu';
  return [
    row(`${hex(0)} /r`, `${name} r/m8, r8`, cost, aluEG, locked),
    ...both(`${hex(1)} /r`, `${name} r/mv, rv`, cost, aluEG, locked),
    row(`${hex(2)} /r`, `${name} r8, r/m8`, cost, aluGE, options),
    ...both(`${hex(3)} /r`, `${name} rv, r/mv`, cost, aluGE, options),
    row(`${hex(4)} ib`, `${name} AL, imm8`, cost, aluAI, options),
    row(`o16 ${hex(5)} iz`, `${name} AX, imm16`, cost, aluAI, options),
    row(`o32 ${hex(5)} iz`, `${name} EAX, imm32`, cost, aluAI, options),
    row(`80 /${op} ib`, `${name} r/m8, imm8`, cost, aluEI, locked),
    row(`82 /${op} ib`, `${name} r/m8, imm8`, cost, aluEI, { ...locked, note: 'alias of 80' }),
    ...both(`81 /${op} iz`, `${name} r/mv, immv`, cost, aluEI, locked),
    ...both(`83 /${op} ibs`, `${name} r/mv, imm8`, cost, aluEI, locked),
  ];
}

const incDec = { writes: 'OSZAP', lock: true };
const logicFlags = { writes: 'OSZPC', undef: 'A' };
const mulFlags = { writes: 'OC', undef: 'SZAP' };
const divFlags = { undef: OSZAPC };

export const arithRows: Row[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(group),
  ...both('40 +r', 'INC rv', 'alu', incR, { writes: 'OSZAP' }),
  ...both('48 +r', 'DEC rv', 'alu', decR, { writes: 'OSZAP' }),
  row('FE /0', 'INC r/m8', 'alu', incE, incDec),
  row('FE /1', 'DEC r/m8', 'alu', decE, incDec),
  ...both('FF /0', 'INC r/mv', 'alu', incE, incDec),
  ...both('FF /1', 'DEC r/mv', 'alu', decE, incDec),
  row('84 /r', 'TEST r/m8, r8', 'alu', testEG, logicFlags),
  ...both('85 /r', 'TEST r/mv, rv', 'alu', testEG, logicFlags),
  row('A8 ib', 'TEST AL, imm8', 'alu', testAI, logicFlags),
  row('o16 A9 iz', 'TEST AX, imm16', 'alu', testAI, logicFlags),
  row('o32 A9 iz', 'TEST EAX, imm32', 'alu', testAI, logicFlags),
  ...[0, 1].flatMap(digit => [
    row(`F6 /${digit} ib`, 'TEST r/m8, imm8', 'alu', testEI, logicFlags),
    ...both(`F7 /${digit} iz`, 'TEST r/mv, immv', 'alu', testEI, logicFlags),
  ]),
  row('F6 /2', 'NOT r/m8', 'alu', notE, { lock: true }),
  ...both('F7 /2', 'NOT r/mv', 'alu', notE, { lock: true }),
  row('F6 /3', 'NEG r/m8', 'alu', negE, { writes: OSZAPC, lock: true }),
  ...both('F7 /3', 'NEG r/mv', 'alu', negE, { writes: OSZAPC, lock: true }),
  row('F6 /4', 'MUL r/m8', 'mul', mulE, mulFlags),
  ...both('F7 /4', 'MUL r/mv', 'mul', mulE, mulFlags),
  row('F6 /5', 'IMUL r/m8', 'imul', imulE, mulFlags),
  ...both('F7 /5', 'IMUL r/mv', 'imul', imulE, mulFlags),
  row('F6 /6', 'DIV r/m8', 'div', divE, divFlags),
  ...both('F7 /6', 'DIV r/mv', 'div', divE, divFlags),
  row('F6 /7', 'IDIV r/m8', 'div', idivE, divFlags),
  ...both('F7 /7', 'IDIV r/mv', 'div', idivE, divFlags),
  ...both('0F AF /r', 'IMUL rv, r/mv', 'imul', imulGE, mulFlags),
  ...both('69 /r iz', 'IMUL rv, r/mv, immv', 'imul', imulGEI, mulFlags),
  ...both('6B /r ibs', 'IMUL rv, r/mv, imm8', 'imul', imulGEI, mulFlags),
];
