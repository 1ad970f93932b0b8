/**
 * The memory hierarchy's timing: L1I, L1D, L2, the memory bus, the stream rule and the store buffer.
 * In order and blocking: a load or fetch waits; a store waits only when the store buffer is full.
 *
 * Rules. (1) A load or fetch that misses L1 pays L2's `hit`; one that misses L2 starts when the bus is free and
 * pays `memory.random`, or `memory.stream` if its line follows the last line of one of the detected streams; it
 * occupies the bus for `memory.stream`. (2) A store touches L1D; with write-through it goes to L2 when its line
 * differs from the last store's; with write-back it dirties L1D, fetching the line on a miss if `writeAllocate`.
 * What it does beyond L1 completes later, in order, in one of the store buffer's entries. (3) A dirty victim of L1D
 * dirties its line in L2; one that is not there, or a victim of L2, occupies the bus for `memory.stream` and nobody
 * waits for it. (4) DMA writes invalidate, DMA reads clean, both levels, at no cost to the CPU. (5) Uncacheable memory
 * (memory-types.ts) costs `memory.random` a load or fetched line, and a store occupies the bus for `memory.stream` and
 * nobody waits. Not modelled: bank conflicts, inclusion, the P4's 64-byte sectors.
 */
import type { Accounting } from '../accounting.ts';
import { CAUSE } from '../accounting.ts';
import { TICKS_PER_CYCLE } from '../clock.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { Cache } from './cache.ts';
import { LineFilter } from './filter.ts';

const FETCH_L2 = CAUSE.fetchL2;
const FETCH_MEMORY = CAUSE.fetchMemory;
const DATA_L2 = CAUSE.dataL2;
const DATA_MEMORY = CAUSE.dataMemory;
const STORE_BUFFER = CAUSE.storeBuffer;

/** Slots of the timing state; behind RING the entries of the store buffer. */
export const BUS_FREE = 0;
export const STORES_DONE = 1;
export const RING = 2;

const MAX_STREAMS = 16;
const MAX_STORES = 32;

/** Behind the streams: the one that the next new stream replaces, and the store buffer's entry that is filled next. */
export const STREAM_VICTIM = MAX_STREAMS;
export const RING_NEXT = MAX_STREAMS + 1;
const VICTIM = STREAM_VICTIM;
const NEXT = RING_NEXT;

export class Hierarchy {
  readonly l1i: Cache;
  readonly l1d: Cache;
  readonly l2: Cache;
  /** Which lines of L1D compiled code has at hand. */
  readonly filter: LineFilter;
  /** False in the profile `flat`: nothing here ever costs a tick. */
  readonly timed: boolean;
  /** Called before every charge, so that the engine first charges what it has issued so far. */
  sync: () => void = () => {};
  /** L2 accesses by anyone; hits are these less `l2.misses`. */
  l2Accesses = 0;

  private readonly accounting: Accounting;
  /** busFree, completion of the last store, then the completion ticks of the store buffer's entries. */
  readonly timing: Float64Array;
  /** The line that each stream would go on with, then STREAM_VICTIM and RING_NEXT. */
  readonly streams: Int32Array;
  private readonly l2Shift: number;
  readonly l2Hit: number;
  readonly l2Store: number;
  readonly random: number;
  readonly stream: number;
  readonly streamCount: number;
  readonly storeEntries: number;
  private readonly writeBack: boolean;
  private readonly writeAllocate: boolean;
  /** When set, stalls are charged to this cause instead (page walks). */
  private override = -1;
  private lastCause = 0;

