/**
 * Builds the bare-metal speed benchmarks of bench/guest/: one Multiboot ELF file each, which prints `BEGIN name`,
 * runs, prints `RESULT name checksum` and `TSC hex` on COM1 and writes 0 to port 0xF4. 64 MiB of RAM do.
 */
import { type BuildOptions, buildTargets, type GuestBuild } from './build.ts';
import { GuestError } from './error.ts';
import type { Target } from './sources.ts';

const DIRECTORY = 'bench/guest';
const COMMON = ['boot.S', 'rt.c'];

interface Benchmark {
  sources: string[];
  flags: string[];
}

/** Every benchmark by name. `call` must really call; `memrep` is `mem` by REP, `fault` is `trap` with page faults. */
const BENCHMARKS: Record<string, Benchmark> = {
  alu: { sources: ['alu.c'], flags: [] },
  mem: { sources: ['mem.c'], flags: [] },
  memrep: { sources: ['mem.c'], flags: ['-DREP'] },
  call: { sources: ['call.c'], flags: ['-fno-inline', '-fno-optimize-sibling-calls'] },
  pgswitch: { sources: ['pgswitch.c'], flags: [] },
  trap: { sources: ['trap.c', 'traps.S'], flags: [] },
  fault: { sources: ['trap.c', 'traps.S'], flags: ['-DFAULT'] },
};

export interface BenchOptions extends BuildOptions {
  /** Every iteration count is divided by 2^shift; 0 to 16. */
  shift?: number;
}

/** Builds the benchmarks (`only` by name, without `.elf`); files are under `NAME.elf`. */
export function buildBenchGuests(options: BenchOptions = {}): Promise<GuestBuild> {
  const shift = options.shift ?? 0;
  if (!Number.isInteger(shift) || shift < 0 || shift > 16)
    throw new GuestError(`no shift of ${shift}: 0 to 16`);
  const names = options.only ?? Object.keys(BENCHMARKS);
  return buildTargets(
    names.map(name => benchTarget(name, shift)),
    [DIRECTORY],
    options,
  );
}

function benchTarget(name: string, shift: number): Target {
  if (!Object.hasOwn(BENCHMARKS, name)) {
    throw new GuestError(`no benchmark ${name}: ${Object.keys(BENCHMARKS).join(', ')}`);
  }
  const { sources, flags } = BENCHMARKS[name];
  return {
    name: `${name}.elf`,
    kind: 'kernel',
    sources: [...COMMON, ...sources].map(file => `${DIRECTORY}/${file}`),
    library: [],
    // They are written for gcc too, whose attributes clang does not all know.
    flags: [`-DSHIFT=${shift}`, '-w', ...flags],
    script: `${DIRECTORY}/link.ld`,
  };
}
