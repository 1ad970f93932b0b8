/**
 * A whole PC, and the host's handle on it: running and stepping, RAM from outside, the state at entry, snapshots.
 * Its parts are put together in board.ts. Nothing here knows what runs on the machine.
 */
import type { Accounting } from './accounting.ts';
import { Board, type BoardOptions, type Card, type ResetKind } from './board.ts';
import { Checkpoint } from './checkpoint.ts';
import { type Clock, TICKS_PER_CYCLE } from './clock.ts';
import type { Cpu } from './cpu/cpu.ts';
import type { Engine, StopReason } from './cpu/engine.ts';
import type { I8042 } from './devices/i8042.ts';
import type { Ide } from './devices/ide/ide.ts';
import type { Pci } from './devices/pci.ts';
import type { Pic } from './devices/pic.ts';
import type { Pit } from './devices/pit.ts';
import type { PortSpace } from './devices/port-space.ts';
import type { Rtc } from './devices/rtc.ts';
import type { Uart } from './devices/uart.ts';
import type { Vga } from './devices/vga.ts';
import type { VgaText } from './devices/vga-text.ts';
import type { Interrupts } from './interrupts.ts';
import { checkProfile, type Profile } from './profile/profile.ts';
import { RAM_OFFSET, type State } from './state.ts';

export interface MachineOptions extends BoardOptions {
  /** The guest pulled a reset line. Without firmware the run ends, whatever the callback does. */
  onReset?: (kind: ResetKind) => void;
  /** A clock of the host, in milliseconds, to say what compilation takes (Jit.milliseconds); the guest never sees it. */
  now?: () => number;
}

/** How a run ended. */
export type RunResult = { reason: 'exit'; code: number } | { reason: StopReason };

/** What a boot loader leaves in the registers. */
export interface EntryState {
  eip: number;
  eax: number;
  ebx: number;
  esi?: number;
  /** A flat GDT in RAM, and the selectors of its code and data; without it the descriptors are in no table. */
  gdt?: { base: number; limit: number; code: number; data: number };
}

/** What a snapshot holds beside the state memory. */
export interface SnapshotParts {
  events: number[];
  accounting: number[];
  engine: unknown;
  devices: unknown[];
  /** What the UART still held was given to the host: the machine has ended. */
  drained: boolean;
}

export interface Snapshot extends SnapshotParts {
  memory: Uint8Array;
}

/** Numbers of registers, and attributes of flat 32-bit segments (the second dword of their descriptors). */
const CS = 1;
const ESI = 6;
const FLAT_CODE = 0xcf9b00;
const FLAT_DATA = 0xcf9300;
/** Bits of mmu.dirty: for checkpoint() and for Increments (increments.ts). */
const DIRTY_CHECKPOINT = 1;
export const DIRTY_INCREMENT = 2;

export class Machine {
  readonly profile: Profile;
  readonly state: State;
  readonly accounting: Accounting;
  readonly clock: Clock;
  readonly cpu: Cpu;
  readonly engine: Engine;
  readonly space: PortSpace;
  readonly interrupts: Interrupts;
  readonly pic: Pic;
  readonly pit: Pit;
  readonly uart: Uart;
  readonly keyboardController: I8042;
  readonly vga: Vga;
  readonly rtc: Rtc;
  readonly pci: Pci;
  readonly ide: Ide;
  readonly screen: VgaText;
  readonly cards: readonly Card[];
  private readonly board: Board;
  private readonly ram: Uint8Array;
  /** The state below RAM. */
  private readonly low: Uint8Array;
  private readonly onSerial: (byte: number) => void;
  private resetWanted: ResetKind | null = null;
  private exitCode = -1;
  private drained = false;
  /** The pages that mmu.dirty tells of were written since this one was taken or gone back to. */
  private base: Checkpoint | null = null;

