/**
 * How fast the emulator is: the benchmarks of bench/guest/ on the whole model, in guest instructions of a host
 * second. Every run's checksum is held against the one that the guest must give (bench/speed/guests.ts).
 */
import { readFileSync } from 'node:fs';
import { Bench } from 'tinybench';
import type { EngineKind } from '../../emu/board.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { runGuest } from './guest-run.ts';
import { checksumOf, geometricMean, MEAN } from './guests.ts';

/** Iteration counts are divided by 2^SHIFT: a run takes a few seconds. */
export const SHIFT = 4;

/** What runs: the guests whose events differ in kind. */
const NAMES = ['alu', 'mem', 'call', 'pgswitch', 'trap', 'fault'];

export interface SpeedRow {
  name: string;
  instructions: number;
  /** Median of the runs, from BEGIN to RESULT. */
  seconds: number;
  /** Million guest instructions a second. */
  mips: number;
  /** Share of the seconds in which code was compiled, in the last run. */
  compiling: number;
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
  const build = await buildBenchGuests({ only: NAMES, shift: SHIFT });
  const images = new Map(NAMES.map(name => [name, readFileSync(artefact(build, `${name}.elf`))] as const));
  const total = NAMES.length * options.runs;
  let done = 0;
  const instructions = new Map<string, number>();
  const shares = new Map<string, number>();
  const bench = new Bench({ iterations: options.runs, time: 0, warmup: false, throws: true });
  const run = (name: string, image: Uint8Array) => {
    const result = runGuest(name, image, options.profile, options.engine, { now: () => bench.now() });
    const right = checksumOf(name, SHIFT);
    if (result.checksum !== right) throw new Error(`${name} gives ${result.checksum} instead of ${right}`);
    instructions.set(name, result.instructions);
    shares.set(name, result.compiling / result.seconds);
    options.onProgress?.(++done, total);
    return { overriddenDuration: result.seconds * 1000 };
  };
  options.onProgress?.(0, total);
  for (const [name, image] of images) bench.add(name, () => run(name, image), { async: false });
  bench.runSync();
  const rows = bench.tasks.map(task => {
    if (task.result.state !== 'completed') throw new Error(`${task.name}: ${task.result.state}`);
    const count = instructions.get(task.name) ?? 0;
    const seconds = task.result.latency.p50 / 1000;
    const compiling = shares.get(task.name) ?? 0;
    return { name: task.name, instructions: count, seconds, mips: count / seconds / 1e6, compiling };
  });
  const means = rows.filter(row => MEAN.includes(row.name));
  const mean = geometricMean(means.map(row => row.mips));
  return { profile: options.profile.name, shift: SHIFT, runs: options.runs, rows, mean };
}
