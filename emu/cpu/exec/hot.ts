/**
 * The interpreter's inner loop. The commonest instruction forms (32-bit operands and addresses, some bytes) are
 * cases of one switch, which V8 compiles to a jump table with the register file at hand; every other instruction
 * is called through its row's executor. A case says exactly what its row's executor says: the corpus of
 * test/silicon runs through here, and test/emu/cpu/hot.test.ts holds both against each other.
 *
 * Case labels are literals because only those make a jump table. FORMS below gives each form its case. A source
 * that is a register or an immediate is `r32[src] + value`: of the two, the absent one is zero.
 */
import type { Block } from '../blocks.ts';
import type { Cpu } from '../cpu.ts';
import { type Insn, NO_REGISTER } from '../insn.ts';
import { callE, jmpE } from '../rows/control.ts';
import { leave } from '../rows/data.ts';
import { multiplyFlags, shiftRotate, sub } from './alu.ts';

// Of cpu.ts: where the lazy flags are; the bits of a carry vector that count.
const RES = 10;
const AUX = 11;
const CARRIES = 0xc000_0008 | 0;
const SS = 2;
const EAX = 0;
const EIP = 9;
const BYTE = 24; // shift of byte operands in alu.ts

/** What the loop tells the engine: where it is, and that work is due before an instruction (Insn.pre). */
export interface Cursor {
  position: number;
  before(b: Block, k: number): void;
}

