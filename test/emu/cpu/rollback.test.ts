/**
 * A page fault leaves registers and segments as they were, and memory but for what the manual or silicon says, so
 * that the instruction can run again: every kind of access in turn. SDM vol. 3, 6.5 and 6.15 (#PF).
 */
import { describe, expect, it } from 'vitest';
import {
  CLEAN_DATA,
  CODE,
  DATA,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  ESI,
  GDT,
  LDTR,
  Rig,
  STACK,
  UDATA,
  USER_STACK,
} from './rig.ts';

const PF = 14;
const WP = 0x1_0000;
/** The page behind DATA's. */
const NEXT = DATA + 0x1000;
const PRESENT = 0x67;
const READ_ONLY = 0x65;

/** Error codes: present, write, user. */
const P = 1;
const W = 2;
const U = 4;

interface Case {
  name: string;
  hex: string;
  set: (rig: Rig) => void;
  /** The page that is made absent, or read-only. */
  page: number;
  flags?: number;
  error: number;
  cr2: number;
}

const at = (eax: number) => (rig: Rig) => {
  rig.c.r32[EAX] = eax;
};
const stack = (esp: number) => (rig: Rig) => {
  rig.c.esp = esp;
};

const CASES: Case[] = [
  { name: 'a load', hex: '8b 18', set: at(NEXT), page: NEXT, error: U, cr2: NEXT },
  {
    name: 'a load whose second half lies there',
    hex: '8b 18',
    set: at(NEXT - 1),
    page: NEXT,
    error: U,
    cr2: NEXT,
  },
  { name: 'a store', hex: '89 18', set: at(NEXT), page: NEXT, error: U | W, cr2: NEXT },
  {
    name: 'a store to a read-only page',
    hex: '89 18',
    set: at(NEXT + 4),
    page: NEXT,
    flags: READ_ONLY,
    error: P | U | W,
    cr2: NEXT + 4,
  },
  { name: 'a store across both', hex: '89 18', set: at(NEXT - 2), page: NEXT, error: U | W, cr2: NEXT },
  {
    name: 'ADD to memory',
    hex: '01 18',
    set: at(NEXT - 3),
    page: NEXT,
    flags: READ_ONLY,
    error: P | U | W,
    cr2: NEXT,
  },
  { name: 'NOT', hex: 'f7 10', set: at(NEXT - 1), page: NEXT, error: U | W, cr2: NEXT },
  { name: 'SHLD', hex: '0f a4 18 05', set: at(NEXT - 1), page: NEXT, error: U | W, cr2: NEXT },
  {
    name: 'BTS far beside its operand',
    hex: '0f ab 10',
    set: rig => {
      rig.c.r32[EAX] = DATA;
      rig.c.r32[EDX] = 0x1000 * 8;
    },
    page: NEXT,
    error: U | W,
    cr2: NEXT,
  },
  { name: 'XCHG', hex: '87 18', set: at(NEXT - 1), page: NEXT, error: U | W, cr2: NEXT },
  { name: 'XADD', hex: '0f c1 18', set: at(NEXT), page: NEXT, flags: READ_ONLY, error: P | U | W, cr2: NEXT },
  {
    name: 'CMPXCHG that would not exchange',
    hex: '0f b1 19',
    set: rig => {
      rig.c.r32[ECX] = NEXT;
    },
    page: NEXT,
    flags: READ_ONLY,
    error: P | U | W,
    cr2: NEXT,
  },
  {
    name: 'CMPXCHG8B across both',
    hex: '0f c7 0e',
    set: rig => {
      rig.c.r32[ESI] = NEXT - 4;
    },
    page: NEXT,
    error: U | W,
    cr2: NEXT,
  },
  { name: 'PUSH', hex: '50', set: stack(NEXT + 2), page: DATA, error: U | W, cr2: NEXT - 2 },
  { name: 'PUSH from memory', hex: 'ff 30', set: at(NEXT), page: NEXT, error: U, cr2: NEXT },
  { name: 'POP', hex: '58', set: stack(NEXT - 2), page: NEXT, error: U, cr2: NEXT },
  { name: 'POP to memory', hex: '8f 00', set: at(NEXT - 1), page: NEXT, error: U | W, cr2: NEXT },
  {
    name: 'POP to memory by ESP',
    hex: '8f 44 24 fc',
    set: stack(NEXT),
    page: NEXT,
    flags: READ_ONLY,
    error: P | U | W,
    cr2: NEXT,
  },
  { name: 'POP DS', hex: '1f', set: stack(NEXT), page: NEXT, error: U, cr2: NEXT },
  { name: 'PUSHF', hex: '9c', set: stack(NEXT), page: DATA, error: U | W, cr2: NEXT - 4 },
  { name: 'POPF', hex: '9d', set: stack(NEXT), page: NEXT, error: U, cr2: NEXT },
  { name: 'CALL', hex: 'e8 00 00 00 00', set: stack(NEXT), page: DATA, error: U | W, cr2: NEXT - 4 },
  { name: 'RET', hex: 'c3', set: stack(NEXT), page: NEXT, error: U, cr2: NEXT },
  {
    name: 'LEAVE',
    hex: 'c9',
    set: rig => {
      rig.c.r32[EBP] = NEXT;
    },
    page: NEXT,
    error: U,
    cr2: NEXT,
  },
  { name: 'PUSHA half-way', hex: '60', set: stack(NEXT + 16), page: DATA, error: U | W, cr2: NEXT - 4 },
  {
    name: 'ENTER, its frame',
    hex: 'c8 00 20 00',
    set: stack(NEXT + 0x1004),
    page: DATA,
    error: U | W,
    cr2: DATA + 0x0,
  },
  {
    name: 'ENTER, a link of an outer level',
    hex: 'c8 00 00 03',
    set: rig => {
      rig.c.esp = USER_STACK;
      rig.c.r32[EBP] = NEXT + 4;
    },
    page: DATA,
    error: U,
    cr2: NEXT - 4,
  },
  {
    name: 'ENTER, the pushes of its levels',
    hex: 'c8 00 00 04',
    set: rig => {
      rig.c.esp = NEXT + 8;
      rig.c.r32[EBP] = USER_STACK;
    },
    page: DATA,
    error: U | W,
    cr2: NEXT - 4,
  },
  { name: 'LES, the offset', hex: 'c4 18', set: at(NEXT - 1), page: NEXT, error: U, cr2: NEXT },
  { name: 'LES, the selector', hex: 'c4 18', set: at(NEXT - 4), page: NEXT, error: U, cr2: NEXT },
  {
    name: 'MOVS, the source',
    hex: 'a5',
    set: rig => {
      rig.c.r32[ESI] = NEXT;
      rig.c.r32[EDI] = DATA;
    },
    page: NEXT,
    error: U,
    cr2: NEXT,
  },
  {
    name: 'MOVS, the destination',
    hex: 'a5',
    set: rig => {
      rig.c.r32[ESI] = DATA;
      rig.c.r32[EDI] = NEXT - 1;
    },
    page: NEXT,
    error: U | W,
    cr2: NEXT,
  },
  {
    name: 'STOS',
    hex: 'ab',
    set: rig => {
      rig.c.r32[EDI] = NEXT;
    },
    page: NEXT,
    error: U | W,
    cr2: NEXT,
  },
  {
    name: 'CMPS, the source',
    hex: 'a7',
    set: rig => {
      rig.c.r32[ESI] = NEXT;
      rig.c.r32[EDI] = DATA;
    },
    page: NEXT,
    error: U,
    cr2: NEXT,
  },
  {
    name: 'SCAS',
    hex: 'af',
    set: rig => {
      rig.c.r32[EDI] = NEXT;
    },
    page: NEXT,
    error: U,
    cr2: NEXT,
  },
  { name: 'BOUND, the upper bound', hex: '62 18', set: at(NEXT - 4), page: NEXT, error: U, cr2: NEXT },
  {
    name: 'XLAT',
    hex: 'd7',
    set: rig => {
      rig.c.r32[EBX] = NEXT;
      rig.c.r32[EAX] = 5;
    },
    page: NEXT,
    error: U,
    cr2: NEXT + 5,
  },
  {
    name: 'ARPL that raises',
    hex: '63 08',
    set: rig => {
      rig.c.r32[EAX] = NEXT;
      rig.c.r32[ECX] = 3;
    },
    page: NEXT,
    flags: READ_ONLY,
    error: P | U | W,
    cr2: NEXT,
  },
  { name: 'SIDT across both', hex: '0f 01 08', set: at(NEXT - 3), page: NEXT, error: U | W, cr2: NEXT },
  { name: 'a far CALL, its pointer', hex: 'ff 18', set: at(NEXT - 4), page: NEXT, error: U, cr2: NEXT },
  { name: 'RETF', hex: 'cb', set: stack(NEXT - 4), page: NEXT, error: U, cr2: NEXT },
  { name: 'IRET', hex: 'cf', set: stack(NEXT - 8), page: NEXT, error: U, cr2: NEXT },
];

