/**
 * Rounds of a REP string instruction, many in one step: those whose elements lie in the same page of each operand. Behind
 * the first round of a line the model is settled, and all that the others would do to it is known: counters, stamps of the
 * TLB entries, the entry and the line that were used last. Data are moved at the end (exec/bulk.ts), since timing does not
 * look at them.
 *
 * Only for pages that the front table (mmu/mmu.ts) holds; all else is for the plain rounds of exec/string.ts, to which this
 * is equal in every register, stamp, tick and counter. A chunk of 64 rounds ends at a head; one that has no work to do is
 * passed here when the engine says until when (`headAt`), and the instruction is alone in its block, as the next chunk is.
 */
import { CAUSE } from '../accounting.ts';
import { type Mmu, STRICT, PAGED as WALKED } from '../mmu/mmu.ts';
import { MAX_STAMP } from '../mmu/tlb.ts';
import type { State } from '../state.ts';
import type { Cpu } from './cpu.ts';
import type { Insn } from './insn.ts';

const ISSUE = CAUSE.issue;
/** Rounds from head to head. */
export const ROUNDS = 64;
const PAGE = 4096;
const FRONT_MASK = 1023;
const WRITE = 1;
const DELTA = 2;
const STAMP = 3;
const UNALIGNED = STRICT;
const PAGED = WALKED;
/** No operand: physical addresses of RAM and entries are not negative. */
const NONE = -1;
/** Mmu.lastEntry behind the slow part: no entry. */
const NOBODY = -2;

/** What compiled code shares of it: dwords; `headAt` is a double. */
export const RUN = {
  headAt: 0,
  /** EIP of a REP instruction that has more rounds to do, or -1; and the fraction of a tick it carries. */
  eip: 2,
  fraction: 3,
  /** Of the chunk: rounds left and not charged, what a round costs, issue ticks of the next. */
  left: 4,
  uncharged: 5,
  perRound: 6,
  cost: 7,
  /** Compiled code has begun with the instruction: its chunk goes on. */
  resumed: 8,
  /** Of a run: the stamp, the one renewed last, how often, and by an access that looks its page up. */
  only: 9,
  last: 10,
  touches: 11,
  looked: 12,
  /** Counted, and not yet told to who counts. */
  loads: 13,
  stores: 14,
  l1dMisses: 15,
  l2Misses: 16,
  l2Accesses: 17,
} as const;
const CELLS = 18;

export interface Lines {
  /** `n` rounds of a run, or as many as there are before a head with work; returns them. */
  lines(n: number, runs: Runs): number;
}

export class Runs implements Lines {
  readonly cells: Int32Array;
  /** Does `lines` in compiled code. */
  compiled: Lines | null = null;
  /** Rounds left in this chunk. */
  left = 0;
  /** Physical addresses of the first elements of a run. */
  first = 0;
  second = 0;
  private readonly cpu: Cpu;
  private readonly mmu: Mmu;
  private readonly tags: Int32Array;
  private readonly lineShift: number;
  private readonly setMask: number;
  private readonly ways: number;
  private readonly lineBytes: number;
  private readonly writeBack: boolean;
  /** Of this chunk: rounds that are not charged yet, and what one costs, in 1/1024 tick. */
  uncharged = 0;
  perRound = 0;
  insn: Insn | null = null;
  // Of the run: how its elements lie, where the stamps of its TLB entries are, and uses of the one entry when there is but one.
  shift = 0;
  step = 0;
  stores = false;
  private firstStamp = 0;
  private secondStamp = 0;
  only = 0;
  touches = 0;
  /** Does the slow part look up an entry, and renew it? */
  looked = 0;
  /** What Mmu.lastEntry has become. */
  last = 0;

  constructor(cpu: Cpu, state: State) {
    this.cells = state.scratch('string runs', CELLS);
    const { mmu } = cpu;
    const { l1d, timed } = mmu.hierarchy;
    this.cpu = cpu;
    this.mmu = mmu;
    this.tags = l1d.tags;
    // Untimed, all of RAM is one line, and a run ends with its page (Walker).
    this.lineShift = timed ? l1d.lineShift : 31;
    this.setMask = timed ? l1d.setMask : 0;
    this.ways = l1d.ways;
    this.lineBytes = timed ? 1 << l1d.lineShift : PAGE;
    this.writeBack = cpu.profile.l1d.writeBack && timed;
  }

  // ---- chunks -------------------------------------------------------------------------------------------------