/** Runs the first `n` instructions of a block. Throws what they throw; `cursor.position` says which. */
export function runInsns(cursor: Cursor, c: Cpu, b: Block, n: number): void {
  const r = c.r32;
  const insns = b.insns;
  /** A conditional jump, always a block's last: 1 taken, 0 not taken. */
  let taken = -1;
  for (let k = 0; k < n; k++) {
    // Read anew each time: a block that is overwritten while it runs turns into stops.
    const i = insns[k];
    cursor.position = k;
    switch (i.kind) {
      case 1: // MOV r, r/imm
        r[i.dst] = r[i.src] + i.value;
        break;
      case 2: // MOV r, [m]
        r[i.dst] = c.load32(i.seg, ea(r, i));
        break;
      case 3: // MOV [m], r/imm
        c.store32(i.seg, ea(r, i), (r[i.src] + i.value) | 0);
        break;
      case 4: // MOV [m8], r8
        c.store8(i.seg, ea(r, i), c.r8[i.src]);
        break;
      case 5: // MOV [m8], imm8
        c.store8(i.seg, ea(r, i), i.value);
        break;
      case 6: // MOV r8, [m8]
        c.r8[i.dst] = c.load8(i.seg, ea(r, i));
        break;
      case 7: // MOV r8, r8
        c.r8[i.dst] = c.r8[i.src];
        break;
      case 8: // MOVZX r, [m8]
        r[i.dst] = c.load8(i.seg, ea(r, i));
        break;
      case 9: // MOVZX r, r8
        r[i.dst] = c.r8[i.src];
        break;
      case 10: // MOVZX r, [m16]
        r[i.dst] = c.load16(i.seg, ea(r, i));
        break;
      case 11: // MOVZX r, r16
        r[i.dst] = c.r16[i.src];
        break;
      case 12: // MOVSX r, [m8]
        r[i.dst] = (c.load8(i.seg, ea(r, i)) << 24) >> 24;
        break;
      case 13: // MOVSX r, r8
        r[i.dst] = (c.r8[i.src] << 24) >> 24;
        break;
      case 14: // MOVSX r, [m16]
        r[i.dst] = (c.load16(i.seg, ea(r, i)) << 16) >> 16;
        break;
      case 15: // MOVSX r, r16
        r[i.dst] = (c.r16[i.src] << 16) >> 16;
        break;
      case 16: // LEA r, m
        r[i.dst] = ea(r, i);
        break;
      case 17: {
        // XCHG r, EAX
        const v = r[i.dst];
        r[i.dst] = r[EAX];
        r[EAX] = v;
        break;
      }
      case 18: // MOV [m16], r16
        c.store16(i.seg, ea(r, i), c.r16[i.src]);
        break;

      case 20: // ADD r, r/imm
        r[i.dst] = add(r, r[i.dst], (r[i.src] + i.value) | 0);
        break;
      case 21: // OR r, r/imm
        r[i.dst] = logic(r, r[i.dst] | (r[i.src] + i.value));
        break;
      case 22: // AND r, r/imm
        r[i.dst] = logic(r, r[i.dst] & (r[i.src] + i.value));
        break;
      case 23: // SUB r, r/imm
        r[i.dst] = subtract(r, r[i.dst], (r[i.src] + i.value) | 0);
        break;
      case 24: // XOR r, r/imm
        r[i.dst] = logic(r, r[i.dst] ^ (r[i.src] + i.value));
        break;
      case 25: // CMP r, r/imm
        subtract(r, r[i.dst], (r[i.src] + i.value) | 0);
        break;
      case 26: // TEST r, r/imm
        logic(r, r[i.dst] & (r[i.src] + i.value));
        break;
      case 27: // ADD r, [m]
        r[i.dst] = add(r, r[i.dst], c.load32(i.seg, ea(r, i)));
        break;
      case 28: // OR r, [m]
        r[i.dst] = logic(r, r[i.dst] | c.load32(i.seg, ea(r, i)));
        break;
      case 29: // AND r, [m]
        r[i.dst] = logic(r, r[i.dst] & c.load32(i.seg, ea(r, i)));
        break;
      case 30: // SUB r, [m]
        r[i.dst] = subtract(r, r[i.dst], c.load32(i.seg, ea(r, i)));
        break;
      case 31: // XOR r, [m]
        r[i.dst] = logic(r, r[i.dst] ^ c.load32(i.seg, ea(r, i)));
        break;
      case 32: // CMP r, [m]
        subtract(r, r[i.dst], c.load32(i.seg, ea(r, i)));
        break;
      case 33: // CMP [m], r/imm
        subtract(r, c.load32(i.seg, ea(r, i)), (r[i.src] + i.value) | 0);
        break;
      case 34: // TEST [m], r/imm
        logic(r, c.load32(i.seg, ea(r, i)) & (r[i.src] + i.value));
        break;

      // Updates of memory: loadForWrite raises the store's faults, so that flags are set when nothing can fault.
      case 35: {
        // ADD [m], r/imm
        const at = ea(r, i);
        const v = c.loadForWrite(i.seg, at, 4);
        c.store32(i.seg, at, add(r, v, (r[i.src] + i.value) | 0));
        break;
      }
      case 36: {
        // OR [m], r/imm
        const at = ea(r, i);
        const v = c.loadForWrite(i.seg, at, 4);
        c.store32(i.seg, at, logic(r, v | (r[i.src] + i.value)));
        break;
      }
      case 37: {
        // AND [m], r/imm
        const at = ea(r, i);
        const v = c.loadForWrite(i.seg, at, 4);
        c.store32(i.seg, at, logic(r, v & (r[i.src] + i.value)));
        break;
      }
      case 38: {
        // SUB [m], r/imm
        const at = ea(r, i);
        const v = c.loadForWrite(i.seg, at, 4);
        c.store32(i.seg, at, subtract(r, v, (r[i.src] + i.value) | 0));
        break;
      }
      case 39: {
        // XOR [m], r/imm
        const at = ea(r, i);
        const v = c.loadForWrite(i.seg, at, 4);
        c.store32(i.seg, at, logic(r, v ^ (r[i.src] + i.value)));
        break;
      }
      case 40: {
        // INC [m]
        const at = ea(r, i);
        c.store32(i.seg, at, increment(r, c.loadForWrite(i.seg, at, 4)));
        break;
      }
      case 41: {
        // DEC [m]
        const at = ea(r, i);
        c.store32(i.seg, at, decrement(r, c.loadForWrite(i.seg, at, 4)));
        break;
      }

      case 42: // INC r
        r[i.dst] = increment(r, r[i.dst]);
        break;
      case 43: // DEC r
        r[i.dst] = decrement(r, r[i.dst]);
        break;
      case 44: // SHL r, imm
        r[i.dst] = shiftLeft(r, r[i.dst], i.value);
        break;
      case 45: // SHR r, imm
        r[i.dst] = shiftRight(r, r[i.dst], i.value);
        break;
      case 46: // SAR r, imm
        r[i.dst] = shiftRotate(c, 7, r[i.dst], i.value, 0);
        break;
      case 47: // ROL r, imm
        r[i.dst] = shiftRotate(c, 0, r[i.dst], i.value, 0);
        break;
      case 48: // IMUL r, r
        r[i.dst] = multiply(c, r[i.dst], r[i.src]);
        break;
      case 49: // IMUL r, [m]
        r[i.dst] = multiply(c, r[i.dst], c.load32(i.seg, ea(r, i)));
        break;
      case 50: // IMUL r, r, imm
        r[i.dst] = multiply(c, r[i.src], i.imm);
        break;
      case 51: // IMUL r, [m], imm
        r[i.dst] = multiply(c, c.load32(i.seg, ea(r, i)), i.imm);
        break;
      case 52: // CMP r8, imm8
        sub(c, c.r8[i.dst], i.value, BYTE);
        break;
      case 53: // TEST r8, imm8
        logic(r, ((c.r8[i.dst] & i.value) << 24) >> 24);
        break;
      case 54: // CMP [m8], imm8
        sub(c, c.load8(i.seg, ea(r, i)), i.value, BYTE);
        break;
      case 55: // TEST [m8], imm8
        logic(r, ((c.load8(i.seg, ea(r, i)) & i.value) << 24) >> 24);
        break;
      case 56: // CMP r8, r8
        sub(c, c.r8[i.dst], c.r8[i.src], BYTE);
        break;
      case 57: // TEST r8, r8
        logic(r, ((c.r8[i.dst] & c.r8[i.src]) << 24) >> 24);
        break;
      case 58: // SETcc r8
        c.r8[i.dst] = c.condition(i.op) ? 1 : 0;
        break;
      case 59: // CMOVcc r, r
        if (c.condition(i.op)) r[i.dst] = r[i.src];
        break;
      case 60: {
        // CMOVcc r, [m]: the load happens whatever the condition
        const v = c.load32(i.seg, ea(r, i));
        if (c.condition(i.op)) r[i.dst] = v;
        break;
      }

      case 61: // PUSH r/imm
        c.push32((r[i.src] + i.value) | 0);
        break;
      case 62: // PUSH [m]
        c.push32(c.load32(i.seg, ea(r, i)));
        break;
      case 63: // POP r
        r[i.dst] = c.pop32();
        break;
      case 64: // LEAVE
        leave(c, i);
        break;
      case 65: // CALL rel
        c.checkCall(i.imm, 4);
        c.push32(i.next);
        r[EIP] = i.imm;
        c.predictor.call(i.next);
        break;
      case 66: // CALL r/m
        callE(c, i);
        break;
      case 67: {
        // RET
        const top = c.stackTop;
        const target = c.load32(SS, top);
        c.checkTarget(target);
        c.setStackTop((top + 4) | 0);
        r[EIP] = target;
        if (c.predictor.return(target)) c.mispredicted();
        break;
      }
      case 68: // JMP rel
        c.jump(i.imm);
        break;
      case 69: // JMP r/m
        jmpE(c, i);
        break;

      // Jcc by condition code: SF ≠ OF is the sign of `less`.
      case 70:
        taken = (r[AUX] ^ (r[AUX] << 1)) < 0 ? 1 : 0;
        break;
      case 71:
        taken = (r[AUX] ^ (r[AUX] << 1)) < 0 ? 0 : 1;
        break;
      case 72:
        taken = r[AUX] < 0 ? 1 : 0;
        break;
      case 73:
        taken = r[AUX] < 0 ? 0 : 1;
        break;
      case 74:
        taken = r[RES] === 0 ? 1 : 0;
        break;
      case 75:
        taken = r[RES] === 0 ? 0 : 1;
        break;
      case 76:
        taken = r[AUX] < 0 || r[RES] === 0 ? 1 : 0;
        break;
      case 77:
        taken = r[AUX] < 0 || r[RES] === 0 ? 0 : 1;
        break;
      case 78:
        taken = (r[RES] >>> 31) ^ (r[AUX] & 1);
        break;
      case 79:
        taken = (r[RES] >>> 31) ^ (r[AUX] & 1) ^ 1;
        break;
      case 80:
        taken = c.pf;
        break;
      case 81:
        taken = c.pf ^ 1;
        break;
      case 82:
        taken = less(r);
        break;
      case 83:
        taken = less(r) ^ 1;
        break;
      case 84:
        taken = r[RES] === 0 ? 1 : less(r);
        break;
      case 85:
        taken = r[RES] === 0 ? 0 : less(r) ^ 1;
        break;

      default:
        if (i.pre !== 0) cursor.before(b, k);
        i.exec(c, i);
    }
  }
  if (taken >= 0) c.branch(insns[n - 1], taken === 1);
}

