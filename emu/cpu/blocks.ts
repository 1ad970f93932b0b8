/**
 * Decoded code: blocks of instructions from one head to the next, kept by physical address and checked against
 * linear address and mode, so that remapped pages find the right bytes. A page that holds blocks is marked, and a
 * write into a block's bytes voids it at once: what is left of a running block turns into stops.
 */

import { PAGE_CODE } from '../mmu/attributes.ts';
import { UD } from '../mmu/fault.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { Cpu } from './cpu.ts';
import { type CodeBytes, Decoder, MAX_LENGTH } from './decoder.ts';
import { Insn, PRE_HOOK, PRE_LINE, PRE_LINE2 } from './insn.ts';
import type { Row } from './row.ts';

const TABLE = 1 << 14;
const LAST_PAGE = 0xf_ffff;
/** Blocks that may share a place in it. */
const MAX_CHAIN = 8;
/** Instructions without a head, at most. */
export const MAX_BLOCK = 64;

/** Thrown in place of an instruction whose bytes were overwritten while its block ran. */
export const STALE = { stale: true };

const staleRow: Row = {
  enc: '',
  form: '(stale)',
  cost: 'undefined',
  reads: '',
  writes: '',
  undef: '',
  op: 0,
  user: true,
  exec: () => {
    throw STALE;
  },
};

export class Block {
  readonly pa: number;
  readonly lin: number;
  readonly eip: number;
  /** Cpu.codeMode that it was decoded for. */
  readonly mode: number;
  readonly insns: Insn[] = [];
  /** Issue ticks of the instructions before each, and of all at the end. */
  readonly ticks: number[] = [0];
  /** The last instruction sets EIP itself. */
  ends = false;
  /** EIP behind the block. */
  end = 0;
  bytes = 0;
  /** Issue ticks of the whole block. */
  total = 0;
  /** Physical lines of its first and last byte. */
  firstLine = 0;
  lastLine = 0;
  /** Region to charge, or -1 to go on charging the one that ran before (inherit). */
  region = -1;
  /** Of Watcher.watches: 0 not watched, WATCHED, or -1 as whoever called it. */
  watched = 0;
  /** For one instruction across a page border: the physical address of the second page; else -1. */
  secondPage = -1;
  valid = true;
  /** Its bytes changed while somebody may run it: what is left of it is void. */
  dropped = false;
  /** The next of the blocks that share a place in the table. */
  chain: Block | null = null;
  /** The blocks that last came after it: where it ends, and elsewhere. Hints, to be checked before use. */
  onward: Block | null = null;
  elsewhere: Block | null = null;
  /** Times that it was interpreted; and compiled code that begins with it, at this place in its unit. */
  heat = 0;
  code: CompiledCode | null = null;
  entry = 0;
  /** All compiled code that it is part of. */
  readonly within: CompiledCode[] = [];

  constructor(pa: number, lin: number, eip: number, mode: number) {
    this.pa = pa;
    this.lin = lin;
    this.eip = eip;
    this.mode = mode;
  }
}

/** What the compiled engine made of some blocks. */
export interface CompiledCode {
  /** One of its blocks has changed: nothing leads to it any more. */
  drop(): void;
}

interface CodePage {
  blocks: Set<Block>;
}

export class Blocks implements CodeBytes {
  private readonly cpu: Cpu;
  private readonly mmu: Mmu;
  private readonly decoder: Decoder;
  private readonly table: (Block | null)[] = new Array(TABLE).fill(null);
  private readonly pages = new Map<number, CodePage>();
  /** Blocks outside RAM: in ROM. */
  private readonly outside = new Set<Block>();
  /** All blocks, by the linear page in which they begin. */
  private readonly linear = new Map<number, Set<Block>>();
  /** Region by linear address, or -1; set by the machine. */
  regionOf: (lin: number) => number = () => -1;
  /** Is the code at a linear address watched? As Block.watched; set by the engine. */
  watchedAt: (lin: number) => number = () => 0;
  /** Does the host want to be called before this linear address? */
  hooked: (lin: number) => boolean = () => false;
  /** The host wants to stop: what is decoded now must not run. */
  barred = false;
  /** log2 of the bytes that one fetch brings. */
  readonly lineShift: number;
  // The decoder's window: bytes at `lin`, physical `pa`, `room` of them in the page.
  private eip = 0;
  private lin = 0;
  private pa = 0;
  private room = 0;
  private second = -1;

