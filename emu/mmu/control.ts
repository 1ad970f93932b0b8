/**
 * What steers the accesses and what a snapshot keeps of it: the control registers' bits, A20, alignment checks,
 * memory types, the attributes of RAM's pages and who watches them (SDM vol. 3, 2.5, 4.10.4, 6.15 #AC, 11.5.3).
 *
 * Left out: the accesses themselves, which are in mmu.ts. Their front table is derived from all this, so a change here
 * clears it. Walker, Control and Mmu are one object, since another indirection would cost every access time.
 */
import type { Accounting } from '../accounting.ts';
import type { MmioRange } from '../bus.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { PAGE_CODE, PAGE_HOLE, PAGE_READ, PAGE_ROM, PAGE_WATCHED } from './attributes.ts';
import type { CpuFault } from './fault.ts';
import type { MsrValue } from './memory-types.ts';
import { Walker } from './walker.ts';
import { Watches } from './watches.ts';

/** Slots of the front table for each privilege; a bank each for kernel, user, watched kernel and watched user code. */
export const FRONT = 1024;
/** What watched code adds to the index of a slot. */
const WATCHED_BANK = 2 * FRONT;

/** What the MMU asks of the rest: memory-mapped ranges, and who must know of writes to marked pages. */
export interface MmuHost {
  findMmio(pa: number): MmioRange | null;
  onUnmapped(kind: 'read' | 'write', pa: number): void;
  /** The byte of memory-mapped ROM or video memory that an instruction fetch finds at `pa`. */
  fetchByte(pa: number): number;
}

/** A store of `size` bytes of `value` that watched code is about to make; no fault can stop it, the clock is exact. Beyond RAM: a device's. */
export type StoreWatch = (lin: number, pa: number, size: number, value: number) => void;
/** A bus master is about to read or write [pa, pa + length), which may reach beyond RAM. */
export type MasterWatch = (pa: number, length: number, write: boolean) => void;

/** An access of `size` bytes at linear address `lin` that is about to be made; no fault can stop it. */
export type AccessWatch = (lin: number, size: number, write: boolean) => void;

export interface ControlState {
  directory: number;
  paging: boolean;
  writeProtect: boolean;
  bigPages: boolean;
  globalPages: boolean;
  user: number;
  a20: boolean;
  types: [number, MsrValue][];
  cacheDisabled: boolean;
  lastStoreLine: number;
  fetches: number;
  hierarchy: number[];
  /** Without what is derived: who holds code, and who is watched. */
  attributes: Uint8Array;
}

/** A byte a page is looked at four pages at a time. */
const EACH_BYTE = 0x0101_0101;
const SAVED = (PAGE_ROM | PAGE_HOLE) * EACH_BYTE;
const CODE = PAGE_CODE * EACH_BYTE;

export abstract class Control extends Walker {
  /** One attribute byte a page of RAM. */
  readonly attributes: Uint8Array;
  /** A write of `length` bytes reached a page marked PAGE_CODE. */
  onMarkedWrite: (pa: number, length: number, lin: number) => void = () => {};
  /** Ranges of memory that tools watch. */
  readonly watches: Watches = new Watches(this);

  protected onAccess: AccessWatch | null = null;

  // ---- watched code (cpu/engine.ts): its own banks of the front table hold no page that a store must be told of
  /** Sees all that bus masters do; null when nobody watches. */
  onMaster: MasterWatch | null = null;
  protected onStore: StoreWatch | null = null;
  /** One byte a page of RAM: not 0 where watched code may write as it likes. */
  protected plain: Uint8Array = new Uint8Array(0);
  /** WATCHED_BANK while watched code runs, else 0. */
  protected watching = 0;
  /** The bank of the front table that is in use: privilege and watching. */
  protected bank = 0;
  private spareFrom = 0;
  private spareLength = 0;

  /** Two addresses that differ in these bits lie in two lines. */
  protected readonly lineMask: number;
  /**
   * An operand whose first and last byte differ in these bits is not for the fast part: it lies in two lines or, for
   * `probeMask`, pages; with alignment checking on, any operand that is not aligned does.
   */
  protected wordMask: number;
  protected dwordMask: number;
  protected probeMask = -4096;
  /** CR0.AM and EFLAGS.AC are set: user accesses are checked. */
  protected aligned = false;
  protected readonly host: MmuHost;

  constructor(p: Profile, state: State, accounting: Accounting, fault: CpuFault, host: MmuHost) {
    super(p, state, accounting, fault);
    this.host = host;
    this.attributes = state.pageBytes('attributes of pages');
    this.lineMask = this.wordMask = this.dwordMask = this.hierarchy.timed ? -p.l1d.line.value : -4096;
  }

  /** Forgets what lets accesses past translation and the checks of the slow part. */
  protected abstract clearFront(): void;

  /** CR3 was loaded: `global` entries stay. Returns nothing; the CPU charges the instruction. */
  loadDirectory(cr3: number): void {
    this.directory = cr3 & ~0xfff;
    for (const tlb of this.distinct) tlb.flush();
    this.clearFront();
    for (const tell of this.probes.tlbFlushed) tell(-1);
  }

