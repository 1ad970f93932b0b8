/** Detection, recovery and latent errors in time. */
import { duration, figure, percent, percentRange, plain } from '../format.ts';
import type { Quantiles } from '../sample.ts';
import type { ConfigurationSummary, Summary } from '../summary.ts';
import type { Survival } from '../survival.ts';
import { shareText, type TableData, whole } from './cells.ts';

const QUANTILES: readonly [keyof Quantiles & string, string][] = [
  ['p5', 'p5'],
  ['p25', 'p25'],
  ['p50', 'median'],
  ['p75', 'p75'],
  ['p95', 'p95'],
  ['p99', 'p99'],
  ['max', 'max'],
];

/** Cycles over microseconds. */
function times(q: Quantiles, clockHz: number): string[] {
  return QUANTILES.map(([k]) => `${figure(q[k])}\n${figure((q[k] / clockHz) * 1e6)} µs`);
}

export function phaseTable(s: Summary): TableData {
  return {
    title: 'Detection and recovery by phase',
    head: ['cycles, microseconds', 'n', ...QUANTILES.map(([, name]) => name)],
    rows: s.configurations.flatMap(c =>
      c.phases.map(p => [
        `${c.name}\n  ${p.name}`,
        whole(p.quantiles.count),
        ...times(p.quantiles, s.clockHz),
      ]),
    ),
    notes: [
      `Percentiles by nearest rank; ${figure(s.clockHz / 1e6)} MHz. Phases up to the detection: one a trial; after it: one a recovery.`,
      'A phase counts where both of its ends were seen, so neighbours may differ in n.',
      ...s.configurations
        .filter(c => c.detections > 0)
        .map(c => `${c.name}: detected before anybody outside saw anything: ${shareText(c.detectedFirst)}.`),
    ],
  };
}

export function triggerTable(s: Summary): TableData {
  const row = (name: string, what: string, q: Quantiles | null) =>
    q ? [[`${name}\n  ${what}`, whole(q.count), ...times(q, s.clockHz)]] : [];
  return {
    title: 'What detected the failures',
    head: ['cycles, microseconds', 'n', ...QUANTILES.map(([, name]) => name)],
    rows: s.configurations.flatMap(c =>
      [...c.triggers]
        .sort((a, b) => b.detections - a.detections || (a.trigger < b.trigger ? -1 : 1))
        .flatMap(t => {
          const name = `${c.name}: ${plain(t.trigger, 40)}, ${whole(t.detections)}`;
          const rows = [...row(name, 'latency', t.latency), ...row(name, 'recovery', t.recovery)];
          return rows.length ? rows : [[name, '–', ...QUANTILES.map(() => '–')]];
        }),
    ),
    notes: [
      'After the trigger: how many failures it detected. Latency: from the first execution of a fault of the trial to its',
      'first detection. Recovery: from the detection until the driver serves again.',
    ],
  };
}

export function hiddenTable(s: Summary): TableData {
  const row = (c: ConfigurationSummary, what: string, v: Survival | null): string[][] => {
    if (!v) return [];
    const last = v.steps[v.steps.length - 1];
    const left = last
      ? `${percent(v.surviving)} (${percentRange(last.low, last.high)})`
      : percent(v.surviving);
    const median = v.median === null ? 'beyond' : `${figure(v.median)} (${duration(v.median / s.clockHz)})`;
    return [
      [
        `${c.name}: ${what}`,
        whole(v.events),
        whole(v.censored),
        median,
        left,
        duration(v.watched / s.clockHz),
      ],
    ];
  };
  return {
    title: 'How long errors stay latent',
    head: ['', 'came', 'trial ended first', 'median, cycles', 'left at the end', 'longest watched'],
    rows: s.configurations.flatMap(c => [
      ...row(c, 'injection → execution (faults)', c.hidden.execution),
      ...row(c, 'execution → error (trials)', c.hidden.error),
      ...row(c, 'execution → failure (trials)', c.hidden.failure),
    ]),
    notes: [
      'Kaplan and Meier’s estimate: a trial’s end censors what has not come. `beyond`: half had not come by then.',
      ...s.configurations.map(
        c => `${c.name}: faults never executed in their trial: ${shareText(c.neverExecuted)}.`,
      ),
    ],
  };
}
