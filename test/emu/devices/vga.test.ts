/** The VGA's registers, memory and beam by IBM's reference, and the screen as text. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Vga } from '../../../emu/devices/vga.ts';
import { VgaText } from '../../../emu/devices/vga-text.ts';
import { io, TestClock } from './board.ts';

const HZ = 1_000_000_000;
const TEXT = 0x1_8000;

let clock: TestClock;
let vga: Vga;
let text: VgaText;
let bus: ReturnType<typeof io>;

beforeEach(() => {
  clock = new TestClock(HZ);
  vga = new Vga(clock);
  text = new VgaText(vga);
  bus = io(vga);
});

function print(row: number, column: number, line: string): void {
  for (let i = 0; i < line.length; i++)
    vga.memory.writeMmio(TEXT + 2 * (row * 80 + column + i), 2, line.charCodeAt(i) | 0x1e00);
}

function crtc(index: number, value: number): void {
  bus.out(0x3d4, index);
  bus.out(0x3d5, value);
}

/** The registers for loading a font into plane 2, and back to text. */
function openFont(): void {
  for (const [port, index, value] of [
    [0x3c4, 2, 4],
    [0x3c4, 4, 7],
    [0x3ce, 4, 2],
    [0x3ce, 5, 0],
    [0x3ce, 6, 4],
  ]) {
    bus.out(port, index);
    bus.out(port + 1, value);
  }
}

function closeFont(): void {
  for (const [port, index, value] of [
    [0x3c4, 2, 3],
    [0x3c4, 4, 2],
    [0x3ce, 4, 0],
    [0x3ce, 5, 0x10],
    [0x3ce, 6, 0x0e],
  ]) {
    bus.out(port, index);
    bus.out(port + 1, value);
  }
}

describe('the screen as text', () => {
  it('is blank at first, 80 by 25, with the cursor in the corner', () => {
    expect(text.screen()).toEqual(Array(25).fill(' '.repeat(80)));
    expect(text.cursor()).toEqual({ row: 0, column: 0, visible: true });
    expect(text.attributeAt(24, 79)).toBe(7);
  });

  it('shows what the CPU writes, by code page 437', () => {
    print(0, 0, 'Hello');
    print(24, 79, '\xdb');
    print(1, 0, '\x01\x80\xe1\xff\x00');
    const screen = text.screen();
    expect(screen[0].trimEnd()).toBe('Hello');
    expect(screen[24].trimStart()).toBe('█');
    expect(screen[1].slice(0, 5)).toBe('☺Çß\u00a0 ');
    expect(text.attributeAt(0, 4)).toBe(0x1e);
    expect(vga.memory.readMmio(TEXT, 4)).toBe(0x1e651e48);
  });

  it('follows start address, cursor, width and height', () => {
    print(1, 0, 'second');
    crtc(0x0c, 0);
    crtc(0x0d, 80);
    crtc(0x0e, 0);
    crtc(0x0f, 163);
    expect(text.screen()[0].trimEnd()).toBe('second');
    expect(text.cursor()).toEqual({ row: 1, column: 3, visible: true });
    crtc(0x0a, 0x20);
    expect(text.cursor()?.visible).toBe(false);
    crtc(0x0f, 0);
    expect(text.cursor()).toBeNull();
    crtc(0x09, 0x47); // rows of 8 lines
    expect([text.rows(), text.columns(), text.screen().length]).toEqual([50, 80, 50]);
    crtc(0x11, 0x0e);
    crtc(0x01, 39);
    crtc(0x13, 20);
    expect([text.columns(), text.screen()[1].length]).toEqual([40, 40]);
  });

  it('is nothing in a graphics mode', () => {
    bus.in(0x3da);
    bus.out(0x3c0, 0x30, 0x01);
    expect([text.isText(), text.screen()]).toEqual([false, []]);
  });

  it('wraps at the end of a plane', () => {
    crtc(0x0c, 0x7f);
    crtc(0x0d, 0xff);
    print(0, 0, 'x');
    expect(text.screen()[0].slice(1, 2)).toBe('x');
  });
});

