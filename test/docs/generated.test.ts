/**
 * Do the tables in docs/ say what the code's data say? `npx vitest run test/docs -u` writes them anew.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { profiles } from '../../emu/profile/index.ts';
import { comparisonTable, fill, partsTable, profileTable } from './tables.ts';

const page = (name: string) => `${import.meta.dirname}/../../docs/${name}`;

it('docs/measuring.md has the table of bench/decompose.ts', async () => {
  const text = readFileSync(page('measuring.md'), 'utf8');
  await expect(fill(text, 'parts', partsTable())).toMatchFileSnapshot(page('measuring.md'));
});

it('docs/profiles.md has all figures of emu/profile/', async () => {
  const all = Object.values(profiles);
  let text = readFileSync(page('profiles.md'), 'utf8');
  const comparison = comparisonTable(all.filter(p => p.timing));
  text = fill(text, 'comparison', comparison);
  for (const profile of all) text = fill(text, profile.name, profileTable(profile));
  await expect(text).toMatchFileSnapshot(page('profiles.md'));
});
