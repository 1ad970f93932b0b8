/**
 * The receiver of a stream of messages: verifies each (message.ts) and counts bytes, losses, damage and disorder.
 * Losses are gaps in the numbering that no damaged message accounts for; a message of which a fragment is missing is
 * lost. A loss at the very end of the stream is no gap.
 */

import type { Saved } from '../../emu/bus.ts';
import { checkMessage } from './message.ts';
import type { Received, Station } from './station.ts';

/** What arrived in the window. All counts are of messages, unless said otherwise. */
export interface SinkReport {
  messages: number;
  /** Payload bytes of good messages. */
  bytes: number;
  lost: number;
  /** Wrong UDP checksum, length, magic, checksum or body. */
  damaged: number;
  /** Good, but after one with a higher number. */
  reordered: number;
  duplicated: number;
  /** Ticks at which the last fragments of the first and the last good message arrived. */
  firstAt: number | null;
  lastAt: number | null;
}

/** How far back duplicates are recognised. */
const REMEMBERED = 4096;

export class Sink implements Saved {
  private counted = emptyReport();
  /** Number of the first message of the window, and the highest seen. */
  private base = 0;
  private highest = -1;
  private seen = new Set<number>();

  /** Listens on a UDP port of the station; the stream's first message has number `first`. */
  constructor(station: Station, port: number, first = 0) {
    this.base = first;
    this.highest = first - 1;
    station.bind(port, datagram => this.take(datagram));
  }

  /** Everything since the window began. */
  report(): SinkReport {
    const { messages, damaged } = this.counted;
    const expected = this.highest + 1 - this.base;
    return { ...this.counted, lost: Math.max(0, expected - messages - damaged) };
  }

  /** Begins a new window after the highest number seen: what was lost before is not counted again. */
  startWindow(): void {
    this.counted = emptyReport();
    this.base = this.highest + 1;
  }

  save(): unknown {
    return { report: { ...this.counted }, base: this.base, highest: this.highest, seen: [...this.seen] };
  }

  load(state: unknown): void {
    const saved = state as {
      report: SinkReport;
      base: number;
      highest: number;
      seen: number[];
    };
    this.counted = { ...saved.report };
    this.base = saved.base;
    this.highest = saved.highest;
    this.seen = new Set(saved.seen);
  }

  private take(datagram: Received): void {
    const check = checkMessage(datagram.payload);
    if (!check.ok || !datagram.checksumOk) this.counted.damaged++;
    else if (this.seen.has(check.number)) this.counted.duplicated++;
    else if (check.number >= this.base) this.good(check.number, datagram);
  }

  private good(number: number, datagram: Received): void {
    const report = this.counted;
    report.messages++;
    report.bytes += datagram.payload.length;
    report.firstAt ??= datagram.at;
    report.lastAt = datagram.at;
    if (number < this.highest) report.reordered++;
    this.highest = Math.max(this.highest, number);
    this.seen.add(number);
    if (this.seen.size > 2 * REMEMBERED)
      for (const old of this.seen) if (old < this.highest - REMEMBERED) this.seen.delete(old);
  }
}

function emptyReport(): SinkReport {
  return {
    messages: 0,
    bytes: 0,
    lost: 0,
    damaged: 0,
    reordered: 0,
    duplicated: 0,
    firstAt: null,
    lastAt: null,
  };
}
