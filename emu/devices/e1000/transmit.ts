/**
 * The transmit unit (manual 3.3, 3.4, 13.4.33 to 13.4.40): legacy, context and data descriptors are fetched by DMA,
 * their buffers gathered into packets, completed (checksums, VLAN tag, padding, FCS) and sent from the packet FIFO as
 * the wire falls free.
 *
 * One descriptor is one burst. A descriptor with RS comes back with DD as soon as its data are in the FIFO; that is
 * when TXDW (by IDE, TIDV and TADV later) is raised, not when the frame has left. Of TXDCTL only LWTHRESH acts (TXD_LOW):
 * descriptors are fetched when none is left on chip and written back at once. While the link is down nothing is sent.
 *
 * Left out: TCP segmentation (TSE: the packet is dropped with a notice), RPS (reserved on the 82540EM), half duplex.
 */

import { type Clock, NEVER } from '../../clock.ts';
import { type BusMaster, bufferAddress, DESCRIPTOR_BYTES, DescriptorRing, field16, field32 } from './dma.ts';
import { destinationOf, fcs } from './frame.ts';
import { DelayTimer, type Interrupts } from './interrupts.ts';
import { CAUSE, CTRL, REG, type RegisterFile, type RegisterRow, TCTL } from './registers.ts';
import type { Statistics } from './statistics.ts';
import { type ChecksumRule, insertChecksum, insertTag } from './txoffload.ts';

const FCS_BYTES = 4;
const SHORTEST = 60;
const LONGEST = 16_288;
/** Packet buffer memory of both directions, KB. */
const PACKET_BUFFER_KB = 64;

/** Command byte of legacy and data descriptors. */
const CMD = { EOP: 1, IFCS: 2, IC: 4, TSE: 4, RS: 8, DEXT: 0x20, VLE: 0x40, IDE: 0x80 } as const;
const STATUS_DD = 1;
const POPTS_IXSM = 1;
const POPTS_TXSM = 2;
const TYPE_CONTEXT = 0;
const TYPE_DATA = 1;

/** A frame that waits for the wire. */
interface Ready {
  frame: Uint8Array;
  at: number;
  badFcs: boolean;
}

/** The MAC's side towards the wire. */
export interface MacPort {
  /** First tick at which a frame may start, or NEVER while the link is down. */
  freeAt(): number;
  send(frame: Uint8Array, readyAt: number, badFcs: boolean): void;
  /** Ticks of 512 bit times. */
  quantumTicks(): number;
}

export interface TransmitParts {
  clock: Clock;
  name: string;
  registers: RegisterFile;
  bus: BusMaster;
  interrupts: Interrupts;
  statistics: Statistics;
  port: MacPort;
  notice: (text: string) => void;
}

/** What the descriptors seen so far say of the packet being gathered. */
interface Gathering {
  length: number;
  popts: number | null;
  segmented: boolean;
  tooLong: boolean;
}

const nothing = (): Gathering => ({ length: 0, popts: null, segmented: false, tooLong: false });

interface SavedTransmit {
  packet: Uint8Array;
  gathering: Gathering;
  context: Uint8Array;
  fifo: Ready[];
  fifoBytes: number;
  heldUntil: number;
  step: 'idle' | 'fetch' | 'data';
  amount: number;
  doneAt: number;
  ring: unknown;
  timer: unknown;
}

export class TransmitUnit {
  private readonly parts: TransmitParts;
  private readonly ring: DescriptorRing;
  private readonly timer: DelayTimer;
  private readonly dmaEvent: number;
  private readonly wireEvent: number;
  private readonly packet = new Uint8Array(LONGEST);
  private gathering = nothing();
  /** The last context descriptor. */
  private readonly context = new Uint8Array(DESCRIPTOR_BYTES);
  private fifo: Ready[] = [];
  private fifoBytes = 0;
  /** Tick before which no data frame may start: a pause, or the link was down. */
  private heldUntil = 0;
  private step: 'idle' | 'fetch' | 'data' = 'idle';
  private amount = 0;
  private doneAt = 0;

  constructor(parts: TransmitParts) {
    this.parts = parts;
    const { TDBAL: bal, TDBAH: bah, TDLEN: len, TDH: head, TDT: tail } = REG;
    this.ring = new DescriptorRing(parts.registers, parts.bus, { name: 'T', bal, bah, len, head, tail });
    this.timer = new DelayTimer(parts.clock, `${parts.name} TIDV`, () => parts.interrupts.raise(CAUSE.TXDW));
    this.dmaEvent = parts.clock.register(`${parts.name} transmit DMA`, () => this.finish());
    this.wireEvent = parts.clock.register(`${parts.name} transmit`, () => this.kickWire());
  }

  rows(): RegisterRow[] {
    return [
      ...this.ring.rows(() => this.kick()),
      { at: REG.TCTL, name: 'TCTL', writable: 0x03fffffa, wrote: () => this.resume() },
      { at: REG.TIDV, name: 'TIDV', writable: 0xffff },
      { at: REG.TADV, name: 'TADV', writable: 0xffff },
    ];
  }

