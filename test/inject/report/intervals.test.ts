import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clopperPearson, share } from '../../../inject/report/intervals.ts';

/** P(X ≥ k) of a binomial distribution, term by term. */
function atLeast(k: number, n: number, p: number): number {
  let logTerm = n * Math.log1p(-p);
  let sum = k === 0 ? Math.exp(logTerm) : 0;
  for (let i = 1; i <= n; i++) {
    logTerm += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    if (i >= k) sum += Math.exp(logTerm);
  }
  return sum;
}

describe('the interval of Clopper and Pearson', () => {
  it.each([
    // Printed in tables of exact limits.
    [3, 20, 0.95, 0.0321, 0.3789],
    [12, 30, 0.9, 0.2495, 0.5661],
    [42, 100, 0.95, 0.322, 0.5229],
    [85, 120, 0.99, 0.5904, 0.8092],
  ])('of %i in %i at %f', (count, of, confidence, low, high) => {
    const [l, h] = clopperPearson(count, of, confidence);
    expect(l).toBeCloseTo(low, 4);
    expect(h).toBeCloseTo(high, 4);
  });

  it('of none and of all is a root: 0.025^(1/n)', () => {
    expect(clopperPearson(0, 10)).toEqual([0, expect.closeTo(0.3084971, 7)]);
    expect(clopperPearson(10, 10)).toEqual([expect.closeTo(0.6915029, 7), 1]);
    expect(clopperPearson(0, 1)).toEqual([0, expect.closeTo(0.975, 12)]);
    expect(clopperPearson(2000, 2000)[0]).toBeCloseTo(0.025 ** (1 / 2000), 12);
  });

  it('leaves 2.5 % beyond each end, whatever the share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 3000 }), fc.nat(), (of, any) => {
        const count = 1 + (any % (of - 1));
        const [low, high] = clopperPearson(count, of);
        expect(atLeast(count, of, low)).toBeCloseTo(0.025, 6);
        expect(1 - atLeast(count + 1, of, high)).toBeCloseTo(0.025, 6);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('mirrors', () => {
    const [low, high] = clopperPearson(7, 50);
    const [l, h] = clopperPearson(43, 50);
    expect([1 - h, 1 - l]).toEqual([expect.closeTo(low, 9), expect.closeTo(high, 9)]);
  });

  it.each([
    [1, 0],
    [3, 2],
    [-1, 2],
    [0.5, 2],
    [Number.NaN, 2],
  ])('refuses %f of %f', (count, of) => {
    expect(() => clopperPearson(count, of)).toThrow(RangeError);
  });

  it('is not there for a share of nothing', () => {
    expect(share(0, 0)).toEqual({ count: 0, of: 0, share: null, low: null, high: null });
  });
});
