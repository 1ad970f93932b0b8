import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import sqlite from 'node-sqlite3-wasm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cacheRoot, projectRoot } from '../../../guest/project.ts';
import { ResultsReader, ResultsWriter, shardOf } from '../../../inject/campaign/store.ts';
import { fakeCampaign, recordsOf, SETTINGS } from './fake.ts';

const KILLS = 40;

let bundles: string;
let child: string;
let dir: string;
let file: string;

beforeAll(() => {
  mkdirSync(cacheRoot(), { recursive: true });
  // Inside the checkout, so that packages are found.
  bundles = mkdtempSync(join(cacheRoot(), 'test-campaign-'));
  child = join(bundles, 'child.mjs');
  buildSync({
    entryPoints: [join(projectRoot(), 'test/inject/campaign/child.ts')],
    outfile: child,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
});

afterAll(() => rmSync(bundles, { recursive: true, force: true }));

beforeEach(() => {
  dir = mkdtempSync(join(bundles, 'files-'));
  file = join(dir, 'r.db');
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (path = file) => new ResultsReader(path).close();
const write = (path = file, settings = SETTINGS) => new ResultsWriter(path, settings, null);
/** A file with some trials, closed. */
async function filled(path = file): Promise<void> {
  await fakeCampaign(path);
}

/** Runs the child and kills it after so many milliseconds from its first batch; true if it was still running. */
function runAndKill(after: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const process = spawn(globalThis.process.execPath, [child, file, '1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let error = '';
    process.stderr.on('data', chunk => {
      error += chunk;
    });
    process.stdout.once('data', () => setTimeout(() => process.kill('SIGKILL'), after));
    process.on('close', (code, signal) => {
      if (code !== null && code !== 0) reject(new Error(error));
      else resolve(signal === 'SIGKILL');
    });
  });
}

describe('a results file', () => {
  it('holds what was put in', async () => {
    await filled();
    const records = recordsOf(file);
    expect(records.length).toBe(80);
    const one = records.find(r => r.configuration === 'nooks/restart' && r.plan.trial === 17)!;
    const reader = new ResultsReader(file);
    expect(reader.settings).toEqual(SETTINGS);
    expect({ ...reader.record('nooks/restart', 17)!, hostSeconds: 0 }).toEqual(one);
    expect(reader.record('nooks/restart', 41)).toBeUndefined();
    expect(reader.finished().get('none:3')).toBe(
      records.find(r => r.configuration === 'none' && r.plan.trial === 3)!.outcome,
    );
    expect(reader.sessions()).toMatchObject([{ workers: 2, trials: 80 }]);
    reader.close();
  });

  it('has a write-ahead log: the package cannot roll a journal back', async () => {
    await filled();
    // Write and read version of the file format: 2 is WAL.
    expect([...readFileSync(file).subarray(18, 20)]).toEqual([2, 2]);
  });

  it('is alone in its directory when closed', async () => {
    await filled();
    open();
    expect(readdirSync(dir)).toEqual(['r.db']);
  });

  it('takes a batch whole or not at all', async () => {
    await fakeCampaign(file, { settings: { ...SETTINGS, trials: 3 } });
    const records = recordsOf(file);
    rmSync(file);
    const writer = write();
    writer.add([records[0]]);
    expect(() => writer.add([records[1], records[0]])).toThrow(
      /cannot write .*; what was written before stays/,
    );
    writer.add([records[2]]);
    writer.close();
    expect(recordsOf(file)).toEqual([records[0], records[2]]);
  });

  it('can be read while it is written', () => {
    const writer = write();
    open();
    writer.close();
  });

  it.each([
    ['seed', { seed: 2 }, 'seed (1, now 2)'],
    ['trials', { trials: 41 }, 'trials (40, now 41)'],
    ['types', { types: ['NOP' as const] }, 'types ([], now ["NOP"])'],
    [
      'two things',
      { faultsPerTrial: 5, build: 'c' },
      `faultsPerTrial (2, now 5), build ("${SETTINGS.build}", now "c")`,
    ],
  ])('refuses to go on with other settings: %s', async (_what, change, says) => {
    await filled();
    const before = readFileSync(file);
    expect(() => write(file, { ...SETTINGS, ...change })).toThrow(
      `${file} holds another campaign; what differs: ${says}`,
    );
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(dir)).toEqual(['r.db']);
  });

  it('refuses another shard', async () => {
    await fakeCampaign(file, { shard: { index: 1, of: 4 } });
    expect(() => write()).toThrow('shard (1/4, now all)');
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['empty', p => writeFileSync(p, ''), /is empty/],
    ['text', p => writeFileSync(p, 'hello\n'.repeat(100)), /is no results file of nooks86/],
    ['short', p => writeFileSync(p, 'SQLite format 3\0'), /is no results file of nooks86/],
    ['a directory', toDirectory, /is not a regular file/],
    ['cut by a page', p => truncateSync(p, readFileSync(p).length - 4096), /is damaged/],
    ['cut to a page', p => truncateSync(p, 4096), /is damaged/],
    ['cut within a page', p => truncateSync(p, 5000), /is damaged/],
    ['another format', p => patch(p, 60, [0, 0, 0, 9]), /has format 9; this nooks86 reads format 1/],
    ['another application', p => patch(p, 68, [0, 0, 0, 9]), /is no results file of nooks86/],
    ['overwritten inside', p => patch(p, 8192, new Array(4096).fill(0xa5)), /is damaged/],
    ['without its tables', p => sql(p, 'DROP TABLE campaign'), /is damaged: no such table/],
    ['without its settings', p => sql(p, 'DELETE FROM campaign'), /it holds no campaign/],
    [
      'with broken settings',
      p => sql(p, `UPDATE campaign SET settings = '{}'`),
      /its settings cannot be read \(driver/,
    ],
  ])('says in one line that a file is no good, and leaves it: %s', async (_what, damage, says) => {
    await filled();
    damage(file);
    const before = existsSync(file) && readdirSync(dir).join();
    const bytes = before && !says.source.includes('regular') ? readFileSync(file) : undefined;
    for (const action of [open, write]) {
      let message = '';
      try {
        action();
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(says);
      expect(message).not.toContain('\n');
    }
    expect(readdirSync(dir).join()).toBe(before);
    if (bytes) expect(readFileSync(file)).toEqual(bytes);
  });

  it('does not believe numbers that cannot be', async () => {
    await filled();
    sql(file, `UPDATE campaign SET settings = json_set(settings, '$.trials', 1e15)`);
    expect(() => open()).toThrow(/its settings cannot be read \(trials: /);
  });

  it('says which trial cannot be read', async () => {
    await filled();
    sql(
      file,
      `UPDATE trials SET observation = '{"end":"unheard"}' WHERE trial = 7 AND configuration = 'none'`,
    );
    expect(() => recordsOf(file)).toThrow(/r\.db: trial none:7 cannot be read \(end: /);
    sql(file, `UPDATE trials SET observation = '{' WHERE trial = 7 AND configuration = 'none'`);
    expect(() => recordsOf(file)).toThrow(/r\.db: trial none:7 cannot be read \(no JSON\)/);
  });

  it('does not take the log of another file for its own', async () => {
    writeFileSync(`${file}-wal`, 'x');
    expect(() => write()).toThrow(/r\.db-wal is left of another file/);
  });

  it('says that it cannot be made', () => {
    expect(() => write(join(dir, 'none/r.db'))).toThrow(/cannot write beside .*r\.db \(ENOENT\)/);
  });
});

describe('killed at any moment', () => {
  it(`loses nothing and counts nothing twice, ${KILLS} times over`, async () => {
    const whole = join(dir, 'whole.db');
    await filled(whole);
    const expected = recordsOf(whole);
    let killed = 0;
    for (let n = 0; n < KILLS; n++) {
      // From the first batch to the last, about.
      if (await runAndKill((n * 37) % 60)) killed++;
      const reader = new ResultsReader(file);
      const { size } = reader.finished();
      reader.close();
      expect(size).toBeGreaterThan(0);
      if (size < expected.length) continue;
      expect(recordsOf(file)).toEqual(expected);
      for (const name of readdirSync(dir))
        if (name.startsWith('r.db')) rmSync(join(dir, name), { recursive: true });
    }
    expect(killed).toBeGreaterThan(KILLS / 4);
    await fakeCampaign(file);
    expect(recordsOf(file)).toEqual(expected);
  });

  it('finds a batch only when all of its log is there', async () => {
    // The log as a killed process leaves it, cut at many places: what is read is a whole number of batches.
    const writer = write();
    await filled(join(dir, 'other.db'));
    const records = recordsOf(join(dir, 'other.db'));
    for (let at = 0; at < 40; at += 4) writer.add(records.slice(at, at + 4));
    const main = readFileSync(file);
    const log = readFileSync(`${file}-wal`);
    const counts = new Set<number>();
    for (let cut = 0; cut <= 60; cut++) {
      const copy = join(dir, `cut-${cut}.db`);
      writeFileSync(copy, main);
      writeFileSync(`${copy}-wal`, log.subarray(0, Math.floor((log.length * cut) / 60)));
      const reader = new ResultsReader(copy);
      const { size } = reader.finished();
      reader.close();
      expect(size % 4).toBe(0);
      counts.add(size);
    }
    writer.close();
    expect(counts.has(0) && counts.has(40)).toBe(true);
    expect(counts.size).toBe(11);
  });

  it('is not stopped by what a killed process leaves: locks, half a new file', async () => {
    await filled(join(dir, 'other.db'));
    mkdirSync(`${file}.lock`);
    mkdirSync(`${file}.new.lock`);
    writeFileSync(`${file}.new`, 'half');
    writeFileSync(`${file}.pid`, '');
    await filled();
    expect(recordsOf(file)).toEqual(recordsOf(join(dir, 'other.db')));
    expect(readdirSync(dir).sort()).toEqual(['other.db', 'r.db']);
  });

  it('ends at SIGTERM after the batch, with everything written', async () => {
    const ran = await new Promise<{ out: string; code: number | null }>(resolve => {
      const process = spawn(globalThis.process.execPath, [child, file, '1'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let out = '';
      process.stdout.on('data', chunk => {
        if (out === '') process.kill('SIGTERM');
        out += chunk;
      });
      process.on('close', code => resolve({ out, code }));
    });
    expect(ran.code).toBe(0);
    const last = Number(ran.out.trim().split('\n').pop());
    expect(recordsOf(file).length).toBe(last);
    expect(last).toBeLessThan(80);
    expect(readdirSync(dir)).toEqual(['r.db']);
  });

  it.skipIf(process.platform === 'win32')('keeps what was written when no more can be', () => {
    // 256 blocks of 1024 bytes: room for the file and a few batches.
    const ran = spawnSync(
      'bash',
      ['-c', `ulimit -f 256; exec "${process.execPath}" "${child}" "${file}" 1`],
      {
        encoding: 'utf8',
      },
    );
    expect(ran.stderr).toMatch(/^cannot write .*r\.db; what was written before stays: [^\n]*\n$/);
    expect(ran.status).toBe(2);
    const last = Number(ran.stdout.trim().split('\n').pop());
    expect(last).toBeGreaterThan(0);
    expect(recordsOf(file).length).toBe(last);
    const again = spawnSync(process.execPath, [child, file, '1'], { encoding: 'utf8' });
    expect([again.status, again.stderr]).toEqual([0, '']);
    expect(recordsOf(file).length).toBe(80);
  });
});

describe('the lock', () => {
  const lockOf = (owner: object) => writeFileSync(`${file}.pid`, JSON.stringify(owner));
  const boot = (() => {
    try {
      return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    } catch {
      return null;
    }
  })();

  it('lets one process write, and names it', () => {
    const writer = write();
    expect(() => write()).toThrow(`${file} is being written by process ${process.pid}`);
    writer.close();
    write().close();
  });

  it('lets one of two processes write', async () => {
    const writer = write();
    const ran = spawnSync(process.execPath, [child, file], { encoding: 'utf8' });
    expect([ran.status, ran.stderr]).toEqual([2, `${file} is being written by process ${process.pid}\n`]);
    writer.close();
  });

  it('believes a process of another host', () => {
    lockOf({ pid: 7, host: 'elsewhere', boot: null, start: null });
    expect(() => write()).toThrow(
      `${file} is being written by process 7 on elsewhere (if that is gone, remove ${file}.pid)`,
    );
  });

  it.each([
    ['a process that is gone', { pid: 2 ** 30, host: hostname(), boot, start: null }],
    ['an earlier boot', { pid: process.pid, host: hostname(), boot: 'earlier', start: null }],
    ['a reused id', { pid: process.pid, host: hostname(), boot, start: '1' }],
    ['nobody', { pid: -1 }],
  ])('takes over what is left of %s', (_what, owner) => {
    if (boot === null && _what !== 'a process that is gone' && _what !== 'nobody') return;
    lockOf(owner);
    write().close();
    expect(readdirSync(dir)).toEqual(['r.db']);
  });

  it('lets one at a time write when many find a stale one', async () => {
    await filled(join(dir, 'other.db'));
    lockOf({ pid: 2 ** 30, host: hostname(), boot, start: null });
    const ran = await Promise.all(
      Array.from(
        { length: 6 },
        () =>
          new Promise<[number | null, string]>(resolve => {
            const one = spawn(process.execPath, [child, file, '1'], { stdio: ['ignore', 'ignore', 'pipe'] });
            let err = '';
            one.stderr.on('data', chunk => {
              err += chunk;
            });
            one.on('close', code => resolve([code, err]));
          }),
      ),
    );
    expect(ran.some(([code]) => code === 0)).toBe(true);
    for (const [code, err] of ran)
      if (code !== 0)
        expect([code, err]).toEqual([
          2,
          expect.stringMatching(/^[^\n]*(written by process|the lock)[^\n]*\n$/),
        ]);
    expect(recordsOf(file)).toEqual(recordsOf(join(dir, 'other.db')));
    expect(readdirSync(dir).filter(name => name.startsWith('r.db'))).toEqual(['r.db']);
  });

  it('stops a writer whose lock was taken away', () => {
    const writer = write();
    rmSync(`${file}.pid`);
    expect(() => writer.add([])).toThrow(/the lock .*r\.db\.pid was taken away/);
    writer.close();
  });
});

it('reads shards', () => {
  expect(shardOf('3/8')).toEqual({ index: 3, of: 8 });
  for (const bad of ['', '0/8', '9/8', '1', '1/0', '-1/2', '1/2/3', 'a/b', '1.5/2'])
    expect(shardOf(bad)).toBeUndefined();
});

function toDirectory(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

function patch(path: string, at: number, bytes: number[]): void {
  const all = readFileSync(path);
  all.set(bytes, at);
  writeFileSync(path, all);
}

function sql(path: string, text: string): void {
  const copy = `${path}.edit`;
  copyFileSync(path, copy);
  const db = new sqlite.Database(copy);
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec(text);
  db.close();
  copyFileSync(copy, path);
  rmSync(copy);
}
