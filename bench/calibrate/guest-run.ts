/**
 * One run of a calibration program on a fresh machine: its `CAL curve x cycles operations` lines, by curve. The
 * numbers are the guest's own, by RDTSC; nothing here looks at the machine's clock.
 */
import { Machine } from '../../emu/machine.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { GuestError } from '../../guest/error.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

/** RAM in bytes: the programs map the first 64 MiB. */
const MEMORY = 64 << 20;
/** Guest seconds after which a program has lost its way. */
const PATIENCE = 60;

/** One measurement: `operations` took `cycles` together, at `x` of the curve's abscissa. */
export interface Sample {
  x: number;
  cycles: number;
  operations: number;
}

/** Runs a program to its end. Throws a GuestError if it does not end as it should. */
export function runCalibration(name: string, bytes: Uint8Array, profile: Profile): Map<string, Sample[]> {
  const curves = new Map<string, Sample[]>();
  let line = '';
  let ended = false;
  const finish = () => {
    const words = line.split(' ');
    if (line === 'END') ended = true;
    if (words[0] !== 'CAL') return;
    const [x, cycles, operations] = words.slice(2).map(Number);
    if (words.length !== 5 || !Number.isSafeInteger(x) || !(operations > 0))
      throw new GuestError(`${name} printed a line that is no measurement: ${line}`);
    // The guest's difference of two counters may be below 0 by rounding.
    const samples = curves.get(words[1]) ?? [];
    curves.set(words[1], [...samples, { x, cycles: cycles | 0, operations }]);
  };
  const machine = new Machine({
    profile,
    memoryBytes: MEMORY,
    onSerial: byte => {
      if (byte !== 0x0a) {
        line += String.fromCharCode(byte);
        return;
      }
      finish();
      line = '';
    },
  });
  machine.setEntry(loadMultiboot(machine, { name, bytes, commandLine: name, modules: [] }));
  const end = machine.run(PATIENCE * profile.clockHz.value);
  if (end.reason !== 'exit' || end.code !== 0 || !ended)
    throw new GuestError(`the calibration program ${name} ended by ${end.reason} without all its results`);
  return curves;
}
