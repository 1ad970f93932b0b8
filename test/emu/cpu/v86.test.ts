/** Virtual-8086 mode: entering by IRET and by a task, leaving by gates, IOPL, and the I/O permission map. */
import { describe, expect, it } from 'vitest';
import {
  CONFORMING,
  dword,
  EAX,
  FLAGS,
  KCODE,
  RING0_STACK,
  Rig,
  STACK,
  TASK,
  TR,
  TSS,
  TSS_TASK,
  word,
} from './rig.ts';

const [UD, GP] = [6, 13];
const SEGMENTS = [0x4100, 0x1000, 0x3000, 0x4000, 0x4200, 0x4300]; // ES CS SS DS FS GS

/** Enters virtual-8086 mode at 1000:0 by the rig's own IRET. */
function v86(flags = FLAGS.VM | FLAGS.IF | 2): Rig {
  const rig = new Rig();
  const [es, cs, ss, ds, fs, gs] = SEGMENTS;
  [0, cs, flags, 0xffe0, ss, es, ds, fs, gs].forEach((v, n) => {
    rig.set32(STACK - 36 + n * 4, v);
  });
  rig.c.esp = STACK - 36;
  rig.code('cf', 0x2_c000);
  rig.step();
  return rig;
}

function run(rig: Rig, hex: string, steps = 1): void {
  rig.code(hex);
  rig.c.eip = 0;
  for (let n = 0; n < steps; n++) rig.step();
}

/** In ring 0's handler, out of virtual-8086 mode: the frame is that of SDM vol. 3, figure 20-4. */
function expectOut(rig: Rig, vector: number, error: number | null, ip: number, flags: number): void {
  const { c } = rig;
  expect([c.eip, c.cpl, c.selector(1), c.virtual8086]).toEqual([rig.handler(vector), 0, KCODE, false]);
  const at = error === null ? 0 : 1;
  if (error !== null) expect(rig.stack(0)).toBe(error);
  const [es, cs, ss, ds, fs, gs] = SEGMENTS;
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(n => rig.stack(at + n))).toEqual([
    ip,
    cs,
    flags,
    0xffe0,
    ss,
    es,
    ds,
    fs,
    gs,
  ]);
  expect([0, 3, 4, 5].map(s => [c.selector(s), c.segmentAttributes(s)])).toEqual(new Array(4).fill([0, 0]));
}

it('IRET from ring 0 enters it: 64 KiB segments at ring 3', () => {
  const { c } = v86();
  expect([c.virtual8086, c.cpl, c.eip, c.esp, c.codeBig]).toEqual([true, 3, 0, 0xffe0, false]);
  for (const s of [0, 1, 2, 3, 4, 5])
    expect([c.selector(s), c.segmentBase(s), c.segmentLimit(s), c.segmentAttributes(s)]).toEqual([
      SEGMENTS[s],
      SEGMENTS[s] << 4,
      0xffff,
      0xf300,
    ]);
});

it('IRET with an EIP beyond 64 KiB is #GP(0) in ring 0', () => {
  const rig = new Rig();
  rig.c.esp = STACK - 36;
  rig.set32(STACK - 36, 0x1_0000);
  rig.set32(STACK - 28, FLAGS.VM | 2);
  rig.run('cf');
  rig.expectFault(GP, 0);
});

it('segment loads make paragraphs, whatever the GDT says', () => {
  const rig = v86();
  rig.c.r32[EAX] = 0x1234;
  run(rig, '8e d8');
  expect([rig.c.segmentBase(3), rig.c.segmentLimit(3)]).toEqual([0x1_2340, 0xffff]);
});

describe('leaving it', () => {
  it('an exception pushes all segment registers', () => {
    const rig = v86();
    run(rig, '0f 0b');
    expectOut(rig, UD, null, 0, FLAGS.VM | FLAGS.RF | FLAGS.IF | 2);
    expect(rig.c.esp).toBe(RING0_STACK - 36);
  });

  it('and IRET goes back', () => {
    const rig = v86();
    run(rig, '0f 0b');
    rig.code('cf', rig.handler(UD));
    rig.step();
    expect([rig.c.virtual8086, rig.c.cpl, rig.c.eip, rig.c.esp]).toEqual([true, 3, 0, 0xffe0]);
    expect([0, 1, 2, 3, 4, 5].map(s => rig.c.selector(s))).toEqual(SEGMENTS);
  });

  it('INT n with IOPL 3 goes through its gate; a gate to another ring is #GP(selector)', () => {
    const flags = FLAGS.VM | FLAGS.IOPL3 | 2;
    const rig = v86(flags);
    run(rig, 'cd 80');
    expectOut(rig, 0x80, null, 2, flags);
    const other = v86(flags);
    other.idt(0x80, CONFORMING, 0, 0xee);
    run(other, 'cd 80');
    expectOut(other, GP, CONFORMING, 0, flags | FLAGS.RF);
  });

  it('a 16-bit gate pushes words', () => {
    const rig = v86();
    rig.idt(UD, KCODE, 0x8000, 0x86);
    run(rig, '0f 0b');
    expect([rig.c.esp, rig.get16(rig.c.esp), rig.get16(rig.c.esp + 16)]).toEqual([
      RING0_STACK - 18,
      0,
      SEGMENTS[5],
    ]);
  });
});

