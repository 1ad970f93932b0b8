/**
 * One TLB: the only source of translations for its kind of access (SDM vol. 3, 4.10). Exact LRU within a set.
 *
 * Beside the real TLB it keeps a *twin* of the same geometry, tagged by page directory and never flushed by MOV
 * CR3. A miss that the twin would have hit is a *switch miss*; a hit that the twin would have missed (a global
 * entry that survived while the twin was crowded) is counted the other way.
 *
 * The two share recency stamps: an entry that both hold (it is *paired*) has its stamp where the twin keeps them, so that
 * a use writes one cell, and the twin's stamps lie side by side to be scanned. What the twin has lost has a cell of its
 * own. A stamp of 0 says that the twin's entry is empty. Both find a key by chains of a hash.
 *
 * An entry's key is the page number, for a 4 MiB page the large page number with BIG set. Entries are dropped by
 * eviction, INVLPG, #PF (4.10.4.1) and flushes. `onDrop` tells whoever caches translations in front, but not of flushes.
 * Everything lies in the machine's memory, so that compiled code does the same (cpu/jit/walks.ts).
 */
import type { State } from '../state.ts';

/** Set in the key and in the flags of a 4 MiB page. */
export const BIG = 1 << 21;

/** Bits of an entry's flags: those of a page-table entry. */
export const TLB_W = 0x002;
export const TLB_U = 0x004;
export const TLB_PWT = 0x008;
export const TLB_PCD = 0x010;
export const TLB_D = 0x040;
export const TLB_PAT = 0x080;
export const TLB_G = 0x100;
/** Bits 32–35 of the physical address of a 4 MiB page (PSE-36). */
export const TLB_HIGH = 0x1_e000;

const INVALID = -1;

/** Chains of each hash. */
export const BUCKETS = 512;

function bucketOf(key: number): number {
  return (key ^ (key >>> 9)) & (BUCKETS - 1);
}

export const MAX_STAMP = 0x7fff_ffff;

/** Index of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** The clock of uses that the TLBs of one kind of access share, and all their stamps. */
export class Recency {
  /** Uses so far, renumbered now and then: the last stamp. */
  readonly clock: Int32Array;
  /** The machine's memory as dwords: a stamp's cell is named by its byte address. */
  readonly words: Int32Array;
  readonly stamps: Int32Array[] = [];

  constructor(name: string, state: State) {
    this.clock = state.int32(`${name} clock`, 1);
    this.words = state.words;
  }

  /** A use: `cell` is the byte address of its stamp. */
  touch(cell: number): void {
    const t = this.clock[0] + 1;
    this.clock[0] = t;
    this.words[cell >> 2] = t;
    if (t === MAX_STAMP) this.renumber();
  }

  /** Stamps ran out: number them anew from 1 in the same order. */
  renumber(): void {
    const live = this.stamps.flatMap(array => [...array].flatMap((v, i) => (v > 0 ? { array, i, v } : [])));
    live.sort((a, b) => a.v - b.v);
    let n = 0;
    let last = 0;
    for (const { array, i, v } of live) {
      if (v !== last) n++;
      last = v;
      array[i] = n;
    }
    this.clock[0] = n;
  }
}

/**
 * Of Tlb.known: the rule that held (STEER.rule), or 0 if nothing is known; addresses and values of directory and table
 * entry, as read; frame, flags, and the page's physical address. Nothing depends on it: with other values it is walked.
 */
export const KNOWN = { rule: 0, pdeAt: 1, pde: 2, pteAt: 3, pte: 4, frame: 5, flags: 6, page: 7 } as const;
const KNOWNS = 8;
/** log2 of an entry's bytes there. */
export const KNOWN_SHIFT = 5;

/** Of Tlb.counts. */
export const MISSES = 0;
export const SWITCH_MISSES = 1;
const GLOBAL_HITS = 2;
/** The twin's tag of a global page. */
export const GLOBAL_TAG = -1;

