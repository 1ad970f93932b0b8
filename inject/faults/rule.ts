/**
 * What a rule is: it looks at one instruction and says what a fault of its type would do there, or null if the
 * instruction does not fit. Draws are the rule's own, from the trial's generator. The helpers make its patches.
 */
import type { Random } from '../../bench/farend/random.ts';
import type { FaultPatch } from '../model.ts';
import type { CodeFunction, DriverCode, Instruction } from './code.ts';

/** An instruction in its surroundings. */
export interface Site {
  code: DriverCode;
  fn: CodeFunction;
  /** Of the instruction in its function. */
  index: number;
  i: Instruction;
}

export interface Mutation {
  /** Where it begins, in the section, and how many bytes it takes. */
  offset: number;
  length: number;
  /** None: the injector acts when the instruction at `offset` is executed. */
  patch?: FaultPatch[];
  parameters?: Record<string, number>;
  /** For people, when it cannot be seen in the patched bytes. */
  after?: string;
}

export type Rule = (site: Site, random: Random) => Mutation | null;

const NOP = 0x90;

/** The bytes at `offset` become these. */
export function setBytes(offset: number, bytes: readonly number[]): FaultPatch[] {
  return bytes.map((value, n) => ({ offset: offset + n, mask: 0xff, value }));
}

export function nops(offset: number, length: number): Mutation {
  return { offset, length, patch: setBytes(offset, new Array<number>(length).fill(NOP)) };
}

/** One bit of the section turns over; `bit` counts from the lowest bit of `offset`. */
export function flipBit(i: { offset: number; length: number }, byte: number, bit: number): Mutation {
  const patch: FaultPatch = { offset: i.offset + byte, mask: 1 << bit, value: 0, flip: true };
  return { offset: i.offset, length: i.length, patch: [patch] };
}

/** The instruction before, without which the site has none. */
export const before = (s: Site): Instruction | undefined => s.fn.instructions[s.index - 1];
export const next = (s: Site): Instruction | undefined => s.fn.instructions[s.index + 1];

/** Does an instruction follow the other in memory, with no branch to it? */
export function isStraight(s: Site, first: Instruction, second: Instruction): boolean {
  return first.offset + first.length === second.offset && !s.code.targets.has(second.offset);
}
