/** Near branches, calls, returns and loops, and the flag instructions. SDM vol. 2. Far transfers: far.ts. */
import { BR } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import { getE, getG, signed } from '../exec/operand.ts';
import type { Insn } from '../insn.ts';
import { DF, IF } from '../registers.ts';
import type { Row } from '../row.ts';
import { CONDITIONS } from './conditions.ts';
import { both, row } from './kit.ts';

const ECX = 1;

/** i.imm is the target, computed by the decoder. */
function jcc(c: Cpu, i: Insn): void {
  c.branch(i, c.condition(i.op));
}

const jmp = (c: Cpu, i: Insn) => c.jump(i.imm);

export function jmpE(c: Cpu, i: Insn): void {
  const target = getE(c, i);
  c.jump(target);
  if (c.predictor.indirect(i.eip, target)) c.mispredicted();
}

function call(c: Cpu, i: Insn): void {
  c.checkCall(i.imm, i.o32 ? 4 : 2);
  c.push(i.next, i.o32);
  c.eip = i.imm;
  c.predictor.call(i.next);
}

export function callE(c: Cpu, i: Insn): void {
  const target = getE(c, i);
  c.checkCall(target, i.o32 ? 4 : 2);
  c.push(i.next, i.o32);
  c.eip = target;
  if (c.predictor.indirect(i.eip, target)) c.mispredicted();
  c.predictor.call(i.next);
}

function ret(c: Cpu, i: Insn): void {
  const top = c.stackTop;
  const target = i.o32 ? c.load32(2, top) : c.load16(2, top);
  c.checkTarget(target);
  c.setStackTop((top + (i.o32 ? 4 : 2) + i.imm) | 0);
  c.eip = target;
  if (c.predictor.return(target)) c.mispredicted();
}

/** LOOPNE, LOOPE, LOOP by op 0–2; the counter is ECX or CX by the address size. */
function loop(c: Cpu, i: Insn): void {
  const index = i.a32 ? ECX : ECX * 2;
  const size = i.a32 ? 4 : 2;
  const count = c.getReg(index, size) - 1;
  const zero = i.a32 ? (count | 0) === 0 : (count & 0xffff) === 0;
  const taken = !zero && (i.op === 2 || c.zf === i.op);
  if (taken) c.checkTarget(i.imm);
  c.setReg(index, size, count);
  c.branch(i, taken);
}

const jecxz = (c: Cpu, i: Insn) => c.branch(i, (i.a32 ? c.r32[ECX] : c.r16[ECX * 2]) === 0);

/**
 * BOUND: #BR unless the signed index lies between two bounds in memory, both included. With 16-bit addresses the
 * upper one's goes round at 64 KiB, as on silicon.
 */
function bound(c: Cpu, i: Insn): void {
  const at = c.ea(i);
  const lower = signed(c.load(i.seg, at, i.size), i);
  const behind = (at + i.size) | 0;
  const upper = signed(c.load(i.seg, i.a32 ? behind : behind & 0xffff, i.size), i);
  const index = signed(getG(c, i), i);
  if (index < lower || index > upper) c.raise(BR);
}

const clc = (c: Cpu) => c.setCf(0);
const stc = (c: Cpu) => c.setCf(1);
const cmc = (c: Cpu) => c.setCf(c.cf ^ 1);
const cld = (c: Cpu) => c.setSystemFlag(DF, false);
const std = (c: Cpu) => c.setSystemFlag(DF, true);

function cli(c: Cpu, i: Insn): void {
  c.requireIopl();
  c.setSystemFlag(IF, false);
  c.eip = i.next;
}

/** Interrupts stay off for one more instruction if they were off. */
function sti(c: Cpu, i: Insn): void {
  c.requireIopl();
  if (!c.interruptsOn) c.shadow = true;
  c.setSystemFlag(IF, true);
  c.leave = true;
  c.eip = i.next;
}

const hex = (n: number) => n.toString(16).padStart(2, '0');
const ends = { ends: true };

export const controlRows: Row[] = [
  ...CONDITIONS.flatMap(({ name, reads }, op) => [
    ...both(`${hex(0x70 + op)} rel8`, `J${name} rel8`, 'branch', jcc, { op, reads, ends: true }),
    ...both(`0F ${hex(0x80 + op)} relz`, `J${name} relv`, 'branch', jcc, {
      op,
      reads,
      ends: true,
    }),
  ]),
  ...both('EB rel8', 'JMP rel8', 'branch', jmp, ends),
  ...both('E9 relz', 'JMP relv', 'branch', jmp, ends),
  ...both('FF /4', 'JMP r/mv', 'branch', jmpE, ends),
  ...both('E8 relz', 'CALL relv', 'call', call, ends),
  ...both('FF /2', 'CALL r/mv', 'call', callE, ends),
  ...both('C3', 'RET', 'ret', ret, ends),
  ...both('C2 iw', 'RET imm16', 'ret', ret, ends),
  ...['LOOPNE', 'LOOPE', 'LOOP'].flatMap((name, op) =>
    both(`E${op} rel8`, `${name} rel8`, 'branch', loop, { op, reads: op < 2 ? 'Z' : '', ends: true }),
  ),
  ...both('E3 rel8', 'JECXZ rel8', 'branch', jecxz, ends),
  ...both('62 /r m', 'BOUND rv, mv&v', 'cmpxchg', bound, { note: 'cost: taken as the nearest class' }),
  row('F8', 'CLC', 'flagSet', clc, { writes: 'C' }),
  row('F9', 'STC', 'flagSet', stc, { writes: 'C' }),
  row('F5', 'CMC', 'flagSet', cmc, { reads: 'C', writes: 'C' }),
  row('FC', 'CLD', 'cld', cld, { writes: 'D' }),
  row('FD', 'STD', 'cld', std, { writes: 'D' }),
  row('FA', 'CLI', 'cli', cli, { writes: 'I', ends: true }),
  row('FB', 'STI', 'cli', sti, { writes: 'I', ends: true }),
];
