/**
 * The parallel port LPT1 with a printer that is always on line.
 *
 * IBM PC/AT Technical Reference, "Parallel printer adapter": data 0x378, status 0x379, control 0x37A. The printer takes
 * the data byte on the fall of STROBE# (bit 0 of control going to 1), is busy for a while and then pulses ACK#, whose
 * end interrupts (IRQ 7) if the control register lets it. It has a buffer: a program that does not wait loses
 * nothing. Left out: EPP and ECP, and input on the data lines: with the
 * direction bit set, data reads what was written.
 */

import type { IrqLine, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';

const DATA = 0;
const STATUS = 1;

/** Status; bit 7 is BUSY inverted. */
const STATUS_READY = 1 << 7;
const STATUS_ACK = 1 << 6; // ACK#
const STATUS_SELECTED = 1 << 4;
const STATUS_ERROR = 1 << 3; // ERROR#
/** Control; the upper two bits read 1. */
const CONTROL_STROBE = 1 << 0;
const CONTROL_INIT = 1 << 2; // INIT#
const CONTROL_SELECT = 1 << 3;
const CONTROL_IRQ = 1 << 4;
const CONTROL_KEPT = 0x3f;
const CONTROL_ONES = 0xc0;

/** Seconds from the strobe to ACK#, and the length of ACK#. */
const BUSY = 10e-6;
const ACK = 5e-6;

export interface ParallelOptions {
  /** First of the three ports. */
  base: number;
  irq: IrqLine;
  /** Gets each byte that was strobed. */
  onByte?: (byte: number) => void;
}

type Phase = 'ready' | 'busy' | 'ack';

export interface ParallelState {
  data: number;
  control: number;
  phase: Phase;
}

export class Parallel {
  private readonly options: ParallelOptions;
  private readonly clock: Clock;
  private readonly event: number;
  private s: ParallelState = { data: 0, control: CONTROL_INIT | CONTROL_SELECT, phase: 'ready' };

  constructor(clock: Clock, options: ParallelOptions) {
    this.clock = clock;
    this.options = options;
    this.event = clock.register('parallel', () => this.next());
  }

  ports(): PortRange[] {
    return [{ first: this.options.base, count: 3, bus: 'isa', name: 'parallel', handler: bytePorts(this) }];
  }

  readByte(port: number): number {
    const offset = port - this.options.base;
    if (offset === DATA) return this.s.data;
    return offset === STATUS ? this.status() : this.s.control | CONTROL_ONES;
  }

  writeByte(port: number, value: number): void {
    const { s } = this;
    const offset = port - this.options.base;
    if (offset === DATA) s.data = value;
    if (offset === DATA || offset === STATUS) return;
    const strobed = value & ~s.control & CONTROL_STROBE;
    s.control = value & CONTROL_KEPT;
    if ((value & CONTROL_IRQ) === 0) this.options.irq.set(false);
    if (strobed) this.strobe();
  }

  save(): ParallelState {
    return { ...this.s };
  }

  load(state: ParallelState): void {
    this.s = { ...state };
  }

  private status(): number {
    const { phase } = this.s;
    const lines = (phase === 'ready' ? STATUS_READY : 0) | (phase === 'ack' ? 0 : STATUS_ACK);
    return STATUS_SELECTED | STATUS_ERROR | lines;
  }

  private strobe(): void {
    this.options.onByte?.(this.s.data);
    this.options.irq.set(false);
    this.enter('busy', BUSY);
  }

  private next(): void {
    if (this.s.phase === 'busy') return this.enter('ack', ACK);
    this.s.phase = 'ready';
    // An edge: the line falls with the next strobe.
    if (this.s.control & CONTROL_IRQ) {
      this.options.irq.set(false);
      this.options.irq.set(true);
    }
  }

  private enter(phase: Phase, seconds: number): void {
    this.s.phase = phase;
    this.clock.schedule(this.event, this.clock.now() + this.clock.ticksOf(seconds));
  }
}
