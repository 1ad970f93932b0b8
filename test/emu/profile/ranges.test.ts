/** Does each uncertain figure of a profile say how uncertain it is, and does checkProfile refuse what cannot be built? */
import { describe, expect, it } from 'vitest';
import { figuresOf, withFigures } from '../../../bench/sensitivity.ts';
import { p3 } from '../../../emu/profile/p3-1000.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';

/** Costs that are 0 because another figure is the whole cost. */
const CHARGED_APART = /^issue\.(gate|iret|movCr3|invlpg|undefined)$/;

describe.each([p4, p3])('the figures of $name', profile => {
  const figures = figuresOf(profile).filter(f => !CHARGED_APART.test(f.path));

  it('have a range where the source is our memory, a derivation or a note of measurements', () => {
    const uncertain = figures.filter(f => /^[MDT]\b/.test(f.figure.source));
    expect(uncertain.length).toBeGreaterThan(40);
    expect(uncertain.filter(f => !f.figure.range).map(f => f.path)).toEqual([]);
  });

  it('lie in their ranges', () => {
    const outside = figures.filter(({ figure }) => {
      const [low, high] = figure.range ?? [figure.value, figure.value];
      return !(low <= figure.value && figure.value <= high);
    });
    expect(outside.map(f => f.path)).toEqual([]);
  });
});

describe('a profile with other figures', () => {
  it('leaves the one it came from alone', () => {
    const changed = withFigures(p4, new Map([['memory.random', 250]]));
    expect([changed.memory.random.value, p4.memory.random.value]).toEqual([250, 350]);
    expect(changed.memory.stream).toEqual(p4.memory.stream);
  });

  it.each([
    ['memory.rand', 1],
    ['issue.alu', 0.3],
    ['system.tlbFlush', 350.1],
    ['l1d.size', 9000],
    ['l1d.ways', 0],
    ['dtlb.entries', 256],
    ['dtlb.ways', 3],
    ['memory.streams', 0],
    ['storeBuffer.entries', 1.5],
    ['predictor.counters', 1000],
    ['memory.random', -1],
    ['memory.random', Number.NaN],
    ['memory.random', 1e12],
  ])('is refused when %s is %d', (path, value) => {
    expect(() => withFigures(p4, new Map([[path, value]]))).toThrow(RangeError);
  });
});
