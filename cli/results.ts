/** What `inject` and `report` share: the options of a report, and a results file as text, JSON, CSV and HTML. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Parts } from '../inject/campaign/parts.ts';
import type { ResultsReader, SessionFigures } from '../inject/campaign/store.ts';
import type { TrialRecord } from '../inject/model.ts';
import type { UsefulWork } from '../inject/report/breakeven.ts';
import { checkOutput, decimalNumber, readInput } from './arguments.ts';
import { type CommandContext, UsageError } from './context.ts';

export interface ReportFlags {
  faultRate: number;
  rebootSeconds?: number;
  applicationSeconds?: number;
  humanSeconds?: number;
  throughput?: string[];
  json?: boolean;
  csv?: boolean;
  html?: string;
}

const HOURS: Readonly<Record<string, number>> = { hour: 1, day: 24, month: 730.485, year: 8765.82 };
const MAX_SECONDS = 1e9;

export function addReportOptions(command: Command): Command {
  const seconds = (name: string) => decimalNumber(name, 0, MAX_SECONDS);
  return command
    .option(
      '--fault-rate <rate>',
      'activated faults a driver meets, for MTTF and availability: 12/year, 0.5/day, 0.001/hour',
      faultRate,
      faultRate('12/year'),
    )
    .option('--reboot-seconds <s>', 'from a dead kernel to a working one', seconds('--reboot-seconds'))
    .option('--application-seconds <s>', 'a program starts again', seconds('--application-seconds'))
    .option('--human-seconds <s>', 'somebody notices and acts', seconds('--human-seconds'))
    .option(
      '--throughput <file>',
      'for the break-even: the JSON of `nooks86 bench --json`, which says what isolation costs; may be repeated, with a name, as nooks/shadow=FILE, for one configuration',
      (file: string, before: string[] = []) => [...before, file],
    )
    .option('--json', 'print one JSON object')
    .option('--csv', 'print a line for each trial, as CSV')
    .option('--html <file>', 'write a page with tables and plots there, too');
}

/** A parser for commander: faults an hour. */
function faultRate(text: string): number {
  const m = /^(\d+(?:\.\d+)?(?:e-?\d+)?)\/(hour|day|month|year)$/i.exec(text);
  const rate = m ? Number(m[1]) / HOURS[m[2].toLowerCase()] : Number.NaN;
  if (!(rate > 0 && rate <= 1e9))
    throw new UsageError(`--fault-rate must be like 12/year or 0.001/hour (month, day), not ${text}`);
  return rate;
}

/** Says what is wrong with the flags before the hours of work whose report they shape. */
export function checkReportFlags(flags: ReportFlags): UsefulWork[] {
  if (flags.json && flags.csv)
    throw new UsageError('--json and --csv both go to standard output: choose one');
  if (flags.html !== undefined) checkOutput(flags.html);
  return usefulWork(flags.throughput ?? [], []);
}

/** Prints what the file holds. `path` is how the user calls it. */
export async function printResults(
  reader: ResultsReader,
  flags: ReportFlags,
  context: CommandContext,
  parts: Parts,
): Promise<void> {
  const [
    { csvLines, renderHtml, renderJson, renderText, summarise },
    { findProfile },
    { configurationName },
  ] = await Promise.all([
    import('../inject/report/report.ts'),
    import('./pc.ts'),
    import('../inject/model.ts'),
  ]);
  const { settings, path } = reader;
  const names = settings.configurations.map(configurationName);
  const court = new Court(parts);
  const summary = summarise(settings, court.judged(reader.records()), {
    clockHz: findProfile(settings.profile).clockHz.value,
    faultRate: flags.faultRate,
    rebootSeconds: flags.rebootSeconds,
    applicationSeconds: flags.applicationSeconds,
    humanSeconds: flags.humanSeconds,
    usefulWork: usefulWork(flags.throughput ?? [], names),
    models: Object.fromEntries(parts.types.map(type => [type.name, type.model])),
  });
  const replay = (configuration: string, trial: number) => `nooks86 replay ${path} ${configuration}:${trial}`;
  if (flags.html !== undefined) writeFileSync(flags.html, renderHtml(summary, replay));
  if (flags.json) context.out(renderJson(summary));
  else if (flags.csv) for (const line of csvLines(court.judged(reader.records()))) context.out(line);
  else {
    context.out(renderText(summary, replay));
    context.out(`\n${speedText(reader.sessions())}`);
  }
  if (court.changed > 0)
    context.err(
      `nooks86: ${court.changed} trials were judged by other rules when they ran; these are today’s\n`,
    );
}

