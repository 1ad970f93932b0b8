/** System instructions, MSRs and counters, CPUID, port I/O; and that ring 3 is kept out. */
import { describe, expect, it } from 'vitest';
import { CAUSE } from '../../../emu/accounting.ts';
import type { PortBus } from '../../../emu/cpu/cpu.ts';
import { flat } from '../../../emu/profile/flat.ts';
import { findProfile, profiles } from '../../../emu/profile/index.ts';
import { p3 } from '../../../emu/profile/p3-1000.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import { checkProfile } from '../../../emu/profile/profile.ts';
import { CODE, DATA, EAX, EBX, ECX, EDI, EDX, ESI, FLAGS, PT, Rig } from './rig.ts';

const DB = 1;
const UD = 6;
const GP = 13;
const PF = 14;

describe('ring 3 gets #GP(0) from', () => {
  const instructions: [string, string][] = [
    ['LLDT', '0f 00 d0'],
    ['LTR', '0f 00 d8'],
    ['LGDT', '0f 01 13'],
    ['LIDT', '0f 01 1b'],
    ['LMSW', '0f 01 f0'],
    ['INVLPG', '0f 01 3b'],
    ['CLTS', '0f 06'],
    ['INVD', '0f 08'],
    ['WBINVD', '0f 09'],
    ['MOV EAX, CR0', '0f 20 c0'],
    ['MOV CR0, EAX', '0f 22 c0'],
    ['MOV CR3, EAX', '0f 22 d8'],
    ['MOV CR4, EAX', '0f 22 e0'],
    ['MOV EAX, DR0', '0f 21 c0'],
    ['MOV DR7, EAX', '0f 23 f8'],
    ['RDMSR', '0f 32'],
    ['WRMSR', '0f 30'],
    ['RDPMC', '0f 33'],
    ['HLT', 'f4'],
    ['SYSEXIT', '0f 35'],
    ['IN AL, imm8', 'e4 60'],
    ['IN EAX, DX', 'ed'],
    ['OUT imm8, AL', 'e6 60'],
    ['OUT DX, AX', '66 ef'],
    ['INSB', '6c'],
    ['OUTSD', '6f'],
  ];
  for (const [name, bytes] of instructions)
    it(name, () => {
      const rig = new Rig().user();
      rig.c.r32[EBX] = rig.c.r32[EDI] = rig.c.r32[ESI] = DATA;
      rig.c.ports = ports([]);
      rig.run(bytes);
      rig.expectFault(GP, 0);
    });
});

describe('descriptor-table registers', () => {
  it('LGDT, SGDT, LIDT and SIDT', () => {
    const rig = new Rig();
    rig.c.r32[EBX] = DATA;
    rig.set16(DATA, 0x1fff);
    rig.set32(DATA + 2, 0x1234_5678);
    rig.run('0f 01 1b');
    expect([rig.c.idtBase, rig.c.idtLimit]).toEqual([0x1234_5678, 0x1fff]);
    rig.run('66 0f 01 13');
    expect([rig.c.gdtBase, rig.c.gdtLimit]).toEqual([0x34_5678, 0x1fff]);
    rig.run('0f 01 4b 10 66 0f 01 43 18', 2);
    expect([rig.get16(DATA + 16), rig.get32(DATA + 18)]).toEqual([0x1fff, 0x1234_5678]);
    expect([rig.get16(DATA + 24), rig.get32(DATA + 26)]).toEqual([0x1fff, 0x34_5678]);
  });

  it('SGDT across an absent page writes nothing', () => {
    const rig = new Rig().paging();
    rig.pte(DATA + 0x1000, 0);
    rig.c.r32[EBX] = DATA + 0xffc;
    rig.set32(DATA + 0xffc, 0x5555_5555);
    rig.run('0f 01 03');
    rig.expectFault(PF, 2);
    expect(rig.get32(DATA + 0xffc)).toBe(0x5555_5555);
  });

  it('have no register form', () => {
    for (const bytes of ['0f 01 c0', '0f 01 d0', '0f 01 fb', '0f 01 2b']) {
      const rig = new Rig();
      rig.run(bytes);
      rig.expectPlainFault(UD);
    }
  });
});

