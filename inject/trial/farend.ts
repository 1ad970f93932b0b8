/**
 * The far end of a trial's wire: a host that receives and verifies the stream that the guest sends, sends the stream
 * that the guest receives (open loop: paced, whatever arrives), answers and asks ARP and pings, and counts what no
 * healthy guest sends. All of it is state that a snapshot takes in.
 *
 * Messages are those of bench/farend/message.ts in the four lengths of user/lib/trial.c.
 */
import { buildMessage } from '../../bench/farend/message.ts';
import { parseIp, sameBytes } from '../../bench/farend/packets.ts';
import { type Received, Station } from '../../bench/farend/station.ts';
import type { Saved } from '../../emu/bus.ts';
import type { Clock } from '../../emu/clock.ts';
import type { LinkEnd, Wire } from '../../emu/devices/wire.ts';

export const GUEST_IP = '10.0.0.1';
export const FAR_IP = '10.0.0.2';
/** Where the far end listens, and where the guest does. */
export const SEND_PORT = 5001;
export const RECEIVE_PORT = 5002;

/** Of the four kinds (trial_bytes). */
const LENGTHS = [64, 1400, 3000, 6000] as const;
const KINDS = LENGTHS.length;
const NUMBER = 4;
const HEADER = 16;
const SOURCE_PORT = 5003;
/** How far back a number that comes again is told from one that came late. */
const REMEMBERED = 1024;

export interface FarEndOptions {
  seed: number;
  /** Of the stream to the guest. */
  messagesPerSecond: number;
}

/** All counts are from the beginning on. */
export interface FarEndCounts {
  /** Frames on the wire. */
  framesFrom: number;
  framesTo: number;
  /** Messages: good, wrong in any way, gaps in the numbering, sent to the guest. */
  good: number;
  damaged: number;
  lost: number;
  sent: number;
  /** Messages that came again. */
  duplicated: number;
  /** Frames with a bad FCS, or that made no sense, or from an address that is not the guest's. */
  badFrames: number;
  pings: number;
  /** Tick of the first wrong frame or message since the count was cleared; -1: none. */
  firstBadAt: number;
}

interface State {
  counts: FarEndCounts;
  running: boolean;
  held: boolean;
  /** Message 0 was due then, in ticks. */
  origin: number;
  highest: number;
  seen: number[];
  guestMac: number[];
  station: unknown;
}

export class FarEnd implements LinkEnd, Saved {
  readonly station: Station;
  private readonly clock: Clock;
  private readonly event: number;
  private readonly interval: number;
  /** What the guest sends and is sent, by kind; the numbers are filled in. */
  private readonly messages: readonly Uint8Array[];
  private counts: FarEndCounts = noCounts();
  private running = false;
  private held = false;
  private origin = 0;
  private highest = -1;
  private seen = new Set<number>();
  private guestMac: number[] = [];

  constructor(clock: Clock, wire: Wire, options: FarEndOptions) {
    this.clock = clock;
    this.interval = clock.ticksPerSecond / options.messagesPerSecond;
    this.messages = LENGTHS.map((length, kind) => buildMessage(kind, options.seed, length));
    this.station = new Station(clock, wire, 1, { ip: FAR_IP });
    wire.connect(1, this);
    this.station.bind(SEND_PORT, datagram => this.take(datagram));
    this.event = clock.register('trial stream', () => this.due());
  }

  /** Asks for the guest's Ethernet address, so that both know each other. */
  greet(): void {
    this.station.resolve(parseIp(GUEST_IP));
  }

  /** Begins the stream to the guest. */
  start(): void {
    this.running = true;
    this.origin = this.clock.now();
    this.clock.schedule(this.event, this.origin);
    const mac = this.station.neighbour(parseIp(GUEST_IP));
    this.guestMac = mac ? [...mac] : [];
  }

  /** The guest takes its interface down, or has it up again: meanwhile no message is sent, so that none is lost. */
  hold(on: boolean): void {
    this.held = on;
  }

  /** Pings the guest; the answer is counted. */
  ping(sequence: number): void {
    this.station.ping(parseIp(GUEST_IP), 1, sequence);
  }

