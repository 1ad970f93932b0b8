/** Is every row of the instruction table carried out by an oracle or a test? See coverage.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { allRows } from '../../emu/cpu/table.ts';
import { fill } from '../docs/tables.ts';
import {
  CORPUS_FILES,
  NAMED,
  reachOf,
  readCorpora,
  readX87,
  UNITS,
  unreached,
  X87_FILE,
} from './coverage.ts';
import { corpusTable, endsTable, reasonsTable, rowsTable, systemTable } from './tables.ts';

const corpora = readCorpora();
const x87 = readX87();
const reach = reachOf([...corpora, x87]);
const units: Record<string, string[]> = JSON.parse(readFileSync(UNITS, 'utf8'));

it('every row is reached, or named with a reason', () => {
  expect(unreached(reach).map(r => `${r.enc} (${r.form})`)).toEqual([]);
});

it('the rows that are named need it', () => {
  const needed = reach.filter(r => r.completed === 0 && r.units.length === 0).map(r => r.enc);
  expect([...NAMED.keys()].filter(enc => !needed.includes(enc))).toEqual([]);
});

it('units.json (written by npm run coverage:rows) knows rows and files that there are', () => {
  const known = new Set(allRows.map(row => row.enc));
  expect(Object.keys(units).filter(enc => !known.has(enc))).toEqual([]);
  const files = [...new Set(Object.values(units).flat())];
  const there = (file: string) => existsSync(`${import.meta.dirname}/../${file}`);
  expect(files.filter(file => !there(file))).toEqual([]);
});

it('docs/conformance.md has the numbers; -u writes them anew', async () => {
  const page = `${import.meta.dirname}/../../docs/conformance.md`;
  const tables = {
    corpora: corpusTable([...CORPUS_FILES.map(f => `corpus/${f}`), X87_FILE], [...corpora, x87]),
    ends: endsTable(corpora),
    system: systemTable(),
    rows: rowsTable(reach),
    reasons: reasonsTable(),
  };
  let text = readFileSync(page, 'utf8');
  for (const [name, table] of Object.entries(tables)) text = fill(text, name, table);
  await expect(text).toMatchFileSnapshot(page);
});
