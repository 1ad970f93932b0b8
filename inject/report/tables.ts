/** The report's tables as rows of text, for the terminal and for HTML alike. */
import { type Bounded, REPAIRS } from './availability.ts';
import { duration, figure, percent, percentRange, plain } from './format.ts';
import { clopperPearson, type Share, share } from './intervals.ts';
import { CONSEQUENCES, OUTCOMES } from './outcomes.ts';
import { PAPER } from './paper.ts';
import type { Quantiles } from './sample.ts';
import type { ConfigurationSummary, MatrixRow, Pairing, Summary } from './summarise.ts';
import type { Survival } from './survival.ts';

export interface TableData {
  title: string;
  head: string[];
  rows: string[][];
  /** Under the table. */
  notes: string[];
}

/** Makes the command that runs a trial again. */
export type Replay = (configuration: string, trial: number) => string;

export function tablesOf(s: Summary, replay: Replay): TableData[] {
  const tables = [
    paperTable(s),
    goalTable(s),
    outcomeTable(s),
    ...s.configurations.flatMap(matrices),
    modelTable(s),
    persistenceTable(s),
    reloadTable(s),
    phaseTable(s),
    triggerTable(s),
    hiddenTable(s),
    availabilityTable(s),
    repairTable(s),
    ninesTable(s),
    breakEvenTable(s),
    effortTable(s),
    wildTable(s),
    followUpTable(s, replay),
  ];
  return tables.filter(t => t.rows.length > 0);
}

const whole = (n: number) => n.toLocaleString('en-US');

function interval(s: Share): string {
  return s.low === null || s.high === null ? '–' : percentRange(s.low, s.high);
}

function shareText(s: Share): string {
  return s.share === null ? '–' : `${percent(s.share)} (${interval(s)})`;
}

// The paper's table

function paperTable(s: Summary): TableData {
  const native = s.configurations.find(c => !c.isolated);
  const rows: string[][] = [];
  for (const c of s.configurations.filter(c => c.isolated)) {
    const p = s.pairings.find(p => p.configuration === c.name);
    rows.push(
      [
        `system crashes, ${c.name}`,
        nativeCell(native?.crashes),
        countCell(c.crashes),
        ...eliminated(p, 'crash'),
        p?.claimed ? fewer(native?.crashes, c.crashes) : '–',
      ],
      [
        `non-fatal extension failures, ${c.name}`,
        nativeCell(native?.nonFatal),
        countCell(c.nonFatal),
        ...eliminated(p, 'non-fatal'),
        fewer(native?.nonFatal, c.nonFatal),
      ],
    );
  }
  if (rows.length === 0 && native)
    rows.push(
      ['system crashes', nativeCell(native.crashes), '–', '–', '–', '–'],
      ['non-fatal extension failures', nativeCell(native.nonFatal), '–', '–', '–', '–'],
    );
  if (rows.length)
    rows.push(paperRow('system crashes', 'crashes'), paperRow('non-fatal extension failures', 'nonFatal'));
  return {
    title: 'Crashes and failures, as in the paper',
    head: ['', 'native', 'Nooks', 'eliminated', '95 % interval', 'fewer by sums'],
    rows,
    notes: [
      ...s.pairings.map(pairNote),
      ...s.configurations.filter(c => c.isolated).map(harmedNote),
      'Eliminated: of the native ones, those that the same faults did not cause with isolation. Intervals by Clopper and Pearson.',
      `The paper: ${whole(PAPER.trials)} trials on five extensions; its figures are of sums, its interval is ours.`,
    ],
  };
}

const nativeCell = (s: Share | undefined) => (s ? countCell(s) : '–');
const countCell = (s: Share) => `${whole(s.count)} of ${whole(s.of)}`;

function eliminated(p: Pairing | undefined, which: 'crash' | 'non-fatal'): [string, string] {
  if (!p) return ['–', '–'];
  const s = which === 'crash' ? p.crashShare : p.nonFatalShare;
  const counts = `${whole(s.count)} of ${whole(s.of)}`;
  // Too few crashes say nothing in percent, and neither does their interval.
  if (which === 'crash' && !p.claimed) return [`${counts}, not claimed`, '–'];
  return s.share === null ? ['–', '–'] : [`${counts}, ${percent(s.share)}`, interval(s)];
}

/** As the paper does it: new failures of isolated runs count against the native ones. */
function fewer(native: Share | undefined, isolated: Share): string {
  if (!native?.share || isolated.share === null) return '–';
  return percent(1 - isolated.share / native.share);
}

function paperRow(name: string, which: 'crashes' | 'nonFatal'): string[] {
  const { native, nooks } = PAPER[which];
  const [low, high] = clopperPearson(native - nooks, native);
  return [
    `  the paper’s ${name}`,
    `${native} of ${whole(PAPER.trials)}`,
    `${nooks} of ${whole(PAPER.trials)}`,
    `${native - nooks} of ${native}, ${percent((native - nooks) / native)}`,
    percentRange(low, high),
    percent((native - nooks) / native),
  ];
}

