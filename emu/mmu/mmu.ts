/**
 * Every access of the CPU to memory goes through here: translation, timing, data (SDM vol. 3, 4).
 *
 * The fast part of an access is a *front table*: for each page a slot that says "resident in the TLB, permitted,
 * plain RAM", with the entry whose recency a use renews. It is derived from the TLBs and never outlives their
 * entries, so the TLB stays the only source of translations. What the fast part cannot do (a miss, two lines or
 * pages, a page that holds decoded code or is watched, memory-mapped I/O) is in the slow part below it.
 *
 * Addresses are int32; linear ones come with the segment's base added and its limit checked. Left out: PAE, PSE-36,
 * page attributes (PWT, PCD), A20.
 */
import type { Accounting } from '../accounting.ts';
import { CAUSE } from '../accounting.ts';
import type { AccessSize, MmioRange } from '../bus.ts';
import { TICKS_PER_CYCLE } from '../clock.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { type CpuFault, PF, PF_PRESENT, PF_USER, PF_WRITE } from './fault.ts';
import { Hierarchy } from './hierarchy.ts';
import { BIG, TLB_D, TLB_G, TLB_U, TLB_W, Tlb } from './tlb.ts';

const WALK = CAUSE.walk;
const WALK_SWITCH = CAUSE.walkSwitch;
const MMIO = CAUSE.mmio;

const FRONT = 1024; // slots a privilege level
const FRONT_MASK = FRONT - 1;
const EPOCHS = 4096;

const PTE_P = 0x001;
const PTE_A = 0x020;
const PTE_PS = 0x080;

/** Attributes of a page of RAM. */
export const PAGE_CODE = 1;
export const PAGE_WATCHED = 2;

/** What the MMU asks of the rest: memory-mapped ranges, and who must know of writes to marked pages. */
export interface MmuHost {
  findMmio(pa: number): MmioRange | null;
  onUnmapped(kind: 'read' | 'write', pa: number): void;
}

/** How the walker touched memory, for tests and tracing. */
export type WalkAccess = (what: 'read' | 'write', pa: number, value: number) => void;

/** An access of `size` bytes at linear address `lin` that is about to be made; no fault can stop it. */
export type AccessWatch = (lin: number, size: number, write: boolean) => void;

export class Mmu {
  readonly hierarchy: Hierarchy;
  readonly itlb: Tlb;
  readonly dtlb: Tlb;
  readonly itlb4m: Tlb;
  readonly dtlb4m: Tlb;
  readonly ram: DataView;
  readonly ram8: Uint8Array;
  readonly ramSize: number;
  /** One attribute byte a page of RAM. */
  readonly attributes: Uint8Array;
  /** Loads and stores of data by the CPU since reset (page walks apart). */
  loads = 0;
  stores = 0;
  /** Lines of code fetched since reset: one for each line that execution enters. */
  fetches = 0;
  /** A write of `length` bytes reached a page marked PAGE_CODE. */
  onMarkedWrite: (pa: number, length: number, lin: number) => void = () => {};
  /** The same for a page marked PAGE_WATCHED or given to `watchLinear`; `lin` is NaN for the walker and devices. */
  onWatchedWrite: (pa: number, length: number, lin: number) => void = () => {};
  /** The host watches reads too (data watchpoints); null when nobody does. */
  onWalk: WalkAccess | null = null;
  /** Called before every charge; set by the engine. */
  sync: () => void = () => {};

  // Control state, set by the CPU through the setters below.
  private paging = false;
  private writeProtect = false;
  private bigPages = false;
  private globalPages = false;
  private directory = 0;
  /** 0 for supervisor, FRONT for user accesses. */
  private user = 0;

  // The front tables: tag is the page address with the epoch in its low bits.
  private readonly readTag = new Int32Array(2 * FRONT);
  private readonly writeTag = new Int32Array(2 * FRONT);
  private readonly delta = new Int32Array(2 * FRONT);
  private readonly entryOf = new Int32Array(2 * FRONT);
  private epoch = 1;
  /** A flush is under way, which forgets the whole front table at its end. */
  private bulk = false;
  private readonly distinct: readonly Tlb[];
  private lastEntry = -1;
  private watchedLinear: ReadonlySet<number> | null = null;
  private onAccess: AccessWatch | null = null;

