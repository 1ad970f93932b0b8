/** Trials as CSV (RFC 4180): a line each, made as records come. Columns are rows of data. */
import type { TrialRecord } from '../model.ts';
import { firstExecution, timelineOf, triggerName } from './milestones.ts';
import { consequenceOf, isCrash, isNonFatal, knownOutcome } from './outcomes.ts';

type Cell = string | number | boolean | null | undefined;

/** Times are cycles since the machine's reset. */
const COLUMNS: readonly [name: string, cell: (r: TrialRecord) => Cell][] = [
  ['configuration', r => r.configuration],
  ['driver', r => r.plan.driver],
  ['trial', r => r.plan.trial],
  ['seed', r => r.plan.seed],
  ['persistence', r => r.plan.persistence],
  ['faults', r => r.plan.faults.map(f => f.type).join(' ')],
  ['outcome', r => r.outcome],
  ['crash', r => isCrash(knownOutcome(r.outcome))],
  ['nonFatal', r => isNonFatal(knownOutcome(r.outcome), r.observation)],
  ['consequence', r => consequenceOf(knownOutcome(r.outcome), r.observation)],
  ['end', r => r.observation.end],
  ['injectedAt', r => r.observation.injectedAt],
  ['firstExecutedAt', r => firstExecution(r.observation)?.at],
  ['firstExecutedType', r => r.plan.faults[firstExecution(r.observation)?.fault ?? -1]?.type],
  ['firstErrorAt', r => r.observation.firstErrorAt],
  ['firstFailureAt', r => r.observation.firstFailureAt],
  ['detectedAt', r => timelineOf(r.observation).detectedAt],
  ['trigger', r => firstTrigger(r)],
  ['recoveries', r => timelineOf(r.observation).recoveries.length],
  ['recoveredAt', r => timelineOf(r.observation).recoveries.at(-1)?.recoveredAt],
  ['outage', r => timelineOf(r.observation).outage],
  ['endedAt', r => r.observation.endedAt],
  ['instructions', r => r.observation.instructions],
  ['packets', r => r.observation.packets],
  ['executed', r => r.observation.executedAt.filter(at => at !== null).length],
  ['notInjected', r => r.observation.notInjected.length],
  ['wildWrites', r => r.observation.wildWriteCount],
  ['preventableWildWrites', r => r.observation.wildWrites.filter(w => w.preventable).length],
  ['corruptions', r => r.observation.corruptions.length],
  ['applicationsAlive', r => r.observation.applications.filter(a => a.alive).length],
  ['applications', r => r.observation.applications.length],
  ['applicationErrors', r => sum(r, 'errors')],
  ['damaged', r => sum(r, 'damaged')],
  ['lost', r => sum(r, 'lost')],
  ['kernelAlive', r => r.observation.kernelAlive],
  ['serviceAlive', r => r.observation.serviceAlive],
  ['badPackets', r => r.observation.badPackets],
  ['hostSeconds', r => r.hostSeconds],
  ['lastLine', r => r.observation.lastLine],
];

function firstTrigger({ observation: o }: TrialRecord): Cell {
  const failed = o.events.find(e => e.event.toUpperCase() === 'FAILED' && e.at >= o.injectedAt);
  return failed && triggerName(failed.detail);
}

function sum({ observation }: TrialRecord, key: 'errors' | 'damaged' | 'lost'): number {
  return observation.applications.reduce((total, a) => total + a[key], 0);
}

/**
 * Text that a spreadsheet would take for a formula gets an apostrophe in front, and NULs, which readers choke on, go. What
 * needs quotes gets them.
 */
function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = cell.replaceAll('\0', '');
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const lineOf = (cells: readonly Cell[]) => `${cells.map(cellText).join(',')}\r\n`;

/** Header, then a line for each record, each with its line end. */
export function* csvLines(records: Iterable<TrialRecord>): Generator<string> {
  yield lineOf(COLUMNS.map(([name]) => name));
  for (const r of records) yield lineOf(COLUMNS.map(([, cell]) => cell(r)));
}
