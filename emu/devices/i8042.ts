/**
 * The keyboard controller: an 8042 with the PS/2 firmware, a keyboard on its first port and a mouse on its second.
 *
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller"; commands DD and DF as
 * in later controllers. Ports 0x60 (data) and 0x64 (status, command). A byte between controller and device takes the
 * time of its frame; while the output buffer is full, both clock lines are held low and the devices keep their bytes.
 * The controller works on one byte at a time. It takes a byte from the input buffer after 20 us; the next write takes
 * place after the first even if the program does not wait for IBF, unless a frame to a device is going out, when the
 * newer byte replaces the older. Commands for the output port (A20, reset) act at once, as chip sets that watch for
 * them do. Writing to a device enables its clock.
 *
 * At construction all is as a BIOS leaves it: translation on, IRQ 1 on, mouse off, A20 on. `powerOn` is a reset.
 * Left out: the keyboard lock and password (A4 to A6), diagnostic dump (AC), polling the input port into the status
 * (C1, C2), and parity errors and time-outs: both devices are always there and answer.
 */

import type { IrqLine, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';
import { PS2_TIMES } from './ps2-device.ts';
import { type KeyboardState, Ps2Keyboard } from './ps2-keyboard.ts';
import { BREAK_PREFIX, translate } from './ps2-keys.ts';
import { type MouseState, Ps2Mouse } from './ps2-mouse.ts';

const DATA = 0x60;
const COMMAND = 0x64;

/** Status register. */
const STATUS_OBF = 1 << 0; // output buffer full
const STATUS_IBF = 1 << 1; // input buffer full
const STATUS_SYSTEM = 1 << 2; // system flag
const STATUS_COMMAND = 1 << 3; // the last write was to 0x64
const STATUS_UNLOCKED = 1 << 4; // keyboard not locked
const STATUS_AUX = 1 << 5; // the output buffer's byte is the mouse's

/** Command byte. */
const KEYBOARD_INTERRUPT = 1 << 0;
const MOUSE_INTERRUPT = 1 << 1;
const SYSTEM_FLAG = 1 << 2;
const DISABLE = [1 << 4, 1 << 5]; // clock of keyboard and mouse held low
const TRANSLATE = 1 << 6;
const COMMAND_BYTE_BITS = 0x7f;
const BIOS_COMMAND_BYTE = KEYBOARD_INTERRUPT | SYSTEM_FLAG | DISABLE[1] | TRANSLATE;
const POWER_ON_COMMAND_BYTE = DISABLE[0] | DISABLE[1];

/** Output port: reset (active low) and A20; bits 4 and 5 follow the output buffer, the rest are lines that idle high. */
const PORT_RUN = 1 << 0;
const PORT_A20 = 1 << 1;
const PORT_OBF = 1 << 4;
const PORT_AUX_OBF = 1 << 5;
const PORT_IDLE = 0xcf;
/** Input port: keyboard not locked. */
const INPUT_PORT = 0x80;

/** Commands with a data byte. */
const WRITE_OUTPUT_PORT = 0xd1;
const WRITE_KEYBOARD_BUFFER = 0xd2;
const WRITE_MOUSE_BUFFER = 0xd3;
const WRITE_MOUSE = 0xd4;
const WRITE_RAM = 0x60; // to 0x7F; 0x60 is the command byte
const READ_RAM = 0x20; // to 0x3F
const RAM_MASK = 0x1f;
const PULSE = 0xf0; // to 0xFF

const TEST_PASSED = 0x55;
const INTERFACE_GOOD = 0x00;

/** Seconds until the controller has taken, or given, a byte. */
const PROCESSING = 20e-6;

const KEYBOARD = 0;
const MOUSE = 1;
const NONE = -1;

export interface I8042Options {
  /** IRQ 1 and IRQ 12. */
  keyboardIrq: IrqLine;
  mouseIrq: IrqLine;
  /** The A20 bit of the output port changed. */
  onA20?: (on: boolean) => void;
  /** The guest pulled the CPU's reset line. */
  onReset?: () => void;
  /** A command that this controller does not know. */
  onUnknown?: (command: number) => void;
}

interface Registers {
  /** Byte 0 is the command byte. */
  ram: number[];
  outputPort: number;
  lastWasCommand: boolean;
  /** Output buffer, and whose byte fills it (NONE: empty). */
  data: number;
  source: number;
  /** The controller's own byte that waits for the output buffer: value, and MOUSE in bit 8; or NONE. */
  reply: number;
  /** Input buffer: value, and in bit 8 whether it was written to 0x64; or NONE. */
  input: number;
  /** Command that waits for its data byte, or 0. */
  expecting: number;
  /** What is on a line now: to a device (value, port in bit 8), from a device (port); or NONE. */
  sending: number;
  receiving: number;
  /** Translation has seen 0xF0. */
  released: boolean;
}

export interface I8042State extends Registers {
  keyboard: KeyboardState;
  mouse: MouseState;
}

function registers(commandByte: number): Registers {
  return {
    ram: [commandByte, ...new Array<number>(RAM_MASK).fill(0)],
    outputPort: PORT_IDLE,
    lastWasCommand: true,
    data: 0,
    source: NONE,
    reply: NONE,
    input: NONE,
    expecting: 0,
    sending: NONE,
    receiving: NONE,
    released: false,
  };
}

export class I8042 {
  readonly keyboard: Ps2Keyboard;
  readonly mouse: Ps2Mouse;
  private readonly devices: readonly [Ps2Keyboard, Ps2Mouse];
  private readonly clock: Clock;
  private readonly options: I8042Options;
  private readonly inputEvent: number;
  private readonly replyEvent: number;
  private readonly lineEvent: number;
  private s = registers(BIOS_COMMAND_BYTE);

  constructor(clock: Clock, options: I8042Options) {
    this.clock = clock;
    this.options = options;
    this.keyboard = new Ps2Keyboard(clock);
    this.mouse = new Ps2Mouse(clock);
    this.devices = [this.keyboard, this.mouse];
    for (const device of this.devices) device.onReady = () => this.pump();
    this.inputEvent = clock.register('i8042 input', () => this.process());
    this.replyEvent = clock.register('i8042 reply', () => this.giveReply());
    this.lineEvent = clock.register('i8042 line', () => this.lineDone());
  }

  ports(): PortRange[] {
    const handler = bytePorts(this);
    return [
      { first: DATA, count: 1, bus: 'isa', name: 'i8042-data', handler },
      { first: COMMAND, count: 1, bus: 'isa', name: 'i8042-command', handler },
    ];
  }

  /** Whether the output port lets address line 20 through. */
  a20(): boolean {
    return (this.s.outputPort & PORT_A20) !== 0;
  }

  /** The state after power-on: both ports off, the devices testing themselves. */
  powerOn(): void {
    this.s = registers(POWER_ON_COMMAND_BYTE);
    this.clock.cancel(this.inputEvent);
    this.clock.cancel(this.replyEvent);
    this.clock.cancel(this.lineEvent);
    for (const device of this.devices) device.powerOn();
    this.drive();
    this.options.onA20?.(this.a20());
  }

  readByte(port: number): number {
    return port === COMMAND ? this.status() : this.readData();
  }

  writeByte(port: number, value: number): void {
    const { s } = this;
    if (s.input !== NONE) this.process();
    s.lastWasCommand = port === COMMAND;
    s.input = value | (s.lastWasCommand ? 0x100 : 0);
    if (this.isImmediate(value)) this.obey();
    else this.clock.schedule(this.inputEvent, this.clock.now() + this.clock.ticksOf(PROCESSING));
  }

  save(): I8042State {
    return { ...this.s, ram: this.s.ram.slice(), keyboard: this.keyboard.save(), mouse: this.mouse.save() };
  }

  load(state: I8042State): void {
    const { keyboard, mouse, ...rest } = state;
    this.s = { ...rest, ram: rest.ram.slice() };
    this.keyboard.load(keyboard);
    this.mouse.load(mouse);
  }

  // Ports

  private status(): number {
    const { s } = this;
    return (
      STATUS_UNLOCKED |
      (s.source === NONE ? 0 : STATUS_OBF) |
      (s.source === MOUSE ? STATUS_AUX : 0) |
      (s.input === NONE ? 0 : STATUS_IBF) |
      (s.ram[0] & SYSTEM_FLAG ? STATUS_SYSTEM : 0) |
      (s.lastWasCommand ? STATUS_COMMAND : 0)
    );
  }

  /** Empties the output buffer; an empty one gives its last byte again. */
  private readData(): number {
    const { s } = this;
    if (s.source !== NONE) {
      s.source = NONE;
      this.drive();
      if (s.reply === NONE) this.pump();
      else this.clock.schedule(this.replyEvent, this.clock.now() + this.clock.ticksOf(PROCESSING));
    }
    return s.data;
  }

  private isImmediate(value: number): boolean {
    if (!this.s.lastWasCommand) return this.s.expecting === WRITE_OUTPUT_PORT;
    return value >= PULSE || value === WRITE_OUTPUT_PORT || value === 0xdd || value === 0xdf;
  }

  // Commands

  /** Takes the input buffer's byte, unless a frame to a device is going out: then at its end. */
  private process(): void {
    if (this.s.input !== NONE && this.s.sending === NONE) this.obey();
  }

  private obey(): void {
    const { s } = this;
    const value = s.input & 0xff;
    const isCommand = s.input > 0xff;
    s.input = NONE;
    this.clock.cancel(this.inputEvent);
    if (isCommand) {
      s.expecting = 0;
      this.command(value);
    } else this.takeData(value);
  }

  private command(value: number): void {
    const { s } = this;
    if (value >= PULSE) {
      if ((value & PORT_RUN) === 0) this.options.onReset?.();
      return;
    }
    if (value >= READ_RAM && value <= READ_RAM + RAM_MASK) return this.reply(s.ram[value & RAM_MASK]);
    if (value >= WRITE_RAM && value <= WRITE_RAM + RAM_MASK) {
      s.expecting = value;
      return;
    }
    switch (value) {
      case 0xa7:
      case 0xa8:
        return this.setDisabled(MOUSE, value === 0xa7);
      case 0xad:
      case 0xae:
        return this.setDisabled(KEYBOARD, value === 0xad);
      case 0xa9: // test of the mouse's lines
      case 0xab: // test of the keyboard's lines
        return this.reply(INTERFACE_GOOD);
      case 0xaa:
        s.ram[0] |= SYSTEM_FLAG;
        return this.reply(TEST_PASSED);
      case 0xc0:
        return this.reply(INPUT_PORT);
      case 0xd0:
        return this.reply(this.readOutputPort());
      case WRITE_OUTPUT_PORT:
      case WRITE_KEYBOARD_BUFFER:
      case WRITE_MOUSE_BUFFER:
      case WRITE_MOUSE:
        s.expecting = value;
        return;
      case 0xdd:
      case 0xdf:
        return this.writeOutputPort((s.outputPort & ~PORT_A20) | (value & PORT_A20));
      case 0xe0: // test inputs: the clock lines, low while they are held
        return this.reply((s.ram[0] & DISABLE[0] ? 0 : 1) | (s.ram[0] & DISABLE[1] ? 0 : 2));
      default:
        this.options.onUnknown?.(value);
    }
  }

  private takeData(value: number): void {
    const { s } = this;
    const { expecting } = s;
    s.expecting = 0;
    switch (expecting) {
      case 0:
        return this.send(KEYBOARD, value);
      case WRITE_MOUSE:
        return this.send(MOUSE, value);
      case WRITE_OUTPUT_PORT:
        return this.writeOutputPort(value);
      case WRITE_KEYBOARD_BUFFER:
        return this.reply(value);
      case WRITE_MOUSE_BUFFER:
        return this.reply(value | 0x100);
      case WRITE_RAM:
        s.ram[0] = value & COMMAND_BYTE_BITS;
        return this.linesChanged();
      default:
        s.ram[expecting & RAM_MASK] = value;
    }
  }

  private setDisabled(port: number, disabled: boolean): void {
    if (disabled) this.s.ram[0] |= DISABLE[port];
    else this.s.ram[0] &= ~DISABLE[port];
    this.linesChanged();
  }

  /** After a change of the command byte: interrupts follow, and a frame whose clock is now held is given up. */
  private linesChanged(): void {
    const { s } = this;
    this.drive();
    if (s.receiving !== NONE && s.ram[0] & DISABLE[s.receiving]) this.stopReceiving();
    this.pump();
  }

  private readOutputPort(): number {
    const { outputPort, source } = this.s;
    const full = (source === KEYBOARD ? PORT_OBF : 0) | (source === MOUSE ? PORT_AUX_OBF : 0);
    return (outputPort & ~(PORT_OBF | PORT_AUX_OBF)) | full;
  }

  private writeOutputPort(value: number): void {
    const changed = (value ^ this.s.outputPort) & PORT_A20;
    // The reset bit is not kept: the reset that it causes sets it again.
    this.s.outputPort = value | PORT_RUN;
    if (changed) this.options.onA20?.(this.a20());
    if ((value & PORT_RUN) === 0) this.options.onReset?.();
  }

  // Output buffer

  /** Puts the controller's own byte into the output buffer, when that is empty; it is there at once if it is. */
  private reply(value: number): void {
    this.stopReceiving();
    this.s.reply = value;
    if (this.s.source === NONE) this.giveReply();
  }

  private giveReply(): void {
    const { s } = this;
    if (s.reply === NONE || s.source !== NONE) return;
    const { reply } = s;
    s.reply = NONE;
    this.fill(reply & 0xff, reply > 0xff ? MOUSE : KEYBOARD);
  }

  private fill(value: number, source: number): void {
    this.s.data = value;
    this.s.source = source;
    this.drive();
  }

  private drive(): void {
    const { source, ram } = this.s;
    this.options.keyboardIrq.set(source === KEYBOARD && (ram[0] & KEYBOARD_INTERRUPT) !== 0);
    this.options.mouseIrq.set(source === MOUSE && (ram[0] & MOUSE_INTERRUPT) !== 0);
  }

  // Lines to the devices

  /** Starts a frame to a device; it holds its own clock until a self-test is over. */
  private send(port: number, value: number): void {
    const { s, clock } = this;
    s.ram[0] &= ~DISABLE[port];
    this.stopReceiving();
    s.sending = value | (port << 8);
    const start = Math.max(clock.now(), this.devices[port].testingUntil);
    clock.schedule(this.lineEvent, start + clock.ticksOf(PS2_TIMES.send));
  }

  /** Holds the clock while a frame comes in: the device keeps the byte and sends it again. */
  private stopReceiving(): void {
    if (this.s.receiving === NONE) return;
    this.s.receiving = NONE;
    this.clock.cancel(this.lineEvent);
  }

  private lineDone(): void {
    const { s } = this;
    if (s.sending !== NONE) {
      const { sending } = s;
      s.sending = NONE;
      this.devices[sending >> 8].receive(sending & 0xff);
      if (s.input !== NONE) this.obey();
    } else if (s.receiving !== NONE) {
      const from = s.receiving;
      s.receiving = NONE;
      this.received(from, this.devices[from].take());
    }
    this.pump();
  }

  private received(from: number, byte: number): void {
    const { s } = this;
    if (from === MOUSE || (s.ram[0] & TRANSLATE) === 0) return this.fill(byte, from);
    if (byte === BREAK_PREFIX) {
      s.released = true;
      return;
    }
    this.fill(translate(byte) | (s.released ? 0x80 : 0), KEYBOARD);
    s.released = false;
  }

  /** Lets a device with something to say send, when the lines and the output buffer are free. */
  private pump(): void {
    const { s, clock } = this;
    if (s.sending !== NONE || s.receiving !== NONE || s.source !== NONE || s.reply !== NONE) return;
    const at = this.devices.map((d, port) =>
      s.ram[0] & DISABLE[port] ? Number.POSITIVE_INFINITY : d.nextAt(),
    );
    const from = at[KEYBOARD] <= Math.max(at[MOUSE], clock.now()) ? KEYBOARD : MOUSE;
    if (at[from] <= clock.now()) {
      s.receiving = from;
      clock.schedule(this.lineEvent, clock.now() + clock.ticksOf(PS2_TIMES.receive));
    } else if (at[from] === Number.POSITIVE_INFINITY) clock.cancel(this.lineEvent);
    else clock.schedule(this.lineEvent, at[from]);
  }
}
