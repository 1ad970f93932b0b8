/**
 * How long something stays away when the watching ends before it comes: E. L. Kaplan and P. Meier, "Nonparametric
 * estimation from incomplete observations", JASA 53 (1958), with Greenwood's variance. A trial's end is such an end. It
 * assumes that trials end for reasons of their own; a crash by another fault of the same trial is not one, so the curve
 * is then the one that the fault would have if the others did not end it (docs/reliability.md).
 */
import type { Sample } from './sample.ts';

/** Just after `time`, `surviving` of all still wait. */
export interface SurvivalStep {
  time: number;
  surviving: number;
  /** 95 % by Greenwood's formula on the log-log scale (Kalbfleisch and Prentice), which stays in 0..1. */
  low: number;
  high: number;
}

export interface Survival {
  events: number;
  censored: number;
  /** The longest that anything was watched. */
  watched: number;
  /** First time at which half have come; null when half never did. */
  median: number | null;
  /** Left at the end of the curve. */
  surviving: number;
  /** Thinned to at most STEPS for plots. */
  steps: SurvivalStep[];
}

const STEPS = 200;
/** Two-sided 95 % of the normal distribution. */
const Z = 1.959963984540054;

/** Steps down at each time in `came`; `ended` are the times at which watching ended without it. Null when empty. */
export function kaplanMeier(came: Sample, ended: Sample): Survival | null {
  const total = came.count + ended.count;
  if (total === 0) return null;
  const censored = ended.entries();
  const steps: SurvivalStep[] = [];
  let atRisk = total;
  let surviving = 1;
  let variance = 0;
  let next = 0;
  for (const [time, deaths] of came.entries()) {
    // One who leaves at the very time of an event was still at risk.
    while (next < censored.length && censored[next][0] < time) atRisk -= censored[next++][1];
    surviving *= 1 - deaths / atRisk;
    variance += deaths / (atRisk * (atRisk - deaths));
    atRisk -= deaths;
    steps.push({ time, surviving, ...logLog(surviving, variance) });
  }
  const last = Math.max(came.quantiles()?.max ?? 0, ended.quantiles()?.max ?? 0);
  return {
    events: came.count,
    censored: ended.count,
    watched: last,
    median: steps.find(s => s.surviving <= 0.5 + 1e-12)?.time ?? null,
    surviving: steps.length ? steps[steps.length - 1].surviving : 1,
    steps: thin(steps),
  };
}

function logLog(surviving: number, variance: number): { low: number; high: number } {
  if (surviving >= 1) return { low: 1, high: 1 };
  // The last one has come: the formula has no value, and the curve ends.
  if (surviving <= 0 || !Number.isFinite(variance)) return { low: 0, high: 0 };
  const spread = (Z * Math.sqrt(variance)) / Math.abs(Math.log(surviving));
  return { low: surviving ** Math.exp(spread), high: surviving ** Math.exp(-spread) };
}

/** Evenly by rank, first and last kept. */
function thin(steps: SurvivalStep[]): SurvivalStep[] {
  if (steps.length <= STEPS) return steps;
  return Array.from({ length: STEPS }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (STEPS - 1))]);
}
