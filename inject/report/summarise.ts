/**
 * A campaign's records to one Summary, in one pass. Every number of the report is made here; text, HTML and JSON only
 * show it.
 */
import { type CampaignSettings, configurationName, type Outcome, type TrialRecord } from '../model.ts';
import { availabilityOf, downtimeOf, type Estimate, estimate, type RepairTimes } from './availability.ts';
import { breakEvens, workCurves } from './breakeven.ts';
import { goalsOf, LEAST_NATIVE_CRASHES } from './goals.ts';
import { share } from './intervals.ts';
import { PHASES, type Phase } from './milestones.ts';
import { isNonFatal, knownOutcome } from './outcomes.ts';
import { Outcomes, pair } from './pairs.ts';
import type { Sample } from './sample.ts';
import {
  type ConfigurationSummary,
  type Distribution,
  type MatrixRow,
  type Pairing,
  SUMMARY_VERSION,
  type Summary,
  type SummaryOptions,
} from './summary.ts';
import { kaplanMeier } from './survival.ts';
import { type Counts, NONE, noCounts, Tally } from './tally.ts';

/** Orders of magnitude, not measurements: they depend on the machine and on who watches it. */
export const DEFAULT_REPAIR: RepairTimes = { rebootSeconds: 120, applicationSeconds: 10, humanSeconds: 3600 };
const DEFAULT_DRAWS = 2000;

interface Column {
  name: string;
  isolated: boolean;
  tally: Tally;
  outcomes: Outcomes;
}

export function summarise(
  settings: CampaignSettings,
  records: Iterable<TrialRecord>,
  options: SummaryOptions,
): Summary {
  const times = repairTimes(options);
  const minimum = { packets: settings.minimumPackets, cycles: settings.minimumCycles };
  const columns = new Map<string, Column>();
  for (const c of settings.configurations) {
    const name = configurationName(c);
    const isolated = c.isolation === 'nooks';
    columns.set(name, { name, isolated, tally: new Tally(isolated, minimum), outcomes: new Outcomes() });
  }
  const ignored = read(settings, records, columns);
  const all = [...columns.values()];
  const native = all.find(c => !c.isolated);
  const pairings = native ? all.filter(c => c.isolated).map(c => pairingOf(native, c)) : [];
  const configurations = all.map(c => configurationOf(c, options));
  const draws = options.draws ?? DEFAULT_DRAWS;
  const estimates = all.map((c, i) => estimateOf(c, times, options, draws, settings.seed + i));
  const known = estimates.filter(e => e !== null);
  const nativeEstimate = known.find(e => e.configuration === native?.name);
  const isolated = known.filter(e => columns.get(e.configuration)?.isolated);
  const usefulWork = [...(options.usefulWork ?? [])];
  const breakEven = breakEvens(usefulWork, nativeEstimate, isolated);
  return {
    version: SUMMARY_VERSION,
    settings,
    clockHz: options.clockHz,
    faultRate: options.faultRate,
    repair: times,
    draws,
    ignored,
    configurations,
    pairings,
    goals: goalsOf(configurations, pairings),
    availability: known.map(e => availabilityOf(e, options.faultRate)),
    usefulWork,
    breakEven,
    workCurves: workCurves(usefulWork, nativeEstimate, isolated, breakEven),
    followUps: all.flatMap(c =>
      [...c.tally.concerns].map(([concern, list]) => ({ concern, configuration: c.name, ...list })),
    ),
    nines: [0.99, 0.999, 0.9999, 0.99999, 0.999999].map(availability => ({
      availability,
      downtimeSecondsPerYear: downtimeOf(1 - availability),
    })),
  };
}

