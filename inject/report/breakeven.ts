/**
 * Above which rate of faults isolation delivers more useful work than the native kernel. Useful work is throughput ×
 * availability, native throughput without faults being 1. With relative throughput T and mean repair d of an activated
 * bundle, work at rate r is T / (1 + r d), so the curves of native (1, d0) and isolated (T, d1) cross once, at
 * r = (1 - T) / (T d0 - d1).
 */
import { type Bounded, bounded, type Estimate, unavailability } from './availability.ts';

/** What isolation leaves of the throughput under one load, without faults. */
export interface UsefulWork {
  /** `CPU-limited`, `wire-limited`, … */
  load: string;
  /** Where the figures come from, in words. */
  source: string;
  /** By configuration's name; native is 1. A configuration without a figure has no break-even. */
  relative: Record<string, number>;
}

/** Work that a saturated CPU gets done, from the CPU's share that the same work takes in each. */
export function cpuLimited(cpuNative: number, cpuIsolated: number): number {
  return cpuNative / cpuIsolated;
}

export interface BreakEven {
  load: string;
  source: string;
  configuration: string;
  relative: number;
  /** Bundles an hour; 0 = better at any rate, `value` null = at none. */
  rate: Bounded;
  /** Of the draws, those in which isolation wins from some rate on. */
  certainty: number;
}

export interface WorkCurve {
  load: string;
  /** Bundles an hour, ascending, evenly on a logarithmic axis. */
  rates: number[];
  /** By configuration: throughput × availability at each rate. */
  work: { configuration: string; values: number[] }[];
}

/** Bundles an hour; 0 = always better, Infinity = never. */
export function breakEvenRate(relative: number, nativeRepair: number, isolatedRepair: number): number {
  const gain = relative * nativeRepair - isolatedRepair;
  if (relative >= 1) return gain >= 0 ? 0 : Number.POSITIVE_INFINITY;
  if (gain <= 0) return Number.POSITIVE_INFINITY;
  return ((1 - relative) / gain) * 3600;
}

/** Draws are taken pair by pair as if independent; they share their faults, so the interval is on the wide side. */
export function breakEvens(
  loads: readonly UsefulWork[],
  native: Estimate | undefined,
  isolated: readonly Estimate[],
): BreakEven[] {
  if (!native) return [];
  return loads.flatMap(({ load, source, relative }) =>
    isolated
      .filter(e => relative[e.configuration] > 0)
      .map(e => {
        const t = relative[e.configuration];
        const draws = e.draws.map((d, i) => breakEvenRate(t, native.draws[i].repairSeconds, d.repairSeconds));
        return {
          load,
          source,
          configuration: e.configuration,
          relative: t,
          rate: bounded(breakEvenRate(t, native.seen.repairSeconds, e.seen.repairSeconds), draws),
          certainty: draws.filter(Number.isFinite).length / Math.max(1, draws.length),
        };
      }),
  );
}

const POINTS = 121;
/** Shown when no curves cross: from one bundle in a century or so to one in four seconds. */
const WIDEST: [number, number] = [1e-6, 1e3];

export function workCurves(
  loads: readonly UsefulWork[],
  native: Estimate | undefined,
  isolated: readonly Estimate[],
  crossings: readonly BreakEven[],
): WorkCurve[] {
  if (!native) return [];
  return loads.map(({ load, relative }) => {
    const at = crossings.filter(b => b.load === load).flatMap(b => (b.rate.value ? [b.rate.value] : []));
    const low = at.length ? Math.min(...at) / 100 : WIDEST[0];
    const high = at.length ? Math.max(...at) * 100 : WIDEST[1];
    const rates = Array.from({ length: POINTS }, (_, i) => low * (high / low) ** (i / (POINTS - 1)));
    const curve = (e: Estimate, t: number) => ({
      configuration: e.configuration,
      values: rates.map(r => t * (1 - unavailability(e.seen.repairSeconds, r))),
    });
    const others = isolated.filter(e => relative[e.configuration] > 0);
    const work = [curve(native, 1), ...others.map(e => curve(e, relative[e.configuration]))];
    return { load, rates, work };
  });
}
