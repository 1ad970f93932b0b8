/**
 * Our kernel on a machine, with everything that a host tool wants to know of it: symbols of kernel, loaded modules
 * and programs, the code regions, the modules that are loaded now. Modules are learnt from the kernel's own list
 * (kernel/include/linux/module.h) when it calls the empty function module_event(), at no cost in guest cycles.
 */
import { readFileSync } from 'node:fs';
import { Machine, type MachineOptions } from '../emu/machine.ts';
import { artefact, type GuestBuild } from './build.ts';
import { type ElfFile, ET_EXEC, ET_REL, readElf } from './elf.ts';
import { GuestError } from './error.ts';
import { loadMultiboot } from './multiboot.ts';
import { RegionMap } from './regions.ts';
import { type SectionPlace, SymbolTable } from './symbols.ts';

export interface SessionOptions extends MachineOptions {
  build: GuestBuild;
  /** Kernel command line, without the image's name. */
  commandLine: string;
  /** Multiboot modules: artefact name, then arguments. */
  modules: readonly string[];
}

/** One entry of the kernel's module list. Addresses are linear, unsigned. */
export interface LoadedModule {
  name: string;
  textStart: number;
  textEnd: number;
  base: number;
  size: number;
  /** 0: runs in the kernel. */
  domain: number;
}

/** A module's file and where its sections lie: for its debug information. */
export interface PlacedImage {
  name: string;
  elf: ElfFile;
  place: SectionPlace;
}

// Offsets in struct module; its _Static_asserts keep them.
const NAME = 4;
const NAME_LENGTH = 28;
const TEXT_START = 32;
const TEXT_END = 36;
const BASE = 40;
const SIZE = 44;
const DOMAIN = 48;
const SECTION_ADDRESSES = 56;
const SECTION_COUNT = 60;
const MAX_MODULES = 256;
/** Characters of a task's name (kernel/include/linux/sched.h). */
const MAX_COMM = 15;

const KERNEL = 'kernel.elf';

/** What came and went since the list was read last; `live`: the guest is doing it, and stands in module_event(). */
export type ModuleChange = (
  loaded: readonly LoadedModule[],
  gone: readonly LoadedModule[],
  live: boolean,
) => void;

export class Session {
  readonly machine: Machine;
  readonly symbols = new SymbolTable();
  readonly kernel: ElfFile;
  readonly regions: RegionMap;
  /** The kernel's command line and modules as given. */
  readonly options: SessionOptions;
  private readonly files = new Map<string, ElfFile>();
  private loaded: LoadedModule[] = [];
  private placed: PlacedImage[] = [];
  private readonly listeners = new Set<ModuleChange>();

  /** Builds the machine and loads the images; nothing has run yet. Throws a GuestError if something does not fit. */
  constructor(options: SessionOptions) {
    this.options = options;
    this.machine = new Machine(options);
    const read = (name: string) => new Uint8Array(readFileSync(artefact(options.build, name)));
    const bytes = read(KERNEL);
    this.kernel = readElf(bytes, KERNEL);
    this.symbols.add(KERNEL, this.kernel);
    this.regions = new RegionMap(this.kernel);
    const modules = options.modules.map(commandLine => {
      const name = commandLine.split(' ', 1)[0];
      const image = read(name);
      this.files.set(name, readElf(image, name));
      return { commandLine, bytes: image };
    });
    const commandLine = `${KERNEL} ${options.commandLine}`;
    this.machine.setEntry(loadMultiboot(this.machine, { name: KERNEL, bytes, commandLine, modules }));
    this.machine.setRegions(lin => this.regions.regionOf(lin));
    this.machine.engine.addHook(this.address('module_event'), () => this.readModules(true));
  }

  /** Linear address of a symbol. Throws a GuestError if nothing loaded has it. */
  address(name: string): number {
    const address = this.symbols.address(name);
    if (address === undefined) throw new GuestError(`no symbol ${name}`);
    return address;
  }

  /** The unsigned dword at a symbol (plus an offset in bytes). */
  read(name: string, offset = 0): number {
    return this.machine.peek32(this.address(name) + offset);
  }

