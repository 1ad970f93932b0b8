/** The tables of docs/conformance.md, from the corpora, the logs and the lists of differences. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { type Corpus, FLAT_SEGMENTS, type Vector } from '../silicon/format.ts';
import { SKIPPED } from '../silicon/generate.ts';
import { segmentOf } from '../silicon/ldt.ts';
import { RULES } from '../system/differences.ts';
import { readLog } from '../system/logs.ts';
import { ORACLES } from '../system/oracles.ts';
import { type AnyCorpus, NAMED, type Reach, unreached } from './coverage.ts';

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;

function markdown(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

const counted = (n: number) => n.toLocaleString('en');

/** The corpus files: who answered, and how much. */
export function corpusTable(names: readonly string[], corpora: readonly AnyCorpus[]): string {
  const rows = corpora.map((c, n) => [
    `\`${names[n]}\``,
    c.cpu,
    `0x${c.seed.toString(16)}`,
    counted(c.vectors.length),
    `${(statSync(`test/silicon/${names[n]}`).size / 1024).toFixed()} KiB`,
  ]);
  const all = corpora.reduce((sum, c) => sum + c.vectors.length, 0);
  return markdown(
    ['file', 'recorded by', 'seed', 'vectors', 'size'],
    [...rows, ['all', '', '', counted(all), '']],
  );
}

function worldOf(v: Vector): string {
  if (!segmentOf(v.segments[1]).big) return '16-bit code in the LDT';
  if (v.segments[1] & 4) return '32-bit code in the LDT';
  return v.segments.some((s, n) => s !== FLAT_SEGMENTS[n] && s & 4)
    ? 'flat code, data or stack in the LDT'
    : 'flat segments';
}

const ENDS: readonly (readonly [number, string])[] = [
  [3, 'done'],
  [1, '#DB'],
  [0, '#DE'],
  [4, '#OF'],
  [5, '#BR'],
  [6, '#UD'],
  [11, '#NP'],
  [12, '#SS'],
  [13, '#GP'],
  [14, '#PF'],
  [17, '#AC'],
];

/** How the vectors ended, by the world in which they ran. */
export function endsTable(corpora: readonly Corpus[]): string {
  const counts = new Map<string, Map<number, number>>();
  for (const { vectors, outcomes } of corpora)
    vectors.forEach((v, n) => {
      const world = worldOf(v);
      const ends = counts.get(world) ?? new Map<number, number>();
      counts.set(world, ends);
      ends.set(outcomes[n].trap, (ends.get(outcomes[n].trap) ?? 0) + 1);
    });
  return markdown(
    ['world', ...ENDS.map(([, name]) => name)],
    [...counts].sort().map(([world, ends]) => [world, ...ENDS.map(([trap]) => counted(ends.get(trap) ?? 0))]),
  );
}

/** Runs the system programs, whose every state is compared. */
const SYSTEM_TEST = 'system/system.test.ts';

/** Rows of the instruction table, by where they were carried out. */
export function rowsTable(reach: readonly Reach[]): string {
  const silicon = reach.filter(r => r.completed > 0);
  const system = reach.filter(r => r.completed === 0 && r.units.includes(SYSTEM_TEST));
  const units = reach.filter(r => r.completed === 0 && r.units.length > 0 && !r.units.includes(SYSTEM_TEST));
  return markdown(
    ['rows of the instruction table', 'number'],
    [
      ['all', reach.length],
      ['carried out on silicon', silicon.length],
      ['else carried out by system code that is compared with QEMU and Bochs', system.length],
      ['else carried out by unit tests only', units.length],
      ['named with a reason', NAMED.size],
      ['left', unreached(reach).length],
    ],
  );
}

/** What silicon is not asked, and what nothing carries out. */
export function reasonsTable(): string {
  return markdown(
    ['opcode or row', 'why'],
    [
      ...[...SKIPPED].map(([key, why]) => [`\`${key}\``, `not asked on silicon: ${why}`]),
      ...[...NAMED].map(([enc, why]) => [`\`${enc}\``, why]),
    ],
  );
}

/** The logs of system programs: cases, and rules that excuse differences. */
export function systemTable(): string {
  const programs = existsSync('test/system/guest')
    ? readdirSync('test/system/logs').map(f => f.replace(/\.log\.gz$/, ''))
    : [];
  const rows = programs.sort().map(name => {
    const oracle = ORACLES.find(o => name.startsWith(`${o.name}-`))!;
    const program = name.slice(oracle.name.length + 1);
    const log = readLog(oracle.name, program)!;
    const rules = RULES.filter(r => r.oracle === oracle.name && (r.program === program || r.program === '*'));
    return [program, log.version, counted(log.lines.filter(l => l.includes(':')).length), rules.length];
  });
  return markdown(['program', 'oracle', 'states compared', 'rules that excuse'], rows);
}
