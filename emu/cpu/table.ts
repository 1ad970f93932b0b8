/**
 * The instruction table: all rows, compiled into the maps that the decoder indexes. Building it checks it: two
 * rows for one encoding, or a row that cannot be understood, throw at start-up. A missing row decodes to #UD.
 */
import type { CostClass } from '../profile/profile.ts';
import type { Row } from './row.ts';
import { arithRows } from './rows/arith.ts';
import { bcdRows } from './rows/bcd.ts';
import { bitRows } from './rows/bit.ts';
import { controlRows } from './rows/control.ts';
import { dataRows } from './rows/data.ts';
import { farRows } from './rows/far.ts';
import { fpuRows } from './rows/fpu.ts';
import { hintRows } from './rows/hint.ts';
import { segmentRows } from './rows/segment.ts';
import { shiftRows } from './rows/shift.ts';
import { stringRows } from './rows/string.ts';
import { systemRows } from './rows/system.ts';
import { verifyRows } from './rows/verify.ts';

export const allRows: readonly Row[] = [
  ...arithRows,
  ...shiftRows,
  ...dataRows,
  ...bitRows,
  ...stringRows,
  ...controlRows,
  ...segmentRows,
  ...farRows,
  ...fpuRows,
  ...systemRows,
  ...bcdRows,
  ...verifyRows,
  ...hintRows,
];

/** What the memory operand of a row does, for its cost. */
export type MemoryUse = 'none' | 'load' | 'store' | 'update';

/** A row with everything that its text says worked out for the decoder. */
export interface Template {
  row: Row;
  modrm: boolean;
  /** ModRM.rm is a register whatever mod says. */
  alwaysRegister: boolean;
  /** The register is in the opcode's low three bits. */
  plusR: boolean;
  immediates: readonly string[];
  /** An instruction of the FPU: it wants its opcode and ModRM in `Insn.imm`. */
  escape: boolean;
  /** Operand size in bytes of register and r/m operands, and of the instruction. */
  regSize: number;
  rmSize: number;
  size: number;
  memory: MemoryUse;
  cost: CostClass;
}

/** One opcode of a map: a template, or templates by /digit, apart for memory and register operands. */
export interface Slot {
  any: Template | null;
  memory: (Template | null)[];
  register: (Template | null)[];
  /** An escape opcode's register operands, by the low six bits of ModRM. */
  second: (Template | null)[] | null;
}

const IMMEDIATES = new Set(['ib', 'ibs', 'iw', 'iz', 'iw+ib', 'moffs', 'far', 'rel8', 'relz']);
const READS_FIRST = /^(CMP|TEST|PUSH|MUL|DIV|IDIV|JMP|CALL|BT|LLDT|LTR|LMSW|LGDT|LIDT|VERR|VERW)$/;
const WRITES_FIRST = /^(MOV|SET\w+|POP|SGDT|SIDT|SLDT|STR|SMSW)$/;
const NO_ACCESS = /^(NOP|LEA|INVLPG)$/;
/** x87: what stores; other memory operands are loads, and a whole state or environment is in its row's cost. */
const FPU_STORES = /^(FI?STP?|FBSTP|FNSTCW|FNSTSW)$/;
const FPU_STATE = /^(FLDENV|FNSTENV|FRSTOR|FNSAVE)$/;
const STRING = /^(MOVS|CMPS|STOS|LODS|SCAS|INS|OUTS)$/;

function sizeOf(operand: string): number {
  const m = /^(?:r\/m|r|m|moffs)(8|16|32)$/.exec(operand);
  if (m) return Number(m[1]) / 8;
  if (operand === 'AL') return 1;
  if (operand === 'AX') return 2;
  if (operand === 'EAX') return 4;
  return 0;
}

function operandsOf(form: string): { mnemonic: string; operands: string[] } {
  const space = form.indexOf(' ');
  if (space < 0) return { mnemonic: form, operands: [] };
  return { mnemonic: form.slice(0, space), operands: form.slice(space + 1).split(', ') };
}

function memoryUse(mnemonic: string, operands: string[]): MemoryUse {
  const at = operands.findIndex(o => /^(r\/m|m|moffs)/.test(o));
  if (at === 0 && FPU_STATE.test(mnemonic)) return 'none';
  if (at === 0 && mnemonic.startsWith('F')) return FPU_STORES.test(mnemonic) ? 'store' : 'load';
  if (at < 0 || NO_ACCESS.test(mnemonic) || STRING.test(mnemonic)) return 'none';
  if (
    at > 0 ||
    READS_FIRST.test(mnemonic) ||
    ((mnemonic === 'IMUL' || mnemonic === 'MUL') && operands.length === 1)
  )
    return 'load';
  return WRITES_FIRST.test(mnemonic) ? 'store' : 'update';
}

