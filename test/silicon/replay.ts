/**
 * Replays recorded vectors on the emulated CPU and compares: registers, flags, segments, memory, exception and
 * error code. The machine is set up as the harness's process sees the host: flat segments at CPL 3 with Linux's
 * selectors, the same pages mapped, gates with Linux's privilege.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import type { Row } from '../../emu/cpu/row.ts';
import { type Corpus, FLAT_SEGMENTS, type Outcome, type Vector } from './format.ts';
import { segmentOf } from './ldt.ts';
import { eitherOperand, leavesCallFrame, resumeFlag } from './makers.ts';
import { type Mismatch, mismatchesOf } from './mismatches.ts';
import { undefinedFlags } from './undefined.ts';

/** Runs a vector from a fresh state; what it says of `stuck` is not looked at. */
export type Subject = (v: Vector) => Outcome;

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
/** An instruction fetch says so in the error code only where NX is on (SDM vol. 3, 4.7). */
const FETCH = 0x10;
const BP = 3;
const DB = 1;

const hex = (v: number) => (v >>> 0).toString(16);

/** The differences between what silicon did and what we did, each as `name expected/actual`. */
export function compare(v: Vector, row: Row | undefined, silicon: Outcome, ours: Outcome): string[] {
  const differences: string[] = [];
  const check = (name: string, expected: number, actual: number) => {
    if ((expected | 0) !== (actual | 0)) differences.push(`${name} ${hex(expected)}/${hex(actual)}`);
  };
  // A fault elsewhere belongs to where the instruction went.
  const done = silicon.trap === BP || silicon.trap === DB || silicon.eip !== v.eip;
  const ignored = (done && row ? undefinedFlags(row, v) : 0) | resumeFlag(v, silicon);
  if (!eitherOperand(v, silicon, ours)) {
    check('trap', silicon.trap, ours.trap);
    check('error', silicon.error & ~FETCH, ours.error & ~FETCH);
    check('cr2', silicon.cr2, ours.cr2);
  }
  check('eip', silicon.eip, ours.eip);
  for (let i = 0; i < 8; i++) check(REGISTERS[i], silicon.regs[i], ours.regs[i]);
  check('eflags', silicon.eflags & ~ignored, ours.eflags & ~ignored);
  for (let i = 0; i < 6; i++) check(SEGMENT_NAMES[i], silicon.segments[i], ours.segments[i]);
  const seen = leavesCallFrame(v, silicon) ? { ...silicon, changes: [] } : silicon;
  const [expected, actual] = [seen, ours].map(o => o.changes.map(hex).join(' '));
  if (expected !== actual) differences.push(`memory [${expected}]/[${actual}]`);
  return differences;
}

/** One vector for a person: instruction, inputs. */
export function describeVector(v: Vector): string {
  const decoder = new Decoder(
    segmentOf(v.segments[1]).big ? 32 : 16,
    new Uint8Array(v.code),
    DecoderOptions.NoInvalidCheck,
  );
  const formatter = new Formatter(FormatterSyntax.Intel);
  const instruction = decoder.decode();
  const text = formatter.format(instruction);
  for (const o of [instruction, formatter, decoder]) o.free();
  const code = v.code.map(b => b.toString(16).padStart(2, '0')).join(' ');
  const regs = v.regs.map((r, i) => `${REGISTERS[i]}=${hex(r)}`).join(' ');
  const memory = v.memory.map(b => b.toString(16).padStart(2, '0')).join(' ');
  const flat = v.segments.every((s, n) => s === FLAT_SEGMENTS[n]);
  const segments = flat ? '' : ` segments=${v.segments.map(hex)}`;
  return `${code}  ${text}\n    ${regs} eflags=${hex(v.eflags)} memory+${hex(v.memoryOffset)}: ${memory}${segments}`;
}

/** The mismatches of a whole corpus, in its order. */
export function replay(corpus: Corpus, rows: readonly Row[], subject: Subject): Mismatch[] {
  return mismatchesOf(corpus, rows, subject, { compare, describe: describeVector });
}