  /** Begins the first chunk of `i`, whose rounds cost `perRound`. `singly`: each of its rounds is a plain one. */
  begin(i: Insn, perRound: number, rounds: number, singly: boolean): void {
    this.insn = singly ? null : i;
    this.perRound = perRound;
    const resumed = this.cells[RUN.resumed] !== 0;
    this.left = resumed ? this.cells[RUN.left] : rounds;
    this.uncharged = resumed ? this.cells[RUN.uncharged] : 0;
    this.cells[RUN.resumed] = 0;
  }

  /** Has compiled code begun with the instruction that is executed? */
  get resumed(): boolean {
    return this.cells[RUN.resumed] !== 0;
  }

  /** `n` rounds were done. */
  count(n: number): void {
    this.left -= n;
    this.uncharged += n;
  }

  /** Charges the rounds that were done. */
  charge(): void {
    const { cpu } = this;
    const total = cpu.repFraction + this.uncharged * this.perRound;
    this.uncharged = 0;
    cpu.repFraction = total & 1023;
    if (total >= 1024) cpu.charge(ISSUE, Math.floor(total / 1024));
  }

  /** Is what comes behind this chunk the same instruction again, if no event is due? */
  get mayGoOn(): boolean {
    const { cpu, mmu, insn } = this;
    return insn?.alone === true && !cpu.leave && mmu.fetchHeld;
  }

  /** A chunk is done and there are rounds left. True, and the next has begun, if no head has work to do in between. */
  goOn(): boolean {
    const { cpu, mmu, insn } = this;
    this.charge();
    if (insn === null || !this.mayGoOn) return false;
    mmu.sync();
    if (cpu.accounting.time[0] >= cpu.headAt) return false;
    cpu.issue.due += insn.cost;
    this.left = ROUNDS;
    return true;
  }

  // ---- runs ---------------------------------------------------------------------------------------------------

  /**
   * Rounds, `most` at most, that can be one run: a round reads at linear address `a`, then reads or `stores` at `b`; one of
   * them may be NaN, for none. 0: plain rounds only. Sets `first` and `second`.
   */
  look(a: number, b: number, stores: boolean, size: number, down: boolean, most: number): number {
    const { cpu, mmu } = this;
    const { front, epoch, frontBank } = mmu;
    let n = most;
    this.first = this.second = NONE;
    this.firstStamp = this.secondStamp = NONE;
    if (mmu.translation === UNALIGNED && ((a | b) & (size - 1)) !== 0) return 0;
    if (!this.insn?.alone || cpu.accounting.time[0] >= cpu.headAt) n = Math.min(n, this.left);
    if (!Number.isNaN(a)) {
      const at = ((((a >>> 12) ^ (a >>> 22)) & FRONT_MASK) | frontBank) << 2;
      if (front[at] !== ((a & -PAGE) | epoch)) return 0;
      n = Math.min(n, inPage(a, size, down));
      this.first = (a + front[at + DELTA]) | 0;
      this.firstStamp = front[at + STAMP];
    }
    if (!Number.isNaN(b)) {
      const at = ((((b >>> 12) ^ (b >>> 22)) & FRONT_MASK) | frontBank) << 2;
      if (front[stores ? at + WRITE : at] !== ((b & -PAGE) | epoch)) return 0;
      n = Math.min(n, inPage(b, size, down));
      this.second = (b + front[at + DELTA]) | 0;
      this.secondStamp = front[at + STAMP];
    }
    if (this.renumbersWithin(2 * n + 2)) return 0;
    this.stores = stores;
    this.shift = size >> 1;
    this.step = down ? -size : size;
    return n;
  }

  /** Would the stamps run out in `uses`? */
  private renumbersWithin(uses: number): boolean {
    return this.mmu.dtlb.recency.clock[0] + uses >= MAX_STAMP;
  }

  /** Does to the model what `n` rounds of the run do, or as many as there are before a head with work; returns them. */
  take(n: number): number {
    const { mmu, first, second, stores } = this;
    const both = first >= 0 && second >= 0;
    const pair = both && this.firstStamp !== this.secondStamp;
    // Of two entries each use renews one, but the first if it goes on with the entry that was used last.
    const spared = pair && mmu.lastEntry === this.firstStamp && this.inLine(first) > 0;
    this.only = first >= 0 ? this.firstStamp : this.secondStamp;
    this.last = mmu.lastEntry;
    this.looked = mmu.translation === PAGED ? 1 : 0;
    this.touches = 0;
    const did = (this.compiled ?? this).lines(n, this);
    if (stores) mmu.stores += did;
    mmu.loads += both && !stores ? 2 * did : stores && !both ? 0 : did;
    if (pair) this.useBoth(did, spared ? did - 1 : did);
    else this.useOne();
    return did;
  }

