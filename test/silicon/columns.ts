/** Columns of numbers in byte planes, which gzip packs well: how the corpora are stored. */

type Width = 1 | 2 | 4;

/** Numbers by the name of their column, in the order in which columns were first named. */
export class ColumnWriter {
  private readonly columns = new Map<string, { width: Width; values: number[] }>();

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

/** Gives each column's numbers back in their order. Throws an Error for bytes that the header does not fit. */
export class ColumnReader {
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

  /** All of a column. */
  rest(name: string): Int32Array {
    return this.columns.get(name)!.values;
  }

  take(name: string, count: number): number[] {
    return Array.from({ length: count }, () => this.next(name));
  }
}
