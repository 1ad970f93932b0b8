/**
 * Rules in text for bugs that studies of driver code name and the paper's table lacks: a missing NULL check, an
 * uninitialised variable, off by one, a lock left held, lock order, interrupts left off.
 */
import { Mnemonic } from 'iced-x86';
import {
  type CodeFunction,
  conditionByte,
  EBP,
  type Instruction,
  isCall,
  isJcc,
  isStore,
  NONE,
} from './code.ts';
import { before, isStraight, type Mutation, nops, type Rule, setBytes } from './rule.ts';

/** Releases of what keeps others out. */
const UNLOCKS = new Set([
  'spin_unlock',
  'spin_unlock_bh',
  'up',
  'up_read',
  'up_write',
  'read_unlock',
  'write_unlock',
]);
/** Calls that let interrupts or soft interrupts in again. */
const ENABLES = new Set(['enable_irq', 'local_bh_enable', 'spin_unlock_bh']);
const JE = 4;
const CLI = 0xfa;
const STI = 0xfb;
const POPF = 0x9d;
const POP_REGISTER = 0x58;
const PUSH_REGISTER = 0x50;
/** Bytes between a call or load and the test of its result. */
const NEAR = 12;

/** `test r,r` and `je` after a call or a load of r: the branch becomes NOPs. */
export const nullCheck: Rule = site => {
  const { i } = site;
  const test = before(site);
  if (!isJcc(i) || (i.bytes[conditionByte(i)] & 0xf) !== JE || !test || !isStraight(site, test, i))
    return null;
  const register = testedRegister(test);
  if (register < 0) return null;
  for (let n = site.index - 2; n >= 0; n--) {
    const earlier = site.fn.instructions[n];
    if (earlier.offset + NEAR < test.offset) return null;
    if (isCall(earlier)) return register === 0 ? nops(i.offset, i.length) : null;
    if (earlier.bytes[0] === 0x8b && earlier.memory && ((earlier.bytes[1] >> 3) & 7) === register)
      return nops(i.offset, i.length);
  }
  return null;
};

/** The number of r in `test r,r`, else -1. */
function testedRegister(i: Instruction): number {
  const modrm = i.bytes[1];
  return i.length === 2 && i.bytes[0] === 0x85 && modrm >= 0xc0 && (modrm & 7) === ((modrm >> 3) & 7)
    ? modrm & 7
    : -1;
}

/**
 * A store that initialises becomes NOPs: of a constant to a field (not to a local: that is INIT), or the function's
 * first store to a local.
 */
export const uninitialised: Rule = ({ fn, index, i }) => {
  if (!isStore(i) || !i.memory || i.memory.base === NONE) return null;
  const local = i.memory.base === EBP;
  const fits = local ? !i.immediate && i.memory.displacement < 0 && isFirst(fn, index) : i.immediate !== null;
  return fits ? nops(i.offset, i.length) : null;
};

function isFirst(fn: CodeFunction, index: number): boolean {
  const slot = fn.instructions[index].memory?.displacement;
  return !fn.instructions
    .slice(0, index)
    .some(i => isStore(i) && i.memory?.base === EBP && i.memory.displacement === slot);
}

/** Conditions that differ in equality only: below and below-or-equal, less and less-or-equal, and their opposites. */
const EQUALITY: Readonly<Record<number, number>> = { 2: 6, 6: 2, 3: 7, 7: 3, 12: 14, 14: 12, 13: 15, 15: 13 };

/** A comparison's bound is one too many or too few: the Jcc's variant, or the immediate of a CMP. */
export const offByOne: Rule = ({ i }, random) => {
  if (isJcc(i)) {
    const at = conditionByte(i);
    const condition = EQUALITY[i.bytes[at] & 0xf];
    if (condition === undefined) return null;
    const value = (i.bytes[at] & 0xf0) | condition;
    return { offset: i.offset, length: i.length, patch: setBytes(i.offset + at, [value]) };
  }
  if (i.mnemonic !== Mnemonic.Cmp || !i.immediate || i.relocation) return null;
  const { at, size } = i.immediate;
  const value = littleEndian(i.bytes.subarray(at, at + size)) + (random.below(2) === 0 ? 1 : -1);
  const bytes = Array.from({ length: size }, (_, n) => (value >> (8 * n)) & 0xff);
  return { offset: i.offset, length: i.length, patch: setBytes(i.offset + at, bytes) };
};

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduce((sum, b, n) => sum + b * 2 ** (8 * n), 0);
}

/** The call that releases a lock is left out. */
export const lockHeld: Rule = ({ i }) =>
  isCall(i) && UNLOCKS.has(i.relocation) ? nops(i.offset, i.length) : null;

/**
 * A critical section is entered in the wrong order: the lock is taken, but interrupts are on, since the CLI before is
 * left out. (With two locks they would be taken the other way round; the drivers here have one each, and on one CPU
 * "interrupts off" is the outer lock.)
 */
export const lockOrder: Rule = ({ i }) => (i.length === 1 && i.bytes[0] === CLI ? nops(i.offset, 1) : null);

/** Interrupts stay off: STI or an enabling call is left out, `push r; popf` does not restore but pops r. */
export const irqOff: Rule = site => {
  const { i } = site;
  if (i.length === 1 && i.bytes[0] === STI) return nops(i.offset, 1);
  if (isCall(i) && ENABLES.has(i.relocation)) return nops(i.offset, i.length);
  const push = before(site);
  if (i.length !== 1 || i.bytes[0] !== POPF || push?.length !== 1 || !isStraight(site, push, i)) return null;
  if ((push.bytes[0] & 0xf8) !== PUSH_REGISTER) return null;
  const pop: Mutation = {
    offset: i.offset,
    length: 1,
    patch: setBytes(i.offset, [POP_REGISTER | (push.bytes[0] & 7)]),
  };
  return pop;
};