  constructor(p: Profile, state: State, accounting: Accounting) {
    this.accounting = accounting;
    this.timed = p.timing;
    this.filter = new LineFilter(p, state);
    const make = (name: 'l1i' | 'l1d' | 'l2') => {
      const { size, ways, line } = p[name];
      const tags = state.int32(name, size.value / line.value);
      const recent = name === 'l1d' && p.timing ? this.filter.cells : null;
      return new Cache(name, size.value, ways.value, line.value, tags, recent);
    };
    this.l1i = make('l1i');
    this.l1d = make('l1d');
    this.l2 = make('l2');
    this.timing = state.float64('memory timing', RING + MAX_STORES);
    this.streams = state.int32('streams', MAX_STREAMS + 2).fill(-1);
    this.streams[VICTIM] = this.streams[NEXT] = 0;
    this.l2Shift = this.l2.lineShift;
    this.l2Hit = p.l2.hit.value * TICKS_PER_CYCLE;
    this.l2Store = p.l2.store.value * TICKS_PER_CYCLE;
    this.random = p.memory.random.value * TICKS_PER_CYCLE;
    this.stream = p.memory.stream.value * TICKS_PER_CYCLE;
    this.streamCount = Math.min(p.memory.streams.value, MAX_STREAMS);
    this.storeEntries = Math.min(p.storeBuffer.entries.value, MAX_STORES);
    this.writeBack = p.l1d.writeBack;
    this.writeAllocate = p.l1d.writeAllocate;
  }

  /** A load from the L1D line that holds physical address `pa`, when way 0 of its set is another line. */
  load(pa: number): void {
    const line = pa >>> this.l1d.lineShift;
    if (this.l1d.touch(line)) return;
    this.l1d.misses++;
    const stall = this.fill(pa, DATA_L2, DATA_MEMORY);
    this.retireFromL1(this.l1d.insert(line, false));
    this.sync();
    this.accounting.charge(this.override >= 0 ? this.override : this.lastCause, stall);
  }

  /** An instruction fetch from the L1I line that holds `pa`, when way 0 of its set is another line. */
  fetch(pa: number, uncached = false): void {
    const line = pa >>> this.l1i.lineShift;
    if (this.l1i.touch(line)) return;
    if (uncached) return this.wait(pa, FETCH_MEMORY);
    this.l1i.misses++;
    this.sync();
    const stall = this.fill(pa, FETCH_L2, FETCH_MEMORY);
    this.l1i.insert(line, false);
    this.accounting.charge(this.lastCause, stall);
  }

  /** A store to the L1D line that holds `pa`; the caller leaves out repeated stores to one write-through line. */
  store(pa: number): void {
    const line = pa >>> this.l1d.lineShift;
    const hit = this.l1d.isRecent(line) || this.l1d.touch(line);
    if (!hit) this.l1d.misses++;
    if (this.writeBack) {
      if (hit) return this.l1d.markDirty(line);
      if (this.writeAllocate) {
        this.enqueue(pa, false);
        this.retireFromL1(this.l1d.insert(line, true));
        return;
      }
    } else if (!hit && this.writeAllocate) this.l1d.insert(line, false);
    this.enqueue(pa, true);
  }

  /** A load from uncacheable memory: a copy in a cache goes, and memory answers. */
  loadUncached(pa: number): void {
    this.wait(pa, this.override >= 0 ? this.override : DATA_MEMORY);
  }

  /** A store to uncacheable memory: it leaves by the store buffer, and the bus takes it when it is free. */
  storeUncached(pa: number): void {
    this.drop(pa);
    const slot = this.storeSlot();
    const t = this.timing;
    const done = Math.max(this.accounting.time[0], t[STORES_DONE], t[BUS_FREE]) + this.stream;
    t[BUS_FREE] = t[STORES_DONE] = t[slot] = done;
  }

  private wait(pa: number, cause: number): void {
    this.sync();
    this.drop(pa);
    const now = this.accounting.time[0];
    const start = Math.max(now, this.timing[BUS_FREE]);
    this.timing[BUS_FREE] = start + this.stream;
    this.accounting.charge(cause, start + this.random - now);
  }

  /** Uncacheable memory is not in the caches, whatever it was before. */
  private drop(pa: number): void {
    this.l1d.invalidate(pa >>> this.l1d.lineShift);
    this.l2.invalidate(pa >>> this.l2Shift);
  }

  /** Runs `work` with all its stalls charged to `cause`. */
  chargeTo(cause: number): void {
    this.override = cause;
  }

  chargeNormally(): void {
    this.override = -1;
  }

  /** A bus master wrote the bytes [pa, pa + length): cached copies are gone. */
  invalidate(pa: number, length: number): void {
    for (const cache of [this.l1i, this.l1d, this.l2]) {
      const last = (pa + length - 1) >>> cache.lineShift;
      for (let line = pa >>> cache.lineShift; line <= last; line++) cache.invalidate(line);
    }
  }

