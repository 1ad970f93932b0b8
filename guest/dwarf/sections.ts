/**
 * The .debug_* sections of a file. In an object their R_386_32 relocations are applied, by where its sections were
 * loaded; other kinds do not occur in debug information.
 */
import { ByteReader } from '../bytes.ts';
import { type ElfFile, type ElfSection, ET_REL, relocationsOf, SHF_ALLOC, SHN_ABS } from '../elf.ts';
import type { SectionPlace } from '../symbols.ts';

const R_386_32 = 1;
/** Where relocation puts code that was not loaded. */
export const NOWHERE = 0xffff_ffff;

export class DebugSections {
  readonly name: string;
  private readonly elf: ElfFile;
  private readonly place: SectionPlace;
  private readonly readers = new Map<string, ByteReader>();

  /** `name` begins the message of every GuestError; `place` as for SymbolTable.add. */
  constructor(
    elf: ElfFile,
    name: string,
    place: SectionPlace = s => (elf.type === ET_REL ? undefined : s.address),
  ) {
    this.elf = elf;
    this.name = name;
    this.place = place;
  }

  /** The contents of a section, empty if there is none. Read and relocated when first asked for. */
  reader(section: string): ByteReader {
    let reader = this.readers.get(section);
    if (!reader) {
      const found = this.section(section);
      const data = !found ? new Uint8Array(0) : this.elf.type === ET_REL ? this.relocated(found) : found.data;
      this.readers.set(section, (reader = new ByteReader(data, `${this.name}: ${section}`)));
    }
    return reader;
  }

  /** Where a section was loaded (.eh_frame counts from there); 0 if it was not. */
  address(section: string): number {
    const found = this.section(section);
    return found?.flags && found.flags & SHF_ALLOC ? (this.place(found) ?? 0) : 0;
  }

  private section(name: string): ElfSection | undefined {
    return this.elf.sections.find(s => s.name === name);
  }

  private relocated(section: ElfSection): Uint8Array {
    const data = section.data.slice();
    const view = new DataView(data.buffer);
    for (const { offset, type, symbol } of relocationsOf(this.elf, section, this.name)) {
      if (type !== R_386_32 || offset + 4 > data.length) continue;
      const base = this.base(this.elf.symbols[symbol].section);
      const value = this.elf.symbols[symbol].value;
      view.setUint32(
        offset,
        base === undefined ? NOWHERE : base + value + view.getUint32(offset, true),
        true,
      );
    }
    return data;
  }

  /** What a symbol's value in that section counts from. */
  private base(index: number): number | undefined {
    if (index === SHN_ABS) return 0;
    const home = this.elf.sections[index];
    if (home === undefined) return undefined;
    return home.flags & SHF_ALLOC ? this.place(home) : 0;
  }
}
