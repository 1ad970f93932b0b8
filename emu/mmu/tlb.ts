/**
 * One TLB: the only source of translations for its kind of access (SDM vol. 3, 4.10). Exact LRU within a set.
 *
 * Beside the real TLB it keeps a *twin* of the same geometry, tagged by page directory and never flushed by MOV
 * CR3. A miss that the twin would have hit is a *switch miss*; a hit that the twin would have missed (a global
 * entry that survived while the twin was crowded) is counted the other way. The two share recency stamps: a twin
 * entry whose translation is resident borrows the real entry's stamp and copies it when the real entry goes.
 *
 * An entry's key is the page number, for a 4 MiB page the large page number with BIG set. Entries are dropped by
 * eviction, INVLPG, #PF (4.10.4.1) and flushes; `onDrop` tells whoever caches translations in front.
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

/** Buckets that say how many keys hash to them, so that most misses need no search. */
const BUCKETS = 1024;

function bucketOf(key: number): number {
  return (key ^ (key >>> 10) ^ (key >>> 20)) & (BUCKETS - 1);
}
const MAX_STAMP = 0x7fff_ffff;

export class Tlb {
  readonly name: string;
  readonly entries: number;
  readonly key: Int32Array;
  /** Physical base of the page, unsigned in an int32. */
  readonly frame: Int32Array;
  readonly flags: Int32Array;
  readonly stamp: Int32Array;
  /** Index of the twin's entry for the same translation, or -1. */
  private readonly twinOf: Int32Array;
  private readonly twinKey: Int32Array;
  private readonly twinTag: Int32Array;
  private readonly twinStamp: Int32Array;
  private readonly twinLink: Int32Array;
  private readonly ways: number;
  private readonly setMask: number;
  /** Uses so far, renumbered now and then: the last stamp. */
  readonly clock: Int32Array;
  /** Entries by bucket of their key, in the real TLB and in the twin: derived, and no part of a snapshot. */
  private readonly held = new Uint16Array(BUCKETS);
  private readonly twinHeld = new Uint16Array(BUCKETS);
  /** Where a key of the bucket was found last: the first place to look. */
  private readonly hint = new Uint16Array(BUCKETS);
  private readonly twinHint = new Uint16Array(BUCKETS);
  /** Counted since reset. */
  misses = 0;
  switchMisses = 0;
  /** Hits that a tagged, never flushed TLB would have missed. */
  globalHits = 0;
  onDrop: (entry: number, key: number) => void = () => {};

  constructor(name: string, entries: number, ways: number, state: State) {
    this.name = name;
    this.entries = entries;
    this.ways = ways === 0 ? entries : ways;
    this.setMask = entries / this.ways - 1;
    const array = (what: string, fill: number) => state.int32(`${name} ${what}`, entries).fill(fill);
    this.key = array('key', INVALID);
    this.frame = array('frame', 0);
    this.flags = array('flags', 0);
    this.stamp = array('stamp', 0);
    this.twinOf = array('twin of', INVALID);
    this.twinKey = array('twin key', INVALID);
    this.twinTag = array('twin tag', 0);
    this.twinStamp = array('twin stamp', 0);
    this.twinLink = array('twin link', INVALID);
    this.clock = state.int32(`${name} clock`, 1);
  }

  /** The entry that holds `key`, or -1. Changes nothing but the hint. */
  find(key: number): number {
    const bucket = bucketOf(key);
    if (this.held[bucket] === 0) return -1;
    const hint = this.hint[bucket];
    if (this.key[hint] === key) return hint;
    const first = (key & this.setMask) * this.ways;
    const end = first + this.ways;
    for (let e = first; e < end; e++) {
      if (this.key[e] !== key) continue;
      this.hint[bucket] = e;
      return e;
    }
    return -1;
  }

  /** Records a use of entry `e`. */
  touch(e: number): void {
    const t = this.clock[0] + 1;
    this.clock[0] = t;
    this.stamp[e] = t;
    if (t === MAX_STAMP) this.renumber();
  }

  /** True while the twin holds this entry too, so that a use needs no more than `touch`. */
  paired(e: number): boolean {
    return this.twinOf[e] >= 0;
  }

  /** Does the twin hold this page, for this directory or as a global page? Changes nothing. */
  twinHolds(key: number, directory: number): boolean {
    return this.findTwin(key, directory) >= 0 || this.findTwin(key, -1) >= 0;
  }

  /** For inspection: the entry's last use, a number that rises with every use. */
  lastUse(e: number): number {
    return this.stamp[e];
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
    this.globalHits++;
    this.touch(e);
    this.enterTwin(e, this.key[e], this.flags[e] & TLB_G ? -1 : directory);
  }

