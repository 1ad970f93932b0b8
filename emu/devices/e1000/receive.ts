/**
 * The receive unit (manual 3.2, 13.4.22 to 13.4.32): from the wire through size check, filter and packet FIFO, by DMA
 * into the buffers of legacy receive descriptors, with the causes RXT0, RXDMT0, RXO and SRPD.
 *
 * A frame waits in the FIFO (PBA, 48 KB after reset) for descriptors and for the bus; it is lost, and counted in MPC,
 * only when the FIFO is full. Each buffer of a packet is one burst, in which its descriptor goes back too
 * (RXDCTL.WTHRESH is stored but write-back is at once). A descriptor with a null address takes no data and comes back
 * with DD alone. PAUSE frames stop the transmit unit when CTRL.RFCE is set; crossing FCRTH and FCRTL sends XOFF and
 * XON when CTRL.TFCE is.
 *
 * Left out: wake-up, packet split, alignment and symbol errors (the wire has none).
 */

import type { Clock } from '../../clock.ts';
import { type BusMaster, bufferAddress, DESCRIPTOR_BYTES, DescriptorRing, setField16 } from './dma.ts';
import type { ReceiveFilter } from './filter.ts';
import { be16, destinationOf, fcs, onesSum } from './frame.ts';
import { DelayTimer, type Interrupts } from './interrupts.ts';
import { CAUSE, CTRL, RCTL, REG, type RegisterFile, type RegisterRow } from './registers.ts';
import { checkReceived, RX_ERROR, RX_STATUS } from './rxchecksum.ts';
import { STAT, type Statistics } from './statistics.ts';

const SHORTEST = 64;
const LONGEST = 1522;
const LONGEST_JUMBO = 16_384;
const FCS_BYTES = 4;
const TAG_BYTES = 4;
const MAC_CONTROL = 0x8808;
const PAUSE_ADDRESS = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x01];

/** A packet in the FIFO, ready for its descriptors. */
interface Waiting {
  data: Uint8Array;
  /** Bytes already in host memory. */
  done: number;
  checksum: number;
  status: number;
  errors: number;
  special: number;
}

/** What flow control asks of the transmit unit. */
export interface FlowControl {
  /** A PAUSE frame arrived: stop for `quanta` times 512 bit times from tick `at` (0: go on). */
  pause(quanta: number, at: number): void;
  /** Send a PAUSE frame ahead of everything else. */
  sendPause(quanta: number): void;
}

interface SavedReceive {
  fifo: Waiting[];
  fifoBytes: number;
  sentXoff: boolean;
  step: 'idle' | 'fetch' | 'write';
  amount: number;
  doneAt: number;
  ring: unknown;
  timer: unknown;
}

export interface ReceiveParts {
  clock: Clock;
  name: string;
  registers: RegisterFile;
  bus: BusMaster;
  interrupts: Interrupts;
  statistics: Statistics;
  filter: ReceiveFilter;
  flow: FlowControl;
}

export class ReceiveUnit {
  private readonly parts: ReceiveParts;
  private readonly ring: DescriptorRing;
  private readonly timer: DelayTimer;
  private readonly event: number;
  private fifo: Waiting[] = [];
  private fifoBytes = 0;
  private sentXoff = false;
  private step: 'idle' | 'fetch' | 'write' = 'idle';
  /** Of the step under way: descriptors or bytes, and the tick of its end. */
  private amount = 0;
  private doneAt = 0;

  constructor(parts: ReceiveParts) {
    this.parts = parts;
    const { RDBAL: bal, RDBAH: bah, RDLEN: len, RDH: head, RDT: tail } = REG;
    this.ring = new DescriptorRing(parts.registers, parts.bus, { name: 'R', bal, bah, len, head, tail });
    this.timer = new DelayTimer(parts.clock, `${parts.name} RDTR`, () => parts.interrupts.raise(CAUSE.RXT0));
    this.event = parts.clock.register(`${parts.name} receive DMA`, () => this.finish());
  }

  rows(): RegisterRow[] {
    return [
      ...this.ring.rows(() => this.kick()),
      { at: REG.RCTL, name: 'RCTL', writable: 0x06dfb3fe, wrote: () => this.kick() },
      { at: REG.RDTR, name: 'RDTR', put: value => this.writeDelay(value) },
      { at: REG.RADV, name: 'RADV', writable: 0xffff },
      { at: REG.RSRPD, name: 'RSRPD', writable: 0xfff },
      { at: REG.RXCSUM, name: 'RXCSUM', writable: 0x3ff },
    ];
  }

  /** A frame without FCS from the wire; its last bit arrived at tick `at`. */
  arrived(frame: Uint8Array, at: number, badFcs: boolean): void {
    const { registers, statistics, filter } = this.parts;
    const control = registers.get(REG.RCTL);
    if (!(control & RCTL.EN)) return;
    const size = frame.length + FCS_BYTES;
    statistics.count(STAT.TPR);
    statistics.addOctets(STAT.TORL, size);
    if (this.isPause(frame) && !badFcs && this.takePause(frame, at, control)) return;
    const verdict = filter.accept(frame);
    if (verdict === 'no' || !this.fitToKeep(size, badFcs, control)) return;
    if (!badFcs) statistics.received(size, destinationOf(frame));
    this.enqueue(frame, size, badFcs, verdict === 'inexact', at);
  }

