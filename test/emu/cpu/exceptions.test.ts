/** Delivery of interrupts and exceptions: frames, gates, ring changes, error codes, double and triple faults. */
import { describe, expect, it } from 'vitest';
import { CAUSE } from '../../../emu/accounting.ts';
import { deliver } from '../../../emu/cpu/exceptions.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import {
  ABSENT_CODE,
  ABSENT_DATA,
  CODE,
  CODE1,
  CODE16,
  CONFORMING,
  DATA,
  DATA1,
  EAX,
  EXECUTE_ONLY,
  EXPAND_DOWN,
  FLAGS,
  GDT_END,
  IDT,
  KCODE,
  KDATA,
  PD,
  READ_ONLY,
  RING0_STACK,
  RING1_STACK,
  Rig,
  SHORT_CODE,
  SHORT_STACK,
  STACK,
  STACK16,
  TASK,
  TASK_STACK,
  TR,
  TSS,
  TSS_TASK,
  UCODE,
  UDATA,
  USER_STACK,
} from './rig.ts';

const UD = 6;
const DF = 8;
const TS = 10;
const NP = 11;
const SS = 12;
const GP = 13;
const PF = 14;
const INT80 = 'cd 80';
const UD2 = '0f 0b';
const USER_FLAGS = FLAGS.IF | 2;

describe('a fault in the same ring', () => {
  it('pushes EFLAGS with RF, CS and the faulting EIP; an interrupt gate closes IF and clears TF, NT, RF', () => {
    const rig = new Rig();
    rig.c.eflags = FLAGS.NT | FLAGS.IF | 0xd7;
    rig.run(UD2);
    expect(rig.c.eip).toBe(rig.handler(UD));
    expect([rig.stack(0), rig.stack(1), rig.stack(2)]).toEqual([
      CODE,
      KCODE,
      FLAGS.RF | FLAGS.NT | FLAGS.IF | 0xd7,
    ]);
    expect(rig.c.esp).toBe(STACK - 12);
    expect(rig.c.eflags).toBe(0xd7);
  });

  it('pushes an error code for the vectors that have one', () => {
    const rig = new Rig();
    rig.c.r32[EAX] = GDT_END | 3;
    rig.run('8e d8');
    expect(rig.c.esp).toBe(STACK - 16);
    rig.expectFault(GP, GDT_END);
  });

  it('leaves IF open through a trap gate', () => {
    const rig = new Rig();
    rig.idt(UD, KCODE, rig.handler(UD), 0x8f);
    rig.c.eflags = FLAGS.IF | 2;
    rig.run(UD2);
    expect(rig.c.interruptsOn).toBe(true);
  });

  it('stays in the ring through a conforming handler', () => {
    const rig = new Rig().user();
    rig.idt(UD, CONFORMING, rig.handler(UD), 0x8e);
    rig.run(UD2);
    expect([rig.c.eip, rig.c.selector(1), rig.c.cpl]).toEqual([rig.handler(UD), CONFORMING | 3, 3]);
    expect(rig.c.esp).toBe(USER_STACK - 12);
  });

  it('pushes words through a 16-bit gate, with 16 bits of the offset', () => {
    const rig = new Rig();
    rig.gate(IDT + UD * 8, KCODE, 0x1234_5678, 0x86);
    rig.c.eflags = FLAGS.IF | 2;
    rig.run(UD2);
    expect([rig.c.eip, rig.c.esp, rig.c.interruptsOn]).toEqual([0x5678, STACK - 6, false]);
    expect([rig.get16(STACK - 6), rig.get16(STACK - 4), rig.get16(STACK - 2)]).toEqual([
      CODE & 0xffff,
      KCODE,
      FLAGS.IF | 2,
    ]);
    rig.gate(IDT + UD * 8, KCODE, 0x5678, 0x87);
    rig.c.eflags = FLAGS.IF | 2;
    rig.run(UD2);
    expect(rig.c.interruptsOn).toBe(true);
  });

  it('wraps the pointer of a 16-bit stack', () => {
    const rig = new Rig();
    rig.segment(2, STACK16);
    rig.c.esp = 0xabcd_0004;
    rig.run(UD2);
    expect(rig.c.esp >>> 0).toBe(0xabcd_fff8);
    expect([rig.get32(STACK), rig.get32(0x3_fffc), rig.get32(0x3_fff8)]).toEqual([FLAGS.RF | 2, KCODE, CODE]);
  });
});