  constructor(cpu: Cpu) {
    this.cpu = cpu;
    this.mmu = cpu.mmu;
    this.decoder = new Decoder(cpu.profile, cpu.fault);
    this.lineShift = this.mmu.hierarchy.timed ? this.mmu.hierarchy.l1i.lineShift : 12;
  }

  /** The block at the current EIP; may throw the fault of fetching or decoding its first instruction. */
  find(): Block {
    const c = this.cpu;
    const eip = c.eip;
    const lin = (eip + c.segmentBase(1)) | 0;
    // The limit comes before the page (SDM vol. 3, table 6-2). A block that exists was checked.
    c.checkTarget(eip);
    const pa = this.mmu.translateFetch(lin);
    const b = this.known(pa, lin, eip, c.codeMode);
    if (b !== null) {
      if (b.secondPage < 0 || this.mmu.translateFetch((lin & ~0xfff) + 4096) === b.secondPage) return b;
      this.forget(b);
    }
    return this.decode(pa, lin, eip);
  }

  private known(pa: number, lin: number, eip: number, mode: number): Block | null {
    let b = this.table[slotOf(pa)];
    while (b !== null && (b.pa !== pa || b.lin !== lin || b.eip !== eip || b.mode !== mode)) b = b.chain;
    return b;
  }

  /**
   * What find() gives, after `b` has run. The block that came next the last time is tried first: so the host need
   * not wait for EIP and the table to know where the next instructions are.
   */
  follow(b: Block): Block {
    const c = this.cpu;
    const eip = c.eip;
    const straight = eip === b.end;
    const hint = straight ? b.onward : b.elsewhere;
    if (hint !== null && hint.valid && hint.eip === eip && hint.mode === c.codeMode && hint.secondPage < 0) {
      const lin = (eip + c.segmentBase(1)) | 0;
      if (hint.lin === lin && hint.pa === this.mmu.translateFetch(lin)) return hint;
    }
    const next = this.find();
    if (straight) b.onward = next;
    else b.elsewhere = next;
    return next;
  }

  /**
   * The block that `old` was, which was dropped since, in one page, and made of `insns`; its bytes are there again. Null if
   * it would be another now.
   */
  again(old: Block, insns: readonly Insn[]): Block | null {
    const { pa, lin, eip, mode } = old;
    if (insns.some(i => this.hooked((lin + ((i.eip - eip) | 0)) | 0))) return null;
    const known = this.known(pa, lin, eip, mode);
    if (known !== null)
      return known.bytes === old.bytes && known.insns.length === insns.length ? known : null;
    const b = new Block(pa, lin, eip, mode);
    b.region = this.regionOf(lin);
    b.watched = this.watchedAt(lin);
    b.insns.push(...insns);
    b.ticks.push(...old.ticks.slice(1));
    const { ends, end, bytes, total, firstLine, lastLine } = old;
    Object.assign(b, { ends, end, bytes, total, firstLine, lastLine });
    this.enter(b);
    return b;
  }

  /** The blocks that begin in the page of physical address `pa`, or reach into it. */
  inPage(pa: number): Block[] {
    return [...(this.pages.get(pa >>> 12)?.blocks ?? [])];
  }

  /** CodeBytes for the decoder: a byte beyond the limit of CS is not fetched. */
  byte(n: number): number {
    this.cpu.checkTarget((this.eip + n) | 0);
    if (n < this.room) return this.mmu.codeByte(this.pa + n);
    if (this.second < 0) this.second = this.mmu.translateFetch((this.lin + this.room) | 0);
    return this.mmu.codeByte(this.second + n - this.room);
  }