function repairTimes(options: SummaryOptions): RepairTimes {
  const times = {
    rebootSeconds: options.rebootSeconds ?? DEFAULT_REPAIR.rebootSeconds,
    applicationSeconds: options.applicationSeconds ?? DEFAULT_REPAIR.applicationSeconds,
    humanSeconds: options.humanSeconds ?? DEFAULT_REPAIR.humanSeconds,
  };
  for (const [name, value] of Object.entries(times))
    if (!(value >= 0 && Number.isFinite(value)))
      throw new RangeError(`${name} must be 0 or more, not ${value}`);
  const above: [string, number][] = [
    ['clockHz', options.clockHz],
    ['faultRate', options.faultRate],
    ...(options.usefulWork ?? []).flatMap(w => Object.entries(w.relative)),
  ];
  for (const [name, value] of above)
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name} must be above 0, not ${value}`);
  return times;
}

function read(
  settings: CampaignSettings,
  records: Iterable<TrialRecord>,
  columns: ReadonlyMap<string, Column>,
): Summary['ignored'] {
  const ignored = { foreign: 0, repeated: 0 };
  for (const record of records) {
    const column = columns.get(record.configuration);
    const { trial, persistence } = record.plan;
    if (!column || !Number.isInteger(trial) || trial < 0 || trial >= settings.trials) {
      ignored.foreign++;
      continue;
    }
    const outcome = knownOutcome(record.outcome);
    const nonFatal = isNonFatal(outcome, record.observation);
    if (column.outcomes.put(trial, persistence, outcome, nonFatal)) column.tally.add(record, outcome);
    else ignored.repeated++;
  }
  return ignored;
}

function pairingOf(native: Column, isolated: Column): Pairing {
  const counts = pair(native.outcomes, isolated.outcomes);
  return {
    configuration: isolated.name,
    ...counts,
    crashShare: share(counts.crashesEliminated, counts.nativeCrashes),
    nonFatalShare: share(counts.nonFatalEliminated, counts.nativeNonFatal),
    claimed: counts.nativeCrashes >= LEAST_NATIVE_CRASHES,
  };
}

function estimateOf(
  { name, tally }: Column,
  times: RepairTimes,
  options: SummaryOptions,
  draws: number,
  seed: number,
): Estimate | null {
  const { consequences, outage } = tally;
  const notExecuted = unexecuted(tally);
  const evidence = { configuration: name, consequences, notExecuted, outage };
  return estimate(evidence, times, options.clockHz, draws, options.seed ?? seed);
}

/** Of consequence `none` only: a dead service counts, whatever was seen to be executed. */
function unexecuted(tally: Tally): number {
  return Math.min(tally.outcomes['not executed'], tally.consequences.none);
}

function configurationOf(
  { name, isolated, tally: t }: Column,
  options: SummaryOptions,
): ConfigurationSummary {
  const injected = t.faults - t.notInjected;
  const detected = t.reloads.transient.detected + t.reloads.deterministic.detected;
  return {
    name,
    isolated,
    trials: t.trials,
    outcomes: t.outcomes,
    consequences: t.consequences,
    crashes: share(t.crashes, t.trials),
    nonFatal: share(t.nonFatal, t.trials),
    activated: t.trials - unexecuted(t),
    byType: matrix(t.byFirst.rows),
    byContainedType: matrix(t.byContained.rows),
    byModel: matrix(modelRows(t.byFirst.rows, options.models ?? {})),
    byPersistence: matrix(t.byPersistence.rows),
    reloads: t.reloads,
    phases: PHASES.flatMap(phase => distribution(phase, t.phases.get(phase))),
    triggers: [...t.triggers].map(([trigger, r]) => ({
      trigger,
      detections: r.count,
      latency: r.latency.quantiles(),
      recovery: r.recovery.quantiles(),
    })),
    detections: t.detections,
    detectedFirst: share(t.detectedFirst, t.detections),
    recoveries: share(t.recovered, t.recoveries),
    gaveUp: t.gaveUp,
    concealed: share(t.concealed, detected),
    streamsGoOn: share(t.streamsGoOn, detected),
    hidden: {
      execution: kaplanMeier(t.hidden.execution.came, t.hidden.execution.ended),
      error: kaplanMeier(t.hidden.error.came, t.hidden.error.ended),
      failure: kaplanMeier(t.hidden.failure.came, t.hidden.failure.ended),
    },
    faults: t.faults,
    notInjected: t.notInjected,
    neverExecuted: share(t.hidden.execution.ended.count, injected),
    wildWrites: t.wild,
    corrupted: { trials: t.corrupted, preventable: t.corruptedPreventable },
    effort: {
      hostSeconds: t.hostSeconds,
      trialsPerHostSecond: t.hostSeconds > 0 ? t.trials / t.hostSeconds : null,
      instructions: t.instructions.quantiles(),
      packets: t.packets.quantiles(),
      cycles: t.cycles.quantiles(),
    },
  };
}

function distribution(name: Phase, sample: Sample | undefined): Distribution[] {
  const quantiles = sample?.quantiles();
  return sample && quantiles ? [{ name, quantiles, curve: sample.curve() }] : [];
}

function matrix(rows: ReadonlyMap<string, Counts>): MatrixRow[] {
  const total = (c: Counts) => Object.values(c).reduce((a, b) => a + b, 0);
  const list = [...rows].map(([name, outcomes]) => ({ name, total: total(outcomes), outcomes }));
  // By name: the order of the records decides nothing.
  return list.sort((a, b) => Number(a.name === NONE) - Number(b.name === NONE) || (a.name < b.name ? -1 : 1));
}

function modelRows(types: ReadonlyMap<string, Counts>, models: NonNullable<SummaryOptions['models']>) {
  const rows = new Map<string, Counts>();
  for (const [type, counts] of types) {
    const of = Object.hasOwn(models, type)
      ? [models[type]].flat()
      : [type === NONE ? NONE : 'no model given'];
    for (const model of of) {
      const row = rows.get(model) ?? noCounts();
      for (const outcome of Object.keys(counts) as Outcome[]) row[outcome] += counts[outcome];
      rows.set(model, row);
    }
  }
  return rows;
}
