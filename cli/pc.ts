/** The emulated PC as `nooks86 run` sees it: emu/machine.ts behind the interface of cli/machine.ts. */
import { Echo } from '../bench/farend/echo.ts';
import { PcapFile } from '../bench/farend/pcap.ts';
import { Station } from '../bench/farend/station.ts';
import { withFigures } from '../bench/sensitivity.ts';
import { Machine } from '../emu/machine.ts';
import { profiles } from '../emu/profile/index.ts';
import type { Profile } from '../emu/profile/profile.ts';
import { boardOf } from '../guest/mp-table.ts';
import { UsageError } from './context.ts';
import type { MachineOptions, RunEnd, RunMachine } from './machine.ts';

/** The card whose wire is captured, and has somebody at its far end. */
const CARD = 0;
const FAR_SIDE = 1;
const ECHO_PORT = 7;

/** Builds a PC. Throws a UsageError for an unknown profile, or a file or an amount of RAM that cannot be had. */
export function createPc(options: MachineOptions): RunMachine {
  const profile = findProfile(options.profile);
  const machine = allocate(() => new Machine({ ...options, profile }), options.memoryBytes);
  if (options.farEnd) new Echo(new Station(machine.clock, machine.cards[CARD].wire, FAR_SIDE), ECHO_PORT);
  const capture = options.pcap === undefined ? undefined : openCapture(options.pcap, machine);

  return {
    ramSize: machine.ramSize,
    board: boardOf(machine),
    writePhysical: (physical, bytes) => machine.writePhysical(physical, bytes),
    writeFirmware: (physical, bytes) => machine.writeFirmware(physical, bytes),
    pressKeys: (chords, after) => {
      const at = Math.round((after / 1000) * machine.clock.ticksPerSecond);
      machine.keyboardController.keyboard.pressKeys(chords, at);
    },
    screen: () => (machine.screen.isText() ? machine.screen.screen() : undefined),
    setEntry: registers => machine.setEntry(registers),
    run(untilCycle) {
      const end = machine.run(untilCycle);
      // Nothing but the exit port and a reset stops the engine.
      return end.reason === 'stopped' ? { reason: 'triple-fault' } : (end as RunEnd);
    },
    cycles: () => Math.floor(machine.cycles()),
    instructionPointer: () => (machine.cpu.segmentBase(CS) + machine.cpu.eip) >>> 0,
    registers: () => registersOf(machine),
    close: () => capture?.close(),
  };
}

/** The profile of that name. Throws a UsageError that lists them all. */
export function findProfile(name: string): Profile {
  if (Object.hasOwn(profiles, name)) return profiles[name];
  throw new UsageError(`unknown profile ${name}; there are: ${Object.keys(profiles).join(', ')}`);
}

/** The profile with other values for some figures. Throws a UsageError for what no machine can be built with. */
export function varied(profile: Profile, values: ReadonlyMap<string, number>): Profile {
  if (values.size === 0) return profile;
  try {
    const changed = withFigures(profile, values);
    new Machine({ profile: changed, memoryBytes: 1 << 20 });
    return changed;
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Number of CS in the order of the instruction encoding. */
const CS = 1;
const GENERAL = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'];

function registersOf({ cpu }: Machine): [string, number][] {
  return [
    ['eip', cpu.eip],
    ['efl', cpu.eflags],
    ['cr0', cpu.cr0],
    ['cr2', cpu.cr2],
    ['cr3', cpu.cr3],
    ['cr4', cpu.cr4],
    ...GENERAL.map((name, i): [string, number] => [name, cpu.r32[i]]),
  ];
}

export function allocate<T>(make: () => T, bytes: number): T {
  try {
    return make();
  } catch (error) {
    // What WebAssembly.Memory throws when the host has not so much.
    if (error instanceof RangeError && /memory/i.test(error.message)) {
      throw new UsageError(`cannot have ${bytes >> 20} MiB of memory: ${error.message}`);
    }
    throw error;
  }
}

function openCapture(path: string, machine: Machine): PcapFile {
  try {
    return new PcapFile(path, machine.cards[CARD].wire, machine.clock.ticksPerSecond);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
