import { describe, expect, it } from 'vitest';
import {
  availabilityOf,
  bounded,
  downtimeOf,
  type Estimate,
  estimate,
  ninesOf,
  unavailability,
} from '../../../inject/report/availability.ts';
import {
  breakEvenRate,
  breakEvens,
  cpuLimited,
  type UsefulWork,
  workCurves,
} from '../../../inject/report/breakeven.ts';
import { duration } from '../../../inject/report/format.ts';
import { CONSEQUENCES, type Consequence } from '../../../inject/report/outcomes.ts';
import { Sample } from '../../../inject/report/sample.ts';

const TIMES = { rebootSeconds: 120, applicationSeconds: 10, humanSeconds: 3600 };

function evidence(configuration: string, some: Partial<Record<Consequence, number>>, outages: number[] = []) {
  const consequences = Object.fromEntries(CONSEQUENCES.map(c => [c, some[c] ?? 0])) as Record<
    Consequence,
    number
  >;
  const outage = new Sample();
  for (const cycles of outages) outage.add(cycles);
  return { configuration, consequences, notExecuted: 0, outage };
}

const made = (...args: Parameters<typeof evidence>) =>
  estimate(evidence(...args), TIMES, 1e9, 500, 1) as Estimate;

describe('nines', () => {
  it.each([
    // The lecture's table.
    [0.99, 2, '3.65 days'],
    [0.999, 3, '8.77 hours'],
    [0.9999, 4, '52.6 minutes'],
    [0.99999, 5, '5.26 minutes'],
    [0.999999, 6, '31.6 seconds'],
  ])('%f is %i of them: %s a year', (availability, nines, text) => {
    expect(ninesOf(1 - availability)).toBeCloseTo(nines, 6);
    expect(duration(downtimeOf(1 - availability))).toBe(text);
  });
});

describe('availability', () => {
  it('of a system that only crashes, by hand', () => {
    // Half of the bundles crash it; one bundle an hour: MTTF 2 h, MTTR 2 min.
    const a = availabilityOf(made('none', { none: 50, crash: 50 }), 1);
    expect(a.mttfSeconds.value).toBeCloseTo(7200, 9);
    expect(a.mttfCrashSeconds.value).toBeCloseTo(7200, 9);
    expect(a.mttrSeconds.value).toBeCloseTo(120, 9);
    expect(a.availability.value).toBeCloseTo(7200 / 7320, 12);
    expect(a.nines.value).toBeCloseTo(-Math.log10(120 / 7320), 12);
  });

  it('takes each consequence’s own repair', () => {
    const counts = {
      none: 30,
      recovered: 10,
      harmed: 10,
      dead: 10,
      undetected: 10,
      corrupted: 10,
      crash: 10,
      hang: 10,
    };
    // Outage 3 s on average: 0 + 3 + 13 + 3610 + 3610 + 3720 + 120 + 3720.
    const a = availabilityOf(made('nooks/restart', counts, [2e9, 4e9]), 0.01);
    expect(a.repairSecondsPerBundle.value).toBeCloseTo((3 + 13 + 3610 + 3610 + 3720 + 120 + 3720) / 10, 9);
    expect(a.mttfSeconds.value).toBeCloseTo(3600 / (0.01 * 0.7), 6);
    expect(a.mttfCrashSeconds.value).toBeCloseTo(3600 / (0.01 * 0.2), 6);
  });

  it('counts no trial in which nothing was executed', () => {
    const e = { ...evidence('none', { none: 90, crash: 10 }), notExecuted: 80 };
    expect(estimate(e, TIMES, 1e9, 10, 1)).toMatchObject({ activated: 20, seen: { crashes: 0.5 } });
    expect(estimate({ ...evidence('none', { none: 5 }), notExecuted: 5 }, TIMES, 1e9, 10, 1)).toBeNull();
  });

  it('does not take a crash that never happened for impossible', () => {
    const a = availabilityOf(made('nooks/restart', { none: 500, recovered: 500 }, [1e6]), 1);
    expect(a.mttfCrashSeconds.value).toBeNull();
    expect(a.mttfCrashSeconds.high).toBeNull();
    // About 3600 / (2.5 / 1000): the upper end of Jeffreys' interval for 0 of 1000, twice (crash, hang).
    expect(a.mttfCrashSeconds.low).toBeGreaterThan(3600 / 0.006);
    expect(a.mttfCrashSeconds.low).toBeLessThan(3600 / 0.002);
  });

  it('draws the same numbers from the same seed, and an interval that holds the value', () => {
    const counts = { none: 300, recovered: 100, harmed: 50, crash: 20 };
    const one = availabilityOf(made('nooks/restart', counts, [1e6, 2e6, 3e6]), 1);
    expect(availabilityOf(made('nooks/restart', counts, [1e6, 2e6, 3e6]), 1)).toEqual(one);
    for (const b of [one.mttfSeconds, one.mttrSeconds, one.nines, one.availability]) {
      expect(b.low).toBeLessThanOrEqual(b.value as number);
      expect(b.high).toBeGreaterThanOrEqual(b.value as number);
      expect(b.low).toBeLessThan(b.high as number);
    }
  });

  it('has intervals as wide as the campaign is small', () => {
    const width = (n: number) => {
      const { low, high } = availabilityOf(made('none', { none: n, crash: n }), 1).mttfSeconds;
      return (high as number) - (low as number);
    };
    // Ten times the standard error for a hundredth of the trials.
    expect(width(50) / width(5000)).toBeGreaterThan(7);
    expect(width(50) / width(5000)).toBeLessThan(14);
  });

  it('stands for infinite by null', () => {
    expect(bounded(Number.POSITIVE_INFINITY, [1, 2, Number.POSITIVE_INFINITY])).toEqual({
      value: null,
      low: 1,
      high: null,
    });
  });
});

