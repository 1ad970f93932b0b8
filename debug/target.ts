/**
 * What is debugged: a machine with what is known of the code on it (symbols, source lines, regions), and memory as
 * a debugger reads it: by the page tables in RAM, past TLBs and caches, so that looking changes nothing.
 */
import type { Saved } from '../emu/bus.ts';
import type { Machine } from '../emu/machine.ts';
import type { LineRange, LineTable } from '../guest/lines.ts';
import { REGIONS } from '../guest/regions.ts';
import type { Session } from '../guest/session.ts';
import type { SymbolRange, SymbolTable } from '../guest/symbols.ts';
import { CommandError } from './error.ts';
import { type DebugImage, type Image, Images } from './images.ts';
import { setRegister, writableRegister } from './set-register.ts';
import { hex8 } from './text.ts';

/** State outside the machine that belongs to the run: it goes back with it. */
export interface HostState extends Saved {
  /** The past is replayed from here on (or no longer). */
  replaying?(on: boolean): void;
  /** The run goes another way from here. */
  forgetFuture?(): void;
}

/** What the debugger did to the guest. */
export type HostWrite =
  | { what: 'register'; name: string; value: number }
  /** A linear address, by the page tables of the moment. */
  | { what: 'memory'; address: number; bytes: Uint8Array };

export interface TargetParts {
  machine: Machine;
  symbols: SymbolTable;
  /** The image that was booted; absent when it is no ELF file. */
  image?: DebugImage;
  /** With our own kernel. */
  session?: Session;
  /** What else belongs to the run, like the far end of a wire. */
  hostStates?: readonly HostState[];
}

/** What the source level says of expressions at the place where the guest stands. */
export interface Expressions {
  /** A number's value, else where it lies; unsigned. */
  address(text: string): number;
  isLocal(name: string): boolean;
  /** Is it not 0, whatever frame is looked at? */
  condition(text: string): boolean;
}

export class Target {
  readonly machine: Machine;
  readonly symbols: SymbolTable;
  readonly session: Session | undefined;
  /** The files whose code may run, with their debug information. */
  readonly images: Images;
  /** Told before the debugger writes to the guest: the history keeps it. */
  onWrite: (write: HostWrite) => void = () => {};
  readonly hostStates: HostState[];
  /** C expressions, while there is a source level. All may throw a CommandError. */
  expressions: Expressions | undefined;

  constructor(parts: TargetParts) {
    this.machine = parts.machine;
    this.symbols = parts.symbols;
    this.session = parts.session;
    this.images = new Images(parts.machine, parts.image, parts.session);
    this.hostStates = [...(parts.hostStates ?? [])];
  }

  // ---- where the CPU is ---------------------------------------------------------------------------------------------

  /** Linear address of the next instruction (while the guest runs: of the one that is being done), unsigned. */
  pc(): number {
    return this.machine.engine.currentLin() >>> 0;
  }

  esp(): number {
    return this.machine.cpu.esp >>> 0;
  }

  paging(): boolean {
    return this.machine.cpu.cr0 < 0;
  }

  /** The image that was booted is an ELF file. */
  get symbolic(): boolean {
    return this.images.main !== undefined;
  }

  // ---- writing --------------------------------------------------------------------------------------------------------

  /**
   * Gives a register a value: eax to edi, eip, eflags, their 16- and 8-bit parts. Part of the run: what came later is
   * forgotten. Throws a CommandError.
   */
  writeRegister(name: string, value: number): void {
    if (!writableRegister(name)) throw new CommandError(`${name} cannot be written`);
    this.write({ what: 'register', name, value });
  }

  /** Writes RAM at a linear address, as it is mapped now. All or nothing; throws a CommandError. */
  writeMemory(address: number, bytes: Uint8Array): void {
    this.physicalOf(address, bytes.length);
    this.write({ what: 'memory', address: address >>> 0, bytes: bytes.slice() });
  }

  private write(write: HostWrite): void {
    this.onWrite(write);
    this.doWrite(write);
  }

  /** Does it, and tells nobody: for the history, which does it again. */
  doWrite(write: HostWrite): void {
    this.machine.engine.takeBack();
    if (write.what === 'register') setRegister(this.machine.cpu, write.name, write.value);
    else
      this.physicalOf(write.address, write.bytes.length).forEach((pa, n) => {
        this.machine.writePhysical(pa, write.bytes.subarray(n, n + 1));
      });
  }

  private physicalOf(address: number, length: number): number[] {
    return Array.from({ length }, (_, n) => {
      const pa = this.machine.cpu.mmu.peekTranslate((address + n) | 0);
      if (pa >= 0 && this.machine.cpu.mmu.isRam(pa)) return pa;
      throw new CommandError(`nothing to write at 0x${hex8((address + n) >>> 0)}`);
    });
  }

  // ---- names ---------------------------------------------------------------------------------------------------------

  /**
   * The address that symbols know for a linear one: the same, but before the kernel turns paging on, its code runs
   * at the physical addresses of its segments.
   */
  linked(lin: number): number {
    lin >>>= 0;
    if (this.paging() || this.symbols.lookup(lin)) return lin;
    const home = this.images.main?.elf.segments.find(
      s => lin >= s.physicalAddress && lin < s.physicalAddress + s.memorySize,
    );
    return home ? (lin - home.physicalAddress + home.virtualAddress) >>> 0 : lin;
  }