  /** Something that DMA waited for may have come. */
  kick(): void {
    this.pump(this.parts.clock.now());
  }

  reset(): void {
    this.parts.clock.cancel(this.event);
    this.timer.stop();
    this.ring.flush();
    this.fifo = [];
    this.fifoBytes = 0;
    this.sentXoff = false;
    this.step = 'idle';
  }

  save(): SavedReceive {
    const { fifoBytes, sentXoff, step, amount, doneAt } = this;
    const fifo = this.fifo.map(w => ({ ...w, data: w.data.slice() }));
    return {
      fifo,
      fifoBytes,
      sentXoff,
      step,
      amount,
      doneAt,
      ring: this.ring.save(),
      timer: this.timer.save(),
    };
  }

  load(state: unknown): void {
    const saved = state as SavedReceive;
    this.fifo = saved.fifo.map(w => ({ ...w, data: w.data.slice() }));
    this.fifoBytes = saved.fifoBytes;
    this.sentXoff = saved.sentXoff;
    this.step = saved.step;
    this.amount = saved.amount;
    this.doneAt = saved.doneAt;
    this.ring.load(saved.ring);
    this.timer.load(saved.timer);
  }

  private writeDelay(value: number): void {
    this.parts.registers.set(REG.RDTR, value & 0xffff);
    if (!(value & 0x80000000)) return;
    this.timer.stop();
    this.parts.interrupts.raise(CAUSE.RXT0);
  }

  /** Counts and refuses what is too short, too long or damaged; RCTL.SBP keeps all but the too long. */
  private fitToKeep(size: number, badFcs: boolean, control: number): boolean {
    const { statistics } = this.parts;
    const long = size > (control & RCTL.LPE ? LONGEST_JUMBO : LONGEST);
    if (long) {
      statistics.count(badFcs ? STAT.RJC : STAT.ROC);
      return false;
    }
    if (size < SHORTEST) statistics.count(badFcs ? STAT.RFC : STAT.RUC);
    else if (badFcs) statistics.count(STAT.CRCERRS);
    else return true;
    return (control & RCTL.SBP) !== 0;
  }

  private enqueue(frame: Uint8Array, size: number, badFcs: boolean, inexact: boolean, at: number): void {
    const { registers, statistics, interrupts } = this.parts;
    if (this.fifoBytes + size > this.capacity()) {
      statistics.count(STAT.MPC);
      interrupts.raise(CAUSE.RXO);
      return;
    }
    if (this.ring.owned() === 0) statistics.count(STAT.RNBC);
    const waiting = this.strip(frame, badFcs);
    const sum = checkReceived(waiting.data, registers.get(REG.RXCSUM));
    const start = registers.get(REG.RXCSUM) & 0xff;
    waiting.checksum = onesSum(waiting.data, start, waiting.data.length);
    waiting.status |= sum.status | (inexact ? RX_STATUS.PIF : 0);
    waiting.errors = sum.errors | (badFcs ? RX_ERROR.CE : 0);
    this.fifo.push(waiting);
    this.fifoBytes += waiting.data.length;
    this.watchFifo();
    this.pump(at);
  }

  /** Takes a VLAN tag out (CTRL.VME) and leaves the FCS in (unless RCTL.SECRC). */
  private strip(frame: Uint8Array, badFcs: boolean): Waiting {
    const { registers } = this.parts;
    const tagged = registers.get(REG.CTRL) & CTRL.VME && be16(frame, 12) === registers.get(REG.VET);
    const keepFcs = !(registers.get(REG.RCTL) & RCTL.SECRC);
    const skipped = tagged ? TAG_BYTES : 0;
    const data = new Uint8Array(frame.length - skipped + (keepFcs ? FCS_BYTES : 0));
    data.set(frame.subarray(0, 12));
    data.set(frame.subarray(12 + skipped), 12);
    if (keepFcs) {
      const check = badFcs ? ~fcs(frame) : fcs(frame);
      for (let i = 0; i < FCS_BYTES; i++) data[data.length - FCS_BYTES + i] = check >>> (8 * i);
    }
    const status = tagged ? RX_STATUS.VP : 0;
    return { data, done: 0, checksum: 0, status, errors: 0, special: tagged ? be16(frame, 14) : 0 };
  }

  /** PBA's receive part, in bytes. */
  private capacity(): number {
    return (this.parts.registers.get(REG.PBA) & 0xff) * 1024;
  }