  /**
   * Puts a walked translation in after a miss and returns its entry. `directory` is the page directory's frame
   * number. Counts the miss, and whether it was a switch miss.
   */
  insert(key: number, frame: number, flags: number, directory: number): number {
    this.misses++;
    const first = (key & this.setMask) * this.ways;
    const end = first + this.ways;
    let victim = first;
    for (let e = first; e < end; e++) {
      if (this.key[e] === INVALID) {
        victim = e;
        break;
      }
      if (this.stamp[e] < this.stamp[victim]) victim = e;
    }
    if (this.key[victim] !== INVALID) this.drop(victim);
    this.key[victim] = key;
    this.held[bucketOf(key)]++;
    this.frame[victim] = frame;
    this.flags[victim] = flags;
    this.touch(victim);
    const tag = flags & TLB_G ? -1 : directory;
    const twin = this.findTwin(key, tag);
    if (twin >= 0) {
      this.switchMisses++;
      this.link(victim, twin);
    } else this.enterTwin(victim, key, tag);
    return victim;
  }

  /** Drops the translations of linear address `lin` in both the real TLB and the twin (INVLPG, #PF). */
  invalidate(lin: number): void {
    this.invalidateKey(lin >>> 12);
    this.invalidateKey((lin >>> 22) | BIG);
  }

  /** MOV CR3: everything but global entries goes; the twin stays. */
  flush(): void {
    for (let e = 0; e < this.entries; e++)
      if (this.key[e] !== INVALID && !(this.flags[e] & TLB_G)) this.drop(e);
  }

  /** A change of CR0.PG, CR4.PSE or CR4.PGE: everything goes, in the twin too. */
  flushAll(): void {
    for (let e = 0; e < this.entries; e++) if (this.key[e] !== INVALID) this.drop(e);
    this.twinKey.fill(INVALID);
    this.twinHeld.fill(0);
  }

  save(): number[] {
    return [this.clock[0], this.misses, this.switchMisses, this.globalHits];
  }

  load(s: number[]): void {
    [this.clock[0], this.misses, this.switchMisses, this.globalHits] = s;
    this.held.fill(0);
    this.twinHeld.fill(0);
    for (const key of this.key) if (key !== INVALID) this.held[bucketOf(key)]++;
    for (const key of this.twinKey) if (key !== INVALID) this.twinHeld[bucketOf(key)]++;
  }

  private invalidateKey(key: number): void {
    const e = this.find(key);
    if (e >= 0) this.drop(e);
    const first = (key & this.setMask) * this.ways;
    if (this.twinHeld[bucketOf(key)] === 0) return;
    for (let t = first; t < first + this.ways; t++) {
      if (this.twinKey[t] !== key) continue;
      this.twinKey[t] = INVALID;
      this.twinHeld[bucketOf(key)]--;
    }
  }

  private drop(e: number): void {
    const twin = this.twinOf[e];
    if (twin >= 0) {
      this.twinStamp[twin] = this.stamp[e];
      this.twinLink[twin] = INVALID;
      this.twinOf[e] = INVALID;
    }
    const key = this.key[e];
    this.key[e] = INVALID;
    this.held[bucketOf(key)]--;
    this.onDrop(e, key);
  }

  private findTwin(key: number, tag: number): number {
    if (this.twinHeld[bucketOf(key)] === 0) return -1;
    const bucket = bucketOf(key ^ (tag << 5));
    const hint = this.twinHint[bucket];
    if (this.twinKey[hint] === key && this.twinTag[hint] === tag) return hint;
    const first = (key & this.setMask) * this.ways;
    for (let t = first; t < first + this.ways; t++) {
      if (this.twinKey[t] !== key || this.twinTag[t] !== tag) continue;
      this.twinHint[bucket] = t;
      return t;
    }
    return -1;
  }

  private link(e: number, twin: number): void {
    this.twinOf[e] = twin;
    this.twinLink[twin] = e;
  }

  private enterTwin(e: number, key: number, tag: number): void {
    const first = (key & this.setMask) * this.ways;
    let victim = first;
    let oldest = MAX_STAMP;
    for (let t = first; t < first + this.ways; t++) {
      if (this.twinKey[t] === INVALID) {
        victim = t;
        break;
      }
      const stamp = this.twinLink[t] >= 0 ? this.stamp[this.twinLink[t]] : this.twinStamp[t];
      if (stamp < oldest) {
        oldest = stamp;
        victim = t;
      }
    }
    const unpaired = this.twinLink[victim];
    if (unpaired >= 0) {
      this.twinOf[unpaired] = INVALID;
      this.onDrop(unpaired, this.key[unpaired]);
    }
    if (this.twinKey[victim] !== INVALID) this.twinHeld[bucketOf(this.twinKey[victim])]--;
    this.twinKey[victim] = key;
    this.twinHeld[bucketOf(key)]++;
    this.twinTag[victim] = tag;
    this.link(e, victim);
  }

  /** Stamps ran out: number them anew from 1 in the same order. */
  renumber(): void {
    const cells: { array: Int32Array; i: number; v: number }[] = [];
    for (let i = 0; i < this.entries; i++) {
      cells.push(
        { array: this.stamp, i, v: this.stamp[i] },
        { array: this.twinStamp, i, v: this.twinStamp[i] },
      );
    }
    cells.sort((a, b) => a.v - b.v);
    let n = 0;
    let last = -1;
    for (const cell of cells) {
      if (cell.v !== last) n++;
      last = cell.v;
      cell.array[cell.i] = n;
    }
    this.clock[0] = n;
  }
}
