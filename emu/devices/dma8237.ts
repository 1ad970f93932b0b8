/**
 * One 8237A DMA controller with its four channels.
 *
 * Intel 8237A data sheet (order number 231466). Modes demand, single, block and cascade; read, write and verify;
 * autoinitialize; rising and falling addresses; fixed and rotating priority; software requests; memory to memory on
 * channels 0 and 1. Each transfer takes five clocks, three with compressed timing, eight from memory to memory, and is
 * an event of its own, so that channels interleave as their priorities say. The CPU is not slowed down by them.
 *
 * The mask register reads back at register 15, as on later chips. Left out: the EOP pin as an input, and the polarity
 * bits of the command register, which a PC leaves alone.
 */

import type { Clock } from '../clock.ts';

/** Registers above the channels' addresses and counts. */
const STATUS_COMMAND = 8;
const REQUEST = 9;
const SINGLE_MASK = 10;
const MODE = 11;
const CLEAR_FLIP_FLOP = 12;
const MASTER_CLEAR = 13; // read: temporary register
const CLEAR_MASK = 14;
const ALL_MASK = 15;

/** Command register. */
const MEMORY_TO_MEMORY = 1 << 0;
const HOLD_ADDRESS_0 = 1 << 1;
const CONTROLLER_OFF = 1 << 2;
const COMPRESSED = 1 << 3;
const ROTATING = 1 << 4;
/** Mode register. */
const TRANSFER = 3 << 2;
const TRANSFER_WRITE = 1 << 2; // device to memory
const TRANSFER_READ = 2 << 2; // memory to device
const AUTOINITIALIZE = 1 << 4;
const DECREMENT = 1 << 5;
const MODE_SELECT = 3 << 6;
const DEMAND_MODE = 0 << 6;
const SINGLE_MODE = 1 << 6;
const CASCADE_MODE = 3 << 6;
const MODE_BITS = 0xfc;

const NORMAL_CLOCKS = 5;
const COMPRESSED_CLOCKS = 3;
const MEMORY_CLOCKS = 8;
/** Half the ISA bus's 8.33 MHz is 25 million clocks in six seconds. */
const CLOCKS = 25e6;
const CLOCKS_SECONDS = 6;
const FLOATING = 0xffff;
const NO_CHANNEL = -1;

/** What sits on a channel. Values are bytes, or words on a 16-bit controller. */
export interface DmaDevice {
  /** Gives the next value for memory. */
  read?(): number;
  /** Gets the next value from memory. */
  write?(value: number): void;
  /** The transfer was the last of the count. */
  terminalCount?(): void;
}

/** A device's end of a channel. */
export interface DmaChannel {
  /** DREQ: while it is `true`, values move as the channel's mode says. */
  request(level: boolean): void;
}

/** Memory as the controller sees it: `channel` names the page register, `address` is the chip's 16 bits. */
export interface DmaMemory {
  read(channel: number, address: number): number;
  write(channel: number, address: number, value: number): void;
}

interface ChannelState {
  baseAddress: number;
  baseCount: number;
  address: number;
  count: number;
  mode: number;
  masked: boolean;
  /** DREQ and the software request. */
  hardware: boolean;
  software: boolean;
  /** A block or software transfer has begun: it goes on whatever DREQ does. */
  held: boolean;
  reached: boolean;
}

export interface Dma8237State {
  channels: ChannelState[];
  command: number;
  temporary: number;
  highByte: boolean;
  lowest: number;
}

function idleChannel(): ChannelState {
  return {
    baseAddress: 0,
    baseCount: 0,
    address: 0,
    count: 0,
    mode: 0,
    masked: true,
    hardware: false,
    software: false,
    held: false,
    reached: false,
  };
}

export class Dma8237 {
  private readonly clock: Clock;
  private readonly memory: DmaMemory;
  private readonly event: number;
  private readonly devices: (DmaDevice | undefined)[] = [undefined, undefined, undefined, undefined];
  private s: Dma8237State = {
    channels: Array.from({ length: 4 }, idleChannel),
    command: 0,
    temporary: 0,
    highByte: false,
    lowest: 3,
  };

  constructor(clock: Clock, name: string, memory: DmaMemory) {
    this.clock = clock;
    this.memory = memory;
    this.event = clock.register(name, () => this.transfer());
  }

  /** Puts a device on channel `n` (0..3). */
  connect(n: number, device: DmaDevice): DmaChannel {
    this.devices[n] = device;
    return {
      request: level => {
        const channel = this.s.channels[n];
        channel.hardware = level;
        this.arrange();
      },
    };
  }

  /** A register (0..15). */
  read(register: number): number {
    if (register < STATUS_COMMAND) {
      const channel = this.s.channels[register >> 1];
      return this.half(register & 1 ? channel.count : channel.address);
    }
    if (register === STATUS_COMMAND) return this.readStatus();
    if (register === MASTER_CLEAR) return this.s.temporary;
    if (register === ALL_MASK) return 0xf0 | this.bits(c => c.masked);
    return 0;
  }

  write(register: number, value: number): void {
    const { s } = this;
    const channel = s.channels[register < STATUS_COMMAND ? register >> 1 : value & 3];
    if (register < STATUS_COMMAND) this.writeWord(channel, register & 1, value);
    else if (register === STATUS_COMMAND) s.command = value;
    else if (register === REQUEST) channel.software = (value & 4) !== 0;
    else if (register === SINGLE_MASK) channel.masked = (value & 4) !== 0;
    else if (register === MODE) channel.mode = value & MODE_BITS;
    else if (register === CLEAR_FLIP_FLOP) s.highByte = false;
    else if (register === MASTER_CLEAR) this.masterClear();
    else if (register === CLEAR_MASK) for (const c of s.channels) c.masked = false;
    else if (register === ALL_MASK)
      for (let n = 0; n < 4; n++) s.channels[n].masked = (value & (1 << n)) !== 0;
    this.arrange();
  }

