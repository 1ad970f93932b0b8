/** The tables of docs/ that repeat data of the code, as Markdown. */
import type { Calibration } from '../../bench/calibrate/calibrate.ts';
import { figures } from '../../bench/calibrate/figures.ts';
import { row as plateauCells } from '../../bench/calibrate/text.ts';
import { type Part, partOf } from '../../bench/decompose.ts';
import { CAUSES } from '../../emu/accounting.ts';
import type { Figure, Profile } from '../../emu/profile/profile.ts';
import { REGIONS } from '../../guest/regions.ts';

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

/** Region × cause → part; regions with the same parts share a column. */
export function partsTable(): string {
  const columns = new Map<string, { names: string[]; parts: (Part | 'idle')[] }>();
  REGIONS.forEach((name, region) => {
    const parts = CAUSES.map(cause => partOf(region, cause));
    const key = parts.join();
    const column = columns.get(key) ?? { names: [], parts };
    column.names.push(name);
    columns.set(key, column);
  });
  const all = [...columns.values()];
  return markdown(
    ['cause', ...all.map(c => c.names.join(', '))],
    CAUSES.map((cause, n) => [
      `\`${cause}\``,
      ...all.map(c => (c.parts[n] === 'idle' ? 'not busy' : `${c.parts[n]}`)),
    ]),
  );
}

function isFigure(value: unknown): value is Figure {
  return typeof value === 'object' && value !== null && 'value' in value && 'source' in value;
}

/** Every leaf of a profile with its dotted name; a missing TLB is a leaf. */
function leaves(value: unknown, name = ''): [string, unknown][] {
  if (isFigure(value) || typeof value !== 'object' || value === null || Array.isArray(value))
    return [[name, value]];
  return Object.entries(value).flatMap(([key, v]) => leaves(v, name ? `${name}.${key}` : key));
}

const bar = (text: string) => text.replaceAll('|', '\\|');

function plain(value: unknown): string {
  if (value === null) return 'none: shares the 4 KiB TLB';
  if (Array.isArray(value)) return value.map(v => `0x${(v as number).toString(16)}`).join(' ');
  return bar(String(value));
}

/** All of a profile: name, value, range, source. */
export function profileTable(profile: Profile): string {
  const rows = leaves(profile)
    .filter(([name]) => name !== 'name' && name !== 'description')
    .map(([name, leaf]) => {
      if (!isFigure(leaf)) return [`\`${name}\``, plain(leaf), '', ''];
      const range = leaf.range ? `${leaf.range[0]}–${leaf.range[1]}` : '';
      return [`\`${name}\``, String(leaf.value), range, bar(leaf.source)];
    });
  return markdown(['figure', 'value', 'range', 'source'], rows);
}

/** The figures in which profiles that model time differ, side by side. */
export function comparisonTable(profiles: readonly Profile[]): string {
  const tables = profiles.map(p => new Map(leaves(p)));
  const apart = /^(name$|description$|issue\.|cpuid\.)/;
  const names = new Set(tables.flatMap(t => [...t.keys()]).filter(name => !apart.test(name)));
  const show = (leaf: unknown) =>
    isFigure(leaf) ? String(leaf.value) : leaf === undefined ? '–' : plain(leaf);
  return markdown(
    ['figure', ...profiles.map(p => p.name)],
    [...names].map(name => [`\`${name}\``, ...tables.map(t => show(t.get(name)))]),
  );
}

/** The plateaus of a calibration, beside what others measured. */
export function calibrationTable(report: Calibration): string {
  const titles = new Map(report.curves.map(c => [c.curve, c.title]));
  const rows = figures.flatMap(figure =>
    report.curves
      .filter(c => c.figure === figure.name)
      .flatMap(c => c.plateaus)
      .map(p => [figure.title, titles.get(p.curve) ?? '', ...plateauCells(figure, p)].map(bar)),
  );
  return markdown(['figure', 'curve', 'plateau', 'from–to', 'measured', 'implied', 'off', 'published'], rows);
}

/** Replaces what stands between the page's markers `name`. Throws an Error when they are not there once each. */
export function fill(page: string, name: string, text: string): string {
  const marks = new RegExp(
    `(<!-- begin generated: ${name}\\.[^\\n]*-->\\n)[\\s\\S]*?(<!-- end generated: ${name} -->)`,
    'g',
  );
  if (page.match(marks)?.length !== 1) throw new Error(`the page has no one place for ${name}`);
  return page.replace(marks, (_, begin: string, end: string) => `${begin}\n${text}\n\n${end}`);
}
