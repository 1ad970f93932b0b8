/** PSE-36, reserved bits, error codes in every combination, and the A20 gate. SDM vol. 3, 4.3, 4.6, 4.7. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Accounting } from '../../../emu/accounting.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { Mmu } from '../../../emu/mmu/mmu.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { State } from '../../../emu/state.ts';
import { CODE, EAX, EBX, Rig } from '../cpu/rig.ts';

const P = 1;
const W = 2;
const U = 4;
const PS = 0x80;
const RESERVED = 8;
const PD = 0x1000;
const PT = 0x2000;

let mmu: Mmu;
let told: string[];
const set = (pa: number, v: number) => mmu.ram.setInt32(pa, v, true);
const errorOf = (work: () => void): number | null => {
  try {
    work();
    return null;
  } catch (f) {
    if (!(f instanceof CpuFault)) throw f;
    return f.vector === 14 ? f.error : -f.vector;
  }
};

beforeEach(() => {
  told = [];
  mmu = new Mmu(p4, new State(8 << 20), new Accounting(), new CpuFault(), {
    findMmio: () => null,
    fetchByte: () => 0xff,
    onUnmapped: (kind, pa) => told.push(`${kind} ${pa.toString(16)}`),
  });
  set(PD, PT | P | W | U);
  for (let n = 0; n < 1024; n++) set(PT + n * 4, (n << 12) | P | W | U);
  mmu.setControl(true, true, true, true);
  mmu.loadDirectory(PD);
});

describe('error codes', () => {
  /** What the manual's tables say, written down apart from the walker. */
  function expected(user: boolean, write: boolean, wp: boolean, pde: number, pte: number): number | null {
    const access = (write ? W : 0) | (user ? U : 0);
    if (!(pde & P) || !(pte & P)) return access;
    const writable = (pde & pte & W) !== 0;
    const forUser = (pde & pte & U) !== 0;
    const allowed = user ? forUser && (writable || !write) : writable || !write || !wp;
    return allowed ? null : access | P;
  }

  for (const wp of [false, true])
    for (const user of [false, true])
      for (const write of [false, true])
        it(`${user ? 'user' : 'supervisor'} ${write ? 'write' : 'read'}, WP ${wp ? 1 : 0}: all PDE and PTE rights, from the tables and from the TLB`, () => {
          mmu.setControl(true, wp, true, true);
          for (let pde = 0; pde < 8; pde++)
            for (let pte = 0; pte < 8; pte++)
              for (const warm of [false, true]) {
                set(PD, PT | pde);
                set(PT + 5 * 4, 0x5000 | pte);
                mmu.loadDirectory(PD);
                mmu.setUser(false);
                if (warm) errorOf(() => mmu.read32(0x5000));
                mmu.setUser(user);
                const got = errorOf(() => (write ? mmu.write32(0x5000, 1) : mmu.read32(0x5000)));
                expect([pde, pte, warm, got]).toEqual([pde, pte, warm, expected(user, write, wp, pde, pte)]);
              }
        });

  it('the same for 4 MiB pages', () => {
    for (const user of [false, true])
      for (const write of [false, true])
        for (let pde = 0; pde < 8; pde++) {
          set(PD + 4, 0x40_0000 | PS | pde);
          mmu.invalidatePage(0x40_0000);
          mmu.setUser(user);
          const got = errorOf(() => (write ? mmu.write32(0x40_0000, 1) : mmu.read32(0x40_0000)));
          expect([pde, got]).toEqual([pde, expected(user, write, true, pde, pde)]);
        }
  });
});

describe('reserved bits', () => {
  it('17 to 21 of a PDE that maps 4 MiB fault with P and RSVD, before its rights do', () => {
    for (let bit = 17; bit <= 21; bit++) {
      set(PD + 4, 0x40_0000 | PS | P | W | (1 << bit));
      mmu.setUser(false);
      expect(errorOf(() => mmu.read32(0x40_0000))).toBe(P | RESERVED);
      expect(errorOf(() => mmu.write32(0x40_0000, 1))).toBe(P | RESERVED | W);
      mmu.setUser(true);
      expect(errorOf(() => mmu.write32(0x40_0000, 1))).toBe(P | RESERVED | W | U);
      expect(errorOf(() => void mmu.translateFetch(0x40_0000))).toBe(P | RESERVED | U);
    }
  });

  it('are not looked at in an absent entry, nor without CR4.PSE', () => {
    set(PD + 4, 0x40_0000 | PS | (1 << 20));
    expect(errorOf(() => mmu.read32(0x40_0000))).toBe(0);
    mmu.setControl(true, true, false, true);
    set(PD + 4, PT | PS | P | W);
    expect(errorOf(() => mmu.read32(0x40_5000))).toBe(null);
  });

  it('set no accessed bit', () => {
    set(PD + 4, 0x40_0000 | PS | P | W | (1 << 18));
    errorOf(() => mmu.write32(0x40_0000, 1));
    expect(mmu.ram.getInt32(PD + 4, true)).toBe(0x40_0000 | PS | P | W | (1 << 18));
  });

  it('the PAT bit of a 4 MiB page is none', () => {
    set(PD + 4, 0x40_0000 | PS | P | W | 0x1000);
    mmu.write32(0x40_0010, 5);
    expect(mmu.ram.getInt32(0x40_0010, true)).toBe(5);
  });
});

