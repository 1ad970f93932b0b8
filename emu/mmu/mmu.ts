/**
 * Every access of the CPU to memory goes through here: translation by walker.ts, timing, data (SDM vol. 3, 4).
 * What steers them (control bits, page attributes, watches) is in control.ts.
 *
 * The fast part of an access is a *front table*: for each page a slot that says "resident in the TLB, permitted,
 * plain RAM", with the entry whose recency a use renews. It is derived from the TLBs and never outlives their
 * entries, so the TLB stays the only source of translations. What the fast part cannot do (a miss, two lines or
 * pages, a page that holds decoded code or is watched, memory-mapped I/O) is in the slow part below it.
 *
 * Addresses are int32; linear ones come with the segment's base added and its limit checked. Physical ones have
 * passed the A20 gate, which comes behind the TLBs: the front table holds what it lets through. Left out: PAE.
 */
import type { Accounting } from '../accounting.ts';
import { CAUSE } from '../accounting.ts';
import type { AccessSize, MmioRange } from '../bus.ts';
import { TICKS_PER_CYCLE } from '../clock.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { PAGE_CODE, PAGE_HOLE, PAGE_READ, PAGE_ROM, PAGE_WATCHED } from './attributes.ts';
import { Control, type ControlState, type MmuHost, FRONT as SLOTS } from './control.ts';
import { AC, type CpuFault } from './fault.ts';
import { BIG, TLB_HIGH } from './tlb.ts';

const MMIO = CAUSE.mmio;

/** Mmu.translation: by page tables; none, or only A20's; none at all, for supervisor code that nobody watches. */
export const PAGED = 0;
export const UNPAGED = 1;
export const IDENTITY = 2;
/** User accesses have to be aligned. */
export const STRICT = 3;

const FRONT = SLOTS; // an imported constant as an index is slow
const FRONT_MASK = FRONT - 1;
/** Dwords of a slot. */
const SLOT = 4;
const WRITE = 1;
const DELTA = 2;
const STAMP = 3;
/** Slots that large pages have filled and that are known one by one. */
const BIG_SLOTS = 64;
const EPOCHS = 4096;
const EPOCH_MASK = EPOCHS - 1;
/** The lowest bit of TLB_HIGH. */
const PSE36_UNIT = 0x2000;

export class Mmu extends Control {
  /** Loads and stores of data by the CPU since reset (page walks apart). */
  loads = 0;
  stores = 0;

  /**
   * The front table, four dwords a slot: tag for reads, tag for writes, physical less linear address, byte address of
   * the stamp that a use renews. A tag is the page address with the epoch in its low bits.
   */
  readonly front: Int32Array;
  /** Address of the stamp that was renewed last by the fast part, if it is still the newest; or -2. */
  lastEntry = -2;
  /** How many slots large pages have filled in this epoch, and the first of them. */
  readonly bigSlots: Int32Array;

  private readonly mmioReadTicks: number;
  private readonly mmioWriteTicks: number;
  private readonly apicReadTicks: number;
  private readonly apicWriteTicks: number;

  constructor(p: Profile, state: State, accounting: Accounting, fault: CpuFault, host: MmuHost) {
    super(p, state, accounting, fault, host);
    this.front = state.scratch('front table', 4 * SLOT * FRONT);
    this.bigSlots = state.scratch('slots of large pages', 1 + BIG_SLOTS);
    const ns = (v: number) => Math.round((v * p.clockHz.value * TICKS_PER_CYCLE) / 1e9);
    this.mmioReadTicks = p.timing ? ns(p.io.mmioReadNs.value) : 0;
    this.mmioWriteTicks = p.timing ? ns(p.io.mmioWriteNs.value) : 0;
    this.apicReadTicks = p.timing ? p.system.apicRead.value * TICKS_PER_CYCLE : 0;
    this.apicWriteTicks = p.timing ? p.system.apicWrite.value * TICKS_PER_CYCLE : 0;
  }

  /** The privilege of the accesses that follow: CPL 3 is user. */
  setUser(user: boolean): void {
    this.user = user ? FRONT : 0;
    this.bank = this.user | this.watching;
  }

  // ---- loads and stores: the fast part -----------------------------------------------------------------------

  read8(lin: number): number {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (this.front[at] !== ((lin & ~0xfff) | this.epoch)) return this.slowRead(lin, 1) & 0xff;
    const pa = (lin + this.front[at + DELTA]) | 0;
    this.use(this.front[at + STAMP]);
    this.touchLine(pa);
    this.loads++;
    return this.ram8[pa];
  }

