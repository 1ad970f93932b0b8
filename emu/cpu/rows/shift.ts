/** Shifts, rotates and double shifts. SDM vol. 2: SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD. */
import type { Cpu } from '../cpu.ts';
import { shiftRotate, shld, shrd } from '../exec/alu.ts';
import { getForUpdate, getG, setE } from '../exec/operand.ts';
import type { Insn } from '../insn.ts';
import type { Row } from '../row.ts';
import { both, row } from './kit.ts';

const CL = 4; // byte offset of ECX in the byte view

const shiftImm = (c: Cpu, i: Insn) =>
  setE(c, i, shiftRotate(c, i.op, getForUpdate(c, i), i.imm & 31, i.shift));
const shiftOne = (c: Cpu, i: Insn) => setE(c, i, shiftRotate(c, i.op, getForUpdate(c, i), 1, i.shift));
const shiftCl = (c: Cpu, i: Insn) =>
  setE(c, i, shiftRotate(c, i.op, getForUpdate(c, i), c.r8[CL] & 31, i.shift));
const shldImm = (c: Cpu, i: Insn) => setE(c, i, shld(c, getForUpdate(c, i), getG(c, i), i.imm & 31, i.shift));
const shldCl = (c: Cpu, i: Insn) =>
  setE(c, i, shld(c, getForUpdate(c, i), getG(c, i), c.r8[CL] & 31, i.shift));
const shrdImm = (c: Cpu, i: Insn) => setE(c, i, shrd(c, getForUpdate(c, i), getG(c, i), i.imm & 31, i.shift));
const shrdCl = (c: Cpu, i: Insn) =>
  setE(c, i, shrd(c, getForUpdate(c, i), getG(c, i), c.r8[CL] & 31, i.shift));

const names = ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SAL', 'SAR'];

function group(op: number): Row[] {
  const name = names[op];
  const rotate = op < 4;
  const options = {
    op,
    reads: op === 2 || op === 3 ? 'C' : '',
    writes: rotate ? 'OC' : 'OSZPC',
    undef: rotate ? '' : 'A',
    note: 'a masked count of 0 changes no flag; OF is defined for count 1 only; CF beyond the size is undefined',
  };
  const byCarry = op === 2 || op === 3;
  const one = byCarry ? 'rotateCarry' : 'shift';
  const cl = byCarry ? 'rotateCarry' : 'shiftCl';
  return [
    row(`C0 /${op} ib`, `${name} r/m8, imm8`, one, shiftImm, options),
    ...both(`C1 /${op} ib`, `${name} r/mv, imm8`, one, shiftImm, options),
    row(`D0 /${op}`, `${name} r/m8, 1`, one, shiftOne, options),
    ...both(`D1 /${op}`, `${name} r/mv, 1`, one, shiftOne, options),
    row(`D2 /${op}`, `${name} r/m8, CL`, cl, shiftCl, options),
    ...both(`D3 /${op}`, `${name} r/mv, CL`, cl, shiftCl, options),
  ];
}

const double = {
  writes: 'OSZPC',
  undef: 'A',
  note: 'as shifts; a count above the operand size is undefined',
};

export const shiftRows: Row[] = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(group),
  ...both('0F A4 /r ib', 'SHLD r/mv, rv, imm8', 'doubleShift', shldImm, double),
  ...both('0F A5 /r', 'SHLD r/mv, rv, CL', 'doubleShift', shldCl, double),
  ...both('0F AC /r ib', 'SHRD r/mv, rv, imm8', 'doubleShift', shrdImm, double),
  ...both('0F AD /r', 'SHRD r/mv, rv, CL', 'doubleShift', shrdCl, double),
];