/** D8 to DF, the opcodes of the FPU: their second byte is a ModRM, whatever it names. */
function isEscape(tokens: readonly string[]): boolean {
  return /^D[89A-F]$/.test(tokens[0]);
}

function compile(row: Row, bits: 16 | 32): Template {
  const { mnemonic, operands } = operandsOf(row.form);
  const tokens = row.enc.split(' ');
  const whole = bits / 8;
  const rm = operands.find(o => /^(r\/m|m)(8|16|32)$/.test(o));
  const reg = operands.find(o => /^r(8|16|32)$/.test(o));
  const sized = operands.map(sizeOf).find(n => n > 0);
  return {
    row,
    modrm: tokens.some(t => t.startsWith('/')) || isEscape(tokens),
    alwaysRegister: tokens.includes('R'),
    plusR: tokens.includes('+r'),
    immediates: tokens.filter(t => IMMEDIATES.has(t)),
    escape: isEscape(tokens),
    regSize: reg ? sizeOf(reg) : (sized ?? whole),
    rmSize: rm ? sizeOf(rm) : (sized ?? whole),
    size: sized ?? whole,
    memory: memoryUse(mnemonic, operands),
    cost: row.cost,
  };
}

/** The second byte of an escape opcode, or the first of eight that name ST(i). */
const SECOND = /^[C-F][0-9A-F](\+i)?$/;

function emptyMap(): Slot[] {
  return Array.from({ length: 256 }, () => ({
    any: null,
    memory: new Array<Template | null>(8).fill(null),
    register: new Array<Template | null>(8).fill(null),
    second: null,
  }));
}

/** The maps by operand size and first byte: [16-bit, 32-bit] × [one byte, 0F]. */
export type Maps = readonly [readonly Slot[], readonly Slot[]];

function place(map: Slot[], opcode: number, t: Template): void {
  const tokens = t.row.enc.split(' ');
  const digit = tokens.find(token => /^\/[0-7]$/.test(token));
  const slot = map[opcode];
  const second = isEscape(tokens) ? tokens.slice(1).find(token => SECOND.test(token)) : undefined;
  const clash = () => new Error(`two rows for ${t.row.enc} (${t.row.form})`);
  if (second) {
    if (slot.any || slot.register.some(Boolean)) throw clash();
    slot.second ??= new Array<Template | null>(64).fill(null);
    const first = Number.parseInt(second, 16) & 63;
    for (let n = first; n < first + (second.endsWith('+i') ? 8 : 1); n++) {
      if (slot.second[n]) throw clash();
      slot.second[n] = t;
    }
    return;
  }
  if (!digit && !tokens.includes('m') && !tokens.includes('r')) {
    if (slot.any || slot.second || slot.memory.some(Boolean) || slot.register.some(Boolean)) throw clash();
    slot.any = t;
    return;
  }
  if (slot.any) throw clash();
  const digits = digit ? [Number(digit[1])] : [0, 1, 2, 3, 4, 5, 6, 7];
  for (const d of digits) {
    if (!tokens.includes('r')) {
      if (slot.memory[d]) throw clash();
      slot.memory[d] = t;
    }
    if (!tokens.includes('m')) {
      if (slot.register[d] || slot.second) throw clash();
      slot.register[d] = t;
    }
  }
}

function build(bits: 16 | 32): Maps {
  const one = emptyMap();
  const two = emptyMap();
  for (const row of allRows) {
    const tokens = row.enc.split(' ');
    const bound = tokens[0] === 'o16' ? 16 : tokens[0] === 'o32' ? 32 : 0;
    if (bound !== 0 && bound !== bits) continue;
    const bytes = tokens
      .slice(bound ? 1 : 0)
      .filter(t => /^[0-9A-Fa-f]{2}$/.test(t))
      .map(t => Number.parseInt(t, 16));
    const toFpu = isEscape(tokens);
    const unknown = tokens
      .slice(bound ? 1 : 0)
      .filter(
        t =>
          !/^([0-9A-Fa-f]{2}|\/r|\/[0-7]|\+r|m|r|R)$/.test(t) &&
          !(toFpu && SECOND.test(t)) &&
          !IMMEDIATES.has(t),
      );
    const twoBytes = bytes.length === 2 && !toFpu;
    if (unknown.length || bytes.length < 1 || bytes.length > 2 || (twoBytes && bytes[0] !== 0x0f))
      throw new Error(`row ${row.enc} (${row.form}) is not understood`);
    const t = compile(row, bits);
    const map = twoBytes ? two : one;
    const opcode = bytes[twoBytes ? 1 : 0];
    for (let r = 0; r < (t.plusR ? 8 : 1); r++) place(map, opcode + r, t);
  }
  return [one, two];
}

export const maps16: Maps = build(16);
export const maps32: Maps = build(32);
