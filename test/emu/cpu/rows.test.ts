/** Rows that silicon cannot judge alone: privilege, descriptor types, LOCK, lengths, and where fetching stops. */
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../../emu/cpu/decoder.ts';
import type { Row } from '../../../emu/cpu/row.ts';
import { allRows } from '../../../emu/cpu/table.ts';
import { CpuFault } from '../../../emu/mmu/fault.ts';
import { flat } from '../../../emu/profile/flat.ts';
import { CODE, DATA, EAX, EBX, ECX, GDT, GDT_END, KCODE, KDATA, LDT, LDTR, Rig, UCODE } from './rig.ts';

const DE = 0;
const BR = 5;
const UD = 6;
const GP = 13;
const PF = 14;
const ZF = 0x40;
const SLOT = 0x20; // of the LDT, for the descriptor under test

const al = (rig: Rig) => rig.c.r32[EAX] & 0xff;

describe('decimal arithmetic', () => {
  it('adds and subtracts packed digits', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0x79;
    rig.run('04 35 27', 2); // add al, 35h; daa
    expect([al(rig), rig.c.cf, rig.c.af]).toEqual([0x14, 1, 1]);
    rig.c.r32[EAX] = 0x35;
    rig.run('2c 47 2f', 2); // sub al, 47h; das
    expect([al(rig), rig.c.cf, rig.c.af]).toEqual([0x88, 1, 1]);
  });

  it('DAS borrows when only the subtraction of 6 does', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0x05;
    rig.c.eflags = 0x12; // AF
    rig.run('2f');
    expect([al(rig), rig.c.cf]).toEqual([0xff, 1]);
  });

  it('adjusts unpacked digits into AX', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0x0008;
    rig.run('04 05 37', 2); // add al, 5; aaa
    expect(rig.c.r16[0]).toBe(0x0103);
    rig.run('2c 09 3f', 2); // sub al, 9; aas
    expect(rig.c.r16[0]).toBe(0x0004);
  });

  it('AAM and AAD take any base, and base 0 divides by zero', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0x63;
    rig.run('d4 0a');
    expect(rig.c.r16[0]).toBe(0x0909);
    rig.run('d5 0a');
    expect(rig.c.r16[0]).toBe(0x0063);
    rig.run('d4 10');
    expect(rig.c.r16[0]).toBe(0x0603);
    rig.run('d4 00');
    rig.expectPlainFault(DE);
    expect(rig.c.r16[0]).toBe(0x0603);
  });

  it('SALC spreads CF over AL', () => {
    const rig = new Rig().run('f9 d6', 2);
    expect([al(rig), rig.c.cf]).toEqual([0xff, 1]);
    rig.run('f8 d6', 2);
    expect(al(rig)).toBe(0);
  });
});

describe('BOUND', () => {
  const bound = (hex: string, index: number, lower: number, upper: number, size: 2 | 4) => {
    const rig = new Rig();
    const set = size === 4 ? rig.set32.bind(rig) : rig.set16.bind(rig);
    set(DATA, lower & (size === 4 ? -1 : 0xffff));
    set(DATA + size, upper & (size === 4 ? -1 : 0xffff));
    rig.c.r32[EAX] = index;
    rig.c.r32[EBX] = DATA;
    return rig.run(hex);
  };
  for (const [hex, size] of [
    ['62 03', 4],
    ['66 62 03', 2],
  ] as const)
    it(`compares signed, both bounds included, ${size * 8} bits`, () => {
      for (const index of [-3, 0, 7])
        expect(bound(hex, index, -3, 7, size).c.eip).toBe(CODE + hex.split(' ').length);
      for (const index of [-4, 8]) bound(hex, index, -3, 7, size).expectPlainFault(BR);
    });
});

