/**
 * The sender of a paced stream of messages (message.ts), each one UDP datagram in IP fragments.
 *
 * Message k is due at start + k * interval, by exact arithmetic. Its fragments leave back to back, as from a real
 * host, or spread evenly over the interval. A pace above what the wire carries is line rate: never more than two
 * messages wait for the wire, and what the pace lost that way is not made up for.
 */

import type { Saved } from '../../emu/bus.ts';
import type { Clock } from '../../emu/clock.ts';
import { buildMessage, MESSAGE_BYTES } from './message.ts';
import { parseIp } from './packets.ts';
import type { Station } from './station.ts';

/** Payload bits of messages a second, frames (fragments) a second, or as fast as the wire goes. */
export type Pace = { bitsPerSecond: number } | { packetsPerSecond: number } | 'wire';

export interface SourceOptions {
  to: string;
  port: number;
  /** Default 5001. */
  fromPort?: number;
  pace: Pace;
  seed: number;
  /** Messages to send; default without end. */
  count?: number;
  /** How a message's fragments leave; default 'burst'. */
  spacing?: 'burst' | 'even';
  /** Fill in the UDP checksum? Default true. */
  checksum?: boolean;
  name?: string;
}

/** Between two ARP requests. */
const ARP_SECONDS = 1e-3;
/** Between looks whether less than a message waits for the wire. */
const QUEUE_SECONDS = 10e-6;

export class Source implements Saved {
  private readonly clock: Clock;
  private readonly station: Station;
  private readonly options: SourceOptions;
  private readonly destination: number;
  private readonly event: number;
  /** Frames of a message. */
  private readonly frames: number;
  /** Ticks between messages, not whole. */
  private readonly interval: number;
  private sent = 0;
  /** Message `origin.number` was due at `origin.at`. */
  private origin = { number: 0, at: 0 };
  private running = false;

  constructor(station: Station, options: SourceOptions) {
    this.station = station;
    this.clock = station.clock;
    this.options = options;
    this.destination = parseIp(options.to);
    this.frames = station.framesOf(MESSAGE_BYTES);
    this.interval = this.intervalTicks(options.pace);
    this.event = this.clock.register(options.name ?? 'source', now => this.due(now));
  }

  /** Begins at tick `at` (default, and at the earliest, now), as soon as the peer answers ARP. */
  start(at = 0): void {
    at = Math.max(at, this.clock.now());
    this.running = true;
    this.origin = { number: this.sent, at };
    this.clock.schedule(this.event, at);
  }

  /** No further message; what is queued still leaves. */
  stop(): void {
    this.running = false;
    this.clock.cancel(this.event);
  }

  /** Messages handed to the wire's queue so far. */
  messagesSent(): number {
    return this.sent;
  }

  /** Has every message of `count` been sent? */
  finished(): boolean {
    return this.sent >= (this.options.count ?? Number.POSITIVE_INFINITY);
  }

  save(): unknown {
    return { sent: this.sent, origin: { ...this.origin }, running: this.running };
  }

  load(state: unknown): void {
    const saved = state as { sent: number; origin: { number: number; at: number }; running: boolean };
    this.sent = saved.sent;
    this.origin = { ...saved.origin };
    this.running = saved.running;
  }

  private intervalTicks(pace: Pace): number {
    if (pace === 'wire') return 0;
    const perSecond =
      'bitsPerSecond' in pace
        ? pace.bitsPerSecond / (MESSAGE_BYTES * 8)
        : pace.packetsPerSecond / this.frames;
    if (!(perSecond > 0 && Number.isFinite(perSecond)))
      throw new RangeError('source: the pace must be above 0');
    return this.clock.ticksPerSecond / perSecond;
  }

  private dueAt(number: number): number {
    return Math.ceil(this.origin.at + (number - this.origin.number) * this.interval);
  }

  private due(now: number): void {
    if (!this.running || this.finished()) return;
    if (!this.station.neighbour(this.destination)) {
      this.station.resolve(this.destination);
      this.postpone(now + this.clock.ticksOf(ARP_SECONDS));
    } else if (this.station.waiting() > this.frames) {
      this.postpone(now + this.clock.ticksOf(QUEUE_SECONDS));
    } else this.sendMessage();
  }

  /** The next message is due later than planned, and those after it too. */
  private postpone(at: number): void {
    this.origin = { number: this.sent, at };
    this.clock.schedule(this.event, at);
  }

  private sendMessage(): void {
    const { port, fromPort, seed, checksum, spacing } = this.options;
    const at = this.dueAt(this.sent);
    const payload = buildMessage(this.sent, seed);
    const gap = spacing === 'even' ? this.interval / this.frames : 0;
    const udp = {
      destination: this.destination,
      sourcePort: fromPort ?? 5001,
      destinationPort: port,
      payload,
    };
    this.station.send(udp, frame => Math.ceil(at + frame * gap), checksum ?? true);
    this.sent++;
    if (!this.finished())
      this.clock.schedule(this.event, Math.max(this.dueAt(this.sent), this.clock.now() + 1));
  }
}
