import { describe, expect, it } from 'vitest';
import { PIT_HZ, Pit } from '../../../emu/devices/pit.ts';
import { IrqSpy, io, TestClock } from './board.ts';

/** Four ticks a pulse of the timer, so that pulse n comes at tick 4n. */
const PULSE = 4;
const CONTROL = 0x43;
const PORT_B = 0x61;

function timer(hz = PIT_HZ) {
  const clock = new TestClock(hz);
  const irq = new IrqSpy(clock);
  const pit = new Pit(clock, irq);
  const bus = io(pit);
  const pulses = (n: number): void => clock.run(n * PULSE);
  /** OUT of a counter at each of the next `n` pulses, as a string of 1 and 0. */
  const wave = (counter: number, n: number): string => {
    let out = '';
    for (let i = 0; i < n; i++) {
      out += pit.output(counter) ? '1' : '0';
      pulses(1);
    }
    return out;
  };
  /** Latches and reads 16 bits of a counter. */
  const count = (counter: number): number => {
    bus.out(CONTROL, counter << 6);
    return bus.in(0x40 + counter) | (bus.in(0x40 + counter) << 8);
  };
  /** Status byte by the read-back command. */
  const status = (counter: number): number => {
    bus.out(CONTROL, 0xe0 | (2 << counter));
    return bus.in(0x40 + counter);
  };
  const gate2 = (level: boolean): void => bus.out(PORT_B, level ? 1 : 0);
  return { clock, irq, pit, bus, pulses, wave, count, status, gate2 };
}

describe('mode 0, interrupt on terminal count', () => {
  it('raises OUT N + 1 pulses after the count is written', () => {
    const { bus, wave } = timer();
    bus.out(CONTROL, 0x10);
    bus.out(0x40, 4);
    expect(wave(0, 8)).toBe('00000111');
  });

  it('wraps to FFFF and goes on counting', () => {
    const { bus, pulses, count, pit } = timer();
    bus.out(CONTROL, 0x30);
    bus.out(0x40, 3, 0);
    pulses(1 + 3);
    expect([count(0), pit.output(0)]).toEqual([0, true]);
    pulses(1);
    expect([count(0), pit.output(0)]).toEqual([0xffff, true]);
  });

  it('stops with OUT low when the first of two bytes is written', () => {
    const { bus, pulses, pit, count } = timer();
    bus.out(CONTROL, 0x30);
    bus.out(0x40, 10, 0);
    pulses(20);
    expect(pit.output(0)).toBe(true);
    bus.out(0x40, 6);
    expect(pit.output(0)).toBe(false);
    pulses(100);
    expect(pit.output(0)).toBe(false);
    bus.out(0x40, 0);
    pulses(1);
    expect(count(0)).toBe(6);
    pulses(6);
    expect(pit.output(0)).toBe(true);
  });

  it('holds the count while the gate is low, without touching OUT', () => {
    const { bus, pulses, pit, count, gate2 } = timer();
    gate2(true);
    bus.out(CONTROL, 0xb0);
    bus.out(0x42, 10, 0);
    pulses(1 + 4);
    gate2(false);
    pulses(50);
    expect([count(2), pit.output(2)]).toEqual([6, false]);
    gate2(true);
    pulses(5);
    expect(pit.output(2)).toBe(false);
    pulses(1);
    expect(pit.output(2)).toBe(true);
  });

  it('interrupts once', () => {
    const { bus, irq, clock } = timer();
    clock.run(100 * PULSE);
    bus.out(CONTROL, 0x30);
    bus.out(0x40, 0xe8, 0x03);
    const before = irq.rises().length;
    clock.run(100_000 * PULSE);
    expect(irq.rises().slice(before)).toEqual([(100 + 1 + 1000) * PULSE]);
  });
});

