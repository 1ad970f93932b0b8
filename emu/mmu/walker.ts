/**
 * Translation: the TLBs, the page walker and the lines that both the walker and the CPU's accesses touch (SDM
 * vol. 3, 4.3, 4.7, 4.10). A translation is used from its TLB until something evicts or flushes it; only a miss, or
 * a first write through a clean entry, walks. Mmu (mmu.ts) adds the accesses themselves.
 *
 * Addresses are int32; a 4 MiB page above 4 GiB (PSE-36) is nowhere, since all RAM is below. `walk` alone knows how
 * tables are laid out: another format (PAE, and with it NX) goes beside it, with its own bits for the TLB's flags.
 */
import type { Accounting } from '../accounting.ts';
import { CAUSE } from '../accounting.ts';
import { TICKS_PER_CYCLE } from '../clock.ts';
import { Probes } from '../probe.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { type CpuFault, PF, PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE, UD } from './fault.ts';
import { Hierarchy } from './hierarchy.ts';
import { MemoryTypes } from './memory-types.ts';
import { BIG, Recency, TLB_D, TLB_G, TLB_HIGH, TLB_PAT, TLB_PCD, TLB_PWT, TLB_U, TLB_W, Tlb } from './tlb.ts';

const WALK = CAUSE.walk;
const WALK_SWITCH = CAUSE.walkSwitch;

export const PTE_P = 0x001;
export const PTE_A = 0x020;
export const PTE_PS = 0x080;
/** In a PDE that maps 4 MiB: its PAT bit, and what must be clear (SDM vol. 3, table 4-4, 36 bits of address). */
export const BIG_PAT = 0x1000;
export const BIG_RESERVED = 0x3e_0000;
const ATTRIBUTES = TLB_PWT | TLB_PCD;

/** Slots of the front of the code TLB for each privilege. */
export const CODE_FRONT = 64;
const CODE_SLOTS = CODE_FRONT; // an imported constant, and an exported one, as an index is slow
const CODE_MASK = CODE_SLOTS - 1;
// Dwords of a slot of a front table, and of `fetching`.
const SLOT = 4;
const DELTA = 2;
const CELL = 3;
const FETCH_PAGE = 0;
const FETCH_USER = 1;
const FETCH_DELTA = 2;
const FETCH_UNCACHED = 3;
/**
 * Of `steering`: directory, A20's mask, bits of MODE, first and number of the page frames that are known to be cached; a
 * number that is another when any of these but the directory has changed; and of the frames below 1 MiB a bit each that is 0
 * where one may not be cached.
 */
export const STEER = { directory: 0, a20: 1, mode: 2, plainPage: 3, plainPages: 4, rule: 5, low: 6 } as const;
export const LOW_PAGES = 256;
const STEERS = STEER.low + LOW_PAGES / 32;
const DIRECTORY = STEER.directory;
export const MODE_PAGING = 1;
export const MODE_PROTECT = 2;
export const MODE_BIG = 4;
export const MODE_GLOBAL = 8;
/** Not a page's address. */
const NO_PAGE = 1;

/** How the walker touched memory, for tests and tracing. */
export type WalkAccess = (what: 'read' | 'write', pa: number, value: number) => void;

export abstract class Walker {
  readonly hierarchy: Hierarchy;
  readonly types = new MemoryTypes();
  readonly itlb: Tlb;
  readonly dtlb: Tlb;
  readonly itlb4m: Tlb;
  readonly dtlb4m: Tlb;
  readonly ram: DataView;
  readonly ram8: Uint8Array;
  /** One byte a page of RAM; a bit is set if the page may have been written since forgetDirty() of that bit. */
  readonly dirty: Uint8Array;
  readonly ramSize: number;
  /** Lines of code fetched since reset: one for each line that execution enters. */
  fetches = 0;
  /** Sees each access of the walker; null when nobody watches. */
  onWalk: WalkAccess | null = null;
  /** The tools that listen. */
  readonly probes = new Probes();
  /** Called before every charge; set by the engine. */
  sync: () => void = () => {};

