/** What `nooks86 run` needs of a machine; emu/machine.ts gives it, tests give their own. */
import type { MpBoard } from '../guest/mp-table.ts';
import type { BootRegisters, LoadTarget } from '../guest/multiboot.ts';

export interface MachineOptions {
  /** Name of a machine profile (`p4-1700`). */
  profile: string;
  /** Bytes of RAM, whole MiB. */
  memoryBytes: number;
  /** Gets every byte that the guest sends on COM1. */
  onSerial(byte: number): void;
  /** Gets a line for what the guest asked for that is not there. */
  onNotice(text: string): void;
  /** Where to write the frames on the wire, as pcap; nowhere when absent. */
  pcap?: string;
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
  /** Sets the registers of a Multiboot start: flat 32-bit protected mode. */
  setEntry(registers: BootRegisters): void;
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
