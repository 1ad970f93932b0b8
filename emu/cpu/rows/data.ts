/** Moves: MOV, MOVZX, MOVSX, LEA, XCHG, PUSH, POP, PUSHA, ENTER, LEAVE, conversions, flag registers. SDM vol. 2. */

import type { Cpu } from '../cpu.ts';
import { getE, getForUpdate, getG, setE, setG } from '../exec/operand.ts';
import type { Insn } from '../insn.ts';
import { AC_FLAG, AF, CF, DF, ID, IF, IOPL, NT, OF, PF, RF, SF, TF, VM, ZF } from '../registers.ts';
import type { Row } from '../row.ts';
import { SS_ } from '../segments.ts';
import { CONDITIONS } from './conditions.ts';
import { both, row } from './kit.ts';

const EAX = 0;
const EDX = 2;
const ESP = 4;
const EBP = 5;
const AH = 1; // byte offset

const movEG = (c: Cpu, i: Insn) => setE(c, i, getG(c, i));
const movGE = (c: Cpu, i: Insn) => setG(c, i, getE(c, i));
const movEI = (c: Cpu, i: Insn) => setE(c, i, i.imm);
const movRI = (c: Cpu, i: Insn) => setG(c, i, i.imm);
const movAO = (c: Cpu, i: Insn) => c.setReg(EAX, i.size, c.load(i.seg, i.disp, i.size));
const movOA = (c: Cpu, i: Insn) => c.store(i.seg, i.disp, i.size, c.getReg(EAX, i.size));
const load8 = (c: Cpu, i: Insn) => (i.isReg ? c.r8[i.rm] : c.load8(i.seg, c.ea(i)));
const load16 = (c: Cpu, i: Insn) => (i.isReg ? c.r16[i.rm] : c.load16(i.seg, c.ea(i)));
const movzx8 = (c: Cpu, i: Insn) => setG(c, i, load8(c, i));
const movzx16 = (c: Cpu, i: Insn) => setG(c, i, load16(c, i));
const movsx8 = (c: Cpu, i: Insn) => setG(c, i, (load8(c, i) << 24) >> 24);
const movsx16 = (c: Cpu, i: Insn) => setG(c, i, (load16(c, i) << 16) >> 16);
const lea = (c: Cpu, i: Insn) => setG(c, i, c.ea(i));

function xchgEG(c: Cpu, i: Insn): void {
  const v = getForUpdate(c, i);
  setE(c, i, getG(c, i));
  setG(c, i, v);
}

function xchgAR(c: Cpu, i: Insn): void {
  const v = getG(c, i);
  setG(c, i, c.getReg(EAX, i.size));
  c.setReg(EAX, i.size, v);
}

const cmov = (c: Cpu, i: Insn) => {
  const v = getE(c, i);
  if (c.condition(i.op)) setG(c, i, v);
};
const setcc = (c: Cpu, i: Insn) => setE(c, i, c.condition(i.op) ? 1 : 0);

const pushR = (c: Cpu, i: Insn) => c.push(getG(c, i), i.o32);
const pushE = (c: Cpu, i: Insn) => c.push(getE(c, i), i.o32);
const pushI = (c: Cpu, i: Insn) => c.push(i.imm, i.o32);
const popR = (c: Cpu, i: Insn) => setG(c, i, c.pop(i.o32));

/** POP r/m computes its address after ESP has moved; ESP is put back if the store faults. */
function popE(c: Cpu, i: Insn): void {
  const before = c.esp;
  const v = c.pop(i.o32);
  if (i.isReg) return setE(c, i, v);
  const after = c.esp;
  const at = c.ea(i);
  c.esp = before;
  c.store(i.seg, at, i.size, v);
  c.esp = after;
}

/** A fault leaves ESP as it was, with the registers before it in memory, as silicon does. */
function pusha(c: Cpu, i: Insn): void {
  const size = i.o32 ? 4 : 2;
  const esp = c.esp;
  const top = c.stackTop;
  const at = (n: number) => (c.bigStack ? (top - n * size) | 0 : (top - n * size) & 0xffff);
  for (let r = 0; r < 8; r++) c.store(SS_, at(r + 1), size, r === ESP ? esp : c.r32[r]);
  c.setStackTop(at(8));
}

