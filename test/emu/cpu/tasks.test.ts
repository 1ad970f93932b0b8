/** Hardware task switches: JMP, CALL, IRET, gates; busy bits, links, checks before and after the commit point. */
import { describe, expect, it } from 'vitest';
import { CAUSE } from '../../../emu/accounting.ts';
import { deliver } from '../../../emu/cpu/exceptions.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import {
  ABSENT_CODE,
  ABSENT_DATA,
  ABSENT_LDT,
  ABSENT_TASK,
  CODE,
  CODE1,
  dword,
  EAX,
  EBX,
  EDI,
  ESI,
  FLAGS,
  GDT,
  KCODE,
  KDATA,
  LDT,
  LDTR,
  PT,
  READ_ONLY,
  Rig,
  SHORT_CODE,
  SHORT_TASK,
  STACK,
  TASK,
  TASK_GATE,
  TASK_GATE_ABSENT,
  TASK_STACK,
  TASK16,
  TR,
  TSS,
  TSS_TASK,
  TSS16,
  UCODE,
  UDATA,
  USER_STACK,
  word,
} from './rig.ts';

const TS = 10;
const NP = 11;
const SS = 12;
const GP = 13;
const PF = 14;
const ENTRY = 0x2_c000; // EIP of the task

const jmp = (selector: number) => `ea ${dword(0)} ${word(selector)}`;
const call = (selector: number) => `9a ${dword(0)} ${word(selector)}`;

describe('JMP to a TSS', () => {
  it('saves the old task and loads the new one', () => {
    const rig = new Rig();
    rig.c.eflags = FLAGS.IF | FLAGS.NT | 0xd7;
    rig.c.r32[EAX] = 0x1111;
    rig.c.r32[EDI] = 0x7777;
    rig.segment(5, UDATA);
    rig.run(jmp(TASK));
    const c = rig.c;
    expect([...c.r32.slice(0, 8)]).toEqual([0xa0, 0xc1, 0xd2, 0xb3, TASK_STACK, 0xb5, 0x56, 0xd7]);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(s => c.selector(s))).toEqual([
      KDATA,
      KCODE,
      KDATA,
      KDATA,
      0,
      UDATA,
      LDTR,
      TASK,
    ]);
    expect([c.eip, c.eflags, c.cr0 & 8, c.segmentBase(6)]).toEqual([ENTRY, 2, 8, LDT]);
    expect([rig.access(TR), rig.access(TASK)]).toEqual([0x89, 0x8b]);
    const saved = [0x20, 0x24, 0x28, 0x38, 0x44, 0x48, 0x4c, 0x50, 0x5c].map(at => rig.get32(TSS + at));
    expect(saved).toEqual([
      CODE + 7,
      FLAGS.IF | FLAGS.NT | 0xd7,
      0x1111,
      STACK,
      0x7777,
      KDATA,
      KCODE,
      KDATA,
      UDATA,
    ]);
    expect(rig.get16(TSS_TASK)).toBe(0);
  });

  it('CR3 is loaded with paging on only, at the cost of a flush', () => {
    const rig = new Rig(p4).paging();
    rig.set32(TSS_TASK + 0x1c, 0x8fe7); // reserved bits are dropped, as MOV CR3 drops them
    rig.set32(0x8000, PT | 0x67);
    rig.run(jmp(TASK));
    expect([rig.c.cr3, rig.c.eip]).toEqual([0x8000, ENTRY]);
    expect(rig.accounting.cell(0, CAUSE.tlbFlush) / 4).toBe(p4.system.tlbFlush.value);
    expect(rig.accounting.cell(0, CAUSE.system) / 4).toBe(p4.system.taskSwitch.value);
    const flatRig = new Rig();
    flatRig.set32(TSS_TASK + 0x1c, 0x8000);
    flatRig.run(jmp(TASK));
    expect(flatRig.c.cr3).toBe(0);
  });

  it('leaves the back link alone and can come back', () => {
    const rig = new Rig();
    rig.code(jmp(TR), ENTRY);
    rig.run(jmp(TASK), 2);
    expect([rig.c.selector(7), rig.c.eip, rig.c.esp]).toEqual([TR, CODE + 7, STACK]);
    expect([rig.access(TR), rig.access(TASK)]).toEqual([0x8b, 0x89]);
  });

  it('to ring 3 and to ring 1', () => {
    for (const [cs, ss, cpl] of [
      [UCODE, UDATA, 3],
      [CODE1, 0x81, 1],
    ]) {
      const rig = new Rig();
      rig.set32(TSS_TASK + 0x4c, cs);
      rig.set32(TSS_TASK + 0x50, ss);
      rig.set32(TSS_TASK + 0x48, 0);
      rig.set32(TSS_TASK + 0x54, 0);
      rig.run(jmp(TASK));
      expect([rig.c.cpl, rig.c.selector(1), rig.c.selector(2), rig.c.mmu.isUser]).toEqual([
        cpl,
        cs,
        ss,
        cpl === 3,
      ]);
    }
  });

  it('accesses TSS and GDT as a supervisor, whatever the segment limits', () => {
    const rig = new Rig().paging().user();
    rig.descriptor(TASK, TSS_TASK, 0x67, 0xe9);
    for (const page of [GDT, TSS]) rig.pte(page, 0x63);
    rig.run(jmp(TASK | 3));
    expect([rig.c.selector(7), rig.c.cpl]).toEqual([TASK | 3, 0]);
  });

  const bad: [string, number, number, number][] = [
    ['busy', TR, GP, TR],
    ['absent', ABSENT_TASK, NP, ABSENT_TASK],
    ['too short', SHORT_TASK, TS, SHORT_TASK],
    ['behind an absent gate', TASK_GATE_ABSENT, NP, TASK_GATE_ABSENT],
  ];
  for (const [name, selector, vector, error] of bad)
    it(`refuses one that is ${name}`, () => {
      const rig = new Rig();
      rig.run(jmp(selector));
      rig.expectFault(vector, error);
      expect(rig.c.selector(7)).toBe(TR);
    });

  it('needs the privilege of the descriptor, for a gate that of the gate', () => {
    const rig = new Rig().user();
    rig.run(jmp(TASK));
    rig.expectFault(GP, TASK);
    rig.user();
    rig.run(jmp(TASK_GATE));
    expect(rig.c.selector(7)).toBe(TASK);
    const rpl = new Rig();
    rpl.run(jmp(TASK | 1));
    rpl.expectFault(GP, TASK);
  });

  it('a TSS in the LDT is refused', () => {
    const rig = new Rig();
    rig.segment(6, LDTR);
    rig.descriptor(0x10, TSS_TASK, 0x67, 0x89, 0, LDT);
    rig.run(jmp(0x14));
    rig.expectFault(GP, 0x14);
  });
});

