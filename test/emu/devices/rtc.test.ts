import { describe, expect, it } from 'vitest';
import { Rtc, type RtcDate } from '../../../emu/devices/rtc.ts';
import { IrqSpy, io, TestClock } from './board.ts';

/** Four ticks an edge of the 32.768 kHz crystal. */
const CRYSTAL = 32_768;
const EDGE = 4;
const SECOND = CRYSTAL * EDGE;
const [A, B, C, D] = [0x0a, 0x0b, 0x0c, 0x0d];
const START: RtcDate = { year: 2003, month: 10, day: 19, hours: 8, minutes: 30, seconds: 15 };

function rtc(start: Partial<RtcDate> = {}, memory = 64 << 20) {
  const clock = new TestClock(CRYSTAL);
  const irq = new IrqSpy(clock);
  const chip = new Rtc(clock, { irq, start: { ...START, ...start }, memory });
  const bus = io(chip);
  const get = (register: number): number => {
    bus.out(0x70, register);
    return bus.in(0x71);
  };
  const put = (register: number, value: number): void => {
    bus.out(0x70, register);
    bus.out(0x71, value);
  };
  /** Century, year, month, day, weekday, hours, minutes, seconds. */
  const time = (): string =>
    [0x32, 9, 8, 7, 6, 4, 2, 0].map(r => get(r).toString(16).padStart(2, '0')).join(' ');
  const seconds = (n: number): void => clock.run(n * SECOND);
  return { clock, irq, chip, bus, get, put, time, seconds };
}

describe('time of day', () => {
  it('starts at the date given, in BCD and 24 hours, on the right weekday', () => {
    expect(rtc().time()).toBe('20 03 10 19 01 08 30 15'); // a Sunday
    expect(rtc({ year: 2000, month: 2, day: 29 }).time()).toBe('20 00 02 29 03 08 30 15'); // a Tuesday
  });

  it('counts seconds and nothing but whole ones', () => {
    const { clock, time, seconds } = rtc();
    clock.run(SECOND - 1);
    expect(time()).toMatch(/30 15$/);
    clock.run(1);
    expect(time()).toMatch(/30 16$/);
    seconds(44);
    expect(time()).toMatch(/31 00$/);
  });

  it.each<[string, Partial<RtcDate>, string]>([
    ['a day', { day: 30, month: 9 }, '20 03 10 01 04 00 00 00'],
    ['February', { day: 28, month: 2 }, '20 03 03 01 07 00 00 00'],
    ['a leap February', { year: 2004, day: 28, month: 2 }, '20 04 02 29 01 00 00 00'],
    ['February of 1900', { year: 1900, day: 28, month: 2 }, '19 00 03 01 05 00 00 00'],
    ['a century', { year: 1999, day: 31, month: 12 }, '20 00 01 01 07 00 00 00'],
  ])('carries over %s', (_, date, expected) => {
    const { time, seconds } = rtc({ ...date, hours: 23, minutes: 59, seconds: 59 });
    seconds(1);
    expect(time()).toBe(expected);
  });

  it('in 12-hour mode goes 11 am, 12 pm, 1 pm, and 11 pm, 12 am, 1 am', () => {
    const { get, put, seconds } = rtc();
    put(B, 0x00);
    const hours: number[] = [];
    for (const start of [0x11, 0x91]) {
      put(4, start);
      for (let i = 0; i < 2; i++) {
        put(2, 0x59);
        put(0, 0x59);
        seconds(1);
        hours.push(get(4));
      }
    }
    expect(hours).toEqual([0x92, 0x81, 0x12, 0x01]);
    expect(get(7)).toBe(0x20); // one midnight
  });

  it('counts in binary when register B says so', () => {
    const { get, put, seconds } = rtc();
    put(B, 0x06);
    put(0, 58);
    seconds(1);
    expect(get(0)).toBe(59);
    seconds(1);
    expect(get(0)).toBe(0);
  });

  it('stands still while SET is on, and keeps its phase', () => {
    const { clock, get, put, seconds } = rtc();
    clock.run(SECOND / 4);
    put(B, 0x82);
    seconds(5);
    expect(get(0)).toBe(0x15);
    put(B, 0x02);
    clock.run((SECOND * 3) / 4 - 1);
    expect(get(0)).toBe(0x15);
    clock.run(1);
    expect(get(0)).toBe(0x16);
  });

  it('updates half a second after a divider reset is let go', () => {
    const { clock, get, put, seconds } = rtc();
    put(A, 0x66);
    seconds(3);
    expect(get(0)).toBe(0x15);
    put(A, 0x26);
    clock.run(SECOND / 2 - 1);
    expect(get(0)).toBe(0x15);
    clock.run(1);
    expect(get(0)).toBe(0x16);
    seconds(1);
    expect(get(0)).toBe(0x17);
  });

  it('rolls over whatever nonsense is written, without a fault', () => {
    const { get, put, seconds } = rtc();
    for (const register of [0, 2, 4, 6, 7, 8, 9, 0x32]) put(register, 0xff);
    seconds(1);
    expect([get(0), get(2), get(4), get(7), get(8)]).toEqual([0, 0, 0, 1, 1]);
  });

  it('sets UIP 244 + 1984 us before the update, and not while SET is on', () => {
    const { clock, get, put } = rtc();
    const lead = 8 + 65;
    clock.run((CRYSTAL - lead) * EDGE - 1);
    expect(get(A) & 0x80).toBe(0);
    clock.run(1);
    expect(get(A) & 0x80).toBe(0x80);
    put(B, 0x82);
    expect(get(A) & 0x80).toBe(0);
    put(B, 0x02);
    clock.run(lead * EDGE);
    expect(get(A) & 0x80).toBe(0);
    expect(lead / CRYSTAL).toBeCloseTo(2228e-6, 5);
  });
});