/** A fault leaves ESP as it was, with the registers before it popped, as silicon does. */
function popa(c: Cpu, i: Insn): void {
  const size = i.o32 ? 4 : 2;
  const top = c.stackTop;
  const at = (n: number) => (c.bigStack ? (top + n * size) | 0 : (top + n * size) & 0xffff);
  for (let n = 0; n < 8; n++) {
    const v = c.load(SS_, at(n), size);
    if (7 - n === ESP) continue;
    if (i.o32) c.r32[7 - n] = v;
    else c.r16[(7 - n) * 2] = v;
  }
  c.setStackTop(at(8));
}

function enter(c: Cpu, i: Insn): void {
  const size = i.o32 ? 4 : 2;
  const level = i.imm2 & 31;
  const esp = c.esp;
  const ebp = c.r32[EBP];
  try {
    c.push(ebp, i.o32);
    const frame = c.esp;
    let link = ebp;
    for (let n = 1; n < level; n++) {
      link = (link - size) | 0;
      c.push(c.load(SS_, c.bigStack ? link : link & 0xffff, size), i.o32);
    }
    if (level > 0) c.push(frame, i.o32);
    const top = (c.stackTop - (i.imm & 0xffff)) | 0;
    c.loadForWrite(SS_, c.bigStack ? top : top & 0xffff, size);
    c.setStackTop(c.bigStack ? top : top & 0xffff);
    c.setReg(i.o32 ? EBP : EBP * 2, size, frame);
  } catch (fault) {
    c.esp = esp;
    throw fault;
  }
}

export function leave(c: Cpu, i: Insn): void {
  const top = c.bigStack ? c.r32[EBP] : c.r16[EBP * 2];
  const size = i.o32 ? 4 : 2;
  const v = c.load(SS_, top, size);
  c.setStackTop((top + size) | 0);
  c.setReg(i.o32 ? EBP : EBP * 2, size, v);
}