  /** Bytes [pa, pa + length) changed: blocks that hold any of them are void. */
  invalidate(pa: number, length: number): void {
    const last = (pa + length - 1) >>> 12;
    for (let page = pa >>> 12; page <= last; page++) {
      const entry = this.pages.get(page);
      if (!entry) continue;
      for (const b of entry.blocks) {
        const inFirst = pa < b.pa + b.bytes && pa + length > b.pa;
        if (inFirst || b.secondPage >= 0) this.drop(b);
      }
    }
  }

  /** Forgets the blocks that `regionOf` and `watchedAt` say something else of now. */
  review(): void {
    for (const blocks of this.linear.values())
      for (const b of blocks)
        if (b.region !== this.regionOf(b.lin) || b.watched !== this.watchedAt(b.lin)) this.drop(b);
  }

  /** Forgets everything: a block that runs ends before its next instruction. */
  clear(): void {
    for (const blocks of this.linear.values()) for (const b of blocks) this.drop(b);
  }

  /** Between two runs: forgets what lies in these pages of RAM, and what lies outside it; default everything. */
  forgetPages(pages?: readonly number[]): void {
    for (const page of pages ?? [...this.pages.keys()])
      for (const b of this.pages.get(page)?.blocks ?? []) this.forget(b);
    for (const b of this.outside) this.forget(b);
  }

  /** Forgets what holds the instruction at a linear address. */
  dropAt(lin: number): void {
    const page = lin >>> 12;
    for (const near of [page, (page - 1) & LAST_PAGE])
      for (const b of this.linear.get(near) ?? []) {
        const offset = (lin - b.lin) | 0;
        if (offset >= 0 && offset < b.bytes) this.drop(b);
      }
  }

  private decode(pa: number, lin: number, eip: number): Block {
    const c = this.cpu;
    const b = new Block(pa, lin, eip, c.codeMode);
    b.region = this.regionOf(lin);
    b.watched = this.watchedAt(lin);
    let at = 0;
    let refused = false;
    const room = 4096 - (lin & 0xfff);
    while (b.insns.length < MAX_BLOCK && at < room && !b.ends) {
      this.eip = (eip + at) | 0;
      this.lin = (lin + at) | 0;
      this.pa = pa + at;
      this.room = room - at;
      this.second = -1;
      let i: Insn;
      try {
        refused = true;
        if (at > 0 && room - at < MAX_LENGTH && !this.fitsPage()) break;
        i = this.decoder.decode(this, (eip + at) | 0, c.codeBig);
      } catch (fault) {
        if (fault !== c.fault || b.insns.length > 0) {
          if (fault !== c.fault) throw fault;
          break;
        }
        throw fault;
      }
      if (at > 0 && this.second >= 0) break;
      refused = false;
      b.secondPage = this.second;
      this.append(b, i, at);
      at += i.length;
    }
    // The bytes that could not follow belong to it: once they change, they may, and the block ends elsewhere.
    b.bytes = refused ? Math.min(at + MAX_LENGTH, room) : at;
    b.end = (eip + at) | 0;
    b.total = b.ticks[b.insns.length];
    b.firstLine = pa >>> this.lineShift;
    b.lastLine = (b.secondPage >= 0 ? b.secondPage : pa + at - 1) >>> this.lineShift;
    b.insns[0].alone =
      b.insns.length === 1 && b.insns[0].rep !== 0 && b.insns[0].pre === 0 && b.secondPage < 0;
    this.enter(b);
    if (this.barred) this.drop(b);
    return b;
  }

  /**
   * Near the page's end: would the next instruction fit? Decoding reads the second page only if it must, and a
   * fault of that read must not be raised ahead of time, so the bytes in this page are tried first.
   */
  private fitsPage(): boolean {
    const inPage: CodeBytes = {
      byte: n => {
        if (n >= this.room) throw this.cpu.fault.set(UD, -1);
        return this.mmu.codeByte(this.pa + n);
      },
    };
    try {
      this.decoder.decode(inPage, 0, this.cpu.codeBig);
      return true;
    } catch (fault) {
      if (fault !== this.cpu.fault) throw fault;
      return false;
    }
  }

