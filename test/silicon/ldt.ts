/**
 * The local descriptor table of the vectors' world: one list that the harness installs on the host by modify_ldt and
 * world.ts writes into our machine's memory. Linux makes every entry DPL 3 with the accessed bit set.
 * Segment descriptors: Intel SDM vol. 3, 3.4.5.
 */
import { CODE, DATA, USER_CS, USER_DS } from './format.ts';

export interface LocalEntry {
  base: number;
  /** The descriptor's 20 bits, in bytes or, with `pages`, in pages. */
  limit: number;
  kind: 'data' | 'down' | 'code';
  /** The D/B bit. */
  big: boolean;
  pages?: boolean;
  /** Data that may not be written, code that may not be read. */
  locked?: boolean;
  absent?: boolean;
  /** Offsets that are inside the limit and mapped, as [first, last]; the whole of the limit when not given. */
  good?: readonly (readonly [number, number])[];
}

/** In the order of their selectors; null is left empty. */
const ENTRIES = {
  page: { base: DATA, limit: 0xfff, kind: 'data', big: true },
  small: { base: DATA + 0xff0, limit: 0x1f, kind: 'data', big: true },
  readOnly: { base: DATA, limit: 0x1fff, kind: 'data', big: true, locked: true },
  down: { base: DATA, limit: 0xfff, kind: 'down', big: true, good: [[0x1000, 0x1fff]] },
  down16: { base: DATA, limit: 0xfff, kind: 'down', big: false, good: [[0x1000, 0x1fff]] },
  downReadOnly: { base: DATA, limit: 0x7ff, kind: 'down', big: true, locked: true, good: [[0x800, 0x1fff]] },
  empty: null,
  stack16: { base: DATA, limit: 0x1fff, kind: 'data', big: false },
  // Offsets at both ends of 64 KiB are mapped (WRAP of format.ts), so that SP can go round.
  wrap16: {
    base: DATA + 0x1000,
    limit: 0xffff,
    kind: 'data',
    big: false,
    good: [
      [0, 0xfff],
      [0xf000, 0xffff],
    ],
  },
  pages: { base: DATA, limit: 1, kind: 'data', big: true, pages: true },
  onePage: { base: DATA + 0x800, limit: 0, kind: 'data', big: true, pages: true },
  oneByte: { base: DATA + 0x1000, limit: 0, kind: 'data', big: true },
  absentData: { base: DATA, limit: 0xfff, kind: 'data', big: true, absent: true },
  code32: { base: CODE, limit: 0x1fff, kind: 'code', big: true },
  code16: { base: CODE, limit: 0x1fff, kind: 'code', big: false },
  code64K: { base: CODE, limit: 0xffff, kind: 'code', big: false, good: [[0, 0x1fff]] },
  hidden32: { base: CODE, limit: 0x1fff, kind: 'code', big: true, locked: true },
  hidden16: { base: CODE, limit: 0x1fff, kind: 'code', big: false, locked: true },
  short32: { base: CODE, limit: 0x817, kind: 'code', big: true },
  short16: { base: CODE, limit: 0x817, kind: 'code', big: false },
  absentCode: { base: CODE, limit: 0x1fff, kind: 'code', big: true, absent: true },
  flatData: { base: 0, limit: 0xfffff, kind: 'data', big: true, pages: true },
  flatCode: { base: 0, limit: 0xfffff, kind: 'code', big: true, pages: true },
} as const satisfies Record<string, LocalEntry | null>;

export type LocalName = keyof typeof ENTRIES;
export const LOCAL_NAMES = Object.keys(ENTRIES) as LocalName[];
const LIST: readonly (LocalEntry | null)[] = Object.values(ENTRIES);
/** The highest valid offset in the table: an entry more is not there. */
export const LDT_LIMIT = LIST.length * 8 - 1;

/** The selector of an entry, with RPL 3. */
export function local(name: LocalName): number {
  return (LOCAL_NAMES.indexOf(name) << 3) | 7;
}

/** A segment register's hidden part. */
export interface Segment {
  base: number;
  /** In bytes, unsigned. */
  limit: number;
  /** The descriptor's second dword. */
  attributes: number;
  big: boolean;
  down: boolean;
  flat: boolean;
  good: readonly (readonly [number, number])[];
}

const ACCESS = 0xf1;
/** What Linux calls `useable`: LAR shows it. */
const AVL = 0x10_0000;

/** The descriptor's two dwords; zeros for an empty entry. */
export function descriptorOf(e: LocalEntry | null): [number, number] {
  if (!e) return [0, 0];
  const kind = e.kind === 'code' ? 8 : e.kind === 'down' ? 4 : 0;
  const access = (ACCESS & (e.absent ? 0x7f : 0xff)) | kind | (e.locked ? 0 : 2);
  const high =
    ((e.base >>> 16) & 0xff) |
    (access << 8) |
    (e.limit & 0xf0000) |
    AVL |
    (e.big ? 0x40_0000 : 0) |
    (e.pages ? 0x80_0000 : 0) |
    (e.base & 0xff00_0000);
  return [((e.base & 0xffff) << 16) | (e.limit & 0xffff), high];
}

export const localDescriptors = (): [number, number][] => LIST.map(descriptorOf);

const FLAT_CODE: LocalEntry = { base: 0, limit: 0xfffff, kind: 'code', big: true, pages: true };
const FLAT_DATA: LocalEntry = { base: 0, limit: 0xfffff, kind: 'data', big: true, pages: true };

function segment(e: LocalEntry | null): Segment {
  if (!e) return { base: 0, limit: 0, attributes: 0, big: false, down: false, flat: true, good: [] };
  const limit = e.pages ? e.limit * 4096 + 0xfff : e.limit;
  return {
    base: e.base,
    limit,
    attributes: descriptorOf(e)[1],
    big: e.big,
    down: e.kind === 'down',
    flat: limit === 0xffff_ffff,
    good: e.good ?? [[0, limit]],
  };
}

const SEGMENTS = new Map<number, Segment>([
  [0, segment(null)],
  [USER_CS, segment(FLAT_CODE)],
  [USER_DS, segment(FLAT_DATA)],
  ...LIST.map((e, n) => [(n << 3) | 7, segment(e)] as const),
]);

/** What a selector that a vector may start with stands for. Throws a RangeError for any other. */
export function segmentOf(selector: number): Segment {
  const s = SEGMENTS.get(selector);
  if (!s) throw new RangeError(`no vector starts with selector 0x${selector.toString(16)}`);
  return s;
}

/** The table for the harness: a count, then Linux's struct user_desc of every entry that is not empty. */
export function packLocal(): Buffer {
  const words: number[] = [];
  LIST.forEach((e, n) => {
    if (!e) return;
    const contents = e.kind === 'code' ? 2 : e.kind === 'down' ? 1 : 0;
    const flags =
      (e.big ? 1 : 0) |
      (contents << 1) |
      (e.locked ? 8 : 0) |
      (e.pages ? 0x10 : 0) |
      (e.absent ? 0x20 : 0) |
      0x40;
    words.push(n, e.base, e.limit, flags);
  });
  const b = Buffer.alloc(4 + words.length * 4);
  b.writeUInt32LE(words.length / 4, 0);
  words.forEach((w, i) => {
    b.writeUInt32LE(w >>> 0, 4 + i * 4);
  });
  return b;
}
