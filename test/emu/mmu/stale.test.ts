/**
 * Stale translations: what a processor may still use after a paging structure has changed in memory. No emulator that
 * could be asked keeps them, so each test cites SDM vol. 3, 4.10. What "may" is allowed there, this machine does: an entry
 * that no rule takes away stays until another needs its place. Data TLB, instruction TLB and front table alike.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { Accounting } from '../../../emu/accounting.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { Mmu } from '../../../emu/mmu/mmu.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { State } from '../../../emu/state.ts';
import { CODE, EAX, PT as RIG_PT, Rig } from '../cpu/rig.ts';

const P = 1;
const W = 2;
const U = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;
const ALL = P | W | U;
const PD = 0x1000;
const PT = 0x2000;
const PAGE = 0x5000;
const OTHER = 0x6000;
const PDE = PD;
const PTE = PT + (PAGE >> 12) * 4;

let mmu: Mmu;
const set = (pa: number, v: number) => mmu.ram.setInt32(pa, v, true);
const get = (pa: number) => mmu.ram.getInt32(pa, true);
/** The error code of the page fault that `work` raises, or null. */
const errorOf = (work: () => void): number | null => {
  try {
    work();
    return null;
  } catch (f) {
    if (!(f instanceof CpuFault) || f.vector !== 14) throw f;
    return f.error;
  }
};
const read = () => mmu.read32(PAGE);
const write = () => mmu.write32(PAGE, 1);

beforeEach(() => {
  mmu = new Mmu(p4, new State(16 << 20), new Accounting(), new CpuFault(), {
    findMmio: () => null,
    fetchByte: () => 0xff,
    onUnmapped: () => {},
  });
  set(PD, PT | ALL);
  for (let n = 0; n < 1024; n++) set(PT + n * 4, (n << 12) | ALL);
  set(PAGE, 0x5555);
  set(OTHER, 0x6666);
  mmu.setControl(true, true, true, true);
  mmu.loadDirectory(PD);
  mmu.setUser(false);
});

describe('a page that moves (4.10.2.2, 4.10.2.3)', () => {
  it('is read where it was, until INVLPG of any address in it (4.10.4.1)', () => {
    expect(read()).toBe(0x5555);
    set(PTE, OTHER | ALL);
    expect(read()).toBe(0x5555);
    mmu.invalidatePage(PAGE + 0x1000);
    expect(read()).toBe(0x5555);
    mmu.invalidatePage(PAGE + 0xabc);
    expect(read()).toBe(0x6666);
  });

  it('is written where it was', () => {
    write();
    set(PTE, OTHER | ALL);
    mmu.write32(PAGE, 0x7777);
    expect([get(PAGE), get(OTHER)]).toEqual([0x7777, 0x6666]);
  });

  it('is executed where it was, by a TLB of its own', () => {
    expect(mmu.translateFetch(PAGE)).toBe(PAGE);
    set(PTE, OTHER | ALL);
    expect(mmu.translateFetch(PAGE)).toBe(PAGE);
    expect(read()).toBe(0x6666);
    mmu.invalidatePage(PAGE);
    expect(mmu.translateFetch(PAGE)).toBe(OTHER);
  });

  it('is read where it was until MOV CR3', () => {
    read();
    set(PTE, OTHER | ALL);
    mmu.loadDirectory(PD);
    expect(read()).toBe(0x6666);
  });

  it('and until others took its place', () => {
    read();
    set(PTE, OTHER | ALL);
    for (let n = 16; n < 16 + 2 * p4.dtlb.entries.value; n++) mmu.read32(n << 12);
    expect(read()).toBe(0x6666);
  });

  it('is found by every privilege that the entry allows', () => {
    read();
    set(PTE, OTHER | ALL);
    mmu.setUser(true);
    expect(read()).toBe(0x5555);
  });

  it('keeps what its PDE said too (4.10.2.2: the entry holds the rights of all levels)', () => {
    read();
    set(PDE, 0);
    expect(read()).toBe(0x5555);
    mmu.invalidatePage(PAGE);
    expect(errorOf(read)).toBe(0);
  });
});