  constructor(options: MachineOptions) {
    checkProfile(options.profile);
    const board = new Board(options, {
      onReset: kind => {
        options.onReset?.(kind);
        if (board.rom) this.resetWanted = kind;
        else this.cpu.shutdown = true;
        this.engine.stop();
      },
      onExit: code => {
        this.exitCode = code;
        this.engine.stop();
      },
    });
    this.board = board;
    if (options.now && board.processor.engine.jit) board.processor.engine.jit.now = options.now;
    this.profile = options.profile;
    this.onSerial = options.onSerial ?? (() => {});
    const { processor } = board;
    this.state = processor.state;
    this.accounting = processor.accounting;
    this.clock = processor.clock;
    this.cpu = processor.cpu;
    this.engine = processor.engine;
    this.space = board.space;
    this.interrupts = board.interrupts;
    this.pic = board.interrupts.pic;
    this.pit = board.pit;
    this.uart = board.uart;
    this.keyboardController = board.keyboardController;
    this.vga = board.vga;
    this.rtc = board.rtc;
    this.pci = board.pci;
    this.ide = board.ide;
    this.screen = board.screen;
    this.cards = board.cards;
    this.ram = this.state.ram8();
    this.low = new Uint8Array(this.state.memory.buffer, 0, this.state.used);
  }

  // ---- running ---------------------------------------------------------------------------------------------------

  /** Runs until the clock reaches `cycles`, or an earlier end. */
  run(cycles: number): RunResult {
    let reason = this.engine.run(cycles * TICKS_PER_CYCLE);
    while (this.resetIfWanted()) reason = this.engine.run(cycles * TICKS_PER_CYCLE);
    return this.result(reason);
  }

  /** One instruction, or one delivery of an interrupt or fault; while halted, until the clock reaches `cycles`. */
  step(cycles = Number.POSITIVE_INFINITY): RunResult {
    const reason = this.engine.step(cycles * TICKS_PER_CYCLE);
    this.resetIfWanted();
    return this.result(reason);
  }

  /** Time since reset in cycles: exact quarters. */
  cycles(): number {
    return this.clock.now() / TICKS_PER_CYCLE;
  }

  /** Seconds of guest time since reset. */
  seconds(): number {
    return this.clock.now() / this.clock.ticksPerSecond;
  }

  /** What a guest with firmware pulled takes effect here, between two instructions. */
  private resetIfWanted(): boolean {
    const kind = this.resetWanted;
    if (kind === null) return false;
    this.resetWanted = null;
    this.board.reset(kind);
    return true;
  }

  private result(reason: StopReason): RunResult {
    if (reason === 'triple-fault' || reason === 'halted' || this.exitCode >= 0) this.drainSerial();
    if (reason !== 'stopped' || this.exitCode < 0) return { reason };
    const code = this.exitCode;
    this.exitCode = -1;
    return { reason: 'exit', code };
  }

  /** A guest that ends may leave characters in the UART that have not gone out yet: the host gets them. */
  private drainSerial(): void {
    if (this.drained) return;
    this.drained = true;
    const { shifting, holding } = this.uart.save();
    if (shifting >= 0) this.onSerial(shifting & 0xff);
    for (const character of holding) this.onSerial(character & 0xff);
  }

  // ---- the host's hand in the machine -----------------------------------------------------------------------------

  get ramSize(): number {
    return this.state.ramSize;
  }

  /** Writes RAM behind the CPU's back, as a loader does; bytes outside RAM throw a RangeError. */
  writePhysical(pa: number, bytes: Uint8Array): void {
    this.checkRange(pa, bytes.length);
    this.ram.set(bytes, pa);
    this.engine.ramChanged(pa, bytes.length);
  }

  /** Programs the ROM below 1 MiB. Throws a RangeError where there is none. */
  writeFirmware(pa: number, bytes: Uint8Array): void {
    if (!this.board.rom) throw new RangeError('this machine has no ROM');
    this.board.rom.program(pa, bytes);
  }

  /** A copy of RAM; changes nothing. */
  readPhysical(pa: number, length: number): Uint8Array {
    this.checkRange(pa, length);
    return this.ram.slice(pa, pa + length);
  }

  /** The byte at a linear address by the page tables in RAM (or in video memory), or -1; changes nothing. */
  peek8(lin: number): number {
    const pa = this.cpu.mmu.peekTranslate(lin);
    return pa >= 0 && pa < this.ramSize ? this.cpu.mmu.codeByte(pa) : -1;
  }