  /** CR0 and CR4 bits that steer translation; a change of PG, PSE or PGE flushes all, WP the front table only. */
  setControl(paging: boolean, writeProtect: boolean, bigPages: boolean, globalPages: boolean): void {
    const flushes = paging !== this.paging || bigPages !== this.bigPages || globalPages !== this.globalPages;
    if (flushes) for (const tlb of this.distinct) tlb.flushAll();
    this.paging = paging;
    this.writeProtect = writeProtect;
    this.bigPages = bigPages;
    this.globalPages = globalPages;
    this.clearFront();
    if (flushes) for (const tell of this.probes.tlbFlushed) tell(-1);
  }

  /** The A20 gate: off clears bit 20 of every physical address of the CPU, the walker's too. */
  setA20(on: boolean): void {
    this.a20Mask = on ? -1 : ~(1 << 20);
    this.clearFront();
  }

  get a20(): boolean {
    return this.a20Mask === -1;
  }

  /** CR0.CD: nothing is cached. */
  setCacheDisable(on: boolean): void {
    if (on === this.types.cacheDisabled) return;
    this.types.cacheDisabled = on;
    this.typesChanged();
    this.clearFront();
  }

  /** Power-up: the MTRRs are off and nothing is cached until firmware sets them (a machine starts as firmware left it). */
  resetMemoryTypes(): void {
    this.types.reset();
    this.typesChanged();
    this.clearFront();
  }

  /** WRMSR to the PAT or an MTRR: false for a reserved bit. TLB entries keep their PAT bits, not the types. */
  writeMemoryType(register: number, lo: number, hi: number): boolean {
    if (!this.types.write(register, lo, hi)) return false;
    this.typesChanged();
    this.clearFront();
    return true;
  }

  /** CR0.AM and EFLAGS.AC are both set: user accesses must be aligned (SDM vol. 3, 6.15, #AC). */
  setAlignmentCheck(on: boolean): void {
    if (on === this.aligned) return;
    this.aligned = on;
    this.wordMask = on ? -2 : this.lineMask;
    this.dwordMask = on ? -4 : this.lineMask;
    this.probeMask = on ? -2 : -4096;
  }

  get isUser(): boolean {
    return this.user !== 0;
  }

  /** INVLPG: what the TLBs drop leaves the front tables, and no more. */
  invalidatePage(lin: number): void {
    for (const tlb of this.distinct) tlb.invalidate(lin);
    for (const tell of this.probes.tlbFlushed) tell(lin);
  }

  /** Sets or clears attribute bits of the RAM page that holds `pa`; a newly marked page leaves the front table. */
  mark(pa: number, bits: number): void {
    const page = pa >>> 12;
    if ((this.attributes[page] & bits) === bits) return;
    this.attributes[page] |= bits;
    this.clearFront();
  }

  /** Does the CPU reach RAM at `pa`? Else a memory-mapped range, or nothing. */
  isRam(pa: number): boolean {
    return pa >>> 0 < this.ramSize && (this.attributes[pa >>> 12] & PAGE_HOLE) === 0;
  }

  /** Gives (or takes, `on` false) the pages of [pa, pa + length) below the end of RAM an attribute. */
  setPages(pa: number, length: number, attribute: number, on: boolean): void {
    for (let at = pa; at < pa + length && at < this.ramSize; at += 4096)
      if (on) this.mark(at, attribute);
      else this.unmark(at, attribute);
    this.clearFront();
  }

  /** A byte of code at `pa`, wherever it lies. */
  codeByte(pa: number): number {
    return this.isRam(pa) ? this.ram8[pa] : this.host.fetchByte(pa >>> 0);
  }

  unmark(pa: number, bits: number): void {
    this.attributes[pa >>> 12] &= ~bits;
  }

  /** The linear pages of `watches` are others now. */
  watchedPagesChanged(): void {
    this.clearFront();
  }

  /**
   * Tells `watch` of the stores that are made while setWatching is on, but those to pages with a mark in `plain`, a
   * byte a page of RAM. Null: of none. Call it again when `plain` has changed.
   */
  watchStores(watch: StoreWatch | null, plain: Uint8Array = new Uint8Array(0)): void {
    this.onStore = watch;
    this.plain = plain;
    this.spareLength = 0;
    if (!watch) this.setWatching(false);
    this.clearFront();
  }

  /** Is the code that runs now watched? */
  setWatching(on: boolean): void {
    this.watching = on ? WATCHED_BANK : 0;
    this.bank = this.user | this.watching;
  }

  /** Stores to these linear addresses are not told of: the running code's stack. */
  setSpare(from: number, length: number): void {
    this.spareFrom = from | 0;
    this.spareLength = length;
  }

  /** A store of watched code took the slow road. */
  protected watchedStore(lin: number, pa: number, size: number, v: number): void {
    if ((lin - this.spareFrom) >>> 0 < this.spareLength || this.plain[pa >>> 12]) return;
    this.sync();
    this.onStore?.(lin, pa, size, v);
  }