  private readonly l1tags: Int32Array;
  private readonly l1mask: number;
  private readonly l1ways: number;
  private readonly l1shift: number;
  /** Two addresses that differ in these bits lie in two lines. */
  private readonly crossMask: number;
  private lastStoreLine = -1;
  private readonly writeBack: boolean;

  private readonly accounting: Accounting;
  private readonly fault: CpuFault;
  private readonly host: MmuHost;
  private readonly walkTicks: number;
  private readonly mmioReadTicks: number;
  private readonly mmioWriteTicks: number;
  /** Entry of the last translation by `translate`, for the front table. */
  private found = -1;
  private foundTlb: Tlb;

  constructor(p: Profile, state: State, accounting: Accounting, fault: CpuFault, host: MmuHost) {
    this.accounting = accounting;
    this.fault = fault;
    this.host = host;
    this.hierarchy = new Hierarchy(p, state, accounting);
    this.hierarchy.sync = () => this.sync();
    this.itlb = new Tlb('itlb', p.itlb.entries.value, p.itlb.ways.value, state);
    this.dtlb = new Tlb('dtlb', p.dtlb.entries.value, p.dtlb.ways.value, state);
    this.itlb4m = p.itlb4m
      ? new Tlb('itlb4m', p.itlb4m.entries.value, p.itlb4m.ways.value, state)
      : this.itlb;
    this.dtlb4m = p.dtlb4m
      ? new Tlb('dtlb4m', p.dtlb4m.entries.value, p.dtlb4m.ways.value, state)
      : this.dtlb;
    this.distinct = [...new Set([this.itlb, this.dtlb, this.itlb4m, this.dtlb4m])];
    this.foundTlb = this.dtlb;
    for (const tlb of new Set([this.dtlb, this.dtlb4m])) tlb.onDrop = (e, key) => this.dropFront(tlb, e, key);
    for (const tlb of new Set([this.itlb, this.itlb4m])) tlb.onDrop = () => this.dropFetch();
    this.ram = state.ramView();
    this.ram8 = state.ram8();
    this.ramSize = state.ramSize;
    this.attributes = new Uint8Array(Math.max(1, state.ramSize >>> 12));
    this.l1tags = this.hierarchy.l1d.tags;
    this.l1mask = this.hierarchy.timed ? this.hierarchy.l1d.setMask : 0;
    this.l1ways = this.hierarchy.l1d.ways;
    // Untimed: all of RAM is one line that is always there, so the same code never reaches the hierarchy.
    this.l1shift = this.hierarchy.timed ? this.hierarchy.l1d.lineShift : 31;
    this.crossMask = this.hierarchy.timed ? -p.l1d.line.value : -4096;
    if (!this.hierarchy.timed) {
      this.l1tags[0] = 0;
      this.lastStoreLine = 0;
    }
    this.writeBack = p.l1d.writeBack && this.hierarchy.timed;
    this.walkTicks = p.walk.fixed.value * TICKS_PER_CYCLE;
    const ns = (v: number) => Math.round((v * p.clockHz.value * TICKS_PER_CYCLE) / 1e9);
    this.mmioReadTicks = p.timing ? ns(p.io.mmioReadNs.value) : 0;
    this.mmioWriteTicks = p.timing ? ns(p.io.mmioWriteNs.value) : 0;
  }

  // ---- control -----------------------------------------------------------------------------------------------

  /** CR3 was loaded: `global` entries stay. Returns nothing; the CPU charges the instruction. */
  loadDirectory(cr3: number): void {
    this.directory = cr3 & ~0xfff;
    this.bulk = true;
    for (const tlb of this.distinct) tlb.flush();
    this.bulk = false;
    this.clearFront();
  }

  /** CR0 and CR4 bits that steer translation; a change of PG, PSE or PGE flushes all, WP the front table only. */
  setControl(paging: boolean, writeProtect: boolean, bigPages: boolean, globalPages: boolean): void {
    this.bulk = true;
    if (paging !== this.paging || bigPages !== this.bigPages || globalPages !== this.globalPages)
      for (const tlb of this.distinct) tlb.flushAll();
    this.bulk = false;
    this.paging = paging;
    this.writeProtect = writeProtect;
    this.bigPages = bigPages;
    this.globalPages = globalPages;
    this.clearFront();
  }