/** Judges each trial by the rules as they are now: a file may be older than they, or somebody else's. */
class Court {
  /** Trials whose outcome in the file is another. */
  changed = 0;
  private readonly judge: Parts['judge'];

  constructor({ judge }: Parts) {
    this.judge = judge;
  }

  *judged(records: Iterable<TrialRecord>): Generator<TrialRecord> {
    this.changed = 0;
    for (const record of records) {
      const outcome = this.judge(record.observation, record.plan);
      if (outcome !== record.outcome) this.changed++;
      yield { ...record, outcome };
    }
  }
}

/** Trials a second, instructions a trial, and where the workers' time went. */
export function speedText(sessions: readonly SessionFigures[]): string {
  const sum = (of: (s: SessionFigures) => number) => sessions.reduce((n, s) => n + of(s), 0);
  const trials = sum(s => s.trials);
  const seconds = sum(s => s.seconds);
  if (trials === 0 || seconds === 0) return 'speed: nothing was run\n';
  const timings = new Map<string, number>();
  for (const s of sessions)
    for (const [what, t] of Object.entries(s.timings)) timings.set(what, (timings.get(what) ?? 0) + t);
  const all = [...timings.values()].reduce((a, b) => a + b, 0);
  const parts = [...timings]
    .filter(([, t]) => t > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([what, t]) => `${what} ${((100 * t) / all).toFixed(1)} %`);
  const workers = [...new Set(sessions.map(s => s.workers))].join(', ');
  const count = sessions.length === 1 ? 'one session' : `${sessions.length} sessions`;
  return [
    `speed: ${(trials / seconds).toFixed(2)} trials a second in ${count} of ${seconds.toFixed(0)} s with ${workers} workers`,
    `  ${(sum(s => s.instructions) / trials / 1e6).toFixed(2)} million guest instructions a trial after the injection`,
    ...(parts.length ? [`  the workers’ time: ${parts.join(', ')}`] : []),
    '',
  ].join('\n');
}

/**
 * Relative throughput by the bench's loads: the wire's, and what a saturated CPU would do. A file is for all configurations
 * with isolation, or for the one it is given for.
 */
function usefulWork(files: readonly string[], configurations: readonly string[]): UsefulWork[] {
  const loads = new Map<string, UsefulWork>();
  const isolated = configurations.filter(name => name !== 'none');
  for (const text of [...files].sort((a, b) => Number(a.includes('=')) - Number(b.includes('=')))) {
    const [, name, file] = /^(?:(\w+\/\w+)=)?(.+)$/.exec(text) ?? [];
    const names = name === undefined ? isolated : [name];
    for (const c of comparisonsOf(file)) {
      const values = { 'CPU-limited': c.cpuNative / c.cpuNooks, 'wire-limited': c.relativePerformance };
      for (const [limit, value] of Object.entries(values)) {
        const load = `${c.workload}, ${limit}`;
        const work = loads.get(load) ?? { load, source: 'nooks86 bench', relative: { none: 1 } };
        const relative = { ...work.relative, ...Object.fromEntries(names.map(n => [n, value])) };
        loads.set(load, { ...work, source: `${work.source}, ${text}`, relative });
      }
    }
  }
  return [...loads.values()];
}

interface Cost {
  workload: string;
  relativePerformance: number;
  cpuNative: number;
  cpuNooks: number;
}

function comparisonsOf(file: string): Cost[] {
  const bad = new UsageError(`${file} is no output of nooks86 bench --json with both isolations`);
  let report: { comparisons?: Cost[] };
  try {
    report = JSON.parse(new TextDecoder().decode(readInput(file)));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw bad;
  }
  const costs = Array.isArray(report?.comparisons) ? report.comparisons : [];
  const good = costs.every(
    c =>
      typeof c?.workload === 'string' &&
      [c.relativePerformance, c.cpuNative, c.cpuNooks].every(n => Number.isFinite(n) && n > 0),
  );
  if (!costs.length || !good) throw bad;
  return costs;
}
