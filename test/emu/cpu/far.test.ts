/** Far jumps, calls and returns, call gates, IRET, SYSENTER and SYSEXIT. */
import { describe, expect, it } from 'vitest';
import { CAUSE } from '../../../emu/accounting.ts';
import { p4 } from '../../../emu/profile/p4-1700.ts';
import {
  ABSENT_CODE,
  ABSENT_STACK3,
  CALL_GATE,
  CALL_GATE_ABSENT,
  CODE,
  CODE1,
  CONFORMING,
  DATA,
  DATA1,
  dword,
  EBX,
  ECX,
  EDX,
  FLAGS,
  GDT,
  GDT_END,
  KCODE,
  KDATA,
  LDTR,
  READ_ONLY,
  RING0_STACK,
  Rig,
  SHORT_CODE,
  SHORT_STACK,
  STACK,
  STACK16,
  UCODE,
  UDATA,
  USER_STACK,
  word,
} from './rig.ts';

const NP = 11;
const SS = 12;
const GP = 13;
const PF = 14;
const TARGET = 0x1_2340;

const jmp = (selector: number, offset = TARGET) => `ea ${dword(offset)} ${word(selector)}`;
const call = (selector: number, offset = TARGET) => `9a ${dword(offset)} ${word(selector)}`;

describe('far JMP and CALL to code', () => {
  const bad: [string, number, number, 0 | 3, number, number][] = [
    ['null', 3, TARGET, 0, GP, 0],
    ['beyond the GDT', GDT_END, TARGET, 0, GP, GDT_END],
    ['data', KDATA, TARGET, 0, GP, KDATA],
    ['an LDT', LDTR, TARGET, 0, GP, LDTR],
    ['RPL above CPL', KCODE | 3, TARGET, 0, GP, KCODE],
    ['an outer ring', UCODE & ~3, TARGET, 0, GP, UCODE & ~3],
    ['an inner ring', KCODE, TARGET, 3, GP, KCODE],
    ['absent', ABSENT_CODE, TARGET, 0, NP, ABSENT_CODE],
    ['beyond its limit', SHORT_CODE, 0x100, 0, GP, 0],
  ];
  for (const [name, selector, offset, cpl, vector, error] of bad)
    for (const [mnemonic, bytes] of [
      ['JMP', jmp(selector, offset)],
      ['CALL', call(selector, offset)],
    ] as const)
      it(`${mnemonic} refuses one that is ${name}`, () => {
        const rig = new Rig();
        if (cpl === 3) rig.user();
        rig.set32(STACK - 4, 0x5555);
        rig.run(bytes);
        rig.expectFault(vector, error);
      });

  it('JMP goes there; the RPL becomes CPL', () => {
    const rig = new Rig().user();
    rig.run(jmp(UCODE & ~3));
    expect([rig.c.eip, rig.c.selector(1), rig.c.cpl]).toEqual([TARGET, UCODE, 3]);
  });

  it('conforming code keeps the privilege', () => {
    const rig = new Rig().user();
    rig.run(jmp(CONFORMING));
    expect([rig.c.selector(1), rig.c.cpl]).toEqual([CONFORMING | 3, 3]);
  });

  it('CALL pushes CS and the next EIP; the limit is inclusive', () => {
    const rig = new Rig();
    rig.run(call(SHORT_CODE, 0xff));
    expect([rig.c.eip, rig.c.esp, rig.stack(0), rig.stack(1)]).toEqual([0xff, STACK - 8, CODE + 7, KCODE]);
  });

  it('takes 16-bit pointers', () => {
    const rig = new Rig();
    rig.run(`66 9a ${word(0x1234)} ${word(KCODE)}`);
    expect([rig.c.eip, rig.c.esp]).toEqual([0x1234, STACK - 4]);
    expect([rig.get16(STACK - 4), rig.get16(STACK - 2)]).toEqual([(CODE + 6) & 0xffff, KCODE]);
  });

  it('takes pointers from memory', () => {
    const rig = new Rig();
    rig.c.r32[EBX] = DATA;
    rig.set32(DATA, TARGET);
    rig.set16(DATA + 4, KCODE);
    rig.run('ff 2b');
    expect(rig.c.eip).toBe(TARGET);
    rig.run('ff 1b');
    expect([rig.c.eip, rig.stack(0)]).toEqual([TARGET, CODE + 2]);
    rig.set32(DATA, 0x1234 | (KCODE << 16));
    rig.run('66 ff 2b');
    expect(rig.c.eip).toBe(0x1234);
    rig.run('ff eb');
    rig.expectPlainFault(6);
  });

  it('CALL pushes nothing when it faults, at the segment’s end or in an absent page', () => {
    const rig = new Rig();
    rig.segment(2, SHORT_STACK);
    rig.c.esp = 4;
    rig.set32(STACK, 0x7777);
    rig.idt(SS, KCODE, rig.handler(SS), 0x8e);
    rig.run(call(KCODE));
    // #SS cannot be pushed either: double, then triple fault.
    expect([rig.c.shutdown, rig.c.esp, rig.get32(STACK)]).toEqual([true, 4, 0x7777]);

    const paged = new Rig().paging().user();
    paged.c.esp = 0x3_5004;
    paged.pte(0x3_4000, 0);
    paged.set32(0x3_5000, 0x7777);
    paged.run(call(UCODE));
    paged.expectFault(PF, 6);
    expect(paged.get32(0x3_5000)).toBe(0x7777);
    expect(paged.c.cr2).toBe(0x3_4ffc);
  });

  it('sets the accessed bit of the code segment', () => {
    const rig = new Rig();
    rig.descriptor(KCODE, 0, 0xfffff, 0x9a, 0xc);
    rig.run(jmp(KCODE));
    expect(rig.access(KCODE)).toBe(0x9b);
  });
});