describe('a page fault in ring 3 changes nothing:', () => {
  for (const { name, hex, set, page, flags = 0, error, cr2 } of CASES)
    it(name, () => {
      const rig = new Rig().paging().user();
      for (let n = 0; n < 8; n++) if (n !== 4) rig.c.r32[n] = 0x1111_0000 + n;
      set(rig);
      for (let pa = DATA; pa < NEXT + 0x2000; pa += 4) rig.set32(pa, pa * 3);
      rig.code(hex);
      rig.pte(page, flags);
      const before = rig.registers();
      const memory = rig.machine.readPhysical(DATA, 0x3000);
      rig.step();
      rig.expectFault(PF, error);
      expect(rig.c.cr2 >>> 0).toBe(cr2);
      // The interrupted state: EFLAGS and the stack pointer are in the frame, the rest is in the registers.
      const esp = rig.stack(4);
      const eflags = rig.stack(3) & ~0x1_0000;
      const after = rig.registers();
      const general = [...after.slice(0, 4), esp | 0, ...after.slice(5, 8), eflags];
      expect(general).toEqual(before.slice(0, 9));
      const segmentsOf = (r: number[]) => [0, 3, 4, 5].flatMap(s => r.slice(12 + 4 * s, 16 + 4 * s));
      expect(segmentsOf(after)).toEqual(segmentsOf(before));
      // PUSHA and ENTER may have stored below the stack's top, which belongs to nobody.
      if (!/PUSHA|ENTER/.test(name)) expect(rig.machine.readPhysical(DATA, 0x3000)).toEqual(memory);
      // With the page there, the same instruction runs.
      rig.pte(page, PRESENT);
      rig.user();
      for (let n = 0; n < 8; n++) rig.c.r32[n] = before[n];
      rig.c.eip = CODE;
      rig.step();
      expect(rig.c.cpl === 3 || rig.c.eip !== rig.handler(PF)).toBe(true);
    });
});