describe('memory', () => {
  it('keeps the text apart from a font that is loaded meanwhile', () => {
    print(0, 0, 'text');
    openFont();
    for (let i = 0; i < 0x2000; i++) vga.memory.writeMmio(i, 1, i & 0xff);
    expect(vga.memory.readMmio(0x1234, 1)).toBe(0x34);
    expect(vga.memory.readMmio(TEXT, 1)).toBe(0xff);
    closeFont();
    expect(text.screen()[0].trimEnd()).toBe('text');
    expect([vga.memory.peek(2, 0x41), vga.memory.peek(3, 0x41)]).toEqual([0x41, 0]);
  });

  it('answers only in the window that the graphics controller opens', () => {
    const seen = (map: number) => {
      bus.out(0x3ce, 6);
      bus.out(0x3cf, (map << 2) | 2);
      return [0, 0x8000, 0x1_0000, 0x1_7fff, 0x1_8000, 0x1_ffff].map(
        at => vga.memory.readMmio(at, 1) !== 0xff,
      );
    };
    expect(seen(0)).toEqual([true, true, true, true, true, true]);
    expect(seen(1)).toEqual([true, true, false, false, false, false]);
    expect(seen(2)).toEqual([false, false, true, true, false, false]);
    expect(seen(3)).toEqual([false, false, false, false, true, true]);
    bus.out(0x3c2, 0x65); // memory off
    expect(seen(3)).toEqual(Array(6).fill(false));
  });

  it('writes and reads in every mode of the graphics controller', () => {
    const set = (index: number, value: number) => {
      bus.out(0x3ce, index);
      bus.out(0x3cf, value);
    };
    const planes = (at: number) => [0, 1, 2, 3].map(plane => vga.memory.peek(plane, at));
    openFont();
    bus.out(0x3c4, 2);
    bus.out(0x3c5, 15);
    // Mode 0 with set/reset in planes 0 and 1, and a rotation.
    set(0, 0b0101);
    set(1, 0b0011);
    set(3, 4);
    vga.memory.writeMmio(0, 1, 0x1f);
    expect(planes(0)).toEqual([0xff, 0, 0xf1, 0xf1]);
    // Mode 1 copies the latches.
    vga.memory.readMmio(0, 1);
    set(5, 1);
    vga.memory.writeMmio(1, 1, 0);
    expect(planes(1)).toEqual([0xff, 0, 0xf1, 0xf1]);
    // Mode 2 with a bit mask, XORed into the latches.
    set(3, 0x18);
    set(5, 2);
    set(8, 0x0f);
    vga.memory.writeMmio(2, 1, 0b0110);
    expect(planes(2)).toEqual([0xff, 0x0f, 0xfe, 0xf1]);
    // Mode 3: the byte is a further mask for set/reset.
    set(3, 0);
    set(5, 3);
    vga.memory.writeMmio(3, 1, 0x3c);
    expect(planes(3)).toEqual([0xff, 0, 0xfd, 0xf1]);
    // Read mode 1: where the planes that count equal the colour.
    set(5, 8);
    set(2, 0b1101);
    set(7, 0b1011);
    expect(vga.memory.readMmio(3, 1)).toBe(0xf1);
  });

  it('takes the plane from the address in chain-4', () => {
    openFont();
    bus.out(0x3c4, 2);
    bus.out(0x3c5, 15);
    bus.out(0x3c4, 4);
    bus.out(0x3c5, 0x0e);
    vga.memory.writeMmio(8, 4, 0x44332211);
    expect([0, 1, 2, 3].map(plane => vga.memory.peek(plane, 8))).toEqual([0x11, 0x22, 0x33, 0x44]);
    expect([vga.memory.readMmio(9, 1), vga.memory.fetchMmio(11)]).toEqual([0x22, 0x44]);
  });

  it('is fetched without touching the latches', () => {
    openFont();
    bus.out(0x3c4, 2);
    bus.out(0x3c5, 15);
    vga.memory.writeMmio(0, 1, 0x11);
    vga.memory.writeMmio(1, 1, 0x22);
    vga.memory.readMmio(0, 1);
    expect(vga.memory.fetchMmio(1)).toBe(0x22);
    bus.out(0x3ce, 5);
    bus.out(0x3cf, 1);
    vga.memory.writeMmio(2, 1, 0);
    expect(vga.memory.peek(0, 2)).toBe(0x11);
  });
});

