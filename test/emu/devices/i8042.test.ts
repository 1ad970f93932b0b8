/** The keyboard controller by the PS/2 Hardware Interface Technical Reference, at the time that frames take. */
import { beforeEach, describe, expect, it } from 'vitest';
import { I8042 } from '../../../emu/devices/i8042.ts';
import { IrqSpy, io, TestClock } from './board.ts';

const HZ = 1_000_000_000;
const US = 4000;
const MS = 1000 * US;
const OBF = 1;
const IBF = 2;
const AUX = 0x20;

let clock: TestClock;
let kbd: I8042;
let irq1: IrqSpy;
let irq12: IrqSpy;
let events: string[];
let bus: ReturnType<typeof io>;

function build(): void {
  clock = new TestClock(HZ);
  irq1 = new IrqSpy(clock);
  irq12 = new IrqSpy(clock);
  events = [];
  kbd = new I8042(clock, {
    keyboardIrq: irq1,
    mouseIrq: irq12,
    onA20: on => events.push(on ? 'a20 on' : 'a20 off'),
    onReset: () => events.push('reset'),
    onUnknown: command => events.push(`unknown ${command.toString(16)}`),
  });
  bus = io(kbd);
}

/** Waits for the input buffer to empty, as a driver does. */
function settle(): void {
  for (let n = 0; bus.in(0x64) & IBF; n++) {
    if (n > 1000) throw new Error('the input buffer stays full');
    clock.run(10 * US);
  }
}

function command(value: number, ...data: number[]): void {
  bus.out(0x64, value);
  settle();
  for (const byte of data) {
    bus.out(0x60, byte);
    settle();
  }
}

/** All bytes that come within `ms`, each read as soon as it is there; the mouse's with 0x100. */
function bytes(ms = 20): number[] {
  const seen: number[] = [];
  for (let n = 0; n < ms * 50; n++) {
    const status = bus.in(0x64);
    if (status & OBF) seen.push(bus.in(0x60) | (status & AUX ? 0x100 : 0));
    clock.run(20 * US);
  }
  return seen;
}

function toKeyboard(...values: number[]): number[] {
  const seen: number[] = [];
  for (const value of values) {
    bus.out(0x60, value);
    settle();
    seen.push(...bytes());
  }
  return seen;
}

function toMouse(...values: number[]): number[] {
  const seen: number[] = [];
  for (const value of values) {
    command(0xd4, value);
    seen.push(...bytes().map(v => v - 0x100));
  }
  return seen;
}

beforeEach(build);