describe('rights (4.10.4.3)', () => {
  it('taken away in memory are still there, until invalidated', () => {
    mmu.setUser(true);
    write();
    set(PTE, PAGE | P);
    expect([errorOf(write), errorOf(read)]).toEqual([null, null]);
    mmu.invalidatePage(PAGE);
    expect([errorOf(write), errorOf(read)]).toEqual([P | W | U, P | U]);
  });

  it('given in memory may be missed once: the fault is spurious, and takes the entry with it (4.10.4.1)', () => {
    mmu.setUser(true);
    set(PTE, PAGE | P | U);
    read();
    set(PTE, PAGE | ALL);
    expect(errorOf(write)).toBe(P | W | U);
    expect(errorOf(write)).toBeNull();
  });

  it('the same for U/S', () => {
    set(PTE, PAGE | P | W);
    read();
    set(PTE, PAGE | ALL);
    mmu.setUser(true);
    expect(errorOf(read)).toBe(P | U);
    expect(errorOf(read)).toBeNull();
  });

  it('a page made present needs no invalidation: no entry is made of one that is not (4.10.2.3)', () => {
    set(PTE, PAGE | W | U);
    expect(errorOf(read)).toBe(0);
    set(PTE, PAGE | ALL);
    expect(errorOf(read)).toBeNull();
  });

  it('a page made absent is still there, until invalidated', () => {
    read();
    set(PTE, 0);
    expect(errorOf(read)).toBeNull();
    mmu.invalidatePage(PAGE);
    expect(errorOf(read)).toBe(0);
  });

  it('CR0.WP counts at once: it is asked at the access, not kept in the entry (4.6)', () => {
    set(PTE, PAGE | P | U);
    read();
    expect(errorOf(write)).toBe(P | W);
    mmu.setControl(true, false, true, true);
    expect(errorOf(write)).toBeNull();
    mmu.setControl(true, true, true, true);
    expect(errorOf(write)).toBe(P | W);
  });

  it('a fault at one page leaves the entries of others (4.10.4.1)', () => {
    read();
    set(PTE, OTHER | ALL);
    set(PT + 7 * 4, 0);
    expect(errorOf(() => mmu.read32(0x7000))).toBe(0);
    expect(read()).toBe(0x5555);
  });
});

describe('accessed and dirty flags (4.8, 4.10.2.3)', () => {
  it('cleared in memory are not set again while the entry lives', () => {
    write();
    expect(get(PTE) & (A | D)).toBe(A | D);
    set(PTE, PAGE | ALL);
    write();
    read();
    expect(get(PTE) & (A | D)).toBe(0);
    mmu.invalidatePage(PAGE);
    write();
    expect(get(PTE) & (A | D)).toBe(A | D);
  });

  it('a first write through a clean entry sets the dirty flag: it looks at the PTE again', () => {
    read();
    expect(get(PTE) & (A | D)).toBe(A);
    write();
    expect(get(PTE) & (A | D)).toBe(A | D);
  });

  it('that look finds what the PTE says now: a page gone is a fault, one moved is written where it is', () => {
    read();
    set(PTE, 0);
    expect(errorOf(write)).toBe(W);
    set(PTE, PAGE | ALL);
    read();
    set(PTE, OTHER | ALL);
    mmu.write32(PAGE, 0x7777);
    expect([get(PAGE), get(OTHER), read()]).toEqual([0x5555, 0x7777, 0x7777]);
  });
});