  // Control state, set by the CPU through the setters of Mmu.
  protected paging = false;
  protected writeProtect = false;
  protected bigPages = false;
  protected globalPages = false;
  /** 0 for supervisor accesses; for user ones what Mmu adds to the index of a front slot. */
  protected user = 0;
  /** What A20 leaves of a physical address: everything, or all but bit 20. */
  protected a20Mask = -1;
  /** First and number of the page frames that isPlain knows. */
  private plainPage = 0;
  private plainPages = 0;
  /** What steers walks, for compiled code: dwords by STEER. */
  readonly steering: Int32Array;
  /** In the tags of the front tables: those with another are void. 1 to 4095. */
  epoch = 1;
  /** Byte address of the stamp that a use without paging renews: nobody's. */
  protected readonly nobody: number;
  protected readonly distinct: readonly Tlb[];
  /** Entry of the last translation, and its TLB. */
  protected found = -1;
  protected foundTlb: Tlb;

  private readonly l1tags: Int32Array;
  private readonly l1mask: number;
  private readonly l1ways: number;
  private readonly l1shift: number;
  /** The line of the last store, with write-through. */
  readonly lastStore: Int32Array;
  private readonly writeBack: boolean;
  protected readonly accounting: Accounting;
  protected readonly fault: CpuFault;
  readonly walkTicks: number;

  constructor(p: Profile, state: State, accounting: Accounting, fault: CpuFault) {
    this.accounting = accounting;
    this.fault = fault;
    this.hierarchy = new Hierarchy(p, state, accounting);
    this.hierarchy.sync = () => this.sync();
    this.lastStore = state.int32('last store', 1).fill(-1);
    const code = new Recency('code TLBs', state);
    const data = new Recency('data TLBs', state);
    const tlb = (name: 'itlb' | 'dtlb' | 'itlb4m' | 'dtlb4m', recency: Recency) => {
      const geometry = p[name];
      return geometry && new Tlb(name, geometry.entries.value, geometry.ways.value, state, recency);
    };
    this.itlb = tlb('itlb', code) as Tlb;
    this.dtlb = tlb('dtlb', data) as Tlb;
    this.itlb4m = tlb('itlb4m', code) ?? this.itlb;
    this.dtlb4m = tlb('dtlb4m', data) ?? this.dtlb;
    this.codeClock = code;
    this.nobody = state.scratch('stamp of nobody', 1).byteOffset;
    this.fetching = state.scratch('fetching', 4);
    this.fetching[FETCH_PAGE] = NO_PAGE;
    this.steering = state.scratch('steering of walks', STEERS);
    this.codeFront = state.scratch('code front', 2 * CODE_SLOTS * SLOT);
    this.distinct = [...new Set([this.itlb, this.dtlb, this.itlb4m, this.dtlb4m])];
    this.foundTlb = this.dtlb;
    this.dtlb.onDrop = this.dtlb4m.onDrop = (cell, key) => this.dropFront(cell, key);
    this.itlb.onDrop = this.itlb4m.onDrop = (cell, key) => this.dropCode(cell, key);
    this.ram = state.ramView();
    this.ram8 = state.ram8();
    this.ramSize = state.ramSize;
    this.dirty = state.pageBytes('dirty pages');
    this.l1tags = this.hierarchy.l1d.tags;
    this.l1mask = this.hierarchy.timed ? this.hierarchy.l1d.setMask : 0;
    this.l1ways = this.hierarchy.l1d.ways;
    // Untimed: all of RAM is one line that is always there, so the same code never reaches the hierarchy.
    this.l1shift = this.hierarchy.timed ? this.hierarchy.l1d.lineShift : 31;
    if (!this.hierarchy.timed) {
      this.l1tags[0] = 0;
      this.lastStore[0] = 0;
    }
    this.writeBack = p.l1d.writeBack && this.hierarchy.timed;
    this.walkTicks = p.walk.fixed.value * TICKS_PER_CYCLE;
    this.typesChanged();
  }