describe('sensitive to IOPL', () => {
  for (const [name, hex] of [
    ['CLI', 'fa'],
    ['STI', 'fb'],
    ['PUSHF', '9c'],
    ['POPF', '9d'],
    ['INT n', 'cd 80'],
    ['IRET', 'cf'],
  ])
    it(`${name} is #GP(0) below 3`, () => {
      const flags = FLAGS.VM | 0x2000 | 2;
      const rig = v86(flags);
      run(rig, hex);
      expectOut(rig, GP, 0, 0, flags | FLAGS.RF);
    });
  it('INT3 is not', () => {
    const rig = v86();
    run(rig, 'cc');
    expectOut(rig, 3, null, 1, FLAGS.VM | FLAGS.IF | 2);
  });
  it('with 3, POPF and IRET leave IOPL and VM', () => {
    const rig = v86(FLAGS.VM | FLAGS.IOPL3 | 2);
    rig.set16(0x3_ffe0, 0x0202);
    run(rig, '9d');
    expect(rig.c.eflags).toBe(FLAGS.VM | FLAGS.IOPL3 | 0x202);
    for (const [n, v] of [0x55, 0x1000, 0x0002].entries()) rig.set16(0x3_ffe2 + 2 * n, v);
    run(rig, 'cf');
    expect([rig.c.eip, rig.c.eflags]).toEqual([0x55, FLAGS.VM | FLAGS.IOPL3 | 2]);
  });
});

describe('undefined in it', () => {
  for (const [name, hex] of [
    ['SLDT', '0f 00 c0'],
    ['LTR', '0f 00 d8'],
  ])
    it(name, () => {
      const rig = v86();
      run(rig, hex);
      expectOut(rig, UD, null, 0, FLAGS.VM | FLAGS.RF | FLAGS.IF | 2);
    });
});

describe('the I/O permission map', () => {
  const MAP = 0x88; // of the TSS; ports 0–63 and the byte of ones
  function mapped(rig: Rig, ...denied: number[]): Rig {
    rig.descriptor(TR, TSS, MAP + 8, 0x8b);
    rig.segment(7, TR);
    rig.set16(TSS + 0x66, MAP);
    rig.view.setUint8(TSS + MAP + 8, 0xff);
    for (const port of denied) rig.view.setUint8(TSS + MAP + (port >> 3), 1 << (port & 7));
    return rig;
  }
  const flags = FLAGS.VM | FLAGS.IF | 2;

  it('lets V86 code through where it is clear, with any IOPL', () => {
    const rig = mapped(v86());
    run(rig, 'e4 30');
    expect(rig.c.eip).toBe(2);
    const denied = mapped(v86(FLAGS.VM | FLAGS.IOPL3 | 2), 0x30);
    run(denied, 'e4 30');
    expectOut(denied, GP, 0, 0, FLAGS.VM | FLAGS.IOPL3 | FLAGS.RF | 2);
  });

  it('looks at each byte of a wide access', () => {
    for (const [hex, ok] of [
      ['e5 2e', true],
      ['e5 2f', false],
      ['66 e5 2d', false],
      ['66 e5 2c', true],
    ] as const) {
      const rig = mapped(v86(), 0x30);
      run(rig, hex);
      if (ok) expect(rig.c.cpl).toBe(3);
      else expectOut(rig, GP, 0, 0, flags | FLAGS.RF);
    }
  });

  it('ends at the limit of the TSS, two bytes at a time', () => {
    const rig = mapped(v86());
    run(rig, 'e4 3f');
    expect(rig.c.cpl).toBe(3);
    const beyond = mapped(v86());
    run(beyond, 'e4 40');
    expectOut(beyond, GP, 0, 0, flags | FLAGS.RF);
  });

  it('serves ring 3 above IOPL too, and no 16-bit TSS has one', () => {
    const rig = mapped(new Rig().user());
    rig.run('e4 30');
    expect(rig.c.cpl).toBe(3);
    const narrow = mapped(new Rig().user());
    narrow.descriptor(TR, TSS, MAP + 8, 0x83);
    narrow.segment(7, TR);
    narrow.set32(TSS + 2, RING0_STACK & 0xffff);
    narrow.set16(TSS + 4, 0x10);
    narrow.run('e4 30');
    expect(narrow.c.eip).toBe(narrow.handler(GP));
  });
});

it('a task with VM in its EFLAGS runs in it; a JMP away saves it', () => {
  const rig = new Rig();
  rig.set32(TSS_TASK + 0x24, FLAGS.VM | 2);
  rig.set32(TSS_TASK + 0x20, 0);
  const [es, cs, ss, ds, fs, gs] = SEGMENTS;
  [es, cs, ss, ds, fs, gs].forEach((v, n) => {
    rig.set32(TSS_TASK + 0x48 + 4 * n, v);
  });
  rig.idt(0x80, TR, 0, 0xe5); // a task gate back
  rig.set32(TSS_TASK + 0x24, FLAGS.VM | FLAGS.IOPL3 | 2);
  rig.code('cd 80', 0x1_0000);
  rig.code(`ea ${dword(0)} ${word(TASK)}`, 0x2_c000);
  rig.step();
  expect([rig.c.virtual8086, rig.c.cpl, rig.c.segmentBase(1), rig.c.segmentAttributes(2)]).toEqual([
    true,
    3,
    0x1_0000,
    0xf300,
  ]);
  rig.step();
  expect([rig.c.selector(7), rig.c.virtual8086]).toEqual([TR, false]);
  expect(rig.get32(TSS_TASK + 0x24)).toBe(FLAGS.VM | FLAGS.IOPL3 | 2);
});
