/**
 * What changed in RAM between two moments, byte by byte: all of it but given pages, accessed and dirty bits of page
 * tables, and bytes (or bits) that the processor itself was bound to write.
 */

/** Bytes of RAM: physical address of the first, and how many. */
export interface Range {
  pa: number;
  length: number;
}

/** Bits of each byte of a range that do not count. */
export interface Exception extends Range {
  mask: number;
}

/** What a frame holds, for frames of page tables. */
export type TableKind = 'directory' | 'table';

export interface Comparison {
  /** One byte a page: not 0 for pages that are not compared. */
  skipped: Uint8Array;
  /** Page tables by their physical address. */
  tables: ReadonlyMap<number, TableKind>;
  exceptions: readonly Exception[];
}

export const PAGE = 4096;
const P = 0x01;
const W = 0x02;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const ENTRIES = 1024;
const BIG_PAGE = 0x40_0000;

/** The page tables that directories at the given physical addresses lead to, with the directories themselves. */
export function tablesOf(ram: Uint8Array, directories: readonly number[]): Map<number, TableKind> {
  const tables = new Map<number, TableKind>();
  for (const directory of directories)
    for (const pde of entries(ram, directory)) {
      const frame = (pde & ~0xfff) >>> 0;
      if (pde & P && !(pde & PS) && frame + PAGE <= ram.length) tables.set(frame, 'table');
    }
  for (const directory of directories) tables.set((directory & ~0xfff) >>> 0, 'directory');
  return tables;
}

/** A page that a directory makes writable for ring 0. */
export interface WritablePage {
  lin: number;
  /** It may lie outside RAM. */
  pa: number;
}

export function* writablePages(ram: Uint8Array, directory: number): Generator<WritablePage> {
  let index = 0;
  for (const pde of entries(ram, directory)) {
    const base = index++ * BIG_PAGE;
    if (!(pde & P) || !(pde & W)) continue;
    if (pde & PS) {
      const pa = (pde & ~(BIG_PAGE - 1)) >>> 0;
      for (let at = 0; at < BIG_PAGE; at += PAGE) yield { lin: base + at, pa: pa + at };
      continue;
    }
    let page = 0;
    for (const pte of entries(ram, pde)) {
      const lin = base + page++ * PAGE;
      if (pte & P && pte & W) yield { lin, pa: (pte & ~0xfff) >>> 0 };
    }
  }
}

function* entries(ram: Uint8Array, table: number): Generator<number> {
  const frame = (table & ~0xfff) >>> 0;
  if (frame + PAGE > ram.length) return;
  const view = new DataView(ram.buffer, ram.byteOffset + frame, PAGE);
  for (let n = 0; n < ENTRIES; n++) yield view.getInt32(n * 4, true);
}

/** The ranges whose bytes differ. `before` and `after` are all of RAM. */
export function changes(before: Uint8Array, after: Uint8Array, comparison: Comparison): Range[] {
  const exempt = new Map<number, number>();
  for (const { pa, length, mask } of comparison.exceptions)
    for (let at = pa; at < pa + length; at++) exempt.set(at, (exempt.get(at) ?? 0) | mask);
  const found: Range[] = [];
  const old = Buffer.from(before.buffer, before.byteOffset, before.length);
  for (let page = 0; page < before.length; page += PAGE) {
    if (comparison.skipped[page / PAGE] || old.compare(after, page, page + PAGE, page, page + PAGE) === 0)
      continue;
    const kind = comparison.tables.get(page);
    for (let at = page; at < page + PAGE; at++) {
      const difference = before[at] ^ after[at];
      if (difference & ~(exempt.get(at) ?? 0) & ~processorBits(kind, at, before[at])) extend(found, at);
    }
  }
  return found;
}

/** Bits of a byte of a page table that the walker sets by itself (SDM vol. 3, 4.8). */
function processorBits(kind: TableKind | undefined, at: number, value: number): number {
  if (kind === undefined || at & 3) return 0;
  return kind === 'table' || value & PS ? A | D : A;
}

function extend(ranges: Range[], at: number): void {
  const last = ranges.at(-1);
  if (last && last.pa + last.length === at) last.length++;
  else ranges.push({ pa: at, length: 1 });
}
