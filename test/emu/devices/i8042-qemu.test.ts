/**
 * The keyboard controller, keyboard and mouse against QEMU's, under random commands. Skipped when QEMU is not
 * installed. QEMU's answers are there at once, so ours get the time they need before anything is read.
 *
 * Kept out, because QEMU leaves the references there: the system flag (QEMU keeps it apart from the command byte) and the
 * command bit of the status (QEMU's is always set), bit 7 of the command byte, and the keyboard's command FE and arguments that are commands.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { I8042 } from '../../../emu/devices/i8042.ts';
import { IrqSpy, TestClock } from './board.ts';
import { installed, Qtest, random } from './qtest.ts';

const HZ = 1_000_000_000;
const ROUNDS = 3000;
const OBF = 1;
const SYSTEM_FLAG = 4;
const STATUS_SEEN = 0xff & ~(SYSTEM_FLAG | 8);
const COMMAND_BYTE = 0x03;

let clock: TestClock;
let twin: Qtest;

beforeEach(() => {
  clock = new TestClock(HZ);
  twin = new Qtest(new I8042(clock, { keyboardIrq: new IrqSpy(), mouseIrq: new IrqSpy() }));
  command(0xaa);
  command(0x60, COMMAND_BYTE);
});

/** Time for everything that is under way, self-tests too. */
function settle(): void {
  clock.run(4 * HZ);
}

/** Reads status and data until ours is empty, and the status once more. */
function drain(seen = 0xff): void {
  settle();
  for (let n = 0; twin.in(0x64, STATUS_SEEN) & OBF; n++) {
    if (n > 20) throw new Error('no end of bytes');
    twin.in(0x60, seen);
    settle();
  }
}

function command(value: number, ...data: number[]): void {
  twin.out(0x64, value);
  settle();
  for (const byte of data) {
    twin.out(0x60, byte);
    settle();
  }
  drain();
}

function toKeyboard(...values: number[]): void {
  for (const value of values) {
    twin.out(0x60, value);
    drain();
  }
}

function toMouse(...values: number[]): void {
  for (const value of values) command(0xd4, value);
}

type Next = (n: number) => number;

const CONTROLLER: ((next: Next) => void)[] = [
  next => command(0x60, (next(4) ? 0 : 0x40) | next(4) | (8 * next(2))),
  () => {
    twin.out(0x64, 0x20);
    drain(0xff & ~SYSTEM_FLAG);
  },
  next => command(0xa7 + next(2)),
  next => command(0xad + next(2)),
  next => command([0xa9, 0xaa, 0xab, 0xc0][next(4)]),
  next => command(0xd1, 0xcd | (2 * next(2))),
  next => command(next(2) ? 0xdd : 0xdf),
  () => command(0xd0),
  next => command(0xd2 + next(2), next(256)),
  next => command(0xf1 + 2 * next(8)),
];

const KEYBOARD: ((next: Next) => void)[] = [
  next => toKeyboard(0xed, next(8)),
  () => toKeyboard(0xee),
  next => toKeyboard(0xf0, next(4)),
  () => toKeyboard(0xf2),
  next => toKeyboard(0xf3, next(128)),
  next => toKeyboard(0xf4 + next(3)),
  () => toKeyboard(0xff),
  next => toKeyboard(1 + next(0xec)), // QEMU acknowledges 0
];

const MOUSE: ((next: Next) => void)[] = [
  next => toMouse(0xe6 + next(2)),
  next => toMouse(0xe8, next(4)),
  () => toMouse(0xe9),
  next => toMouse(0xea + next(2)),
  next => toMouse(0xee, next(0xec), 0xec),
  () => toMouse(0xf0),
  () => toMouse(0xf2),
  next => toMouse(0xf3, [10, 20, 40, 60, 80, 100][next(6)]),
  next => toMouse(0xf4 + next(3)),
  () => toMouse(0xff),
];

describe.skipIf(!installed)('like QEMU (skipped without QEMU)', () => {
  for (const [name, list] of Object.entries({ controller: CONTROLLER, keyboard: KEYBOARD, mouse: MOUSE }))
    it(`the ${name} answers to random commands`, async () => {
      const next = random(0x2468ace);
      for (let i = 0; i < ROUNDS; i++) {
        if (list === KEYBOARD && next(8) === 0) command(0x60, COMMAND_BYTE | (next(2) ? 0x40 : 0));
        list[next(list.length)](next);
      }
      expect(await twin.compare()).toBeGreaterThan(ROUNDS);
    });
});
