/** The comparison's tables and targets, from figures made up. */
import { describe, expect, it } from 'vitest';
import type { Cell, Comparison } from '../../../bench/peers/compare.ts';
import { renderComparison } from '../../../bench/peers/report.ts';
import { median, ratioOf, secondsOf, targetsOf } from '../../../bench/peers/targets.ts';
import { markdownTable, textTable } from '../../../bench/text-table.ts';

const cell = (guest: string, peer: string, ...seconds: number[]): Cell => ({ guest, peer, seconds });
const peer = (name: string) => ({ name, what: `${name} models`, version: '7' });

/** Twice as fast as cachegrind, four times as QEMU's plugin; half as fast as v86. */
const comparison: Comparison = {
  shift: 0,
  rounds: 3,
  profile: 'p4-1700',
  clock: 'wall',
  compiler: 'zig 0',
  peers: [
    ...['p4-1700', 'flat', 'v86', 'qemu', 'qemu-cache', 'cachegrind'].map(peer),
    { name: 'bochs', what: 'Bochs', missing: 'no bochs-bin on the path' },
  ],
  guests: ['alu', 'mem', 'call', 'pgswitch', 'trap'],
  instructions: { alu: 2e9, mem: 1e9, call: 1e9, pgswitch: 1e6, trap: 1e6 },
  cells: [
    ...['alu', 'mem', 'call'].flatMap(guest => [
      cell(guest, 'p4-1700', 9, 2, 1),
      cell(guest, 'flat', 0.5, 0.5, 0.5),
      cell(guest, 'v86', 1, 1, 1),
      cell(guest, 'qemu-cache', 8, 8, 8),
      cell(guest, 'cachegrind', 4, 4, 4),
    ]),
    cell('pgswitch', 'p4-1700', 1),
    cell('pgswitch', 'qemu', 3),
    cell('pgswitch', 'v86', 1.5),
    cell('trap', 'p4-1700', 1),
    { guest: 'trap', peer: 'qemu', seconds: [], failed: 'not done in 300 s' },
    cell('trap', 'v86', 5),
  ],
};

describe('targets', () => {
  it('are ratios of medians, by the fastest peer that ran', () => {
    expect(
      targetsOf(comparison).map(t => [t.wanted, t.ratio && Number(t.ratio.toFixed(6)), t.against]),
    ).toEqual([
      [1, 2, 'cachegrind'],
      [3, 4, 'qemu-cache'],
      [2, 1.5, 'v86, qemu'],
      [2, 5, 'v86'],
      [1, 2, 'v86'],
    ]);
  });

  it('are not measured without all of their guests', () => {
    const cells = comparison.cells.filter(c => !(c.guest === 'mem' && c.peer === 'cachegrind'));
    const [first, second] = targetsOf({ ...comparison, cells });
    expect(first.ratio).toBeUndefined();
    expect(second.ratio).toBeCloseTo(4);
  });

  it('know a median, and that what failed has none', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
    expect(secondsOf(comparison, 'trap', 'qemu')).toBeUndefined();
    expect(ratioOf(comparison, 'alu', 'p4-1700', 'v86')).toBe(0.5);
  });
});

describe('renderComparison', () => {
  it('says times, ratios, targets, and what did not run', () => {
    const text = renderComparison(comparison, 'a host', textTable);
    expect(text).toContain(
      'a host; guests by zig 0, whole; medians of 3 rounds, interleaved; time on the wall; caches of p4-1700',
    );
    const line = (start: RegExp) =>
      text
        .split('\n')
        .find(l => start.test(l))
        ?.replace(/[│ ]+/g, ' ')
        .trim();
    expect(line(/^│ p4-1700 .*\(/)).toBe(
      'p4-1700 2.000 (1000) 2.000 (500) 2.000 (500) 1.000 (1.00) 1.000 (1.00)',
    );
    expect(line(/^│ bochs/)).toBe('bochs not run: no bochs-bin on the path Bochs');
    expect(line(/cachegrind, alu, mem, call/)).toBe(
      'p4-1700 : cachegrind, alu, mem, call cachegrind 1 2.00 yes',
    );
    expect(line(/pgswitch +│/)).toContain('pgswitch');
    expect(text).toContain('trap on qemu: not done in 300 s');
  });

  it('makes the same tables for a page', () => {
    const text = renderComparison(comparison, 'a host', markdownTable);
    expect(text).toContain(
      '| peer | alu | mem | call | pgswitch | trap |\n| --- | --: | --: | --: | --: | --: |\n',
    );
    expect(text).toContain('| flat : v86, compiled, alu, mem, call | v86 | 1 | 2.00 | yes |');
    const widths = text.split('\n\n').filter(p => p.startsWith('|'));
    expect(widths).toHaveLength(5);
    for (const table of widths)
      expect(
        new Set(
          table
            .trim()
            .split('\n')
            .map(l => l.split(' | ').length),
        ).size,
      ).toBe(1);
  });
});
