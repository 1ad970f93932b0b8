/**
 * What a vector and its outcome are, the bytes in which they pass to and from the harness (harness.c), and the
 * corpus file: a line of JSON, then columns of numbers in byte planes, all gzipped.
 */
import { gunzipSync, gzipSync } from 'node:zlib';

/** The vector's world; everything else is unmapped. Addresses virtual, sizes in bytes. See harness.c. */
export const CODE = 0x10000000;
export const CODE_SIZE = 0x2000;
export const DATA = 0x20000000;
export const DATA_SIZE = 0x2000;
export const LOW = 0x8000;
export const RODATA = 0x20004000;
export const RODATA_SIZE = 0x1000;
/** The first page of DATA again, so that a 64 KiB segment at DATA's second page has memory at both ends. */
export const WRAP = DATA + 0x10000;
export const WRAP_SIZE = 0x1000;
/** The harness lives here: no vector may touch or reach it. */
export const IMAGE = 0x70000000;
export const IMAGE_SIZE = 0x1000000;
export const USER_CS = 0x23;
export const USER_DS = 0x2b;
/** ES CS SS DS FS GS, in the order of the manual's Sreg field, as Linux gives them to a process. */
export const FLAT_SEGMENTS: readonly number[] = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0];

/** The byte that DATA, LOW and RODATA hold at `offset` before the vector's memory operand is put in. */
export function patternByte(offset: number): number {
  return ((offset & 63) * 37 + 11) & 0xff;
}

export interface Vector {
  /** `enc` of the row that it was generated from. */
  row: string;
  /** At most 15 bytes, and where they lie from CODE. */
  code: readonly number[];
  codeOffset: number;
  /** eax ecx edx ebx esp ebp esi edi, int32. */
  regs: readonly number[];
  eflags: number;
  /** Where CODE + codeOffset lies in the code segment. */
  eip: number;
  /** At most 32 bytes of memory operand, and where they lie from DATA. */
  memory: readonly number[];
  memoryOffset: number;
  /** The selectors of ES CS SS DS FS GS: flat ones, null, or of the LDT (ldt.ts). */
  segments: readonly number[];
}

export interface Outcome {
  regs: readonly number[];
  /** As the exception pushed it: of the int3 where the vector landed, one byte past it. */
  eip: number;
  eflags: number;
  /** Exception vector and error code (0 for exceptions without); CR2 for a page fault, else 0. */
  trap: number;
  error: number;
  cr2: number;
  /** ES CS SS DS FS GS. */
  segments: readonly number[];
  /** Bytes of DATA that changed: offset << 8 | new value, ascending. */
  changes: readonly number[];
  /** The vector had not ended after some 80 ms. */
  stuck: boolean;
}

export interface Corpus {
  cpu: string;
  seed: number;
  vectors: Vector[];
  outcomes: Outcome[];
}

const VECTOR_BYTES = 108;
const RESULT_BYTES = 64;
const SIGALRM = 14;

/** struct vector of the harness, one after another. */
export function packVectors(vectors: readonly Vector[]): Buffer {
  const b = Buffer.alloc(vectors.length * VECTOR_BYTES);
  vectors.forEach((v, n) => {
    const at = n * VECTOR_BYTES;
    b[at] = v.code.length;
    b[at + 1] = v.memory.length;
    b.writeUInt16LE(v.codeOffset, at + 2);
    b.set(v.code, at + 4);
    v.regs.forEach((r, i) => {
      b.writeInt32LE(r | 0, at + 20 + i * 4);
    });
    b.writeInt32LE(v.eflags | 0, at + 52);
    b.writeInt32LE(v.eip | 0, at + 56);
    b.writeUInt16LE(v.memoryOffset, at + 60);
    v.segments.forEach((selector, i) => {
      b.writeUInt16LE(selector, at + 62 + i * 2);
    });
    b.set(v.memory, at + 74);
  });
  return b;
}

/** struct result of the harness, one after another. */
export function unpackResults(b: Buffer, count: number): Outcome[] {
  const outcomes: Outcome[] = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    const word = (o: number) => b.readInt32LE(at + o);
    const half = (o: number) => b.readUInt16LE(at + o);
    const changed = word(60);
    outcomes.push({
      regs: Array.from({ length: 8 }, (_, i) => word(i * 4)),
      eip: word(32),
      eflags: word(36),
      cr2: word(40),
      error: half(44),
      trap: b[at + 46],
      stuck: b[at + 47] === SIGALRM,
      segments: [half(50), half(58), half(56), half(48), half(52), half(54)],
      changes: Array.from({ length: changed }, (_, i) => word(RESULT_BYTES + i * 4)),
    });
    at += RESULT_BYTES + changed * 4;
  }
  if (at !== b.length) throw new Error(`the harness wrote ${b.length} bytes, ${at} expected`);
  return outcomes;
}

type Width = 1 | 2 | 4;
type Columns = Map<string, { width: Width; values: number[] }>;

class ColumnWriter {
  readonly columns: Columns = new Map();

  put(name: string, width: Width, ...values: number[]): void {
    const column = this.columns.get(name) ?? { width, values: [] };
    this.columns.set(name, column);
    for (const v of values) column.values.push(v);
  }

  /** Byte planes: all lowest bytes of a column, then all second bytes and so on. */
  bytes(): Buffer {
    const planes = [...this.columns.values()].flatMap(c =>
      Array.from({ length: c.width }, (_, k) => Buffer.from(c.values.map(v => (v >>> (8 * k)) & 0xff))),
    );
    return Buffer.concat(planes);
  }

  header(): { name: string; width: Width; length: number }[] {
    return [...this.columns].map(([name, c]) => ({ name, width: c.width, length: c.values.length }));
  }
}

