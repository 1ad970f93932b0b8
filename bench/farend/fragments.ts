/** IPv4 fragmentation and reassembly (RFC 791 3.2), with bounds: so many datagrams at a time, so long each. */

import type { IpPacket } from './packets.ts';

const IP_HEADER = 20;
const LONGEST_DATAGRAM = 65_535 - IP_HEADER;

/** The pieces of a packet whose payload does not fit into `mtu` bytes with its header. Views of its payload. */
export function fragment(packet: IpPacket, mtu: number): IpPacket[] {
  const room = mtu - IP_HEADER;
  if (packet.payload.length <= room) return [packet];
  const step = room & ~7;
  const pieces: IpPacket[] = [];
  for (let at = 0; at < packet.payload.length; at += step) {
    const payload = packet.payload.subarray(at, at + step);
    const more = packet.more || at + step < packet.payload.length;
    pieces.push({ ...packet, payload, offset: packet.offset + at, more });
  }
  return pieces;
}

/** A datagram of which not all has come. `spans` are what has: disjoint [from, to), in order. */
interface Partial {
  key: string;
  bytes: Uint8Array;
  spans: [number, number][];
  total: number | null;
  startedAt: number;
}

export class Reassembler {
  /** Datagrams given up: too old, too many, or longer than IP allows. */
  incomplete = 0;
  private partials: Partial[] = [];
  private readonly timeoutTicks: number;
  private readonly limit: number;

  /** `timeoutTicks`: how long a datagram may take; `limit`: how many may be under way. */
  constructor(timeoutTicks: number, limit = 64) {
    this.timeoutTicks = timeoutTicks;
    this.limit = limit;
  }

  /** Takes a packet that arrived at tick `at`; returns the whole payload when this completes it. */
  add(packet: IpPacket, at: number): Uint8Array | undefined {
    if (packet.offset === 0 && !packet.more) return packet.payload;
    this.expire(at);
    const end = packet.offset + packet.payload.length;
    if (end > LONGEST_DATAGRAM || packet.payload.length === 0) return undefined;
    const partial = this.find(packet, at);
    if (partial.bytes.length < end) partial.bytes = grown(partial.bytes, end);
    partial.bytes.set(packet.payload, packet.offset);
    partial.spans = merged(partial.spans, [packet.offset, end]);
    if (!packet.more) partial.total = end;
    const [first] = partial.spans;
    if (partial.total === null || partial.spans.length !== 1 || first[0] !== 0 || first[1] < partial.total)
      return undefined;
    this.partials = this.partials.filter(p => p !== partial);
    return partial.bytes.subarray(0, partial.total);
  }

  /** Datagrams under way. */
  pending(): number {
    return this.partials.length;
  }

  save(): unknown {
    return structuredClone({ incomplete: this.incomplete, partials: this.partials });
  }

  load(state: unknown): void {
    const saved = structuredClone(state) as { incomplete: number; partials: Partial[] };
    this.incomplete = saved.incomplete;
    this.partials = saved.partials;
  }

  private find(packet: IpPacket, at: number): Partial {
    const key = `${packet.source} ${packet.destination} ${packet.protocol} ${packet.id}`;
    const known = this.partials.find(p => p.key === key);
    if (known) return known;
    if (this.partials.length >= this.limit) {
      this.partials.shift();
      this.incomplete++;
    }
    const partial: Partial = { key, bytes: new Uint8Array(0), spans: [], total: null, startedAt: at };
    this.partials.push(partial);
    return partial;
  }

  private expire(at: number): void {
    while (this.partials.length > 0 && at - this.partials[0].startedAt > this.timeoutTicks) {
      this.partials.shift();
      this.incomplete++;
    }
  }
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(Math.min(LONGEST_DATAGRAM, Math.max(length, 2 * bytes.length)));
  larger.set(bytes);
  return larger;
}

/** `spans` with one more, again disjoint and in order. */
function merged(spans: [number, number][], added: [number, number]): [number, number][] {
  const result: [number, number][] = [];
  let [from, to] = added;
  for (const span of spans) {
    if (span[1] < from || span[0] > to) result.push(span);
    else [from, to] = [Math.min(from, span[0]), Math.max(to, span[1])];
  }
  result.push([from, to]);
  return result.sort((a, b) => a[0] - b[0]);
}
