/**
 * The VGA's registers and memory against QEMU's, under random accesses. Skipped when QEMU is not installed.
 *
 * Kept out, because QEMU leaves the reference there: the DAC mask (0x3C6), 0x3C3, registers that do not exist, a read
 * of 0x3C0 between index and data, the order of bytes between the planes when odd/even or chain-4 memory is
 * read in another mode (QEMU halves the address), and colour compare with odd/even.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { Vga } from '../../../emu/devices/vga.ts';
import { TestClock } from './board.ts';
import { installed, Qtest, random } from './qtest.ts';

const ROUNDS = 20_000;
const WINDOW = 0xa_0000;

let vga: Vga;
let twin: Qtest;
let next: (n: number) => number;

/** A register behind an index port. */
function set(index: number, register: number, value: number): void {
  twin.out(index, register);
  twin.out(index + 1, value);
}

function write(offset: number, value: number): void {
  vga.memory.writeMmio(offset, 1, value);
  twin.say(`writeb 0x${(WINDOW + offset).toString(16)} 0x${value.toString(16)}`);
}

function read(offset: number): void {
  twin.say(`readb 0x${(WINDOW + offset).toString(16)}`, vga.memory.readMmio(offset, 1), 0xff);
}

/** Each file: index port, number of registers. */
const FILES = [
  [0x3c4, 5],
  [0x3ce, 9],
  [0x3d4, 0x19],
] as const;

function attribute(register: number, value: number): void {
  twin.in(0x3da, 0);
  twin.out(0x3c0, register, value);
}

beforeEach(() => {
  vga = new Vga(new TestClock(1_000_000_000));
  twin = new Qtest(vga);
  next = random(0xbeef);
  vga.powerOn();
  twin.out(0x3c2, 0x67);
});

describe.skipIf(!installed)('like QEMU (skipped without QEMU)', () => {
  it('registers read back what random writes leave', async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const [port, count] = FILES[next(3)];
      const kind = next(10);
      if (kind < 3) set(port, next(count), next(256));
      else if (kind < 5) {
        twin.out(port, next(count));
        twin.in(port + 1);
        twin.in(port);
      } else if (kind === 5) attribute(next(21), next(256));
      else if (kind === 6) {
        twin.in(0x3da, 0);
        twin.out(0x3c0, next(21));
        twin.in(0x3c1);
      } else if (kind === 7) twin.out(0x3c7 + next(2), next(256));
      else if (kind === 8)
        twin.out(0x3c9, next(64), next(64), next(64)); // QEMU keeps eight bits
      else for (const port of [0x3c7, 0x3c8, 0x3c9, 0x3c9, 0x3c9, 0x3cc]) twin.in(port);
    }
    expect(await twin.compare('-device', 'isa-vga')).toBeGreaterThan(ROUNDS / 2);
  });

  it('planes hold what random writes in every mode leave', async () => {
    set(0x3c4, 4, 6);
    set(0x3ce, 6, 5);
    set(0x3ce, 8, 0xff);
    set(0x3c4, 2, 15);
    for (let at = 0; at < 64; at++) write(at, 0);
    for (let i = 0; i < ROUNDS; i++) {
      const kind = next(4);
      if (kind === 0) set(0x3c4, 2, next(16));
      else if (kind === 1) {
        const register = next(8);
        // No odd/even, and no shift modes; then bit mask in place of the memory map.
        if (register === 5) set(0x3ce, 5, next(16) & 0x0b);
        else set(0x3ce, register === 6 ? 8 : register, next(256));
      } else if (kind === 2) write(next(64), next(256));
      else read(next(64));
    }
    expect(await twin.compare('-device', 'isa-vga')).toBeGreaterThan(ROUNDS / 5);
  });

  it('text is kept while fonts are loaded', async () => {
    const text = () => {
      for (const [port, register, value] of [
        [0x3c4, 2, 3],
        [0x3c4, 4, 2],
        [0x3ce, 4, 0],
        [0x3ce, 5, 0x10],
        [0x3ce, 6, 0x0e],
        [0x3ce, 8, 0xff],
      ])
        set(port, register, value);
    };
    text();
    for (let at = 0; at < 0x8000; at += 7) write(0x1_8000 + at, at & 0xff);
    for (const [port, register, value] of [
      [0x3c4, 2, 4],
      [0x3c4, 4, 6],
      [0x3ce, 4, 2],
      [0x3ce, 5, 0],
      [0x3ce, 6, 4],
    ])
      set(port, register, value);
    for (let at = 0; at < 0x2000; at++) write(at, (at * 37) & 0xff);
    for (let at = 0; at < 0x2000; at += 5) read(at);
    read(0x1_8000); // outside the window
    text();
    for (let at = 0; at < 0x8000; at += 7) read(0x1_8000 + at);
    expect(await twin.compare('-device', 'isa-vga')).toBeGreaterThan(5000);
  });
});