  read(): FarEndCounts {
    const { framesSent, badFcs, ignored, echoReplies } = this.station.counts;
    const { badFrames } = this.counts;
    return {
      ...this.counts,
      framesTo: framesSent,
      badFrames: badFrames + badFcs + ignored,
      pings: echoReplies,
    };
  }

  /** Frames on the wire, both ways. */
  packets(): number {
    return this.counts.framesFrom + this.station.counts.framesSent;
  }

  deliver(frame: Uint8Array, at: number, badFcs: boolean): void {
    this.counts.framesFrom++;
    const { counts } = this.station;
    const before = counts.ignored + counts.badFcs;
    this.station.deliver(frame, at, badFcs);
    const foreign =
      this.guestMac.length > 0 && !sameBytes(frame.subarray(6, 12), Uint8Array.from(this.guestMac));
    if (foreign) this.counts.badFrames++;
    if (foreign || counts.ignored + counts.badFcs !== before) this.bad(at);
  }

  linkChanged(up: boolean): void {
    this.station.linkChanged(up);
  }

  save(): unknown {
    const { running, held, origin, highest } = this;
    const state: State = {
      ...{ running, held, origin, highest, seen: [...this.seen], guestMac: this.guestMac.slice() },
      ...{ counts: { ...this.counts }, station: this.station.save() },
    };
    return state;
  }

  load(saved: unknown): void {
    const state = saved as State;
    this.counts = { ...state.counts };
    this.running = state.running;
    this.held = state.held;
    this.origin = state.origin;
    this.highest = state.highest;
    this.seen = new Set(state.seen);
    this.guestMac = state.guestMac.slice();
    this.station.load(state.station);
  }

  private bad(at: number): void {
    if (this.counts.firstBadAt < 0) this.counts.firstBadAt = at;
  }

  /** The next message to the guest. */
  private due(): void {
    if (!this.running) return;
    if (this.held) {
      this.origin += this.interval;
      this.clock.schedule(this.event, Math.ceil(this.origin + this.counts.sent * this.interval));
      return;
    }
    const number = this.counts.sent++;
    const payload = this.messages[number % KINDS].slice();
    new DataView(payload.buffer).setUint32(NUMBER, number, true);
    const at = Math.ceil(this.origin + number * this.interval);
    const address = {
      destination: parseIp(GUEST_IP),
      destinationPort: RECEIVE_PORT,
      sourcePort: SOURCE_PORT,
    };
    this.station.send({ ...address, payload }, () => at);
    this.clock.schedule(this.event, Math.ceil(this.origin + (number + 1) * this.interval));
  }

  /** A message from the guest. */
  private take(datagram: Received): void {
    const { payload, at, checksumOk } = datagram;
    const number =
      payload.length >= HEADER
        ? new DataView(payload.buffer, payload.byteOffset).getUint32(NUMBER, true)
        : -1;
    if (!checksumOk || !this.isWhole(payload, number)) {
      this.counts.damaged++;
      this.bad(at);
    } else if (this.seen.has(number) || number < this.highest - REMEMBERED) {
      this.counts.duplicated++;
      this.bad(at);
    } else this.good(number);
  }

  private isWhole(payload: Uint8Array, number: number): boolean {
    const want = this.messages[number % KINDS];
    if (number < 0 || payload.length !== want.length) return false;
    for (let n = 0; n < want.length; n++)
      if (payload[n] !== want[n] && (n < NUMBER || n >= NUMBER + 4)) return false;
    return true;
  }

  /** Gaps count as lost until their message comes late. */
  private good(number: number): void {
    const { counts, seen } = this;
    counts.good++;
    if (number > this.highest) {
      if (this.highest >= 0) counts.lost += number - this.highest - 1;
      this.highest = number;
    } else counts.lost--;
    seen.add(number);
    if (seen.size > 2 * REMEMBERED)
      for (const old of seen) if (old < this.highest - REMEMBERED) seen.delete(old);
  }
}

function noCounts(): FarEndCounts {
  const messages = { good: 0, damaged: 0, lost: 0, sent: 0, duplicated: 0 };
  return { framesFrom: 0, framesTo: 0, ...messages, badFrames: 0, pings: 0, firstBadAt: -1 };
}
