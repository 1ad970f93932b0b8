/**
 * `npm run x87:record`: asks this computer's CPU about every x87 vector and writes corpus/x87.bin.gz.
 * Needs Linux on x86 with 32-bit programs allowed, and root (the harness maps 0x8000).
 *
 * A task switch between a vector's parts loses the FPU's pointers (the kernel's XRSTOR clears them unless an exception
 * is pending), so everything runs three times and two runs must agree.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fpuRows } from '../../../emu/cpu/rows/fpu.ts';
import { CODE } from '../format.ts';
import { hostCpu } from '../host.ts';
import { packCorpus } from './corpus.ts';
import type { Outcome } from './format.ts';
import { generate } from './generate.ts';
import { runOnHost } from './host.ts';

const SEED = 0x87;
const DIRECTORY = 'test/silicon/x87/corpus';
const FETCH_FROM_PRESENT = 0x11;

/** The outcome that two of three runs agree on, or null. */
function agreed(runs: readonly Outcome[]): Outcome | null {
  const texts = runs.map(o => JSON.stringify(o));
  const n = texts.findIndex((t, i) => texts.indexOf(t) !== i);
  return n < 0 ? null : runs[n];
}

/** What the emulated CPU cannot say: it knows no NX, so a fetch from data pages has no counterpart. */
function comparable(o: Outcome): boolean {
  return !(o.trap === 14 && (o.error & FETCH_FROM_PRESENT) === FETCH_FROM_PRESENT);
}

try {
  mkdirSync(DIRECTORY, { recursive: true });
  const all = generate(fpuRows, SEED);
  const runs = [runOnHost(all), runOnHost(all), runOnHost(all)];
  const outcomes = all.map((_, n) => agreed(runs.map(r => r[n])));
  const keep = outcomes.map(o => o !== null && comparable(o));
  const corpus = {
    cpu: hostCpu(),
    seed: SEED,
    vectors: all.filter((_, n) => keep[n]),
    outcomes: outcomes.filter((o, n): o is Outcome => keep[n] && o !== null),
  };
  const file = packCorpus(corpus, CODE);
  writeFileSync(`${DIRECTORY}/x87.bin.gz`, file);
  console.log(`x87: ${corpus.vectors.length} vectors, ${(file.length / 1024).toFixed()} KiB`);
  console.log(`  left out: ${all.length - corpus.vectors.length}`);
} catch (e) {
  console.error((e as Error).message);
  process.exitCode = 1;
}
