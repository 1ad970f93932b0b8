/**
 * One set-associative cache with exact LRU: tags only, since data live in RAM. A set's ways are kept in order of
 * recency, so the most recently used line is way 0 and a hit there changes nothing (the fast path relies on it).
 * A tag word is `line << 2 | dirty`; an empty way is -1. Physical addresses below 4 GiB, lines of 32 bytes and up.
 */
import { log2 } from '../bits.ts';

const EMPTY = -1;
const DIRTY = 1;

export class Cache {
  readonly name: string;
  readonly lineShift: number;
  readonly ways: number;
  readonly setMask: number;
  /** Tag words by set and recency. */
  readonly tags: Int32Array;
  misses = 0;
  /** Cleared where a set has another line as its most recent (by set), or that is not dirty any more (behind those). */
  private readonly recent: Int32Array;
  private readonly sets: number;

  /** `recent`: of the line filter; default, of nobody. */
  constructor(
    name: string,
    size: number,
    ways: number,
    line: number,
    tags: Int32Array,
    recent: Int32Array | null = null,
  ) {
    this.name = name;
    this.ways = ways;
    this.lineShift = log2(line);
    this.setMask = size / (line * ways) - 1;
    log2(this.setMask + 1);
    this.tags = tags;
    this.sets = this.setMask + 1;
    this.recent = recent ?? new Int32Array(2 * this.sets);
    this.clear();
  }

  clear(): void {
    this.tags.fill(EMPTY);
    this.recent.fill(0, 0, 2 * this.sets);
  }

  private changed(set: number): void {
    this.recent[set] = 0;
    this.recent[set + this.sets] = 0;
  }

  /** Is the line the most recent of its set? The fast part of `touch`, which would change nothing then. */
  isRecent(line: number): boolean {
    return this.tags[(line & this.setMask) * this.ways] >> 2 === line;
  }

  /** Looks a line number up and makes it the most recent. True on a hit; nothing changes on a miss. */
  touch(line: number): boolean {
    const first = (line & this.setMask) * this.ways;
    const tags = this.tags;
    for (let w = 0; w < this.ways; w++) {
      const tag = tags[first + w];
      if (tag >> 2 === line && tag !== EMPTY) {
        if (w === 0) return true;
        for (let i = first + w; i > first; i--) tags[i] = tags[i - 1];
        tags[first] = tag;
        this.changed(line & this.setMask);
        return true;
      }
    }
    return false;
  }

  /** Is the line present? Changes nothing: for inspection. */
  holds(line: number): boolean {
    const first = (line & this.setMask) * this.ways;
    for (let w = 0; w < this.ways; w++)
      if (this.tags[first + w] >> 2 === line && this.tags[first + w] !== EMPTY) return true;
    return false;
  }

  /** Puts an absent line in as the most recent; returns the line number of a dirty victim, or -1. */
  insert(line: number, dirty: boolean): number {
    const first = (line & this.setMask) * this.ways;
    const tags = this.tags;
    const victim = tags[first + this.ways - 1];
    for (let i = first + this.ways - 1; i > first; i--) tags[i] = tags[i - 1];
    tags[first] = (line << 2) | (dirty ? DIRTY : 0);
    this.changed(line & this.setMask);
    return victim !== EMPTY && victim & DIRTY ? victim >> 2 : -1;
  }

  /** Marks the line dirty; it must be the most recent of its set (call after touch). */
  markDirty(line: number): void {
    this.tags[(line & this.setMask) * this.ways] |= DIRTY;
  }

  /** Drops the line if present, closing the gap in the recency order. */
  invalidate(line: number): void {
    const first = (line & this.setMask) * this.ways;
    const tags = this.tags;
    for (let w = 0; w < this.ways; w++) {
      if (tags[first + w] === EMPTY || tags[first + w] >> 2 !== line) continue;
      for (let i = first + w; i < first + this.ways - 1; i++) tags[i] = tags[i + 1];
      tags[first + this.ways - 1] = EMPTY;
      this.changed(line & this.setMask);
      return;
    }
  }

  /** Clears the dirty mark of the line if present. */
  clean(line: number): void {
    this.recent[(line & this.setMask) + this.sets] = 0;
    const first = (line & this.setMask) * this.ways;
    for (let w = 0; w < this.ways; w++)
      if (this.tags[first + w] !== EMPTY && this.tags[first + w] >> 2 === line)
        this.tags[first + w] &= ~DIRTY;
  }

  /** Lines present, and how many of them are dirty: for inspection. */
  occupancy(): { lines: number; dirty: number } {
    let lines = 0;
    let dirty = 0;
    for (const t of this.tags) {
      if (t === EMPTY) continue;
      lines++;
      dirty += t & DIRTY;
    }
    return { lines, dirty };
  }
}