describe('control registers', () => {
  it('are read and written', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0x1234;
    rig.run('0f 22 d0 0f 20 d3', 2);
    expect([rig.c.cr2, rig.c.r32[EBX]]).toEqual([0x1234, 0x1234]);
    rig.c.r32[EAX] = 0x7fff_ffff;
    rig.run('0f 22 d8 0f 20 db', 2);
    expect(rig.c.r32[EBX]).toBe(0x7fff_f018);
    rig.c.r32[EAX] = 0x19c;
    rig.run('0f 22 e0 0f 20 e3', 2);
    expect(rig.c.r32[EBX]).toBe(0x19c);
    rig.c.r32[EAX] = 0x6005_003f;
    rig.run('0f 22 c0 0f 20 c3', 2);
    expect(rig.c.r32[EBX]).toBe(0x6005_003f);
  });

  it('MOV CR0 ignores reserved bits and keeps ET', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0x0010_ffc1;
    rig.run('0f 22 c0');
    expect(rig.c.cr0).toBe(0x11);
  });

  const bad: [string, string, number][] = [
    ['CR0 with PG and without PE', '0f 22 c0', 0x8000_0000],
    ['CR0 with NW and without CD', '0f 22 c0', 0x2000_0001],
    ['CR4.VME', '0f 22 e0', 1],
    ['CR4.PAE', '0f 22 e0', 0x20],
    ['CR4.MCE', '0f 22 e0', 0x40],
    ['CR4.OSFXSR', '0f 22 e0', 0x200],
    ['a reserved bit of CR4', '0f 22 e0', 0x8000_0000],
  ];
  for (const [name, bytes, v] of bad)
    it(`#GP(0) for ${name}`, () => {
      const rig = new Rig();
      const before = [rig.c.cr0, rig.c.cr4];
      rig.c.r32[EAX] = v;
      rig.run(bytes);
      rig.expectFault(GP, 0);
      expect([rig.c.cr0, rig.c.cr4]).toEqual(before);
    });

  it('#UD for CR1, CR5 to CR7 and both directions', () => {
    for (const bytes of ['0f 20 c8', '0f 22 c8', '0f 20 e8', '0f 22 f0', '0f 22 f8']) {
      const rig = new Rig();
      rig.run(bytes);
      rig.expectPlainFault(UD);
    }
  });

  it('SMSW, LMSW and CLTS', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0xfffe;
    rig.run('0f 01 f0');
    expect(rig.c.cr0).toBe(0x1f); // PE stays, MP EM TS set
    rig.run('0f 06');
    expect(rig.c.cr0).toBe(0x17);
    rig.c.setCr0(0x1_0017);
    rig.c.r32[EBX] = DATA;
    rig.set32(DATA, -1);
    rig.run('0f 01 e2 0f 01 23', 2);
    expect([rig.c.r32[EDX], rig.get32(DATA)]).toEqual([0x1_0017, 0xffff_0017]);
  });

  it('turning paging on and off by MOV CR0', () => {
    const rig = new Rig().paging();
    rig.c.setCr0(rig.c.cr0 & 0x7fff_ffff);
    rig.pte(DATA, 0);
    rig.c.r32[EAX] = 0x8001_0011;
    rig.run('0f 22 c0 a1 00 00 04 00', 2);
    rig.expectFault(PF, 0, CODE + 3);
    rig.c.r32[EAX] = 0x11;
    rig.run('0f 22 c0 a1 00 00 04 00', 2);
    expect(rig.c.eip).toBe(CODE + 8);
  });
});