  /** The privilege of the accesses that follow: CPL 3 is user. */
  setUser(user: boolean): void {
    this.user = user ? FRONT : 0;
  }

  get isUser(): boolean {
    return this.user !== 0;
  }

  invalidatePage(lin: number): void {
    for (const tlb of this.distinct) tlb.invalidate(lin);
    this.clearFront();
  }

  /** The distinct TLBs of this profile. */
  tlbs(): readonly Tlb[] {
    return this.distinct;
  }

  /** Sets or clears attribute bits of the RAM page that holds `pa`; a newly marked page leaves the front table. */
  mark(pa: number, bits: number): void {
    const page = pa >>> 12;
    if ((this.attributes[page] & bits) === bits) return;
    this.attributes[page] |= bits;
    this.clearFront();
  }

  unmark(pa: number, bits: number): void {
    this.attributes[pa >>> 12] &= ~bits;
  }

  /** Linear pages (numbers, `lin >>> 12`) whose writes onWatchedWrite sees, in any directory; null for none. */
  watchLinear(pages: ReadonlySet<number> | null): void {
    this.watchedLinear = pages;
    this.clearFront();
  }

  /** Tells `watch` of each load and store of the CPU, but not of the walker's; null for nobody. */
  watchAccesses(watch: AccessWatch | null): void {
    if (watch === this.onAccess) return;
    this.onAccess = watch;
    this.clearFront();
  }

  /** Forgets everything derived (after a snapshot was loaded). */
  refresh(): void {
    this.clearFront();
    this.dropFetch();
  }

  // ---- loads and stores: the fast part -----------------------------------------------------------------------