  /** Tells `watch` of each load and store of the CPU, but not of the walker's; null for nobody. */
  watchAccesses(watch: AccessWatch | null): void {
    if (watch === this.onAccess) return;
    this.onAccess = watch;
    this.clearFront();
  }

  /** Bytes [pa, pa + length) of RAM change behind the CPU's back. */
  markDirty(pa: number, length: number): void {
    this.dirty.fill(255, pa >>> 12, (pa + length + 4095) >>> 12);
  }

  /** The pages of RAM that have `bit` in `dirty`, in order. */
  dirtyPages(bit: number): number[] {
    const pages: number[] = [];
    const words = wordsOf(this.dirty);
    const any = bit * EACH_BYTE;
    for (let n = 0; n < words.length; n++) {
      if ((words[n] & any) === 0) continue;
      for (let page = 4 * n; page < 4 * n + 4; page++) if (this.dirty[page] & bit) pages.push(page);
    }
    return pages;
  }

  /** From here on `bit` of `dirty` tells which pages are written: the next write to each takes the slow part. */
  forgetDirty(bit: number): void {
    const words = wordsOf(this.dirty);
    const others = ~(bit * EACH_BYTE);
    for (let n = 0; n < words.length; n++) words[n] &= others;
    this.clearFront();
  }

  /** Forgets everything derived (after a snapshot was loaded). */
  refresh(): void {
    this.clearFront();
    this.dropFetch();
  }

  isWritable(pa: number): boolean {
    return (this.attributes[pa >>> 12] & (PAGE_ROM | PAGE_HOLE)) === 0;
  }

  protected walkerWrites(pa: number, size: number): void {
    if (this.attributes[pa >>> 12] & PAGE_WATCHED) this.watches.tellWriting(pa, size, Number.NaN);
  }

  protected walkerWrote(pa: number, size: number): void {
    const attributes = this.attributes[pa >>> 12];
    if (attributes & PAGE_CODE) this.onMarkedWrite(pa, size, Number.NaN);
    if (attributes & PAGE_WATCHED) this.watches.tellWritten(pa, size, Number.NaN);
  }

  /** A bus master is about to read RAM. */
  deviceReads(pa: number, length: number): void {
    if (this.anyHas(pa, length, PAGE_READ)) this.watches.tellReading(pa, length, Number.NaN);
  }

  /** A bus master is about to write RAM. */
  deviceWrites(pa: number, length: number): void {
    if (this.anyHas(pa, length, PAGE_WATCHED)) this.watches.tellWriting(pa, length, Number.NaN);
  }

  /** It has. */
  deviceWrote(pa: number, length: number): void {
    if (this.anyHas(pa, length, PAGE_WATCHED)) this.watches.tellWritten(pa, length, Number.NaN);
  }

  private anyHas(pa: number, length: number, bits: number): boolean {
    for (let at = pa; at < pa + length; at = (at & ~0xfff) + 4096)
      if (this.attributes[at >>> 12] & bits) return true;
    return false;
  }

  protected saveControl(): ControlState {
    return {
      directory: this.directory,
      paging: this.paging,
      writeProtect: this.writeProtect,
      bigPages: this.bigPages,
      globalPages: this.globalPages,
      user: this.user,
      a20: this.a20,
      types: this.types.save(),
      cacheDisabled: this.types.cacheDisabled,
      lastStoreLine: this.lastStore[0],
      fetches: this.fetches,
      hierarchy: this.hierarchy.saveCounters(),
      attributes: savedAttributes(this.attributes),
    };
  }

  protected loadControl(s: ControlState): void {
    this.directory = s.directory;
    this.paging = s.paging;
    this.writeProtect = s.writeProtect;
    this.bigPages = s.bigPages;
    this.globalPages = s.globalPages;
    this.user = s.user;
    this.setWatching(false);
    this.setA20(s.a20);
    this.types.load(s.types);
    this.types.cacheDisabled = s.cacheDisabled;
    this.typesChanged();
    this.lastStore[0] = s.lastStoreLine;
    this.hierarchy.filter.forgetStore();
    this.fetches = s.fetches;
    for (const tlb of this.distinct) tlb.load();
    this.hierarchy.loadCounters(s.hierarchy);
    loadAttributes(this.attributes, s.attributes);
    this.watches.place();
    this.refresh();
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

function savedAttributes(attributes: Uint8Array): Uint8Array {
  const saved = attributes.slice();
  const words = wordsOf(saved);
  for (let n = 0; n < words.length; n++) words[n] &= SAVED;
  return saved;
}

/** Which pages hold code is not in `saved`, and stays. */
function loadAttributes(attributes: Uint8Array, saved: Uint8Array): void {
  const [now, then] = [wordsOf(attributes), wordsOf(saved)];
  for (let n = 0; n < now.length; n++) now[n] = (now[n] & CODE) | (then[n] & SAVED);
}