/** The memory operand's offset in its segment, for 32-bit addresses. */
function ea(r: Int32Array, i: Insn): number {
  return (r[i.base] + (r[i.index] << i.scale) + i.disp) | 0;
}

function add(r: Int32Array, a: number, b: number): number {
  const sum = (a + b) | 0;
  r[RES] = sum;
  r[AUX] = ((a & b) | ((a | b) & ~sum)) & CARRIES;
  return sum;
}

function subtract(r: Int32Array, a: number, b: number): number {
  const difference = (a - b) | 0;
  r[RES] = difference;
  r[AUX] = ((~a & b) | ((~a | b) & difference)) & CARRIES;
  return difference;
}

function logic(r: Int32Array, v: number): number {
  r[RES] = v;
  r[AUX] = 0;
  return v;
}

/** INC and DEC keep CF; OF is set by one result only. */
function increment(r: Int32Array, a: number): number {
  const sum = (a + 1) | 0;
  const cf = r[AUX] >>> 31;
  const of = sum === (0x8000_0000 | 0) ? 1 : 0;
  r[RES] = sum;
  r[AUX] = (cf << 31) | ((cf ^ of) << 30) | (a & ~sum & 8);
  return sum;
}

function decrement(r: Int32Array, a: number): number {
  const difference = (a - 1) | 0;
  const cf = r[AUX] >>> 31;
  const of = a === (0x8000_0000 | 0) ? 1 : 0;
  r[RES] = difference;
  r[AUX] = (cf << 31) | ((cf ^ of) << 30) | (~a & difference & 8);
  return difference;
}