  /** A data TLB dropped an entry, or its twin did: what was derived from it must go. */
  protected abstract dropFront(cell: number, key: number): void;
  /** The walker is about to write, or wrote, a page-table entry of `size` bytes at `pa`. */
  protected abstract walkerWrites(pa: number, size: number): void;
  protected abstract walkerWrote(pa: number, size: number): void;
  /** Does a write to `pa`, below the end of RAM, change it? */
  abstract isWritable(pa: number): boolean;

  /** Physical address of the page directory. */
  protected get directory(): number {
    return this.steering[DIRECTORY];
  }

  protected set directory(pa: number) {
    this.steering[DIRECTORY] = pa;
  }

  /** Tells compiled code what steers walks. */
  protected steer(): void {
    const s = this.steering;
    const mode =
      (this.paging ? MODE_PAGING : 0) |
      (this.writeProtect ? MODE_PROTECT : 0) |
      (this.bigPages ? MODE_BIG : 0) |
      (this.globalPages ? MODE_GLOBAL : 0);
    if (mode !== s[STEER.mode] || this.a20Mask !== s[STEER.a20]) s[STEER.rule]++;
    s[STEER.mode] = mode;
    s[STEER.a20] = this.a20Mask;
    s[STEER.plainPage] = this.plainPage;
    s[STEER.plainPages] = this.plainPages;
  }

  /** The distinct TLBs of this profile. */
  tlbs(): readonly Tlb[] {
    return this.distinct;
  }

  // ---- lines -------------------------------------------------------------------------------------------------

  /** One load from the L1D line of `pa`. */
  touchLine(pa: number): void {
    const line = pa >>> this.l1shift;
    if (this.l1tags[(line & this.l1mask) * this.l1ways] >> 2 !== line) this.hierarchy.load(pa);
  }

  /** One store to the L1D line of `pa`. */
  storeLine(pa: number): void {
    const line = pa >>> this.l1shift;
    if (this.writeBack) {
      if (this.l1tags[(line & this.l1mask) * this.l1ways] === ((line << 2) | 1)) return;
    } else if (line === this.lastStore[0]) return;
    else {
      this.lastStore[0] = line;
      this.hierarchy.filter.forgetStore();
    }
    this.hierarchy.store(pa);
  }

  // ---- translation -------------------------------------------------------------------------------------------

  /**
   * The page that instructions are fetched from: its translation is in the ITLB as long as this is set. Page or NO_PAGE,
   * privilege as in `user`, physical less linear address, and not 0 if its lines bypass the caches.
   */
  readonly fetching: Int32Array;
  /**
   * A front table of code pages: in the ITLB and its twin, executable with the privilege of the bank, cached. Four dwords a
   * slot: tag (page address and epoch), unused, physical less linear address, byte address of the entry's stamp.
   */
  readonly codeFront: Int32Array;
  private readonly codeClock: Recency;

  /** Physical address (int32) of an instruction byte at `lin`; renews its ITLB entry, throws the page fault. */
  translateFetch(lin: number): number {
    const f = this.fetching;
    if ((lin & ~0xfff) === f[FETCH_PAGE] && this.user === f[FETCH_USER]) return (lin + f[FETCH_DELTA]) | 0;
    const front = this.codeFront;
    const at = this.codeSlot(lin >>> 12);
    if (front[at] === ((lin & ~0xfff) | this.epoch)) {
      this.codeClock.touch(front[at + CELL]);
      this.fetchFrom(lin, front[at + DELTA], 0);
      return (lin + front[at + DELTA]) | 0;
    }
    const pa = (this.paging ? this.lookup(lin, false, this.itlb, this.itlb4m) : lin) & this.a20Mask;
    // Where nothing answers, all bytes are FF: an undefined instruction.
    const flags = this.foundFlags();
    if (flags & TLB_HIGH) throw this.fault.set(UD, -1);
    const delta = (pa - lin) | 0;
    const uncached = this.isUncached(pa, flags) ? 1 : 0;
    this.fetchFrom(lin, delta, uncached);
    front[at] = uncached ? 0 : (lin & ~0xfff) | this.epoch;
    front[at + DELTA] = delta;
    front[at + CELL] = this.paging ? this.foundTlb.cell[this.found] : this.nobody;
    return pa;
  }

