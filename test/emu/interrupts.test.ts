/** The APICs in the machine: where their registers are, what an access costs, and how interrupts reach the core. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CAUSE } from '../../emu/accounting.ts';
import { Machine } from '../../emu/machine.ts';
import { p4 } from '../../emu/profile/p4-1700.ts';
import { CODE, DATA, dword, EAX, ECX, EDX, FLAGS, Rig } from './cpu/rig.ts';
import { random } from './engine/world.ts';

const APIC = 0xfee0_0000;
const IO_APIC = 0xfec0_0000;
const APIC_BASE = 0x1b;
const NMI = 2;
const RAM_END = 1 << 20;

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

function load(address: number): number {
  rig.run(`a1 ${dword(address)}`);
  return rig.c.r32[EAX] >>> 0;
}

function store(address: number, value: number): void {
  rig.c.r32[EAX] = value;
  rig.run(`a3 ${dword(address)}`);
}

function setBase(lo: number, hi = 0): void {
  rig.c.r32[EAX] = lo;
  rig.c.r32[ECX] = APIC_BASE;
  rig.c.r32[EDX] = hi;
  rig.run('0f 30');
}

/** Runs until the handler of `vector`; where it returns to. */
function runTo(vector: number): number {
  const { engine } = rig.machine;
  const remove = engine.addHook(rig.handler(vector), () => engine.stop());
  rig.machine.run(rig.machine.cycles() + 1_000_000);
  remove();
  expect(rig.c.eip >>> 0).toBe(rig.handler(vector));
  return rig.stack(0);
}

function redirect(pin: number, low: number): void {
  store(IO_APIC, 0x10 + 2 * pin);
  store(IO_APIC + 0x10, low);
}

const out = (port: number, ...values: number[]) => {
  for (const v of values) rig.machine.space.writePort(port, 1, v);
};

/** The 8259s at 20h and 28h with nothing but `irq` let through. */
function pic(irq: number): void {
  out(0x20, 0x11);
  out(0x21, 0x20, 4, 1, 0xff & ~(1 << irq));
}

describe('the local APIC’s registers', () => {
  it('are at FEE00000h', () => {
    expect(load(APIC + 0x30)).toBe(0x0005_0014);
  });

  it('move with APIC_BASE, over RAM too, which comes back when they leave', () => {
    rig.set32(DATA, 0x1234_5678);
    setBase(DATA | 0x900);
    expect([load(DATA + 0x30), load(APIC + 0x30)]).toEqual([0x0005_0014, 0xffff_ffff]);
    store(DATA + 0x80, 0x30);
    expect([load(DATA + 0x80), rig.get32(DATA + 0x80)]).toEqual([0x30, 0]);
    setBase(APIC | 0x900);
    expect([load(DATA), load(APIC + 0x80)]).toEqual([0x1234_5678, 0x30]);
  });

  it('hide code that was decoded, and give it back', () => {
    const call = () => rig.run(`e8 ${dword(DATA - CODE - 5)}`, 2); // call DATA, where inc eax is
    rig.code('40 c3', DATA);
    rig.c.r32[EAX] = 0;
    call();
    expect(rig.c.r32[EAX]).toBe(1);
    setBase(DATA | 0x900);
    setBase(APIC | 0x900);
    rig.c.r32[EAX] = 0;
    call();
    expect(rig.c.r32[EAX]).toBe(1);
  });

  it('vanish with EN and above 4 GiB, and CPUID’s bit with EN', () => {
    const cpuidApic = () => {
      rig.c.r32[EAX] = 1;
      rig.run('0f a2');
      return (rig.c.r32[EDX] >> 9) & 1;
    };
    expect(cpuidApic()).toBe(1);
    setBase(APIC | 0x900, 1);
    expect([load(APIC + 0x30), cpuidApic()]).toEqual([0xffff_ffff, 1]);
    setBase(APIC | 0x100);
    expect([load(APIC + 0x30), cpuidApic()]).toEqual([0xffff_ffff, 0]);
    setBase(APIC | 0x900);
    expect([load(APIC + 0x30), load(APIC + 0xf0), cpuidApic()]).toEqual([0x0005_0014, 0xff, 1]);
  });

  it('cost what the profile says, and the I/O APIC’s as other devices’', () => {
    rig = new Rig(p4);
    const cost = (hex: string, at: number) => {
      const before = rig.accounting.total(CAUSE.mmio);
      rig.run(`${hex} ${dword(at)}`);
      return (rig.accounting.total(CAUSE.mmio) - before) / 4;
    };
    const ns = (v: number) => v * 1.7;
    expect([cost('a1', APIC + 0x30), cost('a3', APIC + 0x80)]).toEqual([
      p4.system.apicRead.value,
      p4.system.apicWrite.value,
    ]);
    expect([cost('a1', IO_APIC), cost('a3', IO_APIC)]).toEqual([
      ns(p4.io.mmioReadNs.value),
      ns(p4.io.mmioWriteNs.value),
    ]);
  });
});

