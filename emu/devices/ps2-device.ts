/**
 * What a PS/2 keyboard and mouse have in common: replies and data that wait for the clock line, commands with an
 * argument, resend and reset. IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device".
 *
 * A device knows when it may send its next byte; the controller (emu/devices/i8042.ts) moves it, by the time a
 * frame takes. A new command drops replies and data that have not gone, as the reference says; the result of a
 * basic assurance test (BAT) stays. Left out: parity errors on the line.
 */

import type { Clock } from '../clock.ts';

/** Times in seconds. */
export const PS2_TIMES = {
  /** Eleven bits from the device at 12.5 kHz. */
  receive: 11 * 80e-6,
  /** Request to send, eleven bits to the device and its acknowledge bit. */
  send: 100e-6 + 12 * 80e-6,
  /** From a command to the first byte of its reply. */
  think: 300e-6,
  /** The basic assurance test takes 300 to 500 ms. */
  selfTest: 300e-3,
} as const;

export const ACK = 0xfa;
export const RESEND = 0xfe;
export const TEST_PASSED = 0xaa;
const RESET = 0xff;

/** A byte on its way out: from which tick it may go, and whether it is the result of a BAT. */
interface Waiting {
  byte: number;
  at: number;
  test: boolean;
}

export interface Ps2DeviceState {
  waiting: Waiting[];
  lastSent: number;
  argumentOf: number;
  busyUntil: number;
}

export abstract class Ps2Device {
  /** Called when there may be something new to send; the controller sets it. */
  onReady: () => void = () => {};
  protected readonly clock: Clock;
  private waiting: Waiting[] = [];
  private lastSent = 0;
  /** The command whose argument comes next; 0 for none. */
  private argumentOf = 0;
  private busyUntil = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Bytes that wait to be sent. */
  get pending(): number {
    return this.waiting.length;
  }

  /** The tick from which the device has a byte to send, or Infinity. */
  nextAt(): number {
    return this.waiting.length > 0 ? this.waiting[0].at : Number.POSITIVE_INFINITY;
  }

  /** Until this tick the device tests itself and takes no command. */
  get testingUntil(): number {
    return this.busyUntil;
  }

  /** The next byte has gone. */
  take(): number {
    const next = this.waiting.shift();
    if (next) this.lastSent = next.byte;
    return this.lastSent;
  }

  /** A byte has come from the host. */
  receive(byte: number): void {
    this.waiting = this.waiting.filter(w => w.test);
    const { argumentOf } = this;
    this.argumentOf = 0;
    if (argumentOf !== 0 && this.argument(argumentOf, byte)) return;
    if (this.echoes(byte)) this.reply(byte);
    else if (byte === RESEND) this.reply(this.lastSent);
    else if (byte === RESET) this.reset();
    else this.command(byte);
  }

  /** As after power-on: tests itself and says so. */
  powerOn(): void {
    this.waiting = [];
    this.argumentOf = 0;
    this.startTest();
  }

  saveDevice(): Ps2DeviceState {
    const { lastSent, argumentOf, busyUntil } = this;
    return { waiting: this.waiting.map(w => ({ ...w })), lastSent, argumentOf, busyUntil };
  }

  loadDevice(state: Ps2DeviceState): void {
    this.waiting = state.waiting.map(w => ({ ...w }));
    this.lastSent = state.lastSent;
    this.argumentOf = state.argumentOf;
    this.busyUntil = state.busyUntil;
  }

  /** Registers back to their defaults. */
  protected abstract setDefaults(): void;
  /** What the device reports when its test has passed. */
  protected abstract testResult(): readonly number[];
  /** A command that is neither resend nor reset. */
  protected abstract command(byte: number): void;
  /** The argument of `command`; false if `byte` is none and is to be taken for a command. */
  protected abstract argument(command: number, byte: number): boolean;
  /** Whether the device sends back this byte instead of obeying it. */
  protected echoes(_byte: number): boolean {
    return false;
  }

  /** Queues the reply to a command. */
  protected reply(...bytes: number[]): void {
    this.queue(bytes, this.clock.now() + this.clock.ticksOf(PS2_TIMES.think), false);
  }

  /** Queues data of the device's own. */
  protected emit(bytes: readonly number[]): void {
    this.queue(bytes, this.clock.now(), false);
  }

  /** Acknowledges a command and waits for its argument. */
  protected expect(command: number): void {
    this.argumentOf = command;
    this.reply(ACK);
  }

  private reset(): void {
    this.reply(ACK);
    this.startTest();
  }

  private startTest(): void {
    this.setDefaults();
    this.busyUntil = this.clock.now() + this.clock.ticksOf(PS2_TIMES.selfTest);
    this.queue(this.testResult(), this.busyUntil, true);
  }

  private queue(bytes: readonly number[], at: number, test: boolean): void {
    for (const byte of bytes) this.waiting.push({ byte: byte & 0xff, at, test });
    this.onReady();
  }
}
