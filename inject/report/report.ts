/**
 * A campaign's results in each form. Text, JSON and HTML show a Summary; CSV has a line for each trial, so it is made of
 * the records themselves.
 */
import Table from 'cli-table3';
import { configurationName, type TrialRecord } from '../model.ts';
import { csvLines } from './csv.ts';
import { plain } from './format.ts';
import { htmlPage } from './html.ts';
import { summarise } from './summarise.ts';
import type { Summary } from './summary.ts';
import type { Replay, TableData } from './tables/cells.ts';
import { tablesOf } from './tables.ts';

export type { Replay, Summary };
export { csvLines, summarise };

const named: Replay = (configuration, trial) => `${configuration} ${trial}`;

export function renderText(summary: Summary, replay: Replay = named): string {
  const parts = [headerLines(summary).join('\n'), ...tablesOf(summary, replay).map(tableText)];
  return `${parts.join('\n\n')}\n`;
}

/** One document: docs/reliability.md names the fields. Numbers that would be infinite are null. */
export function renderJson(summary: Summary): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}

/** All at once; for many records write csvLines one by one. */
export function renderCsv(records: Iterable<TrialRecord>): string {
  return [...csvLines(records)].join('');
}

export function renderHtml(summary: Summary, replay: Replay = named): string {
  return htmlPage(summary, headerLines(summary), tablesOf(summary, replay));
}

/** What decided the campaign. */
function headerLines({ settings: s, ignored }: Summary): string[] {
  const types = s.types.length ? s.types.join(' ') : 'all';
  const left = ignored.foreign + ignored.repeated;
  return [
    `driver ${s.driver}, ${s.trials.toLocaleString('en-US')} trials with ${s.faultsPerTrial} faults each, ${s.persistence}, ${s.distribution} types: ${types}`,
    `configurations ${s.configurations.map(configurationName).join(', ')}; seed ${s.seed}, profile ${s.profile}, build ${s.build.slice(0, 16)}`,
    `each trial runs at least ${s.minimumPackets.toLocaleString('en-US')} packets and ${s.minimumCycles.toLocaleString('en-US')} cycles after the injection, unless the machine ends`,
    ...(left
      ? [`${ignored.foreign} records of other settings and ${ignored.repeated} repeated ones left out`]
      : []),
  ].map(line => plain(line, 300));
}

function tableText({ title, head, rows, notes }: TableData): string {
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, i) => (i > 0 && numeric(rows, i) ? 'right' : 'left')),
  });
  table.push(...rows);
  const lines = table.toString().split('\n');
  // Rows of one line need no rules between them; the heading keeps its own.
  const ruled = rows.flat().some(cell => cell.includes('\n'));
  const shown = ruled ? lines : lines.filter((line, i) => i < 3 || !line.startsWith('├'));
  return [`== ${title}`, ...shown, ...notes].join('\n');
}

/** Whether a column's cells start with a digit, or say that there is none. */
function numeric(rows: readonly string[][], column: number): boolean {
  return rows.every(
    r => /^[\d–·∞<>]/.test(r[column]) || ['never', 'beyond', 'no rate'].some(w => r[column].startsWith(w)),
  );
}
