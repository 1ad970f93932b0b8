/**
 * Writes what passes on a wire, both directions, to a capture file that Wireshark and tcpdump open: libpcap format
 * 2.4 (draft-ietf-opsawg-pcap), link type Ethernet, nanosecond (magic A1B23C4Dh) or microsecond (A1B2C3D4h) times.
 *
 * A frame's time is the tick at which its last bit was sent, as guest time since reset. Frames are without FCS, so one
 * that a Damager spoils later on is seen as it was sent. The two directions report frames out of order by up to a
 * frame's length; the tap puts them in order.
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import type { Wire } from '../../emu/devices/wire.ts';

export interface PcapOptions {
  /** Default 'ns'. */
  resolution?: 'ns' | 'us';
  /** Bytes kept of each frame; default 65535. */
  snapLength?: number;
}

const MAGIC = { ns: 0xa1b23c4d, us: 0xa1b2c3d4 };
const UNITS = { ns: 1_000_000_000n, us: 1_000_000n };
const LINKTYPE_ETHERNET = 1;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** Frames kept back for sorting: more than both directions of a wire can report out of order. */
const KEPT_BACK = 64;

interface Captured {
  frame: Uint8Array;
  at: number;
}

/** Records the frames of a wire. `write` gets the file's bytes, piece by piece. */
export class PcapTap {
  /** Frames seen. */
  frames = 0;
  private readonly ticksPerSecond: bigint;
  private readonly resolution: 'ns' | 'us';
  private readonly snapLength: number;
  private readonly write: (bytes: Uint8Array) => void;
  private pending: Captured[] = [];
  private closed = false;

  constructor(
    wire: Wire,
    ticksPerSecond: number,
    write: (bytes: Uint8Array) => void,
    options: PcapOptions = {},
  ) {
    this.ticksPerSecond = BigInt(ticksPerSecond);
    this.resolution = options.resolution ?? 'ns';
    this.snapLength = options.snapLength ?? 65_535;
    this.write = write;
    write(this.fileHeader());
    wire.tap((_, frame, lastBitAt) => this.add(frame, lastBitAt));
  }

  /** Writes out what was kept back, and stops. */
  close(): void {
    this.flush(0);
    this.closed = true;
  }

  private add(frame: Uint8Array, at: number): void {
    if (this.closed) return;
    this.frames++;
    let i = this.pending.length;
    while (i > 0 && this.pending[i - 1].at > at) i--;
    this.pending.splice(i, 0, { frame, at });
    if (this.pending.length >= 2 * KEPT_BACK) this.flush(KEPT_BACK);
  }

  private flush(keep: number): void {
    for (const { frame, at } of this.pending.splice(0, Math.max(0, this.pending.length - keep)))
      this.write(this.record(frame, at));
  }

  private fileHeader(): Uint8Array {
    const view = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
    view.setUint32(0, MAGIC[this.resolution], true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(16, this.snapLength, true);
    view.setUint32(20, LINKTYPE_ETHERNET, true);
    return new Uint8Array(view.buffer);
  }

  private record(frame: Uint8Array, at: number): Uint8Array {
    const kept = frame.subarray(0, this.snapLength);
    const bytes = new Uint8Array(RECORD_HEADER_BYTES + kept.length);
    const view = new DataView(bytes.buffer);
    const units = (BigInt(at) * UNITS[this.resolution]) / this.ticksPerSecond;
    view.setUint32(0, Number(units / UNITS[this.resolution]), true);
    view.setUint32(4, Number(units % UNITS[this.resolution]), true);
    view.setUint32(8, kept.length, true);
    view.setUint32(12, frame.length, true);
    bytes.set(kept, RECORD_HEADER_BYTES);
    return bytes;
  }
}

/** Bytes gathered before they are written to the file. */
const CHUNK_BYTES = 1 << 18;

/** A tap that writes to a file. The constructor throws an Error of one line when the file cannot be made. */
export class PcapFile {
  private readonly descriptor: number;
  private readonly tap: PcapTap;
  private chunks: Uint8Array[] = [];
  private bytes = 0;

  constructor(path: string, wire: Wire, ticksPerSecond: number, options: PcapOptions = {}) {
    try {
      this.descriptor = openSync(path, 'w');
    } catch (error) {
      throw new Error(`cannot write ${path}: ${(error as Error).message}`);
    }
    this.tap = new PcapTap(wire, ticksPerSecond, bytes => this.gather(bytes), options);
  }

  /** Frames written. */
  frames(): number {
    return this.tap.frames;
  }

  close(): void {
    this.tap.close();
    this.flush();
    closeSync(this.descriptor);
  }

  private gather(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.bytes += bytes.length;
    if (this.bytes >= CHUNK_BYTES) this.flush();
  }

  private flush(): void {
    writeAll(this.descriptor, Buffer.concat(this.chunks));
    this.chunks = [];
    this.bytes = 0;
  }
}

/** writeSync may take only a part. */
function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}
