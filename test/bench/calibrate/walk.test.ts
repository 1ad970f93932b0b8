/** Does a walk cost what the closed formula says, wherever its entries lie? */
import { describe, expect, it } from 'vitest';
import { type Place, walkCost } from '../../../bench/calibrate/formulas.ts';
import { Accounting, CAUSE } from '../../../emu/accounting.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { Mmu } from '../../../emu/mmu/mmu.ts';
import { p3 } from '../../../emu/profile/p3-1000.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import type { Profile } from '../../../emu/profile/profile.ts';
import { State } from '../../../emu/state.ts';

const PRESENT = 0x067; // P, W, U, A, D: the walker writes nothing
const LARGE = 0x80;
const DIRECTORY = 0x10_0000;
const TABLE = 0x20_0000;
const LIN = 0x1234_5678;
const PDE = DIRECTORY + (LIN >>> 22) * 4;
const PTE = TABLE + ((LIN >>> 12) & 0x3ff) * 4;
const PLACES: readonly Place[] = ['l1', 'l2', 'memory'];

/** Cycles that the walk of a first access is charged, its entries lying where `places` says: PDE, then PTE. */
function walked(profile: Profile, places: readonly Place[], write: boolean): number {
  const accounting = new Accounting();
  const host = { findMmio: () => null, onUnmapped: () => {}, fetchByte: () => 0xff };
  const mmu = new Mmu(profile, new State(16 << 20), accounting, new CpuFault(), host);
  mmu.ram.setInt32(PDE, places.length === 1 ? 0x80_0000 | PRESENT | LARGE : TABLE | PRESENT, true);
  mmu.ram.setInt32(PTE, 0x80_0000 | PRESENT, true);
  mmu.setControl(true, true, true, true);
  mmu.loadDirectory(DIRECTORY);
  const { hierarchy } = mmu;
  places.forEach((place, level) => {
    const at = level === 0 ? PDE : PTE;
    if (place !== 'memory') hierarchy.load(at);
    if (place === 'l2') hierarchy.l1d.invalidate(at >>> hierarchy.l1d.lineShift);
  });
  // The bus is free again.
  accounting.charge(CAUSE.issue, 1e6);
  const before = accounting.total(CAUSE.walk);
  if (write) mmu.write32(LIN, 1);
  else mmu.read32(LIN);
  expect(accounting.sum()).toBe(accounting.time[0]);
  return (accounting.total(CAUSE.walk) - before) / 4;
}

describe.each([p4, p3])('a walk on $name', profile => {
  const small = PLACES.flatMap(pde => PLACES.map(pte => [pde, pte] as const));

  it.each(small)(
    'of a 4 KiB page costs its fixed part and both levels: PDE in %s, PTE in %s',
    (...places) => {
      expect(walked(profile, places, false)).toBe(walkCost(profile, places));
      expect(walked(profile, places, true)).toBe(walkCost(profile, places));
    },
  );

  it.each(PLACES)('of a 4 MiB page costs its fixed part and one level: PDE in %s', place => {
    expect(walked(profile, [place], false)).toBe(walkCost(profile, [place]));
  });

  it('costs more the farther away its entries are', () => {
    const costs = PLACES.map(place => walkCost(profile, ['l1', place]));
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(new Set(costs).size).toBe(3);
  });
});
