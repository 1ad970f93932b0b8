/** The machines that are asked about system code, and how: QEMU, and Bochs for what QEMU does not check. */
import { spawnSync } from 'node:child_process';
import { bochsVersion, runOnBochs } from './bochs.ts';

export interface Oracle {
  name: 'qemu' | 'bochs';
  /** Which version is installed, or null. */
  version(): string | null;
  /** Is it an oracle for this program? */
  runs(program: string): boolean;
  /** The log of a built program. */
  run(path: string): string[];
}

/** Programs about what QEMU does not check. */
const LIMITS = ['limits', 'tables', 'alignment'];

const TIME_LIMIT = 90_000;
const QEMU = 'qemu-system-i386';
/** As near to ours as QEMU's models come. */
const QEMU_ARGS =
  '-cpu pentium2 -m 16 -display none -nodefaults -no-reboot -debugcon stdio -device isa-debug-exit,iobase=0xf4';

const qemu: Oracle = {
  name: 'qemu',
  version: () => spawnSync(QEMU, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? null,
  runs: program => !LIMITS.includes(program),
  run(path) {
    const ran = spawnSync(QEMU, [...QEMU_ARGS.split(' '), '-kernel', path], {
      encoding: 'latin1',
      timeout: TIME_LIMIT,
      maxBuffer: 1 << 28,
    });
    if (ran.error) return [...ran.stdout.split('\n'), ran.error.message];
    return ran.stdout.split('\n');
  },
};

const bochs: Oracle = { name: 'bochs', version: bochsVersion, runs: () => true, run: runOnBochs };

export const ORACLES: readonly Oracle[] = [qemu, bochs];