describe('TLB', () => {
  const load = 'a1 00 00 04 00';

  it('a stale translation is used until INVLPG or MOV CR3', () => {
    for (const flush of ['0f 01 3b', '0f 20 d9 0f 22 d9']) {
      const rig = new Rig().paging();
      rig.set32(DATA, 1);
      rig.set32(DATA + 0x1000, 2);
      rig.c.r32[EBX] = DATA;
      rig.run(load);
      rig.set32(PT + (DATA >>> 12) * 4, (DATA + 0x1000) | 0x67);
      rig.run(load);
      expect(rig.c.r32[EAX]).toBe(1);
      rig.run(`${flush} ${load}`, flush.length > 9 ? 3 : 2);
      expect(rig.c.r32[EAX]).toBe(2);
    }
  });

  it('each flush is charged at its figure', () => {
    for (const [bytes, figure] of [
      ['0f 22 d9', p4.system.tlbFlush],
      ['0f 01 3b', p4.system.invlpg],
    ] as const) {
      const rig = new Rig(p4);
      rig.run(bytes);
      expect(rig.accounting.cell(0, CAUSE.tlbFlush) / 4).toBe(figure.value);
      expect(rig.accounting.sum()).toBe(rig.machine.clock.now());
    }
  });

  it('INVLPG takes the segment’s base, and any address', () => {
    const rig = new Rig().paging();
    rig.c.setSegment(3, 0x10, DATA, 0xff, 0x409300);
    rig.c.mmu.read32(DATA + 0x1000);
    rig.c.r32[EBX] = 0x1000;
    const find = () => rig.c.mmu.dtlb.find((DATA + 0x1000) >>> 12);
    expect(find()).toBeGreaterThanOrEqual(0);
    rig.run('0f 01 3b');
    expect([find(), rig.c.eip]).toEqual([-1, CODE + 3]);
  });

  it('WBINVD and INVD empty the caches', () => {
    for (const bytes of ['0f 09', '0f 08']) {
      const rig = new Rig(p4);
      rig.c.mmu.read32(DATA);
      const misses = rig.c.mmu.hierarchy.l1d.misses;
      rig.c.mmu.read32(DATA);
      expect(rig.c.mmu.hierarchy.l1d.misses).toBe(misses);
      rig.run(bytes);
      rig.c.mmu.read32(DATA);
      expect(rig.c.mmu.hierarchy.l1d.misses).toBe(misses + 1);
    }
  });
});

describe('debug registers', () => {
  it('are read and written, with their fixed bits', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = -1;
    rig.run('0f 23 d8 0f 21 db', 2);
    expect(rig.c.r32[EBX]).toBe(-1);
    rig.run('0f 23 f0 0f 21 f3', 2);
    expect(rig.c.r32[EBX] >>> 0).toBe(0xffff_efff);
    rig.c.r32[EAX] = 0;
    rig.run('0f 23 f0 0f 21 f3 0f 23 f8 0f 21 fa', 4);
    expect([rig.c.r32[EBX] >>> 0, rig.c.r32[EDX]]).toEqual([0xffff_0ff0, 0x400]);
  });

  it('DR4 and DR5 are DR6 and DR7, or #UD with CR4.DE', () => {
    const rig = new Rig();
    rig.run('0f 21 eb');
    expect(rig.c.r32[EBX]).toBe(0x400);
    rig.c.setCr4(8);
    rig.run('0f 21 eb');
    rig.expectPlainFault(UD);
  });

  it('GD makes any access a #DB before it happens', () => {
    const rig = new Rig();
    rig.c.setDr(7, 0x2400);
    rig.c.r32[EAX] = 5;
    rig.run('0f 23 c0');
    rig.expectPlainFault(DB);
    expect([rig.c.dr(0), rig.c.dr(6) & 0x2000]).toEqual([0, 0x2000]);
  });
});

describe('HLT', () => {
  it('halts behind itself', () => {
    const rig = new Rig();
    rig.run('f4');
    expect([rig.c.halted, rig.c.eip]).toEqual([true, CODE + 1]);
    expect(rig.machine.run(1000)).toEqual({ reason: 'halted' });
  });
});

