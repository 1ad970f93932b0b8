/** Builds a harness with the pinned clang and runs vectors on this computer's CPU (Linux on x86 only). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, packVectors, unpackResults, type Vector } from './format.ts';
import { packLocal } from './ldt.ts';

/** From the root of the checkout, where npm runs its scripts. */
const SOURCE = 'test/silicon/harness.c';
const FLAGS =
  '-target x86-linux-none -mcpu=i686 -O2 -g0 -std=c11 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector ' +
  '-fno-sanitize=undefined -nostdlib -static -Wl,--image-base=0x70000000';
/** Exit code of the harness when LOW cannot be mapped. */
const NO_LOW = 30;
/** And when the kernel refuses an entry of the LDT (CONFIG_MODIFY_LDT_SYSCALL, CONFIG_X86_16BIT). */
const NO_LDT = 31;

/** The model of this computer's CPU, as /proc/cpuinfo says it. */
export function hostCpu(): string {
  const lines = readFileSync('/proc/cpuinfo', 'latin1').split('\n');
  const field = (name: string) => lines.find(l => l.startsWith(name))?.replace(/.*:\s*/, '') ?? '?';
  return `${field('model name')}, family ${field('cpu family')} model ${field('model\t')} stepping ${field('stepping')}`;
}

/** What the harness `source` writes for `input`. Throws an Error with one clear line when this host cannot run it. */
export function runHarness(source: string, input: Buffer): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-silicon-'));
  try {
    const program = join(directory, 'harness');
    const built = spawnSync('npx', ['zig', 'cc', ...FLAGS.split(' '), '-o', program, source], {
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(`the harness does not compile:\n${built.stderr}`);
    const ran = spawnSync(program, [], { input, maxBuffer: 1 << 30 });
    if (ran.status === NO_LOW)
      throw new Error('the harness needs root or vm.mmap_min_addr=4096 to map 0x8000');
    if (ran.status === NO_LDT) throw new Error('the kernel does not allow the LDT that the vectors need');
    if (ran.status || ran.signal)
      throw new Error(`the harness ended with code ${ran.status}, signal ${ran.signal}`);
    if (ran.error) throw new Error(`this host runs no 32-bit x86 programs: ${ran.error.message}`);
    return ran.stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs every vector on the host CPU; throws as `runHarness` does. */
export function runOnHost(vectors: readonly Vector[]): Outcome[] {
  return unpackResults(
    runHarness(SOURCE, Buffer.concat([packLocal(), packVectors(vectors)])),
    vectors.length,
  );
}