  /** Something that DMA waited for may have come. */
  kick(): void {
    this.pump(this.parts.clock.now());
  }

  /** The link came up or TCTL was written: what waited in the FIFO may start now, not earlier. */
  resume(): void {
    this.heldUntil = Math.max(this.heldUntil, this.parts.clock.now());
    this.kick();
    this.kickWire();
  }

  /** A PAUSE of `quanta` arrived at tick `at`. */
  pause(quanta: number, at: number): void {
    this.heldUntil = at + quanta * this.parts.port.quantumTicks();
    this.kickWire();
  }

  paused(): boolean {
    return this.parts.clock.now() < this.heldUntil;
  }

  /** Puts a MAC control frame ahead of everything. */
  sendControl(frame: Uint8Array): void {
    this.fifo.unshift({ frame, at: this.parts.clock.now(), badFcs: false });
    this.fifoBytes += frame.length;
    this.kickWire();
  }

  reset(): void {
    this.parts.clock.cancel(this.dmaEvent);
    this.parts.clock.cancel(this.wireEvent);
    this.timer.stop();
    this.ring.flush();
    this.gathering = nothing();
    this.context.fill(0);
    this.fifo = [];
    this.fifoBytes = 0;
    this.heldUntil = 0;
    this.step = 'idle';
  }

  save(): SavedTransmit {
    const { fifoBytes, heldUntil, step, amount, doneAt } = this;
    return {
      packet: this.packet.slice(0, this.gathering.length),
      gathering: { ...this.gathering },
      context: this.context.slice(),
      fifo: this.fifo.map(r => ({ ...r, frame: r.frame.slice() })),
      ...{ fifoBytes, heldUntil, step, amount, doneAt },
      ring: this.ring.save(),
      timer: this.timer.save(),
    };
  }

  load(state: unknown): void {
    const saved = state as SavedTransmit;
    this.packet.set(saved.packet);
    this.gathering = { ...saved.gathering };
    this.context.set(saved.context);
    this.fifo = saved.fifo.map(r => ({ ...r, frame: r.frame.slice() }));
    this.fifoBytes = saved.fifoBytes;
    this.heldUntil = saved.heldUntil;
    this.step = saved.step;
    this.amount = saved.amount;
    this.doneAt = saved.doneAt;
    this.ring.load(saved.ring);
    this.timer.load(saved.timer);
  }

  private enabled(): boolean {
    return (this.parts.registers.get(REG.TCTL) & TCTL.EN) !== 0;
  }

  /** PBA's transmit part, in bytes. */
  private capacity(): number {
    return (PACKET_BUFFER_KB - (this.parts.registers.get(REG.PBA) & 0xff)) * 1024;
  }

  /** Starts the next burst, when there is something to do and nothing under way. */
  private pump(readyAt: number): void {
    const { bus, clock } = this.parts;
    if (this.step !== 'idle' || !bus.enabled() || !this.enabled()) return;
    if (this.ring.ready()) {
      const descriptor = this.ring.current();
      this.amount = this.bytesToRead(descriptor);
      const room = this.capacity() - this.fifoBytes - this.gathering.length;
      if (this.amount > room && this.fifo.length > 0) return;
      this.step = 'data';
      const writeBack = descriptor[11] & CMD.RS ? DESCRIPTOR_BYTES : 0;
      this.doneAt = bus.reserve(readyAt, this.amount + writeBack);
    } else {
      this.amount = this.ring.fetchable();
      if (this.amount === 0) return;
      this.step = 'fetch';
      this.doneAt = bus.reserve(readyAt, this.amount * DESCRIPTOR_BYTES);
    }
    clock.schedule(this.dmaEvent, this.doneAt);
  }

  private bytesToRead(descriptor: Uint8Array): number {
    if (!(descriptor[11] & CMD.DEXT)) return field16(descriptor, 8);
    if (descriptor[10] >> 4 !== TYPE_DATA) return 0;
    return Math.min(field32(descriptor, 8) & 0xfffff, LONGEST + 1);
  }

  /** The burst is over. */
  private finish(): void {
    if (this.step === 'fetch') this.ring.fetch(Math.min(this.amount, this.ring.fetchable()));
    else if (this.ring.ready()) this.process(this.ring.current());
    this.step = 'idle';
    this.pump(this.doneAt);
  }