describe('time-stamp counter', () => {
  it('counts cycles, exact to the instruction', () => {
    const rig = new Rig();
    rig.run('90 90 0f 31 89 c3 0f 31', 5);
    expect([rig.c.r32[EBX], rig.c.r32[EAX], rig.c.r32[EDX]]).toEqual([3, 5, 0]);
  });

  it('is set by WRMSR, with a carry into the high word', () => {
    const rig = new Rig();
    rig.c.r32.set([-1, 0x10, 7], 0);
    rig.run('0f 30 0f 31', 2);
    expect([rig.c.r32[EAX], rig.c.r32[EDX]]).toEqual([0, 8]);
    rig.run('0f 32');
    expect([rig.c.r32[EAX], rig.c.r32[EDX]]).toEqual([1, 8]);
  });

  it('is for ring 0 only with CR4.TSD', () => {
    const rig = new Rig().user();
    rig.run('0f 31');
    expect(rig.c.eip).toBe(CODE + 2);
    rig.c.setCr4(4);
    rig.run('0f 31');
    rig.expectFault(GP, 0);
  });
});

describe('MSRs', () => {
  it('SYSENTER’s keep what is written', () => {
    const rig = new Rig();
    for (const [n, v] of [
      [0x174, 0x1_0008],
      [0x175, 0xc012_3456],
      [0x176, 0x89ab_cdef],
    ]) {
      rig.c.r32.set([v, n, 0], 0);
      rig.run('0f 30 0f 32', 2);
      expect(rig.c.r32[EAX] >>> 0).toBe(v);
    }
  });

  it('unknown ones are #GP(0) and told about once', () => {
    const rig = new Rig();
    const seen: unknown[] = [];
    rig.c.onUnknown = (...what) => seen.push(what);
    for (const bytes of ['0f 32', '0f 30', '0f 32']) {
      rig.c.r32[ECX] = 0xc000_0080;
      rig.run(bytes);
      rig.expectFault(GP, 0);
    }
    expect(seen).toEqual([['msr', 0xc000_0080]]);
  });

  it('reserved bits are #GP(0)', () => {
    const rig = new Rig();
    rig.c.r32[ECX] = 0x1b;
    rig.run('0f 32');
    expect([rig.c.r32[EAX] >>> 0, rig.c.r32[EDX]]).toEqual([0xfee0_0900, 0]);
    for (const [n, lo, hi] of [
      [0x1b, 0xfee0_0d00, 0], // x2APIC
      [0x1b, 0xfee0_0901, 0],
      [0x1b, 0xfee0_0900, 0x10],
      [0x174, 8, 1],
      [0x175, 0, 1],
    ]) {
      rig.c.r32.set([lo, n, hi], 0);
      rig.run('0f 30');
      rig.expectFault(GP, 0);
    }
  });
});

