/** Random guests in every mode, from a fixed seed, and the cases that once broke something. See fuzz.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Case, cases, MODES } from './cases.ts';
import { runCase } from './run.ts';

/** As docs/conformance.md says it. */
const GUESTS = 400;
const REGRESSIONS = `${import.meta.dirname}/regressions`;

it('random guests harm nobody, whatever the mode', () => {
  let instructions = 0;
  const modes = new Set<string>();
  fc.assert(
    fc.property(cases, c => {
      const verdict = runCase(c);
      instructions += verdict.instructions;
      modes.add(c.mode);
      expect(verdict.problems).toEqual([]);
    }),
    { seed: 0x86, numRuns: GUESTS },
  );
  expect([...modes].sort()).toEqual([...MODES].sort());
  expect(instructions).toBeGreaterThan(200_000);
  const page = readFileSync(`${import.meta.dirname}/../../../docs/conformance.md`, 'utf8');
  expect(page).toContain(`some ${GUESTS} guests`);
});

const kept = readdirSync(REGRESSIONS).filter(name => name.endsWith('.json'));

it.each(kept)('%s does not come back', name => {
  const c = JSON.parse(readFileSync(`${REGRESSIONS}/${name}`, 'utf8')) as Case;
  expect(runCase(c).problems).toEqual([]);
});