export class Tlb {
  readonly name: string;
  readonly entries: number;
  readonly ways: number;
  readonly setMask: number;
  readonly recency: Recency;
  readonly key: Int32Array;
  /** Physical base of the page, unsigned in an int32. */
  readonly frame: Int32Array;
  readonly flags: Int32Array;
  /** Byte address of each entry's stamp. */
  readonly cell: Int32Array;
  /** The twin's stamps, then those of entries that it has lost. */
  readonly stamps: Int32Array;
  readonly twinKey: Int32Array;
  /** Page directory, as a frame number; -1 for a global page. */
  readonly twinTag: Int32Array;
  /** The real entry that has the translation too, or -1. */
  readonly twinLink: Int32Array;
  /** Counted since reset: misses, those by switches, hits that a tagged, never flushed TLB would have missed. */
  readonly counts: Float64Array;
  // What follows is derived, and no part of a snapshot.
  /** Chains by bucket: the first entry, and behind each the next; -1 ends one. */
  readonly heads: Int32Array;
  readonly next: Int32Array;
  readonly twinHeads: Int32Array;
  readonly twinNext: Int32Array;
  /** Dwords of a set in the next two, a bit an entry: those that are empty, and those that MOV CR3 drops. */
  readonly setWords: number;
  readonly vacant: Int32Array;
  readonly local: Int32Array;
  /** What compiled code knows of the walk that each entry of the twin comes from, dwords by KNOWN. */
  readonly known: Int32Array;
  /** One element: entries that are not paired. */
  readonly unpaired: Int32Array;
  private readonly stampsAt: number;
  /** An entry is dropped, or the twin has lost it: its stamp was at `cell`. */
  onDrop: (cell: number, key: number) => void = () => {};

  constructor(name: string, entries: number, ways: number, state: State, recency = new Recency(name, state)) {
    this.name = name;
    this.entries = entries;
    this.ways = ways === 0 ? entries : ways;
    this.setMask = entries / this.ways - 1;
    this.recency = recency;
    const array = (what: string, fill: number, length = entries) =>
      state.int32(`${name} ${what}`, length).fill(fill);
    this.key = array('key', INVALID);
    this.frame = array('frame', 0);
    this.flags = array('flags', 0);
    this.cell = array('cell', 0);
    this.twinKey = array('twin key', INVALID);
    this.twinTag = array('twin tag', 0);
    this.twinLink = array('twin link', INVALID);
    this.stamps = array('stamps', 0, 2 * entries);
    this.stampsAt = this.stamps.byteOffset;
    recency.stamps.push(this.stamps);
    this.counts = state.float64(`${name} counts`, 3);
    const scratch = (what: string, length: number) => state.scratch(`${name} ${what}`, length);
    this.heads = scratch('heads', BUCKETS);
    this.next = scratch('next', entries);
    this.twinHeads = scratch('twin heads', BUCKETS);
    this.twinNext = scratch('twin next', entries);
    this.setWords = (this.ways + 31) >> 5;
    this.vacant = scratch('vacant', this.setWords * (this.setMask + 1));
    this.local = scratch('local', this.setWords * (this.setMask + 1));
    this.known = scratch('known walks', KNOWNS * entries);
    this.unpaired = scratch('unpaired', 1);
    this.load();
  }

  get misses(): number {
    return this.counts[MISSES];
  }

  get switchMisses(): number {
    return this.counts[SWITCH_MISSES];
  }

  /** Hits that a tagged, never flushed TLB would have missed. */
  get globalHits(): number {
    return this.counts[GLOBAL_HITS];
  }

  /** The entry that holds `key`, or -1. Changes nothing. */
  find(key: number): number {
    let e = this.heads[bucketOf(key)];
    while (e >= 0 && this.key[e] !== key) e = this.next[e];
    return e;
  }

  /** Records a use of entry `e`. */
  touch(e: number): void {
    this.recency.touch(this.cell[e]);
  }

  /** True while the twin holds this entry too, so that a use needs no more than `touch`. */
  paired(e: number): boolean {
    return this.twinOf(e) < this.entries;
  }

  /** Does the twin hold this page, for this directory or as a global page? Changes nothing. */
  twinHolds(key: number, directory: number): boolean {
    for (let t = this.twinHeads[bucketOf(key)]; t >= 0; t = this.twinNext[t])
      if (this.twinKey[t] === key && (this.twinTag[t] === directory || this.twinTag[t] < 0)) return true;
    return false;
  }

  /** For inspection: the entry's last use, a number that rises with every use. */
  lastUse(e: number): number {
    return this.recency.words[this.cell[e] >> 2];
  }

  /** For inspection: translations that only the twin holds, by key and page directory (frame number; -1 global). */
  onlyInTwin(): { key: number; directory: number }[] {
    const found: { key: number; directory: number }[] = [];
    for (let t = 0; t < this.entries; t++)
      if (this.twinKey[t] !== INVALID && this.twinLink[t] < 0)
        found.push({ key: this.twinKey[t], directory: this.twinTag[t] });
    return found;
  }