describe('performance counters', () => {
  const wrmsr = (rig: Rig, n: number, lo: number) => {
    rig.c.r32.set([lo, n, 0], 0);
    rig.run('0f 30');
  };
  const rdpmc = (rig: Rig, n: number): number => {
    rig.c.r32[ECX] = n;
    rig.run('0f 33');
    return rig.c.r32[EDX] * 2 ** 32 + (rig.c.r32[EAX] >>> 0);
  };

  it('count retired instructions from where they were set, and stop', () => {
    const rig = new Rig();
    wrmsr(rig, 0xc1, 1000);
    wrmsr(rig, 0x186, 0x43_00c0);
    const first = rdpmc(rig, 0);
    rig.run('90 90 90', 3);
    expect(rdpmc(rig, 0)).toBe(first + 4);
    wrmsr(rig, 0x186, 0x03_00c0);
    const stopped = rdpmc(rig, 0);
    rig.run('90');
    expect(rdpmc(rig, 0)).toBe(stopped);
  });

  it('are exact in the middle of a block', () => {
    const rig = new Rig();
    wrmsr(rig, 0x186, 0x43_00c0);
    const first = rdpmc(rig, 0);
    rig.code('90 90 90 0f 33 eb fe');
    rig.machine.run(rig.machine.cycles() + 5);
    expect(rig.c.r32[EAX]).toBe(first + 4);
  });

  it('counter 1 runs by the enable bit of selection 0', () => {
    const rig = new Rig().paging();
    wrmsr(rig, 0x187, 0x03_00f1);
    rig.run('a1 00 00 04 00');
    expect(rdpmc(rig, 1)).toBe(0);
    wrmsr(rig, 0x186, 0x40_0000);
    rig.run('a1 00 10 04 00');
    expect(rdpmc(rig, 1)).toBe(1);
  });

  it('have 40 bits, and WRMSR sign-extends', () => {
    const rig = new Rig();
    wrmsr(rig, 0xc1, -2);
    expect(rdpmc(rig, 0)).toBe(2 ** 40 - 2);
    wrmsr(rig, 0x186, 0x43_00c0);
    expect(rdpmc(rig, 0)).toBe(2 ** 40 - 1); // WRMSR itself has retired
    expect(rdpmc(rig, 0)).toBe(0);
  });

  it('refuse what the model does not count', () => {
    for (const v of [0x41_00c0, 0x42_00c0, 0x47_00c0, 0x53_00c0, 0xc3_00c0, 0x0143_00c0, 0x43_0001]) {
      const rig = new Rig();
      wrmsr(rig, 0x186, v);
      rig.expectFault(GP, 0);
    }
  });

  it('RDPMC: no third counter; ring 3 with CR4.PCE', () => {
    const rig = new Rig();
    rig.c.r32[ECX] = 2;
    rig.run('0f 33');
    rig.expectFault(GP, 0);
    rig.user();
    rig.c.setCr4(0x100);
    rig.c.r32[ECX] = 0;
    rig.run('0f 33');
    expect(rig.c.eip).toBe(CODE + 2);
  });

  it('walk cycles and idle time come from the accounting', () => {
    const rig = new Rig(p4).paging();
    wrmsr(rig, 0x186, 0x43_00f3);
    const before = rdpmc(rig, 0);
    rig.c.mmu.dtlb.flushAll();
    rig.c.mmu.invalidatePage(DATA);
    rig.run('a1 00 00 04 00');
    expect(rdpmc(rig, 0) - before).toBeGreaterThanOrEqual(p4.walk.fixed.value);
  });
});

describe('CPUID', () => {
  const leaf = (rig: Rig, n: number) => {
    rig.c.r32[EAX] = n;
    rig.run('0f a2');
    return [EAX, EBX, ECX, EDX].map(r => rig.c.r32[r] >>> 0);
  };
  const text = (...words: number[]) =>
    words.map(w => String.fromCharCode(w & 255, (w >> 8) & 255, (w >> 16) & 255, w >>> 24)).join('');

  it('names vendor, model and brand', () => {
    const rig = new Rig(p4);
    const [max, b, c, d] = leaf(rig, 0);
    expect([max, text(b, d, c)]).toEqual([2, 'GenuineIntel']);
    expect(leaf(rig, 1)[0]).toBe(0xf13);
    const brand = [2, 3, 4].map(n => text(...leaf(rig, 0x8000_0000 + n))).join('');
    expect(brand.replace(/\0+$/, '')).toBe(p4.cpuid.brand);
    expect(leaf(rig, 0x8000_0000)[0]).toBe(0x8000_0004);
  });

  it('admits to what there is and no more', () => {
    const features = leaf(new Rig(), 1)[3];
    const bits = [...Array(32).keys()].filter(n => (features >>> n) & 1);
    // FPU DE PSE TSC MSR CX8 APIC SEP MTRR PGE CMOV PAT PSE-36
    expect(bits).toEqual([0, 2, 3, 4, 5, 8, 9, 11, 12, 13, 15, 16, 17]);
  });

  it('takes the APIC bit away when APIC_BASE.EN is cleared', () => {
    const rig = new Rig();
    rig.c.r32.set([0xfee0_0100, 0x1b, 0], 0);
    rig.run('0f 30');
    expect(leaf(rig, 1)[3] & (1 << 9)).toBe(0);
  });

  it('gives the cache descriptors, for leaves beyond the last too', () => {
    const rig = new Rig(p3);
    expect(leaf(rig, 2)).toEqual([0x0302_0101, 0, 0, 0x0c04_0882]);
    expect(leaf(rig, 7)).toEqual([0x0302_0101, 0, 0, 0x0c04_0882]);
  });

  it('is open to ring 3', () => {
    const rig = new Rig().user();
    leaf(rig, 0);
    expect(rig.c.eip).toBe(CODE + 2);
  });
});

