/** The main job, with short windows: is it exact, repeatable, verified, and shaped as its users expect? */
import { beforeAll, describe, expect, it } from 'vitest';
import { type BenchOptions, OTHER_LIMIT, type Report, runBench, sumOfParts } from '../../bench/bench.ts';
import { renderCsv, renderReport } from '../../bench/report.ts';
import { CAUSES } from '../../emu/accounting.ts';
import { p4 } from '../../emu/profile/p4-1700.ts';
import { buildGuest } from '../../guest/build.ts';

const windows = { paced: { warmUp: 12, measured: 23 }, saturated: { warmUp: 8, measured: 16 } };
let options: BenchOptions;
let report: Report;

beforeAll(async () => {
  options = { build: await buildGuest(), profile: p4, seed: 1, workloads: ['send-stream'], windows };
  report = runBench(options);
});

describe('the main job', () => {
  it('explains the overhead exactly, and all but little of it by name', () => {
    expect(report.comparisons).toHaveLength(1);
    const [c] = report.comparisons;
    expect(sumOfParts(c)).toBe(c.overhead.totalCycles);
    expect(c.overhead.totalCycles).toBeGreaterThan(0);
    expect(Math.abs(c.overhead.slowerCode.other)).toBeLessThan(OTHER_LIMIT * c.overhead.totalCycles);
    const { switchMisses, nonGlobalPages, morePages } = c.overhead.tlbParts ?? expect.fail('no parts');
    expect(switchMisses + nonGlobalPages + morePages).toBe(c.overhead.slowerCode.tlb);
  });

  it('takes the overhead from the rows that it prints', () => {
    const busy = (isolation: string) =>
      report.rows.find(r => r.isolation === isolation && r.load === 'paced')?.busyCycles as number;
    expect(report.comparisons[0].overhead.totalCycles).toBe(busy('nooks') - busy('none'));
  });

  it('accounts every cycle of each row to a cause and to a region', () => {
    for (const r of report.rows) {
      const sum = (o: Record<string, number>) => Object.values(o).reduce((a, b) => a + b, 0);
      expect(sum(r.cyclesByCause)).toBe(r.cycles);
      expect(sum(r.cyclesByRegion)).toBe(r.cycles);
      expect(Object.keys(r.cyclesByCause)).toEqual([...CAUSES]);
      expect(r.cycles * 4).toBe(Math.trunc(r.cycles * 4));
    }
  });

  it('crosses only under isolation, and switches page tables only for that', () => {
    for (const r of report.rows) {
      const crossed = r.xpc.toKernel + r.xpc.toDriver > 0;
      expect(crossed).toBe(r.isolation === 'nooks');
      expect(r.cyclesByRegion.xpc > 0).toBe(r.isolation === 'nooks');
      expect(r.copiedBytes > 0).toBe(r.isolation === 'nooks');
    }
  });

  it('prints the same bytes when it runs again', () => {
    expect(JSON.stringify(runBench(options))).toBe(JSON.stringify(report));
  });

  it('sends other data under another seed, and the same number of them', () => {
    const other = runBench({ ...options, seed: 2, isolations: ['none'] });
    expect(other.comparisons).toEqual([]);
    expect(other.rows.map(r => [r.workload, r.isolation, r.load])).toEqual([
      ['send-stream', 'none', 'paced'],
      ['send-stream', 'none', 'saturated'],
    ]);
  });

  it('measures what a kernel option changes: without deferral each packet crosses by itself', () => {
    const receive: BenchOptions = { ...options, workloads: ['receive-stream'], isolations: ['nooks'] };
    const [deferred] = runBench(receive).rows;
    const immediate = runBench({ ...receive, append: 'deferred=off' });
    expect(immediate.append).toBe('deferred=off');
    expect(deferred.xpc.deferred).toBeGreaterThan(0);
    expect(immediate.rows[0].xpc.deferred).toBe(0);
    expect(immediate.rows[0].xpc.toKernel).toBeGreaterThan(deferred.xpc.toKernel);
  });

  it('renders the paper’s figures beside ours, and as many CSV rows as runs', () => {
    const text = renderReport(report);
    expect(text).toContain('60,352');
    expect(text).toContain('The parts add up exactly');
    expect(renderCsv(report).trim().split('\n')).toHaveLength(1 + report.rows.length);
  });
});
