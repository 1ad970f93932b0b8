/**
 * Replays recorded x87 vectors on the emulated CPU and compares. What may differ is here and listed in ../README.md.
 */
import type { Row } from '../../../emu/cpu/row.ts';
import { type Mismatch, mismatchesOf } from '../mismatches.ts';
import type { Corpus, Outcome, Vector } from './format.ts';
import { isTranscendental } from './generate.ts';

export type Subject = (v: Vector) => Outcome;

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];
const BP = 3;
const FETCH = 0x10;
const PAGE = -4096;

const hex = (v: number) => (v >>> 0).toString(16);

/** Units in the last place between two images; Infinity when they are not two numbers of one sign. */
function distance(a: string, b: string): number {
  if (a === b) return 0;
  const value = (s: string) =>
    BigInt(`0x${s.slice(0, 4)}`) * 2n ** 63n + (BigInt(`0x${s.slice(4)}`) & (2n ** 63n - 1n));
  if (
    a.slice(0, 4) === '7fff' ||
    b.slice(0, 4) === '7fff' ||
    a.slice(0, 4) === 'ffff' ||
    b.slice(0, 4) === 'ffff'
  )
    return Number.POSITIVE_INFINITY;
  const d = value(a) - value(b);
  return Number(d < 0n ? -d : d);
}

const C1 = 0x200;
const CODES = 0x4700;
const ES = 0x80;
const IE = 1;

/** Unmasked exceptions that wait behind the vector. */
function waits(s: Outcome['state']): number {
  return s.status & ES ? s.status & ~s.control & 0x3f : 0;
}

/**
 * Bits of the status word that are not compared: C1 where it tells of a rounding within one unit of ours; of FCOMI,
 * which leaves it on AMD's; and the codes of comparisons with an unmasked invalid operand, which Intel's leave.
 */
function ignoredStatus(row: Row, silicon: Outcome): number {
  if (isTranscendental(row.form)) return C1;
  if (/^FU?COMI/.test(row.form)) return C1;
  return /^FU?I?COM|^FTST/.test(row.form) && waits(silicon.state) & IE ? CODES : 0;
}

/** 1 − √½, as 0x3ffd and the top of the significand. */
const LIMIT = 0x95f61998;

/** Operands for which the manual leaves F2XM1's and FYL2XP1's results undefined: beyond ±1, beyond ±(1 − √½). */
function outOfRange(row: Row, v: Vector): boolean {
  const [st0] = v.state.st;
  const exp = Number.parseInt(st0.slice(0, 4), 16) & 0x7fff;
  if (exp === 0x7fff) return false;
  if (row.form === 'F2XM1') return exp >= 0x3fff && !/^[3b]fff8000000000000000$/.test(st0);
  const high = Number.parseInt(st0.slice(4, 12), 16);
  return row.form === 'FYL2XP1' && (exp > 0x3ffd || (exp === 0x3ffd && high >= LIMIT));
}

/** The differences between what silicon did and what we did, each as `name expected/actual`. */
export function compare(v: Vector, row: Row | undefined, silicon: Outcome, ours: Outcome): string[] {
  const differences: string[] = [];
  const check = (name: string, expected: number, actual: number) => {
    if ((expected | 0) !== (actual | 0)) differences.push(`${name} ${hex(expected)}/${hex(actual)}`);
  };
  check('trap', silicon.trap, ours.trap);
  check('error', silicon.error & ~FETCH, ours.error & ~FETCH);
  // Which part of a long operand is touched first is the processor's affair.
  const long = row !== undefined && /byte$/.test(row.form);
  check('cr2', long ? silicon.cr2 & PAGE : silicon.cr2, long ? ours.cr2 & PAGE : ours.cr2);
  check('eip', silicon.eip, ours.eip);
  for (let i = 0; i < 8; i++) check(REGISTERS[i], silicon.regs[i], ours.regs[i]);
  const unordered = row !== undefined && /^FU?COMI/.test(row.form) && waits(silicon.state) & IE;
  if (!unordered) check('eflags', silicon.eflags, ours.eflags);
  const [expected, actual] = [silicon, ours].map(o => o.changes.map(hex).join(' '));
  if (expected !== actual) differences.push(`memory [${expected}]/[${actual}]`);
  const s = silicon.state;
  const o = ours.state;
  const transcendental = row !== undefined && isTranscendental(row.form) && silicon.trap === BP;
  if (transcendental && outOfRange(row, v)) return differences;
  check('control', s.control, o.control);
  const ignored = row ? ignoredStatus(row, silicon) : 0;
  check('status', s.status & ~ignored, o.status & ~ignored);
  check('tags', s.tags, o.tags);
  if (silicon.trap === BP || silicon.trap === 16) {
    check('fip', s.fip, o.fip);
    check('fdp', s.fdp, o.fdp);
    check('fop', s.fop, o.fop);
  }
  if (silicon.trap === BP) {
    check('fcs', s.fcs, o.fcs);
    check('fds', s.fds, o.fds);
  }
  for (let n = 0; n < 8; n++) {
    const away = distance(s.st[n], o.st[n]);
    if (away > (transcendental ? 1 : 0)) differences.push(`st${n} ${s.st[n]}/${o.st[n]}`);
  }
  return differences;
}

/** One vector for a person. */
export function describeVector(v: Vector): string {
  const code = v.code.map(b => b.toString(16).padStart(2, '0')).join(' ');
  const memory = v.memory.map(b => b.toString(16).padStart(2, '0')).join(' ');
  const { control, status, tags, st } = v.state;
  const stack = st.map((x, n) => `${n}:${x}`).join(' ');
  return `${code}  control=${hex(control)} status=${hex(status)} tags=${hex(tags)} memory+${hex(v.memoryOffset)}: ${memory}\n    ${stack}`;
}

/** The mismatches of a whole corpus, in its order. */
export function replay(
  corpus: Pick<Corpus, 'vectors' | 'outcomes'>,
  rows: readonly Row[],
  subject: Subject,
): Mismatch[] {
  return mismatchesOf(corpus, rows, subject, { compare, describe: describeVector });
}