describe('call gates', () => {
  const GATE = 0x2_8000;

  it('JMP uses one in the same ring only', () => {
    const rig = new Rig();
    rig.run(jmp(CALL_GATE));
    expect([rig.c.eip, rig.c.selector(1)]).toEqual([GATE, KCODE]);
    rig.user();
    rig.run(jmp(CALL_GATE | 3));
    rig.expectFault(GP, KCODE);
  });

  it('CALL in the same ring is a plain far call', () => {
    const rig = new Rig();
    rig.run(call(CALL_GATE));
    expect([rig.c.eip, rig.c.esp, rig.stack(0), rig.stack(1)]).toEqual([GATE, STACK - 8, CODE + 7, KCODE]);
  });

  it('CALL to an inner ring switches the stack and copies the parameters', () => {
    const rig = new Rig().user();
    rig.gate(GDT + CALL_GATE, KCODE, GATE, 0xec, 2);
    rig.c.esp = USER_STACK - 8;
    rig.set32(USER_STACK - 8, 0xaaaa);
    rig.set32(USER_STACK - 4, 0xbbbb);
    rig.run(call(CALL_GATE | 3));
    expect([0, 1, 2, 3, 4, 5].map(n => rig.stack(n))).toEqual([
      CODE + 7,
      UCODE,
      0xaaaa,
      0xbbbb,
      USER_STACK - 8,
      UDATA,
    ]);
    expect([rig.c.eip, rig.c.cpl, rig.c.esp]).toEqual([GATE, 0, RING0_STACK - 24]);
    // RETF 8 takes the parameters off both stacks.
    rig.run('ca 08 00');
    expect([rig.c.eip, rig.c.cpl, rig.c.esp]).toEqual([CODE + 7, 3, USER_STACK]);
  });

  it('16-bit gates push words and have 16 bits of offset', () => {
    const rig = new Rig().user();
    rig.gate(GDT + CALL_GATE, KCODE, 0x1_8000, 0xe4, 1);
    rig.c.esp = USER_STACK - 2;
    rig.set16(USER_STACK - 2, 0xaaaa);
    rig.run(call(CALL_GATE | 3));
    expect([rig.c.eip, rig.c.esp]).toEqual([0x8000, RING0_STACK - 10]);
    expect([0, 2, 4, 6, 8].map(n => rig.get16(RING0_STACK - 10 + n))).toEqual([
      (CODE + 7) & 0xffff,
      UCODE,
      0xaaaa,
      (USER_STACK - 2) & 0xffff,
      UDATA,
    ]);
  });

  const bad: [string, (r: Rig) => number, number, number][] = [
    [
      'of an inner ring',
      r => {
        r.gate(GDT + CALL_GATE, KCODE, GATE, 0x8c);
        return CALL_GATE;
      },
      GP,
      CALL_GATE,
    ],
    ['that is absent', () => CALL_GATE_ABSENT, NP, CALL_GATE_ABSENT],
    [
      'to null',
      r => {
        r.gate(GDT + CALL_GATE, 0, GATE, 0xec);
        return CALL_GATE;
      },
      GP,
      0,
    ],
    [
      'to data',
      r => {
        r.gate(GDT + CALL_GATE, KDATA, GATE, 0xec);
        return CALL_GATE;
      },
      GP,
      KDATA,
    ],
    [
      'to absent code',
      r => {
        r.gate(GDT + CALL_GATE, ABSENT_CODE, GATE, 0xec);
        return CALL_GATE;
      },
      NP,
      ABSENT_CODE,
    ],
    [
      'beyond the limit',
      r => {
        r.gate(GDT + CALL_GATE, SHORT_CODE, GATE, 0xec);
        return CALL_GATE;
      },
      GP,
      0,
    ],
    [
      'beyond the GDT',
      r => {
        r.gate(GDT + CALL_GATE, GDT_END, GATE, 0xec);
        return CALL_GATE;
      },
      GP,
      GDT_END,
    ],
  ];
  for (const [name, prepare, vector, error] of bad)
    it(`refuse one ${name}`, () => {
      const rig = new Rig().user();
      const selector = prepare(rig);
      rig.run(call(selector | 3));
      rig.expectFault(vector, error);
    });

  it('refuse one to an outer ring', () => {
    const rig = new Rig();
    rig.gate(GDT + CALL_GATE, UCODE, GATE, 0xec);
    rig.run(call(CALL_GATE));
    rig.expectFault(GP, UCODE & ~3);
  });

  it('refuse an RPL above their DPL', () => {
    const rig = new Rig();
    rig.gate(GDT + CALL_GATE, KCODE, GATE, 0x8c);
    rig.run(call(CALL_GATE | 1));
    rig.expectFault(GP, CALL_GATE);
  });
});