describe('LAR, LSL, VERR, VERW', () => {
  /** Asks of LDT descriptor SLOT, given by access byte, with the RPL. */
  function ask(hex: string, access: number, cpl: 0 | 3 = 0, rpl = 0): { z: boolean; value: number } {
    const rig = new Rig();
    rig.descriptor(SLOT, 0x1234_5000, 0x2_0003, access, 0xc, LDT);
    rig.c.setSegment(6, LDTR, LDT, 0xff, 0x8200);
    if (cpl === 3) rig.user();
    rig.c.r32[EAX] = SLOT | 4 | rpl;
    rig.c.r32[ECX] = 0x77;
    rig.run(hex);
    expect(rig.c.eip >>> 0).toBe(CODE + hex.split(' ').length);
    return { z: (rig.c.eflags & ZF) !== 0, value: rig.c.r32[ECX] >>> 0 };
  }
  const [LAR, LSL, VERR, VERW] = ['0f 02 c8', '0f 03 c8', '0f 00 e0', '0f 00 e8'];
  const system = [...Array(16).keys()];

  it('LAR and LSL know the system types that the manual lists', () => {
    expect(system.filter(type => ask(LAR, 0x80 | type).z)).toEqual([1, 2, 3, 4, 5, 9, 11, 12]);
    expect(system.filter(type => ask(LSL, 0x80 | type).z)).toEqual([1, 2, 3, 9, 11]);
  });

  it('VERR and VERW refuse every system type', () => {
    expect(system.filter(type => ask(VERR, 0x80 | type).z || ask(VERW, 0x80 | type).z)).toEqual([]);
  });

  it('VERR wants readable, VERW writable data, of all sixteen code and data types', () => {
    const types = system.map(type => type | 0x90);
    expect(types.filter(t => !ask(VERR, t).z)).toEqual([0x98, 0x99, 0x9c, 0x9d]);
    expect(types.filter(t => ask(VERW, t).z)).toEqual([0x92, 0x93, 0x96, 0x97]);
    expect(types.filter(t => !ask(LAR, t).z || !ask(LSL, t).z)).toEqual([]);
  });

  it('do not ask whether it is present', () => {
    for (const hex of [LAR, LSL, VERR, VERW]) expect(ask(hex, 0x12).z).toBe(true);
  });

  it('want CPL and RPL within DPL, but for conforming code', () => {
    for (const hex of [LAR, LSL, VERR]) {
      expect([ask(hex, 0x92, 3, 3).z, ask(hex, 0x92, 0, 3).z, ask(hex, 0xf2, 3, 3).z]).toEqual([
        false,
        false,
        true,
      ]);
      expect(ask(hex, 0x9e, 3, 3).z).toBe(true);
    }
    expect([ask(VERW, 0x92, 0, 3).z, ask(VERW, 0xf2, 3, 3).z]).toEqual([false, true]);
  });

  it('LAR gives the access rights, LSL the limit in bytes; a failure leaves the register', () => {
    expect(ask(LAR, 0x92).value).toBe(0x00c2_9200);
    expect(ask('66 0f 02 c8', 0x92).value).toBe(0x9200);
    expect(ask(LSL, 0x92).value).toBe(0x2000_3fff);
    expect(ask('66 0f 03 c8', 0x92).value).toBe(0x3fff);
    expect(ask(LAR, 0x86).value).toBe(0x77);
    expect(ask(LSL, 0x84).value).toBe(0x77);
  });

  it('clear ZF for null and for selectors beyond the table', () => {
    for (const selector of [0, 3, GDT_END, 0xfff8])
      for (const hex of [LAR, LSL, VERR, VERW]) {
        const rig = new Rig();
        rig.c.r32[EAX] = selector;
        rig.c.eflags = 2 | ZF;
        rig.run(hex);
        expect(rig.c.eflags & ZF).toBe(0);
      }
  });

  it('read the table as a supervisor, whose page fault is theirs', () => {
    const rig = new Rig().paging().user();
    rig.pte(GDT, 0x21); // supervisor, read-only
    rig.c.r32[EAX] = UCODE;
    rig.run(VERR);
    expect(rig.c.eflags & ZF).toBe(ZF);
    rig.c.setSegment(6, LDTR, DATA, 0xff, 0x8200);
    rig.pte(DATA, 0);
    rig.c.r32[EAX] = SLOT | 7;
    rig.run(VERR);
    rig.expectFault(PF, 0);
    expect(rig.c.cr2).toBe(DATA + SLOT);
  });
});

