/**
 * `npm run coverage:rows`: runs the unit tests of the processor's system side, writes units.json anew (which rows
 * each of them carried out), and prints what no oracle and no test reached. The exit code is 1 if something is left.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allRows } from '../../emu/cpu/table.ts';
import { reachOf, readCorpora, readX87, report, UNITS, unreached } from './coverage.ts';

/** Tests that say what an instruction must do; not those that run everything to see that nothing breaks. */
const TESTS = ['test/emu/cpu', 'test/emu/engine', 'test/system'];
const NOT = ['**/iced.test.ts', '**/hot.test.ts', '**/fuzz.test.ts'];

const directory = mkdtempSync(join(tmpdir(), 'nooks86-rows-'));
try {
  const excluded = NOT.flatMap(glob => ['--exclude', glob]);
  const ran = spawnSync('npx', ['vitest', 'run', ...TESTS, ...excluded], {
    env: { ...process.env, NOOKS86_ROWS: directory },
    encoding: 'utf8',
  });
  if (ran.status !== 0) throw new Error(`the unit tests fail:\n${ran.stdout}`);
  const units = new Map<string, string[]>();
  for (const file of readdirSync(directory).sort())
    for (const enc of JSON.parse(readFileSync(join(directory, file), 'utf8')) as string[])
      units.set(enc, [...(units.get(enc) ?? []), decodeURIComponent(file.replace(/\.json$/, ''))]);
  const ordered = allRows.flatMap(row => (units.has(row.enc) ? [[row.enc, units.get(row.enc)]] : []));
  writeFileSync(
    UNITS,
    `{\n${ordered.map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(',\n')}\n}\n`,
  );
  const reach = reachOf([...readCorpora(), readX87()]);
  console.log(report(reach));
  if (unreached(reach).length > 0) process.exitCode = 1;
} catch (e) {
  console.error((e as Error).message);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
