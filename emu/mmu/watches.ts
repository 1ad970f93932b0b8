/**
 * Who wants to know of accesses to a range of memory: the CPU's loads and stores, the walker's stores, what bus masters
 * read and write. The pages of such a range keep out of the front table (mmu.ts), so every access to them takes the
 * slow part and is told of; an access to any other page costs nothing. Any number of tools may watch; none changes
 * what the guest does.
 *
 * Left out: what the walker reads, and instruction fetches.
 */
import { PAGE_READ, PAGE_WATCHED } from './attributes.ts';

/** `lin` is the linear address of the access; NaN for the walker and bus masters. An access of two pages comes in bytes. */
type Tell = (lin: number) => void;

/** Bytes [address, address + length): physical ones, or linear ones in any directory. Unsigned. */
export interface Watch {
  readonly address: number;
  readonly length: number;
  readonly physical: boolean;
  /** A load that touches them is about to be made; no fault can stop it. */
  readonly reading?: Tell;
  /** A store that touches them is about to be made. */
  readonly writing?: Tell;
  /** It was made. */
  readonly written?: Tell;
  /** The pages are marked, anew after a snapshot was loaded: what was told may happen again. */
  readonly placed?: () => void;
}

/** Whose pages they are. */
export interface WatchedPages {
  readonly attributes: Uint8Array;
  readonly ramSize: number;
  mark(pa: number, bits: number): void;
  watchedPagesChanged(): void;
}

export class Watches {
  /** Linear pages (`lin >>> 12`) whose loads are told of; null for none. */
  reads: Set<number> | null = null;
  /** The same for stores. */
  writes: Set<number> | null = null;
  private readonly pages: WatchedPages;
  private readonly list: Watch[] = [];

  constructor(pages: WatchedPages) {
    this.pages = pages;
  }

  /** Tells `watch` from now on, whatever snapshots are loaded; returns what ends it. */
  add(watch: Watch): () => void {
    this.list.push(watch);
    this.place();
    return () => {
      const at = this.list.indexOf(watch);
      if (at < 0) return;
      this.list.splice(at, 1);
      this.clear(watch);
      this.place();
    };
  }

  /** Marks the pages: after a change, and after the attributes of pages were loaded, which hold no such marks. */
  place(): void {
    const reads = new Set<number>();
    const writes = new Set<number>();
    for (const watch of this.list)
      for (const page of pagesOf(watch)) {
        if (watch.physical && (page << 12) >>> 0 < this.pages.ramSize)
          this.pages.mark(page << 12, bitsOf(watch));
        else if (!watch.physical) {
          if (watch.reading) reads.add(page);
          if (watch.writing || watch.written) writes.add(page);
        }
      }
    const changed = reads.size + writes.size > 0 || this.reads !== null || this.writes !== null;
    this.reads = reads.size ? reads : null;
    this.writes = writes.size ? writes : null;
    if (changed) this.pages.watchedPagesChanged();
    for (const watch of this.list) watch.placed?.();
  }

  private clear(watch: Watch): void {
    if (!watch.physical) return;
    for (const page of pagesOf(watch)) this.pages.attributes[page] &= ~(PAGE_READ | PAGE_WATCHED);
  }

  tellReading(pa: number, length: number, lin: number): void {
    for (const w of this.list) if (w.reading && touches(w, pa, length, lin)) w.reading(lin);
  }

  tellWriting(pa: number, length: number, lin: number): void {
    for (const w of this.list) if (w.writing && touches(w, pa, length, lin)) w.writing(lin);
  }

  tellWritten(pa: number, length: number, lin: number): void {
    for (const w of this.list) if (w.written && touches(w, pa, length, lin)) w.written(lin);
  }
}

function bitsOf(watch: Watch): number {
  return (watch.reading ? PAGE_READ : 0) | (watch.writing || watch.written ? PAGE_WATCHED : 0);
}

function touches(watch: Watch, pa: number, length: number, lin: number): boolean {
  if (!watch.physical && Number.isNaN(lin)) return false;
  const at = (watch.physical ? pa : lin) >>> 0;
  return at < watch.address + watch.length && at + length > watch.address;
}

function* pagesOf({ address, length }: Watch): Generator<number> {
  const last = Math.floor((address + length - 1) / 4096);
  for (let page = address >>> 12; page <= last; page++) yield page;
}
