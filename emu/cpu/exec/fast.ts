/**
 * Specialised executors: what the commonest rows do, for 32-bit operands (and byte loads), with the choices of
 * register or memory, ALU operation and condition already taken. A general executor serves many instructions, so
 * its inner branches are hard for the host to predict; these have none. Each says exactly what its row's own
 * executor says (test/emu/cpu/fast.test.ts holds them against each other).
 */
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import type { Exec } from '../row.ts';
import { adc, add, dec, inc, logic, sbb, shiftRotate, sub } from './alu.ts';

type Operation = 'add' | 'or' | 'adc' | 'sbb' | 'and' | 'sub' | 'xor' | 'cmp' | 'test';

// Each operation by operand forms: register with register, immediate and memory; memory with register, immediate.
const aluRegReg: Record<Operation, Exec> = {
  add: (c, i) => set(c, i.rm, add(c, c.r32[i.rm], c.r32[i.reg], 0)),
  or: (c, i) => set(c, i.rm, logic(c, c.r32[i.rm] | c.r32[i.reg], 0)),
  adc: (c, i) => set(c, i.rm, adc(c, c.r32[i.rm], c.r32[i.reg], 0)),
  sbb: (c, i) => set(c, i.rm, sbb(c, c.r32[i.rm], c.r32[i.reg], 0)),
  and: (c, i) => set(c, i.rm, logic(c, c.r32[i.rm] & c.r32[i.reg], 0)),
  sub: (c, i) => set(c, i.rm, sub(c, c.r32[i.rm], c.r32[i.reg], 0)),
  xor: (c, i) => set(c, i.rm, logic(c, c.r32[i.rm] ^ c.r32[i.reg], 0)),
  cmp: (c, i) => void sub(c, c.r32[i.rm], c.r32[i.reg], 0),
  test: (c, i) => void logic(c, c.r32[i.rm] & c.r32[i.reg], 0),
};
const aluRegImm: Record<Operation, Exec> = {
  add: (c, i) => set(c, i.rm, add(c, c.r32[i.rm], i.imm, 0)),
  or: (c, i) => set(c, i.rm, logic(c, c.r32[i.rm] | i.imm, 0)),
  adc: (c, i) => set(c, i.rm, adc(c, c.r32[i.rm], i.imm, 0)),
  sbb: (c, i) => set(c, i.rm, sbb(c, c.r32[i.rm], i.imm, 0)),
  and: (c, i) => set(c, i.rm, logic(c, c.r32[i.rm] & i.imm, 0)),
  sub: (c, i) => set(c, i.rm, sub(c, c.r32[i.rm], i.imm, 0)),
  xor: (c, i) => set(c, i.rm, logic(c, c.r32[i.rm] ^ i.imm, 0)),
  cmp: (c, i) => void sub(c, c.r32[i.rm], i.imm, 0),
  test: (c, i) => void logic(c, c.r32[i.rm] & i.imm, 0),
};
const aluRegMem: Record<Operation, Exec> = {
  add: (c, i) => set(c, i.reg, add(c, c.r32[i.reg], load(c, i), 0)),
  or: (c, i) => set(c, i.reg, logic(c, c.r32[i.reg] | load(c, i), 0)),
  adc: (c, i) => set(c, i.reg, adc(c, c.r32[i.reg], load(c, i), 0)),
  sbb: (c, i) => set(c, i.reg, sbb(c, c.r32[i.reg], load(c, i), 0)),
  and: (c, i) => set(c, i.reg, logic(c, c.r32[i.reg] & load(c, i), 0)),
  sub: (c, i) => set(c, i.reg, sub(c, c.r32[i.reg], load(c, i), 0)),
  xor: (c, i) => set(c, i.reg, logic(c, c.r32[i.reg] ^ load(c, i), 0)),
  cmp: (c, i) => void sub(c, c.r32[i.reg], load(c, i), 0),
  test: (c, i) => void logic(c, c.r32[i.reg] & load(c, i), 0),
};
const compareMem: Partial<Record<Operation, [withReg: Exec, withImm: Exec]>> = {
  cmp: [(c, i) => void sub(c, load(c, i), c.r32[i.reg], 0), (c, i) => void sub(c, load(c, i), i.imm, 0)],
  test: [
    (c, i) => void logic(c, load(c, i) & c.r32[i.reg], 0),
    (c, i) => void logic(c, load(c, i) & i.imm, 0),
  ],
};

