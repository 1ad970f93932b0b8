/**
 * The device as bus master: how long its bursts keep the PCI bus, and the two descriptor rings with their on-chip
 * descriptor caches (manual 3.2.4 to 3.2.6 and 3.4).
 *
 * Bus: 32 bits wide, 66 MHz (82540EM data sheet), one burst at a time. A burst costs 16 clocks of arbitration,
 * address and first-data latency (the most that PCI 2.2 grants a target) and one clock for each 4 bytes. All of that
 * is an option. Data move at the end of the burst, in one piece.
 *
 * Rings: up to 64 descriptors are fetched in one burst, never past the end of the ring, and only when the cache is
 * empty. A descriptor that was fetched is used as it was; software that rewrites it afterwards is too late. A ring of
 * length 0, or a head or tail outside the ring, is undefined in the manual; here such a ring stands still.
 */

import type { Dma } from '../../bus.ts';
import type { Clock } from '../../clock.ts';
import type { RegisterFile, RegisterRow } from './registers.ts';

export const DESCRIPTOR_BYTES = 16;
const CACHED_DESCRIPTORS = 64;
const FOUR_GIB = 2 ** 32;

export interface BusTiming {
  /** PCI clock in Hz. */
  hz: number;
  /** Bytes a clock in the data phase. */
  bytesPerClock: number;
  /** Clocks before the first data of a burst. */
  setupClocks: number;
}

export const PCI_66: BusTiming = { hz: 66_666_667, bytesPerClock: 4, setupClocks: 16 };

export class BusMaster {
  /** Is PCI command bit 2 set? */
  readonly enabled: () => boolean;
  private readonly clock: Clock;
  private readonly dma: Dma;
  private readonly timing: BusTiming;
  private freeAt = 0;

  constructor(clock: Clock, dma: Dma, timing: BusTiming, enabled: () => boolean) {
    this.clock = clock;
    this.dma = dma;
    this.timing = timing;
    this.enabled = enabled;
  }

  /** Takes the bus for a burst of `bytes`, at `readyAt` or when it is free; returns the tick of its end. */
  reserve(readyAt: number, bytes: number): number {
    const clocks = this.timing.setupClocks + Math.ceil(bytes / this.timing.bytesPerClock);
    const ticks = Math.max(1, Math.ceil((clocks * this.clock.ticksPerSecond) / this.timing.hz));
    this.freeAt = Math.max(readyAt, this.freeAt) + ticks;
    return this.freeAt;
  }

  read(address: number, into: Uint8Array): void {
    if (address + into.length > FOUR_GIB) into.fill(0xff);
    else this.dma.read(address, into);
  }

  write(address: number, from: Uint8Array): void {
    if (address + from.length <= FOUR_GIB) this.dma.write(address, from);
  }

  save(): number {
    return this.freeAt;
  }

  load(state: unknown): void {
    this.freeAt = state as number;
  }
}

/** Offsets of a ring's registers. */
export interface RingRegisters {
  name: 'R' | 'T';
  bal: number;
  bah: number;
  len: number;
  head: number;
  tail: number;
}

export class DescriptorRing {
  private readonly registers: RegisterFile;
  private readonly bus: BusMaster;
  private readonly where: RingRegisters;
  private readonly cache = new Uint8Array(CACHED_DESCRIPTORS * DESCRIPTOR_BYTES);
  private cached = 0;
  private used = 0;

  constructor(registers: RegisterFile, bus: BusMaster, where: RingRegisters) {
    this.registers = registers;
    this.bus = bus;
    this.where = where;
  }

  /** `moved` runs whenever software may have given or taken descriptors. */
  rows(moved: () => void): RegisterRow[] {
    const { name, bal, bah, len, head, tail } = this.where;
    const rebuilt = () => {
      this.flush();
      moved();
    };
    return [
      { at: bal, name: `${name}DBAL`, writable: 0xfffffff0, wrote: rebuilt },
      { at: bah, name: `${name}DBAH`, wrote: rebuilt },
      { at: len, name: `${name}DLEN`, writable: 0x000fff80, wrote: rebuilt },
      { at: head, name: `${name}DH`, writable: 0xffff, wrote: rebuilt },
      { at: tail, name: `${name}DT`, writable: 0xffff, wrote: moved },
    ];
  }

  /** Descriptors in the ring. */
  size(): number {
    return this.registers.get(this.where.len) / DESCRIPTOR_BYTES;
  }

  head(): number {
    return this.registers.get(this.where.head);
  }

  /** Descriptors from head to tail that the hardware owns; 0 for a ring that makes no sense. */
  owned(): number {
    const size = this.size();
    const head = this.head();
    const tail = this.registers.get(this.where.tail);
    if (head >= size || tail >= size) return 0;
    return tail >= head ? tail - head : size - head + tail;
  }

  /** Is a descriptor in the cache? */
  ready(): boolean {
    return this.used < this.cached;
  }

  /** How many descriptors the next fetch would bring. */
  fetchable(): number {
    const owned = this.owned();
    return owned === 0 ? 0 : Math.min(CACHED_DESCRIPTORS, owned, this.size() - this.head());
  }

  /** Reads `count` descriptors, at the end of their burst. */
  fetch(count: number): void {
    this.bus.read(this.address(), this.cache.subarray(0, count * DESCRIPTOR_BYTES));
    this.cached = count;
    this.used = 0;
  }

  /** The descriptor at the head, in the cache. Only when ready(). */
  current(): Uint8Array {
    return this.cache.subarray(this.used * DESCRIPTOR_BYTES, (this.used + 1) * DESCRIPTOR_BYTES);
  }

  /** Writes the current descriptor back to memory. */
  writeBack(): void {
    this.bus.write(this.address(), this.current());
  }

  /** The current descriptor is done. */
  advance(): void {
    this.used++;
    const next = this.head() + 1;
    this.registers.set(this.where.head, next >= this.size() ? 0 : next);
  }

  /** Forgets what was fetched. */
  flush(): void {
    this.cached = 0;
    this.used = 0;
  }

  save(): unknown {
    return { cache: this.cache.slice(), cached: this.cached, used: this.used };
  }

  load(state: unknown): void {
    const saved = state as { cache: Uint8Array; cached: number; used: number };
    this.cache.set(saved.cache);
    this.cached = saved.cached;
    this.used = saved.used;
  }

  /** Physical address of the descriptor at the head. */
  private address(): number {
    const base = this.registers.get(this.where.bah) * FOUR_GIB + this.registers.get(this.where.bal);
    return base + this.head() * DESCRIPTOR_BYTES;
  }
}

/** Little-endian fields of a descriptor. */
export function field16(d: Uint8Array, at: number): number {
  return d[at] | (d[at + 1] << 8);
}

export function setField16(d: Uint8Array, at: number, value: number): void {
  d[at] = value;
  d[at + 1] = value >>> 8;
}

export function field32(d: Uint8Array, at: number): number {
  return (field16(d, at) | (field16(d, at + 2) << 16)) >>> 0;
}

/** The 64-bit buffer address in bytes 0 to 7 (inexact above 2^53, where there is no memory anyhow). */
export function bufferAddress(d: Uint8Array): number {
  return field32(d, 4) * FOUR_GIB + field32(d, 0);
}