  /** The other way: where the image's byte that symbols know at `address` can be read now. */
  loaded(address: number): number {
    address >>>= 0;
    if (this.paging()) return address;
    const home = this.images.main?.elf.segments.find(
      s => address >= s.virtualAddress && address < s.virtualAddress + s.memorySize,
    );
    return home ? (address - home.virtualAddress + home.physicalAddress) >>> 0 : address;
  }

  /** `name+0x1f` (`[e1000.ko]` for a module, `[netsend]` for the program that runs), or undefined. */
  symbolAt(lin: number): string | undefined {
    const address = this.linked(lin);
    if (this.symbols.lookup(address)) return this.symbols.describe(address);
    const program = this.programAt(address);
    return program?.symbols().lookup(address) && `${program.symbols().describe(address)} [${program.name}]`;
  }

  /** The symbol that an address as linked lies in; of a program, the one that runs. */
  symbolHolding(address: number): SymbolRange | undefined {
    const found = this.symbols.lookup(address) ?? this.programAt(address)?.symbols().lookup(address);
    return found?.symbol;
  }

  private programAt(address: number): Image | undefined {
    const image = this.images.at(address);
    return image && image === this.images.program() ? image : undefined;
  }

  /** `c0100000 <name+0x1f>`. */
  describe(lin: number): string {
    const name = this.symbolAt(lin);
    return name ? `${hex8(lin)} <${name}>` : hex8(lin);
  }

  /** `file:line`, or only the file for code of no line (what the compiler made of several), or undefined. */
  sourceAt(lin: number): string | undefined {
    const address = this.linked(lin);
    const found = this.images.at(address)?.lines().lookup(address);
    return found && (found.line ? `${found.file}:${found.line}` : found.file);
  }

  /** Addresses where the code of a source line begins; in programs that do not run only if nothing else has it. */
  addressesOf(file: string, line: number): number[] {
    const of = (images: Image[]) => images.flatMap(image => image.lines().addresses(file, line));
    const found = of(this.images.visible());
    return found.length > 0 ? found : of(this.images.programs());
  }

  /** The stretch of code of one line that holds an address. */
  lineRange(lin: number): LineRange | undefined {
    const address = this.linked(lin);
    for (const table of this.tables()) {
      const found = table.range(address);
      if (found) return { ...found, from: found.from - address + lin, to: found.to - address + lin };
    }
    return undefined;
  }

  /** Does a statement begin exactly here? */
  isStatement(lin: number): boolean {
    const address = this.linked(lin);
    return this.tables().some(table => table.isStatement(address));
  }

  /** Where the body of the function [start, end) begins, behind what builds its frame; `start` where no lines are known. */
  bodyOf(start: number, end: number): number {
    for (const table of this.tables()) if (table.lookup(start)) return table.bodyOf(start, end);
    return start;
  }

  /** The first line from `line` on that has code. */
  nextLine(file: string, line: number): number | undefined {
    const found = this.tables().flatMap(table => table.nextLine(file, line) ?? []);
    return found.length ? Math.min(...found) : undefined;
  }

  /** Of what is loaded, then of programs that do not run. */
  private tables(): LineTable[] {
    return [...this.images.visible(), ...this.images.programs()].map(image => image.lines());
  }

  /** Name of the code region of an address; undefined where nobody tells regions apart. */
  regionAt(lin: number): string | undefined {
    if (!this.session) return undefined;
    const region = this.session.regions.regionOf(this.linked(lin));
    return region < 0 ? 'inherit' : REGIONS[region];
  }

  // ---- memory --------------------------------------------------------------------------------------------------------

  /** The byte at a linear or physical address, or -1 where there is no RAM to read. */
  byte(address: number, physical = false): number {
    if (!physical) return this.machine.peek8(address | 0);
    address >>>= 0;
    return address < this.machine.ramSize ? this.machine.cpu.mmu.ram8[address] : -1;
  }

  /** Little-endian, unsigned; -1 where a byte of it cannot be read. `size` is 1, 2 or 4 bytes. */
  value(address: number, size: number, physical = false): number {
    let v = 0;
    for (let n = size - 1; n >= 0; n--) {
      const byte = this.byte((address + n) >>> 0, physical);
      if (byte < 0) return -1;
      v = v * 256 + byte;
    }
    return v;
  }

  /** The same, or a CommandError. */
  read(address: number, size: number, physical = false): number {
    const v = this.value(address, size, physical);
    if (v < 0) throw new CommandError(`nothing to read at ${physical ? 'physical ' : ''}0x${hex8(address)}`);
    return v;
  }

  /** Up to `length` bytes from a linear or physical address, as far as they can be read. */
  bytes(address: number, length: number, physical = false): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let n = 0; n < length; n++) {
      const byte = this.byte((address + n) >>> 0, physical);
      if (byte < 0) return bytes.subarray(0, n);
      bytes[n] = byte;
    }
    return bytes;
  }
}
