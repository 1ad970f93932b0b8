/** Does the walker touch exactly what the manual says, and is the TLB the only source of translations? SDM vol. 3, 4. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Accounting, CAUSE } from '../../../emu/accounting.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { Mmu } from '../../../emu/mmu/mmu.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { State } from '../../../emu/state.ts';

const P = 1;
const W = 2;
const U = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;
const PD = 0x1000;
const PT = 0x2000;

let mmu: Mmu;
let accounting: Accounting;
let log: string[];

const set = (pa: number, v: number) => mmu.ram.setInt32(pa, v, true);
const get = (pa: number) => mmu.ram.getInt32(pa, true);
const faultOf = (work: () => void) => {
  try {
    work();
  } catch (f) {
    if (!(f instanceof CpuFault)) throw f;
    return { vector: f.vector, error: f.error, address: f.address >>> 0 };
  }
  return null;
};

beforeEach(() => {
  accounting = new Accounting();
  mmu = new Mmu(p4, new State(8 << 20), accounting, new CpuFault(), {
    findMmio: () => null,
    onUnmapped: () => {},
    fetchByte: () => 0xff,
  });
  set(PD, PT | P | W | U);
  for (let n = 0; n < 1024; n++) set(PT + n * 4, (n << 12) | P | W | U);
  mmu.setControl(true, true, true, true);
  mmu.loadDirectory(PD);
  log = [];
  mmu.onWalk = (what, pa, v) => log.push(`${what} ${pa.toString(16)} ${(v >>> 0).toString(16)}`);
});

describe('the walker', () => {
  it('reads PDE and PTE, then sets both accessed bits, on a first read', () => {
    mmu.read32(0x5000);
    expect(log).toEqual(['read 1000 2007', 'read 2014 5007', 'write 1000 2027', 'write 2014 5027']);
  });

  it('writes nothing where the bits are set already', () => {
    set(PD, get(PD) | A);
    set(PT + 0x14, get(PT + 0x14) | A);
    mmu.read32(0x5000);
    expect(log).toEqual(['read 1000 2027', 'read 2014 5027']);
  });

  it('sets the dirty bit of the PTE on a write, in the same write as accessed', () => {
    mmu.write32(0x5000, 1);
    expect(log.slice(2)).toEqual(['write 1000 2027', 'write 2014 5067']);
  });

  it('walks again for the dirty bit when a page that was read is first written, and not after that', () => {
    mmu.read32(0x5000);
    log.length = 0;
    mmu.write32(0x5000, 1);
    mmu.write32(0x5004, 1);
    expect(log).toEqual(['read 1000 2027', 'read 2014 5027', 'write 2014 5067']);
  });

  it('maps 4 MiB by one entry whose accessed and dirty bits are the PDE’s', () => {
    set(PD + 4, 0x400000 | P | W | PS);
    mmu.write32(0x412345, 77);
    expect(log).toEqual(['read 1004 400083', 'write 1004 4000e3']);
    expect(get(0x412345)).toBe(77);
  });

  it('takes PS for an address bit of a page table when CR4.PSE is off', () => {
    mmu.setControl(true, true, false, true);
    set(PD + 4, PT | P | W | PS);
    mmu.read32(0x405000);
    expect(log.slice(0, 2)).toEqual(['read 1004 2083', 'read 2014 5007']);
  });

  it('charges its fixed part and its memory accesses to the cause walk alone', () => {
    mmu.read32(0x5000);
    const walk = accounting.cell(0, CAUSE.walk);
    // 25 cycles fixed, two cold loads of 350 (other L2 lines), the second behind the first's bus time; the stores
    // go to the buffer. The data access itself is one more cold load.
    expect(walk).toBe((25 + 350 + 350) * 4);
    expect(accounting.cell(0, CAUSE.dataMemory)).toBe(350 * 4);
    expect(accounting.sum()).toBe(accounting.time[0]);
  });
});

describe('page faults', () => {
  const cases: [string, number, number, boolean, boolean, boolean, number | null][] = [
    // name, PDE bits, PTE bits, user, write, WP, error code
    ['absent PDE', 0, P | W | U, false, false, true, 0],
    ['absent PTE, user write', P | W | U, 0, true, true, true, 6],
    ['user read of a supervisor page', P | W | U, P | W, true, false, true, 5],
    ['user read under a supervisor PDE', P | W, P | W | U, true, false, true, 5],
    ['user write of a read-only page', P | W | U, P | U, true, true, true, 7],
    ['supervisor write of a read-only page, WP', P | W | U, P, false, true, true, 3],
    ['supervisor write under a read-only PDE, WP', P, P | W, false, true, true, 3],
    ['supervisor write of a read-only page, no WP', P | W | U, P, false, true, false, null],
    ['supervisor read of a user page', P | W | U, P | U, false, false, true, null],
  ];
  for (const [name, pde, pte, user, write, wp, error] of cases)
    it(name, () => {
      mmu.setControl(true, wp, true, true);
      set(PD, pde ? PT | pde : 0);
      set(PT + 0x14, pte ? 0x5000 | pte : 0);
      mmu.setUser(user);
      const got = faultOf(() => (write ? mmu.write32(0x5010, 1) : mmu.read32(0x5010)));
      expect(got).toEqual(error === null ? null : { vector: 14, error, address: 0x5010 });
    });

  it('leaves accessed bits alone when the access is refused', () => {
    set(PT + 0x14, 0x5000 | P);
    expect(faultOf(() => mmu.write32(0x5000, 1))?.error).toBe(3);
    expect([get(PD) & A, get(PT + 0x14) & (A | D)]).toEqual([0, 0]);
  });

  it('names the second page when an access crosses into it, and writes nothing to the first', () => {
    set(PT + 0x18, 0);
    set(0x5ffc, 0x11111111);
    expect(faultOf(() => mmu.write32(0x5ffe, -1))).toEqual({ vector: 14, error: 2, address: 0x6000 });
    expect(get(0x5ffc)).toBe(0x11111111);
  });
});

describe('staleness', () => {
  it('goes on using a translation whose entry was changed in memory', () => {
    set(0x5000, 5);
    set(0x6000, 6);
    expect(mmu.read32(0x5000)).toBe(5);
    set(PT + 0x14, 0x6000 | P | W | U);
    expect(mmu.read32(0x5000)).toBe(5);
    mmu.invalidatePage(0x5000);
    expect(mmu.read32(0x5000)).toBe(6);
  });

  it('raises a fault from the cached entry, drops it, and sees the new rights on the retry', () => {
    set(PT + 0x14, 0x5000 | P);
    mmu.read32(0x5000);
    set(PT + 0x14, 0x5000 | P | W);
    expect(faultOf(() => mmu.write32(0x5000, 1))?.error).toBe(3);
    expect(faultOf(() => mmu.write32(0x5000, 1))).toBeNull();
  });

  it('forgets all but global translations on a load of CR3', () => {
    set(PT + 0x18, 0x6000 | P | G);
    set(0x6000, 6);
    mmu.read32(0x5000);
    mmu.read32(0x6000);
    set(PT + 0x14, 0x7000 | P);
    set(PT + 0x18, 0x7000 | P | G);
    set(0x7000, 7);
    mmu.loadDirectory(PD);
    expect([mmu.read32(0x5000), mmu.read32(0x6000)]).toEqual([7, 6]);
  });

  it('keeps instruction and data translations apart', () => {
    expect(mmu.translateFetch(0x5000)).toBe(0x5000);
    set(PT + 0x14, 0x6000 | P);
    set(0x6000, 66);
    expect(mmu.read32(0x5000)).toBe(66);
    expect(mmu.translateFetch(0x5004)).toBe(0x5004);
  });

  it('evicts the least recently used of 64 entries, counting use through the fast path', () => {
    for (let n = 16; n < 80; n++) mmu.read32(n << 12);
    mmu.read32(16 << 12); // the oldest becomes the youngest
    mmu.read32(80 << 12);
    set(PT + 16 * 4, 0);
    expect(faultOf(() => mmu.read32(16 << 12))).toBeNull();
    set(PT + 17 * 4, 0);
    expect(faultOf(() => mmu.read32(17 << 12))?.error).toBe(0);
  });

  it('checks the privilege of each access against one cached entry', () => {
    set(PT + 0x14, 0x5000 | P | W);
    mmu.read32(0x5000);
    mmu.setUser(true);
    expect(faultOf(() => mmu.read32(0x5000))?.error).toBe(5);
  });
});