  private fetchFrom(lin: number, delta: number, uncached: number): void {
    const f = this.fetching;
    f[FETCH_PAGE] = lin & ~0xfff;
    f[FETCH_USER] = this.user;
    f[FETCH_DELTA] = delta;
    f[FETCH_UNCACHED] = uncached;
  }

  private codeSlot(page: number): number {
    return (((page ^ (page >>> 6)) & CODE_MASK) | (this.user !== 0 ? CODE_SLOTS : 0)) << 2;
  }

  protected dropFetch(): void {
    this.fetching[FETCH_PAGE] = NO_PAGE;
  }

  /** A code TLB dropped an entry, or its twin did. */
  private dropCode(cell: number, key: number): void {
    this.dropFetch();
    const front = this.codeFront;
    const page = key & BIG ? 0 : (key ^ (key >>> 6)) & CODE_MASK;
    const step = key & BIG ? SLOT : CODE_SLOTS * SLOT;
    for (let at = page * SLOT; at < front.length; at += step) if (front[at + CELL] === cell) front[at] = 0;
  }

  /** Is that page known? */
  get fetchHeld(): boolean {
    return this.fetching[FETCH_PAGE] !== NO_PAGE;
  }

  /** The part of fetchLine that is for a line which is not the most recent of its set. */
  fetchElsewhere(pa: number): void {
    this.hierarchy.fetch(pa, this.fetching[FETCH_UNCACHED] !== 0);
  }

  /** One fetch access to the L1I line of `pa`. */
  fetchLine(pa: number): void {
    this.fetches++;
    if (!this.hierarchy.timed) return;
    const l1i = this.hierarchy.l1i;
    const line = pa >>> l1i.lineShift;
    if (l1i.tags[(line & l1i.setMask) * l1i.ways] >> 2 !== line) this.fetchElsewhere(pa);
  }

  /** Flags of the TLB entry that the last translation used; 0 with paging off. */
  protected foundFlags(): number {
    return this.paging ? this.foundTlb.flags[this.found] : 0;
  }

  /** Does RAM at `pa` bypass the caches, when a TLB entry with `flags` leads to it? */
  protected isUncached(pa: number, flags: number): boolean {
    if ((flags & (ATTRIBUTES | TLB_PAT)) === 0 && this.isPlain(pa)) return false;
    if (!this.hierarchy.timed) return false;
    if (!this.paging) return this.types.uncachedByRange(pa);
    return this.types.uncached(pa, ((flags & ATTRIBUTES) >> 3) | (flags & TLB_PAT ? 4 : 0));
  }

  /** Is `pa` in the part of RAM that is known to be cached? Most of it is, so this comes before any look at types. */
  private isPlain(pa: number): boolean {
    return ((pa >>> 12) - this.plainPage) >>> 0 < this.plainPages;
  }

  private walksUncached(pa: number): boolean {
    return !this.isPlain(pa) && this.hierarchy.timed && this.types.uncachedByRange(pa);
  }

  /** The memory types have changed. */
  protected typesChanged(): void {
    const { from, to } = this.types.plain();
    this.plainPage = from >>> 12;
    this.plainPages = Math.max(0, (to - from) / 4096);
    this.steering[STEER.rule]++;
    for (let page = 0; page < LOW_PAGES; page++) {
      const uncached = this.types.uncachedByRange(page << 12) || this.types.uncached(page << 12, 0);
      const at = STEER.low + (page >> 5);
      if (uncached) this.steering[at] &= ~(1 << (page & 31));
      else this.steering[at] |= 1 << (page & 31);
    }
  }