/** Ports that write down what is done to them, and read as the port's number in each byte. */
function ports(log: unknown[]): PortBus {
  return {
    readPort: (port, size) => {
      log.push(['in', port, size]);
      return (port * 0x0101_0101) >>> 0;
    },
    writePort: (port, size, v) => void log.push(['out', port, size, v]),
    busOf: port => (port >= 0x100 ? 'pci' : 'isa'),
  };
}

describe('ports', () => {
  function rig(profile = flat) {
    const log: unknown[] = [];
    const r = new Rig(profile);
    r.c.ports = ports(log);
    r.c.r32[EAX] = 0xa1b2_c3d4;
    r.c.r32[EDX] = 0x99_0071;
    return { r, log };
  }

  it('IN and OUT in all sizes, by immediate and by DX', () => {
    const { r, log } = rig();
    r.run('e6 80 e7 f0 66 e7 f1 ee ef 66 ef', 6);
    expect(log).toEqual([
      ['out', 0x80, 1, 0xd4],
      ['out', 0xf0, 4, 0xa1b2_c3d4],
      ['out', 0xf1, 2, 0xc3d4],
      ['out', 0x71, 1, 0xd4],
      ['out', 0x71, 4, 0xa1b2_c3d4],
      ['out', 0x71, 2, 0xc3d4],
    ]);
    const results = ['e4 80', '66 e5 80', 'e5 80', 'ec', '66 ed', 'ed'].map(bytes => {
      r.c.r32[EAX] = 0;
      r.run(bytes);
      return r.c.r32[EAX] >>> 0;
    });
    expect(results).toEqual([0x80, 0x8080, 0x8080_8080, 0x71, 0x7171, 0x7171_7171]);
  });

  it('cost their bus’s time, before the device sees the access', () => {
    for (const [port, write, ns] of [
      [0x60, false, p4.io.isaNs],
      [0xcf8, false, p4.io.pciReadNs],
      [0xcf8, true, p4.io.pciWriteNs],
    ] as const) {
      const { r } = rig(p4);
      r.c.r32[EDX] = port;
      r.run(write ? 'ef' : 'ed');
      const ticks = Math.round((ns.value * p4.clockHz.value * 4) / 1e9);
      expect(r.accounting.cell(0, CAUSE.port)).toBe(ticks);
    }
  });

  it('are open at CPL ≤ IOPL', () => {
    const { r, log } = rig();
    r.user();
    r.c.eflags = FLAGS.IOPL3 | 2;
    r.run('e4 80');
    expect(log.length).toBe(1);
  });

  it('read all ones where there are none', () => {
    const { r } = rig();
    r.c.ports = null;
    r.run('ec');
    expect(r.c.r8[0]).toBe(0xff);
  });

  it('INS and OUTS step by size and direction; OUTS takes an override', () => {
    const { r, log } = rig();
    r.c.r32[EDI] = DATA;
    r.c.r32[ESI] = DATA;
    r.run('6d');
    expect([r.get32(DATA), r.c.r32[EDI], r.c.eip]).toEqual([0x7171_7171, DATA + 4, CODE + 1]);
    r.c.eflags = FLAGS.DF | 2;
    r.run('66 6f');
    expect([log.at(-1), r.c.r32[ESI]]).toEqual([['out', 0x71, 2, 0x7171], DATA - 2]);
    r.c.setSegment(5, 0x10, DATA, 0xffff, 0x409300);
    r.c.r32[ESI] = 0;
    r.run('65 6e');
    expect(log.at(-1)).toEqual(['out', 0x71, 1, 0x71]);
  });

  it('REP runs 64 rounds at a time and then goes on', () => {
    const { r, log } = rig();
    r.c.r32[ECX] = 100;
    r.c.r32[ESI] = DATA;
    r.run('f3 6e');
    expect([log.length, r.c.r32[ECX], r.c.r32[ESI], r.c.eip]).toEqual([64, 36, DATA + 64, CODE]);
    r.step();
    expect([log.length, r.c.r32[ECX], r.c.eip]).toEqual([100, 0, CODE + 2]);
    r.run('f3 6e');
    expect([log.length, r.c.eip]).toEqual([100, CODE + 2]);
  });

  it('REP INS stops at a page fault without a lost read, and can be restarted', () => {
    const { r, log } = rig();
    r.paging();
    r.pte(DATA + 0x1000, 0);
    r.c.r32[ECX] = 8;
    r.c.r32[EDI] = DATA + 0xff0;
    r.run('f3 6d');
    r.expectFault(PF, 2);
    expect([log.length, r.c.r32[ECX], r.c.r32[EDI], r.c.cr2]).toEqual([4, 4, DATA + 0x1000, DATA + 0x1000]);
    r.pte(DATA + 0x1000, 0x67);
    r.c.esp += 16;
    r.run('f3 6d');
    expect([log.length, r.c.r32[ECX], r.c.eip]).toEqual([8, 0, CODE + 2]);
  });
});

