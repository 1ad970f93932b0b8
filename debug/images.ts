/**
 * The files whose code may run: the kernel (or whatever image was booted), the modules that are loaded, and the
 * program of the process whose address space is at hand. What is known of each is read when first asked for; debug
 * information that cannot be read is as good as none, and `problem` says why.
 */
import type { Machine } from '../emu/machine.ts';
import { FrameTable } from '../guest/dwarf/frames.ts';
import { DebugInfo } from '../guest/dwarf/names.ts';
import { DebugSections } from '../guest/dwarf/sections.ts';
import { resolve, typeAt } from '../guest/dwarf/types.ts';
import { type ElfFile, SHF_ALLOC } from '../guest/elf.ts';
import { GuestError } from '../guest/error.ts';
import { LineTable, linesOf } from '../guest/lines.ts';
import type { PlacedImage, Session } from '../guest/session.ts';
import { type SectionPlace, SymbolTable } from '../guest/symbols.ts';

/** Programs lie below, the kernel from here on (kernel/include/asm/memlayout.h). */
export const KERNEL_BASE = 0xc000_0000;
/** Bytes between sections that lie nowhere yet. */
const APART = 1 << 24;

/** A file as it was loaded. */
export interface DebugImage {
  name: string;
  elf: ElfFile;
  place?: SectionPlace;
}

export class Image {
  readonly name: string;
  readonly elf: ElfFile;
  readonly place: SectionPlace;
  /** Why debug information could not be read, if so. */
  problem: string | undefined;
  private readonly sections: DebugSections;
  private lineTable: LineTable | undefined;
  private debugInfo: DebugInfo | null | undefined;
  private frameTable: FrameTable | null | undefined;
  private symbolTable: SymbolTable | undefined;

  constructor({ name, elf, place = s => s.address }: DebugImage) {
    this.name = name;
    this.elf = elf;
    this.place = place;
    this.sections = new DebugSections(elf, name, place);
  }

  lines(): LineTable {
    return (this.lineTable ??= this.attempt(() => linesOf(this.sections)) ?? new LineTable([]));
  }

  /** Undefined without debug information. */
  info(): DebugInfo | undefined {
    if (this.debugInfo === undefined) {
      const found = this.attempt(() => new DebugInfo(this.sections));
      this.debugInfo = found && found.units().length > 0 ? found : null;
    }
    return this.debugInfo ?? undefined;
  }

  /** How callers' registers are restored; undefined if the file does not say. */
  frames(): FrameTable | undefined {
    if (this.frameTable === undefined)
      this.frameTable = this.attempt(() => new FrameTable(this.sections)) ?? null;
    return this.frameTable ?? undefined;
  }

  symbols(): SymbolTable {
    if (!this.symbolTable) {
      this.symbolTable = new SymbolTable();
      this.symbolTable.add(this.name, this.elf, this.place);
    }
    return this.symbolTable;
  }

  /** Is something of it loaded at that linear address? */
  holds(address: number): boolean {
    return this.elf.sections.some(s => {
      if (!(s.flags & SHF_ALLOC)) return false;
      const at = this.place(s);
      return at !== undefined && address >= at && address < at + s.size;
    });
  }

  private attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof GuestError)) throw error;
      this.problem ??= error.message;
      return undefined;
    }
  }
}

export class Images {
  /** What was booted, if it is an ELF file. */
  readonly main: Image | undefined;
  private readonly machine: Machine;
  private readonly session: Session | undefined;
  private readonly byElf = new Map<ElfFile, Image>();
  private modules: { of: readonly PlacedImage[] | undefined; images: Image[] } = {
    of: undefined,
    images: [],
  };
  private comm: { offset: number; length: number } | undefined;

  constructor(machine: Machine, main: DebugImage | undefined, session: Session | undefined) {
    this.machine = machine;
    this.main = main && new Image(main);
    this.session = session;
  }

  /** The main image, then the modules that are loaded now. */
  loaded(): Image[] {
    const of = this.session?.images();
    if (this.modules.of !== of) this.modules = { of, images: (of ?? []).map(image => new Image(image)) };
    return this.main ? [this.main, ...this.modules.images] : this.modules.images;
  }

  /** All that the running code may see: `loaded`, and its program. */
  visible(): Image[] {
    const program = this.program();
    return program ? [...this.loaded(), program] : this.loaded();
  }

  /** The image that is loaded at a linear address; of a process, below the kernel, that of `comm` or the current one. */
  at(address: number, comm?: string): Image | undefined {
    address >>>= 0;
    if (this.session && address < KERNEL_BASE) {
      const program = this.program(comm);
      return program?.holds(address) ? program : undefined;
    }
    return this.loaded().find(image => image.holds(address));
  }

  /** The program of the current task, or of one called `comm`. */
  program(comm = this.currentName()): Image | undefined {
    const found = comm ? this.session?.program(comm) : undefined;
    return found && this.cached(found);
  }

  /** Every program that the kernel was given, running or not. */
  programs(): Image[] {
    const names = this.session?.programs() ?? [];
    return names.map(name => this.program(name.slice(0, 15))).filter(image => image !== undefined);
  }

  /** Modules that the kernel was given and has not loaded: which lines have code is known, but not where. */
  unloaded(): Image[] {
    const loaded = this.session?.images() ?? [];
    const left = (this.session?.objects() ?? []).filter(o => !loaded.some(image => image.name === o.name));
    return left.map(({ name, elf }) =>
      this.cached({ name, elf, place: s => elf.sections.indexOf(s) * APART }),
    );
  }

  /** The name of the task that runs; empty before there is one. */
  private currentName(): string {
    const current = this.session?.symbols.address('current_task');
    const task = current === undefined ? 0 : this.machine.peek32(current | 0) >>> 0;
    if (task < KERNEL_BASE || task === 0xffff_ffff) return '';
    this.comm ??= this.nameOfTask();
    return this.session!.readString((task + this.comm.offset) | 0, this.comm.length);
  }

  /** Where a task_struct has its name. */
  private nameOfTask(): { offset: number; length: number } {
    const die = this.main?.info()?.typesNamed('struct task_struct')[0];
    const type = die && resolve(typeAt(die));
    const comm = type?.kind === 'struct' ? type.members.find(m => m.name === 'comm') : undefined;
    const array = comm && resolve(comm.type);
    return { offset: comm?.offset ?? 0, length: array?.kind === 'array' ? (array.count ?? 0) : 0 };
  }

  private cached(image: DebugImage): Image {
    let found = this.byElf.get(image.elf);
    if (!found) this.byElf.set(image.elf, (found = new Image(image)));
    return found;
  }
}
