/** Writes small ELF32 files for tests, so that the reader is checked against bytes it did not make. */

export interface TinySection {
  name: string;
  type?: number;
  flags?: number;
  address?: number;
  data?: number[] | Uint8Array;
  /** For SHT_NOBITS. */
  size?: number;
  link?: number;
  info?: number;
}

export interface TinySymbol {
  name: string;
  value: number;
  size?: number;
  /** ST_INFO: binding << 4 | type. */
  info?: number;
  section: number;
}

export interface TinyElf {
  type?: number;
  entry?: number;
  /** Numbered from 1; the symbol and string tables follow. */
  sections?: TinySection[];
  symbols?: TinySymbol[];
  /** File bytes are appended to the file for each. */
  segments?: {
    virtual: number;
    physical?: number;
    data: number[] | Uint8Array;
    memory?: number;
    flags?: number;
  }[];
}

const word = (...values: number[]) =>
  values.flatMap(v => [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, v >>> 24]);
const half = (...values: number[]) => values.flatMap(v => [v & 255, v >> 8]);

class Strings {
  readonly bytes: number[] = [0];

  add(text: string): number {
    const at = this.bytes.length;
    this.bytes.push(...Buffer.from(text), 0);
    return at;
  }
}

export function tinyElf(elf: TinyElf): Uint8Array {
  const out: number[] = new Array(52).fill(0);
  const put = (data: Iterable<number>) => {
    while (out.length % 4) out.push(0);
    const at = out.length;
    for (const b of data) out.push(b);
    return at;
  };
  const programHeaders = (elf.segments ?? []).flatMap(s => {
    const at = put(s.data);
    const memory = s.memory ?? s.data.length;
    return word(1, at, s.virtual, s.physical ?? s.virtual, s.data.length, memory, s.flags ?? 7, 4);
  });
  const programAt = put(programHeaders);

  const names = new Strings();
  const sections: TinySection[] = [...(elf.sections ?? [])];
  const strings = new Strings();
  const symbols = (elf.symbols ?? []).flatMap(s => [
    ...word(strings.add(s.name), s.value, s.size ?? 0),
    s.info ?? 0x12,
    0,
    ...half(s.section),
  ]);
  const count = sections.length + 4;
  sections.push(
    { name: '.symtab', type: 2, data: [...new Array(16).fill(0), ...symbols], link: count - 2 },
    { name: '.strtab', type: 3, data: strings.bytes },
  );
  const own = { name: '.shstrtab', type: 3, data: names.bytes };
  sections.push(own);
  const nameOffsets = sections.map(s => names.add(s.name));
  const headers = sections.flatMap((s, i) => {
    const data = s.data ?? [];
    const at = put(data);
    const size = s.size ?? data.length;
    return word(
      nameOffsets[i],
      s.type ?? 1,
      s.flags ?? 0,
      s.address ?? 0,
      at,
      size,
      s.link ?? 0,
      s.info ?? 0,
      4,
      0,
    );
  });
  const sectionsAt = put([...new Array(40).fill(0), ...headers]);

  const header = [
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...half(elf.type ?? 2, 3),
    ...word(1, elf.entry ?? 0, programHeaders.length ? programAt : 0, sectionsAt, 0),
    ...half(52, 32, programHeaders.length / 32, 40, count, count - 1),
  ];
  header.forEach((b, i) => {
    out[i] = b;
  });
  return Uint8Array.from(out);
}

/** mulberry32: a small generator with a fixed seed, for repeatable noise. */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}
