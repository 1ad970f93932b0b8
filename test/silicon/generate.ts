/**
 * Makes the vectors of the silicon oracle from the instruction rows: every form that runs in user mode, operand
 * kinds, addressing modes, prefixes, edge values, flags, and faults; privileged ones for their #GP(0).
 * Left out, by opcode in SKIPPED: what Linux or the hypervisor answers instead of the CPU, and what no two CPUs
 * answer alike. Forms whose result (not only flags) is undefined are avoided in recipes.ts.
 */
import type { Row } from '../../emu/cpu/row.ts';
import { Draft } from './draft.ts';
import { type Encoding, parseEncoding } from './encoding.ts';
import { CODE, CODE_SIZE, DATA, FLAT_SEGMENTS, USER_DS, type Vector } from './format.ts';
import { type LocalName, local, segmentOf } from './ldt.ts';
import { Random } from './random.ts';
import { recipeFor } from './recipes.ts';

export type RowShape = Pick<Row, 'enc' | 'form' | 'user' | 'lock' | 'rep'>;

/** Keys (opcode and digit) of rows that silicon is not asked about, with the reason. */
export const SKIPPED: ReadonlyMap<string, string> = new Map([
  ['0fa2', 'CPUID names the host'],
  ['0f31', 'RDTSC reads the host clock'],
  ['0f33', 'RDPMC depends on CR4.PCE, which the host owns'],
  ['0f34', 'SYSENTER enters the host kernel'],
  ...['d8', 'd9', 'da', 'db', 'dc', 'dd', 'de', 'df', '9b'].map(
    k => [k, 'x87: asked by an oracle of its own (x87/)'] as const,
  ),
  ['f1', 'INT1: a hypervisor that intercepts #DB decides which EIP is pushed'],
  ['0f35', 'SYSEXIT in compatibility mode differs by maker'],
  ...['0fff', '0fb9'].map(
    k => [k, 'UD0, UD1: whether a ModRM is fetched before #UD differs by maker; UNDEFINED asks'] as const,
  ),
  ['0f05', 'SYSCALL enters the host kernel'],
  ['0f00/0', 'SLDT: with UMIP Linux emulates it'],
  ['0f00/1', 'STR: with UMIP Linux emulates it'],
  ['0f01/0', 'SGDT: with UMIP Linux emulates it'],
  ['0f01/1', 'SIDT: with UMIP Linux emulates it'],
  ['0f01/4', 'SMSW: with UMIP Linux emulates it'],
]);

/** Byte patterns that no 32-bit x86 defines, or with a LOCK that may not be there: each #UD. */
export const UNDEFINED: readonly string[] = [
  '0f 0b',
  '0f b9 c0',
  '0f ff c0',
  'fe d0',
  'fe f8',
  'ff f8',
  '8e c8',
  '8e f0',
  '8c f0',
  'c6 c8',
  'c7 d0',
  '8d c0',
  'f0 90',
  'f0 01 d8',
  'f0 8b 05 00 00 00 20',
  'f0 a4',
  'f0 0f b6 c0',
  'f0 3b 05 00 00 00 20',
  'f0 f7 05 00 00 00 20 00 00 00 00',
  'f0 50',
  'f0 0f c8',
  '0f 04',
  '0f 0a',
  '0f 0c',
  '0f 24 c0',
  '0f 26 c0',
  '0f 36',
  '0f 39',
  '0f 3b',
  '0f ba c0 05',
  '0f ba d8 05',
];

/** Vectors a row; a 16-bit form gets less than the 32-bit one beside it. */
const PER_ROW = { modrm: 640, implicit: 420, plain: 80, privileged: 12 };
const SHARE_16 = 0.6;
/** DIV and IDIV get four times as many: what fits has many edges. */
const DIVISION = /^f[67]\/[67]$/;

function memoryWidth(form: string, o32: boolean): number {
  const m = /(?:r\/)?m(8|16|32|64)\b/.exec(form);
  const bits = m ? Number(m[1]) : 32;
  return bits === 32 && !o32 ? 2 : bits / 8;
}

function usesPrefixes(d: Draft, row: RowShape): void {
  const r = d.random;
  if (row.rep) d.repeat = r.chance(70) ? r.pick([0xf3, 0xf2]) : 0;
  if (row.rep === 'rep' && d.repeat) d.repeat = 0xf3;
  const memory = d.address >= 0;
  if (row.lock && memory ? r.chance(12) : r.chance(1)) d.lock = true;
  if (r.chance(2)) d.extra = Array.from({ length: r.below(4) }, () => r.pick([0x3e, 0x36, 0x26]));
  if (r.chance(1)) d.extra = Array.from({ length: r.between(9, 14) }, () => 0x3e);
}

/** Puts the instruction across the end of CODE, so that its fetch faults. */
function acrossTheEnd(d: Draft): void {
  const length = d.assemble().length;
  if (length > 1) d.codeOffset = CODE_SIZE - d.random.between(1, length - 1);
}

/** 0x66 before these makes the result undefined (BSWAP) or means something else on later CPUs. */
const NO_OPERAND_SIZE = new Set(['0fc8']);