  read16(lin: number): number {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (this.front[at] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 1)) & this.wordMask) !== 0)
      return this.slowRead(lin, 2) & 0xffff;
    const pa = (lin + this.front[at + DELTA]) | 0;
    this.use(this.front[at + STAMP]);
    this.touchLine(pa);
    this.loads++;
    return this.ram.getUint16(pa, true);
  }

  read32(lin: number): number {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (this.front[at] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 3)) & this.dwordMask) !== 0)
      return this.slowRead(lin, 4);
    const pa = (lin + this.front[at + DELTA]) | 0;
    this.use(this.front[at + STAMP]);
    this.touchLine(pa);
    this.loads++;
    return this.ram.getInt32(pa, true);
  }

  write8(lin: number, v: number): void {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (this.front[at + WRITE] !== ((lin & ~0xfff) | this.epoch)) return this.slowWrite(lin, 1, v);
    const pa = (lin + this.front[at + DELTA]) | 0;
    this.use(this.front[at + STAMP]);
    this.storeLine(pa);
    this.stores++;
    this.ram8[pa] = v;
  }

  write16(lin: number, v: number): void {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (this.front[at + WRITE] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 1)) & this.wordMask) !== 0)
      return this.slowWrite(lin, 2, v);
    const pa = (lin + this.front[at + DELTA]) | 0;
    this.use(this.front[at + STAMP]);
    this.storeLine(pa);
    this.stores++;
    this.ram.setInt16(pa, v, true);
  }

  write32(lin: number, v: number): void {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (
      this.front[at + WRITE] !== ((lin & ~0xfff) | this.epoch) ||
      ((lin ^ (lin + 3)) & this.dwordMask) !== 0
    )
      return this.slowWrite(lin, 4, v);
    const pa = (lin + this.front[at + DELTA]) | 0;
    this.use(this.front[at + STAMP]);
    this.storeLine(pa);
    this.stores++;
    this.ram.setInt32(pa, v, true);
  }

  /** Throws the fault that a write of `size` bytes at `lin` would raise; translates, and touches no data. */
  probeWrite(lin: number, size: number): void {
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    if (
      this.front[at + WRITE] === ((lin & ~0xfff) | this.epoch) &&
      ((lin ^ (lin + size - 1)) & this.probeMask) === 0
    )
      return;
    this.checkAlignment(lin, size);
    this.translate(lin, true);
    if (((lin ^ (lin + size - 1)) & ~0xfff) !== 0) this.translate((lin + size - 1) & ~0xfff, true);
  }

  /** Throws the fault that a read of `size` bytes at `lin` would raise. */
  probeRead(lin: number, size: number): void {
    this.checkAlignment(lin, size);
    this.translate(lin, false);
    if (((lin ^ (lin + size - 1)) & ~0xfff) !== 0) this.translate((lin + size - 1) & ~0xfff, false);
  }

  /**
   * #AC(0) if a user access to `lin` must be aligned to `size` bytes, a power of two, and is not; other sizes are
   * not checked. It comes before a page fault, as on silicon; the manual leaves the order open (SDM vol. 3, 6.9).
   */
  checkAlignment(lin: number, size: number): void {
    if (!this.aligned || this.user === 0 || (lin & (size - 1)) === 0 || (size & (size - 1)) !== 0) return;
    throw this.fault.set(AC, 0);
  }

  /** Do the accesses that come next have to be aligned? */
  get checksAlignment(): boolean {
    return this.aligned && this.user !== 0;
  }

  /** The slot of the front table where the bank in use begins. */
  get frontBank(): number {
    return this.bank;
  }

  /** What compiled code takes for granted of translation: one of PAGED, UNPAGED, IDENTITY, or STRICT: none may run. */
  get translation(): number {
    if (this.aligned) return STRICT;
    return this.paging ? PAGED : this.a20 && this.bank === 0 ? IDENTITY : UNPAGED;
  }

  private use(stamp: number): void {
    if (stamp === this.lastEntry) return;
    this.lastEntry = stamp;
    this.dtlb.recency.touch(stamp);
  }

  /** Physical address (int32) of `lin` for a data access of the current privilege; throws the page fault. */
  translate(lin: number, write: boolean): number {
    if (!this.paging) return lin & this.a20Mask;
    // The entry that the fast part used last is not the newest any more.
    this.lastEntry = -2;
    return this.lookup(lin, write, this.dtlb, this.dtlb4m) & this.a20Mask;
  }

  // ---- loads and stores: the slow part -----------------------------------------------------------------------

  private slowRead(lin: number, size: AccessSize): number {
    const last = (lin + size - 1) | 0;
    this.checkAlignment(lin, size);
    if (((lin ^ last) & ~0xfff) !== 0) return this.splitRead(lin, size);
    const pa = this.translate(lin, false);
    if (this.onAccess !== null) this.onAccess(lin, size, false);
    const flags = this.foundFlags();
    if (flags & TLB_HIGH) return this.mmioRead(pa, size);
    if (pa >>> 0 >= this.ramSize || (pa >>> 0) + size > this.ramSize) return this.mmioRead(pa, size);
    const attributes = this.attributes[pa >>> 12];
    if (attributes & PAGE_HOLE) return this.mmioRead(pa, size);
    if (attributes & PAGE_READ || this.watches.reads?.has(lin >>> 12))
      this.watches.tellReading(pa, size, lin);
    const crosses = ((lin ^ last) & this.lineMask) !== 0;
    if (this.isUncached(pa, flags)) {
      this.hierarchy.loadUncached(pa);
      if (crosses) this.hierarchy.loadUncached(pa + size - 1);
    } else {
      this.fillFront(lin, pa, false);
      this.touchLine(pa);
      if (crosses) this.touchLine(pa + size - 1);
    }
    this.loads++;
    return size === 1
      ? this.ram8[pa]
      : size === 2
        ? this.ram.getUint16(pa, true)
        : this.ram.getInt32(pa, true);
  }

  private slowWrite(lin: number, size: AccessSize, v: number): void {
    const last = (lin + size - 1) | 0;
    this.checkAlignment(lin, size);
    if (((lin ^ last) & ~0xfff) !== 0) return this.splitWrite(lin, size, v);
    const pa = this.translate(lin, true);
    if (this.onAccess !== null) this.onAccess(lin, size, true);
    const flags = this.foundFlags();
    if (this.watching !== 0) this.watchedStore(lin, flags & TLB_HIGH ? 2 ** 32 : pa >>> 0, size, v);
    if (flags & TLB_HIGH) return this.mmioWrite(pa, size, v);
    if (pa >>> 0 >= this.ramSize || (pa >>> 0) + size > this.ramSize) return this.mmioWrite(pa, size, v);
    const attributes = this.attributes[pa >>> 12];
    if (attributes & PAGE_HOLE) return this.mmioWrite(pa, size, v);
    const crosses = ((lin ^ last) & this.lineMask) !== 0;
    if (this.isUncached(pa, flags)) {
      this.hierarchy.storeUncached(pa);
      if (crosses) this.hierarchy.storeUncached(pa + size - 1);
    } else {
      this.fillFront(lin, pa, true);
      this.storeLine(pa);
      if (crosses) this.storeLine(pa + size - 1);
    }
    this.stores++;
    if (attributes & PAGE_ROM) return;
    // The fast part writes only to pages that were written here since the front table was last cleared.
    this.dirty[pa >>> 12] = 255;
    const watched = (attributes & PAGE_WATCHED) !== 0 || this.watches.writes?.has(lin >>> 12) === true;
    if (watched) this.watches.tellWriting(pa, size, lin);
    if (size === 1) this.ram8[pa] = v;
    else if (size === 2) this.ram.setInt16(pa, v, true);
    else this.ram.setInt32(pa, v, true);
    if (attributes & PAGE_CODE) this.onMarkedWrite(pa, size, lin);
    if (watched) this.watches.tellWritten(pa, size, lin);
  }

  /** Two pages: both translations first, so that a fault leaves nothing half done; then byte by byte. */
  private splitRead(lin: number, size: AccessSize): number {
    this.probeRead(lin, size);
    let v = 0;
    for (let i = 0; i < size; i++) v |= this.read8((lin + i) | 0) << (8 * i);
    this.loads -= size - 1;
    return v;
  }

  private splitWrite(lin: number, size: AccessSize, v: number): void {
    this.probeWrite(lin, size);
    for (let i = 0; i < size; i++) this.write8((lin + i) | 0, (v >>> (8 * i)) & 0xff);
    this.stores -= size - 1;
  }

  /** Who answers at `pa`, as last translated; null, and the host is told, if nobody does. */
  private mmioRange(kind: 'read' | 'write', pa: number): MmioRange | null {
    const high = this.foundFlags() & TLB_HIGH;
    const range = high ? null : this.host.findMmio(pa >>> 0);
    if (!range) this.host.onUnmapped(kind, (pa >>> 0) + (high / PSE36_UNIT) * 2 ** 32);
    return range;
  }

  private mmioRead(pa: number, size: AccessSize): number {
    const range = this.mmioRange('read', pa);
    if (!range) return -1;
    this.sync();
    this.accounting.charge(MMIO, range.bus === 'cpu' ? this.apicReadTicks : this.mmioReadTicks);
    return range.handler.readMmio((pa >>> 0) - range.base, size) | 0;
  }

  private mmioWrite(pa: number, size: AccessSize, v: number): void {
    const range = this.mmioRange('write', pa);
    if (!range) return;
    this.sync();
    this.accounting.charge(MMIO, range.bus === 'cpu' ? this.apicWriteTicks : this.mmioWriteTicks);
    const mask = size === 4 ? v >>> 0 : size === 2 ? v & 0xffff : v & 0xff;
    range.handler.writeMmio((pa >>> 0) - range.base, size, mask);
  }

  /** Does a tool look at accesses, walks or flushes? Then compiled code leaves them all to this model. */
  get observed(): boolean {
    const { probes, watches } = this;
    if (this.onAccess !== null || this.onWalk !== null || this.watching !== 0) return true;
    if (watches.reads !== null || watches.writes !== null) return true;
    return probes.tlbMissed.length + probes.tlbFlushed.length + probes.directoryLoaded.length > 0;
  }

  /** Enters a page into the front table if its next access of this kind may take the fast path. */
  private fillFront(lin: number, pa: number, write: boolean): void {
    if (pa >>> 0 >= this.ramSize || ((pa >>> 12) << 12) + 4096 > this.ramSize) return;
    const attributes = this.attributes[pa >>> 12];
    if (write ? attributes !== 0 : (attributes & (PAGE_HOLE | PAGE_READ)) !== 0) return;
    if (write && this.watching !== 0 && !this.plain[pa >>> 12]) return;
    if (this.onAccess !== null || (write ? this.watches.writes : this.watches.reads)?.has(lin >>> 12)) return;
    if (this.paging && !this.foundTlb.paired(this.found)) return;
    const at = ((((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.bank) << 2;
    const stamp = this.paging ? this.foundTlb.cell[this.found] : this.nobody;
    const tag = (lin & ~0xfff) | this.epoch;
    const delta = (pa - lin) | 0;
    // Both directions share delta and stamp: a slot taken over by another page must lose the other tag.
    const same = this.front[at + DELTA] === delta && this.front[at + STAMP] === stamp;
    if (!same || this.front[at] !== tag) this.dropTag(at);
    if (!same || this.front[at + WRITE] !== tag) this.dropTag(at + WRITE);
    this.front[at + DELTA] = delta;
    this.front[at + STAMP] = stamp;
    if (this.paging && this.foundTlb.key[this.found] & BIG) {
      const n = ++this.bigSlots[0];
      if (n <= BIG_SLOTS) this.bigSlots[n] = at;
    }
    if (write) this.front[at + WRITE] = tag;
    else this.front[at] = tag;
  }

  /** The line filter has lines of pages only that the front table holds in this epoch. */
  private dropTag(at: number): void {
    const tag = this.front[at];
    if ((tag & EPOCH_MASK) === this.epoch) this.hierarchy.filter.dropPage(tag >>> 12);
    this.front[at] = 0;
  }

  private dropSlot(at: number, stamp: number): void {
    if (this.front[at + STAMP] !== stamp) return;
    this.dropTag(at);
    this.dropTag(at + WRITE);
  }

  protected clearFront(): void {
    this.steer();
    this.voidFront();
    this.dropFetch();
  }

  private voidFront(): void {
    this.epoch = (this.epoch + 1) % EPOCHS;
    if (this.epoch === 0) {
      this.epoch = 1;
      this.front.fill(0);
      this.codeFront.fill(0);
    }
    this.bigSlots[0] = 0;
    this.lastEntry = -2;
    this.hierarchy.filter.clear();
  }

  protected dropFront(stamp: number, key: number): void {
    if (stamp === this.lastEntry) this.lastEntry = -2;
    if (key & BIG) {
      const n = this.bigSlots[0];
      if (n > BIG_SLOTS) return this.voidFront();
      for (let k = 1; k <= n; k++) this.dropSlot(this.bigSlots[k], stamp);
      return;
    }
    // Pages whose numbers differ above bit 10 share slots by XOR, so that arrays megabytes apart do not collide.
    for (let at = ((key ^ (key >>> 10)) & FRONT_MASK) << 2; at < this.front.length; at += FRONT << 2)
      this.dropSlot(at, stamp);
  }

  save(): unknown {
    return { control: this.saveControl(), loads: this.loads, stores: this.stores };
  }

  load(state: unknown): void {
    const s = state as { control: ControlState; loads: number; stores: number };
    this.loads = s.loads;
    this.stores = s.stores;
    this.front.fill(0);
    this.codeFront.fill(0);
    this.loadControl(s.control);
  }
}
