/**
 * What exactness costs compiled code: the benchmarks with each part left out that compiled code does inline for the models,
 * and with all of them. The machine then counts wrong and misses nothing, but still computes: memory is mapped one to one,
 * so checksums hold. What lies between units, and calls for what is rare, stays.
 *
 * Without `line` nothing ever misses, so its cost includes what misses cost. The code without all is the roof: what the
 * translation would run at if nothing were modelled.
 */
import { readFileSync } from 'node:fs';
import { CHECKS, type Check } from '../../emu/cpu/jit/layout.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { median } from '../peers/targets.ts';
import { runGuest } from './guest-run.ts';
import { checksumOf, MEAN } from './guests.ts';
import { SHIFT } from './suite.ts';

/** What each part is, for the table. */
export const PARTS: Readonly<Record<Check, string>> = {
  line: 'line: translation and L1D, and what misses cost',
  recency: 'recency of the TLB entry',
  limit: 'segment limit',
  clock: 'clock at the borders of blocks',
  counts: 'cycles and counters of a block',
  fetch: 'lines fetched, L1I',
  predictor: 'branch predictor',
};

export interface Roofline {
  profile: string;
  shift: number;
  runs: number;
  guests: GuestRoofline[];
}

export interface GuestRoofline {
  name: string;
  /** Of the run with everything. */
  instructions: number;
  /** Median seconds of processor time with everything, without each part, and without all. */
  full: number;
  without: Record<Check, number>;
  bare: number;
}

export interface RooflineOptions {
  profile: Profile;
  /** Of each variant, at least 1; all variants of a guest take turns. */
  runs: number;
  onProgress?: (done: number, total: number) => void;
}

const FULL: readonly Check[] = [];
const VARIANTS: readonly (readonly Check[])[] = [FULL, ...CHECKS.map(check => [check]), CHECKS];

/** Builds and runs. Throws an Error for a wrong checksum. */
export async function measureRoofline(options: RooflineOptions): Promise<Roofline> {
  const { profile, runs } = options;
  const build = await buildBenchGuests({ only: MEAN, shift: SHIFT, paged: true });
  const total = MEAN.length * runs * VARIANTS.length;
  let done = 0;
  options.onProgress?.(done, total);
  const guests = MEAN.map(name => {
    const image = readFileSync(artefact(build, `${name}.elf`));
    const seconds: number[][] = VARIANTS.map(() => []);
    let instructions = 0;
    // The host's compiler warms up, for nobody.
    runWithout(name, image, profile, FULL);
    for (let run = 0; run < runs; run++) {
      for (const [n, omit] of VARIANTS.entries()) {
        const result = runWithout(name, image, profile, omit);
        seconds[n].push(result.seconds);
        if (omit === FULL) instructions = result.instructions;
        options.onProgress?.(++done, total);
      }
    }
    const medians = seconds.map(median);
    const without = Object.fromEntries(CHECKS.map((check, n) => [check, medians[n + 1]]));
    const bare = medians[medians.length - 1];
    return { name, instructions, full: medians[0], without: without as Record<Check, number>, bare };
  });
  return { profile: profile.name, shift: SHIFT, runs, guests };
}

/** Milliseconds of the host's processor: other work on the host falls on no variant. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** One run whose compiled code goes without `omit`. */
export function runWithout(
  name: string,
  image: Uint8Array,
  profile: Profile,
  omit: readonly Check[],
  shift = SHIFT,
) {
  const result = runGuest(name, image, profile, 'compiled', {
    now: processorTime,
    prepare: machine => {
      const { jit } = machine.engine;
      // A short run has to be compiled all the same.
      if (jit) jit.hot = Math.max(1, jit.hot >> shift);
      for (const check of omit) machine.engine.jit?.omit.add(check);
    },
  });
  const right = checksumOf(name, shift);
  if (result.checksum !== right)
    throw new Error(
      `${name} without ${omit.join(', ') || 'nothing'} gives ${result.checksum} instead of ${right}`,
    );
  return result;
}