  /** The lines of the elements, and the chunks. */
  lines(n: number): number {
    const { mmu, step, stores } = this;
    let a = this.first;
    let b = this.second;
    let did = 0;
    for (;;) {
      let m = Math.min(n - did, this.left);
      if (a >= 0) m = Math.min(m, this.inLine(a));
      if (b >= 0) m = Math.min(m, this.inLine(b));
      if (m > 0) {
        if (this.last !== this.only) this.use(this.only);
        let k = 0;
        do {
          if (a >= 0) mmu.touchLine(a);
          if (b >= 0)
            if (stores) mmu.storeLine(b);
            else mmu.touchLine(b);
          k++;
        } while (k < m && !this.settled(a, b));
      } else {
        m = 1;
        if (a >= 0) this.across(a, false);
        if (b >= 0) this.across(b, stores);
      }
      did += m;
      this.count(m);
      if (did === n || (this.left === 0 && !this.goOn())) return did;
      if (a >= 0) a += m * step;
      if (b >= 0) b += m * step;
    }
  }

  /** Would another round, whose elements lie in the lines of `a` and `b`, change nothing and take no time? */
  private settled(a: number, b: number): boolean {
    const { tags, lineShift, setMask, ways, mmu } = this;
    const la = a >>> lineShift;
    const lb = b >>> lineShift;
    const atA = (la & setMask) * ways;
    const atB = (lb & setMask) * ways;
    if (b >= 0) {
      if (this.stores && !this.writeBack) {
        if (mmu.lastStore[0] !== lb) return false;
      } else {
        if (this.stores ? tags[atB] !== ((lb << 2) | 1) : tags[atB] >> 2 !== lb) return false;
        // Two lines of a set change places and back.
        if (a >= 0 && atA === atB && la !== lb) return ways > 1 && tags[atA + 1] >> 2 === la;
      }
    }
    return a < 0 || tags[atA] >> 2 === la;
  }

  /** Elements from `pa` on that lie in its line; 0 if the first lies in two. */
  private inLine(pa: number): number {
    const { lineBytes, shift } = this;
    const at = pa & (lineBytes - 1);
    const room = (lineBytes - at) >> shift;
    return this.step > 0 || room === 0 ? room : (at >> shift) + 1;
  }

  /** An access that may lie in two lines: then it takes the slow part of the MMU, which looks its page up. */
  private across(pa: number, store: boolean): void {
    const { mmu } = this;
    const last = pa + (1 << this.shift) - 1;
    const crosses = ((pa ^ last) & -this.lineBytes) !== 0;
    if (crosses) {
      if (this.looked !== 0) this.use(NOBODY);
    } else if (this.last !== this.only) this.use(this.only);
    if (store) mmu.storeLine(pa);
    else mmu.touchLine(pa);
    if (!crosses) return;
    if (store) mmu.storeLine(last);
    else mmu.touchLine(last);
  }

  // ---- recency of TLB entries -----------------------------------------------------------------------------------

  /** One use of an entry; `last` is what Mmu.lastEntry is then. */
  private use(last: number): void {
    this.touches++;
    this.last = last;
  }

  /** All uses were of one entry. */
  private useOne(): void {
    const { only, touches } = this;
    this.mmu.lastEntry = this.last;
    if (touches > 0) this.renew(only, touches);
  }

  private useBoth(n: number, ofFirst: number): void {
    const { firstStamp, secondStamp } = this;
    this.mmu.lastEntry = this.last === NOBODY ? NOBODY : secondStamp;
    if (ofFirst > 0) this.renew(firstStamp, n + ofFirst - 1);
    this.renew(secondStamp, ofFirst > 0 ? 1 : n);
  }

  /** The last of `n` uses was of the entry whose stamp is at byte address `stamp`. */
  private renew(stamp: number, n: number): void {
    const { clock, words } = this.mmu.dtlb.recency;
    clock[0] += n;
    words[stamp >> 2] = clock[0];
  }
}

/** Elements from linear address `lin` on that lie in its page; 0 if the first does not. */
function inPage(lin: number, size: number, down: boolean): number {
  const at = lin & (PAGE - 1);
  if (at + size > PAGE) return 0;
  return down ? Math.floor(at / size) + 1 : Math.floor((PAGE - at) / size);
}