describe('a fault from an outer ring', () => {
  it('takes SS0:ESP0 from the TSS and pushes SS and ESP too', () => {
    const rig = new Rig().user();
    rig.c.eflags = USER_FLAGS;
    rig.run(UD2);
    expect([0, 1, 2, 3, 4].map(n => rig.stack(n))).toEqual([
      CODE,
      UCODE,
      USER_FLAGS | FLAGS.RF,
      USER_STACK,
      UDATA,
    ]);
    expect([rig.c.esp, rig.c.selector(1), rig.c.selector(2), rig.c.cpl]).toEqual([
      RING0_STACK - 20,
      KCODE,
      KDATA,
      0,
    ]);
    expect(rig.c.selector(3)).toBe(UDATA);
  });

  it('goes to ring 1 by SS1:ESP1', () => {
    const rig = new Rig().user();
    rig.idt(UD, CODE1, rig.handler(UD), 0x8e);
    rig.run(UD2);
    expect([rig.c.cpl, rig.c.esp, rig.c.selector(2), rig.c.selector(1)]).toEqual([
      1,
      RING1_STACK - 20,
      DATA1,
      CODE1,
    ]);
  });

  it('writes the frame as the new ring, though its page is for supervisors only', () => {
    const rig = new Rig().paging().user();
    rig.pte(RING0_STACK - 4, 0x63);
    rig.run(UD2);
    expect([rig.c.eip, rig.c.mmu.isUser]).toEqual([rig.handler(UD), false]);
  });

  /** Ruins the way into ring 0 for vector UD; what comes then goes through a conforming handler in ring 3. */
  function ruined(ruin: (rig: Rig) => void, expected: [number, number]) {
    const rig = new Rig().user();
    for (const v of [TS, NP, SS, GP]) rig.idt(v, CONFORMING, rig.handler(v), 0x8e);
    ruin(rig);
    rig.run(UD2);
    rig.expectFault(...expected);
    expect([rig.c.cpl, rig.c.esp]).toEqual([3, USER_STACK - 16]);
  }
  const ext = (selector: number) => selector | 1;
  const cases: [string, (rig: Rig) => void, [number, number]][] = [
    ['a null SS0', r => r.set32(TSS + 8, 0), [TS, 1]],
    ['SS0 beyond the GDT', r => r.set32(TSS + 8, GDT_END), [TS, ext(GDT_END)]],
    ['an RPL in SS0', r => r.set32(TSS + 8, KDATA | 3), [TS, ext(KDATA)]],
    ['SS0 of ring 3', r => r.set32(TSS + 8, UDATA & ~3), [TS, ext(UDATA & ~3)]],
    ['read-only SS0', r => r.set32(TSS + 8, READ_ONLY), [TS, ext(READ_ONLY)]],
    ['code in SS0', r => r.set32(TSS + 8, KCODE), [TS, ext(KCODE)]],
    ['an absent SS0', r => r.set32(TSS + 8, ABSENT_DATA), [SS, ext(ABSENT_DATA)]],
    [
      'ESP0 below the limit',
      r => {
        r.set32(TSS + 8, SHORT_STACK);
        r.set32(TSS + 4, 0x200);
      },
      [SS, ext(SHORT_STACK)],
    ],
    [
      'no room at ESP0',
      r => {
        r.set32(TSS + 8, SHORT_STACK);
        r.set32(TSS + 4, 16);
      },
      [SS, ext(SHORT_STACK)],
    ],
    [
      'an expand-down stack that ends',
      r => {
        r.set32(TSS + 8, EXPAND_DOWN);
        r.set32(TSS + 4, 0x1010);
      },
      [SS, ext(EXPAND_DOWN)],
    ],
    ['a TSS that is too short', r => r.c.setSegment(7, TR, TSS, 8, 0x8b00), [TS, ext(TR)]],
  ];
  for (const [name, ruin, expected] of cases) it(`refuses ${name}`, () => ruined(ruin, expected));

  it('accepts a TSS that just holds SS0', () => {
    const rig = new Rig().user();
    rig.c.setSegment(7, TR, TSS, 9, 0x8b00);
    rig.run(UD2);
    expect(rig.c.eip).toBe(rig.handler(UD));
  });

  it('reads SP0 and SS0 of a 16-bit TSS', () => {
    const rig = new Rig().user();
    rig.c.setSegment(7, TR, TSS, 0x2b, 0x8300);
    rig.set16(TSS + 2, 0x8000);
    rig.set16(TSS + 4, KDATA);
    rig.run(UD2);
    expect(rig.c.esp).toBe(0x8000 - 20);
  });
});