  /** The bytes at a symbol; unmapped ones read 0. */
  readBytes(name: string, length: number): Uint8Array {
    const at = this.address(name);
    return Uint8Array.from({ length }, (_, n) => Math.max(0, this.machine.peek8((at + n) | 0)));
  }

  /** Modules that are loaded now, newest first. */
  modules(): readonly LoadedModule[] {
    return this.loaded;
  }

  /** The files of the modules that are loaded now. */
  images(): readonly PlacedImage[] {
    return this.placed;
  }

  /** The file of a program by what its process is called: the name, cut by the kernel to 15 characters. */
  program(comm: string): { name: string; elf: ElfFile } | undefined {
    for (const [name, elf] of this.files)
      if (elf.type === ET_EXEC && name.slice(0, MAX_COMM) === comm) return { name, elf };
    return undefined;
  }

  /** Names of all programs that the kernel was given. */
  programs(): string[] {
    return [...this.files].filter(([, elf]) => elf.type === ET_EXEC).map(([name]) => name);
  }

  /** The files of all modules that the kernel was given, loaded or not. */
  objects(): { name: string; elf: ElfFile }[] {
    return [...this.files].filter(([, elf]) => elf.type === ET_REL).map(([name, elf]) => ({ name, elf }));
  }

  /** A boot module's file, by the artefact's name; undefined if it was not booted with. */
  file(name: string): ElfFile | undefined {
    return this.files.get(name);
  }

  /** Tells `listener` of modules that come and go; returns what ends it. */
  onModules(listener: ModuleChange): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Reads the kernel's module list again, as after a snapshot was loaded. */
  refreshModules(): void {
    this.readModules(false);
  }

  /** Bounded, whatever the guest made of the list. */
  private readModules(live: boolean): void {
    const before = this.loaded;
    for (const m of this.loaded) this.symbols.remove(`${m.name}.ko`);
    this.loaded = [];
    this.placed = [];
    let at = this.read('module_list');
    while (at > 0 && this.loaded.length < MAX_MODULES) {
      const module = this.readModule(at);
      this.loaded.push(module);
      this.addSymbols(module, at);
      at = this.machine.peek32(at);
    }
    this.regions.setDrivers(this.loaded.map(m => ({ start: m.textStart, end: m.textEnd })));
    this.machine.engine.blocks.review();
    const without = (list: readonly LoadedModule[], other: readonly LoadedModule[]) =>
      list.filter(m => !other.some(o => o.name === m.name && o.base === m.base));
    const [loaded, gone] = [without(this.loaded, before), without(before, this.loaded)];
    for (const tell of this.listeners) tell(loaded, gone, live);
  }

  private readModule(at: number): LoadedModule {
    const field = (offset: number) => this.machine.peek32(at + offset);
    return {
      name: this.readString(at + NAME, NAME_LENGTH),
      textStart: field(TEXT_START),
      textEnd: field(TEXT_END),
      base: field(BASE),
      size: field(SIZE),
      domain: field(DOMAIN),
    };
  }

  private addSymbols(module: LoadedModule, at: number): void {
    const elf = this.files.get(`${module.name}.ko`);
    const table = this.machine.peek32(at + SECTION_ADDRESSES);
    const count = this.machine.peek32(at + SECTION_COUNT);
    if (!elf || table <= 0 || count !== elf.sections.length) return;
    const name = `${module.name}.ko`;
    const addresses = elf.sections.map((_, n) => this.machine.peek32(table + 4 * n));
    const place: SectionPlace = section => {
      const address = addresses[elf.sections.indexOf(section)];
      return address > 0 ? address : undefined;
    };
    this.symbols.add(name, elf, place);
    this.placed.push({ name, elf, place });
  }

  /** A NUL-terminated string of at most `length` bytes of guest memory. */
  readString(at: number, length: number): string {
    let text = '';
    for (let n = 0; n < length; n++) {
      const byte = this.machine.peek8(at + n);
      if (byte <= 0) break;
      text += String.fromCharCode(byte);
    }
    return text;
  }
}