  read8(lin: number): number {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.readTag[slot] !== ((lin & ~0xfff) | this.epoch)) return this.slowRead(lin, 1) & 0xff;
    const pa = (lin + this.delta[slot]) | 0;
    this.use(this.entryOf[slot]);
    this.touchLine(pa);
    this.loads++;
    return this.ram8[pa];
  }

  read16(lin: number): number {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.readTag[slot] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 1)) & this.crossMask) !== 0)
      return this.slowRead(lin, 2) & 0xffff;
    const pa = (lin + this.delta[slot]) | 0;
    this.use(this.entryOf[slot]);
    this.touchLine(pa);
    this.loads++;
    return this.ram.getUint16(pa, true);
  }

  read32(lin: number): number {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.readTag[slot] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 3)) & this.crossMask) !== 0)
      return this.slowRead(lin, 4);
    const pa = (lin + this.delta[slot]) | 0;
    this.use(this.entryOf[slot]);
    this.touchLine(pa);
    this.loads++;
    return this.ram.getInt32(pa, true);
  }

  write8(lin: number, v: number): void {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.writeTag[slot] !== ((lin & ~0xfff) | this.epoch)) return this.slowWrite(lin, 1, v);
    const pa = (lin + this.delta[slot]) | 0;
    this.use(this.entryOf[slot]);
    this.storeLine(pa);
    this.stores++;
    this.ram8[pa] = v;
  }

  write16(lin: number, v: number): void {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.writeTag[slot] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 1)) & this.crossMask) !== 0)
      return this.slowWrite(lin, 2, v);
    const pa = (lin + this.delta[slot]) | 0;
    this.use(this.entryOf[slot]);
    this.storeLine(pa);
    this.stores++;
    this.ram.setInt16(pa, v, true);
  }

  write32(lin: number, v: number): void {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.writeTag[slot] !== ((lin & ~0xfff) | this.epoch) || ((lin ^ (lin + 3)) & this.crossMask) !== 0)
      return this.slowWrite(lin, 4, v);
    const pa = (lin + this.delta[slot]) | 0;
    this.use(this.entryOf[slot]);
    this.storeLine(pa);
    this.stores++;
    this.ram.setInt32(pa, v, true);
  }

  /** Throws the page fault that a write of `size` bytes at `lin` would raise; translates, and touches no data. */
  probeWrite(lin: number, size: number): void {
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    if (this.writeTag[slot] === ((lin & ~0xfff) | this.epoch) && ((lin ^ (lin + size - 1)) & ~0xfff) === 0)
      return;
    this.translate(lin, true);
    if (((lin ^ (lin + size - 1)) & ~0xfff) !== 0) this.translate((lin + size - 1) & ~0xfff, true);
  }

  /** Throws the page fault that a read of `size` bytes at `lin` would raise. */
  probeRead(lin: number, size: number): void {
    this.translate(lin, false);
    if (((lin ^ (lin + size - 1)) & ~0xfff) !== 0) this.translate((lin + size - 1) & ~0xfff, false);
  }

  private use(entry: number): void {
    if (entry === this.lastEntry) return;
    this.lastEntry = entry;
    if (entry < 0) return;
    if (entry < 256) this.dtlb.touch(entry);
    else this.dtlb4m.touch(entry - 256);
  }

  private touchLine(pa: number): void {
    const line = pa >>> this.l1shift;
    if (this.l1tags[(line & this.l1mask) * this.l1ways] >> 2 !== line) this.hierarchy.load(pa);
  }

  private storeLine(pa: number): void {
    const line = pa >>> this.l1shift;
    if (this.writeBack) {
      if (this.l1tags[(line & this.l1mask) * this.l1ways] === ((line << 2) | 1)) return;
    } else if (line === this.lastStoreLine) return;
    else this.lastStoreLine = line;
    this.hierarchy.store(pa);
  }

  // ---- loads and stores: the slow part -----------------------------------------------------------------------

  private slowRead(lin: number, size: AccessSize): number {
    const last = (lin + size - 1) | 0;
    if (((lin ^ last) & ~0xfff) !== 0) return this.splitRead(lin, size);
    const pa = this.translate(lin, false);
    if (this.onAccess !== null) this.onAccess(lin, size, false);
    this.fillFront(lin, pa, false);
    if (pa >>> 0 >= this.ramSize || (pa >>> 0) + size > this.ramSize) return this.mmioRead(pa, size);
    this.touchLine(pa);
    if (((lin ^ last) & this.crossMask) !== 0) this.touchLine(pa + size - 1);
    this.loads++;
    return size === 1
      ? this.ram8[pa]
      : size === 2
        ? this.ram.getUint16(pa, true)
        : this.ram.getInt32(pa, true);
  }

  private slowWrite(lin: number, size: AccessSize, v: number): void {
    const last = (lin + size - 1) | 0;
    if (((lin ^ last) & ~0xfff) !== 0) return this.splitWrite(lin, size, v);
    const pa = this.translate(lin, true);
    if (this.onAccess !== null) this.onAccess(lin, size, true);
    this.fillFront(lin, pa, true);
    if (pa >>> 0 >= this.ramSize || (pa >>> 0) + size > this.ramSize) return this.mmioWrite(pa, size, v);
    this.storeLine(pa);
    if (((lin ^ last) & this.crossMask) !== 0) this.storeLine(pa + size - 1);
    this.stores++;
    if (size === 1) this.ram8[pa] = v;
    else if (size === 2) this.ram.setInt16(pa, v, true);
    else this.ram.setInt32(pa, v, true);
    if (this.attributes[pa >>> 12] !== 0 || this.watchedLinear !== null) this.tellWrite(pa, size, lin);
  }

  private tellWrite(pa: number, size: number, lin: number): void {
    const attributes = this.attributes[pa >>> 12];
    if (attributes & PAGE_CODE) this.onMarkedWrite(pa, size, lin);
    const watched = this.watchedLinear?.has(lin >>> 12) && !Number.isNaN(lin);
    if (attributes & PAGE_WATCHED || watched) this.onWatchedWrite(pa, size, lin);
  }

  /** A bus master wrote RAM: tells who watches it. */
  deviceWrote(pa: number, length: number): void {
    for (let at = pa; at < pa + length; at = (at & ~0xfff) + 4096)
      if (this.attributes[at >>> 12] & PAGE_WATCHED) return this.onWatchedWrite(pa, length, Number.NaN);
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

  private mmioRead(pa: number, size: AccessSize): number {
    const range = this.host.findMmio(pa >>> 0);
    if (!range) {
      this.host.onUnmapped('read', pa >>> 0);
      return -1;
    }
    this.sync();
    this.accounting.charge(MMIO, this.mmioReadTicks);
    return range.handler.readMmio((pa >>> 0) - range.base, size) | 0;
  }

  private mmioWrite(pa: number, size: AccessSize, v: number): void {
    const range = this.host.findMmio(pa >>> 0);
    if (!range) return this.host.onUnmapped('write', pa >>> 0);
    this.sync();
    this.accounting.charge(MMIO, this.mmioWriteTicks);
    const mask = size === 4 ? v >>> 0 : size === 2 ? v & 0xffff : v & 0xff;
    range.handler.writeMmio((pa >>> 0) - range.base, size, mask);
  }

  /** Enters a page into the front table if its next access of this kind may take the fast path. */
  private fillFront(lin: number, pa: number, write: boolean): void {
    if (pa >>> 0 >= this.ramSize || ((pa >>> 12) << 12) + 4096 > this.ramSize) return;
    const attributes = this.attributes[pa >>> 12];
    if (write ? attributes !== 0 : (attributes & PAGE_WATCHED) !== 0) return;
    if (this.onAccess !== null || (write && this.watchedLinear?.has(lin >>> 12))) return;
    if (this.paging && !this.foundTlb.paired(this.found)) return;
    const slot = (((lin >>> 12) ^ (lin >>> 22)) & FRONT_MASK) | this.user;
    const entry = !this.paging ? -1 : this.foundTlb === this.dtlb ? this.found : this.found + 256;
    const tag = (lin & ~0xfff) | this.epoch;
    const delta = (pa - lin) | 0;
    // Both directions share delta and entry: a slot taken over by another page must lose the other tag.
    if (this.readTag[slot] !== tag || this.delta[slot] !== delta || this.entryOf[slot] !== entry)
      this.readTag[slot] = 0;
    if (this.writeTag[slot] !== tag || this.delta[slot] !== delta || this.entryOf[slot] !== entry)
      this.writeTag[slot] = 0;
    this.delta[slot] = delta;
    this.entryOf[slot] = entry;
    if (write) this.writeTag[slot] = tag;
    else this.readTag[slot] = tag;
  }

  private clearFront(): void {
    this.epoch = (this.epoch + 1) % EPOCHS;
    if (this.epoch === 0) {
      this.epoch = 1;
      this.readTag.fill(0);
      this.writeTag.fill(0);
    }
    this.lastEntry = -2;
    this.dropFetch();
  }

  private dropFront(tlb: Tlb, e: number, key: number): void {
    if (this.bulk) return;
    const entry = tlb === this.dtlb ? e : e + 256;
    if (entry === this.lastEntry) this.lastEntry = -2;
    if (key & BIG) {
      for (let slot = 0; slot < 2 * FRONT; slot++)
        if (this.entryOf[slot] === entry) this.readTag[slot] = this.writeTag[slot] = 0;
      return;
    }
    // Pages whose numbers differ above bit 10 share slots by XOR, so that arrays megabytes apart do not collide.
    for (let slot = (key ^ (key >>> 10)) & FRONT_MASK; slot < 2 * FRONT; slot += FRONT)
      if (this.entryOf[slot] === entry) this.readTag[slot] = this.writeTag[slot] = 0;
  }

  // ---- translation -------------------------------------------------------------------------------------------

  /** Physical address (int32) of `lin` for a data access of the current privilege; throws the page fault. */
  translate(lin: number, write: boolean): number {
    if (!this.paging) return lin;
    // The entry that the fast part used last is not the newest any more.
    this.lastEntry = -2;
    return this.lookup(lin, write, this.dtlb, this.dtlb4m);
  }

  // The page that instructions are fetched from: its translation is in the ITLB as long as this is set.
  private fetchPage = 1; // not a page address: nothing
  private fetchUser = -1;
  private fetchDelta = 0;

  /** Physical address (int32) of an instruction byte at `lin`; renews its ITLB entry, throws the page fault. */
  translateFetch(lin: number): number {
    if ((lin & ~0xfff) === this.fetchPage && this.user === this.fetchUser) return (lin + this.fetchDelta) | 0;
    const pa = this.paging ? this.lookup(lin, false, this.itlb, this.itlb4m) : lin;
    this.fetchPage = lin & ~0xfff;
    this.fetchUser = this.user;
    this.fetchDelta = (pa - lin) | 0;
    return pa;
  }

  private dropFetch(): void {
    this.fetchPage = 1;
  }

  /** One fetch access to the L1I line of `pa`. */
  fetchLine(pa: number): void {
    this.fetches++;
    if (!this.hierarchy.timed) return;
    const l1i = this.hierarchy.l1i;
    const line = pa >>> l1i.lineShift;
    if (l1i.tags[(line & l1i.setMask) * l1i.ways] >> 2 !== line) this.hierarchy.fetch(pa);
  }

  private lookup(lin: number, write: boolean, small: Tlb, big: Tlb): number {
    let tlb = small;
    let e = small.find(lin >>> 12);
    if (e < 0) {
      tlb = big;
      e = big.find((lin >>> 22) | BIG);
    }
    if (e >= 0) {
      const flags = tlb.flags[e];
      if (!this.permitted(flags, write)) this.pageFault(lin, write, PF_PRESENT);
      if (!write || flags & TLB_D) {
        if (tlb.paired(e)) tlb.touch(e);
        else tlb.pair(e, this.directory >>> 12);
        return this.resolved(tlb, e, lin);
      }
      // First write through a clean entry: the walker sets the dirty bit, then the entry is as good as new.
      this.walk(lin, write, tlb, tlb, e);
      tlb.touch(e);
      return this.resolved(tlb, e, lin);
    }
    return this.walk(lin, write, small, big, -1);
  }

  private resolved(tlb: Tlb, e: number, lin: number): number {
    this.found = e;
    this.foundTlb = tlb;
    return tlb.frame[e] | (tlb.key[e] & BIG ? lin & 0x3fffff : lin & 0xfff);
  }

  private permitted(flags: number, write: boolean): boolean {
    if (this.user !== 0) return (flags & TLB_U) !== 0 && (!write || (flags & TLB_W) !== 0);
    return !write || (flags & TLB_W) !== 0 || !this.writeProtect;
  }

  private pageFault(lin: number, write: boolean, present: number): never {
    this.invalidateQuietly(lin);
    this.fault.address = lin;
    throw this.fault.set(PF, present | (write ? PF_WRITE : 0) | (this.user !== 0 ? PF_USER : 0));
  }

  private invalidateQuietly(lin: number): void {
    for (const tlb of this.distinct) tlb.invalidate(lin);
  }

  /**
   * Walks PDE and PTE (SDM vol. 3, 4.3): reads both, checks, then sets accessed and dirty where clear. With
   * `keep` ≥ 0 only the dirty bit of that entry is wanted. Its loads and stores go through the caches.
   */
  private walk(lin: number, write: boolean, small: Tlb, big: Tlb, keep: number): number {
    this.sync();
    const cause = keep < 0 && this.wasSwitchedAway(lin, small, big) ? WALK_SWITCH : WALK;
    this.accounting.charge(cause, this.walkTicks);
    this.hierarchy.chargeTo(cause);
    const pdeAt = this.directory + ((lin >>> 22) << 2);
    const pde = this.walkRead(pdeAt);
    let pteAt = 0;
    let pte = pde;
    if (!(pde & PTE_P)) return this.walkFault(lin, write, 0);
    const large = this.bigPages && (pde & PTE_PS) !== 0;
    if (!large) {
      pteAt = (pde & ~0xfff) + (((lin >>> 12) & 0x3ff) << 2);
      pte = this.walkRead(pteAt);
      if (!(pte & PTE_P)) return this.walkFault(lin, write, 0);
    }
    const rights = pde & pte & (TLB_W | TLB_U);
    if (!this.permitted(rights, write)) return this.walkFault(lin, write, PF_PRESENT);
    const want = PTE_A | (write ? TLB_D : 0);
    if (large) {
      if ((pde & want) !== want) this.walkWrite(pdeAt, pde | want);
    } else {
      if (!(pde & PTE_A)) this.walkWrite(pdeAt, pde | PTE_A);
      if ((pte & want) !== want) this.walkWrite(pteAt, pte | want);
    }
    this.hierarchy.chargeNormally();
    const flags = rights | ((pte | want) & TLB_D) | (this.globalPages ? pte & TLB_G : 0);
    const frame = large ? pte & ~0x3fffff : pte & ~0xfff;
    const tlb = large ? big : small;
    let e = keep;
    if (keep >= 0 && tlb.key[keep] === (large ? (lin >>> 22) | BIG : lin >>> 12)) {
      tlb.flags[keep] = flags;
      tlb.frame[keep] = frame;
    } else e = tlb.insert(large ? (lin >>> 22) | BIG : lin >>> 12, frame, flags, this.directory >>> 12);
    return this.resolved(tlb, e, lin);
  }

  /** Would a TLB that no switch ever flushed hold this page? Then its walk is the switch's fault. */
  private wasSwitchedAway(lin: number, small: Tlb, big: Tlb): boolean {
    const directory = this.directory >>> 12;
    return small.twinHolds(lin >>> 12, directory) || big.twinHolds((lin >>> 22) | BIG, directory);
  }

  private walkFault(lin: number, write: boolean, present: number): never {
    this.hierarchy.chargeNormally();
    this.pageFault(lin, write, present);
  }

  private walkRead(pa: number): number {
    if (pa >>> 0 >= this.ramSize) return -1;
    this.touchLine(pa);
    const v = this.ram.getInt32(pa, true);
    this.onWalk?.('read', pa, v);
    return v;
  }

  private walkWrite(pa: number, v: number): void {
    if (pa >>> 0 >= this.ramSize) return;
    this.storeLine(pa);
    this.ram.setInt32(pa, v, true);
    this.onWalk?.('write', pa, v);
    if (this.attributes[pa >>> 12] !== 0) this.tellWrite(pa, 4, Number.NaN);
  }

  // ---- inspection (never changes anything) --------------------------------------------------------------------

  /** Physical address of `lin` by the page tables in RAM (not the TLB), or -1; no side effects. */
  peekTranslate(lin: number, directory = this.directory): number {
    if (!this.paging) return lin >>> 0;
    const pde = this.peek32(directory + ((lin >>> 22) << 2));
    if (!(pde & PTE_P)) return -1;
    if (this.bigPages && pde & PTE_PS) return ((pde & ~0x3fffff) | (lin & 0x3fffff)) >>> 0;
    const pte = this.peek32((pde & ~0xfff) + (((lin >>> 12) & 0x3ff) << 2));
    if (!(pte & PTE_P)) return -1;
    return ((pte & ~0xfff) | (lin & 0xfff)) >>> 0;
  }

  /** A dword of RAM by physical address; all ones outside RAM. */
  peek32(pa: number): number {
    const at = pa >>> 0;
    return at + 4 <= this.ramSize ? this.ram.getInt32(at, true) : -1;
  }

  save(): unknown {
    return {
      directory: this.directory,
      paging: this.paging,
      writeProtect: this.writeProtect,
      bigPages: this.bigPages,
      globalPages: this.globalPages,
      user: this.user,
      lastStoreLine: this.lastStoreLine,
      counters: [this.loads, this.stores, this.fetches],
      tlbs: this.distinct.map(t => t.save()),
      hierarchy: this.hierarchy.saveCounters(),
      attributes: this.attributes.slice(),
    };
  }

  load(state: unknown): void {
    const s = state as {
      directory: number;
      paging: boolean;
      writeProtect: boolean;
      bigPages: boolean;
      globalPages: boolean;
      user: number;
      lastStoreLine: number;
      counters: number[];
      tlbs: number[][];
      hierarchy: number[];
      attributes: Uint8Array;
    };
    this.directory = s.directory;
    this.paging = s.paging;
    this.writeProtect = s.writeProtect;
    this.bigPages = s.bigPages;
    this.globalPages = s.globalPages;
    this.user = s.user;
    this.lastStoreLine = s.lastStoreLine;
    [this.loads, this.stores, this.fetches] = s.counters;
    this.distinct.forEach((t, i) => {
      t.load(s.tlbs[i]);
    });
    this.hierarchy.loadCounters(s.hierarchy);
    this.attributes.set(s.attributes);
    this.refresh();
  }
}
