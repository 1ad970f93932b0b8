/** An 82540EM on a wire, in RAM of its own, with a clock that the test moves: the parts that the tests share. */

import { Clock } from '../../../../emu/clock.ts';
import { E1000, type E1000Options } from '../../../../emu/devices/e1000/e1000.ts';
import { CTRL, RCTL, REG, TCTL } from '../../../../emu/devices/e1000/registers.ts';
import { type LinkEnd, Wire, type WireOptions } from '../../../../emu/devices/wire.ts';

export const HZ = 1_700_000_000;
export const MAC = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
export const PEER = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
const RAM_BYTES = 1 << 20;

export interface Arrival {
  frame: Uint8Array;
  at: number;
  badFcs: boolean;
}

export interface RigOptions {
  wire?: WireOptions;
  device?: Partial<E1000Options>;
}

export class Rig {
  readonly time = new Float64Array(1);
  readonly clock = new Clock(HZ, this.time);
  readonly ram = new Uint8Array(RAM_BYTES);
  readonly wire: Wire;
  readonly nic: E1000;
  /** What reached the far end. */
  readonly arrivals: Arrival[] = [];
  readonly notices: string[] = [];
  /** Every change of the interrupt line, with its tick. */
  readonly edges: { level: boolean; at: number }[] = [];
  level = false;

  constructor(options: RigOptions = {}) {
    this.wire = new Wire(this.clock, options.wire);
    this.nic = new E1000({
      mac: MAC,
      clock: this.clock,
      dma: {
        read: (address, into) => {
          for (let i = 0; i < into.length; i++) into[i] = this.ram[address + i] ?? 0xff;
        },
        write: (address, from) => {
          for (let i = 0; i < from.length; i++) this.ram[address + i] = from[i];
        },
      },
      irq: {
        set: level => {
          this.level = level;
          this.edges.push({ level, at: this.now() });
        },
      },
      wire: { wire: this.wire, side: 0 },
      notice: text => this.notices.push(text),
      ...options.device,
    });
    const far: LinkEnd = { deliver: (frame, at, badFcs) => this.arrivals.push({ frame, at, badFcs }) };
    this.wire.connect(1, far);
  }

  now(): number {
    return this.clock.now();
  }

  /** Lets guest time pass, event by event. */
  run(seconds: number): void {
    this.runTo(this.now() + this.clock.ticksOf(seconds));
  }

  runTo(end: number): void {
    let events = 0;
    while (this.clock.next() <= end) {
      if (++events > 1_000_000)
        throw new Error(`events without end: ${JSON.stringify(this.clock.pending())}`);
      this.time[0] = Math.max(this.time[0], this.clock.next());
      this.clock.runDue();
    }
    this.time[0] = Math.max(this.time[0], end);
  }

  read(register: number): number {
    return this.nic.memory.readMmio(register, 4);
  }

  write(register: number, value: number): void {
    this.nic.memory.writeMmio(register, 4, value >>> 0);
  }

  /** What a driver does first: link up, rings of `size` descriptors, both directions on. */
  start(size = 8, rctl = RCTL.EN | RCTL.BAM | RCTL.SECRC, tctl = TCTL.EN | TCTL.PSP): void {
    this.write(REG.CTRL, CTRL.SLU | CTRL.FD);
    this.write(REG.RDBAL, RX_RING);
    this.write(REG.RDLEN, size * 16);
    this.write(REG.RDH, 0);
    for (let i = 0; i < size; i++) this.receiveDescriptor(i, RX_BUFFERS + i * 2048);
    this.write(REG.RDT, size - 1);
    this.write(REG.RCTL, rctl);
    this.write(REG.TDBAL, TX_RING);
    this.write(REG.TDLEN, size * 16);
    this.write(REG.TDH, 0);
    this.write(REG.TDT, 0);
    this.write(REG.TCTL, tctl);
    this.read(REG.ICR);
  }

  receiveDescriptor(index: number, buffer: number): void {
    this.ram.fill(0, RX_RING + index * 16, RX_RING + index * 16 + 16);
    this.put32(RX_RING + index * 16, buffer);
  }

  /** A legacy descriptor; `bytes` go to `buffer` unless it is given as a number only. */
  transmitDescriptor(
    index: number,
    bytes: Uint8Array,
    command: number,
    buffer = TX_BUFFERS + index * 2048,
  ): void {
    this.ram.set(bytes, buffer);
    const at = TX_RING + index * 16;
    this.put32(at, buffer);
    this.put32(at + 4, 0);
    this.put32(at + 8, bytes.length | (command << 24));
    this.put32(at + 12, 0);
  }

  /** The 16 bytes of a descriptor, as four words. */
  descriptor(ring: number, index: number): number[] {
    return [0, 4, 8, 12].map(o => this.get32(ring + index * 16 + o));
  }

  /** Status byte of a descriptor. */
  status(ring: number, index: number): number {
    return this.ram[ring + index * 16 + 12];
  }

  put32(at: number, value: number): void {
    new DataView(this.ram.buffer).setUint32(at, value >>> 0, true);
  }

  get32(at: number): number {
    return new DataView(this.ram.buffer).getUint32(at, true);
  }

  /** A frame from the far end, started as soon as the wire is free. */
  inject(frame: Uint8Array, badFcs = false): void {
    this.runTo(this.wire.freeAt(1));
    this.wire.send(1, frame, this.now(), badFcs);
  }
}

export const TX_RING = 0x1000;
export const RX_RING = 0x2000;
export const TX_BUFFERS = 0x10000;
export const RX_BUFFERS = 0x40000;

/** A frame of `length` bytes (without FCS) whose payload counts up from `seed`. */
export function frameOf(length: number, to = MAC, from = PEER, type = 0x0800, seed = 0): Uint8Array {
  const frame = new Uint8Array(length).map((_, i) => i + seed);
  frame.set(to, 0);
  frame.set(from, 6);
  frame.set([type >> 8, type & 0xff], 12);
  return frame;
}

export const EOP = 1;
export const IFCS = 2;
export const IC = 4;
export const RS = 8;
export const DEXT = 0x20;
export const VLE = 0x40;
export const IDE = 0x80;