it('REP MOVS stops where the fault is, with its registers at the round that failed', () => {
  const rig = new Rig().paging().user();
  rig.pte(NEXT, 0);
  rig.c.r32[ESI] = 0x3_0000;
  rig.c.r32[EDI] = NEXT - 12;
  rig.c.r32[ECX] = 10;
  rig.run('f3 a5');
  rig.expectFault(PF, U | W);
  expect([rig.c.r32[ESI], rig.c.r32[EDI], rig.c.r32[ECX]]).toEqual([0x3_000c, NEXT, 7]);
});

it('POPA keeps ESP, with what it read before the fault, as silicon does', () => {
  const rig = new Rig().paging().user();
  rig.pte(NEXT, 0);
  rig.c.esp = NEXT - 8;
  rig.set32(NEXT - 8, 0xed1);
  rig.set32(NEXT - 4, 0xe51);
  rig.c.r32[EBP] = 0x5555;
  rig.run('61');
  rig.expectFault(PF, U);
  expect([rig.c.r32[EDI], rig.c.r32[ESI], rig.c.r32[EBP], rig.stack(4)]).toEqual([
    0xed1,
    0xe51,
    0x5555,
    NEXT - 8,
  ]);
});

describe('accessed bits of descriptors in a read-only table', () => {
  const load = (wp: boolean) => {
    const rig = new Rig().paging();
    if (!wp) rig.c.setCr0(rig.c.cr0 & ~WP);
    rig.pte(GDT, 0x61);
    rig.c.r32[EAX] = CLEAN_DATA | 3;
    rig.segment(3, UDATA);
    return rig.run('8e d8');
  };

  it('page-fault as a supervisor’s write with CR0.WP, and load nothing', () => {
    const rig = load(true);
    rig.expectFault(PF, P | W);
    expect([rig.c.cr2, rig.c.selector(3), rig.access(CLEAN_DATA)]).toEqual([
      GDT + CLEAN_DATA + 4,
      UDATA,
      0xf2,
    ]);
  });

  it('are set without CR0.WP', () => {
    const rig = load(false);
    expect([rig.c.eip, rig.c.selector(3), rig.access(CLEAN_DATA)]).toEqual([CODE + 2, CLEAN_DATA | 3, 0xf3]);
  });

  it('and of the LDT, from ring 3: still a supervisor’s write', () => {
    const rig = new Rig().paging();
    rig.descriptor(8, 0, 0xfffff, 0xf2, 0xc, DATA);
    rig.c.setSegment(6, LDTR, DATA, 0xff, 0x8200);
    rig.pte(DATA, READ_ONLY);
    rig.user();
    rig.c.r32[EAX] = 0xf;
    rig.run('8e e0');
    rig.expectFault(PF, P | W);
    expect(rig.c.cr2).toBe(DATA + 12);
  });
});

it('a supervisor’s push to an absent page is a double fault unless another stack takes it', () => {
  const rig = new Rig().paging();
  rig.c.esp = STACK;
  rig.pte(STACK - 0x1000, 0);
  rig.run('50');
  expect(rig.c.shutdown).toBe(true);
});
