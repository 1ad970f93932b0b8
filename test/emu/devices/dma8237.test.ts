/** The DMA controllers by the 8237A data sheet and the PC/AT's wiring. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { DmaChannel, DmaDevice } from '../../../emu/devices/dma8237.ts';
import { IsaDma } from '../../../emu/devices/isa-dma.ts';
import { io, TestClock } from './board.ts';

const HZ = 1_000_000_000;
/** Ticks of a transfer of five clocks of 240 ns, rounded up. */
const TRANSFER = 4800;
const PAGE = { 0: 0x87, 1: 0x83, 2: 0x81, 3: 0x82, 5: 0x8b, 6: 0x89, 7: 0x8a } as const;

let clock: TestClock;
let memory: Uint8Array;
let dma: IsaDma;
let bus: ReturnType<typeof io>;

beforeEach(() => {
  clock = new TestClock(HZ);
  memory = new Uint8Array(1 << 20);
  dma = new IsaDma(clock, {
    read: (pa, into) => into.set(memory.subarray(pa, pa + into.length)),
    write: (pa, from) => memory.set(from, pa),
  });
  bus = io(dma);
});

/** A device that counts up what it gives and keeps what it gets, and asks for `wanted` values. */
class Fake implements DmaDevice {
  readonly got: number[] = [];
  ends = 0;
  given = 0;
  wanted = Number.POSITIVE_INFINITY;
  channel: DmaChannel | undefined;

  read(): number {
    this.moved();
    return ++this.given;
  }

  write(value: number): void {
    this.got.push(value);
    this.moved();
  }

  terminalCount(): void {
    this.ends++;
  }

  private moved(): void {
    if (--this.wanted <= 0) this.channel?.request(false);
  }
}

function attach(channel: number): Fake {
  const device = new Fake();
  device.channel = dma.connect(channel, device);
  return device;
}

/** Programs a byte channel as a driver does; `count` is in transfers. */
function program(channel: 0 | 1 | 2 | 3, mode: number, address: number, count: number): void {
  bus.out(0x0a, 4 | channel);
  bus.out(0x0c, 0);
  bus.out(0x0b, mode | channel);
  bus.out(2 * channel, address & 0xff, (address >> 8) & 0xff);
  bus.out(PAGE[channel], address >> 16);
  bus.out(2 * channel + 1, (count - 1) & 0xff, (count - 1) >> 8);
  bus.out(0x0a, channel);
}

function readWord(port: number): number {
  bus.out(0x0c, 0);
  const low = bus.in(port);
  return low | (bus.in(port) << 8);
}

describe('a byte channel', () => {
  it('writes what the device gives, one transfer after another, and ends at the terminal count', () => {
    const device = attach(2);
    program(2, 0x44, 0x4_1234, 3);
    device.channel?.request(true);
    clock.run(TRANSFER - 1);
    expect(memory[0x4_1234]).toBe(0);
    clock.run(1);
    expect(Array.from(memory.subarray(0x4_1234, 0x4_1238))).toEqual([1, 0, 0, 0]);
    expect([readWord(4), readWord(5)]).toEqual([0x1235, 1]);
    clock.run(10 * TRANSFER);
    expect(Array.from(memory.subarray(0x4_1234, 0x4_1238))).toEqual([1, 2, 3, 0]);
    expect([device.ends, readWord(4), readWord(5)]).toEqual([1, 0x1237, 0xffff]);
    expect([bus.in(0x08), bus.in(0x08), bus.in(0x0f)]).toEqual([0x44, 0x40, 0xff]);
  });

  it('reads memory for the device, downwards, as far as the device asks', () => {
    memory.set([1, 2, 3, 4], 0x2_0000);
    const device = attach(1);
    device.wanted = 2;
    program(1, 0x28 /* demand, down, read */, 0x2_0003, 4);
    device.channel?.request(true);
    clock.run(10 * TRANSFER);
    expect([device.got, readWord(3), bus.in(0x08)]).toEqual([[4, 3], 1, 0]);
    device.wanted = Number.POSITIVE_INFINITY;
    device.channel?.request(true);
    clock.run(10 * TRANSFER);
    expect([device.got, device.ends]).toEqual([[4, 3, 2, 1], 1]);
  });

  it('wraps within its page of 64 KiB', () => {
    const device = attach(3);
    program(3, 0x44, 0x3_ffff, 2);
    device.channel?.request(true);
    clock.run(3 * TRANSFER);
    expect([memory[0x3_ffff], memory[0x3_0000], memory[0x4_0000]]).toEqual([1, 2, 0]);
  });

  it('starts again by itself with autoinitialize', () => {
    const device = attach(1);
    program(1, 0x54, 0x1000, 2);
    device.channel?.request(true);
    clock.run(5 * TRANSFER);
    expect(Array.from(memory.subarray(0x1000, 0x1003))).toEqual([5, 4, 0]);
    expect([device.ends, bus.in(0x0f) & 2]).toEqual([2, 0]);
  });

  it('goes on to the end in block mode though the device lets go', () => {
    const device = attach(1);
    device.wanted = 1;
    program(1, 0x84, 0x1000, 3);
    device.channel?.request(true);
    clock.run(10 * TRANSFER);
    expect([device.given, device.ends]).toEqual([3, 1]);
  });

  it('moves nothing in a verify transfer, and counts', () => {
    const device = attach(1);
    program(1, 0x40, 0x1000, 2);
    device.channel?.request(true);
    clock.run(10 * TRANSFER);
    expect([device.given, device.ends, memory[0x1000], readWord(2)]).toEqual([0, 1, 0, 0x1002]);
  });

  it('waits while masked, while the controller is off, and while in cascade mode', () => {
    const device = attach(1);
    program(1, 0x44, 0x1000, 2);
    bus.out(0x0a, 5);
    device.channel?.request(true);
    clock.run(10 * TRANSFER);
    expect([device.given, bus.in(0x08)]).toEqual([0, 0x20]);
    bus.out(0x08, 4);
    bus.out(0x0e, 0);
    clock.run(10 * TRANSFER);
    expect(device.given).toBe(0);
    bus.out(0x0b, 0xc1);
    bus.out(0x08, 0);
    clock.run(10 * TRANSFER);
    expect(device.given).toBe(0);
    bus.out(0x0b, 0x45);
    clock.run(10 * TRANSFER);
    expect(device.given).toBe(2);
  });

  it('serves the lowest number first, or each in turn', () => {
    const order: number[] = [];
    const channels = [1, 3].map(n => dma.connect(n, { read: () => order.push(n) }));
    const go = (command: number) => {
      bus.out(0x08, command);
      program(1, 0x44, 0x1000, 3);
      program(3, 0x44, 0x2000, 3);
      for (const channel of channels) channel.request(true);
      clock.run(10 * TRANSFER);
      for (const channel of channels) channel.request(false);
    };
    go(0);
    expect(order.splice(0)).toEqual([1, 1, 1, 3, 3, 3]);
    go(0x10);
    expect(order).toEqual([1, 3, 1, 3, 1, 3]);
  });
});

