/**
 * From outcomes to MTTF, MTTR and availability. The model: activated bundles of faults (a trial's worth, at least one of
 * them executed) reach a driver as a Poisson process while it serves; each has one consequence, with the
 * campaign's shares as probabilities; repair takes the time of its row below, and serving goes on as before. That is
 * an alternating renewal process: MTTF = 1 / (rate × share of bundles that interrupt), MTTR = mean repair of those, and
 * availability = MTTF / (MTTF + MTTR), which is 1 / (1 + rate × mean repair of all bundles).
 *
 * Intervals: shares are drawn from their posterior (a Bayesian bootstrap, Rubin 1981, with Jeffreys' half a count for
 * each consequence, so that what was never seen is not taken to be impossible), the mean recovery from a normal
 * distribution around the measured one; each drawn figure is computed anew and the middle 95 % are shown.
 *
 * Left out: bundles that meet a repair under way, faults of other causes, repair times that vary.
 */
import jstat from 'jstat';
import { Random } from '../../bench/farend/random.ts';
import { CONSEQUENCES, type Consequence } from './outcomes.ts';
import type { Sample } from './sample.ts';

/** Seconds. */
export interface RepairTimes {
  /** From a dead kernel to services that run. */
  rebootSeconds: number;
  /** A program that was harmed starts again. */
  applicationSeconds: number;
  /** A person notices and acts. */
  humanSeconds: number;
}

interface Repair {
  says: string;
  /** `outage`: measured mean without service of recovered trials, in seconds. */
  seconds: (t: RepairTimes, outage: number) => number;
}

export const REPAIRS: Readonly<Record<Consequence, Repair>> = {
  none: { says: 'nothing to repair', seconds: () => 0 },
  recovered: { says: 'measured time without service', seconds: (_, outage) => outage },
  harmed: {
    says: 'measured time without service + application restart',
    seconds: (t, outage) => outage + t.applicationSeconds,
  },
  dead: {
    says: 'person loads the driver again + application restart',
    seconds: t => t.humanSeconds + t.applicationSeconds,
  },
  undetected: {
    says: 'person finds it and reloads + application restart',
    seconds: t => t.humanSeconds + t.applicationSeconds,
  },
  corrupted: { says: 'person finds it + reboot', seconds: t => t.humanSeconds + t.rebootSeconds },
  crash: { says: 'reboot', seconds: t => t.rebootSeconds },
  hang: { says: 'person finds it + reboot', seconds: t => t.humanSeconds + t.rebootSeconds },
  unclassified: {
    says: 'as the worst: person + reboot',
    seconds: t => t.humanSeconds + t.rebootSeconds,
  },
};

/** A figure with the middle 95 % of its draws. Null stands for never (infinite). */
export interface Bounded {
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface Availability {
  configuration: string;
  /** Trials with a fault executed: what shares are of. */
  activated: number;
  /** Between interruptions of the service of any length. */
  mttfSeconds: Bounded;
  /** Between crashes and hangs. */
  mttfCrashSeconds: Bounded;
  mttrSeconds: Bounded;
  availability: Bounded;
  nines: Bounded;
  downtimeSecondsPerYear: Bounded;
  /** Mean repair over all activated bundles. */
  repairSecondsPerBundle: Bounded;
}

/** Mean Gregorian year. */
export const YEAR_SECONDS = 365.2425 * 86_400;

/** Number of nines of an unavailability: 3 for 0.001. Infinite for 0. */
export const ninesOf = (unavailability: number) => -Math.log10(unavailability);

/** Downtime a year of an unavailability. */
export const downtimeOf = (unavailability: number) => unavailability * YEAR_SECONDS;

/** What one set of shares leads to. */
interface Shares {
  interrupts: number;
  crashes: number;
  repairSeconds: number;
}

/** Of one configuration: the campaign's own shares, then the draws. */
export interface Estimate {
  configuration: string;
  activated: number;
  seen: Shares;
  draws: Shares[];
}

export interface Evidence {
  configuration: string;
  consequences: Record<Consequence, number>;
  /** Trials in which no fault was executed; they are among `none`. */
  notExecuted: number;
  /** Time without service of recovered trials, in cycles. */
  outage: Sample;
}

/** Null when no fault was executed: nothing can be said. */
export function estimate(
  e: Evidence,
  times: RepairTimes,
  clockHz: number,
  draws: number,
  seed: number,
): Estimate | null {
  const counts = CONSEQUENCES.map(c => e.consequences[c] - (c === 'none' ? e.notExecuted : 0));
  const activated = counts.reduce((a, b) => a + b, 0);
  if (activated <= 0) return null;
  const outage = e.outage.count ? e.outage.mean / clockHz : 0;
  const spread = e.outage.standardError / clockHz;
  const random = new Random(seed);
  jstat.setRandom(() => (random.next() - 1) / 0xffffffff);
  const drawn = Array.from({ length: draws }, () => {
    const weights = counts.map(n => jstat.randg(n + 0.5));
    return sharesOf(weights, times, Math.max(0, outage + spread * jstat.randn()));
  });
  return {
    configuration: e.configuration,
    activated,
    seen: sharesOf(counts, times, outage),
    draws: drawn,
  };
}

function sharesOf(weights: readonly number[], times: RepairTimes, outage: number): Shares {
  const total = weights.reduce((a, b) => a + b, 0);
  const shares: Shares = { interrupts: 0, crashes: 0, repairSeconds: 0 };
  CONSEQUENCES.forEach((c, i) => {
    const p = weights[i] / total;
    if (c !== 'none') shares.interrupts += p;
    if (c === 'crash' || c === 'hang') shares.crashes += p;
    shares.repairSeconds += p * REPAIRS[c].seconds(times, outage);
  });
  return shares;
}

/** Share of time without service at `rate` bundles an hour. */
export function unavailability(repairSeconds: number, rate: number): number {
  const load = (rate / 3600) * repairSeconds;
  return load / (1 + load);
}

export function availabilityOf(e: Estimate, rate: number): Availability {
  const perSecond = rate / 3600;
  const of = (f: (s: Shares) => number) => bounded(f(e.seen), e.draws.map(f));
  const down = (s: Shares) => unavailability(s.repairSeconds, rate);
  return {
    configuration: e.configuration,
    activated: e.activated,
    mttfSeconds: of(s => 1 / (perSecond * s.interrupts)),
    mttfCrashSeconds: of(s => 1 / (perSecond * s.crashes)),
    mttrSeconds: of(s => (s.interrupts > 0 ? s.repairSeconds / s.interrupts : 0)),
    availability: of(s => 1 - down(s)),
    nines: of(s => ninesOf(down(s))),
    downtimeSecondsPerYear: of(s => downtimeOf(down(s))),
    repairSecondsPerBundle: of(s => s.repairSeconds),
  };
}

/** The middle 95 % of the draws, widened to hold the value itself where that lies at the edge of what is possible. */
export function bounded(value: number, draws: readonly number[]): Bounded {
  const sorted = Float64Array.from(draws).sort();
  const at = (p: number) => (sorted.length ? sorted[Math.round(p * (sorted.length - 1))] : value);
  const finite = (v: number) => (Number.isFinite(v) ? v : null);
  return {
    value: finite(value),
    low: finite(Math.min(value, at(0.025))),
    high: finite(Math.max(value, at(0.975))),
  };
}
