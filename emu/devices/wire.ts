/**
 * A full-duplex Ethernet link between two ends, whose frames take their time (IEEE 802.3: preamble and start
 * delimiter 8 bytes, frame, FCS 4, interframe gap 12).
 *
 * A frame is handed over without its FCS; `badFcs` says that the FCS on the wire does not fit it. It is delivered
 * when its last FCS bit has arrived: start + (8 + frame + 4) bytes + propagation delay. The direction is free
 * again 12 byte times after the last bit was sent. Bit times are no whole ticks: each direction keeps the exact
 * fraction, so a million back-to-back frames end at the exact tick. A frame that its sender had ready while the
 * wire was busy starts when the wire falls free, however late the sender's event runs; so line rate is line rate.
 *
 * Left out: bit errors inside the link (see bench/farend for damage), half duplex, collisions.
 */

import type { Saved } from '../bus.ts';
import type { Clock } from '../clock.ts';

const PREAMBLE_BYTES = 8;
const FCS_BYTES = 4;
const GAP_BYTES = 12;

/** Byte times that the wire is busy with a frame beyond the frame's own bytes. */
export const FRAME_OVERHEAD = PREAMBLE_BYTES + FCS_BYTES + GAP_BYTES;

/** One of the two ends, by number. */
export type Side = 0 | 1;

/** What sits at an end of the wire. */
export interface LinkEnd {
  /**
   * A frame (destination address first, without FCS) whose last bit arrived at tick `at`, at or before now. The
   * bytes belong to the receiver, who must not change them: a tap may hold them too.
   */
  deliver(frame: Uint8Array, at: number, badFcs: boolean): void;
  /** The link came up or went down at tick `at`. */
  linkChanged?(up: boolean, at: number): void;
}

/** Sees every frame that starts on the wire: its sender, the tick at which its last bit is sent, and its bytes. */
export type Tap = (from: Side, frame: Uint8Array, lastBitAt: number, badFcs: boolean) => void;

export interface WireOptions {
  /** Bits a second in each direction; default 1 Gb/s. A whole number from 1 to 10^12. */
  bitsPerSecond?: number;
  /** One-way delay in seconds; default 500 ns, 100 m of cable at 5 ns a metre. */
  propagationSeconds?: number;
  /** Is the link up at reset? Default true. */
  up?: boolean;
  name?: string;
}

interface InFlight {
  frame: Uint8Array;
  at: number;
  badFcs: boolean;
}

/** One direction: when it falls free, as a whole tick and a fraction in units of 1/bitsPerSecond tick. */
interface Direction {
  freeTick: number;
  freeFraction: number;
  inFlight: InFlight[];
  event: number;
}

/** Longer than any jumbo frame; keeps the arithmetic below exact for clocks up to 17 GHz. */
const LONGEST_FRAME = 16_384;

const NOBODY: LinkEnd = { deliver() {} };

export class Wire implements Saved {
  readonly bitsPerSecond: number;
  readonly propagationTicks: number;
  private readonly clock: Clock;
  private readonly ends: [LinkEnd, LinkEnd] = [NOBODY, NOBODY];
  private readonly directions: [Direction, Direction];
  private readonly taps: Tap[] = [];
  private linkUp: boolean;

  constructor(clock: Clock, options: WireOptions = {}) {
    this.clock = clock;
    this.bitsPerSecond = options.bitsPerSecond ?? 1_000_000_000;
    if (!Number.isInteger(this.bitsPerSecond) || this.bitsPerSecond < 1 || this.bitsPerSecond > 1e12)
      throw new RangeError(`wire: ${this.bitsPerSecond} bit/s is not a whole number from 1 to 10^12`);
    const propagation = options.propagationSeconds ?? 500e-9;
    if (!(propagation >= 0 && propagation <= 10))
      throw new RangeError(`wire: a propagation delay of ${propagation} s is not from 0 to 10 s`);
    this.propagationTicks = clock.ticksOf(propagation);
    this.linkUp = options.up ?? true;
    const name = options.name ?? 'wire';
    this.directions = [this.direction(`${name} 0>1`, 0), this.direction(`${name} 1>0`, 1)];
  }

  /** Puts `end` at a side, in place of what was there. */
  connect(side: Side, end: LinkEnd): void {
    this.ends[side] = end;
  }

  /** What sits at a side now; to put something between it and the wire, connect a wrapper of it. */
  end(side: Side): LinkEnd {
    return this.ends[side];
  }