describe('gates', () => {
  const cases: [string, (rig: Rig) => void, [number, number]][] = [
    ['beyond the IDT', r => r.c.setIdt(IDT, 0x80 * 8 + 6), [GP, 0x80 * 8 + 2]],
    ['of no gate type', r => r.idt(0x80, KCODE, 0, 0xe9), [GP, 0x80 * 8 + 2]],
    ['a call gate', r => r.idt(0x80, KCODE, 0, 0xec), [GP, 0x80 * 8 + 2]],
    ['with S set', r => r.idt(0x80, KCODE, 0, 0xfe), [GP, 0x80 * 8 + 2]],
    ['absent', r => r.idt(0x80, KCODE, 0, 0x6e), [NP, 0x80 * 8 + 2]],
    ['to null', r => r.idt(0x80, 3, 0, 0xee), [GP, 0]],
    ['beyond the GDT', r => r.idt(0x80, GDT_END, 0, 0xee), [GP, GDT_END]],
    ['to data', r => r.idt(0x80, KDATA, 0, 0xee), [GP, KDATA]],
    ['to an outer ring', r => r.idt(0x80, UCODE, 0, 0xee), [GP, UCODE & ~3]],
    ['to absent code', r => r.idt(0x80, ABSENT_CODE, 0, 0xee), [NP, ABSENT_CODE]],
    ['beyond the code’s limit', r => r.idt(0x80, SHORT_CODE, 0x100, 0xee), [GP, 0]],
    ['a task gate to the LDT', r => r.idt(0x80, 0x34, 0, 0xe5), [GP, 0x34]],
    ['a task gate to data', r => r.idt(0x80, KDATA, 0, 0xe5), [GP, KDATA]],
    ['a task gate to a busy TSS', r => r.idt(0x80, TR, 0, 0xe5), [GP, TR]],
  ];
  for (const [name, ruin, expected] of cases)
    it(`INT refuses one ${name}; the error code has no EXT and EIP is its own`, () => {
      const rig = new Rig();
      ruin(rig);
      rig.run(INT80);
      rig.expectFault(...expected);
    });

  it('keep software out of those with DPL < CPL, and exceptions not', () => {
    const rig = new Rig().user();
    rig.run('cd 06');
    rig.expectFault(GP, UD * 8 + 2);
    expect(rig.stack(1)).toBe(CODE);
    rig.user();
    rig.run(UD2);
    rig.expectPlainFault(UD);
  });

  it('set EXT for exceptions and interrupts', () => {
    const rig = new Rig();
    rig.idt(UD, KCODE, 0, 0x0e);
    rig.run(UD2);
    rig.expectFault(NP, UD * 8 + 3);
    rig.idt(0x20, KCODE, 0, 0x0e);
    rig.code('90');
    deliver(rig.c, 0x20, -1, 'external', CODE);
    rig.expectFault(NP, 0x20 * 8 + 3);
  });
});

describe('INT, INT3, INTO, INT1', () => {
  it('return behind the instruction, without RF', () => {
    for (const [bytes, vector, next] of [
      ['cd 80', 0x80, 2],
      ['cc', 3, 1],
      ['f1', 1, 1],
    ] as const) {
      const rig = new Rig();
      rig.run(bytes);
      rig.expectPlainFault(vector, CODE + next);
      expect(rig.stack(2)).toBe(2);
    }
  });

  it('INTO looks at OF', () => {
    const rig = new Rig();
    rig.run('ce');
    expect(rig.c.eip).toBe(CODE + 1);
    rig.c.eflags = 0x802;
    rig.run('ce');
    rig.expectPlainFault(4, CODE + 1);
  });

  it('INT1 needs no DPL, and its faults have EXT', () => {
    const rig = new Rig().user();
    rig.run('f1');
    rig.expectPlainFault(1, CODE + 1);
    rig.idt(1, KCODE, 0, 0x0e);
    rig.user();
    rig.run('f1');
    rig.expectFault(NP, 1 * 8 + 3);
  });
});

