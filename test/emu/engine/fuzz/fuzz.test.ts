/**
 * The fuzzer's guests on both engines: a seed or two of each feature on each profile; NOOKS86_FUZZ=n: n seeds. What runs
 * for hours is `npm run fuzz:engine` (long.ts). Cases on which they once parted are in regressions/.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { profiles } from '../../../../emu/profile/index.ts';
import { features } from './features/all.ts';
import { generate } from './generate.ts';
import { caseText, runCase, shrink } from './run.ts';
import type { Case } from './world.ts';

/** Seeds of each feature. */
const FUZZ = process.env.NOOKS86_FUZZ ? Number(process.env.NOOKS86_FUZZ) : undefined;
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
  it.each(features.map(f => f.name))('about guests of the feature %s', { timeout: 3_600_000 }, name => {
    const seeds = FUZZ ?? (profile === 'p3-1000' ? 1 : 2);
    let units = 0;
    let instructions = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const ran = hold(generate(profile, seed, name), `seed ${seed} of ${name}`);
      units += ran.units;
      instructions += ran.instructions;
    }
    expect(units).toBeGreaterThan(0);
    expect(instructions).toBeGreaterThan(20);
  });
});

it.each(readdirSync(REGRESSIONS).filter(f => f.endsWith('.json')))('they agree now on %s', file => {
  const c = JSON.parse(readFileSync(`${REGRESSIONS}/${file}`, 'utf8')) as Case;
  expect(hold(c, file).units).toBeGreaterThan(0);
});