describe('ARPL', () => {
  it('raises the RPL and says so', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 0xabc1_0020;
    rig.c.r32[ECX] = 0x13;
    rig.run('63 c8');
    expect([rig.c.r32[EAX] >>> 0, rig.c.eflags & ZF]).toEqual([0xabc1_0023, ZF]);
    rig.run('63 c8');
    expect([rig.c.r32[EAX] >>> 0, rig.c.eflags & ZF]).toEqual([0xabc1_0023, 0]);
  });
});

it('rows about descriptors are #UD in real-address and virtual-8086 mode', () => {
  for (const hex of [
    '0f 00 c0',
    '0f 00 c8',
    '0f 00 d0',
    '0f 00 d8',
    '0f 00 e0',
    '0f 00 e8',
    '0f 02 c8',
    '0f 03 c8',
    '63 c8',
  ])
    for (const real of [true, false]) {
      const rig = new Rig();
      const seen: number[] = [];
      rig.c.probes.add({ delivered: vector => void seen.push(vector) });
      if (real) rig.c.setCr0(rig.c.cr0 & ~1);
      else {
        rig.c.setPrivilege(3);
        rig.c.eflags = 0x2_0002;
      }
      rig.run(hex);
      expect([hex, seen]).toEqual([hex, [UD]]);
    }
});

// ---- decoding ------------------------------------------------------------------------------------------------

/** SDM vol. 2, LOCK. */
const LOCKABLE =
  /^(ADD|ADC|AND|BTC|BTR|BTS|CMPXCHG|CMPXCHG8B|DEC|INC|NEG|NOT|OR|SBB|SUB|XOR|XADD|XCHG) (r\/)?m/;

/** An encoding of the row with operand size 32, ModRM [EAX] or EAX; null if it has none such. */
function encode(row: Row, memory: boolean): number[] | null {
  const tokens = row.enc.split(' ');
  const modrm = tokens.find(t => t.startsWith('/'));
  if (tokens[0] === 'o16') return null;
  if (memory && (!modrm || tokens.includes('r') || tokens.includes('R'))) return null;
  if (!memory && tokens.includes('m')) return null;
  const bytes = tokens.filter(t => /^[0-9A-Fa-f]{2}$/.test(t)).map(t => Number.parseInt(t, 16));
  if (modrm) bytes.push((memory ? 0 : 0xc0) | (modrm === '/r' ? 0 : Number(modrm[1]) << 3));
  return [...bytes, 0, 0, 0, 0, 0, 0];
}

function vectorOf(bytes: number[]): number | null {
  const fault = new CpuFault();
  try {
    new Decoder(flat, fault).decode({ byte: n => bytes[n] }, 0, true);
    return null;
  } catch (thrown) {
    expect(thrown).toBe(fault);
    return fault.vector;
  }
}

describe('LOCK', () => {
  it('is #UD before every form but those of the manual’s list with a memory destination', () => {
    const wrong = allRows.filter(row => {
      const bytes = encode(row, true);
      return bytes && (vectorOf([0xf0, ...bytes]) === null) !== LOCKABLE.test(row.form);
    });
    expect(wrong.map(row => row.form)).toEqual([]);
  });

  it('is #UD before every register form', () => {
    const wrong = allRows.filter(row => {
      const bytes = encode(row, false);
      return bytes && vectorOf([0xf0, ...bytes]) !== UD;
    });
    expect(wrong.map(row => row.form)).toEqual([]);
  });

  it('is #UD before what would fault otherwise', () => {
    const rig = new Rig().paging().user();
    rig.c.r32[EAX] = 0x20_0000; // not mapped
    for (const hex of ['f0 f4', 'f0 8b 00', 'f0 0f 20 c0', 'f0 cd 80']) {
      rig.user().run(hex);
      rig.expectPlainFault(UD);
    }
  });
});