  protected lookup(lin: number, write: boolean, small: Tlb, big: Tlb): number {
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
    const bySwitch = keep < 0 && this.wasSwitchedAway(lin, small, big);
    const cause = bySwitch ? WALK_SWITCH : WALK;
    if (keep < 0) for (const tell of this.probes.tlbMissed) tell(small.name, lin, write, bySwitch);
    this.accounting.charge(cause, this.walkTicks);
    this.hierarchy.chargeTo(cause);
    const pdeAt = this.directory + ((lin >>> 22) << 2);
    const pde = this.walkRead(pdeAt);
    let pteAt = 0;
    let pte = pde;
    if (!(pde & PTE_P)) return this.walkFault(lin, write, 0);
    const large = this.bigPages && (pde & PTE_PS) !== 0;
    if (large && pde & BIG_RESERVED) return this.walkFault(lin, write, PF_PRESENT | PF_RESERVED);
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
    const attributes = large
      ? (pde & (ATTRIBUTES | TLB_HIGH)) | (pde & BIG_PAT ? TLB_PAT : 0)
      : pte & (ATTRIBUTES | TLB_PAT);
    const flags = rights | attributes | ((pte | want) & TLB_D) | (this.globalPages ? pte & TLB_G : 0);
    const frame = large ? pte & ~0x3fffff : pte & ~0xfff;
    const tlb = large ? big : small;
    const key = large ? (lin >>> 22) | BIG : lin >>> 12;
    let e = keep;
    if (keep >= 0 && tlb.key[keep] === key) {
      tlb.renew(keep, frame, flags);
    } else {
      // The page has another size now: an older entry of that size gives way.
      if (keep >= 0) tlb.discard(key);
      e = tlb.insert(key, frame, flags, this.directory >>> 12);
    }
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

  private walkRead(address: number): number {
    const pa = address & this.a20Mask;
    if (pa >>> 0 >= this.ramSize) return -1;
    if (this.walksUncached(pa)) this.hierarchy.loadUncached(pa);
    else this.touchLine(pa);
    const v = this.ram.getInt32(pa, true);
    this.onWalk?.('read', pa, v);
    return v;
  }

  private walkWrite(address: number, v: number): void {
    const pa = address & this.a20Mask;
    if (pa >>> 0 >= this.ramSize) return;
    if (this.walksUncached(pa)) this.hierarchy.storeUncached(pa);
    else this.storeLine(pa);
    if (!this.isWritable(pa)) return;
    this.dirty[pa >>> 12] = 255;
    this.walkerWrites(pa, 4);
    this.ram.setInt32(pa, v, true);
    this.onWalk?.('write', pa, v);
    this.walkerWrote(pa, 4);
  }

  // ---- inspection (never changes anything) --------------------------------------------------------------------

  /** Physical address of `lin` by the page tables in RAM (not the TLB), or -1; no side effects. */
  peekTranslate(lin: number, directory = this.directory): number {
    const a20 = this.a20Mask;
    if (!this.paging) return (lin & a20) >>> 0;
    const pde = this.peek32((directory + ((lin >>> 22) << 2)) & a20);
    if (!(pde & PTE_P)) return -1;
    if (this.bigPages && pde & PTE_PS)
      return pde & (TLB_HIGH | BIG_RESERVED) ? -1 : (((pde & ~0x3fffff) | (lin & 0x3fffff)) & a20) >>> 0;
    const pte = this.peek32(((pde & ~0xfff) + (((lin >>> 12) & 0x3ff) << 2)) & a20);
    if (!(pte & PTE_P)) return -1;
    return (((pte & ~0xfff) | (lin & 0xfff)) & a20) >>> 0;
  }

  /** A dword of RAM by physical address; all ones outside RAM. */
  peek32(pa: number): number {
    const at = pa >>> 0;
    return at + 4 <= this.ramSize ? this.ram.getInt32(at, true) : -1;
  }
}
