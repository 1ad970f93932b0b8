/**
 * One run of a speed benchmark of bench/guest/ on a fresh machine. The guest says on its serial port and on port 0xE9
 * when its timed part begins and what came out: the host's time and the retired instructions are taken between those two
 * lines. The port is heard here, for a UART takes its time.
 */
import type { EngineKind } from '../../emu/board.ts';
import { Machine } from '../../emu/machine.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

/** The R with which only the line of the result begins: the guest waits for the UART before each letter that follows. */
const FIRST_OF_RESULT = 0x52;
/** RAM in bytes: what the benchmarks ask for. */
const MEMORY = 64 << 20;
/** Cycles between two looks at the clock on the wall and at the progress bar. */
const SLICE = 50_000_000;
/** No benchmark takes longer; a guest that lost its way ends here. */
const LIMIT = 1e12;

export interface GuestRun {
  /** As the guest prints it: eight hexadecimal digits. */
  checksum: string;
  /** Guest instructions and host seconds from BEGIN to RESULT. */
  instructions: number;
  seconds: number;
  /** Of them, for making compiled code; V8 makes better code of it beside the run. */
  compiling: number;
  /** The machine as the guest left it. */
  machine: Machine;
}

export interface GuestWatch {
  /** Milliseconds; the host's clock when absent. */
  now?: () => number;
  /** Called before anything runs. */
  prepare?: (machine: Machine) => void;
  /** The timed part is over. */
  onDone?: () => void;
  /** Gets each line that the guest prints. */
  onLine?: (line: string) => void;
}

/** Runs a benchmark to its end. Throws an Error if it does not end as it should. */
export function runGuest(
  name: string,
  bytes: Uint8Array,
  profile: Profile,
  engine: EngineKind = 'compiled',
  { now = () => performance.now(), prepare, onDone, onLine }: GuestWatch = {},
): GuestRun {
  let line = '';
  let checksum = '';
  let begin = { at: 0, instructions: 0, compiling: 0 };
  let end = begin;
  const mark = () => {
    const { cpu, engine } = machine;
    const instructions = cpu.instructions + cpu.retiredInBlock();
    return { at: now(), instructions, compiling: engine.jit?.milliseconds ?? 0 };
  };
  const onE9 = (byte: number) => {
    if (line === '' && byte === FIRST_OF_RESULT) {
      end = mark();
      onDone?.();
    }
    if (byte !== 0x0a) {
      line += String.fromCharCode(byte);
      return;
    }
    const [what, who, value] = line.split(' ');
    if (what === 'BEGIN' && who === name) begin = mark();
    if (what === 'RESULT' && who === name) checksum = value;
    onLine?.(line);
    line = '';
  };
  const machine = new Machine({ profile, memoryBytes: MEMORY, engine, now, onE9 });
  machine.setEntry(loadMultiboot(machine, { name, bytes, commandLine: name, modules: [] }));
  prepare?.(machine);
  let result = machine.run(SLICE);
  while (result.reason === 'limit' && machine.cycles() < LIMIT)
    result = machine.run(machine.cycles() + SLICE);
  if (result.reason !== 'exit' || result.code !== 0 || checksum === '')
    throw new Error(`${name} ended by ${result.reason} without a result`);
  return {
    checksum,
    instructions: end.instructions - begin.instructions,
    seconds: (end.at - begin.at) / 1000,
    compiling: (end.compiling - begin.compiling) / 1000,
    machine,
  };
}