describe('before the commit point a fault leaves the old task as it was', () => {
  it.each([
    ['the old TSS cannot be written', TSS, 0x61, TSS + 0x20, 3],
    ['the GDT cannot be written', GDT, 0x61, GDT + TR, 3],
  ])('%s', (_, page, flags, address, error) => {
    const rig = new Rig().paging();
    rig.pte(page, flags);
    rig.c.r32[EAX] = 0x4242;
    rig.run(jmp(TASK));
    rig.expectFault(PF, error);
    expect(rig.c.cr2).toBe(address);
    expect([rig.c.selector(7), rig.access(TASK), rig.access(TR), rig.c.r32[EAX]]).toEqual([
      TR,
      0x89,
      0x8b,
      0x4242,
    ]);
  });

  it('the new TSS is absent', () => {
    const rig = new Rig().paging();
    rig.descriptor(TASK, 0x9000, 0x67, 0x89);
    rig.pte(0x9000, 0);
    rig.run(jmp(TASK));
    rig.expectFault(PF, 0);
    expect([rig.c.selector(7), rig.access(TASK), rig.get32(TSS + 0x20)]).toEqual([TR, 0x89, 0]);
  });

  it('the old TSS is too short', () => {
    const rig = new Rig();
    rig.c.setSegment(7, TR, TSS, 0x5e, 0x8b00);
    rig.run(jmp(TASK));
    rig.expectFault(TS, TR);
  });
});

