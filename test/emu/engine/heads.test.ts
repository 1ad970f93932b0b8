/**
 * Heads: where events and interrupts are looked at (docs/architecture.md). An NMI or a device's event that comes in
 * the middle waits for the next one.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { CAUSE } from '../../../emu/accounting.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { CODE, DATA, dword, EAX, ECX, EDI, FLAGS, KDATA, Rig, TASK } from '../cpu/rig.ts';

const NMI = 2;
const nops = (n: number) => '90 '.repeat(n);

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

/** Raises an NMI by a device's event after `cycles`. */
function nmiAt(cycles: number): void {
  const { clock, engine } = rig.machine;
  engine.nmiSource = () => true;
  const id = clock.register('test nmi', () => {
    engine.nmi = true;
  });
  clock.schedule(id, cycles * 4);
}

/** Runs until the NMI's handler (which ends the run) and says where it returns to. */
function interruptedAt(): number {
  const remove = rig.machine.engine.addHook(rig.handler(NMI), () => rig.machine.engine.stop());
  rig.machine.run(1_000_000);
  remove();
  expect(rig.c.eip >>> 0).toBe(rig.handler(NMI));
  return rig.stack(0);
}

describe('an event in the middle of a block waits', () => {
  it('for the instruction after the branch', () => {
    rig.code(`${nops(10)} eb 00 ${nops(10)} f4`);
    nmiAt(3);
    expect(interruptedAt()).toBe(CODE + 12);
  });

  it('for a branch that is not taken as well', () => {
    rig.code(`${nops(10)} 72 10 ${nops(10)} f4`);
    nmiAt(3);
    expect(interruptedAt()).toBe(CODE + 12);
  });

  it('for the 64th instruction without a head', () => {
    rig.code(`${nops(200)} f4`);
    nmiAt(70);
    expect(interruptedAt()).toBe(CODE + 128);
  });

  it('for the border of a page', () => {
    rig.code(`${nops(40)} f4`, CODE + 0xff0);
    nmiAt(3);
    expect(interruptedAt()).toBe(CODE + 0x1000);
  });

  it('and steps of the host make no heads', () => {
    rig.code(`${nops(200)} f4`);
    nmiAt(70);
    for (let n = 0; n < 100; n++) rig.step();
    expect(rig.c.eip).toBe(CODE + 100);
    expect(interruptedAt()).toBe(CODE + 128);
  });

  it.each([
    ['CLI', 'fa'],
    ['RDTSC', '0f 31'],
    ['CPUID', '0f a2'],
    ['MOV CR3', '0f 22 d8'],
    ['PUSHF is none, POPF is', '9c 9d'],
    ['OUT', 'e6 80'],
  ])('for a serialising, IF-changing or clock-reading instruction: %s', (_, code) => {
    const length = code.split(' ').length;
    rig.code(`${nops(5)} ${code} ${nops(20)} f4`);
    nmiAt(2);
    expect(interruptedAt()).toBe(CODE + 5 + length);
  });
});

describe('the shadow', () => {
  it('of STI lasts for one instruction', () => {
    rig.c.eflags = 2;
    rig.code('fb 90 90 90 f4');
    raiseIrq4();
    rig.machine.engine.addHook(rig.handler(0x24), () => rig.machine.engine.stop());
    rig.machine.run(1000);
    expect([rig.c.eip >>> 0, rig.stack(0)]).toEqual([rig.handler(0x24), CODE + 2]);
  });

  it('of STI is none if interrupts were open', () => {
    rig.code('fb fb 90 90 f4');
    rig.c.eflags = FLAGS.IF | 2;
    rig.step();
    raiseIrq4();
    rig.machine.engine.addHook(rig.handler(0x24), () => rig.machine.engine.stop());
    rig.machine.run(1000);
    expect(rig.stack(0)).toBe(CODE + 1);
  });

  it('of MOV SS lasts for one instruction', () => {
    rig.c.r32[EAX] = KDATA;
    rig.code('8e d0 89 c4 90 90 f4'); // mov ss, eax; mov esp, eax …
    rig.step();
    rig.machine.engine.nmi = true;
    expect(interruptedAt()).toBe(CODE + 4);
    expect(rig.c.esp).toBe(KDATA - 12);
  });

  /** On vector 0x24. */
  function raiseIrq4(): void {
    const out = (port: number, v: number) => rig.machine.space.writePort(port, 1, v);
    out(0x20, 0x11);
    for (const v of [0x20, 4, 1, 0xef]) out(0x21, v);
    rig.machine.pic.line(4).set(true);
  }
});