describe('hints and undefined opcodes', () => {
  it('0F 0D and 0F 18 to 1F do nothing, to any operand', () => {
    for (const opcode of ['0d', '18', '19', '1a', '1b', '1c', '1d', '1e', '1f'])
      for (const operand of ['00', '38', 'c8', '84 48 78 56 34 12']) {
        const rig = new Rig().paging();
        rig.c.r32[EAX] = 0x20_0000;
        const before = rig.code('90').registers();
        const hex = `0f ${opcode} ${operand}`;
        rig.run(hex);
        expect(rig.c.eip).toBe(CODE + hex.split(' ').length);
        expect(rig.registers()).toEqual(before);
      }
  });

  it('UD0 and UD1 read their ModRM first; RSM and CMPXCHG8B of a register are undefined', () => {
    for (const hex of ['0f ff 00', '0f b9 00', '0f aa', '0f c7 c8']) new Rig().run(hex).expectPlainFault(UD);
    for (const opcode of ['0f ff', '0f b9']) {
      const rig = new Rig().paging();
      rig.pte(CODE + 0x1000, 0);
      rig.code(opcode, CODE + 0xffe);
      rig.step();
      rig.expectFault(PF, 0, CODE + 0xffe);
    }
  });

  it('segment registers 6 and 7 do not exist', () => {
    for (const hex of ['8e f0', '8e f8', '8c f0', '8c f8']) new Rig().run(hex).expectPlainFault(UD);
  });
});

it('MOV CR and DR take a register whatever mod says', () => {
  for (const mod of ['00', '40', '80', 'c0']) {
    const modrm = (Number.parseInt(mod, 16) | 0x13).toString(16).padStart(2, '0'); // CR2 or DR2, EBX
    const rig = new Rig();
    rig.c.r32[EBX] = 0x1234;
    rig.run(`0f 22 ${modrm} 0f 23 ${modrm}`, 2);
    expect([rig.c.cr2, rig.c.dr(2), rig.c.eip]).toEqual([0x1234, 0x1234, CODE + 6]);
    rig.c.cr2 = 0x5678;
    rig.run(`0f 20 ${modrm}`);
    expect([rig.c.r32[EBX], rig.c.eip]).toEqual([0x5678, CODE + 3]);
  }
});

describe('fetching', () => {
  const prefixes = (n: number) => '3e '.repeat(n);

  it('takes 15 bytes, and #GP(0) for a sixteenth', () => {
    const rig = new Rig().run(`${prefixes(14)} 40`);
    expect([rig.c.r32[EAX], rig.c.eip]).toEqual([1, CODE + 15]);
    new Rig().run(`${prefixes(15)} 40`).expectFault(GP, 0);
    new Rig().run(`${prefixes(13)} 05 01 00 00 00`).expectFault(GP, 0);
  });

  it('does not fetch a sixteenth byte: #GP(0) though its page is absent', () => {
    const at = CODE + 0x1000 - 15;
    const rig = new Rig().paging();
    rig.pte(CODE + 0x1000, 0);
    rig.code(prefixes(15), at).step();
    rig.expectFault(GP, 0, at);
  });

  it('page-faults at the second page’s first byte when the fifteenth lies there', () => {
    const at = CODE + 0x1000 - 14;
    const rig = new Rig().paging();
    rig.pte(CODE + 0x1000, 0);
    rig.code(prefixes(14), at).step();
    rig.expectFault(PF, 0, at);
    expect(rig.c.cr2).toBe(CODE + 0x1000);
  });

  it('a limit of CS comes before what lies behind it: bytes, pages, undefined opcodes', () => {
    const rig = new Rig().paging();
    const limited = (limit: number) => rig.c.setSegment(1, KCODE, 0, limit, 0x409b00);
    limited(CODE);
    rig.run('0f 0b');
    rig.expectFault(GP, 0);
    limited(CODE + 0xfff);
    rig.pte(CODE + 0x1000, 0);
    rig.code('90', CODE + 0xfff);
    rig.step();
    rig.step();
    rig.expectFault(GP, 0, CODE + 0x1000);
    limited(CODE + 0x1000);
    rig.c.eip = CODE + 0xfff;
    rig.step();
    rig.step();
    rig.expectFault(PF, 0, CODE + 0x1000);
  });
});

describe('POP r/m', () => {
  it('counts its address from the stack pointer behind the pop, modulo 64 KiB on a 16-bit stack', () => {
    const rig = new Rig();
    rig.c.setSegment(2, KDATA, DATA, 0xffff, 0x009300);
    rig.set16(DATA + 0xfffe, 0x1234);
    rig.c.esp = 0xfffe;
    rig.run('66 8f 44 24 10'); // pop word [esp+16]
    expect([rig.get16(DATA + 0x10), rig.c.esp]).toEqual([0x1234, 0]);
  });
});
