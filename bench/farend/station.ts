/**
 * A host at the far end of the wire: it has an Ethernet and an IP address, answers ARP and resolves its peers,
 * fragments and reassembles, and hands UDP datagrams to the services bound to its ports (sink.ts, source.ts,
 * echo.ts). It computes in no time; its frames take their time on the wire.
 *
 * It pings and answers pings (icmp.ts), and honours PAUSE frames, as a switch or card would that negotiated flow control. Left
 * out: routing.
 */

import type { Saved } from '../../emu/bus.ts';
import type { Clock } from '../../emu/clock.ts';
import { be16 } from '../../emu/devices/e1000/frame.ts';
import type { LinkEnd, Side, Wire } from '../../emu/devices/wire.ts';
import { fragment, Reassembler } from './fragments.ts';
import { echoReply, echoRequest, PROTOCOL_ICMP, parseEchoReply } from './icmp.ts';
import {
  arpFrame,
  BROADCAST,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  ETHERTYPE_MAC_CONTROL,
  type IpPacket,
  ipFrame,
  PROTOCOL_UDP,
  parseArp,
  parseIp,
  parseIpFrame,
  parseMac,
  parseUdp,
  sameBytes,
  type Udp,
  udpPacket,
} from './packets.ts';

export interface StationOptions {
  /** Default 02:00:00:00:00:01. */
  mac?: string;
  /** Default 10.0.0.2. */
  ip?: string;
  /** Bytes of an IP packet, 68 (RFC 791) to 16000; default 1500. */
  mtu?: number;
  /** Frames that may wait for the wire; default 4096. */
  queueLimit?: number;
  /** Seconds that a datagram's fragments may take; default 1. */
  reassemblySeconds?: number;
  name?: string;
}

/** A datagram that arrived whole at tick `at`. */
export interface Received extends Udp {
  at: number;
  checksumOk: boolean;
}

export type Service = (datagram: Received) => void;

export interface StationCounts {
  framesReceived: number;
  bytesReceived: number;
  /** Frames whose FCS was wrong. */
  badFcs: number;
  /** Frames that made no sense, or were for nobody here. */
  ignored: number;
  framesSent: number;
  /** Frames that found the queue full. */
  queueDrops: number;
  pauses: number;
  echoReplies: number;
}

interface Queued {
  frame: Uint8Array;
  notBefore: number;
}

const PAUSE_QUANTUM_BITS = 512;
/** Events wait for heads, so a start tick may be past by this much; one further back means now. */
const LATENESS_SECONDS = 10e-6;

export class Station implements LinkEnd, Saved {
  readonly clock: Clock;
  readonly ip: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  counts: StationCounts = noCounts();
  private readonly wire: Wire;
  private readonly side: Side;
  private readonly queueLimit: number;
  private readonly reassembler: Reassembler;
  private readonly services = new Map<number, Service>();
  private readonly neighbours = new Map<number, Uint8Array>();
  private readonly event: number;
  private queue: Queued[] = [];
  private nextId = 1;
  private pausedUntil = 0;

  constructor(clock: Clock, wire: Wire, side: Side, options: StationOptions = {}) {
    this.clock = clock;
    this.wire = wire;
    this.side = side;
    this.mac = parseMac(options.mac ?? '02:00:00:00:00:01');
    this.ip = parseIp(options.ip ?? '10.0.0.2');
    this.mtu = options.mtu ?? 1500;
    if (!(Number.isInteger(this.mtu) && this.mtu >= 68 && this.mtu <= 16_000))
      throw new RangeError(`an MTU of ${this.mtu} bytes is not a whole number from 68 to 16000`);
    this.queueLimit = options.queueLimit ?? 4096;
    this.reassembler = new Reassembler(clock.ticksOf(options.reassemblySeconds ?? 1));
    this.event = clock.register(`${options.name ?? 'far end'} send`, () => this.kick());
    wire.connect(side, this);
  }

  /** Gives datagrams for a UDP port to `service`. */
  bind(port: number, service: Service): void {
    this.services.set(port, service);
  }

  /** The Ethernet address of a peer, when known. */
  neighbour(ip: number): Uint8Array | undefined {
    return this.neighbours.get(ip);
  }

  /** Asks for a peer's Ethernet address; the answer shows in neighbour(). */
  resolve(ip: number): void {
    const arp = { operation: 'request', senderMac: this.mac, senderIp: this.ip } as const;
    this.enqueue(
      arpFrame(BROADCAST, { ...arp, targetMac: new Uint8Array(6), targetIp: ip }),
      this.clock.now(),
    );
  }

  /** How many frames a datagram of `bytes` payload makes. */
  framesOf(bytes: number): number {
    return Math.ceil((8 + bytes) / ((this.mtu - 20) & ~7));
  }

  /** Frames that wait for the wire. */
  waiting(): number {
    return this.queue.length;
  }

  /**
   * Queues a datagram, in fragments if need be, each sent at its tick in `times` (0: now) or when the wire is free. Returns
   * false, and sends nothing, while the peer's Ethernet address is unknown.
   */
  send(udp: Omit<Udp, 'source'>, times: (frame: number) => number, checksum = true): boolean {
    const to = this.neighbours.get(udp.destination);
    if (!to) return false;
    const payload = udpPacket({ ...udp, source: this.ip }, checksum);
    this.sendIp(to, udp.destination, PROTOCOL_UDP, payload, times);
    return true;
  }

  /** Pings a peer; false, and nothing is sent, while its Ethernet address is unknown. */
  ping(ip: number, identifier: number, sequence: number): boolean {
    const to = this.neighbours.get(ip);
    if (to) this.sendIp(to, ip, PROTOCOL_ICMP, echoRequest(identifier, sequence), () => this.clock.now());
    return to !== undefined;
  }

