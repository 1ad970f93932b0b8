/** Segment loads: every check of the manual's pages of MOV, POP, LDS, LLDT and LTR. */
import { describe, expect, it } from 'vitest';
import {
  ABSENT_CODE,
  ABSENT_DATA,
  ABSENT_LDT,
  ABSENT_STACK3,
  ABSENT_TASK,
  CLEAN_DATA,
  CODE,
  CODE1,
  CONFORMING,
  DATA,
  DATA1,
  EAX,
  EBX,
  EXECUTE_ONLY,
  EXPAND_DOWN,
  GDT,
  GDT_END,
  KCODE,
  KDATA,
  LDT,
  LDTR,
  READ_ONLY,
  Rig,
  STACK,
  STACK16,
  TASK,
  TASK16,
  TR,
  UCODE,
  UDATA,
} from './rig.ts';

const DS = 3;
const GP = 13;
const NP = 11;
const SS = 12;

/** MOV DS, AX; MOV SS, AX. */
const MOV = { ES: '8e c0', SS: '8e d0', DS: '8e d8', FS: '8e e0', GS: '8e e8' };

describe('MOV DS', () => {
  const bad: [string, number, number, 0 | 3, number, number][] = [
    ['beyond the GDT', GDT_END, GDT_END, 0, GP, GDT_END],
    ['in the null LDT', 0x04, 0x04, 0, GP, 4],
    ['a system segment', TR, TR, 0, GP, TR],
    ['code that may not be read', EXECUTE_ONLY, EXECUTE_ONLY, 0, GP, EXECUTE_ONLY],
    ['DPL 0 from CPL 3', KDATA, KDATA, 3, GP, KDATA],
    ['RPL 3 on DPL 0', KDATA | 3, KDATA, 0, GP, KDATA],
    ['nonconforming code of an inner ring', KCODE, KCODE, 3, GP, KCODE],
    ['an absent one', ABSENT_DATA, ABSENT_DATA, 0, NP, ABSENT_DATA],
    ['absent and of a wrong ring: privilege first', ABSENT_DATA, ABSENT_DATA, 3, GP, ABSENT_DATA],
  ];
  for (const [name, selector, , cpl, vector, error] of bad)
    it(`refuses ${name}`, () => {
      const rig = new Rig();
      if (cpl === 3) rig.user();
      rig.c.r32[EAX] = selector;
      const ds = rig.c.selector(DS);
      rig.run(MOV.DS);
      rig.expectFault(vector, error);
      expect(rig.c.selector(DS)).toBe(ds);
    });

  for (const [name, selector, cpl] of [
    ['its own ring', UDATA, 3],
    ['an outer ring', UDATA, 0],
    ['readable code', UCODE, 3],
    ['conforming code of an inner ring', CONFORMING, 3],
    ['read-only data', READ_ONLY, 0],
    ['expand-down data', EXPAND_DOWN, 0],
  ] as const)
    it(`takes ${name}`, () => {
      const rig = new Rig();
      if (cpl === 3) rig.user();
      rig.c.r32[EAX] = selector;
      rig.run(MOV.DS);
      expect(rig.c.eip).toBe(CODE + 2);
      expect(rig.c.selector(DS)).toBe(selector);
    });

  it('takes a null selector, keeps its bits, and refuses its use', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = 3;
    rig.run(`${MOV.DS} 8b 03`, 2);
    expect(rig.c.selector(DS)).toBe(3);
    rig.expectFault(GP, 0, CODE + 2);
  });

  it('reads the hidden part from the table: base, limit, granularity', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = STACK16;
    rig.run(MOV.DS);
    expect([rig.c.segmentBase(DS), rig.c.segmentLimit(DS)]).toEqual([0x3_0000, 0xffff]);
    rig.c.r32[EAX] = KDATA;
    rig.run(MOV.DS);
    expect([rig.c.segmentBase(DS), rig.c.segmentLimit(DS)]).toEqual([0, 0xffff_ffff]);
  });

  it('reads the LDT when TI is set', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = LDTR;
    rig.run(`0f 00 d0`);
    expect(rig.c.selector(6)).toBe(LDTR);
    rig.c.r32[EAX] = 0x0f;
    rig.run(MOV.DS);
    expect(rig.c.selector(DS)).toBe(0x0f);
    rig.c.r32[EAX] = 0x24;
    rig.run(MOV.DS);
    rig.expectFault(GP, 0x24);
  });

  it('sets the accessed bit, and writes only if it was clear', () => {
    const rig = new Rig().paging();
    rig.c.r32[EAX] = CLEAN_DATA;
    rig.run(MOV.DS);
    expect(rig.access(CLEAN_DATA)).toBe(0xf3);
    const stores = rig.c.mmu.stores;
    rig.run(MOV.DS);
    expect(rig.c.mmu.stores).toBe(stores);
  });

  it('faults with #PF and loads nothing when the accessed bit cannot be written', () => {
    const rig = new Rig().paging();
    rig.pte(GDT, 0x65);
    rig.c.r32[EAX] = CLEAN_DATA;
    rig.run(MOV.DS);
    rig.expectFault(14, 3);
    expect(rig.c.cr2).toBe(GDT + CLEAN_DATA + 4);
    expect(rig.c.selector(DS)).toBe(KDATA);
  });

  it('reads descriptors as a supervisor from ring 3', () => {
    const rig = new Rig().paging().user();
    rig.pte(GDT, 0x63);
    rig.c.r32[EAX] = UDATA;
    rig.run(MOV.GS);
    expect(rig.c.eip).toBe(CODE + 2);
    expect(rig.c.mmu.isUser).toBe(true);
  });

  it('is undefined for CS and for registers 6 and 7', () => {
    for (const bytes of ['8e c8', '8e f0', '8e f8', '8c f0']) {
      const rig = new Rig();
      rig.run(bytes);
      rig.expectPlainFault(6);
    }
  });
});