const cbw = (c: Cpu, i: Insn) => {
  if (i.o32) c.r32[EAX] = (c.r32[EAX] << 16) >> 16;
  else c.r16[EAX] = (c.r8[EAX] << 24) >> 24;
};
const cwd = (c: Cpu, i: Insn) => {
  if (i.o32) c.r32[EDX] = c.r32[EAX] >> 31;
  else c.r16[EDX * 2] = (c.r16[EAX] << 16) >> 31;
};
const bswap = (c: Cpu, i: Insn) => {
  const v = c.r32[i.reg];
  c.r32[i.reg] = (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
};
const bswap16 = (c: Cpu, i: Insn) => setG(c, i, 0);
const xlat = (c: Cpu, i: Insn) => {
  const offset = (c.r32[3] + c.r8[EAX]) | 0;
  c.r8[EAX] = c.load8(i.seg, i.a32 ? offset : offset & 0xffff);
};

const lahf = (c: Cpu) => {
  c.r8[AH] = c.eflags;
};
const sahf = (c: Cpu) => {
  const of = c.of;
  c.setArithmetic((c.r8[AH] & (SF | ZF | AF | PF | CF)) | (of << 11));
};

/** In virtual-8086 mode PUSHF and POPF need IOPL 3 (SDM vol. 3, 20.2.7). */
function requireFlagsAccess(c: Cpu): void {
  if (c.virtual8086) c.requireIopl();
}

/** PUSHF: VM and RF are pushed as 0. */
function pushf(c: Cpu, i: Insn): void {
  requireFlagsAccess(c);
  c.push(c.eflags & ~(VM | RF), i.o32);
}

/** POPF: IOPL only at CPL 0, IF only at CPL ≤ IOPL; VM and RF stay. */
function popf(c: Cpu, i: Insn): void {
  requireFlagsAccess(c);
  const v = c.pop(i.o32);
  let mask = CF | PF | AF | ZF | SF | TF | DF | OF | NT;
  if (i.o32) mask |= AC_FLAG | ID;
  if (c.cpl === 0) mask |= IOPL;
  if (c.cpl <= c.iopl) mask |= IF;
  c.eflags = ((c.eflags & ~mask) | (v & mask)) & ~RF;
  c.eip = i.next;
}

const OSZAPC = 'OSZAPC';
const hex = (n: number) => n.toString(16).padStart(2, '0');

export const dataRows: Row[] = [
  row('88 /r', 'MOV r/m8, r8', 'mov', movEG),
  ...both('89 /r', 'MOV r/mv, rv', 'mov', movEG),
  row('8A /r', 'MOV r8, r/m8', 'mov', movGE),
  ...both('8B /r', 'MOV rv, r/mv', 'mov', movGE),
  row('A0 moffs', 'MOV AL, moffs8', 'mov', movAO),
  row('o16 A1 moffs', 'MOV AX, moffs16', 'mov', movAO),
  row('o32 A1 moffs', 'MOV EAX, moffs32', 'mov', movAO),
  row('A2 moffs', 'MOV moffs8, AL', 'mov', movOA),
  row('o16 A3 moffs', 'MOV moffs16, AX', 'mov', movOA),
  row('o32 A3 moffs', 'MOV moffs32, EAX', 'mov', movOA),
  row('B0 +r ib', 'MOV r8, imm8', 'mov', movRI),
  ...both('B8 +r iz', 'MOV rv, immv', 'mov', movRI),
  row('C6 /0 ib', 'MOV r/m8, imm8', 'mov', movEI),
  ...both('C7 /0 iz', 'MOV r/mv, immv', 'mov', movEI),
  ...both('0F B6 /r', 'MOVZX rv, r/m8', 'mov', movzx8),
  ...both('0F B7 /r', 'MOVZX rv, r/m16', 'mov', movzx16),
  ...both('0F BE /r', 'MOVSX rv, r/m8', 'mov', movsx8),
  ...both('0F BF /r', 'MOVSX rv, r/m16', 'mov', movsx16),
  ...both('8D /r m', 'LEA rv, m', 'lea', lea),
  row('86 /r', 'XCHG r/m8, r8', 'xchg', xchgEG, { lock: true }),
  ...both('87 /r', 'XCHG r/mv, rv', 'xchg', xchgEG, { lock: true }),
  ...both('90 +r', 'XCHG rv, eAX', 'xchg', xchgAR, { note: '90 is NOP' }),
  ...CONDITIONS.flatMap(({ name, reads }, op) => [
    ...both(`0F ${hex(0x40 + op)} /r`, `CMOV${name} rv, r/mv`, 'cmov', cmov, { op, reads }),
    row(`0F ${hex(0x90 + op)} /r`, `SET${name} r/m8`, 'setcc', setcc, { op, reads }),
  ]),
  ...both('50 +r', 'PUSH rv', 'push', pushR),
  ...both('58 +r', 'POP rv', 'pop', popR),
  ...both('FF /6', 'PUSH r/mv', 'push', pushE),
  ...both('8F /0', 'POP r/mv', 'pop', popE),
  ...both('68 iz', 'PUSH immv', 'push', pushI),
  ...both('6A ibs', 'PUSH imm8', 'push', pushI),
  row('60', 'PUSHA', 'pusha', pusha),
  row('61', 'POPA', 'popa', popa),
  row('C8 iw+ib', 'ENTER imm16, imm8', 'enter', enter),
  row('C9', 'LEAVE', 'leave', leave),
  row('98', 'CBW/CWDE', 'alu', cbw),
  row('99', 'CWD/CDQ', 'alu', cwd),
  row('o32 0F C8 +r', 'BSWAP r32', 'bswap', bswap),
  row('o16 0F C8 +r', 'BSWAP r16', 'bswap', bswap16, {
    note: 'undefined by the manual; the processors at hand clear it',
  }),
  row('D7', 'XLATB', 'mov', xlat),
  row('9F', 'LAHF', 'lahf', lahf, { reads: 'SZAPC' }),
  row('9E', 'SAHF', 'lahf', sahf, { writes: 'SZAPC' }),
  row('9C', 'PUSHF', 'pushf', pushf, { reads: `${OSZAPC}DIT` }),
  row('9D', 'POPF', 'popf', popf, { writes: `${OSZAPC}DIT`, ends: true }),
];