describe('global pages (4.10.2.4)', () => {
  const globalEntry = () => {
    set(PTE, PAGE | ALL | G);
    read();
    set(PTE, OTHER | ALL | G);
  };

  it('stay over MOV CR3', () => {
    globalEntry();
    mmu.loadDirectory(PD);
    expect(read()).toBe(0x5555);
  });

  it('do not stay without CR4.PGE', () => {
    mmu.setControl(true, true, true, false);
    globalEntry();
    mmu.loadDirectory(PD);
    expect(read()).toBe(0x6666);
  });

  it('go by INVLPG (4.10.4.1)', () => {
    globalEntry();
    mmu.invalidatePage(PAGE);
    expect(read()).toBe(0x6666);
  });

  it('go when PGE changes, in either direction, and when PG or PSE does (4.10.4.1)', () => {
    const changes: [boolean, boolean, boolean, boolean][] = [
      [true, true, true, false],
      [false, true, true, true],
      [true, true, false, true],
    ];
    for (const change of changes) {
      set(PTE, PAGE | ALL);
      mmu.invalidatePage(PAGE);
      globalEntry();
      mmu.setControl(...change);
      mmu.setControl(true, true, true, true);
      expect([change, read()]).toEqual([change, 0x6666]);
    }
  });

  it('go by a fault at them (4.10.4.1)', () => {
    set(PTE, PAGE | P | G);
    read();
    set(PTE, OTHER | ALL | G);
    expect(errorOf(write)).toBe(P | W);
    expect(read()).toBe(0x6666);
  });

  it('G given later counts from the next entry on', () => {
    read();
    set(PTE, PAGE | ALL | G);
    mmu.loadDirectory(PD);
    set(PTE, OTHER | ALL);
    expect(read()).toBe(0x6666);
  });
});

describe('pages of 4 MiB (4.10.2.2, 4.10.2.3)', () => {
  const BIG = 0x40_0000;
  const BIG_PDE = PD + 4;

  it('stay whole when the PDE points to a table', () => {
    set(BIG_PDE, 0x80_0000 | ALL | PS);
    set(0x80_5000, 0x8888);
    expect(mmu.read32(BIG + 0x5000)).toBe(0x8888);
    set(BIG_PDE, PT | ALL);
    expect(mmu.read32(BIG + 0x5000)).toBe(0x8888);
    expect(errorOf(() => mmu.read32(BIG + 0x6000))).toBeNull();
    mmu.invalidatePage(BIG + 0x3f_f000);
    expect(mmu.read32(BIG + 0x5000)).toBe(0x5555);
  });

  it('do not cover a 4 KiB entry that is there already', () => {
    set(BIG_PDE, PT | ALL);
    expect(mmu.read32(BIG + 0x5000)).toBe(0x5555);
    set(BIG_PDE, 0x80_0000 | ALL | PS);
    set(0x80_5000, 0x8888);
    set(0x80_6000, 0x9999);
    expect(mmu.read32(BIG + 0x5000)).toBe(0x5555);
    expect(mmu.read32(BIG + 0x6000)).toBe(0x9999);
    mmu.invalidatePage(BIG + 0x5000);
    expect(mmu.read32(BIG + 0x5000)).toBe(0x8888);
  });
});

describe('the instructions', () => {
  const LOAD = 'a1 00 00 0d 00'; // mov eax, [d0000]

  const moved = (): Rig => {
    const rig = new Rig().paging();
    rig.set32(0xd_0000, 0x5555);
    rig.set32(0xe_0000, 0x6666);
    rig.run(LOAD);
    rig.set32(RIG_PT + 0xd0 * 4, 0xe_0000 | ALL);
    return rig;
  };

  it('INVLPG counts for the next one', () => {
    const rig = moved();
    rig.run(LOAD);
    expect(rig.c.r32[EAX]).toBe(0x5555);
    rig.run(`0f 01 3d 34 02 0d 00 ${LOAD}`, 2);
    expect([rig.c.r32[EAX], rig.c.eip]).toEqual([0x6666, CODE + 12]);
  });

  it('MOV CR3 does, with the value that is there', () => {
    const rig = moved();
    rig.run(`0f 20 d8 0f 22 d8 ${LOAD}`, 3);
    expect(rig.c.r32[EAX]).toBe(0x6666);
  });
});