/** Whoever calls a harmed application a failure finds its number here. */
function harmedNote(c: ConfigurationSummary): string {
  const { harmed, dead } = c.consequences;
  return (
    `${c.name}: among the non-fatal failures are ${whole(dead)} where the driver’s service was gone at the end. Not among ` +
    `them are ${whole(harmed)} where it came back and an application was harmed.`
  );
}

function pairNote(p: Pairing): string {
  const missing = p.claimed ? '' : ' Fewer than 200 native crashes: no percentage is claimed.';
  return (
    `${p.configuration}: ${whole(p.trials)} trials in both. Crashes that were none natively: ${p.newCrashes}. Non-fatal ` +
    `failures where the native system crashed: ${p.nonFatalWasCrash}, where it had no failure: ${p.newNonFatal}.${missing}`
  );
}

function goalTable(s: Summary): TableData {
  return {
    title: 'What was to be reached',
    head: ['goal', 'configuration', 'figure', 'reached'],
    rows: s.goals.map(g => [
      g.goal,
      g.configuration,
      g.figure,
      g.met === null ? 'not judged' : g.met ? 'yes' : 'NO',
    ]),
    notes: [],
  };
}

// Outcomes

function outcomeTable(s: Summary): TableData {
  return {
    title: 'Outcomes',
    head: ['outcome', ...s.configurations.map(c => c.name)],
    rows: [
      ...OUTCOMES.map(o => [
        o,
        ...s.configurations.map(c => {
          const n = c.outcomes[o];
          return c.trials ? `${whole(n)}  ${percent(n / c.trials).padStart(7)}` : '–';
        }),
      ]),
      ['trials', ...s.configurations.map(c => whole(c.trials))],
    ],
    notes: [],
  };
}

const SHORT: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  'not executed': 'not exec.',
  'no effect': 'no effect',
  recovered: 'recov.',
  'recovered, applications harmed': 'harmed',
  'undetected failure: omission': 'omission',
  'undetected failure: output': 'output',
  'undetected failure: timing': 'timing',
  'kernel corrupted, undetected': 'corrupt',
  crash: 'crash',
  hang: 'hang',
  'not classified': 'not class.',
};

function matrixTable(title: string, rows: readonly MatrixRow[], notes: string[]): TableData {
  return {
    title,
    head: ['', 'trials', ...OUTCOMES.map(o => SHORT[o])],
    rows: rows.map(r => [
      plain(r.name, 40),
      whole(r.total),
      ...OUTCOMES.map(o => (r.outcomes[o] ? whole(r.outcomes[o]) : '·')),
    ]),
    notes,
  };
}

function matrices(c: ConfigurationSummary): TableData[] {
  return [
    matrixTable(`Fault type and outcome, ${c.name}: by the fault executed first`, c.byType, [
      'Each trial counts once, under the type of the fault that was executed (or used) first.',
    ]),
    matrixTable(`Fault type and outcome, ${c.name}: trials that contain the type`, c.byContainedType, [
      'A trial counts once for each type among its faults, so rows overlap.',
    ]),
  ];
}

function modelTable(s: Summary): TableData {
  const rows = s.configurations.flatMap(c => c.byModel.map(r => ({ ...r, name: `${c.name}: ${r.name}` })));
  return matrixTable('Failure model aimed at and outcome', rows, [
    'Under the models that the type executed first aims at; a type with more than one counts under each.',
  ]);
}

function persistenceTable(s: Summary): TableData {
  const rows = s.configurations.flatMap(c =>
    c.byPersistence.map(r => ({ ...r, name: `${c.name}: ${r.name}` })),
  );
  return matrixTable('Transient and deterministic faults', rows, [
    'Transient faults are gone after the driver is loaded again (Heisenbugs), deterministic ones are back (Bohr bugs).',
  ]);
}

function reloadTable(s: Summary): TableData {
  const persistences = ['transient', 'deterministic'] as const;
  return {
    title: 'Whether loading the driver again helps',
    head: [
      '',
      'trials detected',
      'failures a trial',
      'recovered',
      'failed again',
      'gave up',
      'serves at the end, 95 %',
    ],
    rows: s.configurations.flatMap(c =>
      persistences.flatMap(p => {
        const r = c.reloads[p];
        if (r.detected === 0) return [];
        return [
          [
            `${c.name}: ${p}`,
            whole(r.detected),
            figure(r.failures / r.detected),
            `${whole(r.recovered)} of ${whole(r.failures)}`,
            whole(r.failedAgain),
            whole(r.gaveUp),
            shareText(share(r.served, r.detected)),
          ],
        ];
      }),
    ),
    notes: [
      'Failed again: trials with another failure after a recovery. At the end: the system lives and packets go both ways.',
    ],
  };
}

// Times

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