describe('break-even', () => {
  it('by hand', () => {
    // 0.9 / (1 + r 1) = 1 / (1 + r 10)  →  9 r + 0.9 = 1 + r  →  r = 1/80 a second.
    expect(breakEvenRate(0.9, 10, 1)).toBeCloseTo(3600 / 80, 9);
  });

  it('is where the curves cross, found by bisection', () => {
    for (const [t, d0, d1] of [
      [0.545, 900, 40],
      [0.97, 120, 100],
      [0.5, 3600, 1],
    ]) {
      const better = (r: number) => t * (1 - unavailability(d1, r)) - (1 - unavailability(d0, r));
      let [low, high] = [1e-9, 1e9];
      for (let i = 0; i < 200; i++) {
        const middle = Math.sqrt(low * high);
        if (better(middle) < 0) low = middle;
        else high = middle;
      }
      expect(breakEvenRate(t, d0, d1) / low).toBeCloseTo(1, 9);
    }
  });

  it('is at any rate without a loss, and at none without a gain', () => {
    expect(breakEvenRate(1, 10, 1)).toBe(0);
    expect(breakEvenRate(0.5, 10, 5)).toBe(Number.POSITIVE_INFINITY);
    expect(breakEvenRate(0.5, 10, 8)).toBe(Number.POSITIVE_INFINITY);
  });

  it('comes with an interval, for each load and configuration that has a figure', () => {
    const native = made('none', { none: 500, crash: 500 });
    const restart = made('nooks/restart', { none: 500, recovered: 450, crash: 50 }, [1e6]);
    const shadow = made('nooks/shadow', { none: 500, recovered: 500 }, [1e6]);
    const loads: UsefulWork[] = [
      { load: 'CPU-limited', source: 'bench', relative: { 'nooks/restart': cpuLimited(0.2, 0.4) } },
      { load: 'wire-limited', source: 'bench', relative: { 'nooks/restart': 1, 'nooks/shadow': 0.99 } },
    ];
    const all = breakEvens(loads, native, [restart, shadow]);
    expect(all.map(b => [b.load, b.configuration, b.relative])).toEqual([
      ['CPU-limited', 'nooks/restart', 0.5],
      ['wire-limited', 'nooks/restart', 1],
      ['wire-limited', 'nooks/shadow', 0.99],
    ]);
    const { rate } = all[0];
    // (1 - 0.5) / (0.5 × 60 - 6.00045) a second
    expect(rate.value).toBeCloseTo((0.5 / (30 - 6.00045)) * 3600, 6);
    expect(rate.low).toBeLessThan(rate.value as number);
    const [curve] = workCurves(loads, native, [restart, shadow], all);
    const [n, r] = curve.work.map(c => c.values);
    const at = curve.rates.findIndex(x => x > (rate.value as number));
    // A point of the grid may lie on the crossing itself.
    expect(n[at - 2]).toBeGreaterThan(r[at - 2]);
    expect(n[at + 1]).toBeLessThan(r[at + 1]);
    expect(breakEvens(loads, undefined, [restart])).toEqual([]);
  });
});