describe('mode 1, one-shot', () => {
  it('lowers OUT for N pulses after a trigger, and again after another', () => {
    const { bus, wave, gate2 } = timer();
    bus.out(CONTROL, 0x92);
    bus.out(0x42, 3);
    expect(wave(2, 5)).toBe('11111'); // the gate has not risen
    gate2(true);
    expect(wave(2, 6)).toBe('100011');
    gate2(false);
    gate2(true);
    expect(wave(2, 3)).toBe('100');
    gate2(false);
    gate2(true); // retriggered: another three
    expect(wave(2, 6)).toBe('000011');
  });

  it('uses a new count only from the next trigger on', () => {
    const { bus, wave, gate2 } = timer();
    bus.out(CONTROL, 0x92);
    bus.out(0x42, 4);
    gate2(true);
    expect(wave(2, 3)).toBe('100');
    bus.out(0x42, 2);
    expect(wave(2, 4)).toBe('0011');
    gate2(false);
    gate2(true);
    expect(wave(2, 4)).toBe('1001');
  });
});

describe('mode 2, rate generator', () => {
  it('is low for the last pulse of each N', () => {
    const { bus, wave } = timer();
    bus.out(CONTROL, 0x14);
    bus.out(0x40, 3);
    expect(wave(0, 10)).toBe('1110110110');
  });

  it('counts N down to 1', () => {
    const { bus, pulses, count } = timer();
    bus.out(CONTROL, 0x34);
    bus.out(0x40, 3, 0);
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) {
      pulses(1);
      seen.push(count(0));
    }
    expect(seen).toEqual([3, 2, 1, 3, 2, 1]);
  });

  it('interrupts every N pulses', () => {
    const { bus, irq, clock } = timer();
    bus.out(CONTROL, 0x34);
    bus.out(0x40, 0xa9, 0x04); // 1193
    const before = irq.rises().length;
    clock.run(5 * 1193 * PULSE + PULSE);
    const rises = irq.rises().slice(before);
    expect(rises).toEqual([1, 2, 3, 4, 5].map(n => (1 + n * 1193) * PULSE));
  });

  it('takes a new count at the end of the period', () => {
    const { bus, wave } = timer();
    bus.out(CONTROL, 0x14);
    bus.out(0x40, 5);
    expect(wave(0, 3)).toBe('111');
    bus.out(0x40, 2);
    expect(wave(0, 8)).toBe('11010101');
  });

  it('holds OUT high while the gate is low, and begins anew when it rises', () => {
    const { bus, wave, gate2 } = timer();
    gate2(true);
    bus.out(CONTROL, 0x94);
    bus.out(0x42, 3);
    expect(wave(2, 3)).toBe('111');
    gate2(false);
    expect(wave(2, 6)).toBe('111111');
    gate2(true);
    expect(wave(2, 5)).toBe('11101');
  });

  it('takes 0 as 65536', () => {
    const { bus, irq, clock } = timer();
    bus.out(CONTROL, 0x34);
    bus.out(0x40, 0, 0);
    const before = irq.rises().length;
    clock.run((65536 + 1) * PULSE);
    expect(irq.rises().slice(before)).toEqual([65537 * PULSE]);
  });

  it('survives a count of 1, which the data sheet forbids', () => {
    const { bus, wave, clock } = timer();
    bus.out(CONTROL, 0x14);
    bus.out(0x40, 1);
    expect(wave(0, 5)).toBe('11111');
    expect(clock.next()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('mode 3, square wave', () => {
  it.each([
    [4, '1110011001100'.slice(0, 13), [4, 2, 4, 2]],
    [5, '1111001110011', [4, 2, 0, 4, 2]],
  ])('with N = %i', (n, shape, counts) => {
    const one = timer();
    one.bus.out(CONTROL, 0x16);
    one.bus.out(0x40, n);
    expect(one.wave(0, 13)).toBe(shape);
    const other = timer();
    other.bus.out(CONTROL, 0x36);
    other.bus.out(0x40, n, 0);
    const seen = counts.map(() => {
      other.pulses(1);
      return other.count(0);
    });
    expect(seen).toEqual(counts);
  });

  it('takes a new count at the end of the half', () => {
    const { bus, wave } = timer();
    bus.out(CONTROL, 0x16);
    bus.out(0x40, 8);
    expect(wave(0, 2)).toBe('11'); // one pulse into the high half of four
    bus.out(0x40, 4);
    expect(wave(0, 9)).toBe('111001100');
  });

  it('is what a BIOS leaves: 18.2 Hz on IRQ 0', () => {
    const { irq, clock } = timer();
    clock.run(3 * 65536 * PULSE);
    const [first, second, third] = irq.rises().filter(t => t > PULSE);
    expect([second - first, third]).toEqual([65536 * PULSE, undefined]);
  });
});

describe('modes 4 and 5, strobes', () => {
  it('mode 4 strobes once, N + 1 pulses after the write', () => {
    const { bus, wave } = timer();
    bus.out(CONTROL, 0x18);
    bus.out(0x40, 3);
    expect(wave(0, 9)).toBe('111101111');
  });

  it('mode 4 waits while the gate is low', () => {
    const { bus, wave, gate2 } = timer();
    gate2(true);
    bus.out(CONTROL, 0x98);
    bus.out(0x42, 3);
    expect(wave(2, 2)).toBe('11');
    gate2(false);
    expect(wave(2, 5)).toBe('11111');
    gate2(true);
    expect(wave(2, 4)).toBe('1101');
  });

  it('mode 5 strobes N + 1 pulses after each trigger', () => {
    const { bus, wave, gate2 } = timer();
    bus.out(CONTROL, 0x9a);
    bus.out(0x42, 2);
    expect(wave(2, 5)).toBe('11111');
    gate2(true);
    expect(wave(2, 6)).toBe('111011');
    gate2(false);
    gate2(true);
    expect(wave(2, 6)).toBe('111011');
  });
});

describe('reading', () => {
  it('a latched count stands still, and a second latch is ignored', () => {
    const { bus, pulses } = timer();
    bus.out(CONTROL, 0x34);
    bus.out(0x40, 0x34, 0x12);
    pulses(1);
    bus.out(CONTROL, 0x00);
    pulses(10);
    bus.out(CONTROL, 0x00);
    expect([bus.in(0x40), bus.in(0x40)]).toEqual([0x34, 0x12]);
    expect([bus.in(0x40), bus.in(0x40)]).toEqual([0x2a, 0x12]); // live again
  });

  it('follows the control word: low, high, or both bytes', () => {
    const { bus, pulses } = timer();
    bus.out(CONTROL, 0x94);
    bus.out(0x42, 0x80);
    expect(bus.in(PORT_B) & 1).toBe(0); // gate low: the count stays where it is
    pulses(2);
    expect([bus.in(0x42), bus.in(0x42)]).toEqual([0x80, 0x80]);
    bus.out(CONTROL, 0xa4);
    bus.out(0x42, 0x12);
    pulses(2);
    expect([bus.in(0x42), bus.in(0x42)]).toEqual([0x12, 0x12]);
  });

  it('read-back latches several counters, status before count', () => {
    const { bus, pulses } = timer();
    bus.out(CONTROL, 0x34);
    bus.out(0x40, 0x00, 0x10);
    pulses(1);
    bus.out(CONTROL, 0xc2 | 0x08); // count and status of 0 and 2
    pulses(7);
    expect([bus.in(0x40), bus.in(0x40), bus.in(0x40)]).toEqual([0xb4, 0x00, 0x10]);
    expect(bus.in(0x42) & 0x3f).toBe(0x36); // counter 2 as the BIOS left it
  });

  it('status tells OUT, and whether the count is in the element yet', () => {
    const { bus, pulses, status } = timer();
    bus.out(CONTROL, 0x30);
    expect(status(0)).toBe(0x70); // OUT low, null count, both bytes, mode 0
    bus.out(0x40, 5, 0);
    expect(status(0)).toBe(0x70);
    pulses(1);
    expect(status(0)).toBe(0x30);
    pulses(5);
    expect(status(0)).toBe(0xb0);
  });

  it('null count stays up in mode 2 until the new count is in use', () => {
    const { bus, pulses, status } = timer();
    bus.out(CONTROL, 0x14);
    bus.out(0x40, 10);
    pulses(3);
    bus.out(0x40, 20);
    expect(status(0) & 0x40).toBe(0x40);
    pulses(8);
    expect(status(0) & 0x40).toBe(0);
  });
});

it('BCD counts in decimal digits, 0 being 10000', () => {
  const { bus, pulses, count, irq, clock } = timer();
  bus.out(CONTROL, 0x35);
  bus.out(0x40, 0x00, 0x10);
  pulses(1);
  expect(count(0)).toBe(0x1000);
  pulses(1);
  expect(count(0)).toBe(0x0999);
  bus.out(CONTROL, 0x35);
  bus.out(0x40, 0, 0);
  const from = clock.now();
  const before = irq.rises().length;
  clock.run(10_001 * PULSE);
  expect(irq.rises().slice(before)).toEqual([from + 10_001 * PULSE]);
});

describe('port 0x61', () => {
  it('opens counter 2 and shows its output', () => {
    const { bus, pulses, gate2 } = timer();
    gate2(true);
    bus.out(CONTROL, 0xb0);
    bus.out(0x42, 100, 0);
    pulses(100);
    expect(bus.in(PORT_B) & 0x21).toBe(0x01);
    pulses(1);
    expect(bus.in(PORT_B) & 0x21).toBe(0x21);
  });

  it('toggles the refresh bit every 18 pulses', () => {
    const { bus, pulses } = timer();
    pulses(1);
    const bits: number[] = [];
    for (let i = 0; i < 4; i++) {
      bits.push((bus.in(PORT_B) >> 4) & 1);
      pulses(18);
    }
    expect(bits).toEqual([0, 1, 0, 1]);
  });

  it('keeps its four writable bits and the speaker gate', () => {
    const { bus, pit } = timer();
    bus.out(PORT_B, 0xfe);
    expect(bus.in(PORT_B) & 0x0f).toBe(0x0e);
    expect(pit.speaker()).toBe(true);
    bus.out(PORT_B, 0);
    expect(pit.speaker()).toBe(false);
  });
});

it('does not drift: 1000 Hz for two minutes at 1.7 GHz stays within a tick of the exact time', () => {
  const clock = new TestClock(1_700_000_000);
  const irq = new IrqSpy(clock);
  const pit = new Pit(clock, irq);
  const bus = io(pit);
  bus.out(CONTROL, 0x34);
  bus.out(0x40, 0xa9, 0x04);
  clock.runTo(120 * clock.ticksPerSecond);
  const rises = irq.rises().slice(1);
  const pulses = 1 + rises.length * 1193;
  const exact = (BigInt(pulses) * BigInt(clock.ticksPerSecond) + BigInt(PIT_HZ) - 1n) / BigInt(PIT_HZ);
  expect(rises.at(-1)).toBe(Number(exact));
  expect(rises.length).toBe(Math.floor((120 * PIT_HZ - 1) / 1193));
});

it('an access in the middle of a long instruction finds IRQ 0 up to date', () => {
  const { bus, irq, clock, pulses } = timer();
  bus.out(CONTROL, 0x30);
  bus.out(0x40, 10, 0);
  pulses(1);
  clock.jump(20 * PULSE);
  expect(irq.level).toBe(false);
  bus.in(0x40);
  expect(irq.level).toBe(true);
});

it('goes on from a saved state as if nothing had been', () => {
  const one = timer();
  one.bus.out(CONTROL, 0x34);
  one.bus.out(0x40, 0x00, 0x01);
  one.gate2(true);
  one.pulses(77);
  const other = timer();
  other.clock.jump(one.clock.now());
  other.pit.load(structuredClone(one.pit.save()));
  other.clock.load(one.clock.save());
  other.irq.level = one.irq.level;
  const before = other.irq.changes.length;
  const since = one.irq.changes.length;
  for (const t of [one, other]) t.pulses(5000);
  expect(other.irq.changes.slice(before)).toEqual(one.irq.changes.slice(since));
  expect(one.irq.changes.length - since).toBeGreaterThan(30);
  expect(other.pit.save()).toEqual(one.pit.save());
});
