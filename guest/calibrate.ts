/**
 * Builds the calibration programs of bench/guest/calibrate/: one Multiboot ELF file each, which measures itself with
 * RDTSC, prints lines `x cycles operations` below `CURVE name` and `END` on COM1 and writes 0 to port 0xF4.
 */
import { type BuildOptions, buildTargets, type GuestBuild } from './build.ts';

const DIRECTORY = 'bench/guest';
const COMMON = ['boot.S', 'calibrate/kit.c'];

/** The programs by name, with what each has besides the kit. */
const PROGRAMS = {
  latency: ['latency.c'],
  tlb: ['tlb.c'],
  system: ['system.c', 'entries.S'],
  switch: ['switch.c', 'switch.S'],
  copy: ['copy.c'],
  branch: ['branch.c'],
} as const;

export type CalibrationName = keyof typeof PROGRAMS;
export const CALIBRATION_NAMES = Object.keys(PROGRAMS) as readonly CalibrationName[];

/** Builds all of them; files are under `NAME.elf`. */
export function buildCalibration(options: BuildOptions = {}): Promise<GuestBuild> {
  const targets = CALIBRATION_NAMES.map(name => ({
    name: `${name}.elf`,
    kind: 'kernel' as const,
    sources: [...COMMON, ...PROGRAMS[name].map(file => `calibrate/${file}`)].map(f => `${DIRECTORY}/${f}`),
    library: [],
    flags: [],
    script: `${DIRECTORY}/calibrate/link.ld`,
  }));
  return buildTargets(targets, [DIRECTORY], options);
}