describe('interrupts', () => {
  it('come from the 8259 through LINT0 until it is masked', () => {
    pic(4);
    rig.machine.pic.line(4).set(true);
    store(APIC + 0x350, 0x1_0700);
    rig.c.eflags = FLAGS.IF | 2;
    rig.code('eb fe');
    rig.machine.run(rig.machine.cycles() + 1000);
    expect(rig.c.deliveries).toBe(0);
    store(APIC + 0x350, 0x700);
    rig.code('eb fe');
    expect(runTo(0x24)).toBe(CODE);
  });

  it('come from the 8259 at once when EN is cleared', () => {
    pic(4);
    rig.machine.pic.line(4).set(true);
    store(APIC + 0x350, 0x1_0700);
    rig.c.eflags = FLAGS.IF | 2;
    rig.c.r32.set([APIC | 0x100, APIC_BASE, 0], 0);
    rig.code('0f 30 90 90 f4');
    expect(runTo(0x24)).toBe(CODE + 2);
  });

  it('of the PIT come through pin 2 and wake HLT', () => {
    redirect(2, 0x61);
    out(0x43, 0x34);
    out(0x40, 100, 0);
    rig.c.eflags = FLAGS.IF | 2;
    rig.code('f4 90');
    expect(runTo(0x61)).toBe(CODE + 1);
    expect(load(APIC + 0x130)).toBe(2);
  });

  it('of the PIT as NMI end HLT with interrupts off, through pin 2 and through LINT0', () => {
    out(0x43, 0x34);
    out(0x40, 100, 0);
    redirect(2, 0x400);
    rig.code('f4 90');
    expect(runTo(NMI)).toBe(CODE + 1);
    redirect(2, 0x1_0000);
    rig.c.nmiBlocked = false;
    pic(0);
    store(APIC + 0x350, 0x400);
    rig.code('f4 90');
    expect(runTo(NMI)).toBe(CODE + 1);
  });

  it('HLT with interrupts off is the end where none can come as NMI', () => {
    out(0x43, 0x34);
    out(0x40, 100, 0);
    redirect(2, 0x61);
    rig.code('f4');
    expect(rig.machine.run(1_000_000)).toEqual({ reason: 'halted' });
  });

  it('through pin 0 as ExtINT take the 8259’s vector', () => {
    pic(4);
    store(APIC + 0x350, 0x1_0700);
    redirect(0, 0x700);
    rig.c.eflags = FLAGS.IF | 2;
    rig.machine.pic.line(4).set(true);
    rig.code('eb fe');
    expect(runTo(0x24)).toBe(CODE);
  });

  it('that are pending come right after the STI’s shadow', () => {
    store(APIC + 0x300, 0x4_0061);
    rig.code('fb 40 40 f4');
    expect(runTo(0x61)).toBe(CODE + 2);
  });

  it('of a timer that is due wait behind TPR and come when it falls', () => {
    store(APIC + 0x3e0, 0xb);
    store(APIC + 0x320, 0x31);
    store(APIC + 0x80, 0x30);
    store(APIC + 0x380, 1000);
    rig.c.eflags = FLAGS.IF | 2;
    rig.code('eb fe');
    rig.machine.run(rig.machine.cycles() + 100_000);
    expect([rig.c.deliveries, load(APIC + 0x390), load(APIC + 0x210)]).toEqual([0, 0, 0x2_0000]);
    rig.c.r32[EAX] = 0x20;
    rig.code(`a3 ${dword(APIC + 0x80)} eb 00 f4`);
    expect(runTo(0x31)).toBe(CODE + 7);
  });

  it('INIT for this processor ends the run, as a reset does', () => {
    store(APIC + 0x300, 0x4500);
    expect(rig.machine.run(rig.machine.cycles() + 1000)).toEqual({ reason: 'triple-fault' });
  });
});