describe('a word channel', () => {
  it('moves words within 128 KiB at twice its address', () => {
    const device = attach(5);
    bus.out(0xd4, 5);
    bus.out(0xd8, 0);
    bus.out(0xd6, 0x45);
    bus.out(0xc4, 0x34, 0x12);
    bus.out(0x8b, 0x03); // bit 0 is not used
    bus.out(0xc6, 0x01, 0x00);
    bus.out(0xd4, 1);
    device.given = 0x1233;
    device.channel?.request(true);
    clock.run(3 * TRANSFER);
    expect(Array.from(memory.subarray(0x2_2468, 0x2_246e))).toEqual([0x34, 0x12, 0x35, 0x12, 0, 0]);
  });

  it('is not number 4, which cascades', () => {
    expect(() => dma.connect(4, {})).toThrow(RangeError);
    expect(() => dma.connect(8, {})).toThrow(RangeError);
  });
});

describe('the registers', () => {
  it('copy memory to memory through the temporary register', () => {
    memory.set([9, 8, 7], 0x1_0000);
    bus.out(0x08, 1);
    program(0, 0x88, 0x1_0000, 1);
    program(1, 0x84, 0x2_0000, 3);
    bus.out(0x09, 4);
    clock.run(3 * 8 * 960);
    expect(Array.from(memory.subarray(0x2_0000, 0x2_0004))).toEqual([9, 8, 7, 0]);
    expect([bus.in(0x0d), bus.in(0x08)]).toEqual([7, 2]);
    bus.out(0x08, 3); // channel 0 holds its address: fills
    program(0, 0x88, 0x1_0001, 1);
    program(1, 0x84, 0x3_0000, 3);
    bus.out(0x09, 4);
    clock.run(3 * 8 * 960);
    expect(Array.from(memory.subarray(0x3_0000, 0x3_0004))).toEqual([8, 8, 8, 0]);
  });

  it('are in the state of a reset after master clear', () => {
    const device = attach(1);
    program(1, 0x44, 0x1000, 2);
    bus.out(0x02, 0x55); // leaves the flip-flop high
    bus.out(0x0d, 0);
    device.channel?.request(true);
    clock.run(10 * TRANSFER);
    expect([device.given, bus.in(0x0f)]).toEqual([0, 0xff]);
    bus.out(0x02, 0x78, 0x56);
    expect([bus.in(0x02), bus.in(0x02)]).toEqual([0x78, 0x56]);
  });

  it('of the pages are memory, that of POST codes too', () => {
    for (let port = 0x80; port < 0x90; port++) bus.out(port, port);
    for (let port = 0x80; port < 0x90; port++) expect(bus.in(port)).toBe(port);
  });

  it('come back from a saved state in the middle of a transfer', () => {
    const device = attach(1);
    program(1, 0x44, 0x1000, 4);
    device.channel?.request(true);
    clock.run(TRANSFER);
    const saved = structuredClone(dma.save());
    const other = new IsaDma(clock, { read: () => {}, write: () => {} });
    other.load(saved);
    expect(other.save()).toEqual(saved);
    expect(io(other).in(0x83)).toBe(0);
    expect(saved.chips[0].channels[1]).toMatchObject({
      address: 0x1001,
      count: 2,
      hardware: true,
      masked: false,
    });
  });
});
