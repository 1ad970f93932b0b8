/**
 * Names for addresses and addresses for names, over the kernel and any number of loaded modules. Ranges come from
 * the ELF symbol tables; a label without a size (assembly) reaches to the next symbol or the end of its section.
 * Addresses are virtual. Modules come and go: `add` and `remove`.
 */
import {
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  ET_REL,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_ABS,
  STB_LOCAL,
  STT_FILE,
  STT_FUNC,
  STT_NOTYPE,
  STT_SECTION,
} from './elf.ts';

/** A named range of virtual addresses. */
export interface SymbolRange {
  name: string;
  /** The image that it belongs to: the name given to `add`. */
  image: string;
  start: number;
  /** First address after it. */
  end: number;
  /** In an executable section. */
  code: boolean;
  global: boolean;
  /** False for a label whose end is only where the next one starts. */
  sized: boolean;
}

/** What an address is called. */
export interface Location {
  symbol: SymbolRange;
  /** Bytes from the symbol's start. */
  offset: number;
}

/** Virtual address at which a section was loaded; undefined for a section that was not. */
export type SectionPlace = (section: ElfSection) => number | undefined;

export class SymbolTable {
  private readonly images = new Map<string, SymbolRange[]>();
  private sorted: SymbolRange[] | undefined;
  private byName: Map<string, SymbolRange[]> | undefined;

  /** Adds an image. A relocatable one needs `place`; an executable is where it was linked. */
  add(
    image: string,
    elf: ElfFile,
    place: SectionPlace = s => (elf.type === ET_REL ? undefined : s.address),
  ): void {
    this.images.set(image, rangesOf(image, elf, place));
    this.forget();
  }

  remove(image: string): void {
    this.images.delete(image);
    this.forget();
  }

  /** The symbol that holds `address`, or undefined. */
  lookup(address: number): Location | undefined {
    const ranges = this.ranges();
    address >>>= 0;
    let [low, high] = [0, ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle].start <= address) low = middle + 1;
      else high = middle;
    }
    // Ranges may nest (a label within a sized function); the nearest start that still covers the address wins.
    for (let i = low - 1; i >= 0 && i >= low - NESTING; i--) {
      if (address < ranges[i].end) return { symbol: ranges[i], offset: address - ranges[i].start };
    }
    return undefined;
  }

  /** `name`, `name+0x1f` or `name+0x1f [e1000.ko]`; eight hexadecimal digits when no symbol holds the address. */
  describe(address: number): string {
    const location = this.lookup(address);
    if (!location) return (address >>> 0).toString(16).padStart(8, '0');
    const { symbol, offset } = location;
    const where = offset ? `${symbol.name}+0x${offset.toString(16)}` : symbol.name;
    return symbol.image === this.firstImage() ? where : `${where} [${symbol.image}]`;
  }

  /** All symbols of that name, global ones first; `IMAGE:NAME` asks for one image's. */
  find(name: string): SymbolRange[] {
    const colon = name.lastIndexOf(':');
    const image = colon < 0 ? undefined : name.slice(0, colon);
    const found = this.names().get(name.slice(colon + 1)) ?? [];
    return image === undefined ? found : found.filter(s => s.image === image || s.image === `${image}.ko`);
  }

  /** The address of the symbol that `find` gives first, or undefined. */
  address(name: string): number | undefined {
    return this.find(name)[0]?.start;
  }

  /** The functions of an image (or of all), by address. */
  functions(image?: string): SymbolRange[] {
    return this.ranges().filter(s => s.code && (image === undefined || s.image === image));
  }

  /** Every symbol, by address. */
  all(): readonly SymbolRange[] {
    return this.ranges();
  }

  private firstImage(): string | undefined {
    return this.images.keys().next().value;
  }

  private forget(): void {
    this.sorted = undefined;
    this.byName = undefined;
  }

  private ranges(): SymbolRange[] {
    return (this.sorted ??= [...this.images.values()].flat().sort(byStart));
  }

  private names(): Map<string, SymbolRange[]> {
    if (this.byName) return this.byName;
    const names = new Map<string, SymbolRange[]>();
    for (const symbol of this.ranges()) {
      const same = names.get(symbol.name);
      if (same) same.push(symbol);
      else names.set(symbol.name, [symbol]);
    }
    for (const same of names.values()) same.sort((a, b) => Number(b.global) - Number(a.global));
    return (this.byName = names);
  }
}

/** How many symbols may begin between a function's start and an address in it before the search gives up. */
const NESTING = 64;

/** By start; at one start the last wins in `lookup`: what has a size, then what is global, then the longer. */
function byStart(a: SymbolRange, b: SymbolRange): number {
  return (
    a.start - b.start ||
    Number(a.sized) - Number(b.sized) ||
    Number(a.global) - Number(b.global) ||
    a.end - b.end
  );
}

function rangesOf(image: string, elf: ElfFile, place: SectionPlace): SymbolRange[] {
  const bases = elf.sections.map(s => (s.flags & SHF_ALLOC ? place(s) : undefined));
  const open: { range: SymbolRange; limit: number }[] = [];
  for (const symbol of elf.symbols) {
    if (!isNamed(symbol)) continue;
    const section = elf.sections[symbol.section];
    const base = bases[symbol.section];
    if (section === undefined || base === undefined) continue;
    const start = (elf.type === ET_REL ? base + symbol.value : symbol.value) >>> 0;
    // A linker script may give a label a section that it does not lie in (a physical entry address).
    const inside = start >= base && start <= base + section.size;
    const limit = inside ? base + section.size : start;
    const sized = symbol.size > 0;
    const end = start + symbol.size;
    const code =
      (section.flags & SHF_EXECINSTR) !== 0 && (symbol.type === STT_FUNC || symbol.type === STT_NOTYPE);
    const global = symbol.binding !== STB_LOCAL;
    open.push({ range: { name: symbol.name, image, start, end, code, global, sized }, limit });
  }
  return closeRanges(open);
}

/** Gives labels without a size an end: the next greater start, or their section's end. */
function closeRanges(open: { range: SymbolRange; limit: number }[]): SymbolRange[] {
  open.sort((a, b) => a.range.start - b.range.start);
  let next = Number.POSITIVE_INFINITY;
  let following = Number.POSITIVE_INFINITY;
  for (let i = open.length - 1; i >= 0; i--) {
    const { range, limit } = open[i];
    if (range.start < following) [next, following] = [following, range.start];
    if (!range.sized) range.end = Math.max(range.start + 1, Math.min(next, limit));
  }
  return open.map(o => o.range);
}

function isNamed(symbol: ElfSymbol): boolean {
  if (symbol.name === '' || symbol.section === 0 || symbol.section === SHN_ABS) return false;
  return symbol.type !== STT_SECTION && symbol.type !== STT_FILE;
}