  private process(descriptor: Uint8Array): void {
    const { registers, interrupts, notice } = this.parts;
    const command = descriptor[11];
    const type = descriptor[10] >> 4;
    const extended = (command & CMD.DEXT) !== 0;
    if (extended && type === TYPE_CONTEXT) this.context.set(descriptor);
    else if (extended && type !== TYPE_DATA) notice(`transmit descriptor of unknown type ${type} skipped`);
    else this.gather(descriptor, extended);
    if (command & CMD.RS) {
      descriptor[12] = (descriptor[12] & 0xf0) | STATUS_DD;
      this.ring.writeBack();
    }
    this.ring.advance();
    if (command & CMD.RS) {
      const delay = command & CMD.IDE ? registers.get(REG.TIDV) : 0;
      if (this.timer.packet(this.doneAt, delay, registers.get(REG.TADV))) interrupts.raise(CAUSE.TXDW);
    }
    const left = this.ring.owned();
    if (left === 0) interrupts.raise(CAUSE.TXQE);
    else if (left === this.lowThreshold()) interrupts.raise(CAUSE.TXD_LOW);
  }

  /** TXDCTL.LWTHRESH, bits 31:25, in units of eight descriptors; 0 is off. */
  private lowThreshold(): number {
    return (this.parts.registers.get(REG.TXDCTL) >>> 25) * 8;
  }

  /** Adds a descriptor's buffer to the packet, and completes it at EOP. */
  private gather(descriptor: Uint8Array, extended: boolean): void {
    const g = this.gathering;
    const command = descriptor[11];
    if (g.popts === null) g.popts = extended ? descriptor[13] : 0;
    if (extended && command & CMD.TSE) g.segmented = true;
    if (g.length + this.amount > LONGEST) g.tooLong = true;
    else if (this.amount > 0) {
      this.parts.bus.read(bufferAddress(descriptor), this.packet.subarray(g.length, g.length + this.amount));
      g.length += this.amount;
    }
    if (!(command & CMD.EOP)) return;
    if (g.segmented) this.parts.notice('TCP segmentation is not modelled: packet dropped');
    else if (g.tooLong) this.parts.notice(`transmit packet of more than ${LONGEST} bytes dropped`);
    else if (g.length > 0) this.complete(descriptor, extended);
    this.gathering = nothing();
  }

  /** Everything that the MAC adds to a packet; then to the FIFO. */
  private complete(descriptor: Uint8Array, extended: boolean): void {
    const { registers } = this.parts;
    const command = descriptor[11];
    const body = this.packet.subarray(0, this.gathering.length);
    for (const rule of extended ? this.offloads() : legacyRule(descriptor)) insertChecksum(body, rule);
    let frame: Uint8Array = body.slice();
    let badFcs = false;
    if (!(command & CMD.IFCS) && frame.length > FCS_BYTES) {
      const end = frame.length - FCS_BYTES;
      badFcs = field32(frame.subarray(end), 0) !== fcs(frame, end);
      frame = frame.subarray(0, end);
    }
    if (command & CMD.VLE && registers.get(REG.CTRL) & CTRL.VME)
      frame = insertTag(frame, registers.get(REG.VET), field16(descriptor, 14));
    if (frame.length < SHORTEST && registers.get(REG.TCTL) & TCTL.PSP) {
      const padded = new Uint8Array(SHORTEST);
      padded.set(frame);
      frame = padded;
    }
    this.fifo.push({ frame, at: this.doneAt, badFcs });
    this.fifoBytes += frame.length;
    this.kickWire();
  }

  /** The checksums that the packet's first data descriptor asked for, by the last context descriptor. */
  private offloads(): ChecksumRule[] {
    const popts = this.gathering.popts ?? 0;
    const c = this.context;
    const rules: ChecksumRule[] = [];
    if (popts & POPTS_IXSM) rules.push({ start: c[0], offset: c[1], end: field16(c, 2), udp: false });
    if (popts & POPTS_TXSM) rules.push({ start: c[4], offset: c[5], end: field16(c, 6), udp: !(c[11] & 1) });
    return rules;
  }

  /** Starts the frame at the head of the FIFO, if the wire and the link partner let it. */
  private kickWire(): void {
    const { clock, port, statistics } = this.parts;
    while (this.fifo.length > 0) {
      const notBefore = this.notBefore(this.fifo[0]);
      const startAt = Math.max(port.freeAt(), notBefore);
      if (startAt > clock.now()) {
        clock.schedule(this.wireEvent, startAt);
        return;
      }
      const { frame, at, badFcs } = this.fifo.shift()!;
      this.fifoBytes -= frame.length;
      statistics.sent(frame.length + FCS_BYTES, destinationOf(frame));
      port.send(frame, Math.max(at, notBefore), badFcs);
      this.pump(clock.now());
    }
  }

  /** A pause and TCTL.EN hold back everything but MAC control frames. */
  private notBefore(ready: Ready): number {
    if (ready.frame[12] === 0x88 && ready.frame[13] === 0x08) return 0;
    return this.enabled() ? this.heldUntil : NEVER;
  }
}

/** Legacy checksum insertion: CSO and CSS of the descriptor with EOP and IC. */
function legacyRule(descriptor: Uint8Array): ChecksumRule[] {
  if (!(descriptor[11] & CMD.IC)) return [];
  return [{ start: descriptor[13], offset: descriptor[10], end: 0, udp: false }];
}
