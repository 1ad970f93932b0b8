/**
 * The fuzzer's guests on both engines: a few seeds of each feature, on each profile. `NOOKS86_FUZZ=n` runs n seeds of
 * any features on each instead (`npm run fuzz:engine`), from NOOKS86_FUZZ_SEED on. Cases that once parted are in
 * regressions/.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { profiles } from '../../../../emu/profile/index.ts';
import { features } from './features/all.ts';
import { generate } from './generate.ts';
import { caseText, runCase, shrink } from './run.ts';
import type { Case } from './world.ts';

const REGRESSIONS = 'test/emu/engine/fuzz/regressions';

/** Throws with the smallest case on which the engines part. */
function hold(c: Case, name: string): { instructions: number; units: number } {
  const outcome = runCase(c);
  if (outcome.parting) {
    const small = shrink(c);
    throw new Error(`${name}: ${small.outcome.parting?.report}\n${caseText(small.case)}`);
  }
  return outcome;
}

describe.each(Object.keys(profiles))('the engines agree on %s', profile => {
  it.each(features.map(f => f.name))('about guests of the feature %s', name => {
    let units = 0;
    let instructions = 0;
    for (let seed = 1; seed <= 3; seed++) {
      const ran = hold(generate(profile, seed, name), `seed ${seed} of ${name}`);
      units += ran.units;
      instructions += ran.instructions;
    }
    expect(units).toBeGreaterThan(3);
    expect(instructions).toBeGreaterThan(1000);
  });
});

it.each(readdirSync(REGRESSIONS).filter(f => f.endsWith('.json')))('they agree now on %s', file => {
  const c = JSON.parse(readFileSync(`${REGRESSIONS}/${file}`, 'utf8')) as Case;
  expect(hold(c, file).units).toBeGreaterThan(0);
});