  /** As the RESET pin does. */
  masterClear(): void {
    const { s } = this;
    s.command = 0;
    s.temporary = 0;
    s.highByte = false;
    for (const channel of s.channels) {
      channel.masked = true;
      channel.software = channel.held = channel.reached = false;
    }
    this.arrange();
  }

  save(): Dma8237State {
    return { ...this.s, channels: this.s.channels.map(c => ({ ...c })) };
  }

  load(state: Dma8237State): void {
    this.s = { ...state, channels: state.channels.map(c => ({ ...c })) };
  }

  // Registers

  private bits(of: (c: ChannelState) => boolean): number {
    return this.s.channels.reduce((all, c, n) => all | (of(c) ? 1 << n : 0), 0);
  }

  /** The reading clears the terminal count bits. */
  private readStatus(): number {
    const status = this.bits(c => c.reached) | (this.bits(c => c.hardware || c.software) << 4);
    for (const channel of this.s.channels) channel.reached = false;
    return status;
  }

  private half(word: number): number {
    const { s } = this;
    s.highByte = !s.highByte;
    return s.highByte ? word & 0xff : word >> 8;
  }

  /** Base and current register together. */
  private writeWord(channel: ChannelState, isCount: number, value: number): void {
    const { s } = this;
    const old = isCount ? channel.baseCount : channel.baseAddress;
    const word = s.highByte ? (old & 0x00ff) | (value << 8) : (old & 0xff00) | value;
    s.highByte = !s.highByte;
    if (isCount) channel.baseCount = channel.count = word;
    else channel.baseAddress = channel.address = word;
  }

  // Transfers

  /** The channel to serve next: of those that ask, the first behind the one of lowest priority. */
  private next(): number {
    const { channels, command, lowest } = this.s;
    if (command & CONTROLLER_OFF) return NO_CHANNEL;
    for (let i = 1; i <= 4; i++) {
      const n = ((command & ROTATING ? lowest : 3) + i) & 3;
      const c = channels[n];
      const asks = c.software || ((c.hardware || c.held) && !c.masked);
      if (asks && (c.mode & MODE_SELECT) !== CASCADE_MODE) return n;
    }
    return NO_CHANNEL;
  }

  /** Schedules the end of the next transfer, or none. */
  private arrange(): void {
    const n = this.next();
    const running = this.clock.deadline(this.event) !== Number.POSITIVE_INFINITY;
    if (n === NO_CHANNEL) return this.clock.cancel(this.event);
    if (running) return;
    const { command } = this.s;
    const memory = n === 0 && (command & MEMORY_TO_MEMORY) !== 0;
    const clocks = memory ? MEMORY_CLOCKS : command & COMPRESSED ? COMPRESSED_CLOCKS : NORMAL_CLOCKS;
    const ticks = Math.ceil((clocks * CLOCKS_SECONDS * this.clock.ticksPerSecond) / CLOCKS);
    this.clock.schedule(this.event, this.clock.now() + ticks);
  }

  private transfer(): void {
    const n = this.next();
    if (n === NO_CHANNEL) return;
    const { s } = this;
    const channel = s.channels[n];
    s.lowest = n;
    const mode = channel.mode & MODE_SELECT;
    channel.held = mode !== DEMAND_MODE && mode !== SINGLE_MODE;
    if (n === 0 && s.command & MEMORY_TO_MEMORY) this.copy();
    else {
      this.move(n, channel);
      if (this.step(channel)) this.finish(n, channel);
    }
    this.arrange();
  }

  private move(n: number, channel: ChannelState): void {
    const device = this.devices[n];
    const kind = channel.mode & TRANSFER;
    if (kind === TRANSFER_WRITE) this.memory.write(n, channel.address, device?.read?.() ?? FLOATING);
    else if (kind === TRANSFER_READ) {
      const value = this.memory.read(n, channel.address);
      device?.write?.(value);
    }
  }

  /** One unit from channel 0's address to channel 1's, whose count ends the copy. */
  private copy(): void {
    const { s } = this;
    const [from, to] = s.channels;
    s.temporary = this.memory.read(0, from.address) & 0xff;
    this.memory.write(1, to.address, s.temporary);
    if ((s.command & HOLD_ADDRESS_0) === 0) this.advance(from);
    if (!this.step(to)) return;
    this.finish(1, to);
    from.software = false;
  }

  /** Address and count one on; true at the terminal count, when the count passes 0. */
  private step(channel: ChannelState): boolean {
    this.advance(channel);
    channel.count = (channel.count - 1) & 0xffff;
    return channel.count === 0xffff;
  }

  private advance(channel: ChannelState): void {
    channel.address = (channel.address + (channel.mode & DECREMENT ? -1 : 1)) & 0xffff;
  }

  private finish(n: number, channel: ChannelState): void {
    channel.reached = true;
    channel.software = channel.held = false;
    if (channel.mode & AUTOINITIALIZE) {
      channel.address = channel.baseAddress;
      channel.count = channel.baseCount;
    } else channel.masked = true;
    this.devices[n]?.terminalCount?.();
  }
}