  /** The dword at a linear address, unsigned, or -1 where a byte of it is not mapped to RAM. */
  peek32(lin: number): number {
    let v = 0;
    for (let n = 3; n >= 0; n--) {
      const byte = this.peek8((lin + n) | 0);
      if (byte < 0) return -1;
      v = v * 256 + byte;
    }
    return v;
  }

  /** The devices that a BIOS expects to set up itself come to their state after power-on, not after a BIOS. */
  powerOnIsa(): void {
    this.board.powerOnIsa();
  }

  setEntry(entry: EntryState): void {
    this.cpu.eip = entry.eip;
    this.cpu.r32[0] = entry.eax;
    this.cpu.r32[3] = entry.ebx;
    this.cpu.r32[ESI] = entry.esi ?? 0;
    if (!entry.gdt) return;
    const { base, limit, code, data } = entry.gdt;
    this.cpu.setGdt(base, limit);
    for (let s = 0; s < 6; s++)
      this.cpu.setSegment(s, s === CS ? code : data, 0, 0xffff_ffff, s === CS ? FLAT_CODE : FLAT_DATA);
  }

  /** Says which region the code at a linear address belongs to: 0–15, or -1 for the region that called it. Again when the answers change. */
  setRegions(regionOf: (lin: number) => number): void {
    this.engine.blocks.regionOf = regionOf;
    this.engine.blocks.review();
  }

  snapshot(): Snapshot {
    const memory = new Uint8Array(this.state.memory.buffer).slice(0, RAM_OFFSET + this.ramSize);
    // Scratch areas are no state.
    memory.fill(0, this.state.used, RAM_OFFSET);
    return { memory, ...this.saveParts() };
  }

  saveParts(): SnapshotParts {
    return {
      events: this.clock.save(),
      accounting: this.accounting.save(),
      engine: this.engine.save(),
      devices: this.board.devices.map(d => d.save()),
      drained: this.drained,
    };
  }

  restore(snapshot: Snapshot): void {
    this.base = null;
    const memory = new Uint8Array(this.state.memory.buffer);
    memory.set(snapshot.memory.subarray(0, this.state.used));
    memory.set(snapshot.memory.subarray(RAM_OFFSET), RAM_OFFSET);
    this.cpu.mmu.markDirty(0, this.ramSize);
    this.loadParts(snapshot);
  }

  /** A checkpoint; from here on the pages that are written are known, so that revert() copies no others. */
  checkpoint(): Checkpoint {
    this.base = new Checkpoint(this.low, this.ram, this.saveParts());
    this.cpu.mmu.forgetDirty(DIRTY_CHECKPOINT);
    return this.base;
  }

  /**
   * Restores a checkpoint. Of the newest one (taken or gone back to) only what was written since is copied, and the
   * decoded and compiled code of other pages is kept. Returns the bytes of the state memory that were copied.
   */
  revert(checkpoint: Checkpoint): number {
    const { mmu } = this.cpu;
    const pages = checkpoint === this.base ? mmu.dirtyPages(DIRTY_CHECKPOINT) : undefined;
    const bytes = checkpoint.copyTo(this.low, this.ram, pages);
    // Others see these pages change.
    if (pages) for (const page of pages) mmu.dirty[page] = 255;
    else mmu.markDirty(0, this.ramSize);
    this.loadParts(checkpoint.parts, pages);
    mmu.forgetDirty(DIRTY_CHECKPOINT);
    this.base = checkpoint;
    return bytes;
  }

  /**
   * Everything but the state memory, which was copied back. `stale`: the pages of RAM that the copying may have changed;
   * default all.
   */
  loadParts(snapshot: SnapshotParts, stale?: readonly number[]): void {
    this.accounting.load(snapshot.accounting);
    this.engine.load(snapshot.engine, stale);
    this.board.devices.forEach((d, n) => {
      d.load(snapshot.devices[n]);
    });
    this.clock.load(snapshot.events);
    this.drained = snapshot.drained;
  }

  private checkRange(pa: number, length: number): void {
    if (!(pa >= 0 && pa + length <= this.ramSize)) throw new RangeError(`0x${pa.toString(16)}: not RAM`);
  }
}
