/**
 * The rules for text of the paper's fault table (Swift et al., SOSP 2003 and TOCS 2005, after Ng and Chen's injector
 * for Rio): what becomes of an instruction. draw.ts picks the address: "a random .text address, disassembled from the
 * function's start, the first instruction that fits".
 *
 * Where the table leaves something open: SRC takes bits whose field names an operand that is read, DST of one that is
 * written, which is what tells the two apart; floating point instructions are left alone, as there.
 */
import type { Random } from '../../bench/farend/random.ts';
import {
  conditionByte,
  EBP,
  type Instruction,
  isJcc,
  isLoop,
  isStore,
  type Operand,
  repPrefix,
} from './code.ts';
import { flipBit, type Mutation, next, nops, type Rule, setBytes } from './rule.ts';

/** `mov $imm,-Y(%ebp)` becomes NOPs. */
export const init: Rule = ({ i }) => {
  const local = i.memory?.base === EBP && i.memory.displacement < 0;
  return isStore(i) && local && i.immediate ? nops(i.offset, i.length) : null;
};

/** An instruction becomes NOPs. */
export const nop: Rule = ({ i }) => nops(i.offset, i.length);

/** `mov +X(%ebp),reg` becomes NOPs, each candidate with probability 3/4. */
export const interfaceFault: Rule = ({ i }, random) => {
  const load = i.bytes[i.opcode] === 0x8a || i.bytes[i.opcode] === 0x8b;
  if (!load || i.memory?.base !== EBP || i.memory.displacement <= 0) return null;
  return random.below(4) < 3 ? nops(i.offset, i.length) : null;
};

/** A Jcc, loop or rep prefix becomes NOPs. */
export const branch: Rule = ({ i }) => {
  if (isJcc(i) || isLoop(i)) return nops(i.offset, i.length);
  const rep = repPrefix(i);
  return rep < 0 ? null : nops(i.offset + rep, 1);
};

/** Swap F3 and F2; invert a Jcc's condition. */
export const loop: Rule = ({ i }) => {
  if (isJcc(i)) return flipBit(i, conditionByte(i), 0);
  const rep = repPrefix(i);
  return rep < 0 ? null : flipBit(i, rep, 0);
};

/** push … popf becomes NOPs. */
export const irq: Rule = site => {
  const popf = next(site);
  const { i } = site;
  if (!popf || i.mnemonic !== pushMnemonic(i) || popf.bytes[popf.opcode] !== POPF) return null;
  return nops(i.offset, i.length + popf.length);
};
const POPF = 0x9d;
/** PUSH of a register (50+r) or memory (FF /6). */
const pushMnemonic = (i: Instruction): number => {
  const opcode = i.bytes[i.opcode];
  const push = (opcode & 0xf8) === 0x50 || (opcode === 0xff && ((i.bytes[i.body] >> 3) & 7) === 6);
  return push ? i.mnemonic : -1;
};

/** One bit behind the opcode that names or is an operand with `wanted`. */
function operandBit(i: Instruction, random: Random, wanted: (o: Operand) => boolean): Mutation | null {
  const opcode = i.bytes[i.opcode];
  if (opcode >= 0xd8 && opcode <= 0xdf) return null;
  const bits = i.operands.filter(wanted).flatMap(o => fieldBits(i, o.kind));
  if (bits.length === 0) return null;
  const bit = bits[random.below(bits.length)];
  return flipBit(i, bit >> 3, bit & 7);
}

/** The bits, counted from the instruction's start, of the field that names an operand. */
function fieldBits(i: Instruction, kind: Operand['kind']): number[] {
  const bytes = (at: number, size: number) => Array.from({ length: 8 * size }, (_, n) => 8 * at + n);
  const displacement = i.displacement ? bytes(i.displacement.at, i.displacement.size) : [];
  if (kind === 'moffs') return displacement;
  if (kind === 'immediate') return i.immediate ? bytes(i.immediate.at, i.immediate.size) : [];
  if (i.modrm < 0) return [];
  const modrm = 8 * i.modrm;
  if (kind === 'reg') return [modrm + 3, modrm + 4, modrm + 5];
  if (kind !== 'rm') return [];
  const sib = hasSib(i) ? bytes(i.modrm + 1, 1) : [];
  return [0, 1, 2, 6, 7].map(n => modrm + n).concat(sib, displacement);
}

const hasSib = (i: Instruction) => (i.bytes[i.modrm] & 7) === 4 && i.bytes[i.modrm] < 0xc0;

/** Flip one bit after the opcode (ModRM, SIB, displacement, immediate): of what is read, or of what is written. */
export const src: Rule = ({ i }, random) => operandBit(i, random, o => o.read && !o.written);
export const dst: Rule = ({ i }, random) => operandBit(i, random, o => o.written);

/** ModRM memory operand, not based on ebp: flip a low ModRM bit or a later byte. */
export const ptr: Rule = ({ i }, random) => {
  if (!i.memory || i.modrm < 0 || i.memory.base === EBP) return null;
  const later = 8 * (i.length - i.modrm - 1);
  const bit = random.below(3 + later);
  return bit < 3 ? flipBit(i, i.modrm, bit) : flipBit(i, i.modrm + 1 + ((bit - 3) >> 3), (bit - 3) & 7);
};

/** Endless loop: the instruction becomes a jump to itself. */
export const while1: Rule = ({ i }) =>
  i.length < 2 ? null : { offset: i.offset, length: 2, patch: setBytes(i.offset, [0xeb, 0xfe]) };

/**
 * Panic: the function that holds the address calls panic as the first thing it does, with a string of the driver's.
 * push imm32, call rel32: the injector fills both in, for they are known after load only.
 */
export const PANIC_BYTES = 10;
export const panic: Rule = ({ fn }) => {
  if (fn.end - fn.start < PANIC_BYTES) return null;
  const bytes = [0x68, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0];
  const after = 'push message; call panic';
  return { offset: fn.start, length: PANIC_BYTES, patch: setBytes(fn.start, bytes), after };
};
