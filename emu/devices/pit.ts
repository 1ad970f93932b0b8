/**
 * The interval timer: an 8254 with its three counters, and the board's port 0x61 beside it.
 *
 * Intel 8254 data sheet (order number 231164); NMI Status and Control Register of the 82371SB PIIX3 for port 0x61.
 * Counters run at 1.193182 MHz: 0 drives IRQ 0, 1 was the DRAM refresh, 2 the speaker and whoever times with
 * it. All six modes, binary and BCD (emu/devices/pit-counter.ts). At reset the counters run as a BIOS leaves
 * them: 0 in mode 3 with 65536 (18.2 Hz), 1 in mode 2 with 18, 2 waiting in mode 3 with its gate low.
 *
 * Left out: sound, and the NMI sources of port 0x61 (their enable bits are kept, their status bits read 0).
 */

import type { IrqLine, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';
import { PitCounter, type PitCounterState } from './pit-counter.ts';
import { Rate } from './rate.ts';

/** The PC's timer crystal, 14.31818 MHz / 12, in Hz. */
export const PIT_HZ = 1_193_182;

const COUNTER_0 = 0x40;
const CONTROL_WORD = 0x43;
const PORT_B = 0x61;

/** Control word: select counter (SC), read/write (RW), mode (M), BCD. */
const SC_SHIFT = 6;
const SC_READ_BACK = 3;
const RW_LATCH = 0 << 4;
const RW_MASK = 3 << 4;
/** Read-back command; a clear bit asks for the latch. */
const READ_BACK_NO_COUNT = 1 << 5;
const READ_BACK_NO_STATUS = 1 << 4;

/** Port 0x61. */
const PORT_B_GATE2 = 1 << 0; // counter 2 enable
const PORT_B_WRITABLE = 0x0f; // gate 2, speaker data, SERR# and IOCHK# NMI disable
const PORT_B_REFRESH = 1 << 4; // refresh cycle toggle
const PORT_B_OUT2 = 1 << 5; // counter 2 output

/** Counter, control word and count that a BIOS leaves behind. */
const BIOS_SETUP = [
  { counter: 0, control: 0x36, count: [0x00, 0x00] },
  { counter: 1, control: 0x54, count: [0x12] },
  { counter: 2, control: 0xb6, count: [0x00, 0x00] },
];

export interface PitState {
  counters: PitCounterState[];
  portB: number;
}

export class Pit {
  private readonly clock: Clock;
  private readonly rate: Rate;
  private readonly irq0: IrqLine;
  private readonly event: number;
  private readonly counters = [new PitCounter(true), new PitCounter(true), new PitCounter(false)];
  private portB = 0;

  /** `irq0` follows the output of counter 0. */
  constructor(clock: Clock, irq0: IrqLine) {
    this.clock = clock;
    this.rate = new Rate(clock, PIT_HZ);
    this.irq0 = irq0;
    this.event = clock.register('pit', () => this.follow());
    for (const { counter, control, count } of BIOS_SETUP) {
      this.counters[counter].writeControl(control, 0);
      for (const byte of count) this.counters[counter].writeCount(byte, 0);
    }
    this.drive();
  }

  ports(): PortRange[] {
    const handler = bytePorts(this);
    return [
      { first: COUNTER_0, count: 4, bus: 'isa', name: 'pit', handler },
      { first: PORT_B, count: 1, bus: 'isa', name: 'port-b', handler },
    ];
  }

  readByte(port: number): number {
    this.follow();
    const edge = this.rate.edge();
    if (port === PORT_B) return this.readPortB(edge);
    return port === CONTROL_WORD ? 0xff : this.counters[port - COUNTER_0].readCount(edge);
  }

  writeByte(port: number, value: number): void {
    this.follow();
    const edge = this.rate.edge();
    if (port === PORT_B) {
      this.portB = value & PORT_B_WRITABLE;
      this.counters[2].setGate((value & PORT_B_GATE2) !== 0, edge);
    } else if (port === CONTROL_WORD) this.writeControl(value, edge);
    else this.counters[port - COUNTER_0].writeCount(value, edge);
    this.drive();
  }

  /** Output of counter `n` (0..2) now. */
  output(n: number): boolean {
    this.follow();
    return this.counters[n].output(this.rate.edge());
  }

  /** The speaker's cone: counter 2's output where port 0x61 lets it through. */
  speaker(): boolean {
    return (this.portB & 2) !== 0 && this.output(2);
  }

  save(): PitState {
    return { counters: this.counters.map(c => c.save()), portB: this.portB };
  }

  load(state: PitState): void {
    state.counters.forEach((c, i) => {
      this.counters[i].load(c);
    });
    this.portB = state.portB;
  }

  private writeControl(value: number, edge: number): void {
    const select = value >> SC_SHIFT;
    if (select !== SC_READ_BACK) {
      const counter = this.counters[select];
      if ((value & RW_MASK) === RW_LATCH) counter.latchCount(edge);
      else counter.writeControl(value, edge);
      return;
    }
    for (let n = 0; n < 3; n++) {
      if ((value & (2 << n)) === 0) continue;
      if ((value & READ_BACK_NO_COUNT) === 0) this.counters[n].latchCount(edge);
      if ((value & READ_BACK_NO_STATUS) === 0) this.counters[n].latchStatus(edge);
    }
  }

  private readPortB(edge: number): number {
    const refresh = this.counters[1].periods(edge) & 1 ? PORT_B_REFRESH : 0;
    const out2 = this.counters[2].output(edge) ? PORT_B_OUT2 : 0;
    return this.portB | refresh | out2;
  }

  /** Puts every change of counter 0's output that has come by now on IRQ 0, one by one and in order. */
  private follow(): void {
    const edge = this.rate.edge();
    for (;;) {
      const change = this.counters[0].nextChange();
      if (change > edge) break;
      this.irq0.set(this.counters[0].output(change));
    }
    this.schedule();
  }

  /** After a command: IRQ 0 follows at once, and the next change is scheduled. */
  private drive(): void {
    this.irq0.set(this.counters[0].output(this.rate.edge()));
    this.schedule();
  }

  private schedule(): void {
    const change = this.counters[0].nextChange();
    if (change === Number.POSITIVE_INFINITY) this.clock.cancel(this.event);
    else this.clock.schedule(this.event, this.rate.tickOf(change));
  }
}
