import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../bench/farend/random.ts';
import { EXACT, Sample } from '../../../inject/report/sample.ts';
import { kaplanMeier } from '../../../inject/report/survival.ts';

function sample(values: readonly number[]): Sample {
  const s = new Sample();
  for (const v of values) s.add(v);
  return s;
}

describe('a sample', () => {
  it('has percentiles by nearest rank', () => {
    const s = sample(Array.from({ length: 100 }, (_, i) => 100 - i));
    expect(s.quantiles()).toEqual({
      count: 100,
      mean: expect.closeTo(50.5, 9),
      min: 1,
      p5: 5,
      p25: 25,
      p50: 50,
      p75: 75,
      p95: 95,
      p99: 99,
      max: 100,
    });
    expect(sample([7]).quantiles()).toMatchObject({ p5: 7, p50: 7, max: 7 });
    expect(new Sample().quantiles()).toBeNull();
  });

  it('has mean and standard error', () => {
    const s = sample([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(s.mean).toBe(5);
    expect(s.standardError).toBeCloseTo(Math.sqrt(32 / 7 / 8), 12);
    expect(sample([3]).standardError).toBe(0);
  });

  it('leaves out what is no duration', () => {
    expect(sample([Number.NaN, -1, Number.POSITIVE_INFINITY, 3]).count).toBe(1);
  });

  it('stays within 0.2 % when it holds more than it keeps', () => {
    const random = new Random(5);
    const values = Array.from({ length: EXACT * 2 }, () => Math.exp(random.below(1_000_000) / 50_000));
    const s = sample(values);
    values.sort((a, b) => a - b);
    for (const p of [0.001, 0.05, 0.5, 0.95, 0.999]) {
      const exact = values[Math.ceil(p * values.length) - 1];
      expect(Math.abs(s.quantile(p) / exact - 1)).toBeLessThan(0.002);
    }
    expect(s.quantile(1)).toBe(values[values.length - 1]);
    expect(s.quantiles()?.min).toBe(values[0]);
    expect(s.entries().reduce((sum, [, n]) => sum + n, 0)).toBe(values.length);
  });

  it('gives each value that was put in, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 })), values => {
        const entries = sample(values).entries();
        const back = entries.flatMap(([value, count]) => Array(count).fill(value));
        expect(back).toEqual([...values].sort((a, b) => a - b));
      }),
      { seed: 1 },
    );
  });
});

describe('Kaplan and Meier’s estimate', () => {
  // E. J. Freireich et al., Blood 21 (1963): weeks of remission under 6-MP, the textbooks' example.
  const relapses = [6, 6, 6, 7, 10, 13, 16, 22, 23];
  const left = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];

  it('is the published one for the leukaemia patients', () => {
    const s = kaplanMeier(sample(relapses), sample(left));
    const published = [
      [6, 0.857],
      [7, 0.807],
      [10, 0.753],
      [13, 0.69],
      [16, 0.627],
      [22, 0.538],
      [23, 0.448],
    ];
    expect(s?.steps.map(p => [p.time, p.surviving])).toEqual(
      published.map(([time, surviving]) => [time, expect.closeTo(surviving, 3)]),
    );
    expect(s).toMatchObject({ median: 23, events: 9, censored: 12, watched: 35 });
    // Standard error by Greenwood 0.0764 at 6 weeks; on the log-log scale 0.620 to 0.952.
    expect(s?.steps[0]).toMatchObject({ low: expect.closeTo(0.62, 3), high: expect.closeTo(0.952, 3) });
  });

  it('without censoring is the share that is left', () => {
    const s = kaplanMeier(sample([1, 2, 3, 4]), new Sample());
    expect(s?.steps.map(p => p.surviving)).toEqual([0.75, 0.5, 0.25, 0]);
    expect(s?.median).toBe(2);
  });

  it('has no median when half never came, and nothing to say of nobody', () => {
    expect(kaplanMeier(sample([5]), sample([9, 9]))).toMatchObject({ median: null, watched: 9 });
    expect(kaplanMeier(new Sample(), sample([9]))).toMatchObject({ surviving: 1, steps: [] });
    expect(kaplanMeier(new Sample(), new Sample())).toBeNull();
  });

  it('never rises, and its interval holds it', () => {
    const times = fc.array(fc.nat({ max: 50 }), { maxLength: 60 });
    fc.assert(
      fc.property(times, times, (came, ended) => {
        let last = 1;
        for (const p of kaplanMeier(sample(came), sample(ended))?.steps ?? []) {
          expect(p.surviving).toBeLessThan(last + 1e-12);
          expect(p.low).toBeLessThanOrEqual(p.surviving + 1e-12);
          expect(p.high).toBeGreaterThanOrEqual(p.surviving - 1e-12);
          last = p.surviving;
        }
      }),
      { seed: 1 },
    );
  });
});
