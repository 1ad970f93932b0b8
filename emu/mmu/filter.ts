/**
 * The line filter: what compiled code looks at before the front table. For each set of L1D it holds the linear line that is
 * at hand: the most recent of its set, in a page that the front table holds. A load from it changes nothing but, perhaps,
 * the recency of a TLB entry. With write-back a second tag says that the line is dirty besides and its page may be
 * written; with write-through one line alone is at hand for stores, the last store's. Where nothing is timed, pages stand
 * in for lines.
 *
 * A tag is the line's linear address with `bank` in the bits below it: privilege and watching. Derived from the front table
 * and L1D, so never part of a snapshot: whatever makes another line its set's most recent, or drops a page from the front
 * table, clears tags here. Only compiled code fills it; the interpreter does not look at it.
 */
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';

/** Sets where nothing is timed: pages. */
const PAGES = 1024;
const PAGE_SHIFT = 12;
/** Sets that are known to have been filled there, so that clearing costs in proportion. */
export const FILLED = 64;
const LEAST_LINE = 32;
/** In every tag, so that none is 0. */
const VALID = 4;
const BANK_SHIFT = 3;
/** Behind the arrays: tag, delta and TLB entry of the last store's line; the number of sets filled; the first of them. */
const STORE = 3;

export class LineFilter {
  /** log2 of a line's bytes, and the number of sets. */
  readonly shift: number;
  readonly sets: number;
  /** Tags for loads, tags for stores, physical less linear address, TLB entry: `sets` dwords each. */
  readonly cells: Int32Array;
  /** Where the last store's tag, delta and entry are in `cells`. */
  readonly store: number;
  /** Where the number of filled sets is, and the sets behind it. */
  readonly filled: number;
  private readonly timed: boolean;

  constructor(p: Profile, state: State) {
    const { size, ways, line } = p.l1d;
    if (p.timing && line.value < LEAST_LINE)
      throw new RangeError(`lines of ${line.value} bytes: at least ${LEAST_LINE}`);
    this.timed = p.timing;
    this.shift = p.timing ? Math.log2(line.value) : PAGE_SHIFT;
    this.sets = p.timing ? size.value / (line.value * ways.value) : PAGES;
    this.store = 4 * this.sets;
    this.filled = this.store + STORE;
    this.cells = state.scratch('line filter', this.filled + 1 + FILLED);
  }

  /** The low bits of the tags of the front table's bank `number`. */
  static bankBits(number: number): number {
    return VALID | (number << BANK_SHIFT);
  }

  /** Nothing is at hand. */
  clear(): void {
    const { cells, sets, filled } = this;
    const count = cells[filled];
    if (this.timed || count > FILLED) for (let n = 0; n < 2 * sets; n++) cells[n] = 0;
    else for (let n = 1; n <= count; n++) cells[cells[filled + n]] = cells[cells[filled + n] + sets] = 0;
    cells[filled] = 0;
    cells[this.store] = 0;
  }

  /** The front table lost the page of linear page number `page`, or what was derived from a TLB entry of it. */
  dropPage(page: number): void {
    if (this.timed) return this.clear();
    const set = page & (this.sets - 1);
    this.cells[set] = this.cells[set + this.sets] = 0;
  }

  /** Another line was stored to last. */
  forgetStore(): void {
    this.cells[this.store] = 0;
  }
}