describe('MOV SS', () => {
  const bad: [string, number, 0 | 3, number, number][] = [
    ['null', 0, 0, GP, 0],
    ['null with RPL 3', 3, 3, GP, 0],
    ['beyond the GDT', GDT_END, 0, GP, GDT_END],
    ['code', KCODE, 0, GP, KCODE],
    ['read-only data', READ_ONLY, 0, GP, READ_ONLY],
    ['RPL unlike CPL', KDATA | 1, 0, GP, KDATA],
    ['DPL unlike CPL', UDATA & ~3, 0, GP, UDATA & ~3],
    ['ring 0 from ring 3', KDATA, 3, GP, KDATA],
    ['an absent one', ABSENT_DATA, 0, SS, ABSENT_DATA],
    ['an absent one of ring 3', ABSENT_STACK3, 3, SS, ABSENT_STACK3 & ~3],
  ];
  for (const [name, selector, cpl, vector, error] of bad)
    it(`refuses ${name}`, () => {
      const rig = new Rig();
      if (cpl === 3) rig.user();
      rig.c.r32[EAX] = selector;
      rig.run(MOV.SS);
      rig.expectFault(vector, error);
    });

  it('holds single-step traps off for one instruction', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = KDATA;
    rig.c.eflags = 0x102;
    rig.run(`${MOV.SS} 90`);
    expect(rig.c.eip).toBe(CODE + 2);
    rig.step();
    rig.expectPlainFault(1, CODE + 3);
  });
});

describe('PUSH and POP', () => {
  it('pushes a selector zero-extended, and pops it', () => {
    const rig = new Rig();
    rig.set32(STACK - 4, 0xffff_ffff);
    rig.run('1e 0f a1', 2);
    expect(rig.get32(STACK - 4)).toBe(KDATA);
    expect([rig.c.selector(4), rig.c.esp]).toEqual([KDATA, STACK]);
  });

  it('moves the stack by 2 with a 16-bit operand', () => {
    const rig = new Rig();
    rig.run('66 1e');
    expect([rig.get16(STACK - 2), rig.c.esp]).toEqual([KDATA, STACK - 2]);
  });

  it('leaves ESP alone when the load faults', () => {
    const rig = new Rig();
    rig.c.esp = STACK - 4;
    rig.set32(STACK - 4, ABSENT_DATA);
    rig.run('1f');
    rig.expectFault(NP, ABSENT_DATA);
    expect(rig.c.esp).toBe(STACK - 4 - 16);
  });

  it('POP SS moves the pointer by the old stack size', () => {
    const rig = new Rig();
    rig.c.esp = STACK - 4;
    rig.set32(STACK - 4, STACK16);
    rig.run('17');
    expect([rig.c.selector(2), rig.c.esp]).toEqual([STACK16, STACK]);
  });
});

describe('MOV from segment registers', () => {
  it('zero-extends into a register and writes 16 bits to memory', () => {
    const rig = new Rig();
    rig.c.r32[EBX] = DATA;
    rig.set32(DATA, 0xffff_ffff);
    rig.c.r32[EAX] = -1;
    rig.run('8c d8 8c 1b', 2);
    expect(rig.c.r32[EAX]).toBe(KDATA);
    expect(rig.get32(DATA)).toBe(0xffff_0010);
    rig.c.r32[EAX] = -1;
    rig.run('66 8c d8');
    expect(rig.c.r32[EAX] >>> 0).toBe(0xffff_0010);
  });
});

