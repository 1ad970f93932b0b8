/**
 * How fast the emulator is: the benchmarks of bench/guest/ on the whole model, in guest instructions of a host
 * second. Every run's checksum is held against the one that QEMU 7.2 gave for the same file (`fault`: see there).
 */
import { readFileSync } from 'node:fs';
import { Bench } from 'tinybench';
import type { EngineKind } from '../../emu/board.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { runGuest } from './guest-run.ts';

/** Iteration counts are divided by 2^SHIFT: a run takes a few seconds. */
export const SHIFT = 4;

interface Entry {
  name: string;
  /** At SHIFT. */
  checksum: string;
  /** Counts in the mean. */
  mean: boolean;
}

const ENTRIES: readonly Entry[] = [
  { name: 'alu', checksum: 'bb958c4c', mean: true },
  { name: 'mem', checksum: '766e35b7', mean: true },
  { name: 'call', checksum: '06634936', mean: true },
  { name: 'pgswitch', checksum: '9adee74c', mean: false },
  { name: 'trap', checksum: '07618162', mean: false },
  // The error codes of its page faults go into the sum. An instruction that reads and writes faults as a write
  // (SDM vol. 3, 4.7); QEMU reads first and reports a read, so its sum is 7196fe17.
  { name: 'fault', checksum: '30e35e82', mean: false },
];

export interface SpeedRow {
  name: string;
  instructions: number;
  /** Median of the runs, from BEGIN to RESULT. */
  seconds: number;
  /** Million guest instructions a second. */
  mips: number;
}

export interface SpeedReport {
  profile: string;
  shift: number;
  runs: number;
  rows: SpeedRow[];
  /** Geometric mean of alu, mem and call. */
  mean: number;
}

export interface SpeedOptions {
  profile: Profile;
  engine?: EngineKind;
  /** Runs of each benchmark, at least 1. */
  runs: number;
  /** Runs done, and all of them. */
  onProgress?: (done: number, total: number) => void;
}

/** Builds and runs the suite. Throws an Error for a wrong checksum. */
export async function measureSpeed(options: SpeedOptions): Promise<SpeedReport> {
  const build = await buildBenchGuests({ only: ENTRIES.map(e => e.name), shift: SHIFT });
  const images = new Map(
    ENTRIES.map(({ name }) => [name, readFileSync(artefact(build, `${name}.elf`))] as const),
  );
  const total = ENTRIES.length * options.runs;
  let done = 0;
  const instructions = new Map<string, number>();
  const bench = new Bench({ iterations: options.runs, time: 0, warmup: false, throws: true });
  const run = (entry: Entry, image: Uint8Array) => {
    const result = runGuest(entry.name, image, options.profile, options.engine, () => bench.now());
    if (result.checksum !== entry.checksum)
      throw new Error(`${entry.name} gives ${result.checksum} instead of ${entry.checksum}`);
    instructions.set(entry.name, result.instructions);
    options.onProgress?.(++done, total);
    return { overriddenDuration: result.seconds * 1000 };
  };
  options.onProgress?.(0, total);
  for (const entry of ENTRIES) {
    const image = images.get(entry.name);
    if (image) bench.add(entry.name, () => run(entry, image), { async: false });
  }
  bench.runSync();
  const rows = bench.tasks.map(task => {
    if (task.result.state !== 'completed') throw new Error(`${task.name}: ${task.result.state}`);
    const count = instructions.get(task.name) ?? 0;
    const seconds = task.result.latency.p50 / 1000;
    return { name: task.name, instructions: count, seconds, mips: count / seconds / 1e6 };
  });
  const means = rows.filter(row => ENTRIES.some(e => e.mean && e.name === row.name));
  const mean = Math.exp(means.reduce((sum, row) => sum + Math.log(row.mips), 0) / means.length);
  return { profile: options.profile.name, shift: SHIFT, runs: options.runs, rows, mean };
}