describe('interrupts', () => {
  it('update-ended: once a second, until register C is read', () => {
    const { irq, get, put, seconds } = rtc();
    put(B, 0x12);
    seconds(3);
    expect(irq.rises()).toEqual([SECOND]);
    expect(get(C)).toBe(0x80 | 0x10 | 0x40); // PF runs by itself, the alarm (0:00:00) does not match
    expect(irq.level).toBe(false);
    expect(get(C)).toBe(0);
    seconds(1);
    expect(irq.rises()).toEqual([SECOND, 4 * SECOND]);
  });

  it('alarm: when hours, minutes and seconds all match', () => {
    const { irq, get, put, seconds } = rtc();
    put(1, 0x17);
    put(3, 0x30);
    put(5, 0x08);
    put(B, 0x22);
    seconds(1);
    expect(irq.level).toBe(false);
    seconds(1);
    expect(irq.rises()).toEqual([2 * SECOND]);
    expect(get(C) & 0xa0).toBe(0xa0);
    seconds(3600);
    expect(irq.rises().length).toBe(1);
  });

  it('alarm: bytes from C0 up match anything', () => {
    const { irq, get, put, seconds } = rtc();
    put(1, 0x00);
    put(3, 0xc0);
    put(5, 0xff);
    put(B, 0x22);
    for (let i = 0; i < 3; i++) {
      seconds(60);
      get(C);
    }
    expect(irq.rises()).toEqual([45, 105, 165].map(s => s * SECOND));
  });

  it.each([
    [1, 256],
    [2, 128],
    [3, 8192],
    [6, 1024],
    [15, 2],
  ])('periodic: rate select %i is %i Hz', (select, hz) => {
    const { clock, irq, get, put } = rtc();
    put(A, 0x20 | select);
    put(B, 0x42);
    for (let i = 0; i < 5; i++) {
      clock.runTo(clock.next());
      expect(get(C) & 0xc0).toBe(0xc0);
    }
    expect(irq.rises()).toEqual([1, 2, 3, 4, 5].map(n => (n * SECOND) / hz));
  });

  it('flags come without their enable bits, but no interrupt does', () => {
    const { clock, irq, get, seconds } = rtc();
    get(C);
    clock.run(SECOND / 1024);
    expect(get(C)).toBe(0x40);
    seconds(1);
    expect(get(C) & 0xd0).toBe(0x50);
    expect(irq.changes).toEqual([]);
  });

  it('enabling an interrupt whose flag is up raises it at once', () => {
    const { irq, put, seconds } = rtc();
    seconds(1);
    put(B, 0x12);
    expect(irq.level).toBe(true);
    put(B, 0x92); // SET takes UIE back
    expect(irq.level).toBe(false);
  });
});

describe('CMOS', () => {
  it.each([
    [16, 15 * 1024, 0],
    [64, 63 * 1024, 48 * 16],
    [512, 0xffff, 496 * 16],
  ])('tells %i MiB of memory', (mib, extended, high) => {
    const { get } = rtc({}, mib << 20);
    const word = (at: number): number => get(at) | (get(at + 1) << 8);
    expect([word(0x15), word(0x17), word(0x30), word(0x34)]).toEqual([640, extended, extended, high]);
  });

  it('has the checksum that a BIOS checks', () => {
    const { get } = rtc();
    let sum = 0;
    for (let i = 0x10; i <= 0x2d; i++) sum += get(i);
    expect((get(0x2e) << 8) | get(0x2f)).toBe(sum);
  });

  it('keeps what is written, but registers C and D and UIP are read-only', () => {
    const { get, put } = rtc();
    put(0x7f, 0xa5);
    put(D, 0);
    put(A, 0xa6);
    expect([get(0x7f), get(D), get(A)]).toEqual([0xa5, 0x80, 0x26]);
  });

  it('port 0x70 holds the NMI mask and cannot be read', () => {
    const { bus, chip } = rtc();
    bus.out(0x70, 0x8f);
    expect([chip.nmiMasked(), bus.in(0x70)]).toEqual([true, 0xff]);
    bus.out(0x70, 0x0f);
    expect(chip.nmiMasked()).toBe(false);
  });
});

it('goes on from a saved state as if nothing had been', () => {
  const one = rtc();
  one.put(A, 0x2f);
  one.put(B, 0x52);
  one.clock.run(SECOND * 1.3);
  const other = rtc();
  other.clock.jump(one.clock.now());
  other.chip.load(structuredClone(one.chip.save()));
  other.clock.load(one.clock.save());
  for (const r of [one, other]) {
    r.get(C);
    r.seconds(100);
  }
  expect(other.time()).toBe(one.time());
  expect(other.chip.save()).toEqual(one.chip.save());
  expect(other.irq.rises().at(-1)).toBe(one.irq.rises().at(-1));
});
