/**
 * Builds the speed benchmarks of bench/guest/: one Multiboot ELF file each, which prints `BEGIN name`, runs, prints
 * `RESULT name checksum` and `TSC hex` on COM1 and port 0xE9 and writes 0 to port 0xF4. 64 MiB of RAM do. Some are
 * also built as static 32-bit Linux programs, which print the same; their timed part is the same code.
 */
import { type BuildOptions, buildTargets, type GuestBuild } from './build.ts';
import { GuestError } from './error.ts';
import type { Target } from './sources.ts';

const DIRECTORY = 'bench/guest';

interface Benchmark {
  sources: string[];
  flags: string[];
  /** Needs no privileges, so that it can be a Linux program too. */
  hosted: boolean;
}

/**
 * Every benchmark by name. `call` must really call; `memrep` is `mem` by REP, `pgswitch4` touches 4 pages after a
 * switch instead of 32, `fault` is `trap` with page faults.
 */
const BENCHMARKS: Record<string, Benchmark> = {
  alu: { sources: ['alu.c'], flags: [], hosted: true },
  mem: { sources: ['mem.c'], flags: [], hosted: true },
  memrep: { sources: ['mem.c'], flags: ['-DREP'], hosted: true },
  call: { sources: ['call.c'], flags: ['-fno-inline', '-fno-optimize-sibling-calls'], hosted: true },
  pgswitch: { sources: ['pgswitch.c'], flags: [], hosted: false },
  pgswitch4: { sources: ['pgswitch.c'], flags: ['-DTOUCH=4'], hosted: false },
  trap: { sources: ['trap.c', 'traps.S'], flags: [], hosted: false },
  fault: { sources: ['trap.c', 'traps.S'], flags: ['-DFAULT'], hosted: false },
};

/** The boot sector's name in a build. */
export const BOOT_SECTOR = 'floppy.bin';

export interface BenchOptions extends BuildOptions {
  /** Every iteration count is divided by 2^shift; 0 to 16. */
  shift?: number;
  /** Pages of 4 KiB that map memory one to one, and segments that end at 3 GiB, for guests that set up neither. */
  paged?: boolean;
  /** Builds the Linux programs too, those of them that can be one, under `NAME.linux`. */
  hosted?: boolean;
  /** Builds the boot sector too that loads a benchmark from a floppy disk, under BOOT_SECTOR. */
  bootSector?: boolean;
}

/** Builds the benchmarks (`only` by name, without `.elf`); files are under `NAME.elf`. */
export function buildBenchGuests(options: BenchOptions = {}): Promise<GuestBuild> {
  const shift = options.shift ?? 0;
  if (!Number.isInteger(shift) || shift < 0 || shift > 16)
    throw new GuestError(`no shift of ${shift}: 0 to 16`);
  const names = options.only ?? Object.keys(BENCHMARKS);
  const unknown = names.find(name => !Object.hasOwn(BENCHMARKS, name));
  if (unknown !== undefined)
    throw new GuestError(`no benchmark ${unknown}: ${Object.keys(BENCHMARKS).join(', ')}`);
  const paged = options.paged ? ['-DPAGED'] : [];
  const targets = names.map(name => bareTarget(name, [...flagsOf(name, shift), ...paged]));
  if (options.hosted) {
    const hosted = names.filter(name => BENCHMARKS[name].hosted);
    targets.push(...hosted.map(name => hostedTarget(name, shift)));
  }
  if (options.bootSector) targets.push(bootSector);
  return buildTargets(targets, [DIRECTORY], options);
}

/** They are written for gcc too, whose attributes clang does not all know. */
const flagsOf = (name: string, shift: number) => [`-DSHIFT=${shift}`, '-w', ...BENCHMARKS[name].flags];
const pathsOf = (...files: string[]) => files.map(file => `${DIRECTORY}/${file}`);

function bareTarget(name: string, flags: string[]): Target {
  return {
    name: `${name}.elf`,
    kind: 'kernel',
    sources: pathsOf('boot.S', 'rt.c', ...BENCHMARKS[name].sources),
    library: [],
    flags,
    script: `${DIRECTORY}/link.ld`,
  };
}

function hostedTarget(name: string, shift: number): Target {
  return {
    name: `${name}.linux`,
    kind: 'program',
    sources: pathsOf('rt.c', ...BENCHMARKS[name].sources),
    library: [],
    flags: [...flagsOf(name, shift), '-DHOSTED'],
    script: `${DIRECTORY}/hosted.ld`,
  };
}

const bootSector: Target = {
  name: BOOT_SECTOR,
  kind: 'kernel',
  sources: pathsOf('floppy.S'),
  library: [],
  flags: [],
  script: `${DIRECTORY}/floppy.ld`,
};
