/** The x87 corpus as a file: a line of JSON, then columns of numbers in byte planes, all gzipped. */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Corpus, FpuState, Vector } from './format.ts';

type Width = 1 | 2 | 4;

class ColumnWriter {
  private readonly columns = new Map<string, { width: Width; values: number[] }>();

  put(name: string, width: Width, ...values: number[]): void {
    let column = this.columns.get(name);
    if (!column) this.columns.set(name, (column = { width, values: [] }));
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

  take(name: string, count: number): number[] {
    return Array.from({ length: count }, () => this.next(name));
  }
}

/** Register images that occur more than once, most frequent first: columns hold their numbers from 1, 0 for a literal. */
function dictionaryOf(vectors: readonly Vector[]): string[] {
  const uses = new Map<string, number>();
  for (const v of vectors) for (const x of v.state.st) uses.set(x, (uses.get(x) ?? 0) + 1);
  const frequent = [...uses].filter(([, n]) => n > 1).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return frequent.slice(0, 0xffff).map(([x]) => x);
}

/** Fields of a state that are stored as the difference from what they were. */
const FIELDS = ['control', 'status', 'tags', 'fip', 'fcs', 'fop', 'fdp', 'fds'] as const;

/** Where the instruction's own pointers would be: what most outcomes hold. */
function expected(field: (typeof FIELDS)[number], v: Vector, codeBase: number): number {
  return field === 'fip' ? codeBase + v.codeOffset : v.state[field];
}

/** The corpus as a file's bytes; `codeBase` is CODE. The same corpus gives the same bytes. */
export function packCorpus(corpus: Corpus, codeBase: number): Buffer {
  const w = new ColumnWriter();
  const rows = [...new Set(corpus.vectors.map(v => v.row))];
  const rowNumber = new Map(rows.map((r, i) => [r, i]));
  const dictionary = dictionaryOf(corpus.vectors);
  const entryOf = new Map(dictionary.map((x, i) => [x, i + 1]));
  const image = (name: string, x: string) => {
    const entry = entryOf.get(x) ?? 0;
    w.put(name, 2, entry);
    if (entry === 0) literal(x);
  };
  const literal = (x: string) => {
    w.put('se', 2, Number.parseInt(x.slice(0, 4), 16));
    w.put('high', 4, Number.parseInt(x.slice(4, 12), 16));
    w.put('low', 4, Number.parseInt(x.slice(12), 16));
  };
  for (const x of dictionary) literal(x);
  corpus.vectors.forEach((v, n) => {
    const o = corpus.outcomes[n];
    w.put('row', 2, rowNumber.get(v.row)!);
    w.put('codeLength', 1, v.code.length);
    w.put('code', 1, ...v.code);
    w.put('codeOffset', 2, v.codeOffset);
    v.regs.forEach((r, i) => {
      w.put('reg', 4, r);
      w.put('regOut', 4, r ^ o.regs[i]);
    });
    w.put('eflags', 4, v.eflags);
    w.put('eflagsOut', 4, v.eflags ^ o.eflags);
    w.put('memoryLength', 1, v.memory.length);
    w.put('memoryOffset', 2, v.memoryOffset);
    w.put('memory', 1, ...v.memory);
    for (const f of FIELDS) {
      w.put(f, 4, v.state[f]);
      w.put(`${f}Out`, 4, o.state[f] ^ expected(f, v, codeBase));
    }
    v.state.st.forEach((x, i) => {
      image(`st${i}`, x);
    });
    packOutcomeStack(w, v.state.st, o.state.st, literal);
    w.put('eip', 4, o.eip - codeBase - v.codeOffset - v.code.length);
    w.put('trap', 1, o.trap);
    w.put('error', 2, o.error);
    w.put('cr2', 4, o.cr2);
    w.put('changes', 2, o.changes.length);
    let offset = v.memoryOffset;
    for (const c of o.changes) {
      w.put('changeOffset', 2, ((c >> 8) - offset) & 0xffff);
      w.put('changeValue', 1, c & 0xff);
      offset = c >> 8;
    }
  });
  const { cpu, seed } = corpus;
  const header = JSON.stringify({
    cpu,
    seed,
    count: corpus.vectors.length,
    rows,
    dictionary: dictionary.length,
    columns: w.header(),
  });
  return gzipSync(Buffer.concat([Buffer.from(`${header}\n`), w.bytes()]), { level: 9 });
}

const LITERAL = 8;

/** A register behind the vector is most often one from before it, by its number; else a literal. */
function packOutcomeStack(
  w: ColumnWriter,
  before: readonly string[],
  after: readonly string[],
  literal: (x: string) => void,
): void {
  after.forEach((x, i) => {
    const from = before[i] === x ? i : before.indexOf(x);
    w.put(`stOut${i}`, 1, from < 0 ? LITERAL : from);
    if (from < 0) literal(x);
  });
}

/** Reads what packCorpus wrote. */
export function unpackCorpus(file: Uint8Array, codeBase: number): Corpus {
  const b = gunzipSync(file);
  const end = b.indexOf(10);
  const header = JSON.parse(b.toString('utf8', 0, end));
  const r = new ColumnReader(header.columns, b.subarray(end + 1));
  const hex = (v: number, digits: number) => (v >>> 0).toString(16).padStart(digits, '0');
  const literal = () => hex(r.next('se'), 4) + hex(r.next('high'), 8) + hex(r.next('low'), 8);
  const dictionary = Array.from({ length: header.dictionary }, literal);
  const corpus: Corpus = { cpu: header.cpu, seed: header.seed, vectors: [], outcomes: [] };
  for (let n = 0; n < header.count; n++) {
    const row = header.rows[r.next('row')];
    const code = r.take('code', r.next('codeLength'));
    const codeOffset = r.next('codeOffset');
    const regs = r.take('reg', 8);
    const regsOut = r.take('regOut', 8).map((x, i) => x ^ regs[i]);
    const eflags = r.next('eflags');
    const memory = r.take('memory', r.next('memoryLength'));
    const memoryOffset = r.next('memoryOffset');
    const fields = Object.fromEntries(FIELDS.map(f => [f, r.next(f)])) as unknown as Omit<FpuState, 'st'>;
    const st = Array.from({ length: 8 }, (_, i) => {
      const entry = r.next(`st${i}`);
      return entry === 0 ? literal() : dictionary[entry - 1];
    });
    const v: Vector = { row, code, codeOffset, regs, eflags, memory, memoryOffset, state: { ...fields, st } };
    const fieldsOut = Object.fromEntries(
      FIELDS.map(f => [f, r.next(`${f}Out`) ^ expected(f, v, codeBase)]),
    ) as unknown as Omit<FpuState, 'st'>;
    const stOut = Array.from({ length: 8 }, (_, i) => {
      const from = r.next(`stOut${i}`);
      return from === LITERAL ? literal() : st[from];
    });
    let offset = memoryOffset;
    corpus.vectors.push(v);
    corpus.outcomes.push({
      regs: regsOut,
      eip: (r.next('eip') + codeBase + codeOffset + code.length) | 0,
      eflags: eflags ^ r.next('eflagsOut'),
      trap: r.next('trap'),
      error: r.next('error'),
      cr2: r.next('cr2'),
      state: { ...fieldsOut, st: stOut },
      changes: Array.from({ length: r.next('changes') }, () => {
        offset = (offset + r.next('changeOffset')) & 0xffff;
        return (offset << 8) | r.next('changeValue');
      }),
    });
  }
  return corpus;
}