function phaseTable(s: Summary): TableData {
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

function triggerTable(s: Summary): TableData {
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

function hiddenTable(s: Summary): TableData {
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

// Availability

function bounds(b: Bounded, show: (v: number) => string, never = 'never'): string {
  const text = (v: number | null) => (v === null ? never : show(v));
  return `${text(b.value)}\n${text(b.low)} – ${text(b.high)}`;
}

function availabilityTable(s: Summary): TableData {
  return {
    title: `Availability at ${figure(s.faultRate)} activated fault bundles an hour`,
    head: [
      'configuration',
      'MTTF',
      'MTTF, crashes only',
      'MTTR',
      'availability, %',
      'nines',
      'downtime a year',
    ],
    rows: s.availability.map(a => [
      a.configuration,
      bounds(a.mttfSeconds, duration),
      bounds(a.mttfCrashSeconds, duration),
      bounds(a.mttrSeconds, duration),
      bounds(a.availability, v => (v * 100).toFixed(6)),
      bounds(a.nines, v => v.toFixed(2), '∞'),
      bounds(a.downtimeSecondsPerYear, duration),
    ]),
    notes: [
      'Second line: 95 % interval, from the campaign’s own uncertainty only. A failure is any interruption of the service.',
      `Bundles arrive by a Poisson process. Reboot ${duration(s.repair.rebootSeconds)}, restart of an application ` +
        `${duration(s.repair.applicationSeconds)}, a person ${duration(s.repair.humanSeconds)}: given, not measured.`,
    ],
  };
}

function repairTable(s: Summary): TableData {
  return {
    title: 'What each consequence costs',
    head: ['consequence', 'repair', ...s.configurations.map(c => c.name)],
    rows: CONSEQUENCES.map(k => [k, REPAIRS[k].says, ...s.configurations.map(c => whole(c.consequences[k]))]),
    notes: ['`dead`: the system lives, the driver’s service does not at the end.'],
  };
}

function ninesTable(s: Summary): TableData {
  return {
    title: 'What the nines mean',
    head: ['availability', 'downtime a year'],
    rows: s.nines.map(n => [
      `${Number((n.availability * 100).toFixed(6))} %`,
      duration(n.downtimeSecondsPerYear),
    ]),
    notes: [],
  };
}

function breakEvenTable(s: Summary): TableData {
  const rate = (v: number) => (v === 0 ? 'any' : `${figure(v)}/h (every ${duration(3600 / v)})`);
  return {
    title: 'Break-even: isolation delivers more useful work above this rate of activated bundles',
    head: ['load', 'configuration', 'throughput left', 'rate, 95 % interval', 'draws that cross'],
    rows: s.breakEven.map(b => [
      plain(b.load, 40),
      b.configuration,
      b.relative.toFixed(3),
      bounds(b.rate, rate, 'no rate'),
      percent(b.certainty),
    ]),
    notes: [
      'Useful work is throughput × availability, native throughput without faults being 1.',
      ...s.usefulWork.map(w => `${plain(w.load, 40)}: ${plain(w.source, 200)}`),
    ],
  };
}

// The campaign itself

function effortTable(s: Summary): TableData {
  const range = (q: Quantiles | null) => (q ? `${figure(q.min)} / ${figure(q.p50)}` : '–');
  return {
    title: 'Length and speed of the trials',
    head: [
      'configuration',
      'trials',
      'packets least / median',
      'cycles least / median',
      'instructions mean',
      'trials/s of a core',
    ],
    rows: s.configurations.map(c => [
      c.name,
      whole(c.trials),
      range(c.effort.packets),
      range(c.effort.cycles),
      c.effort.instructions ? figure(c.effort.instructions.mean) : '–',
      c.effort.trialsPerHostSecond === null ? '–' : figure(c.effort.trialsPerHostSecond),
    ]),
    notes: [
      `After the injection. Stated: at least ${whole(s.settings.minimumPackets)} packets and ${whole(s.settings.minimumCycles)} cycles, unless the machine ends.`,
    ],
  };
}

function wildTable(s: Summary): TableData {
  return {
    title: 'Writes to what is not the driver’s',
    head: [
      'configuration',
      'trials',
      'writes',
      'trials, page protection could stop it',
      'trials, by DMA',
      'kernel corrupted, undetected',
    ],
    rows: s.configurations.map(c => [
      c.name,
      whole(c.wildWrites.trials),
      whole(c.wildWrites.writes),
      whole(c.wildWrites.preventableTrials),
      whole(c.wildWrites.dmaTrials),
      `${whole(c.corrupted.trials)}, of them preventable ${whole(c.corrupted.preventable)}`,
    ]),
    notes: ['There is no IOMMU: a DMA to a wild address gets through.'],
  };
}

function followUpTable(s: Summary, replay: Replay): TableData {
  return {
    title: 'Trials to look at',
    head: ['concern', 'trial', 'outcome', 'last line', 'again'],
    rows: s.followUps.flatMap(f =>
      f.kept.map(k => [
        k.concern,
        `${k.configuration} ${k.trial} ${k.persistence}`,
        k.outcome,
        plain(k.lastLine, 60),
        replay(k.configuration, k.trial),
      ]),
    ),
    notes: s.followUps
      .filter(f => f.count > f.kept.length)
      .map(
        f => `${f.configuration}, ${f.concern}: ${whole(f.count)} in all, the first ${f.kept.length} shown.`,
      ),
  };
}
