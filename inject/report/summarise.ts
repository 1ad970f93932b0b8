/**
 * A campaign's records to one Summary: plain data, made in one pass. Every number of the report is here; text, HTML and
 * JSON only show it.
 */
import {
  type CampaignSettings,
  configurationName,
  type FailureModel,
  type Outcome,
  type Persistence,
  type TrialRecord,
} from '../model.ts';
import {
  type Availability,
  availabilityOf,
  downtimeOf,
  type Estimate,
  estimate,
  type RepairTimes,
} from './availability.ts';
import { type BreakEven, breakEvens, type UsefulWork, type WorkCurve, workCurves } from './breakeven.ts';
import { percent } from './format.ts';
import { type Share, share } from './intervals.ts';
import { PHASES, type Phase } from './milestones.ts';
import { type Consequence, isNonFatal, knownOutcome } from './outcomes.ts';
import { Outcomes, type PairCounts, pair } from './pairs.ts';
import type { Quantiles, Sample } from './sample.ts';
import { kaplanMeier, type Survival } from './survival.ts';
import { type Counts, type FollowUp, NONE, noCounts, type Reloads, Tally } from './tally.ts';

/** Of the JSON: raised when a field changes its meaning or goes. */
export const SUMMARY_VERSION = 1;

/** Fewer native crashes, and no percentage is claimed. */
export const LEAST_NATIVE_CRASHES = 200;

export interface SummaryOptions extends Partial<RepairTimes> {
  /** Cycles a second of the profile. */
  clockHz: number;
  /** Activated bundles of faults an hour, each driver; MTTF and its like are of this. */
  faultRate: number;
  /** Without it there is no break-even. */
  usefulWork?: readonly UsefulWork[];
  /** Which failure models each type aims at: the rows of faults/types.ts. */
  models?: Readonly<Record<string, FailureModel | readonly FailureModel[]>>;
  /** Of the intervals of availability and break-even. */
  draws?: number;
  seed?: number;
}

/** Orders of magnitude, not measurements: they depend on the machine and on who watches it. */
export const DEFAULT_REPAIR: RepairTimes = { rebootSeconds: 120, applicationSeconds: 10, humanSeconds: 3600 };
const DEFAULT_DRAWS = 2000;

export interface MatrixRow {
  name: string;
  total: number;
  outcomes: Counts;
}

export interface Distribution {
  name: string;
  /** In cycles. */
  quantiles: Quantiles;
  /** Value at the 0th to 100th percentile. */
  curve: number[];
}

export interface TriggerRow {
  trigger: string;
  detections: number;
  latency: Quantiles | null;
  recovery: Quantiles | null;
}

/** Null where nothing was waited for. */
export interface Hidden {
  /** Per fault: from the injection to its first execution. */
  execution: Survival | null;
  /** Per trial: from the first execution of any fault to the first error, detection included. */
  error: Survival | null;
  /** The same to the first failure that anybody could see, detection included. */
  failure: Survival | null;
}

export interface ConfigurationSummary {
  name: string;
  isolated: boolean;
  trials: number;
  outcomes: Counts;
  consequences: Record<Consequence, number>;
  crashes: Share;
  nonFatal: Share;
  /** Trials in which a fault was executed. */
  activated: number;
  /** By type of the fault executed first: each trial counts once. */
  byType: MatrixRow[];
  /** By every type contained: a trial counts once for each. */
  byContainedType: MatrixRow[];
  /** By the failure models that the type executed first aims at; a type may aim at more than one. */
  byModel: MatrixRow[];
  byPersistence: MatrixRow[];
  reloads: Record<Persistence, Reloads>;
  phases: Distribution[];
  triggers: TriggerRow[];
  /** Trials whose first failure was detected. */
  detections: number;
  /** Of them, before anybody outside the driver could see anything. */
  detectedFirst: Share;
  /** Of all failures detected, those that ended in RECOVERED. */
  recoveries: Share;
  gaveUp: number;
  /** Of trials that went through a recovery and lived: applications unharmed. */
  concealed: Share;
  hidden: Hidden;
  faults: number;
  notInjected: number;
  /** Injected faults that were not executed before the trial's end. */
  neverExecuted: Share;
  wildWrites: {
    trials: number;
    writes: number;
    /** Trials with a write that page protection could have stopped. */
    preventableTrials: number;
    /** Trials with a DMA into memory that is not the driver's: nothing stops these. */
    dmaTrials: number;
  };
  corrupted: { trials: number; preventable: number };
  effort: {
    hostSeconds: number;
    trialsPerHostSecond: number | null;
    instructions: Quantiles | null;
    packets: Quantiles | null;
    /** From injection to the trial's end. */
    cycles: Quantiles | null;
  };
}

export interface Pairing extends PairCounts {
  configuration: string;
  crashShare: Share;
  nonFatalShare: Share;
  /** Enough native crashes to state a percentage. */
  claimed: boolean;
}

export interface Goal {
  goal: string;
  configuration: string;
  figure: string;
  /** Null: cannot be judged. */
  met: boolean | null;
}

export interface Summary {
  version: typeof SUMMARY_VERSION;
  settings: CampaignSettings;
  clockHz: number;
  faultRate: number;
  repair: RepairTimes;
  draws: number;
  /** Records that were left out: no configuration or trial of these settings, or there already. */
  ignored: { foreign: number; repeated: number };
  configurations: ConfigurationSummary[];
  pairings: Pairing[];
  goals: Goal[];
  availability: Availability[];
  usefulWork: UsefulWork[];
  breakEven: BreakEven[];
  workCurves: WorkCurve[];
  followUps: { concern: string; configuration: string; count: number; kept: FollowUp[] }[];
  nines: { availability: number; downtimeSecondsPerYear: number }[];
}

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
  const { recovered, harmed, dead } = t.consequences;
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
    concealed: share(recovered, isolated ? recovered + harmed + dead : 0),
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

/** What was set out to be reached before the campaign; the rules never follow the figures. */
function goalsOf(all: readonly ConfigurationSummary[], pairings: readonly Pairing[]): Goal[] {
  const goals: Goal[] = [];
  const native = all.find(c => !c.isolated);
  if (native)
    goals.push({
      goal: `native crashes, at least ${LEAST_NATIVE_CRASHES}`,
      configuration: native.name,
      figure: `${native.crashes.count}`,
      met: native.crashes.count >= LEAST_NATIVE_CRASHES,
    });
  for (const p of pairings)
    goals.push({
      goal: 'crashes eliminated, at least 99 %',
      configuration: p.configuration,
      figure: p.claimed ? percent(p.crashShare.share ?? 0) : 'not claimed: too few native crashes',
      met: p.claimed ? (p.crashShare.share ?? 0) >= 0.99 : null,
    });
  for (const c of all.filter(c => c.isolated))
    goals.push({
      goal: 'undetected corruption that page protection could stop, none',
      configuration: c.name,
      figure: `${c.corrupted.preventable} of ${c.corrupted.trials} corruptions, ${c.wildWrites.preventableTrials} trials with such a write`,
      met: c.trials > 0 ? c.corrupted.preventable === 0 : null,
    });
  for (const c of all.filter(c => c.name.endsWith('/shadow')))
    goals.push({
      goal: 'recoveries that applications do not notice, at least 98 %',
      configuration: c.name,
      figure: c.concealed.share === null ? 'no recoveries' : percent(c.concealed.share),
      met: c.concealed.share === null ? null : c.concealed.share >= 0.98,
    });
  return goals;
}