describe('page faults', () => {
  it('leave the address in CR2 and the error code on the stack', () => {
    const rig = new Rig().paging();
    rig.c.r32[EAX] = DATA + 0x123;
    rig.pte(DATA, 0);
    rig.run('89 00');
    rig.expectFault(PF, 2);
    expect(rig.c.cr2).toBe(DATA + 0x123);
    rig.c.cr2 = 0;
    deliver(rig.c, PF, -1, 'software', 0);
    expect(rig.c.cr2).toBe(0);
  });

  it('in a push roll everything back: registers, stack and the other half of the frame', () => {
    const rig = new Rig().paging().user();
    // The frame of 20 bytes begins in a writable page and ends in an absent one.
    rig.set32(TSS + 4, 0x3_1000 + 8);
    rig.pte(0x3_0000, 0);
    rig.set32(0x3_1000, 0x1111);
    rig.set32(0x3_1004, 0x2222);
    rig.idt(PF, CONFORMING, rig.handler(PF), 0x8e);
    rig.run(UD2);
    rig.expectFault(PF, 2);
    expect(rig.c.cr2).toBe(0x3_0ffc);
    expect([rig.get32(0x3_1000), rig.get32(0x3_1004)]).toEqual([0x1111, 0x2222]);
    expect([rig.c.cpl, rig.c.esp, rig.c.selector(2)]).toEqual([3, USER_STACK - 16, UDATA]);
  });

  it('while reading the IDT, the GDT or the TSS are supervisor faults', () => {
    for (const [page, address] of [
      [IDT, IDT + 0x80 * 8],
      [TSS, TSS + 4],
    ]) {
      const rig = new Rig().paging().user();
      rig.idt(PF, CONFORMING, rig.handler(PF), 0x8e);
      if (page === IDT) rig.c.setIdt(IDT + 0x1000 - 8 * 0x80 + 0, 0x7ff);
      const idt = rig.c.idtBase;
      if (page === IDT) {
        rig.gate(idt + PF * 8, CONFORMING, rig.handler(PF), 0x8e);
        rig.pte(idt + 0x400, 0);
      } else rig.pte(page, 0);
      rig.run(INT80);
      rig.expectFault(PF, 0);
      expect(rig.c.cr2).toBe(page === IDT ? idt + 0x400 : address);
      expect(rig.stack(1)).toBe(CODE);
    }
  });
});

describe('double faults', () => {
  const contributory = (rig: Rig, v: number) => rig.idt(v, KCODE, 0, 0x0e); // absent gate: #NP

  it('come of two contributory faults', () => {
    const rig = new Rig();
    contributory(rig, GP);
    rig.c.r32[EAX] = GDT_END;
    rig.run('8e d8');
    rig.expectFault(DF, 0);
    expect(rig.stack(3) & FLAGS.RF).toBe(FLAGS.RF);
  });

  it('come of a divide error whose gate is bad', () => {
    const rig = new Rig();
    contributory(rig, 0);
    rig.run('f6 f0'); // DIV AL by 0
    rig.expectFault(DF, 0);
  });

  it('do not come of a benign first fault', () => {
    const rig = new Rig();
    contributory(rig, UD);
    rig.run(UD2);
    rig.expectFault(NP, UD * 8 + 3);
  });

  it('come of a page fault whose gate is bad', () => {
    const rig = new Rig().paging();
    contributory(rig, PF);
    rig.pte(DATA, 0);
    rig.c.r32[EAX] = DATA;
    rig.run('8b 00');
    rig.expectFault(DF, 0);
    expect(rig.c.cr2).toBe(DATA);
  });

  it('come of a page fault during the delivery of a page fault; CR2 has the second address', () => {
    const rig = new Rig().paging().user();
    rig.idt(DF, CONFORMING, rig.handler(DF), 0x8e);
    rig.pte(RING0_STACK - 4, 0);
    rig.pte(DATA, 0);
    rig.c.r32[EAX] = DATA;
    rig.run('8b 00');
    rig.expectFault(DF, 0);
    expect(rig.c.cr2).toBe(RING0_STACK - 4);
  });

  it('do not come of a page fault during the delivery of #GP: that is handled first', () => {
    const rig = new Rig().paging().user();
    rig.idt(PF, CONFORMING, rig.handler(PF), 0x8e);
    rig.pte(RING0_STACK - 4, 0);
    rig.run('f4');
    rig.expectFault(PF, 2);
  });

  it('take an interrupt as benign whatever its vector', () => {
    const rig = new Rig();
    contributory(rig, GP);
    rig.code('90');
    deliver(rig.c, GP, -1, 'external', CODE);
    rig.expectFault(NP, GP * 8 + 3);
    contributory(rig, DF);
    deliver(rig.c, DF, -1, 'external', CODE);
    rig.expectFault(NP, DF * 8 + 3);
  });

  it('go through a task gate to another stack and directory', () => {
    const rig = new Rig().paging();
    rig.idt(DF, TASK, 0, 0x85);
    rig.c.esp = DATA; // the stack runs into an absent page
    rig.pte(DATA - 4, 0);
    rig.run('50');
    expect([rig.c.selector(7), rig.c.eip, rig.c.esp, rig.c.cr3]).toEqual([
      TASK,
      0x2_c000,
      TASK_STACK - 4,
      PD,
    ]);
    expect(rig.stack(0)).toBe(0);
    expect(rig.c.cr2).toBe(DATA - 4);
    expect([rig.get32(TSS + 0x20), rig.get32(TSS + 0x38), rig.get16(TSS_TASK)]).toEqual([CODE, DATA, TR]);
    expect(rig.get32(TSS + 0x24) & FLAGS.RF).toBe(FLAGS.RF);
    expect(rig.c.eflags & FLAGS.NT).toBe(FLAGS.NT);
  });

  it('become a triple fault, with the registers as they were', () => {
    const rig = new Rig();
    contributory(rig, GP);
    contributory(rig, DF);
    rig.c.r32[EAX] = GDT_END;
    rig.code('8e d8');
    const before = rig.registers();
    rig.step();
    expect(rig.c.shutdown).toBe(true);
    expect(rig.c.eip).toBe(CODE);
    expect(rig.registers()).toEqual(before);
    expect(rig.machine.run(1000)).toEqual({ reason: 'triple-fault' });
  });

  it('end in a triple fault with an empty IDT', () => {
    const rig = new Rig();
    rig.c.setIdt(0, 0);
    rig.run('cc');
    expect(rig.c.shutdown).toBe(true);
  });
});