  /** A bus master read the bytes [pa, pa + length): dirty copies are written back. */
  clean(pa: number, length: number): void {
    for (const cache of [this.l1d, this.l2]) {
      const last = (pa + length - 1) >>> cache.lineShift;
      for (let line = pa >>> cache.lineShift; line <= last; line++) cache.clean(line);
    }
  }

  /** INVD and WBINVD: everything leaves the caches (data are always in RAM, so both are the same here). */
  flush(): void {
    // Untimed, one line stands for all of RAM and never leaves (walker.ts).
    if (!this.timed) return;
    this.l1i.clear();
    this.l1d.clear();
    this.l2.clear();
  }

  saveCounters(): number[] {
    return [this.l1i.misses, this.l1d.misses, this.l2.misses, this.l2Accesses];
  }

  loadCounters(c: number[]): void {
    [this.l1i.misses, this.l1d.misses, this.l2.misses, this.l2Accesses] = c;
  }

  /** Brings pa's line into L2 for a load or fetch. Returns the stall in ticks and sets lastCause. */
  private fill(pa: number, hitCause: number, missCause: number): number {
    this.l2Accesses++;
    const line = pa >>> this.l2Shift;
    this.lastCause = hitCause;
    if (this.l2.touch(line)) return this.l2Hit;
    this.l2.misses++;
    this.lastCause = missCause;
    this.sync();
    const now = this.accounting.time[0];
    const done = this.transfer(line, now);
    this.retireFromL2(this.l2.insert(line, false));
    return done - now;
  }

  /** The bus fetches an L2 line at or after tick `now`; returns when it is there. */
  private transfer(line: number, now: number): number {
    const start = Math.max(now, this.timing[BUS_FREE]);
    this.timing[BUS_FREE] = start + this.stream;
    for (let i = 0; i < this.streamCount; i++) {
      if (this.streams[i] !== line) continue;
      this.streams[i] = line + 1;
      return start + this.stream;
    }
    const victim = this.streams[VICTIM];
    this.streams[victim] = line + 1;
    this.streams[VICTIM] = (victim + 1) % this.streamCount;
    return start + this.random;
  }

  /** A dirty victim (a line of L1D, or none) goes into L2 if its line is there, else onto the bus. */
  private retireFromL1(victim: number): void {
    if (victim < 0) return;
    const line = victim >>> (this.l2Shift - this.l1d.lineShift);
    if (this.l2.touch(line)) this.l2.markDirty(line);
    else this.retireFromL2(victim);
  }

  /** A dirty victim (a line, or none) leaves over the bus. */
  private retireFromL2(victim: number): void {
    if (victim < 0) return;
    this.sync();
    this.timing[BUS_FREE] = Math.max(this.timing[BUS_FREE], this.accounting.time[0]) + this.stream;
  }

  /** The store buffer's next entry, waited for if it is not free. */
  private storeSlot(): number {
    this.sync();
    const next = this.streams[NEXT];
    const slot = RING + next;
    this.streams[NEXT] = next + 1 === this.storeEntries ? 0 : next + 1;
    const late = this.timing[slot] - this.accounting.time[0];
    if (late > 0) this.accounting.charge(this.override >= 0 ? this.override : STORE_BUFFER, late);
    return slot;
  }

  /** What a store does beyond L1: in order, later; the CPU waits only for a free entry. */
  private enqueue(pa: number, dirty: boolean): void {
    const slot = this.storeSlot();
    const t = this.timing;
    const now = this.accounting.time[0];
    this.l2Accesses++;
    const line = pa >>> this.l2Shift;
    let done = Math.max(now, t[STORES_DONE]) + this.l2Store;
    if (!this.l2.isRecent(line) && !this.l2.touch(line)) {
      this.l2.misses++;
      done = Math.max(done, this.transfer(line, now));
      this.retireFromL2(this.l2.insert(line, false));
    }
    if (dirty) this.l2.markDirty(line);
    t[STORES_DONE] = done;
    t[slot] = done;
  }
}