describe('registers', () => {
  it('of the attribute controller take index and data in turn', () => {
    bus.in(0x3da);
    bus.out(0x3c0, 0x11, 0x3f, 0x12, 0x0a);
    bus.in(0x3da);
    bus.out(0x3c0, 0x11);
    expect([bus.in(0x3c0), bus.in(0x3c1)]).toEqual([0x11, 0x3f]);
    bus.in(0x3da);
    bus.out(0x3c0, 0x12);
    expect(bus.in(0x3c1)).toBe(0x0a);
  });

  it('of the CRT controller are at 3Dx or 3Bx, and the first eight can be protected', () => {
    crtc(0x0f, 0x12);
    expect([bus.in(0x3d5), bus.in(0x3b5)]).toEqual([0x12, 0xff]);
    bus.out(0x3c2, 0x66);
    expect([bus.in(0x3d5), bus.in(0x3b5)]).toEqual([0xff, 0x12]);
    bus.out(0x3c2, 0x67);
    crtc(0x00, 0x11); // protected by bit 7 of register 11
    crtc(0x07, 0x00);
    bus.out(0x3d4, 0);
    expect(bus.in(0x3d5)).toBe(0x5f);
    bus.out(0x3d4, 7);
    expect(bus.in(0x3d5)).toBe(0x0f);
    crtc(0x11, 0x0e);
    crtc(0x00, 0x11);
    bus.out(0x3d4, 0);
    expect(bus.in(0x3d5)).toBe(0x11);
  });

  it('of the palette count on, and a colour counts with its third part', () => {
    bus.out(0x3c8, 254);
    bus.out(0x3c9, 1, 2, 0xff, 4, 5, 6, 7, 8);
    expect([bus.in(0x3c7), bus.in(0x3c8)]).toEqual([0, 0]);
    bus.out(0x3c7, 254);
    expect(bus.in(0x3c7)).toBe(3);
    expect(Array.from({ length: 8 }, () => bus.in(0x3c9))).toEqual([1, 2, 0x3f, 4, 5, 6, 0, 0]);
  });

  it('come back from a saved state', () => {
    print(3, 4, 'saved');
    crtc(0x0f, 77);
    bus.in(0x3da);
    bus.out(0x3c0, 0x13);
    bus.out(0x3c9, 1, 2);
    const saved = structuredClone(vga.save());
    const other = new Vga(clock);
    other.load(saved);
    expect(other.save()).toEqual(saved);
    expect(new VgaText(other).screen()[3].trim()).toBe('saved');
    io(other).out(0x3c0, 5);
    expect(other.attribute[0x13]).toBe(5);
  });
});

describe('the beam', () => {
  /** Dots of a line and lines of a frame in mode 3: 100 characters of 9 dots, 449 lines, at 28.322 MHz. */
  const LINE = (900 / 28_322_000) * HZ * 4;

  it('retraces once in a frame of 14.3 ms, for two lines, while nothing is displayed', () => {
    const samples: number[] = [];
    for (let n = 0; n < 449; n++) {
      samples.push(bus.in(0x3da) & 9);
      clock.runTo(Math.ceil((n + 1) * LINE) + 100);
    }
    expect(samples.slice(0, 400).every(s => s === 0)).toBe(true);
    expect(samples.slice(400).every(s => (s & 1) === 1)).toBe(true);
    expect(samples.flatMap((s, line) => (s & 8 ? [line] : []))).toEqual([412, 413]);
  });

  it('is off to the right of the 80 characters', () => {
    clock.runTo(Math.ceil(LINE * 0.79));
    expect(bus.in(0x3da) & 1).toBe(0);
    clock.runTo(Math.ceil(LINE * 0.81));
    expect(bus.in(0x3da) & 1).toBe(1);
    clock.runTo(Math.ceil(LINE * 1.01));
    expect(bus.in(0x3da) & 1).toBe(0);
  });
});