  /** A use of an entry that is not paired: the twin misses and takes the translation in. */
  pair(e: number, directory: number): void {
    this.counts[GLOBAL_HITS]++;
    this.unpaired[0]--;
    this.link(e, this.enterTwin(this.key[e], this.flags[e] & TLB_G ? GLOBAL_TAG : directory));
    this.touch(e);
  }

  /**
   * Puts a walked translation in after a miss and returns its entry. `directory` is the page directory's frame
   * number. Counts the miss, and whether it was a switch miss.
   */
  insert(key: number, frame: number, flags: number, directory: number): number {
    this.counts[MISSES]++;
    const e = this.room(key & this.setMask);
    this.key[e] = key;
    const bucket = bucketOf(key);
    this.next[e] = this.heads[bucket];
    this.heads[bucket] = e;
    this.vacant[this.wordOf(e, key)] &= ~this.bitOf(e, key);
    this.renew(e, frame, flags);
    const tag = flags & TLB_G ? GLOBAL_TAG : directory;
    let twin = this.findTwin(key, tag);
    if (twin >= 0) this.counts[SWITCH_MISSES]++;
    else twin = this.enterTwin(key, tag);
    this.link(e, twin);
    this.touch(e);
    return e;
  }

  /** Entry `e` was walked again: its page is elsewhere now, or has other rights. */
  renew(e: number, frame: number, flags: number): void {
    this.frame[e] = frame;
    this.flags[e] = flags;
    const key = this.key[e];
    const bit = this.bitOf(e, key);
    if (flags & TLB_G) this.local[this.wordOf(e, key)] &= ~bit;
    else this.local[this.wordOf(e, key)] |= bit;
  }

  /** Drops the translations of linear address `lin` in both the real TLB and the twin (INVLPG, #PF). */
  invalidate(lin: number): void {
    this.invalidateKey(lin >>> 12);
    this.invalidateKey((lin >>> 22) | BIG);
  }

  /** Drops the entry of `key`, if there is one; the twin keeps it. */
  discard(key: number): void {
    const e = this.find(key);
    if (e >= 0) this.drop(e);
  }

  /** MOV CR3: everything but global entries goes; the twin stays. Nobody is told. */
  flush(): void {
    const { local, setWords } = this;
    for (let w = 0; w < local.length; w++) {
      if (local[w] === 0) continue;
      const part = w % setWords;
      const first = ((w - part) / setWords) * this.ways + 32 * part;
      for (let bits = local[w]; bits !== 0; bits &= bits - 1) this.release(first + lowest(bits));
    }
  }

  /** A change of CR0.PG, CR4.PSE or CR4.PGE: everything goes, in the twin too. Nobody is told. */
  flushAll(): void {
    this.key.fill(INVALID);
    this.twinKey.fill(INVALID);
    this.twinLink.fill(INVALID);
    this.stamps.fill(0);
    this.load();
  }

  /** Makes what is derived anew. */
  load(): void {
    this.heads.fill(INVALID);
    this.twinHeads.fill(INVALID);
    this.known.fill(0);
    this.local.fill(0);
    this.unpaired[0] = 0;
    for (let w = 0; w < this.vacant.length; w++) {
      const bits = this.ways - 32 * (w % this.setWords);
      this.vacant[w] = bits >= 32 ? -1 : (1 << bits) - 1;
    }
    for (let e = 0; e < this.entries; e++) {
      this.enterChain(this.twinKey, this.twinHeads, this.twinNext, e);
      const key = this.key[e];
      if (key === INVALID) continue;
      this.enterChain(this.key, this.heads, this.next, e);
      this.vacant[this.wordOf(e, key)] &= ~this.bitOf(e, key);
      this.renew(e, this.frame[e], this.flags[e]);
      if (!this.paired(e)) this.unpaired[0]++;
    }
  }

  // ---- the real TLB ---------------------------------------------------------------------------------------------

  /** An empty entry of a set: the lowest, or that of the translation which was used longest ago. */
  private room(set: number): number {
    const { setWords } = this;
    for (let w = 0; w < setWords; w++) {
      const bits = this.vacant[set * setWords + w];
      if (bits !== 0) return set * this.ways + 32 * w + lowest(bits);
    }
    const e = this.oldest(set);
    this.drop(e);
    return e;
  }

