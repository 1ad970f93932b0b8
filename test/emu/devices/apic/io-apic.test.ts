import { beforeEach, describe, expect, it } from 'vitest';
import type { IrqLine } from '../../../../emu/bus.ts';
import { IoApic } from '../../../../emu/devices/apic/io-apic.ts';
import { type ApicMessage, DELIVERY } from '../../../../emu/devices/apic/message.ts';
import { IrqRouter } from '../../../../emu/devices/irq-router.ts';
import { IrqSpy } from '../board.ts';

const MASKED = 0x1_0000;
const LEVEL = 0x8000;
const REMOTE_IRR = 0x4000;
const LOW = 0x2000;
const PENDING = 0x1000;
const PIN = 5;

let sent: ApicMessage[];
let accepting: boolean;
let io: IoApic;
let line: IrqLine;

beforeEach(() => {
  sent = [];
  accepting = true;
  io = new IoApic(m => {
    sent.push(m);
    return accepting;
  });
  line = io.line(PIN);
});

function read(index: number): number {
  io.writeMmio(0, 4, index);
  return io.readMmio(0x10, 4);
}

function write(index: number, value: number): void {
  io.writeMmio(0, 4, index);
  io.writeMmio(0x10, 4, value);
}

const entry = () => read(0x10 + 2 * PIN);
const setEntry = (low: number, high = 0) => {
  write(0x11 + 2 * PIN, high);
  write(0x10 + 2 * PIN, low);
};

describe('registers', () => {
  it('after reset', () => {
    expect([read(0), read(1), read(2)]).toEqual([0, 0x0017_0011, 0]);
    for (let pin = 0; pin < 24; pin++)
      expect([read(0x10 + 2 * pin), read(0x11 + 2 * pin)]).toEqual([MASKED, 0]);
    expect(read(0x40)).toBe(0);
  });

  it('keep the bits that they have', () => {
    write(0, 0xffff_ffff);
    expect([read(0), read(2)]).toEqual([0x0f00_0000, 0x0f00_0000]);
    write(1, 0);
    expect(read(1)).toBe(0x0017_0011);
    accepting = false;
    setEntry(0xffff_ffff, 0xffff_ffff);
    expect([entry(), read(0x11 + 2 * PIN)]).toEqual([0x1_afff, 0xff00_0000]);
  });

  it('the window takes dwords only', () => {
    setEntry(MASKED | 0x45);
    io.writeMmio(0, 1, 0x10 + 2 * PIN);
    io.writeMmio(0x10, 1, 0x99);
    expect([io.readMmio(0, 1), io.readMmio(0x10, 2), io.readMmio(0x10, 4)]).toEqual([0x1a, 0, MASKED | 0x45]);
  });
});

describe('edges', () => {
  it('are one message each, of what the entry says', () => {
    setEntry(0x0945, 0x0300_0000);
    line.set(true);
    line.set(true);
    line.set(false);
    line.set(true);
    const m = { destination: 3, logical: true, mode: DELIVERY.lowestPriority, vector: 0x45, level: false };
    expect(sent).toEqual([m, m]);
    expect(entry()).toBe(0x0945);
  });

  it('are falling ones on a pin that is active low', () => {
    line.set(true);
    setEntry(LOW | 0x45);
    expect(sent.length).toBe(0);
    line.set(false);
    expect(sent.length).toBe(1);
  });

  it('are lost on a masked pin', () => {
    line.set(true);
    setEntry(0x45);
    expect(sent.length).toBe(0);
  });

  it('carry NMI, INIT and ExtINT, whatever the trigger mode', () => {
    for (const mode of [DELIVERY.nmi, DELIVERY.init, DELIVERY.extInt]) {
      setEntry(LEVEL | (mode << 8));
      line.set(true);
      line.set(false);
      expect(io.pinsMayWake()).toBe(mode !== DELIVERY.extInt);
    }
    expect(sent.map(m => [m.mode, m.level])).toEqual([
      [DELIVERY.nmi, false],
      [DELIVERY.init, false],
      [DELIVERY.extInt, false],
    ]);
  });
});

describe('levels', () => {
  it('are sent once until EOI, and again while they last', () => {
    line.set(true);
    setEntry(LEVEL | 0x45);
    expect([sent.length, entry()]).toEqual([1, LEVEL | REMOTE_IRR | 0x45]);
    expect(sent[0].level).toBe(true);
    io.endOfInterrupt(0x46);
    expect(sent.length).toBe(1);
    io.endOfInterrupt(0x45);
    expect([sent.length, entry()]).toEqual([2, LEVEL | REMOTE_IRR | 0x45]);
    line.set(false);
    io.endOfInterrupt(0x45);
    expect([sent.length, entry()]).toEqual([2, LEVEL | 0x45]);
  });

  it('are low on a pin that is active low', () => {
    setEntry(LEVEL | LOW | 0x45);
    expect(sent.length).toBe(1);
    line.set(true);
    io.endOfInterrupt(0x45);
    expect(sent.length).toBe(1);
    line.set(false);
    expect(sent.length).toBe(2);
  });

  it('that nobody takes stay pending until somebody does', () => {
    accepting = false;
    setEntry(LEVEL | 0x45);
    line.set(true);
    expect(entry()).toBe(LEVEL | PENDING | 0x45);
    accepting = true;
    io.retry();
    io.retry();
    expect([sent.length, entry()]).toEqual([2, LEVEL | REMOTE_IRR | 0x45]);
  });

  it('wait while masked; an entry made edge-triggered forgets its remote IRR', () => {
    line.set(true);
    setEntry(LEVEL | MASKED | 0x45);
    expect(sent.length).toBe(0);
    setEntry(LEVEL | 0x45);
    setEntry(MASKED | 0x45);
    setEntry(LEVEL | 0x45);
    expect(sent.length).toBe(2);
  });

  it('are the OR of what is wired to a pin', () => {
    const other = io.line(PIN);
    setEntry(LEVEL | 0x45);
    line.set(true);
    other.set(true);
    line.set(false);
    io.endOfInterrupt(0x45);
    expect(sent.length).toBe(2);
    other.set(false);
    io.endOfInterrupt(0x45);
    expect(sent.length).toBe(2);
  });
});

it('a snapshot holds all of it; one of another machine is refused', () => {
  write(0, 0x0200_0000);
  line.set(true);
  setEntry(LEVEL | 0x45, 0x0100_0000);
  const saved = structuredClone(io.save());
  const other = new IoApic(() => true);
  expect(() => other.load(saved)).toThrow('another machine');
  other.line(PIN);
  other.load(structuredClone(saved));
  expect(other.save()).toEqual(saved);
});

it('the router gives a line to both controllers, IRQ 0 to pin 2', () => {
  const pic = [new IrqSpy(), new IrqSpy()];
  const pins = Array.from({ length: 16 }, () => new IrqSpy());
  const router = new IrqRouter({ line: n => pic[n] }, { line: n => pins[n] });
  router.line(0).set(true);
  router.line(1).set(true);
  expect(pic.map(p => p.level)).toEqual([true, true]);
  expect(pins.flatMap((p, n) => (p.level ? [n] : []))).toEqual([1, 2]);
});