describe('the controller', () => {
  it('is as a BIOS leaves it, and an empty buffer gives its last byte again', () => {
    expect(bus.in(0x64)).toBe(0x1c);
    command(0x20);
    expect([bus.in(0x64), bus.in(0x60), bus.in(0x60), bus.in(0x64)]).toEqual([0x1d, 0x65, 0x65, 0x1c]);
  });

  it('shows IBF until it has taken the byte, and whether that was a command', () => {
    bus.out(0x64, 0xae);
    expect(bus.in(0x64) & 0x0a).toBe(0x0a);
    clock.run(19 * US);
    expect(bus.in(0x64) & IBF).toBe(IBF);
    clock.run(US);
    expect(bus.in(0x64) & 0x0a).toBe(0x08);
    bus.out(0x60, 0xee);
    expect(bus.in(0x64) & 0x0a).toBe(0x02);
  });

  it('answers its tests, and sets the system flag with the first', () => {
    command(0x60, 0x61);
    expect(bus.in(0x64) & 4).toBe(0);
    for (const [test, result] of [
      [0xaa, 0x55],
      [0xab, 0],
      [0xa9, 0],
      [0xc0, 0x80],
      [0xe0, 1],
    ]) {
      command(test);
      expect([bus.in(0x64) & OBF, bus.in(0x60)], `command ${test.toString(16)}`).toEqual([OBF, result]);
    }
    expect(bus.in(0x64) & 4).toBe(4);
  });

  it('keeps its command byte and its RAM', () => {
    command(0x60, 0xff);
    command(0x65, 0x12);
    command(0x20);
    expect(bus.in(0x60)).toBe(0x7f);
    command(0x25);
    expect(bus.in(0x60)).toBe(0x12);
  });

  it('switches both ports off and on in the command byte', () => {
    const read = () => {
      command(0x20);
      return bus.in(0x60) & 0x30;
    };
    expect(read()).toBe(0x20);
    command(0xad);
    command(0xa8);
    expect(read()).toBe(0x10);
    command(0xae);
    command(0xa7);
    expect(read()).toBe(0x20);
  });

  it('drives A20 from its output port, at once', () => {
    bus.out(0x64, 0xd1);
    bus.out(0x60, 0xdd);
    expect([events, kbd.a20()]).toEqual([['a20 off'], false]);
    command(0xd0);
    expect(bus.in(0x60)).toBe(0xdd & ~0x10);
    bus.out(0x64, 0xdf);
    expect(events).toEqual(['a20 off', 'a20 on']);
    bus.out(0x64, 0xdd);
    expect(kbd.a20()).toBe(false);
  });

  it('resets by a pulse of bit 0 and by the output port, and by no other pulse', () => {
    for (let value = 0xf0; value <= 0xff; value++) bus.out(0x64, value);
    expect(events).toEqual(Array(8).fill('reset'));
    bus.out(0x64, 0xd1);
    bus.out(0x60, 0xfe);
    expect(events.length).toBe(9);
  });

  it('puts bytes into its output buffer as if a device had sent them', () => {
    command(0x60, 0x47);
    command(0xd2, 0x1c);
    expect([bus.in(0x64) & (OBF | AUX), irq1.level, irq12.level]).toEqual([OBF, true, false]);
    expect([bus.in(0x60), irq1.level]).toEqual([0x1c, false]);
    command(0xd3, 0x34);
    expect([bus.in(0x64) & (OBF | AUX), irq1.level, irq12.level]).toEqual([OBF | AUX, false, true]);
    expect([bus.in(0x60), irq12.level]).toEqual([0x34, false]);
  });

  it('holds its answer back while the output buffer is full', () => {
    kbd.keyboard.injectScancodes([0x1c]);
    clock.run(2 * MS);
    command(0x20);
    expect(bus.in(0x60)).toBe(0x1e);
    expect(bus.in(0x64) & OBF).toBe(0);
    clock.run(20 * US);
    expect([bus.in(0x64) & OBF, bus.in(0x60)]).toEqual([OBF, 0x65]);
    expect(irq1.rises().length).toBe(2);
  });

  it('takes two writes in a row in their order', () => {
    bus.out(0x64, 0x60);
    bus.out(0x60, 0x64);
    clock.run(MS);
    command(0x20);
    expect(bus.in(0x60)).toBe(0x64);
  });

  it('says what it does not know', () => {
    command(0xac);
    expect(events).toEqual(['unknown ac']);
  });

  it('starts from power-on with both ports off and both devices testing themselves', () => {
    kbd.powerOn();
    expect(bus.in(0x64)).toBe(0x18);
    command(0x60, 0x03);
    expect(bytes(250)).toEqual([]);
    expect(bytes(60)).toEqual([0xaa, 0x1aa, 0x100]);
  });
});