  private oldest(set: number): number {
    const first = set * this.ways;
    // All are paired: the twin has these and no others.
    if (this.unpaired[0] === 0) return this.twinLink[this.oldestTwin(set)];
    const { cell } = this;
    const { words } = this.recency;
    let oldest = first;
    for (let e = first + 1; e < first + this.ways; e++)
      if (words[cell[e] >> 2] < words[cell[oldest] >> 2]) oldest = e;
    return oldest;
  }

  private invalidateKey(key: number): void {
    this.discard(key);
    const bucket = bucketOf(key);
    for (let t = this.twinHeads[bucket]; t >= 0; ) {
      const after = this.twinNext[t];
      if (this.twinKey[t] === key) this.leaveTwin(t);
      t = after;
    }
  }

  private drop(e: number): void {
    const cell = this.cell[e];
    const key = this.key[e];
    this.release(e);
    this.onDrop(cell, key);
  }

  private release(e: number): void {
    const key = this.key[e];
    const twin = this.twinOf(e);
    if (twin < this.entries) this.twinLink[twin] = INVALID;
    else {
      this.stamps[twin] = 0;
      this.unpaired[0]--;
    }
    this.leaveChain(key, this.heads, this.next, e);
    this.key[e] = INVALID;
    const bit = this.bitOf(e, key);
    const word = this.wordOf(e, key);
    this.vacant[word] |= bit;
    this.local[word] &= ~bit;
  }

  private wordOf(e: number, key: number): number {
    const set = key & this.setMask;
    return set * this.setWords + ((e - set * this.ways) >> 5);
  }

  private bitOf(e: number, key: number): number {
    return 1 << ((e - (key & this.setMask) * this.ways) & 31);
  }

  // ---- the twin -------------------------------------------------------------------------------------------------

  /** The twin's entry that is paired with `e`; not below `entries` if there is none. */
  private twinOf(e: number): number {
    return (this.cell[e] - this.stampsAt) >> 2;
  }

  private findTwin(key: number, tag: number): number {
    let t = this.twinHeads[bucketOf(key)];
    while (t >= 0 && (this.twinKey[t] !== key || this.twinTag[t] !== tag)) t = this.twinNext[t];
    return t;
  }

  /** The lowest empty entry of the twin's set, or the one that was used longest ago. */
  private oldestTwin(set: number): number {
    const { stamps } = this;
    let oldest = set * this.ways;
    const end = oldest + this.ways;
    let least = stamps[oldest];
    for (let t = oldest + 1; t < end; t++) {
      const stamp = stamps[t];
      if (stamp >= least) continue;
      least = stamp;
      oldest = t;
    }
    return oldest;
  }

  private link(e: number, twin: number): void {
    this.cell[e] = this.stampsAt + 4 * twin;
    this.twinLink[twin] = e;
  }

  /** Makes room in the twin for a page and puts it in; the caller links it with the real entry, and uses that. */
  private enterTwin(key: number, tag: number): number {
    const t = this.oldestTwin(key & this.setMask);
    const e = this.twinLink[t];
    if (e >= 0) {
      const cell = this.cell[e];
      this.stamps[this.entries + e] = this.stamps[t];
      this.cell[e] = this.stampsAt + 4 * (this.entries + e);
      this.unpaired[0]++;
      this.onDrop(cell, this.key[e]);
    }
    if (this.twinKey[t] !== INVALID) this.leaveTwin(t);
    this.twinKey[t] = key;
    this.twinTag[t] = tag;
    this.known[KNOWNS * t + KNOWN.rule] = 0;
    this.enterChain(this.twinKey, this.twinHeads, this.twinNext, t);
    return t;
  }

  private leaveTwin(t: number): void {
    this.leaveChain(this.twinKey[t], this.twinHeads, this.twinNext, t);
    this.twinKey[t] = this.twinLink[t] = INVALID;
    this.stamps[t] = 0;
  }

  // ---- chains ---------------------------------------------------------------------------------------------------

  private enterChain(keys: Int32Array, heads: Int32Array, next: Int32Array, n: number): void {
    if (keys[n] === INVALID) return;
    const bucket = bucketOf(keys[n]);
    next[n] = heads[bucket];
    heads[bucket] = n;
  }

  private leaveChain(key: number, heads: Int32Array, next: Int32Array, n: number): void {
    const bucket = bucketOf(key);
    let before = heads[bucket];
    if (before === n) {
      heads[bucket] = next[n];
      return;
    }
    while (next[before] !== n) before = next[before];
    next[before] = next[n];
  }
}
