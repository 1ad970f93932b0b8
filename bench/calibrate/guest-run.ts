/**
 * One run of a calibration program on a fresh machine: its lines `x cycles operations` below `CURVE name`, by curve. The
 * numbers are the guest's own, by RDTSC; nothing here looks at the machine's clock.
 */

import type { EngineKind } from '../../emu/board.ts';
import { Machine } from '../../emu/machine.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { GuestError } from '../../guest/error.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

/** RAM in bytes: the programs map the first 64 MiB. */
const MEMORY = 64 << 20;
/** Guest seconds after which a program has lost its way. */
const PATIENCE = 60;
const MAX_LINE = 100;

/** One measurement: `operations` took `cycles` together, at `x` of the curve's abscissa. */
export interface Sample {
  x: number;
  cycles: number;
  operations: number;
}

/** Runs a program to its end. Throws a GuestError if it does not end as it should. */
export function runCalibration(
  name: string,
  bytes: Uint8Array,
  profile: Profile,
  engine?: EngineKind,
): Map<string, Sample[]> {
  const curves = new Map<string, Sample[]>();
  let line = '';
  let ended = false;
  let samples: Sample[] | null = null;
  const finish = () => {
    if (line === 'END') ended = true;
    else if (line.startsWith('CURVE ')) {
      samples = [];
      curves.set(line.slice(6), samples);
    } else {
      const m = /^(\d+) (\d+) (\d+)$/.exec(line);
      if (!m || !samples || Number(m[3]) === 0)
        throw new GuestError(`${name} printed what is no measurement: ${line}`);
      // A difference of two counters may be just below 0.
      samples.push({ x: Number(m[1]), cycles: Number(m[2]) | 0, operations: Number(m[3]) });
    }
  };
  const machine = new Machine({
    profile,
    engine,
    memoryBytes: MEMORY,
    onSerial: byte => {
      if (byte !== 0x0a) {
        if (line.length < MAX_LINE) line += String.fromCharCode(byte);
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