class ColumnReader {
  private readonly columns = new Map<string, { values: Int32Array; at: number }>();

  constructor(header: { name: string; width: Width; length: number }[], bytes: Buffer) {
    let at = 0;
    for (const { name, width, length } of header) {
      const values = new Int32Array(length);
      for (let k = 0; k < width; k++, at += length)
        for (let i = 0; i < length; i++) values[i] |= bytes[at + i] << (8 * k);
      this.columns.set(name, { values, at: 0 });
    }
    if (at !== bytes.length) throw new Error('the corpus file is damaged');
  }

  next(name: string): number {
    const c = this.columns.get(name)!;
    return c.values[c.at++];
  }

  rest(name: string): Int32Array {
    return this.columns.get(name)!.values;
  }

  take(name: string, count: number): number[] {
    return Array.from({ length: count }, () => this.next(name));
  }
}

/** Register values that occur again, most frequent first: columns hold their numbers from 1, 0 for a literal. */
function dictionaryOf(vectors: readonly Vector[]): Map<number, number> {
  const uses = new Map<number, number>();
  for (const v of vectors) for (const r of v.regs) uses.set(r, (uses.get(r) ?? 0) + 1);
  const frequent = [...uses].filter(([, n]) => n > 2).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return new Map(frequent.slice(0, 0xffff).map(([r], i) => [r, i + 1]));
}

/** The corpus as a file's bytes. The same corpus gives the same bytes. */
export function packCorpus(corpus: Corpus): Buffer {
  const w = new ColumnWriter();
  const rows = [...new Set(corpus.vectors.map(v => v.row))];
  const rowNumber = new Map(rows.map((r, i) => [r, i]));
  const dictionary = dictionaryOf(corpus.vectors);
  w.put('values', 4, ...dictionary.keys());
  corpus.vectors.forEach((v, n) => {
    const o = corpus.outcomes[n];
    w.put('row', 2, rowNumber.get(v.row)!);
    w.put('codeLength', 1, v.code.length);
    w.put('code', 1, ...v.code);
    w.put('codeOffset', 2, v.codeOffset);
    v.regs.forEach((r, i) => {
      const entry = dictionary.get(r) ?? 0;
      w.put(`reg${i}`, 2, entry);
      if (entry === 0) w.put('literal', 4, r);
      w.put(`regOut${i}`, 4, r ^ o.regs[i]);
    });
    w.put('eflags', 4, v.eflags);
    w.put('eflagsOut', 4, v.eflags ^ o.eflags);
    w.put('memoryLength', 1, v.memory.length);
    w.put('memoryOffset', 2, v.memoryOffset);
    w.put('memory', 1, ...v.memory);
    w.put('base', 4, CODE + v.codeOffset - v.eip);
    w.put('eip', 4, o.eip - v.eip - v.code.length);
    w.put('trap', 1, o.trap);
    w.put('error', 2, o.error);
    w.put('cr2', 4, o.cr2);
    v.segments.forEach((s, i) => {
      w.put(`segment${i}`, 2, s);
      w.put(`segmentOut${i}`, 2, o.segments[i] ^ s);
    });
    w.put('changes', 2, o.changes.length);
    o.changes.forEach((c, i) => {
      w.put(
        'changeOffset',
        2,
        (i === 0 ? (c >> 8) - v.memoryOffset : (c >> 8) - (o.changes[i - 1] >> 8)) & 0xffff,
      );
      w.put('changeValue', 1, c & 0xff);
    });
  });
  const { cpu, seed } = corpus;
  const header = JSON.stringify({ cpu, seed, count: corpus.vectors.length, rows, columns: w.header() });
  return gzipSync(Buffer.concat([Buffer.from(`${header}\n`), w.bytes()]), { level: 9 });
}

/** Reads what packCorpus wrote. */
export function unpackCorpus(file: Uint8Array): Corpus {
  const b = gunzipSync(file);
  const end = b.indexOf(10);
  const header = JSON.parse(b.toString('utf8', 0, end));
  const r = new ColumnReader(header.columns, b.subarray(end + 1));
  const corpus: Corpus = { cpu: header.cpu, seed: header.seed, vectors: [], outcomes: [] };
  const values = r.rest('values');
  for (let n = 0; n < header.count; n++) {
    const code = r.take('code', r.next('codeLength'));
    const codeOffset = r.next('codeOffset');
    const regs = Array.from({ length: 8 }, (_, i) => {
      const entry = r.next(`reg${i}`);
      return entry === 0 ? r.next('literal') : values[entry - 1];
    });
    const regsOut = Array.from({ length: 8 }, (_, i) => regs[i] ^ r.next(`regOut${i}`));
    const eflags = r.next('eflags');
    const memoryOffset = r.next('memoryOffset');
    const memory = r.take('memory', r.next('memoryLength'));
    const row = header.rows[r.next('row')];
    const eip = (CODE + codeOffset - r.next('base')) | 0;
    const segments = Array.from({ length: 6 }, (_, i) => r.next(`segment${i}`));
    corpus.vectors.push({ row, code, codeOffset, regs, eflags, eip, memory, memoryOffset, segments });
    let offset = memoryOffset;
    corpus.outcomes.push({
      regs: regsOut,
      eip: (r.next('eip') + eip + code.length) | 0,
      eflags: eflags ^ r.next('eflagsOut'),
      trap: r.next('trap'),
      error: r.next('error'),
      cr2: r.next('cr2'),
      segments: segments.map((s, i) => s ^ r.next(`segmentOut${i}`)),
      changes: Array.from({ length: r.next('changes') }, () => {
        offset = (offset + r.next('changeOffset')) & 0xffff;
        return (offset << 8) | r.next('changeValue');
      }),
      stuck: false,
    });
  }
  return corpus;
}