/** Puts dwords on the stack, top first. */
function push(rig: Rig, ...values: number[]): void {
  rig.c.esp = STACK - values.length * 4;
  values.forEach((v, n) => {
    rig.set32(STACK - values.length * 4 + n * 4, v);
  });
}

describe('RETF', () => {
  const bad: [string, number[], number, number][] = [
    ['null', [TARGET, 0], GP, 0],
    ['beyond the GDT', [TARGET, GDT_END], GP, GDT_END],
    ['data', [TARGET, KDATA], GP, KDATA],
    ['nonconforming code with another DPL', [TARGET, KCODE | 3, 0, 0], GP, KCODE],
    ['conforming code of an outer ring', [TARGET, CONFORMING], GP, CONFORMING],
    ['absent code', [TARGET, ABSENT_CODE], NP, ABSENT_CODE],
    ['an offset beyond the limit', [0x100, SHORT_CODE], GP, 0],
    ['a null SS', [TARGET, UCODE, 0, 0], GP, 0],
    ['SS beyond the GDT', [TARGET, UCODE, 0, GDT_END | 3], GP, GDT_END],
    ['SS with another RPL', [TARGET, UCODE, 0, UDATA & ~3], GP, UDATA & ~3],
    ['SS with another DPL', [TARGET, UCODE, 0, KDATA | 3], GP, KDATA],
    ['read-only SS', [TARGET, UCODE, 0, READ_ONLY | 3], GP, READ_ONLY],
    ['absent SS', [TARGET, UCODE, 0, ABSENT_STACK3], SS, ABSENT_STACK3 & ~3],
  ];
  for (const [name, frame, vector, error] of bad)
    for (const [mnemonic, bytes, values] of [
      ['RETF', 'cb', frame],
      ['IRET', 'cf', [...frame.slice(0, 2), 2, ...frame.slice(2)]],
    ] as const)
      it(`${mnemonic} refuses ${name}`, () => {
        const rig = new Rig();
        if (frame[1] === CONFORMING) rig.descriptor(CONFORMING, 0, 0xfffff, 0xfe, 0xc);
        push(rig, ...values);
        const esp = rig.c.esp;
        rig.run(bytes);
        rig.expectFault(vector, error);
        expect([rig.c.esp, rig.c.cpl]).toEqual([esp - 16, 0]);
      });

  it('returns in the same ring and releases bytes', () => {
    const rig = new Rig();
    push(rig, TARGET, KCODE, 1, 2);
    rig.run('ca 04 00');
    expect([rig.c.eip, rig.c.esp]).toEqual([TARGET, STACK - 4]);
  });

  it('returns words with a 16-bit operand', () => {
    const rig = new Rig();
    rig.c.esp = STACK - 4;
    rig.set32(STACK - 4, 0x1234 | (KCODE << 16));
    rig.run('66 cb');
    expect([rig.c.eip, rig.c.esp]).toEqual([0x1234, STACK]);
  });

  it('returns to an outer ring, which loses segments of the inner ones', () => {
    const rig = new Rig();
    rig.segment(0, UDATA);
    rig.segment(4, CONFORMING);
    rig.segment(5, READ_ONLY);
    push(rig, TARGET, UCODE, USER_STACK, UDATA);
    rig.run('cb');
    expect([rig.c.eip, rig.c.cpl, rig.c.esp, rig.c.selector(2)]).toEqual([TARGET, 3, USER_STACK, UDATA]);
    expect([0, 3, 4, 5].map(s => rig.c.selector(s))).toEqual([UDATA, 0, CONFORMING, 0]);
  });

  it('leaves 0 of a null selector with an RPL, as silicon does', () => {
    const rig = new Rig();
    rig.segment(0, 1);
    rig.segment(3, 3);
    push(rig, TARGET, UCODE, USER_STACK, UDATA);
    rig.run('cb');
    expect([0, 3].map(s => rig.c.selector(s))).toEqual([0, 0]);
  });

  it('cannot go to an inner ring', () => {
    const rig = new Rig().user();
    rig.c.esp = USER_STACK - 8;
    rig.set32(USER_STACK - 8, TARGET);
    rig.set32(USER_STACK - 4, KCODE);
    rig.run('cb');
    rig.expectFault(GP, KCODE);
  });

  it('#SS(0) when the frame leaves the stack segment', () => {
    const rig = new Rig();
    rig.segment(2, SHORT_STACK);
    rig.c.esp = 0xfc;
    rig.run('cb');
    rig.expectFault(SS, 0);
    expect(rig.c.esp).toBe(0xfc - 16);
  });
});

