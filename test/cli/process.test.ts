import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './bundle.ts';

let script: string;
let remove = () => {};

/** The command as a process. */
const nooks86 = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });

beforeAll(() => {
  ({ script, remove } = bundle());
});

afterAll(() => remove());

describe('the nooks86 process', () => {
  it('gives exit codes and one line on stderr', () => {
    const ran = nooks86('bild');
    expect([ran.status, ran.stdout, ran.stderr]).toEqual([2, '', "nooks86: unknown command 'bild'\n"]);
    expect(nooks86('--help').status).toBe(0);
  });

  it('ends quietly when nobody reads its output', async () => {
    const child = spawn(process.execPath, [script, 'help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', chunk => {
      err += chunk;
    });
    const code = await new Promise(resolve => child.on('close', resolve));
    expect([code, err]).toEqual([0, '']);
  });

  it('needs only a list of arguments to fail well', () => {
    writeFileSync(join(dirname(script), 'empty'), '');
    for (const args of [[''], ['--'], ['-x'], ['build', ''], ['help', 'nope']]) {
      const ran = nooks86(...args);
      expect(ran.stderr + ran.stdout).not.toMatch(/\n\s+at /);
      expect([0, 2]).toContain(ran.status);
    }
  });
});
