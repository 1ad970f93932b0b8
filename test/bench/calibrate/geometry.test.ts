/** Do the counts of lines in sets say the same as a cache with exact LRU does? */
import { describe, expect, it } from 'vitest';
import { fits, missShare, shapeOf, steps, tlbShape } from '../../../bench/calibrate/geometry.ts';
import { Cache } from '../../../emu/mmu/cache.ts';
import { p3 } from '../../../emu/profile/p3-1000.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';

const caches = [p4.l1d, p4.l2, p3.l1d, p3.l2];

/** The share that misses on the third time around. */
function simulated(n: number, addresses: readonly number[]): number {
  const { size, ways, line } = caches[n];
  const tags = new Int32Array(size.value / line.value);
  const cache = new Cache('test', size.value, ways.value, line.value, tags);
  let misses = 0;
  for (let pass = 0; pass < 3; pass++) {
    misses = 0;
    for (const at of addresses) {
      const number = at / line.value;
      if (cache.touch(number)) continue;
      misses++;
      cache.insert(number, false);
    }
  }
  return misses / addresses.length;
}

describe('the share of misses of a walk in a circle', () => {
  it.each(caches.map((_, n) => n))('is a real cache’s, for working sets around its size (cache %i)', n => {
    const { size, line } = caches[n];
    for (const share of [0.25, 0.5, 0.75, 1, 1.0625, 1.125, 1.25, 1.5, 2, 3])
      for (const stride of [1, 2, 4, 8]) {
        const by = stride * line.value;
        const addresses = [...steps(0, by, Math.floor((size.value * share) / by))];
        expect(missShare(shapeOf(caches[n]), addresses)).toBe(simulated(n, addresses));
      }
  });

  it('is between none and all where some sets only are asked for too much', () => {
    const l1 = shapeOf(p4.l1d);
    expect(missShare(l1, steps(0, 64, 128))).toBe(0);
    // One line more: its set misses all of its five.
    expect(missShare(l1, steps(0, 64, 129))).toBe(5 / 129);
    expect(missShare(l1, steps(0, 64, 160))).toBe(1);
    expect(missShare(l1, [])).toBe(0);
  });

  it('counts a line once, however many of its bytes are asked for', () => {
    expect(missShare(shapeOf(p4.l1d), steps(0, 4, 2048))).toBe(0);
    expect(fits(shapeOf(p4.l1d), steps(0, 4, 2048))).toBe(true);
    expect(fits(shapeOf(p4.l1d), steps(0, 4, 2049))).toBe(false);
  });

  it('knows TLBs with and without sets', () => {
    expect(tlbShape(p4.dtlb)).toEqual({ sets: 1, ways: 64, line: 1 });
    expect(tlbShape(p3.dtlb)).toEqual({ sets: 16, ways: 4, line: 1 });
    expect(missShare(tlbShape(p3.dtlb), steps(0, 16, 5))).toBe(1);
  });
});