/** Jcc by condition code, each with its test in line. */
const jumps: Exec[] = [
  (c, i) => c.branch(i, c.of !== 0),
  (c, i) => c.branch(i, c.of === 0),
  (c, i) => c.branch(i, c.cf !== 0),
  (c, i) => c.branch(i, c.cf === 0),
  (c, i) => c.branch(i, c.zf !== 0),
  (c, i) => c.branch(i, c.zf === 0),
  (c, i) => c.branch(i, (c.cf | c.zf) !== 0),
  (c, i) => c.branch(i, (c.cf | c.zf) === 0),
  (c, i) => c.branch(i, c.sf !== 0),
  (c, i) => c.branch(i, c.sf === 0),
  (c, i) => c.branch(i, c.pf !== 0),
  (c, i) => c.branch(i, c.pf === 0),
  (c, i) => c.branch(i, c.sf !== c.of),
  (c, i) => c.branch(i, c.sf === c.of),
  (c, i) => c.branch(i, c.zf !== 0 || c.sf !== c.of),
  (c, i) => c.branch(i, c.zf === 0 && c.sf === c.of),
];

/** Shifts by an immediate: ROL ROR (SHL SHR SAR as /4 /5 /7). */
const shifts: Partial<Record<number, Exec>> = {
  0: (c, i) => set(c, i.rm, shiftRotate(c, 0, c.r32[i.rm], i.imm & 31, 0)),
  1: (c, i) => set(c, i.rm, shiftRotate(c, 1, c.r32[i.rm], i.imm & 31, 0)),
  4: (c, i) => set(c, i.rm, shiftRotate(c, 4, c.r32[i.rm], i.imm & 31, 0)),
  5: (c, i) => set(c, i.rm, shiftRotate(c, 5, c.r32[i.rm], i.imm & 31, 0)),
  7: (c, i) => set(c, i.rm, shiftRotate(c, 7, c.r32[i.rm], i.imm & 31, 0)),
};

const OPERATIONS: Operation[] = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'];
type Choice = (i: Insn) => Exec | undefined;

/** ALU rows of one operation by opcode form. */
function aluChoices(operation: Operation): Record<string, Choice> {
  const regMem = (i: Insn) => (i.isReg ? swapped[operation] : aluRegMem[operation]);
  return {
    'r/m32, r32': i => (i.isReg ? aluRegReg[operation] : compareMem[operation]?.[0]),
    'r32, r/m32': regMem,
    'r/m32, imm32': i => (i.isReg ? aluRegImm[operation] : compareMem[operation]?.[1]),
    'r/m32, imm8': i => (i.isReg ? aluRegImm[operation] : compareMem[operation]?.[1]),
  };
}

/** `op r32, r/m32` between registers: the operands of aluRegReg change places. */
const swapped: Record<Operation, Exec> = {
  add: (c, i) => set(c, i.reg, add(c, c.r32[i.reg], c.r32[i.rm], 0)),
  or: (c, i) => set(c, i.reg, logic(c, c.r32[i.reg] | c.r32[i.rm], 0)),
  adc: (c, i) => set(c, i.reg, adc(c, c.r32[i.reg], c.r32[i.rm], 0)),
  sbb: (c, i) => set(c, i.reg, sbb(c, c.r32[i.reg], c.r32[i.rm], 0)),
  and: (c, i) => set(c, i.reg, logic(c, c.r32[i.reg] & c.r32[i.rm], 0)),
  sub: (c, i) => set(c, i.reg, sub(c, c.r32[i.reg], c.r32[i.rm], 0)),
  xor: (c, i) => set(c, i.reg, logic(c, c.r32[i.reg] ^ c.r32[i.rm], 0)),
  cmp: (c, i) => void sub(c, c.r32[i.reg], c.r32[i.rm], 0),
  test: (c, i) => void logic(c, c.r32[i.reg] & c.r32[i.rm], 0),
};

