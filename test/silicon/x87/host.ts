/** Runs x87 vectors on this computer's CPU (Linux on x86 only). */
import { runHarness } from '../host.ts';
import { type Outcome, packVectors, unpackResults, type Vector } from './format.ts';

const SOURCE = 'test/silicon/x87/harness.c';

/** Runs every vector on the host CPU; throws as `runHarness` does. */
export function runOnHost(vectors: readonly Vector[]): Outcome[] {
  return unpackResults(runHarness(SOURCE, packVectors(vectors)), vectors.length);
}