it('RESET leaves the APICs as at power-up', () => {
  const { interrupts } = rig.machine;
  store(APIC + 0x80, 0x30);
  redirect(3, 0x61);
  setBase(DATA | 0x900);
  interrupts.reset();
  expect([load(APIC + 0x80), load(APIC + 0xf0), load(APIC + 0x350)]).toEqual([0, 0xff, 0x1_0000]);
  store(IO_APIC, 0x16);
  expect([load(IO_APIC + 0x10), load(DATA)]).toEqual([0x1_0000, 0]);
});

describe('a snapshot', () => {
  it('keeps timer, pending interrupts, a pending NMI and where the registers are', () => {
    setBase(DATA | 0x900);
    store(DATA + 0x3e0, 0xb);
    store(DATA + 0x320, 0x2_0031);
    store(DATA + 0x380, 1000);
    store(DATA + 0x300, 0x4_0061);
    redirect(2, 0x400);
    rig.machine.engine.nmi = true;
    const left = rig.machine.snapshot();
    const other = new Machine({ profile: rig.machine.profile, memoryBytes: RAM_END, cards: 0 });
    other.restore(left);
    expect(other.snapshot().devices).toEqual(left.devices);
    expect(other.engine.nmi).toBe(true);
    const ends = [rig.machine, other].map(machine => {
      machine.engine.nmi = false;
      machine.writePhysical(CODE, Uint8Array.of(0xeb, 0xfe));
      machine.cpu.eip = CODE;
      machine.run(100_000);
      return [machine.clock.now(), machine.interrupts.localApic.save(), machine.interrupts.find(DATA)?.name];
    });
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[1][2]).toBe('local-apic');
  });
});

it('random accesses, lines and acknowledges harm nobody, and a snapshot at any moment goes on alike', () => {
  const make = () => new Machine({ profile: rig.machine.profile, memoryBytes: RAM_END, cards: 1 });
  const machine = make();
  let twin = make();
  const next = random(0xa91c);
  const sizes = [1, 2, 4, 4, 4, 4] as const;
  const irqs = [0, 1, 3, 4, 8, 11, 15];
  let lines = [machine, twin].map(m => irqs.map(n => m.interrupts.line(n)));
  let taken = 0;
  for (let n = 0; n < 20_000; n++) {
    const [kind, a, b, c] = [next() % 8, next(), next(), next()];
    const size = sizes[c % sizes.length];
    const value = b % 3 ? b : b & 0x3_07ff;
    const results = [machine, twin].map((m, who) => {
      const { localApic, ioApic, pic } = m.interrupts;
      const apic = kind < 4 ? localApic : ioApic;
      // Mostly where registers are, and the I/O APIC's window.
      const offset = kind < 4 ? (a % 5 ? (a & 0x3f) << 4 : a & 0xfff) : (a & 1) << 4;
      if (kind === 5 && c % 8 === 0) {
        // Often enough in a state in which something can arrive.
        m.cpu.apic?.setBase(APIC | 0x800, 0);
        for (const [at, v] of [
          [0xf0, 0x1ff],
          [0x20, 0],
          [0x80, 0],
          [0xb0, 0],
          [0x300, 0x4_0000 | (b & 0xff)],
        ])
          localApic.writeMmio(at, 4, v);
      } else if (kind === 6) lines[who][a % irqs.length].set((b & 1) === 1);
      else if (kind === 7) {
        if (b % 256 === 0) m.cpu.apic?.setBase((b & 0x800) | APIC, 0);
        return localApic.intr() ? localApic.acknowledge() : -1;
      } else if (c & 0x100) return apic.readMmio(offset, size);
      else apic.writeMmio(offset, size, size === 4 ? value >>> 0 : value & (256 ** size - 1));
      return pic.intr() ? 1 : 0;
    });
    expect(results[1]).toBe(results[0]);
    expect(Number.isInteger(results[0]) && results[0] >= -1 && results[0] <= 0xffff_ffff).toBe(true);
    if (kind === 7 && results[0] >= 0) taken++;
    if (n % 1000 === 0) {
      const left = machine.snapshot();
      twin = make();
      lines = [lines[0], irqs.map(i => twin.interrupts.line(i))];
      twin.restore(left);
      expect(twin.snapshot().devices).toEqual(left.devices);
    }
  }
  expect(taken).toBeGreaterThan(200);
});
