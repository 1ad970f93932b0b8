/** The sensitivity report: does it vary what is uncertain, order by effect, and say what did nothing? */
import { beforeAll, describe, expect, it } from 'vitest';
import { type BenchOptions, runBench, windowsOf } from '../../bench/bench.ts';
import {
  renderSensitivity,
  type Sensitivity,
  sensitivity,
  uncertainFigures,
  type Variation,
  withFigures,
} from '../../bench/sensitivity.ts';
import { p4 } from '../../emu/profile/p4-1700.ts';
import { buildGuest } from '../../guest/build.ts';

const only = ['system.tlbFlush', 'issue.bcd', 'l1i.size'];
let result: Sensitivity;
const seen: Variation[] = [];
const progress: [number, number][] = [];

beforeAll(async () => {
  const build = await buildGuest();
  const options: Omit<BenchOptions, 'profile'> = {
    build,
    seed: 1,
    workloads: ['send-stream'],
    tlbParts: false,
    windows: windowsOf(4),
  };
  const run = async (variation: Variation) => runBench({ ...options, profile: withFigures(p4, variation) });
  result = await sensitivity({
    profile: p4,
    only,
    jobs: 1,
    run: variation => {
      seen.push(variation);
      return run(variation);
    },
    glance: async variation =>
      runBench({ ...options, isolations: ['nooks'], profile: withFigures(p4, variation) }),
    onProgress: (done, total) => progress.push([done, total]),
  });
});

describe('the sensitivity of the main job', () => {
  it('runs the profile, all ends together, then each end of each figure that is in use', () => {
    expect(seen.map(v => [...v].map(([path, value]) => `${path}=${value}`).join(' '))).toEqual([
      '',
      'l1i.size=16384 system.tlbFlush=350',
      'l1i.size=8192 system.tlbFlush=516',
      'l1i.size=8192',
      'system.tlbFlush=516',
    ]);
    expect(progress.at(-1)).toEqual([5, 5]);
  });

  it('names figures that nothing asks for, and tries no end that is the value itself', () => {
    expect(result.without).toEqual(['issue.bcd']);
    expect(result.failures).toEqual([]);
    // 18432 bytes make no power of two of sets.
    expect(result.rows.find(r => r.path === 'l1i.size')).toMatchObject({ low: 8192, high: 16384 });
  });

  it('has the largest effect first, below all together', () => {
    const [together, ...rows] = result.rows;
    expect(together.path).toBe('all together');
    expect(rows.map(r => r.path).sort()).toEqual(['l1i.size', 'system.tlbFlush']);
    const swing = rows.map(({ atLow, atHigh }) => {
      if (!atLow || !atHigh) return expect.fail('a row without a result');
      return Math.abs(atHigh.cpuNative / atHigh.cpuNooks - atLow.cpuNative / atLow.cpuNooks);
    });
    expect(swing).toEqual([...swing].sort((a, b) => b - a));
  });

  it('shows a dearer page-table switch as dearer crossings, and no dearer native run', () => {
    const row = result.rows.find(r => r.path === 'system.tlbFlush');
    expect(row?.atHigh?.cyclesPerXpc).toBeGreaterThan((row?.atLow?.cyclesPerXpc ?? 0) + 100);
    expect(row?.atLow).toEqual(result.base[0].outcome);
  });

  it('prints a line a row and what had no effect', () => {
    const text = renderSensitivity(result);
    expect(text).toContain('350 … 516 (350)');
    expect(text).toContain('No effect at all: issue.bcd');
  });
});

it('knows which figures of a profile are uncertain', () => {
  const paths = uncertainFigures(p4).map(f => f.path);
  expect(paths).toContain('system.exceptionEntry');
  expect(paths).not.toContain('issue.shift'); // its range is its value
  expect(paths).not.toContain('clockHz');
});

describe('with runs of which the outcome is known', () => {
  const report = (busyCycles: number) =>
    ({ comparisons: [], rows: [{ busyCycles }] }) as unknown as ReturnType<typeof runBench>;

  it('reports a variation without a result, and goes on', async () => {
    const run = async (variation: Variation) => {
      if (variation.get('memory.random') === 370) throw new Error('lost data');
      return report(1);
    };
    const glance = async (variation: Variation) => report(variation.size ? 110 : 100);
    const { failures } = await sensitivity({ profile: p4, only: ['memory.random'], jobs: 2, run, glance });
    expect(failures.sort()).toEqual(['all at the dear end: lost data', 'memory.random at 370: lost data']);
  });

  it('leaves out what hardly moves a short run, and tells it from what moves nothing', async () => {
    const ran: string[] = [];
    const run = async (variation: Variation) => {
      if (variation.size === 1) ran.push([...variation.keys()][0]);
      return report(1);
    };
    const glance = async (variation: Variation) =>
      report(variation.has('issue.lea') ? 100_100 : variation.has('memory.random') ? 98_000 : 100_000);
    const only = ['issue.lea', 'issue.bcd', 'memory.random'];
    const { slight, without } = await sensitivity({ profile: p4, only, jobs: 1, run, glance });
    expect(slight).toEqual(['issue.lea']);
    expect(without).toContain('issue.bcd');
    expect(new Set(ran)).toEqual(new Set(['memory.random']));
  });

  it('says so when the profile itself gives no result', async () => {
    const run = async () => {
      throw new Error('lost data');
    };
    await expect(sensitivity({ profile: p4, only: ['l2.hit'], jobs: 1, run, glance: run })).rejects.toThrow(
      'the profile itself gives no result: lost data',
    );
  });
});