/** What a form's instruction may run instead of its row's executor. Forms are the rows' own. */
const choices = new Map<string, Choice>();
for (const operation of [...OPERATIONS, 'test'] as Operation[])
  for (const [operands, choice] of Object.entries(aluChoices(operation)))
    choices.set(`${operation.toUpperCase()} ${operands}`, choice);

const one = (form: string, choice: Choice) => choices.set(form, choice);
one('MOV r/m32, r32', i => (i.isReg ? (c, n) => set(c, n.rm, c.r32[n.reg]) : storeReg));
one('MOV r32, r/m32', i => (i.isReg ? movRegReg : loadReg));
one('MOV r32, imm32', () => (c, i) => set(c, i.reg, i.imm));
one('MOV r/m32, imm32', i => (i.isReg ? undefined : (c, n) => c.store32(n.seg, c.ea(n), n.imm)));
one('MOV r/m8, r8', i => (i.isReg ? undefined : (c, n) => c.store8(n.seg, c.ea(n), c.r8[n.reg])));
one('MOV r8, r/m8', i => (i.isReg ? undefined : loadByteReg));
one('MOVZX r32, r/m8', i => (i.isReg ? (c, n) => set(c, n.reg, c.r8[n.rm]) : zeroExtendByte));
one('MOVZX r32, r/m16', i => (i.isReg ? undefined : (c, n) => set(c, n.reg, c.load16(n.seg, c.ea(n)))));
one('LEA r32, m', i => (i.a32 ? (c, n) => set(c, n.reg, c.ea(n)) : undefined));
one('INC r32', () => (c, i) => set(c, i.reg, inc(c, c.r32[i.reg], 0)));
one('DEC r32', () => (c, i) => set(c, i.reg, dec(c, c.r32[i.reg], 0)));
one('PUSH r32', () => (c, i) => c.push32(c.r32[i.reg]));
one('POP r32', () => (c, i) => set(c, i.reg, c.pop32()));
one('PUSH imm32', () => (c, i) => c.push32(i.imm));
const JUMPS = ['O', 'NO', 'B', 'NB', 'E', 'NE', 'BE', 'NBE', 'S', 'NS', 'P', 'NP', 'L', 'NL', 'LE', 'NLE'];
for (const [cc, name] of JUMPS.entries()) {
  one(`J${name} rel8`, i => (i.o32 ? jumps[cc] : undefined));
  one(`J${name} rel32`, () => jumps[cc]);
}
for (const [op, name] of ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SAL', 'SAR'].entries())
  one(`${name} r/m32, imm8`, i => (i.isReg ? shifts[op] : undefined));

/** The executor to use for a decoded instruction: a specialised one, or its row's. */
export function specialise(i: Insn): Exec {
  if (i.lock || i.rep !== 0) return i.row.exec;
  return choices.get(i.row.form)?.(i) ?? i.row.exec;
}

function movRegReg(c: Cpu, i: Insn): void {
  c.r32[i.reg] = c.r32[i.rm];
}

function loadReg(c: Cpu, i: Insn): void {
  c.r32[i.reg] = c.load32(i.seg, c.ea(i));
}

function storeReg(c: Cpu, i: Insn): void {
  c.store32(i.seg, c.ea(i), c.r32[i.reg]);
}

function loadByteReg(c: Cpu, i: Insn): void {
  c.r8[i.reg] = c.load8(i.seg, c.ea(i));
}

function zeroExtendByte(c: Cpu, i: Insn): void {
  c.r32[i.reg] = c.load8(i.seg, c.ea(i));
}

function load(c: Cpu, i: Insn): number {
  return c.load32(i.seg, c.ea(i));
}

function set(c: Cpu, index: number, v: number): void {
  c.r32[index] = v;
}
