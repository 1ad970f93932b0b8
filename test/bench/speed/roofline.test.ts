/** What is left out of compiled code for the roofline leaves results alone, and nothing else is left out. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { runGuest } from '../../../bench/speed/guest-run.ts';
import { checksumOf } from '../../../bench/speed/guests.ts';
import { type GuestRoofline, PARTS, runWithout } from '../../../bench/speed/roofline.ts';
import { renderRoofline, sharesOf } from '../../../bench/speed/roofline-report.ts';
import { CHECKS } from '../../../emu/cpu/jit/layout.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { buildBenchGuests } from '../../../guest/bench.ts';
import { artefact } from '../../../guest/build.ts';

const SHIFT = 8;
const profile = profiles['p4-1700'];
let image: Uint8Array;
beforeAll(async () => {
  const build = await buildBenchGuests({ only: ['call'], shift: SHIFT, paged: true });
  image = readFileSync(artefact(build, 'call.elf'));
});

/** What a run counted, which leaving something out makes wrong. */
function counts(omit: readonly (typeof CHECKS)[number][]): Record<string, number> {
  const { machine } = runWithout('call', image, profile, omit, SHIFT);
  const { cpu } = machine;
  return {
    fetches: cpu.mmu.fetches,
    mispredicted: cpu.predictor.misses,
    instructions: cpu.instructions,
    renewed: cpu.mmu.dtlb.recency.clock[0],
    missed: cpu.mmu.hierarchy.l1d.misses,
  };
}

describe('the roofline', () => {
  it('runs a guest that pages and has segment limits, the same on both engines', () => {
    const run = (engine: 'interpreter' | 'compiled') => runGuest('call', image, profile, engine);
    const [interpreted, compiled] = [run('interpreter'), run('compiled')];
    expect([interpreted.checksum, compiled.checksum]).toEqual(Array(2).fill(checksumOf('call', SHIFT)));
    expect(compiled.machine.cycles()).toBe(interpreted.machine.cycles());
    expect(compiled.machine.engine.cpu.cr0 >>> 31).toBe(1);
  });

  it.each(CHECKS)('computes the same without %s', check => {
    expect(PARTS[check]).toBeDefined();
    expect(runWithout('call', image, profile, [check], SHIFT).checksum).toBe(checksumOf('call', SHIFT));
  });

  it('leaves out what it says', () => {
    const full = counts([]);
    expect(counts(['fetch']).fetches).toBeLessThan(full.fetches / 2);
    expect(counts(['predictor']).mispredicted).toBeLessThan(full.mispredicted / 2);
    expect(counts(['counts']).instructions).toBeLessThan(full.instructions / 2);
    expect(counts(['recency']).renewed).toBeLessThan(full.renewed / 2);
    expect(counts(['line']).missed).toBeLessThan(full.missed / 2);
    expect(counts(['limit'])).toEqual(full);
    const all = runWithout('call', image, profile, CHECKS, SHIFT);
    expect(all.machine.cpu.instructions).toBeLessThan(full.instructions / 2);
  });
});

describe('its report', () => {
  const without = Object.fromEntries(CHECKS.map(check => [check, check === 'line' ? 1.5 : 2]));
  const guest: GuestRoofline = {
    name: 'alu',
    instructions: 4e8,
    full: 2,
    without: without as never,
    bare: 0.5,
  };

  it('gives each part as a share of the whole, and the share of the roof', () => {
    const { parts, all, reached } = sharesOf(guest);
    expect(parts).toEqual(CHECKS.map(check => (check === 'line' ? 0.25 : 0)));
    expect([all, reached]).toEqual([0.75, 0.25]);
    const text = renderRoofline({ profile: 'p4-1700', shift: 4, runs: 3, guests: [guest] });
    const cells = text.split('\n').map(line => line.split('│').map(cell => cell.trim()));
    expect(cells.find(c => c[1] === PARTS.line)?.[2]).toBe('25.0 %');
    expect(cells.find(c => c[1]?.startsWith('no checks'))?.[2]).toBe('800');
  });
});