describe('IRET', () => {
  it('loads all flags at ring 0', () => {
    const rig = new Rig();
    push(rig, TARGET, KCODE, 0x25_7fd7);
    rig.c.eflags = 2;
    rig.run('cf');
    expect([rig.c.eip, rig.c.esp, rig.c.eflags]).toEqual([TARGET, STACK, 0x25_7fd7]);
  });

  it('keeps IOPL outside ring 0, and IF when CPL > IOPL', () => {
    for (const [iopl, expected] of [
      [0, FLAGS.IF | 2],
      [FLAGS.IOPL3, FLAGS.IOPL3 | 2],
    ]) {
      const rig = new Rig().user();
      rig.c.eflags = FLAGS.IF | iopl | 2;
      rig.c.esp = USER_STACK - 12;
      rig.set32(USER_STACK - 12, TARGET);
      rig.set32(USER_STACK - 8, UCODE);
      rig.set32(USER_STACK - 4, 2 | (iopl ? 0 : FLAGS.IOPL3));
      rig.run('cf');
      expect(rig.c.eflags).toBe(expected);
    }
  });

  it('goes to ring 3 with the flags checked against ring 0', () => {
    const rig = new Rig();
    push(rig, TARGET, UCODE, FLAGS.IF | FLAGS.IOPL3 | 2, USER_STACK, UDATA);
    rig.run('cf');
    expect([rig.c.eip, rig.c.cpl, rig.c.esp, rig.c.selector(2)]).toEqual([TARGET, 3, USER_STACK, UDATA]);
    expect(rig.c.eflags).toBe(FLAGS.IF | FLAGS.IOPL3 | 2);
    expect([rig.c.selector(3), rig.c.mmu.isUser]).toEqual([0, true]);
  });

  it('to ring 1 and with a 16-bit stack', () => {
    const rig = new Rig();
    push(rig, TARGET, CODE1, 2, 0x4000, DATA1);
    rig.run('cf');
    expect([rig.c.cpl, rig.c.esp, rig.c.selector(2)]).toEqual([1, 0x4000, DATA1]);
    const small = new Rig();
    small.segment(2, STACK16);
    small.c.esp = 0x1234_fff4;
    small.set32(0x3_fff4, TARGET);
    small.set32(0x3_fff8, KCODE);
    small.set32(0x3_fffc, 2);
    small.run('cf');
    expect([small.c.eip, small.c.esp]).toEqual([TARGET, 0x1234_0000]);
  });

  it('pops words with a 16-bit operand, and keeps the upper flags', () => {
    const rig = new Rig();
    rig.c.eflags = 0x20_0002;
    rig.c.esp = STACK - 6;
    rig.set16(STACK - 6, 0x1234);
    rig.set16(STACK - 4, KCODE);
    rig.set16(STACK - 2, 0x0207);
    rig.run('66 cf');
    expect([rig.c.eip, rig.c.esp, rig.c.eflags]).toEqual([0x1234, STACK, 0x20_0207]);
  });

  it('page-faults on an absent stack with nothing done', () => {
    const rig = new Rig().paging().user();
    rig.c.esp = USER_STACK - 4;
    rig.pte(USER_STACK, 0);
    rig.set32(USER_STACK - 4, TARGET);
    rig.run('cf');
    rig.expectFault(PF, 4);
    expect(rig.c.cr2).toBe(USER_STACK + 4);
    expect(rig.stack(4)).toBe(USER_STACK - 4);
  });

  it('costs by whether the ring changes, and tells the hook and the NMI latch', () => {
    for (const [outer, figure] of [
      [false, p4.system.iretSameRing],
      [true, p4.system.iretOuterRing],
    ] as const) {
      const rig = new Rig(p4);
      let returns = 0;
      rig.c.probes.add({ returned: () => void returns++ });
      rig.c.nmiBlocked = true;
      if (outer) push(rig, TARGET, UCODE, 2, USER_STACK, UDATA);
      else push(rig, TARGET, KCODE, 2);
      rig.run('cf');
      expect(rig.accounting.cell(0, CAUSE.exceptionReturn) / 4).toBe(figure.value);
      expect([returns, rig.c.nmiBlocked]).toEqual([1, false]);
    }
  });

  it('goes back through an interrupt: INT and IRET from ring 3 change nothing', () => {
    const rig = new Rig().paging().user();
    rig.code('cf', rig.handler(0x80));
    rig.c.eflags = FLAGS.IF | 0x8d7;
    rig.code('cd 80');
    const before = rig.registers();
    rig.step();
    expect(rig.c.cpl).toBe(0);
    rig.step();
    expect(rig.c.eip).toBe(CODE + 2);
    const after = rig.registers();
    expect(after).toEqual(before);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  const setup = () => {
    const rig = new Rig();
    rig.c.msrs.set(0x174, { lo: KCODE, hi: 0 });
    rig.c.msrs.set(0x175, { lo: RING0_STACK, hi: 0 });
    rig.c.msrs.set(0x176, { lo: TARGET, hi: 0 });
    return rig;
  };

  it('SYSENTER goes to ring 0 with flat segments and interrupts off', () => {
    const rig = setup().user();
    rig.c.eflags = FLAGS.IF | FLAGS.DF | 2;
    rig.run('0f 34');
    expect([rig.c.eip, rig.c.esp, rig.c.cpl, rig.c.selector(1), rig.c.selector(2)]).toEqual([
      TARGET,
      RING0_STACK,
      0,
      KCODE,
      KDATA,
    ]);
    expect(rig.c.eflags).toBe(FLAGS.DF | 2);
    expect(rig.c.segmentLimit(2)).toBe(0xffff_ffff);
  });

  it('SYSEXIT goes to ring 3 at EDX with ECX as the stack pointer', () => {
    const rig = setup();
    rig.c.r32[EDX] = TARGET;
    rig.c.r32[ECX] = USER_STACK;
    rig.run('0f 35');
    expect([rig.c.eip, rig.c.esp, rig.c.cpl, rig.c.selector(1), rig.c.selector(2)]).toEqual([
      TARGET,
      USER_STACK,
      3,
      KCODE + 16 + 3,
      KCODE + 24 + 3,
    ]);
  });

  it('#GP(0) without a code segment, and SYSEXIT outside ring 0', () => {
    for (const bytes of ['0f 34', '0f 35']) {
      const rig = new Rig();
      rig.run(bytes);
      rig.expectFault(GP, 0);
    }
    const rig = setup().user();
    rig.run('0f 35');
    rig.expectFault(GP, 0);
  });
});
