/** gdb as an oracle: what it prints of a file, or of a guest that stands where ours does. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { framesElf } from '../../../debug/gdb/frames.ts';
import { serveGdb } from '../../../debug/gdb/server.ts';
import { kernelPath } from '../../../debug/gdb/symbols.ts';
import type { Target } from '../../../debug/target.ts';
import { serving } from '../gdb/client.ts';

const run = promisify(execFile);
export const installed = spawnSync('gdb', ['--version']).status === 0;

const QUIET = [
  'set width 0',
  'set height 0',
  'set pagination off',
  'set style enabled off',
  'set confirm off',
];

/** gdb's answer to each command, as it stands. */
async function ask(before: readonly string[], commands: readonly string[]): Promise<string[]> {
  const lines = [...QUIET, ...before, ...[...commands, 'echo'].flatMap(c => [`echo \\n@@\\n`, c])];
  const { stdout, stderr } = await run('gdb', ['-nx', '-batch', ...lines.flatMap(l => ['-ex', l])], {
    timeout: 60_000,
    maxBuffer: 1 << 26,
  });
  const answers = stdout.split('\n@@\n').slice(1, -1);
  if (answers.length !== commands.length) throw new Error(stdout + stderr);
  return answers.map(a => a.trimEnd());
}

export function askOfFile(path: string, ...commands: string[]): Promise<string[]> {
  return ask([`file ${path}`], commands);
}

/** Of the guest as it stands; with the rules of our kernel's borders. */
export async function askOfTarget(target: Target, ...commands: string[]): Promise<string[]> {
  const served = serving(target, target.session && kernelPath(target.session));
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-gdb-'));
  const frames = target.session && framesElf(target.session);
  if (frames) writeFileSync((served.frames = join(directory, 'frames.elf')), frames);
  const server = await serveGdb(served, 0);
  try {
    return await ask([`target remote 127.0.0.1:${server.port}`], commands);
  } finally {
    server.close();
    await server.closed;
    rmSync(directory, { recursive: true, force: true });
  }
}