describe('REP', () => {
  it('is interrupted every 64 rounds, with RF pushed, and goes on where it was', () => {
    rig.c.r32[ECX] = 1000;
    rig.c.r32[EDI] = DATA;
    rig.c.r32[EAX] = 0x5a;
    rig.code('cf', rig.handler(NMI));
    rig.code('f3 aa f4');
    nmiAt(3);
    expect(interruptedAt()).toBe(CODE);
    expect([rig.c.r32[ECX] % 64, rig.c.r32[EDI] - DATA]).toEqual([1000 % 64, 1000 - rig.c.r32[ECX]]);
    expect(rig.stack(2) & FLAGS.RF).toBe(FLAGS.RF);
    rig.machine.run(rig.machine.cycles() + 1000);
    expect([rig.c.r32[ECX], rig.c.r32[EDI], rig.c.eip]).toEqual([0, DATA + 1000, CODE + 3]);
    expect([...rig.machine.readPhysical(DATA, 1001)].filter(b => b === 0x5a).length).toBe(1000);
  });

  it('counts as one instruction however many rounds it has', () => {
    rig.c.r32[ECX] = 1000;
    rig.c.r32[EDI] = DATA;
    rig.code('f3 aa f4');
    rig.machine.run(10_000);
    expect(rig.c.instructions).toBe(2);
  });
});

describe('NMI', () => {
  it('waits for IRET while another is handled', () => {
    rig.code(`${nops(4)} eb 00 40 cf`, rig.handler(NMI)); // a head inside, then inc eax; iret
    rig.code(`${nops(100)} f4`);
    rig.machine.engine.nmi = true;
    interruptedAt();
    rig.machine.engine.nmi = true;
    for (let n = 0; n < 6; n++) rig.step();
    expect([rig.c.r32[EAX], rig.c.deliveries]).toEqual([1, 1]);
    for (let n = 0; n < 3 && rig.c.deliveries < 2; n++) rig.step();
    expect([rig.c.deliveries, rig.stack(0)]).toEqual([2, CODE]);
  });

  it('wakes HLT with interrupts off; the time between is idle', () => {
    rig.code('f4 90');
    nmiAt(500);
    expect(interruptedAt()).toBe(CODE + 1);
    expect(rig.accounting.total(CAUSE.idle)).toBe(499 * 4);
  });
});

it('HLT that nothing can end is told as such', () => {
  rig.code('f4');
  expect(rig.machine.run(1000)).toEqual({ reason: 'halted' });
});

it('a handler that cannot be decoded faults for ever, but not for nothing: the limit ends it', () => {
  rig.code('0f ff', rig.handler(6));
  rig.code('0f ff');
  expect(rig.machine.run(1000)).toEqual({ reason: 'limit' });
  expect(rig.c.deliveries).toBe(1000);
});

describe('a double fault', () => {
  it('comes with error code 0 when #GP has no gate; a third fault is the end', () => {
    rig.idt(13, 0, 0, 0);
    rig.run('0f 22 e0'); // fine with EAX = 0
    rig.c.r32[EAX] = 0x8000_0000 | 0;
    rig.run('0f 22 e0');
    expect([rig.c.eip >>> 0, rig.stack(0)]).toEqual([rig.handler(8), 0]);
    rig.idt(8, 0, 0, 0);
    rig.code('0f 22 e0');
    expect(rig.machine.run(rig.machine.cycles() + 1000)).toEqual({ reason: 'triple-fault' });
    expect(rig.c.eip).toBe(CODE);
    expect(rig.machine.run(rig.machine.cycles() + 1000)).toEqual({ reason: 'triple-fault' });
  });

  it('through a task gate finds a stack when the old one is gone', () => {
    rig.idt(8, TASK, 0, 0x85);
    rig.paging();
    rig.c.esp = 0xf000_0000 | 0;
    rig.run('50');
    expect([rig.c.selector(7), rig.c.eip]).toEqual([TASK, 0x2_c000]);
  });
});

describe.each(Object.keys(profiles))('the clock on %s is exact', name => {
  it('when a device or RDTSC reads it in the middle of a block', () => {
    const clockAt = (before: number, how: 'tsc' | 'port' | 'mmio') => {
      rig = new Rig(profiles[name]);
      let seen = -1;
      const read = () => {
        seen = rig.machine.clock.now();
        return 0;
      };
      rig.machine.space.mapPorts({
        name: 'test',
        first: 0x300,
        count: 1,
        bus: 'pci',
        handler: { readPort: read, writePort: read },
      });
      rig.machine.space.mapMmio({
        name: 'test',
        base: 0xf000_0000,
        length: 4096,
        bus: 'pci',
        handler: { readMmio: read, writeMmio: read },
      });
      rig.c.r32[2] = 0x300;
      const code = { tsc: '0f 31', port: 'ec', mmio: `a1 ${dword(0xf000_0000)}` }[how];
      rig.code(`${'89 db '.repeat(before)} ${code} ${nops(3)} f4`); // mov ebx, ebx …
      rig.machine.run(1_000_000);
      return how === 'tsc' ? rig.c.r32[EAX] * 4 : seen;
    };
    for (const how of ['tsc', 'port', 'mmio'] as const) {
      const mov = profiles[name].issue.mov.value * 4;
      // All in one cache line, so each MOV more is exactly its own cost more.
      expect(clockAt(9, how) - clockAt(5, how), how).toBe(4 * mov);
      expect(clockAt(5, how)).toBeGreaterThan(0);
    }
  });
});