describe('PSE-36', () => {
  it('a page above 4 GiB is nowhere: all ones, and writes vanish', () => {
    set(PD + 4, 0x40_0000 | PS | P | W | (3 << 13));
    mmu.ram.setInt32(0x40_0020, 0x1234, true);
    mmu.write32(0x40_0020, 1);
    mmu.write8(0x40_0020, 1);
    expect([mmu.read32(0x40_0020), mmu.read16(0x40_0020), mmu.read8(0x40_0020)]).toEqual([-1, 0xffff, 0xff]);
    expect(mmu.ram.getInt32(0x40_0020, true)).toBe(0x1234);
    expect(told.slice(0, 2)).toEqual(['write 300400020', 'write 300400020']);
    expect(mmu.peekTranslate(0x40_0020)).toBe(-1);
  });

  it('its accessed and dirty bits are kept, and a page below is found again behind it', () => {
    set(PD + 4, 0x40_0000 | PS | P | W | (1 << 13));
    mmu.write32(0x40_0020, 1);
    expect(mmu.ram.getInt32(PD + 4, true) & 0x60).toBe(0x60);
    set(PD + 4, 0x40_0000 | PS | P | W);
    mmu.invalidatePage(0x40_0000);
    mmu.write32(0x40_0020, 77);
    expect(mmu.ram.getInt32(0x40_0020, true)).toBe(77);
  });

  it('code from there is undefined', () => {
    set(PD + 4, 0x40_0000 | PS | P | W | (1 << 13));
    expect(errorOf(() => void mmu.translateFetch(0x40_0000))).toBe(-6);
  });
});

describe('the A20 gate', () => {
  it('clears bit 20 of data addresses, with paging and without, and back', () => {
    mmu.ram.setInt32(0x3000, 0x333, true);
    mmu.ram.setInt32(0x10_3000, 0x1333, true);
    for (const paging of [true, false]) {
      mmu.setControl(paging, true, true, true);
      const seen = [true, false, true].map(on => {
        mmu.setA20(on);
        return [
          mmu.read32(0x10_3000),
          mmu.read32(0x10_3000),
          mmu.read32(0x3000),
          mmu.peekTranslate(0x10_3000),
        ];
      });
      const open = [0x1333, 0x1333, 0x333, 0x10_3000];
      expect(seen).toEqual([open, [0x333, 0x333, 0x333, 0x3000], open]);
    }
    mmu.setA20(false);
    mmu.write32(0x10_3000, 9);
    expect([mmu.ram.getInt32(0x3000, true), mmu.ram.getInt32(0x10_3000, true)]).toEqual([9, 0x1333]);
  });

  it('closed, it holds for a 4 MiB page, an access across its border and the walker', () => {
    set(PD + 4, PS | P | W);
    mmu.ram.setUint8(0xf_ffff, 0x11);
    mmu.ram.setUint8(0, 0x22);
    mmu.setA20(false);
    expect(mmu.read16(0x40_0000 + 0xf_ffff)).toBe(0x2211);
    const log: string[] = [];
    mmu.onWalk = (what, pa) => log.push(`${what} ${pa.toString(16)}`);
    mmu.loadDirectory(0x10_0000 | PD);
    mmu.read32(0x6000);
    expect(log.slice(0, 2)).toEqual(['read 1000', 'read 2018']);
  });

  it('no decoded code leaks across a change', () => {
    const rig = new Rig();
    const { machine, c } = rig;
    expect(machine.ramSize).toBe(1 << 20);
    rig.code('43 f4'); // inc ebx; hlt
    c.mmu.setA20(false);
    c.eip = CODE | 0x10_0000; // wraps to CODE
    machine.step();
    expect([c.r32[EBX], c.eip]).toEqual([1, (CODE | 0x10_0000) + 1]);
    c.mmu.setA20(true);
    c.eip = CODE | 0x10_0000; // beyond RAM: all ones, which is undefined
    machine.step();
    expect(c.eip).toBe(rig.handler(6));
    expect([c.r32[EBX], c.r32[EAX]]).toEqual([1, 0]);
  });

  it('is in snapshots', () => {
    const rig = new Rig();
    rig.c.mmu.setA20(false);
    const snapshot = rig.machine.snapshot();
    rig.c.mmu.setA20(true);
    rig.machine.restore(snapshot);
    expect(rig.c.mmu.a20).toBe(false);
  });
});