describe('after the commit point a fault belongs to the new task', () => {
  /** The new task's stack is loaded when the fault comes. */
  const cases: [string, (r: Rig) => void, number, number][] = [
    ['DS beyond its ring', r => r.set32(TSS_TASK + 0x54, 0xf0), TS, 0xf0],
    ['DS absent', r => r.set32(TSS_TASK + 0x54, ABSENT_DATA), NP, ABSENT_DATA],
    [
      'EIP beyond the limit',
      r => {
        r.set32(TSS_TASK + 0x4c, SHORT_CODE);
        r.set32(TSS_TASK + 0x20, 0x100);
      },
      GP,
      0,
    ],
  ];
  for (const [name, ruin, vector, error] of cases)
    it(name, () => {
      const rig = new Rig();
      ruin(rig);
      rig.run(jmp(TASK));
      expect(rig.c.selector(7)).toBe(TASK);
      rig.expectFault(vector, error, rig.get32(TSS_TASK + 0x20));
      expect(rig.c.esp).toBe(TASK_STACK - 16);
    });

  /** The new stack is not loaded yet: the handler is reached through another task gate. */
  const early: [string, (r: Rig) => void, number, number][] = [
    ['no LDT', r => r.set32(TSS_TASK + 0x60, KDATA), TS, KDATA],
    ['an LDT in the LDT', r => r.set32(TSS_TASK + 0x60, 0x0c), TS, 0x0c],
    ['an absent LDT', r => r.set32(TSS_TASK + 0x60, ABSENT_LDT), TS, ABSENT_LDT],
    ['a null CS', r => r.set32(TSS_TASK + 0x4c, 0), TS, 0],
    ['data in CS', r => r.set32(TSS_TASK + 0x4c, KDATA), TS, KDATA],
    ['CS with another DPL', r => r.set32(TSS_TASK + 0x4c, KCODE | 3), TS, KCODE],
    ['an absent CS', r => r.set32(TSS_TASK + 0x4c, ABSENT_CODE), NP, ABSENT_CODE],
    ['a null SS', r => r.set32(TSS_TASK + 0x50, 0), TS, 0],
    ['SS with another RPL', r => r.set32(TSS_TASK + 0x50, KDATA | 3), TS, KDATA],
    ['read-only SS', r => r.set32(TSS_TASK + 0x50, READ_ONLY), TS, READ_ONLY],
    ['an absent SS', r => r.set32(TSS_TASK + 0x50, ABSENT_DATA), SS, ABSENT_DATA],
  ];
  for (const [name, ruin, vector, error] of early)
    it(name, () => {
      const rig = new Rig();
      ruin(rig);
      // A second task at 0x9000 handles it.
      rig.task(0x9000);
      rig.set32(0x9000 + 0x20, rig.handler(vector));
      rig.descriptor(0xf0, 0x9000, 0x67, 0x89);
      rig.c.setGdt(GDT, 0xf7);
      rig.idt(vector, 0xf0, 0, 0x85);
      rig.run(jmp(TASK));
      expect([rig.c.selector(7), rig.c.eip, rig.stack(0)]).toEqual([0xf0, rig.handler(vector), error]);
      expect([rig.get16(0x9000), rig.get32(TSS_TASK + 0x20)]).toEqual([TASK, ENTRY]);
    });
});

describe('CALL, IRET and interrupts nest', () => {
  it('CALL links, sets NT, keeps the caller busy; IRET goes back', () => {
    const rig = new Rig();
    rig.code('cf', ENTRY);
    rig.c.r32[EBX] = 0x3333;
    rig.run(call(TASK));
    expect([rig.get16(TSS_TASK), rig.c.eflags, rig.access(TR), rig.access(TASK)]).toEqual([
      TR,
      FLAGS.NT | 2,
      0x8b,
      0x8b,
    ]);
    rig.c.r32[ESI] = 0x6666;
    rig.step();
    expect([rig.c.selector(7), rig.c.eip, rig.c.esp, rig.c.r32[EBX]]).toEqual([TR, CODE + 7, STACK, 0x3333]);
    expect([rig.access(TR), rig.access(TASK)]).toEqual([0x8b, 0x89]);
    // The nested task is saved behind its IRET, with NT clear.
    expect([rig.get32(TSS_TASK + 0x20), rig.get32(TSS_TASK + 0x24), rig.get32(TSS_TASK + 0x40)]).toEqual([
      ENTRY + 1,
      2,
      0x6666,
    ]);
  });

  it('through an interrupt’s task gate from ring 3, and back', () => {
    const rig = new Rig().user();
    rig.idt(0x80, TASK, 0, 0xe5);
    rig.code('cf', ENTRY);
    rig.c.eflags = FLAGS.IF | 2;
    rig.run('cd 80');
    expect([rig.c.selector(7), rig.c.cpl, rig.c.eflags, rig.c.esp]).toEqual([
      TASK,
      0,
      FLAGS.NT | 2,
      TASK_STACK,
    ]);
    rig.step();
    expect([rig.c.selector(7), rig.c.cpl, rig.c.eip, rig.c.esp, rig.c.eflags]).toEqual([
      TR,
      3,
      CODE + 2,
      USER_STACK,
      FLAGS.IF | 2,
    ]);
  });

  it('an INT whose task switch fails after the commit point is not the INT’s fault', () => {
    const rig = new Rig();
    rig.idt(0x80, TASK, 0, 0xe5);
    rig.set32(TSS_TASK + 0x54, ABSENT_DATA);
    rig.run('cd 80');
    rig.expectFault(NP, ABSENT_DATA, ENTRY);
    expect(rig.get32(TSS + 0x20)).toBe(CODE + 2);
  });

  it('an exception whose task switch fails after the commit point has EXT, at the new EIP', () => {
    const rig = new Rig();
    rig.idt(6, TASK, 0, 0x85);
    rig.set32(TSS_TASK + 0x54, ABSENT_DATA);
    rig.run('0f 0b');
    rig.expectFault(NP, ABSENT_DATA | 1, ENTRY);
  });

  it('pushes the error code on the new task’s stack, #SS there if it does not fit', () => {
    const rig = new Rig();
    rig.idt(GP, TASK, 0, 0x85);
    deliver(rig.c, GP, 0x18, 'fault', CODE);
    expect([rig.c.esp, rig.stack(0)]).toEqual([TASK_STACK - 4, 0x18]);
  });

  const bad: [string, (r: Rig) => void, number, number][] = [
    ['is null', r => r.set16(TSS, 0), TS, 0],
    ['is in the LDT', r => r.set16(TSS, 0x34), TS, 0x34],
    ['is no TSS', r => r.set16(TSS, KDATA), TS, KDATA],
    ['is not busy', r => r.set16(TSS, TASK), TS, TASK],
    [
      'is absent',
      r => {
        r.descriptor(TASK, TSS_TASK, 0x67, 0x0b);
        r.set16(TSS, TASK);
      },
      NP,
      TASK,
    ],
  ];
  for (const [name, ruin, vector, error] of bad)
    it(`IRET refuses a link that ${name}`, () => {
      const rig = new Rig();
      ruin(rig);
      rig.c.eflags = FLAGS.NT | 2;
      rig.run('cf');
      rig.expectFault(vector, error);
    });
});