  /** RCTL.BSIZE and BSEX (13.4.22). */
  private bufferSize(): number {
    const control = this.parts.registers.get(REG.RCTL);
    const size = 2048 >> ((control >> RCTL.BSIZE_SHIFT) & 3);
    return control & RCTL.BSEX && size < 2048 ? size * 16 : size;
  }

  /** Starts the next burst, when there is something to do and nothing under way. */
  private pump(readyAt: number): void {
    const { registers, bus, clock } = this.parts;
    if (this.step !== 'idle' || this.fifo.length === 0) return;
    if (!bus.enabled() || !(registers.get(REG.RCTL) & RCTL.EN)) return;
    if (this.ring.ready()) {
      const packet = this.fifo[0];
      this.step = 'write';
      this.amount = Math.min(this.bufferSize(), packet.data.length - packet.done);
      this.doneAt = bus.reserve(readyAt, this.amount + DESCRIPTOR_BYTES);
    } else {
      this.amount = this.ring.fetchable();
      if (this.amount === 0) return;
      this.step = 'fetch';
      this.doneAt = bus.reserve(readyAt, this.amount * DESCRIPTOR_BYTES);
    }
    clock.schedule(this.event, this.doneAt);
  }

  /** The burst is over. */
  private finish(): void {
    if (this.step === 'fetch') this.ring.fetch(Math.min(this.amount, this.ring.fetchable()));
    else if (this.ring.ready() && this.fifo.length > 0) this.fillBuffer(this.fifo[0]);
    this.step = 'idle';
    this.pump(this.doneAt);
  }

  private fillBuffer(packet: Waiting): void {
    const descriptor = this.ring.current();
    const address = bufferAddress(descriptor);
    if (address === 0) {
      descriptor[12] |= RX_STATUS.DD;
      this.release();
      return;
    }
    const amount = Math.min(this.amount, packet.data.length - packet.done);
    this.parts.bus.write(address, packet.data.subarray(packet.done, packet.done + amount));
    packet.done += amount;
    const last = packet.done === packet.data.length;
    setField16(descriptor, 8, amount);
    setField16(descriptor, 10, packet.checksum);
    descriptor[12] = RX_STATUS.DD | (last ? RX_STATUS.EOP | packet.status : RX_STATUS.IXSM);
    descriptor[13] = last ? packet.errors : 0;
    setField16(descriptor, 14, last ? packet.special : 0);
    this.release();
    if (last) this.packetDone(packet);
  }

  /** Gives the descriptor at the head back to software. */
  private release(): void {
    const { registers, interrupts } = this.parts;
    this.ring.writeBack();
    this.ring.advance();
    const threshold = this.ring.size() >> (1 + ((registers.get(REG.RCTL) >> RCTL.RDMTS_SHIFT) & 3));
    if (this.ring.owned() === threshold) interrupts.raise(CAUSE.RXDMT0);
  }

  private packetDone(packet: Waiting): void {
    const { registers, interrupts } = this.parts;
    this.fifo.shift();
    this.fifoBytes -= packet.data.length;
    this.watchFifo();
    if (packet.data.length <= registers.get(REG.RSRPD)) {
      this.timer.stop();
      interrupts.raise(CAUSE.SRPD);
    } else if (this.timer.packet(this.doneAt, registers.get(REG.RDTR), registers.get(REG.RADV)))
      interrupts.raise(CAUSE.RXT0);
  }

  private isPause(frame: Uint8Array): boolean {
    return be16(frame, 12) === MAC_CONTROL && PAUSE_ADDRESS.every((byte, i) => frame[i] === byte);
  }

  /** Returns true when the frame goes no further (RCTL.DPF for PAUSE, PMCF for other MAC control frames). */
  private takePause(frame: Uint8Array, at: number, control: number): boolean {
    const { registers, statistics, flow } = this.parts;
    const pause = be16(frame, 14) === 1;
    const quanta = be16(frame, 16);
    if (!pause) statistics.count(STAT.FCRUC);
    else if (registers.get(REG.CTRL) & CTRL.RFCE) {
      statistics.count(quanta === 0 ? STAT.XONRXC : STAT.XOFFRXC);
      flow.pause(quanta, at);
    }
    return pause ? (control & RCTL.DPF) !== 0 : !(control & RCTL.PMCF);
  }

  /** XOFF above FCRTH, XON below FCRTL, once for each crossing. */
  private watchFifo(): void {
    const { registers, statistics, flow } = this.parts;
    const high = registers.get(REG.FCRTH);
    if (!(registers.get(REG.CTRL) & CTRL.TFCE) || high === 0) return;
    const low = registers.get(REG.FCRTL);
    if (!this.sentXoff && this.fifoBytes > high) {
      this.sentXoff = true;
      statistics.count(STAT.XOFFTXC);
      flow.sendPause(registers.get(REG.FCTTV));
    } else if (this.sentXoff && this.fifoBytes < (low & 0xfff8)) {
      this.sentXoff = false;
      if (!(low & 0x80000000)) return;
      statistics.count(STAT.XONTXC);
      flow.sendPause(0);
    }
  }
}
