/**
 * Does the machine do what its profile says, by programs in the guest that time themselves? And would this test
 * notice if it did not? The tables of docs/calibration.md come from the same runs (`-u` writes them anew).
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Calibration, judge, measure, TOLERANCE } from '../../../bench/calibrate/calibrate.ts';
import { figures } from '../../../bench/calibrate/figures.ts';
import { runCalibration, type Sample } from '../../../bench/calibrate/guest-run.ts';
import { publishedNames } from '../../../bench/calibrate/published.ts';
import { renderSvgs } from '../../../bench/calibrate/svg.ts';
import { renderText } from '../../../bench/calibrate/text.ts';
import { figuresOf, withFigures } from '../../../bench/sensitivity.ts';
import { p3 } from '../../../emu/profile/p3-1000.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { artefact, type GuestBuild } from '../../../guest/build.ts';
import { buildCalibration } from '../../../guest/calibrate.ts';
import { calibrationTable, fill } from '../../docs/tables.ts';

let build: GuestBuild;
const samples = new Map<string, Map<string, Sample[]>>();
const reports = new Map<string, Calibration>();
const reportOf = (name: string) => reports.get(name) ?? expect.fail(`no report of ${name}`);

beforeAll(async () => {
  build = await buildCalibration();
  for (const profile of [p4, p3]) {
    const measured = measure({ build, profile });
    samples.set(profile.name, measured);
    reports.set(profile.name, judge(profile, measured));
  }
});

describe.each([p4, p3])('calibrated on $name', profile => {
  it('has every plateau within the tolerance', () => {
    expect(reportOf(profile.name).failures).toEqual([]);
  });

  it('has every plateau that its geometry implies', () => {
    const regions = (curve: string) =>
      reportOf(profile.name)
        .curves.find(c => c.curve === curve)
        ?.plateaus.map(p => p.region);
    expect(regions('latency.random.128')).toEqual(['L1', 'L2', 'memory']);
    const sets = profile.dtlb.ways.value === 0 ? [] : ['some sets'];
    expect(regions('tlb.4k')).toEqual(['TLB', ...sets, 'walk']);
    expect(regions('tlb.4m')).toEqual(['TLB', 'walk']);
    expect(regions('tlb.walk')).toEqual(['PTE in L2', 'PTE in memory']);
    expect(regions('switch')).toEqual(['both in L1', 'one in L1', 'both in L2', 'one in L2']);
    expect(regions('copy.rep')).toEqual(['L1', 'L2', 'memory']);
    for (const figure of figures) for (const c of figure.curves) expect(regions(c.name)).not.toEqual([]);
  });

  it('compares most points of each curve', () => {
    for (const c of reportOf(profile.name).curves) {
      const compared = c.points.filter(p => p.implied !== null).length;
      expect(compared / c.points.length, c.curve).toBeGreaterThan(0.7);
    }
  });

  it('has published figures only for plateaus that there are', () => {
    const names = reportOf(profile.name).curves.flatMap(c => c.plateaus.map(p => `${p.curve} ${p.region}`));
    expect(publishedNames(profile.name).filter(name => !names.includes(name))).toEqual([]);
  });
});

describe('the check can fail', () => {
  const fivePercent = [
    'memoryOperand.load',
    'l2.hit',
    'memory.random',
    'memory.stream',
    'walk.fixed',
    'rep.moveBytesPerCycle',
    'predictor.mispredict',
    'system.tlbFlush',
    'system.exceptionEntry',
    'system.pageFaultEntry',
    'system.iretOuterRing',
    'system.iretSameRing',
    'system.invlpg',
    'issue.sysenter',
    'issue.sysexit',
  ];
  it.each(fivePercent)('when %s of the profile is 5 % more than what the machine has', path => {
    const value = figuresOf(p4).find(f => f.path === path)?.figure.value ?? 0;
    // Costs are whole quarters of cycles; rates need not be.
    const more = path.startsWith('rep.') ? value * 1.05 : Math.ceil(value * 1.05 * 4) / 4;
    const judged = judge(withFigures(p4, new Map([[path, more]])), samples.get('p4-1700') ?? new Map());
    expect(judged.failures).not.toEqual([]);
  });

  it.each([
    ['l1d.size', 16384],
    ['l2.size', 131072],
    ['l2.line', 64],
    ['dtlb.entries', 32],
    ['dtlb.ways', 4],
    ['memory.streams', 1],
  ])('when %s of the profile is %i', (path, value) => {
    const judged = judge(withFigures(p4, new Map([[path, value]])), samples.get('p4-1700') ?? new Map());
    expect(judged.failures).not.toEqual([]);
  });

  it('when the machine, and not the profile, is 5 % off', () => {
    const image = readFileSync(artefact(build, 'branch.elf'));
    const other = withFigures(p4, new Map([['predictor.mispredict', 21]]));
    const wrong = new Map([...(samples.get('p4-1700') ?? []), ...runCalibration('branch', image, other)]);
    expect(judge(p4, wrong).failures).toEqual(['branch.conditional random', 'branch.indirect alternating']);
  });

  it('when a curve is missing', () => {
    const fewer = new Map(samples.get('p4-1700'));
    fewer.delete('tlb.4k');
    expect(() => judge(p4, fewer)).toThrow('tlb measured no curve tlb.4k');
  });
});

describe('what it prints', () => {
  it('has each plateau once, and the verdict', () => {
    const text = renderText(reportOf('p4-1700'));
    for (const figure of figures) expect(text).toContain(`== ${figure.title}`);
    const plateaus = reportOf('p4-1700').curves.flatMap(c => c.plateaus);
    expect(text.match(/[+−]\d+\.\d\d %/g)).toHaveLength(plateaus.length);
    expect(text).toContain(`All ${plateaus.length} plateaus are within ${TOLERANCE * 100} %`);
  });

  it('names what is off', () => {
    const judged = judge(withFigures(p4, new Map([['l2.hit', 20]])), samples.get('p4-1700') ?? new Map());
    expect(renderText(judged)).toContain('more than 3 % off: latency.random.128 L2');
  });

  it('draws well-formed SVG with finite coordinates', () => {
    const svgs = renderSvgs(reportOf('p4-1700'));
    expect([...svgs.keys()]).toEqual(figures.map(f => `${f.name}.svg`));
    for (const svg of svgs.values()) {
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      const open: string[] = [];
      for (const [, close, name, self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g))
        if (close) expect(open.pop()).toBe(name);
        else if (!self) open.push(name);
      expect(open).toEqual([]);
      expect(svg).toMatch(/<circle/);
    }
  });
});

it('docs/calibration.md has the plateaus that were measured', async () => {
  const page = `${import.meta.dirname}/../../../docs/calibration.md`;
  let text = readFileSync(page, 'utf8');
  for (const profile of [p4, p3]) text = fill(text, profile.name, calibrationTable(reportOf(profile.name)));
  await expect(text).toMatchFileSnapshot(page);
});