describe('the T bit', () => {
  it('traps in the new task with DR6.BT', () => {
    const rig = new Rig();
    rig.set16(TSS_TASK + 0x64, 1);
    rig.run(jmp(TASK));
    rig.expectPlainFault(1, ENTRY);
    expect([rig.c.dr(6) & 0x8000, rig.c.esp]).toEqual([0x8000, TASK_STACK - 12]);
  });

  it('after an event too, behind its error code', () => {
    const rig = new Rig();
    rig.set16(TSS_TASK + 0x64, 1);
    rig.idt(GP, TASK, 0, 0x85);
    deliver(rig.c, GP, 0x18, 'fault', CODE);
    rig.expectPlainFault(1, ENTRY);
    expect(rig.stack(3)).toBe(0x18);
  });
});

describe('the 16-bit TSS', () => {
  const fields: [number, number][] = [
    [0x0e, 0x4321],
    [0x10, 2],
    [0x12, 0xa0],
    [0x1a, 0x8000],
    [0x20, 0xd7],
    [0x22, KDATA],
    [0x24, KCODE],
    [0x26, KDATA],
    [0x28, KDATA],
    [0x2a, 0],
  ];

  it('is loaded with the upper halves set, and FS and GS null', () => {
    const rig = new Rig();
    for (const [at, v] of fields) rig.set16(TSS16 + at, v);
    rig.run(jmp(TASK16));
    expect([rig.c.eip, rig.c.r32[EAX] >>> 0, rig.c.esp >>> 0, rig.c.selector(4), rig.c.selector(7)]).toEqual([
      0x4321,
      0xffff_00a0,
      0xffff_8000,
      0,
      TASK16,
    ]);
  });

  it('is saved in words, and returned from', () => {
    const rig = new Rig();
    for (const [at, v] of fields) rig.set16(TSS16 + at, v);
    rig.code('cf', 0x4321);
    rig.run(call(TASK16));
    expect(rig.get16(TSS16)).toBe(TR);
    rig.step();
    expect([rig.c.selector(7), rig.c.eip]).toEqual([TR, CODE + 7]);
    expect([rig.get16(TSS16 + 0x0e), rig.get16(TSS16 + 0x1a)]).toEqual([0x4322, 0x8000]);
  });
});

it('the region that a task was left in is charged again when it comes back', () => {
  const rig = new Rig();
  rig.code('cf', ENTRY);
  rig.accounting.region = 5;
  rig.run(call(TASK));
  rig.accounting.region = 2;
  rig.step();
  expect(rig.accounting.region).toBe(5);
});

it('a task switch clears the local breakpoints', () => {
  const rig = new Rig();
  rig.c.setDr(7, 0x4ff);
  rig.run(jmp(TASK));
  expect(rig.c.dr(7)).toBe(0x4aa);
});
