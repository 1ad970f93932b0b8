/**
 * Which flags a vector leaves undefined: the row's own letters and, for shifts and rotates, what depends on the
 * count. SDM vol. 2, "Flags Affected" of SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR and SHLD, SHRD.
 */
import type { Row } from '../../emu/cpu/row.ts';
import { parseEncoding } from './encoding.ts';
import type { Vector } from './format.ts';

const BIT: Readonly<Record<string, number>> = {
  C: 0x1,
  P: 0x4,
  A: 0x10,
  Z: 0x40,
  S: 0x80,
  T: 0x100,
  I: 0x200,
  D: 0x400,
  O: 0x800,
};
const CF = BIT.C;
const OF = BIT.O;
const AF = BIT.A;
const ARITHMETIC = 0x8d5;
const ECX = 1;

/** EFLAGS bits for letters of OSZAPCDIT. */
export function flagBits(letters: string): number {
  let bits = 0;
  for (const letter of letters) bits |= BIT[letter];
  return bits;
}

/** The count that a shift or rotate uses, masked to five bits; -1 for other instructions. */
function shiftCount(opcode: string, v: Vector): number {
  const immediate = v.code[v.code.length - 1] & 31;
  const cl = v.regs[ECX] & 31;
  if (opcode === 'c0' || opcode === 'c1' || opcode === '0fa4' || opcode === '0fac') return immediate;
  if (opcode === 'd0' || opcode === 'd1') return 1;
  if (opcode === 'd2' || opcode === 'd3' || opcode === '0fa5' || opcode === '0fad') return cl;
  return -1;
}

/** Mask of the EFLAGS bits that may differ after `v`, an instruction of `row` that ran without a fault. */
export function undefinedFlags(row: Pick<Row, 'enc' | 'form' | 'undef'>, v: Vector): number {
  const e = parseEncoding(row.enc);
  const [opcode, digit] = e.key.split('/');
  const count = shiftCount(opcode, v);
  if (count < 0) return flagBits(row.undef);
  if (count === 0) return 0;
  const bits = /^[cd][02]$/.test(opcode) ? 8 : e.size === 16 || (!e.size && v.code.includes(0x66)) ? 16 : 32;
  if (opcode.startsWith('0f')) return count > bits ? ARITHMETIC : AF | (count > 1 ? OF : 0);
  if (Number(digit) < 4) return count > 1 ? OF : 0;
  const arithmeticRight = digit === '7';
  return AF | (count > 1 ? OF : 0) | (count >= bits && !arithmeticRight ? CF : 0);
}
