/** What `nooks86 run` needs of a machine; emu/machine.ts gives it, tests give their own. */
import type { EngineKind } from '../emu/board.ts';
import type { BlockBackend } from '../emu/devices/ide/block.ts';
import type { LinuxRegisters } from '../guest/linux.ts';
import type { MpBoard } from '../guest/mp-table.ts';
import type { BootRegisters, LoadTarget } from '../guest/multiboot.ts';

export interface MachineOptions {
  /** Name of a machine profile (`p4-1700`). */
  profile: string;
  /** Bytes of RAM, whole MiB. */
  memoryBytes: number;
  engine?: EngineKind;
  /** Gets every byte that the guest sends on COM1. */
  onSerial(byte: number): void;
  /** Gets a line for what the guest asked for that is not there. */
  onNotice(text: string): void;
  /** Where to write the frames on the wire, as pcap; nowhere when absent. */
  pcap?: string;
  /** A host at the far end of the first card's wire (bench/farend/station.ts); nobody when absent. */
  farEnd?: boolean;
  /** Firmware: the machine starts at its reset vector. */
  bios?: Uint8Array;
  /** ATA disks, at most four. */
  disks?: readonly BlockBackend[];
  /** Gets every byte written to the debug console, port E9. */
  onE9?(byte: number): void;
  /** Gets every byte written to `postPort`. */
  onPost?(byte: number): void;
  postPort?: number;
}

/** Why a run ended: exit port written, triple fault, HLT with interrupts off, or the cycle limit reached. */
export type RunEnd =
  | { reason: 'exit'; code: number }
  | { reason: 'triple-fault' }
  | { reason: 'halted' }
  | { reason: 'limit' };

export interface RunMachine extends LoadTarget {
  /** What the firmware's tables say of it; without, there are none. */
  readonly board?: MpBoard;
  /** Programs the ROM, as a loader of firmware does; the machine must have one. */
  writeFirmware(physical: number, bytes: Uint8Array): void;
  /** Sets the registers of a Multiboot or Linux start: flat 32-bit protected mode. */
  setEntry(registers: BootRegisters | LinuxRegisters): void;
  /** Presses keys one after another (`a`, `shift+a`, `enter`) after so many milliseconds of guest time. */
  pressKeys(chords: readonly string[], after: number): void;
  /** The VGA's screen, a line a row; undefined in a graphics mode. */
  screen(): string[] | undefined;
  /** Runs until something ends it, at the latest when the clock reaches `untilCycle` cycles since reset. */
  run(untilCycle: number): RunEnd;
  /** Whole cycles since reset. */
  cycles(): number;
  /** Linear address of the current instruction. */
  instructionPointer(): number;
  /** Registers to show when a run ends badly: name and unsigned value. */
  registers(): [name: string, value: number][];
  /** Flushes and closes what the run wrote (the pcap file). */
  close(): void;
}

export type MachineFactory = (options: MachineOptions) => RunMachine | Promise<RunMachine>;
