/**
 * Decimal adjustment: AAA, AAS, AAM, AAD, DAA, DAS. SDM vol. 2, the instructions' pages.
 *
 * Flags that the manual leaves undefined are as the CPU of the corpus has them: those of the addition or subtraction
 * that is made, of AX before AL is masked for AAA and AAS; AAM clears OF, AF and CF.
 */
import { DE } from '../../mmu/fault.ts';
import type { Cpu } from '../cpu.ts';
import type { Insn } from '../insn.ts';
import { AF, CF } from '../registers.ts';
import { add, logic, sub } from './alu.ts';

const AX = 0;
const AL = 0;
const AH = 1;
// Shifts of byte and word operands in alu.ts.
const BYTE = 24;
const WORD = 16;

/** Puts CF and AF in place of those that the last result left; OF stays. */
function setCarries(c: Cpu, carries: number): void {
  c.setArithmetic((c.eflags & ~(CF | AF)) | carries);
}

/** AAA and AAS: op is 1 or -1. */
export function asciiAdjust(c: Cpu, i: Insn): void {
  const adjust = (c.r8[AL] & 15) > 9 || c.af !== 0;
  const by = adjust ? 0x106 : 0;
  c.r16[AX] = i.op > 0 ? add(c, c.r16[AX], by, WORD) : sub(c, c.r16[AX], by, WORD);
  c.r8[AL] &= 15;
  setCarries(c, adjust ? CF | AF : 0);
}

/** DAA and DAS: op is 1 or -1. */
export function decimalAdjust(c: Cpu, i: Insn): void {
  const al = c.r8[AL];
  let carries = 0;
  let by = 0;
  if ((al & 15) > 9 || c.af) {
    by = 6;
    carries = AF;
    // Subtracting 6 may borrow by itself.
    if (i.op < 0 && al < 6) carries |= CF;
  }
  if (al > 0x99 || c.cf) {
    by += 0x60;
    carries |= CF;
  }
  c.r8[AL] = i.op > 0 ? add(c, al, by, BYTE) : sub(c, al, by, BYTE);
  setCarries(c, carries);
}

export function aam(c: Cpu, i: Insn): void {
  const base = i.imm & 0xff;
  if (base === 0) c.raise(DE);
  const al = c.r8[AL];
  c.r8[AH] = al / base;
  c.r8[AL] = al % base;
  logic(c, al % base, BYTE);
}

export function aad(c: Cpu, i: Insn): void {
  c.r16[AX] = add(c, c.r8[AL], c.r8[AH] * i.imm, BYTE) & 0xff;
}

/** SALC: AL is all ones if CF is set, else 0; no flags. */
export function salc(c: Cpu): void {
  c.r8[AL] = -c.cf;
}