describe('the keyboard', () => {
  it('sends a key after the time of its frame, in set 1, with an interrupt for each byte', () => {
    kbd.keyboard.pressKeys(['a']);
    clock.run(879 * US);
    expect(bus.in(0x64) & OBF).toBe(0);
    clock.run(2 * US);
    expect([bus.in(0x64) & OBF, irq1.level]).toEqual([OBF, true]);
    expect(bytes(40)).toEqual([0x1e, 0x9e]);
    expect(irq1.rises().length).toBe(2);
  });

  it('sends what the scan code set and translation say', () => {
    const press = (key: string) => {
      kbd.keyboard.pressKeys([key]);
      return bytes(40);
    };
    expect(press('up')).toEqual([0xe0, 0x48, 0xe0, 0xc8]);
    expect(press('pause')).toEqual([0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]);
    expect(press('printscreen')).toEqual([0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa]);
    expect(press('f7')).toEqual([0x41, 0xc1]);
    command(0x60, 0x25);
    expect(press('a')).toEqual([0x1c, 0xf0, 0x1c]);
    expect(press('delete')).toEqual([0xe0, 0x71, 0xe0, 0xf0, 0x71]);
    expect(toKeyboard(0xf0, 1)).toEqual([0xfa, 0xfa]);
    expect(press('right')).toEqual([0xe0, 0x4d, 0xe0, 0xcd]);
    expect(toKeyboard(0xf0, 3)).toEqual([0xfa, 0xfa]);
    expect(press('right')).toEqual([0x6a, 0xf0, 0x6a]);
  });

  it('answers every command that systems use', () => {
    command(0x60, 0x24);
    expect(toKeyboard(0xee)).toEqual([0xee]);
    expect(toKeyboard(0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect(toKeyboard(0xf0, 0)).toEqual([0xfa, 0xfa, 2]);
    expect(toKeyboard(0xf0, 4)).toEqual([0xfa, 0xfe]);
    expect(toKeyboard(0xed, 5)).toEqual([0xfa, 0xfa]);
    expect(kbd.keyboard.leds).toBe(5);
    expect(toKeyboard(0xf3, 0x20, 0xf4, 0xf5, 0xf6, 0xfa)).toEqual(Array(6).fill(0xfa));
    expect(toKeyboard(0xfe)).toEqual([0xfa]);
    expect(toKeyboard(0x01)).toEqual([0xfe]);
    expect(toKeyboard(0xed, 0xee)).toEqual([0xfa, 0xee]);
    expect(toKeyboard(0xfb, 0x1c, 0x1d, 0xf4)).toEqual([0xfa, 0xfa, 0xfa, 0xfa]);
  });

  it('shows its identity through the translation as real ones do', () => {
    expect(toKeyboard(0xf2)).toEqual([0xfa, 0xab, 0x41]);
  });

  it('resets: acknowledges, tests itself for 300 ms, and passes', () => {
    bus.out(0x60, 0xff);
    settle();
    expect(bytes(20)).toEqual([0xfa]);
    expect(bytes(270)).toEqual([]);
    expect(bytes(20)).toEqual([0xaa]);
  });

  it('is silent while scanning is off or its clock is held', () => {
    toKeyboard(0xf5);
    kbd.keyboard.pressKeys(['a']);
    expect(bytes(40)).toEqual([]);
    toKeyboard(0xf4);
    command(0xad);
    kbd.keyboard.pressKeys(['b']);
    expect(bytes(40)).toEqual([]);
    command(0xae);
    expect(bytes(40)).toEqual([0x30, 0xb0]);
  });

  it('types a line without overrun, though nobody reads for a while', () => {
    kbd.keyboard.typeText('Hello, world!\n');
    clock.run(500 * MS);
    const codes = bytes(1000);
    const made = codes.filter(c => c < 0x80 && c !== 0x2a);
    expect(made).toEqual([
      0x23, 0x12, 0x26, 0x26, 0x18, 0x33, 0x39, 0x11, 0x18, 0x13, 0x26, 0x20, 0x02, 0x1c,
    ]);
    expect(codes.filter(c => c === 0x2a).length).toBe(2);
  });

  it('presses keys at the tick it is told, chords in order', () => {
    kbd.keyboard.pressKeys(['ctrl+alt+delete'], 50 * MS);
    clock.runTo(50 * MS);
    expect(bus.in(0x64) & OBF).toBe(0);
    expect(bytes(100)).toEqual([0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d]);
    expect(() => kbd.keyboard.pressKeys(['hyper'])).toThrow('no key "hyper"');
    expect(() => kbd.keyboard.typeText('é')).toThrow(RangeError);
  });

  it('repeats the key that is held, after the delay and at the rate that is set', () => {
    toKeyboard(0xf3, 0x20); // half a second, 30 a second
    kbd.keyboard.holdKey('shift');
    kbd.keyboard.holdKey('a');
    const start = clock.now();
    expect(bytes(520)).toEqual([0x2a, 0x1e, 0x1e]);
    irq1.changes.length = 0;
    expect(bytes(1000).every(code => code === 0x1e)).toBe(true);
    const rises = irq1.rises();
    expect(rises.length).toBe(30);
    expect((rises[29] - rises[0]) / (29 * 4e9)).toBeCloseTo(1 / 30, 6);
    expect(rises[0] - start).toBeGreaterThan(500 * MS);
    kbd.keyboard.releaseKey('a');
    expect(bytes(600)).toEqual([0x9e]);
  });

  it('holds sixteen bytes and marks what was lost', () => {
    command(0x60, 0x25);
    kbd.keyboard.injectScancodes(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(bytes(60)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0]);
  });

  it('drops what it was sending when a command comes, and keeps a byte that the controller cut off', () => {
    kbd.keyboard.injectScancodes([0x1c]);
    clock.run(400 * US);
    command(0x20); // holds the clock for its answer
    expect(bus.in(0x60)).toBe(0x65);
    expect(bytes()).toEqual([0x1e]);
    kbd.keyboard.injectScancodes([0x1c, 0x1b]);
    expect(toKeyboard(0xee)).toEqual([0xee]);
  });
});

describe('the mouse', () => {
  it('answers every command of a standard PS/2 mouse', () => {
    expect(toMouse(0xf2)).toEqual([0xfa, 0]);
    expect(toMouse(0xe9)).toEqual([0xfa, 0, 2, 100]);
    expect(toMouse(0xe8, 3, 0xf3, 200, 0xe7, 0xf4)).toEqual(Array(6).fill(0xfa));
    expect(toMouse(0xe9)).toEqual([0xfa, 0x30, 3, 200]);
    expect(toMouse(0xf0, 0xe9)).toEqual([0xfa, 0xfa, 0x70, 3, 200]);
    expect(toMouse(0xeb)).toEqual([0xfa, 8, 0, 0]);
    expect(toMouse(0xf6, 0xe9)).toEqual([0xfa, 0xfa, 0, 2, 100]);
    expect(toMouse(0xee, 0x55, 0xfe, 0xec, 0xe6)).toEqual([0xfa, 0x55, 0xfe, 0xfa, 0xfa]);
    expect(toMouse(0xf3, 7)).toEqual([0xfa, 0xfe]);
    expect(toMouse(0x11)).toEqual([0xfe]);
  });

  it('resets in 300 ms and says that it is a mouse', () => {
    command(0xd4, 0xff);
    expect(bytes(20)).toEqual([0x1fa]);
    expect(bytes(300)).toEqual([0x1aa, 0x100]);
  });

  it('reports movement at its sampling rate once it is enabled, with IRQ 12', () => {
    command(0x60, 0x47);
    kbd.mouse.move(5, -3, 1);
    expect(bytes()).toEqual([]);
    toMouse(0xf4);
    irq12.changes.length = 0;
    kbd.mouse.move(5, -3, 1);
    expect(bytes(8)).toEqual([0x129, 0x105, 0x1fd]);
    expect(irq12.rises().length).toBe(3);
    kbd.mouse.move(300, 2, 0);
    kbd.mouse.move(1, 1, 0);
    expect(bytes(20)).toEqual([0x148, 0x1ff, 0x103]);
  });

  it('has its clock switched on by a byte to it', () => {
    expect(toMouse(0xf2)).toEqual([0xfa, 0]);
    command(0x20);
    expect(bus.in(0x60) & 0x20).toBe(0);
  });
});

it('goes on from a snapshot in the middle of a frame, byte by byte and tick by tick', () => {
  kbd.keyboard.typeText('Ok\n');
  command(0xd4, 0xf4);
  kbd.mouse.move(1, 2, 0);
  clock.run(3 * MS + 123);
  const saved = { state: structuredClone(kbd.save()), events: clock.save(), now: clock.now() };
  const rest = bytes(200);
  const times = irq1.rises().filter(t => t > saved.now);
  expect(rest.length).toBeGreaterThan(6);
  build();
  clock.jump(saved.now);
  kbd.load(saved.state);
  clock.load(saved.events);
  expect(bytes(200)).toEqual(rest);
  expect(irq1.rises()).toEqual(times);
});