/** SHL and SHR by 1 to 31; OF as in alu.ts. */
function shiftLeft(r: Int32Array, v: number, n: number): number {
  const result = v << n;
  const cf = (v >>> (32 - n)) & 1;
  // Bit 30 of the vector is CF ^ OF, which is the result's sign.
  r[RES] = result;
  r[AUX] = (cf << 31) | ((result >>> 31) << 30);
  return result;
}

function shiftRight(r: Int32Array, v: number, n: number): number {
  const result = v >>> n;
  const cf = (v >>> (n - 1)) & 1;
  const of = (result >>> 30) & 1;
  r[RES] = result;
  r[AUX] = (cf << 31) | ((cf ^ of) << 30);
  return result | 0;
}

/** A product fits when the exact one, rounded to a double, is the low dword. */
function multiply(c: Cpu, a: number, b: number): number {
  const low = Math.imul(a, b);
  multiplyFlags(c, low, a * b !== low);
  return low;
}

/** 1 if SF ≠ OF. */
function less(r: Int32Array): number {
  const aux = r[AUX];
  return (r[RES] ^ (aux << 31) ^ aux ^ (aux << 1)) >>> 31;
}

/** Where a form's destination and source are: ModRM.rm, the register of ModRM.reg or the opcode, or neither. */
export type Place = 'rm' | 'reg' | 'eax' | 'imm' | 'one' | 'none';

/** A form, its case when ModRM.rm is a register (or there is none) and when it is memory; 0: its row's executor. */
export type FormRow = readonly [form: string, register: number, memory: number, dst: Place, src: Place];

const ALU: readonly [name: string, fromRegister: number, fromMemory: number, toMemory: number][] = [
  ['ADD', 20, 27, 35],
  ['OR', 21, 28, 36],
  ['AND', 22, 29, 37],
  ['SUB', 23, 30, 38],
  ['XOR', 24, 31, 39],
  ['CMP', 25, 32, 33],
];
const CONDITIONS = 'O NO B NB E NE BE NBE S NS P NP L NL LE NLE'.split(' ');