  private sendIp(
    to: Uint8Array,
    destination: number,
    protocol: number,
    payload: Uint8Array,
    times: (frame: number) => number,
  ): void {
    const id = this.nextId;
    this.nextId = (this.nextId + 1) & 0xffff;
    const whole: IpPacket = { source: this.ip, destination, protocol, id, payload, offset: 0, more: false };
    fragment(whole, this.mtu).forEach((piece, i) => {
      this.enqueue(ipFrame(to, this.mac, piece), times(i));
    });
  }

  deliver(frame: Uint8Array, at: number, badFcs: boolean): void {
    this.counts.framesReceived++;
    this.counts.bytesReceived += frame.length;
    if (badFcs) this.counts.badFcs++;
    else if (!this.take(frame, at)) this.counts.ignored++;
  }

  linkChanged(up: boolean): void {
    if (up) this.kick();
    else this.clock.cancel(this.event);
  }

  save(): unknown {
    const { queue, nextId, pausedUntil, counts, neighbours } = this;
    return structuredClone({
      queue,
      nextId,
      pausedUntil,
      counts,
      neighbours: [...neighbours],
      partials: this.reassembler.save(),
    });
  }

  load(state: unknown): void {
    const saved = structuredClone(state) as {
      queue: Queued[];
      nextId: number;
      pausedUntil: number;
      counts: StationCounts;
      neighbours: [number, Uint8Array][];
      partials: unknown;
    };
    this.queue = saved.queue;
    this.nextId = saved.nextId;
    this.pausedUntil = saved.pausedUntil;
    this.counts = saved.counts;
    this.neighbours.clear();
    for (const [ip, mac] of saved.neighbours) this.neighbours.set(ip, mac);
    this.reassembler.load(saved.partials);
  }

  /** Datagrams whose fragments did not all come. */
  incomplete(): number {
    return this.reassembler.incomplete;
  }

  private take(frame: Uint8Array, at: number): boolean {
    const type = be16(frame, 12);
    if (type === ETHERTYPE_MAC_CONTROL) return this.takePause(frame, at);
    const to = frame.subarray(0, 6);
    if (!sameBytes(to, this.mac) && !sameBytes(to, BROADCAST)) return false;
    if (type === ETHERTYPE_ARP) return this.takeArp(frame, at);
    return type === ETHERTYPE_IP && this.takeIp(frame, at);
  }

  private takePause(frame: Uint8Array, at: number): boolean {
    if (be16(frame, 14) !== 1) return false;
    const bits = be16(frame, 16) * PAUSE_QUANTUM_BITS;
    this.pausedUntil = at + Math.ceil((bits * this.clock.ticksPerSecond) / this.wire.bitsPerSecond);
    this.counts.pauses++;
    this.kick();
    return true;
  }

  private takeArp(frame: Uint8Array, at: number): boolean {
    const arp = parseArp(frame);
    if (!arp || arp.targetIp !== this.ip) return false;
    this.neighbours.set(arp.senderIp, arp.senderMac);
    if (arp.operation === 'reply') return true;
    const reply = { operation: 'reply', senderMac: this.mac, senderIp: this.ip } as const;
    this.enqueue(arpFrame(arp.senderMac, { ...reply, targetMac: arp.senderMac, targetIp: arp.senderIp }), at);
    return true;
  }

  private takeIp(frame: Uint8Array, at: number): boolean {
    const packet = parseIpFrame(frame);
    if (!packet || packet.destination !== this.ip) return false;
    if (packet.protocol !== PROTOCOL_UDP && packet.protocol !== PROTOCOL_ICMP) return false;
    const from = frame.slice(6, 12);
    this.neighbours.set(packet.source, from);
    const whole = this.reassembler.add(packet, at);
    if (!whole) return true;
    if (packet.protocol === PROTOCOL_ICMP) {
      if (parseEchoReply(whole)) {
        this.counts.echoReplies++;
        return true;
      }
      const reply = echoReply(whole);
      if (reply) this.sendIp(from, packet.source, PROTOCOL_ICMP, reply, () => at);
      return reply !== undefined;
    }
    const udp = parseUdp(packet.source, packet.destination, whole);
    const service = udp && this.services.get(udp.destinationPort);
    if (!udp || !service) return false;
    service({ ...udp, at });
    return true;
  }

  private enqueue(frame: Uint8Array, notBefore: number): void {
    if (this.queue.length >= this.queueLimit) {
      this.counts.queueDrops++;
      return;
    }
    const now = this.clock.now();
    const late = now - notBefore > this.clock.ticksOf(LATENESS_SECONDS);
    this.queue.push({ frame, notBefore: late ? now : notBefore });
    this.kick();
  }

  /** Starts what may start now, and comes back for the rest. */
  private kick(): void {
    while (this.queue.length > 0 && this.wire.isUp()) {
      const readyAt = Math.max(this.queue[0].notBefore, this.pausedUntil);
      const startAt = Math.max(readyAt, this.wire.freeAt(this.side));
      if (startAt > this.clock.now()) {
        this.clock.schedule(this.event, startAt);
        return;
      }
      this.counts.framesSent++;
      this.wire.send(this.side, this.queue.shift()!.frame, readyAt);
    }
  }
}

function noCounts(): StationCounts {
  return {
    framesReceived: 0,
    bytesReceived: 0,
    badFcs: 0,
    ignored: 0,
    framesSent: 0,
    queueDrops: 0,
    pauses: 0,
    echoReplies: 0,
  };
}