describe('far pointers', () => {
  for (const [name, opcode, s] of [
    ['LES', 'c4 03', 0],
    ['LDS', 'c5 03', 3],
    ['LSS', '0f b2 03', 2],
    ['LFS', '0f b4 03', 4],
    ['LGS', '0f b5 03', 5],
  ] as const)
    it(`${name} loads both`, () => {
      const rig = new Rig();
      rig.c.r32[EBX] = DATA;
      rig.set32(DATA, 0x1234_5678);
      rig.set16(DATA + 4, STACK16);
      rig.run(opcode);
      expect([rig.c.r32[EAX], rig.c.selector(s)]).toEqual([0x1234_5678, STACK16]);
    });

  it('leaves the register alone when the segment faults', () => {
    const rig = new Rig();
    rig.c.r32[EBX] = DATA;
    rig.c.r32[EAX] = 7;
    rig.set32(DATA, 0x1234_5678);
    rig.set16(DATA + 4, ABSENT_CODE);
    rig.run('c5 03');
    rig.expectFault(NP, ABSENT_CODE);
    expect(rig.c.r32[EAX]).toBe(7);
  });

  it('takes 16:16 with a 16-bit operand, and has no register form', () => {
    const rig = new Rig();
    rig.c.r32[EBX] = DATA;
    rig.c.r32[EAX] = -1;
    rig.set16(DATA, 0x5678);
    rig.set16(DATA + 2, STACK16);
    rig.run('66 c5 03');
    expect([rig.c.r32[EAX] >>> 0, rig.c.selector(DS)]).toEqual([0xffff_5678, STACK16]);
    rig.run('c5 c0');
    rig.expectPlainFault(6);
  });
});

describe('LLDT and SLDT', () => {
  const bad: [string, number, number, number][] = [
    ['in the LDT', 0x0c, GP, 0x0c],
    ['beyond the GDT', GDT_END, GP, GDT_END],
    ['no LDT', TASK, GP, TASK],
    ['absent', ABSENT_LDT, NP, ABSENT_LDT],
  ];
  for (const [name, selector, vector, error] of bad)
    it(`refuses one ${name}`, () => {
      const rig = new Rig();
      rig.c.r32[EAX] = selector;
      rig.run('0f 00 d0');
      rig.expectFault(vector, error);
    });

  it('loads, stores and drops it', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = LDTR;
    rig.run('0f 00 d0 0f 00 c3', 2);
    expect([rig.c.segmentBase(6), rig.c.segmentLimit(6), rig.c.r32[EBX]]).toEqual([LDT, 0x1f, LDTR]);
    rig.c.r32[EAX] = 0;
    rig.run('0f 00 d0');
    expect(rig.c.selector(6)).toBe(0);
  });

  it('needs ring 0', () => {
    const rig = new Rig().user();
    rig.run('0f 00 d0');
    rig.expectFault(GP, 0);
    expect(rig.c.cpl).toBe(0);
  });
});

describe('LTR and STR', () => {
  const bad: [string, number, number, number][] = [
    ['null', 0, GP, 0],
    ['in the LDT', 0x0c, GP, 0x0c],
    ['beyond the GDT', GDT_END, GP, GDT_END],
    ['no TSS', LDTR, GP, LDTR],
    ['busy', TR, GP, TR],
    ['absent', ABSENT_TASK, NP, ABSENT_TASK],
  ];
  for (const [name, selector, vector, error] of bad)
    it(`refuses a selector that is ${name}`, () => {
      const rig = new Rig();
      rig.c.r32[EAX] = selector;
      rig.run('0f 00 d8');
      rig.expectFault(vector, error);
      expect(rig.c.selector(7)).toBe(TR);
    });

  it('marks the TSS busy, 32-bit and 16-bit', () => {
    for (const [selector, busy] of [
      [TASK, 0x8b],
      [TASK16, 0x83],
    ]) {
      const rig = new Rig();
      rig.c.r32[EAX] = selector;
      rig.run('0f 00 d8 0f 00 cb', 2);
      expect([rig.access(selector), rig.c.selector(7), rig.c.r32[EBX]]).toEqual([busy, selector, selector]);
    }
  });

  it('faults with #PF when the busy bit cannot be written', () => {
    const rig = new Rig().paging();
    rig.pte(GDT, 0x61);
    rig.c.r32[EAX] = TASK;
    rig.run('0f 00 d8');
    rig.expectFault(14, 3);
    expect([rig.c.selector(7), rig.access(TASK)]).toEqual([TR, 0x89]);
  });
});

it('ring 1 may use data of its ring and of outer ones', () => {
  const rig = new Rig();
  rig.cs(CODE1);
  rig.segment(2, DATA1);
  for (const [selector, ok] of [
    [DATA1, true],
    [UDATA, true],
    [KDATA, false],
  ] as const) {
    rig.cs(CODE1);
    rig.segment(2, DATA1);
    rig.c.r32[EAX] = selector;
    rig.run(MOV.ES);
    expect(rig.c.eip === CODE + 2).toBe(ok);
  }
});