/** Their register forms belong to later extensions (VEX, EVEX, MPX) or are #UD, which UNDEFINED asks. */
const MEMORY_ONLY = new Set([
  '8d',
  '0f0d',
  'c4',
  'c5',
  '62',
  '0fb2',
  '0fb4',
  '0fb5',
  '0fc7/1',
  'ff/3',
  'ff/5',
  '0f01/2',
  '0f01/3',
  '0f01/7',
]);

const CODE_32: readonly LocalName[] = ['code32', 'code32', 'hidden32', 'short32', 'flatCode'];
const CODE_16: readonly LocalName[] = ['code16', 'code16', 'code16', 'code64K', 'hidden16', 'short16'];
const STACKS: readonly LocalName[] = [
  'stack16',
  'wrap16',
  'wrap16',
  'page',
  'pages',
  'onePage',
  'down',
  'down16',
  'small',
  'flatData',
];
const DATA_32: readonly LocalName[] = [
  ...STACKS,
  'page',
  'readOnly',
  'downReadOnly',
  'oneByte',
  'code32',
  'code16',
];

/** Which segments a vector starts with: flat ones mostly; some 32-bit code with the LDT's, some 16-bit code. */
function chooseSegments(r: Random): readonly number[] {
  const kind = r.below(100);
  if (kind < 55) return FLAT_SEGMENTS;
  const choose = (names: readonly LocalName[], flat: number) =>
    r.chance(flat) ? USER_DS : local(r.pick(names));
  const optional = () => (r.chance(12) ? 0 : choose(DATA_32, 20));
  if (kind < 60) {
    const s = [...FLAT_SEGMENTS];
    for (const n of r.pick([[0], [3], [0, 3], [4], [5], [4, 5]])) s[n] = n < 4 ? 0 : USER_DS;
    return s;
  }
  const code = kind >= 80 ? local(r.pick(CODE_16)) : r.chance(55) ? FLAT_SEGMENTS[1] : local(r.pick(CODE_32));
  return [optional(), code, choose(STACKS, 30), optional(), optional(), optional()];
}

function draftOf(random: Random, row: RowShape, e: Encoding): Draft {
  const d = new Draft(random, e, chooseSegments(random));
  if (NO_OPERAND_SIZE.has(e.key)) d.o32 = true;
  else if (!e.size && random.chance(70)) d.o32 = d.big;
  if (e.modrm !== undefined) d.operand(memoryWidth(row.form, d.o32));
  usesPrefixes(d, row);
  recipeFor(e.key)?.(d);
  if (random.chance(1)) acrossTheEnd(d);
  return d;
}

/** May the vector run? It may not if it would branch into itself, or grow beyond what the harness holds. */
function allowed(v: Vector, d: Draft): boolean {
  if (v.code.length === 0 || v.code.length > 16) return false;
  const start = CODE + v.codeOffset;
  if (!d.encoding.immediates.includes('rel8')) return true;
  const code = d.assemble();
  const next = v.eip + code.length + ((code[code.length - 1] << 24) >> 24);
  const target = segmentOf(v.segments[1]).base + (d.o32 ? next : next & 0xffff);
  const inItself = target >= start && target < start + code.length;
  const inData = target >= DATA_LOW && target < DATA_LOW_END;
  return !inItself && !inData;
}
const DATA_LOW = 0x8000;
const DATA_LOW_END = 0xa000;

function countFor(row: RowShape, e: Encoding): number {
  if (!row.user) return PER_ROW.privileged;
  const share = (e.size === 16 ? SHARE_16 : 1) * (DIVISION.test(e.key) ? 4 : 1);
  if (e.modrm !== undefined) return PER_ROW.modrm * share;
  return recipeFor(e.key) || e.immediates.length > 0 || row.rep ? PER_ROW.implicit * share : PER_ROW.plain;
}

/** All vectors for `rows`: the same for the same seed and rows. `scale` multiplies the number per row. */
export function generate(rows: readonly RowShape[], seed: number, scale = 1): Vector[] {
  const vectors: Vector[] = [];
  rows.forEach(row => {
    const e = parseEncoding(row.enc);
    if (MEMORY_ONLY.has(e.key)) e.bound = 'm';
    if (SKIPPED.has(e.key)) return;
    const random = new Random(seed ^ hash(row.enc));
    for (let n = Math.ceil(countFor(row, e) * scale); n > 0; n--) {
      const d = draftOf(random, row, e);
      const v = d.vector(row.enc);
      if (allowed(v, d)) vectors.push(v);
    }
  });
  for (const bytes of UNDEFINED) vectors.push(undefinedVector(bytes, seed));
  return vectors;
}

/** The row name of the vectors made from UNDEFINED. */
export const UNDEFINED_ROW = '#UD';

function undefinedVector(bytes: string, seed: number): Vector {
  const random = new Random(seed ^ hash(bytes));
  const regs = Array.from({ length: 8 }, () => random.register());
  regs[4] = DATA + 0x1800;
  const code = bytes.split(' ').map(b => Number.parseInt(b, 16));
  return {
    row: UNDEFINED_ROW,
    code,
    codeOffset: 0x800,
    regs,
    eflags: 0x202,
    eip: CODE + 0x800,
    memory: [],
    memoryOffset: 0,
    segments: FLAT_SEGMENTS,
  };
}

/** FNV-1a, so that a row's vectors do not depend on the rows around it. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