  tap(tap: Tap): void {
    this.taps.push(tap);
  }

  isUp(): boolean {
    return this.linkUp;
  }

  /** Plugs or unplugs the cable. Frames in flight are lost when it goes down. */
  setUp(up: boolean): void {
    if (up === this.linkUp) return;
    this.linkUp = up;
    for (const d of this.directions) {
      if (!up) this.lose(d);
      else if (d.freeTick < this.clock.now())
        Object.assign(d, { freeTick: this.clock.now(), freeFraction: 0 });
    }
    for (const end of this.ends) end.linkChanged?.(up, this.clock.now());
  }

  /** The first tick at which `from` may start its next frame. */
  freeAt(from: Side): number {
    const d = this.directions[from];
    return d.freeFraction > 0 ? d.freeTick + 1 : d.freeTick;
  }

  /**
   * Starts a frame at max(`readyAt`, freeAt(from)) and returns the tick at which the wire is free again. `readyAt`
   * is the tick, at or before now, at which the sender had the frame. Throws a RangeError while the wire is still
   * busy, since a link has no queue: the sender waits. On a link that is down the frame is lost.
   */
  send(from: Side, frame: Uint8Array, readyAt: number, badFcs = false): number {
    const now = this.clock.now();
    if (this.freeAt(from) > now)
      throw new RangeError('wire: the sender did not wait until the wire was free');
    if (frame.length > LONGEST_FRAME) throw new RangeError(`wire: a frame of ${frame.length} bytes`);
    const d = this.directions[from];
    if (readyAt > this.freeAt(from)) {
      d.freeTick = Math.min(readyAt, now);
      d.freeFraction = 0;
    }
    this.advance(d, PREAMBLE_BYTES + frame.length + FCS_BYTES);
    const lastBitAt = this.freeAt(from);
    this.advance(d, GAP_BYTES);
    for (const tap of this.taps) tap(from, frame, lastBitAt, badFcs);
    if (this.linkUp) {
      d.inFlight.push({ frame, at: lastBitAt + this.propagationTicks, badFcs });
      if (d.inFlight.length === 1) this.clock.schedule(d.event, d.inFlight[0].at);
    }
    return this.freeAt(from);
  }

  /** Ticks that a frame of `bytes` (without FCS) keeps the wire busy, rounded up. */
  ticksOf(bytes: number): number {
    return Math.ceil(((bytes + FRAME_OVERHEAD) * 8 * this.clock.ticksPerSecond) / this.bitsPerSecond);
  }

  save(): unknown {
    const directions = this.directions.map(({ freeTick, freeFraction, inFlight }) => ({
      freeTick,
      freeFraction,
      inFlight: inFlight.map(f => ({ ...f, frame: f.frame.slice() })),
    }));
    return { linkUp: this.linkUp, directions };
  }

  load(state: unknown): void {
    const saved = state as { linkUp: boolean; directions: Omit<Direction, 'event'>[] };
    this.linkUp = saved.linkUp;
    this.directions.forEach((d, i) => {
      d.freeTick = saved.directions[i].freeTick;
      d.freeFraction = saved.directions[i].freeFraction;
      d.inFlight = saved.directions[i].inFlight.map(f => ({ ...f, frame: f.frame.slice() }));
    });
  }

  private direction(name: string, from: Side): Direction {
    const event = this.clock.register(name, now => this.arrive(from, now));
    return { freeTick: 0, freeFraction: 0, inFlight: [], event };
  }

  /** Moves a direction's free time on by the bits of `bytes`, exactly. */
  private advance(d: Direction, bytes: number): void {
    const ticks = bytes * 8 * this.clock.ticksPerSecond + d.freeFraction;
    const whole = Math.floor(ticks / this.bitsPerSecond);
    d.freeTick += whole;
    d.freeFraction = ticks - whole * this.bitsPerSecond;
  }

  private arrive(from: Side, now: number): void {
    const d = this.directions[from];
    const to = this.ends[from === 0 ? 1 : 0];
    while (d.inFlight.length > 0 && d.inFlight[0].at <= now) {
      const { frame, at, badFcs } = d.inFlight.shift()!;
      to.deliver(frame, at, badFcs);
    }
    if (d.inFlight.length > 0) this.clock.schedule(d.event, d.inFlight[0].at);
  }

  private lose(d: Direction): void {
    d.inFlight.length = 0;
    this.clock.cancel(d.event);
  }
}