  private append(b: Block, i: Insn, at: number): void {
    const first = (b.pa + at) >>> this.lineShift;
    const last = (b.pa + at + i.length - 1) >>> this.lineShift;
    if (at > 0 && first !== (b.pa + at - 1) >>> this.lineShift) i.pre |= PRE_LINE;
    if (last !== first) i.pre |= PRE_LINE2;
    if (this.hooked((b.lin + at) | 0)) i.pre |= PRE_HOOK;
    // Only the general case of the inner loop looks at `pre`.
    i.form = i.kind;
    if (i.pre !== 0) i.kind = 0;
    b.insns.push(i);
    b.ticks.push(b.ticks[b.ticks.length - 1] + i.cost);
    if (i.row.ends || i.rep !== 0) b.ends = true;
  }

  private enter(b: Block): void {
    // Nobody tells of changes to video memory: such a block is run once.
    if (b.pa >>> 0 < this.mmu.ramSize && !this.mmu.isRam(b.pa)) {
      b.valid = false;
      return;
    }
    const slot = slotOf(b.pa);
    b.chain = this.table[slot];
    this.table[slot] = b;
    this.shorten(b);
    const near = this.linear.get(b.lin >>> 12);
    if (near) near.add(b);
    else this.linear.set(b.lin >>> 12, new Set([b]));
    if (b.pa >>> 0 < this.mmu.ramSize) this.page(b.pa >>> 12).blocks.add(b);
    else this.outside.add(b);
    if (b.secondPage >= 0 && b.secondPage >>> 0 < this.mmu.ramSize)
      this.page(b.secondPage >>> 12).blocks.add(b);
  }

  /** Forgets the oldest of those that share a place with `b` when they have become too many. */
  private shorten(b: Block): void {
    let last = b;
    let length = 1;
    for (; last.chain !== null; length++) last = last.chain;
    if (length > MAX_CHAIN) this.forget(last);
  }

  private page(number: number): CodePage {
    let entry = this.pages.get(number);
    if (!entry) {
      entry = { blocks: new Set() };
      this.pages.set(number, entry);
      this.mmu.mark(number << 12, PAGE_CODE);
    }
    return entry;
  }

  /** Its bytes changed: it must not run on. */
  private drop(b: Block): void {
    b.dropped = true;
    for (let k = 0; k < b.insns.length; k++) {
      const stop = new Insn(staleRow);
      stop.eip = b.insns[k].eip;
      stop.next = b.insns[k].next;
      b.insns[k].alone = false;
      b.insns[k] = stop;
    }
    this.forget(b);
  }

  /** It leaves the table: nobody tells it of changes any more, so no hint may lead to it. */
  private forget(b: Block): void {
    if (b.valid) this.unchain(b);
    b.valid = false;
    for (const code of b.within.splice(0)) code.drop();
    b.code = null;
    b.onward = b.elsewhere = null;
    const near = this.linear.get(b.lin >>> 12);
    if (near?.delete(b) && near.size === 0) this.linear.delete(b.lin >>> 12);
    this.outside.delete(b);
    this.leavePage(b);
  }

  private unchain(b: Block): void {
    const slot = slotOf(b.pa);
    if (this.table[slot] === b) this.table[slot] = b.chain;
    else
      for (let before = this.table[slot]; before !== null; before = before.chain)
        if (before.chain === b) before.chain = b.chain;
    b.chain = null;
  }

  private leavePage(b: Block): void {
    for (const pa of [b.pa, b.secondPage]) {
      const entry = this.pages.get(pa >>> 12);
      if (!entry?.blocks.delete(b)) continue;
      if (entry.blocks.size > 0) continue;
      this.pages.delete(pa >>> 12);
      this.mmu.unmark(pa, PAGE_CODE);
    }
  }
}

function slotOf(pa: number): number {
  return (pa ^ (pa >>> 14)) & (TABLE - 1);
}
