/**
 * A set-up file of the unit tests, used by `npm run coverage:rows` only: notes which rows a test file carried out to
 * the end, and writes them to the directory that NOOKS86_ROWS names.
 */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, expect } from 'vitest';
import { allRows } from '../../emu/cpu/table.ts';

const reached = new Set<string>();
for (const row of allRows) {
  const { exec } = row;
  row.exec = (c, i) => {
    exec(c, i);
    reached.add(row.enc);
  };
}

afterAll(() => {
  const file = relative('test', expect.getState().testPath ?? 'unknown');
  const name = `${encodeURIComponent(file)}.json`;
  writeFileSync(join(process.env.NOOKS86_ROWS ?? '.', name), JSON.stringify([...reached]));
});
