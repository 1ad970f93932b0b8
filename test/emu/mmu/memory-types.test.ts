/** The PAT and the MTRRs: their registers' reserved bits, what type an address has, and what bypassing caches costs. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Accounting, CAUSE } from '../../../emu/accounting.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { MemoryTypes, MTRR_CAP, MTRR_DEFAULT, MTRR_VARIABLE, PAT } from '../../../emu/mmu/memory-types.ts';
import { Mmu } from '../../../emu/mmu/mmu.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { State } from '../../../emu/state.ts';
import { EAX, ECX, EDX, Rig } from '../cpu/rig.ts';

const [UC, WC, WT, WP, WB] = [0, 1, 4, 5, 6];

describe('MTRRs', () => {
  let types: MemoryTypes;
  beforeEach(() => {
    types = new MemoryTypes();
  });

  it('are off after a hardware reset, so that nothing is cached; firmware leaves RAM write-back', () => {
    expect([0, 0xa_0000, 0xc_0000, 0x10_0000, 0x7fff_f000, 0xfee0_0000].map(pa => types.typeOf(pa))).toEqual([
      WB,
      UC,
      WP,
      WB,
      WB,
      UC,
    ]);
    types.reset();
    expect([0, 0x10_0000, 0xfee0_0000].map(pa => types.typeOf(pa))).toEqual([UC, UC, UC]);
    expect(types.read(PAT)).toEqual({ lo: 0x0007_0406, hi: 0x0007_0406 });
  });

  it('refuse reserved bits and types, and MTRRcap is read-only', () => {
    const bad: [number, number, number][] = [
      [MTRR_CAP, 0x508, 0],
      [MTRR_DEFAULT, 0xc02, 0],
      [MTRR_DEFAULT, 0x1c06, 0],
      [MTRR_DEFAULT, 0xd06, 0],
      [MTRR_DEFAULT, 0xc06, 1],
      [MTRR_VARIABLE, 0x106, 0],
      [MTRR_VARIABLE, 0x7, 0],
      [MTRR_VARIABLE, 6, 0x10],
      [MTRR_VARIABLE + 1, 0xc00, 0],
      [MTRR_VARIABLE + 15, 0x800, 0x10],
      [0x250, 0x0606_0602, 0],
      [0x26f, 0, 0x0700_0000],
      [PAT, 0x0007_0402, 0],
      [PAT, 0, 0x0800_0000],
      [0x251, 0, 0],
    ];
    for (const [register, lo, hi] of bad) expect(types.write(register, lo, hi)).toBe(false);
    expect(types.save()).toEqual(new MemoryTypes().save());
    expect(types.write(MTRR_VARIABLE + 15, 0x800 | 0xffff_f000, 0xf)).toBe(true);
  });

  it('fixed ranges are 64, 16 and 4 KiB', () => {
    types.write(0x250, 0x0000_0400, 0); // 0x10000
    types.write(0x258, 0x0005_0000, 0); // 0x88000
    types.write(0x26f, 0, 0x0100_0000); // 0xff000
    expect([0xffff, 0x1_0000, 0x1_ffff, 0x2_0000].map(pa => types.typeOf(pa))).toEqual([UC, WT, WT, UC]);
    expect([0x8_7fff, 0x8_8000, 0x8_bfff, 0x8_c000].map(pa => types.typeOf(pa))).toEqual([UC, WP, WP, UC]);
    expect([0xf_efff, 0xf_f000, 0xf_ffff].map(pa => types.typeOf(pa))).toEqual([UC, WC, WC]);
    types.write(MTRR_DEFAULT, 0x806, 0);
    expect(types.typeOf(0x2_0000)).toBe(WB);
  });

  it('variable ranges overlap by the manual’s rule: UC wins, WT beats WB', () => {
    const range = (n: number, base: number, mask: number) => {
      types.write(MTRR_VARIABLE + 2 * n, base, 0);
      types.write(MTRR_VARIABLE + 2 * n + 1, mask | 0x800, 0xf);
    };
    range(1, 0x1000_0000 | WB, 0xf000_0000 | 0);
    range(2, 0x1800_0000 | WT, 0xf800_0000 | 0);
    range(3, 0x1c00_0000 | UC, 0xfc00_0000 | 0);
    types.write(MTRR_DEFAULT, 0xc01, 0);
    expect([0x0f00_0000, 0x1000_0000, 0x1800_0000, 0x1fff_ffff].map(pa => types.typeOf(pa))).toEqual([
      WC,
      WB,
      WT,
      UC,
    ]);
    expect([0x0f00_0000, 0x1000_0000, 0x1c00_0000].map(pa => types.uncached(pa, 0))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('a range above 4 GiB matches nothing below it', () => {
    types.write(MTRR_VARIABLE + 2, UC, 1);
    types.write(MTRR_VARIABLE + 3, 0x800, 0xf);
    expect([types.typeOf(0x10_0000), types.uncached(0x10_0000, 0)]).toEqual([WB, false]);
  });

  it('RDMSR and WRMSR reach them; a reserved bit is #GP(0)', () => {
    const rig = new Rig();
    rig.c.r32[ECX] = PAT;
    rig.c.r32[EAX] = 0x0106_0406;
    rig.c.r32[EDX] = 0;
    rig.run('0f 30 31 c0 0f 32', 3);
    expect([rig.c.r32[EAX], rig.c.r32[EDX]]).toEqual([0x0106_0406, 0]);
    rig.c.r32[EAX] = 2;
    rig.run('0f 30');
    rig.expectFault(13, 0);
    rig.c.r32[ECX] = MTRR_CAP;
    rig.run('0f 32');
    expect(rig.c.r32[EAX]).toBe(0x508);
  });

  it('are in snapshots, with CR0.CD', () => {
    const rig = new Rig();
    const { machine } = rig;
    rig.c.setCr0(rig.c.cr0 | 0x4000_0000);
    rig.c.mmu.writeMemoryType(MTRR_DEFAULT, 0xc00, 0);
    const snapshot = machine.snapshot();
    rig.c.mmu.writeMemoryType(MTRR_DEFAULT, 0xc06, 0);
    rig.c.setCr0(rig.c.cr0 & ~0x4000_0000);
    machine.restore(snapshot);
    expect([rig.c.mmu.types.read(MTRR_DEFAULT).lo, rig.c.mmu.types.cacheDisabled]).toEqual([0xc00, true]);
  });
});

describe('uncached RAM', () => {
  const PD = 0x1000;
  const PT = 0x2000;
  const RANDOM = p4.memory.random.value * 4;
  const STREAM = p4.memory.stream.value * 4;
  let mmu: Mmu;
  let accounting: Accounting;

  /** Ticks by cause that `work` costs once its translation is there. */
  const cost = (work: () => void, cause: number) => {
    const before = accounting.cell(0, cause);
    work();
    return accounting.cell(0, cause) - before;
  };

  beforeEach(() => {
    accounting = new Accounting();
    mmu = new Mmu(p4, new State(8 << 20), accounting, new CpuFault(), {
      findMmio: () => null,
      fetchByte: () => 0xff,
      onUnmapped: () => {},
    });
    for (let n = 0; n < 1024; n++) mmu.ram.setInt32(PT + n * 4, (n << 12) | 0x67, true);
    mmu.ram.setInt32(PD, PT | 0x27, true);
    mmu.ram.setInt32(PD + 4, 0x40_00e7 | 0x18, true); // 4 MiB, PCD and PWT
    mmu.ram.setInt32(PT + 5 * 4, 0x5067 | 0x10, true); // PCD
    mmu.ram.setInt32(PT + 6 * 4, 0x6067 | 0x08, true); // PWT: write-through
    mmu.ram.setInt32(PT + 7 * 4, 0x7067 | 0x80, true); // PAT: entry 4, write-back
    mmu.setControl(true, true, true, true);
    mmu.loadDirectory(PD);
  });

  for (const [name, lin, uncached] of [
    ['PCD', 0x5000, true],
    ['a 4 MiB page with PCD', 0x40_5000, true],
    ['PWT alone', 0x6000, false],
    ['PAT entry 4', 0x7000, false],
    ['no attribute', 0x8000, false],
  ] as const)
    it(`${name}: ${uncached ? 'each load goes to memory' : 'the second load is in the cache'}`, () => {
      mmu.read32(lin);
      const again = cost(() => mmu.read32(lin), CAUSE.dataMemory);
      // The bus may still be taken by what the walk and the first load began.
      if (uncached) expect(again).toBeGreaterThanOrEqual(RANDOM);
      else expect(again).toBe(0);
      expect(accounting.sum()).toBe(accounting.time[0]);
    });

  it('data are the same, and stores go out through the store buffer', () => {
    mmu.write32(0x5000, 0x1234);
    expect(mmu.read32(0x5000)).toBe(0x1234);
    const waits = cost(() => {
      for (let n = 0; n < 100; n++) mmu.write32(0x5000, n);
    }, CAUSE.storeBuffer);
    const entries = p4.storeBuffer.entries.value;
    expect(waits).toBeGreaterThan((100 - entries - 2) * STREAM);
    expect(mmu.ram.getInt32(0x5000, true)).toBe(99);
  });

  it('follows the PAT register: entry 1 made uncacheable', () => {
    mmu.read32(0x6000);
    expect(mmu.writeMemoryType(PAT, 0x0007_0006, 0x0007_0406)).toBe(true);
    expect(cost(() => mmu.read32(0x6000), CAUSE.dataMemory)).toBeGreaterThanOrEqual(RANDOM);
  });

  it('follows CR0.CD and the MTRRs without paging, and fetches too', () => {
    mmu.setControl(false, false, false, false);
    mmu.read32(0x9000);
    expect(cost(() => mmu.read32(0x9000), CAUSE.dataMemory)).toBe(0);
    mmu.setCacheDisable(true);
    expect(cost(() => mmu.read32(0x9000), CAUSE.dataMemory)).toBeGreaterThanOrEqual(RANDOM);
    const fetch = () => mmu.fetchLine(mmu.translateFetch(0xa000));
    expect(cost(fetch, CAUSE.fetchMemory)).toBeGreaterThanOrEqual(RANDOM);
    expect(cost(fetch, CAUSE.fetchMemory)).toBeGreaterThanOrEqual(RANDOM);
    mmu.setCacheDisable(false);
    fetch();
    expect(cost(fetch, CAUSE.fetchMemory)).toBe(0);
    mmu.writeMemoryType(MTRR_DEFAULT, 0x800, 0);
    expect(cost(() => mmu.read32(0x9000), CAUSE.dataMemory)).toBeGreaterThanOrEqual(RANDOM);
  });

  it('makes page walks pay when the tables themselves are uncached', () => {
    mmu.writeMemoryType(MTRR_DEFAULT, 0x800, 0);
    mmu.read32(0x9000);
    mmu.invalidatePage(0x9000);
    const before = mmu.hierarchy.l1d.misses;
    const walk = cost(() => mmu.read32(0x9000), CAUSE.walkSwitch) + accounting.cell(0, CAUSE.walk);
    expect(walk).toBeGreaterThanOrEqual(4 * RANDOM);
    expect(mmu.hierarchy.l1d.misses).toBe(before);
  });
});