describe('what tools and accounts see', () => {
  it('probes are told of each event that reached a handler', () => {
    const rig = new Rig();
    const seen: unknown[] = [];
    const remove = rig.c.probes.add({ delivered: (...event) => void seen.push(event) });
    rig.run(UD2);
    rig.run(INT80);
    remove();
    rig.run(UD2);
    expect(seen).toEqual([
      [UD, -1, 'fault', CODE],
      [0x80, -1, 'software', CODE + 2],
    ]);
  });

  it('charges an entry once, a page fault at its own figure, nothing in flat', () => {
    const entry = (bytes: string, ruin: (rig: Rig) => void, rig = new Rig(p4)) => {
      ruin(rig);
      rig.run(bytes);
      expect(rig.accounting.sum()).toBe(rig.machine.clock.now());
      return rig.accounting.cell(0, CAUSE.exceptionEntry) / 4;
    };
    expect(entry(UD2, () => {})).toBe(p4.system.exceptionEntry.value);
    expect(entry(INT80, () => {})).toBe(p4.system.exceptionEntry.value);
    expect(entry('a1 00 00 04 00', r => r.paging().pte(DATA, 0))).toBe(p4.system.pageFaultEntry.value);
    expect(entry(UD2, r => r.idt(UD, TASK, 0, 0x85))).toBe(p4.system.taskSwitch.value);
    expect(entry(UD2, () => {}, new Rig())).toBe(0);
  });

  it('saves the region at entry, and IRET restores it', () => {
    const rig = new Rig();
    rig.accounting.region = 3;
    rig.run(INT80);
    rig.accounting.region = 1;
    rig.c.eip = CODE;
    rig.run(INT80); // nested
    rig.accounting.region = 7;
    rig.run('cf');
    expect(rig.accounting.region).toBe(1);
    rig.run('cf');
    expect(rig.accounting.region).toBe(3);
  });

  it('clears DR7.GD on a debug exception', () => {
    const rig = new Rig();
    rig.c.setDr(7, 0x2400);
    rig.run('0f 21 f8');
    rig.expectPlainFault(1);
    expect([rig.c.dr(6) & 0x2000, rig.c.dr(7)]).toEqual([0x2000, 0x400]);
  });
});

it('an external interrupt does not set RF, unless a string instruction has rounds left', () => {
  const rig = new Rig();
  rig.code('90');
  deliver(rig.c, 0x20, -1, 'external', CODE);
  expect(rig.stack(2)).toBe(2);
  rig.c.repEip = CODE;
  deliver(rig.c, 0x20, -1, 'external', CODE);
  expect(rig.stack(2)).toBe(FLAGS.RF | 2);
});

it('16-bit code with a base: the offset pushed is relative to CS', () => {
  const rig = new Rig();
  rig.cs(CODE16);
  rig.code('cd 80');
  rig.c.eip = 0;
  rig.step();
  rig.expectPlainFault(0x80, 2);
  expect(rig.stack(1)).toBe(CODE16);
});

it('execute-only code may hold a handler', () => {
  const rig = new Rig();
  rig.idt(UD, EXECUTE_ONLY, rig.handler(UD), 0x8e);
  rig.run(UD2);
  expect(rig.c.selector(1)).toBe(EXECUTE_ONLY);
});