export const FORMS: readonly FormRow[] = [
  ['MOV r/m32, r32', 1, 3, 'rm', 'reg'],
  ['MOV r32, r/m32', 1, 2, 'reg', 'rm'],
  ['MOV r32, imm32', 1, 0, 'reg', 'imm'],
  ['MOV r/m32, imm32', 1, 3, 'rm', 'imm'],
  ['MOV EAX, moffs32', 0, 2, 'eax', 'rm'],
  ['MOV moffs32, EAX', 0, 3, 'rm', 'eax'],
  ['MOV r/m8, r8', 7, 4, 'rm', 'reg'],
  ['MOV r/m8, imm8', 0, 5, 'rm', 'imm'],
  ['MOV r8, r/m8', 7, 6, 'reg', 'rm'],
  ['MOVZX r32, r/m8', 9, 8, 'reg', 'rm'],
  ['MOVZX r32, r/m16', 11, 10, 'reg', 'rm'],
  ['MOVSX r32, r/m8', 13, 12, 'reg', 'rm'],
  ['MOVSX r32, r/m16', 15, 14, 'reg', 'rm'],
  ['LEA r32, m', 0, 16, 'reg', 'none'],
  ['XCHG r32, eAX', 17, 0, 'reg', 'none'],
  ...ALU.flatMap(([name, fromRegister, fromMemory, toMemory]): FormRow[] => [
    [`${name} r/m32, r32`, fromRegister, toMemory, 'rm', 'reg'],
    [`${name} r32, r/m32`, fromRegister, fromMemory, 'reg', 'rm'],
    [`${name} EAX, imm32`, fromRegister, 0, 'eax', 'imm'],
    [`${name} r/m32, imm32`, fromRegister, toMemory, 'rm', 'imm'],
    [`${name} r/m32, imm8`, fromRegister, toMemory, 'rm', 'imm'],
  ]),
  ['TEST r/m32, r32', 26, 34, 'rm', 'reg'],
  ['TEST EAX, imm32', 26, 0, 'eax', 'imm'],
  ['TEST r/m32, imm32', 26, 34, 'rm', 'imm'],
  ['INC r32', 42, 0, 'reg', 'none'],
  ['DEC r32', 43, 0, 'reg', 'none'],
  ['INC r/m32', 42, 40, 'rm', 'none'],
  ['DEC r/m32', 43, 41, 'rm', 'none'],
  ...[44, 45, 46, 47].flatMap((kind, n): FormRow[] => [
    [`${['SHL', 'SHR', 'SAR', 'ROL'][n]} r/m32, 1`, kind, 0, 'rm', 'one'],
    [`${['SHL', 'SHR', 'SAR', 'ROL'][n]} r/m32, imm8`, kind, 0, 'rm', 'imm'],
  ]),
  ['IMUL r32, r/m32', 48, 49, 'reg', 'rm'],
  ['IMUL r32, r/m32, imm32', 50, 51, 'reg', 'rm'],
  ['IMUL r32, r/m32, imm8', 50, 51, 'reg', 'rm'],
  ['CMP AL, imm8', 52, 0, 'eax', 'imm'],
  ['CMP r/m8, imm8', 52, 54, 'rm', 'imm'],
  ['CMP r/m8, r8', 56, 0, 'rm', 'reg'],
  ['CMP r8, r/m8', 56, 0, 'reg', 'rm'],
  ['TEST AL, imm8', 53, 0, 'eax', 'imm'],
  ['TEST r/m8, imm8', 53, 55, 'rm', 'imm'],
  ['TEST r/m8, r8', 57, 0, 'rm', 'reg'],
  ['PUSH r32', 61, 0, 'none', 'reg'],
  ['PUSH imm8', 61, 0, 'none', 'imm'],
  ['PUSH imm32', 61, 0, 'none', 'imm'],
  ['PUSH r/m32', 61, 62, 'none', 'rm'],
  ['POP r32', 63, 0, 'reg', 'none'],
  ['LEAVE', 64, 0, 'none', 'none'],
  ['CALL rel32', 65, 0, 'none', 'none'],
  ['CALL r/m32', 66, 66, 'none', 'none'],
  ['RET', 67, 0, 'none', 'none'],
  ['JMP rel8', 68, 0, 'none', 'none'],
  ['JMP rel32', 68, 0, 'none', 'none'],
  ['JMP r/m32', 69, 69, 'none', 'none'],
  ...CONDITIONS.flatMap((condition, cc): FormRow[] => [
    [`SET${condition} r/m8`, 58, 0, 'rm', 'none'],
    [`CMOV${condition} r32, r/m32`, 59, 60, 'reg', 'rm'],
    [`J${condition} rel8`, 70 + cc, 0, 'none', 'none'],
    [`J${condition} rel32`, 70 + cc, 0, 'none', 'none'],
  ]),
];
const byForm = new Map(FORMS.map(row => [row[0], row]));

/** Gives a decoded instruction its case of the loop, or 0. */
export function specialise(i: Insn): void {
  const row = byForm.get(i.row.form);
  if (!row || !i.o32 || i.lock || i.rep !== 0 || (!i.isReg && !i.a32)) return;
  const [, register, memory, dst, src] = row;
  const kind = i.isReg ? register : memory;
  // A shift by zero changes no flag.
  if (kind >= 44 && kind <= 47 && src === 'imm' && (i.imm & 31) === 0) return;
  i.kind = kind;
  i.dst = indexOf(i, dst);
  i.src = indexOf(i, src);
  i.value = src === 'one' ? 1 : src !== 'imm' ? 0 : kind >= 44 && kind <= 47 ? i.imm & 31 : i.imm;
}

function indexOf(i: Insn, place: Place): number {
  if (place === 'reg') return i.reg;
  if (place === 'eax') return EAX;
  return place === 'rm' && i.isReg ? i.rm : NO_REGISTER;
}