describe('what is not there', () => {
  it('UD2 is #UD, and so is LOCK before any of these', () => {
    for (const bytes of ['0f 0b', 'f0 f4', 'f0 0f 22 c0', 'f0 0f 01 3b', 'f0 cd 80']) {
      const rig = new Rig();
      rig.run(bytes);
      rig.expectPlainFault(UD);
    }
  });
});

describe('profiles', () => {
  it('are well formed, and found by name', () => {
    for (const p of Object.values(profiles)) {
      checkProfile(p);
      expect(findProfile(p.name)).toBe(p);
    }
    expect(Object.keys(profiles)).toEqual(['p4-1700', 'p3-1000', 'flat']);
    expect(() => findProfile('toString')).toThrow(/p4-1700, p3-1000, flat/);
  });

  it('flat takes one cycle an instruction, whatever it does', () => {
    const rig = new Rig().paging();
    rig.code('a1 00 00 04 00 0f 22 d9 cd 80');
    rig.c.r32[ECX] = rig.c.cr3;
    rig.code('cf', rig.handler(0x80));
    rig.c.eip = CODE;
    for (let n = 0; n < 4; n++) rig.step();
    expect(rig.c.eip).toBe(CODE + 10);
    expect(rig.machine.cycles()).toBe(4);
    expect(rig.c.instructions).toBe(4);
  });

  it('every figure says where it comes from', () => {
    const check = (v: unknown): void => {
      if (typeof v !== 'object' || v === null) return;
      if ('source' in v) {
        const f = v as unknown as { value: number; source: string; range?: [number, number] };
        expect(f.source).not.toBe('');
        if (f.range) expect(f.value >= f.range[0] && f.value <= f.range[1]).toBe(true);
      } else Object.values(v).forEach(check);
    };
    Object.values(profiles).forEach(check);
  });
});

it('IA32_PLATFORM_ID reads 0 and cannot be written', () => {
  const rig = new Rig();
  rig.c.r32[ECX] = 0x17;
  rig.c.r32[EAX] = rig.c.r32[EDX] = -1;
  rig.run('0f 32');
  expect([rig.c.r32[EAX], rig.c.r32[EDX]]).toEqual([0, 0]);
  rig.run('0f 30');
  rig.expectFault(GP, 0);
});
