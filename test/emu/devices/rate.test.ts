import { describe, expect, it } from 'vitest';
import { Clock } from '../../../emu/clock.ts';
import { Rate } from '../../../emu/devices/rate.ts';

/** The same arithmetic in BigInt, which cannot round. */
const exactEdge = (tick: number, hz: number, second: number): number =>
  Number((BigInt(tick) * BigInt(hz)) / BigInt(second));
const exactTick = (edge: number, hz: number, second: number): number => {
  const product = BigInt(edge) * BigInt(second);
  return Number((product + BigInt(hz) - 1n) / BigInt(hz));
};

describe.each([
  [1_700_000_000, 1_193_182],
  [1_000_000_000, 1_843_200],
  [3_400_000_000, 32_768],
  [4_999_999_999, 1_843_200],
  [1_000_003, 1_193_182],
])('a crystal beside a CPU of %i Hz and %i Hz', (cpu, hz) => {
  const clock = new Clock(cpu);
  const rate = new Rate(clock, hz);
  const second = clock.ticksPerSecond;

  it('counts edges exactly, near reset and fifteen days on', () => {
    for (const tick of [0, 1, 12345, second - 1, second, 7 * second + 3, 1e15 + 7, 2 ** 52 + 12345])
      expect(rate.edgeAt(tick)).toBe(exactEdge(tick, hz, second));
  });

  it('names the first tick of an edge: the edge has come then and not a tick before', () => {
    for (const edge of [1, 2, 3, hz - 1, hz, hz + 1, 1000 * hz + 77]) {
      const tick = rate.tickOf(edge);
      expect(tick).toBe(exactTick(edge, hz, second));
      expect(rate.edgeAt(tick)).toBeGreaterThanOrEqual(edge);
      expect(rate.edgeAt(tick - 1)).toBeLessThan(edge);
    }
  });
});

it('refuses a crystal for which the arithmetic would not be exact', () => {
  expect(() => new Rate(new Clock(2.5), 1000.5)).toThrow(RangeError);
  expect(() => new Rate(new Clock(1e15), 1000)).toThrow(RangeError);
});
