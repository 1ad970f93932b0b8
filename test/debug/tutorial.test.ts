/**
 * docs/debugging.md is two sessions: its commands, replayed, print what it says, byte for byte. Cycles and addresses
 * are the guest's, and the guest's build is pinned. NOOKS86_UPDATE_DOCS=1 writes the page anew.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { registerDebug } from '../../cli/commands/debug.ts';
import { registerInject } from '../../cli/commands/inject.ts';
import { registerReplay } from '../../cli/commands/replay.ts';
import { MACHINERY } from '../../inject/campaign/machinery.ts';
import type { Parts } from '../../inject/campaign/parts.ts';
import { Runner } from '../../inject/campaign/runner.ts';
import { nooks86 } from '../cli/command.ts';

const PAGE = join(import.meta.dirname, '../../docs/debugging.md');
const SHELL = '$ nooks86 ';
const PROMPT = '(nooks86) ';
const BLOCK = /```console\n([\s\S]*?)```\n/g;

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nooks86-tutorial-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The real parts, in this process. */
const PARTS: Parts = {
  ...MACHINERY,
  openWorker(campaign) {
    const runner = new Runner(configuration => MACHINERY.openBench(campaign, configuration));
    return { run: async job => runner.run(job), close: async () => {} };
  },
};

/** A command of the shell, and what is typed into it. */
interface Run {
  shell: string;
  typed: string[];
}

function runsOf(page: string): Run[] {
  const runs: Run[] = [];
  for (const [, block] of page.matchAll(BLOCK))
    for (const line of block.split('\n')) {
      if (line.startsWith(SHELL)) runs.push({ shell: line.slice(SHELL.length), typed: [] });
      else if (line.startsWith(PROMPT)) runs.at(-1)!.typed.push(line.slice(PROMPT.length));
    }
  return runs;
}

/** What it prints, by command: first what comes before any. Files are in the test's directory. */
async function answers({ shell, typed }: Run): Promise<string[]> {
  const [command, sink] = shell.split(' > ');
  const args = command.split(' ').map(arg => (arg.endsWith('.db') ? join(directory, arg) : arg));
  const input = Readable.from(typed.map(line => `${line}\n`));
  const { out, code } = await nooks86(args, [
    (program, context) => registerDebug(program, context, input),
    (program, context) => registerInject(program, context, async () => PARTS),
    (program, context) => registerReplay(program, context, async () => PARTS, input),
  ]);
  expect(code, out).toBe(0);
  const said = out.split(PROMPT);
  expect(said).toHaveLength(typed.length + 1);
  return sink === undefined ? said : [''];
}

it('prints what the page says', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const runs = runsOf(page);
  expect(runs.map(run => run.shell.split(' ')[0])).toEqual(['debug', 'inject', 'replay']);
  const said: string[] = [];
  for (const run of runs) {
    const [first, ...rest] = await answers(run);
    said.push(`${SHELL}${run.shell}\n${first}`, ...rest.map(answer => PROMPT + answer));
  }
  let n = 0;
  const fresh = page.replace(BLOCK, (_, block: string) => {
    const count = block.split('\n').filter(line => line.startsWith(SHELL) || line.startsWith(PROMPT)).length;
    const session = said.slice(n, n + count);
    n += count;
    return `\`\`\`console\n${session.join('')}\`\`\`\n`;
  });
  expect(n).toBe(said.length);
  if (process.env.NOOKS86_UPDATE_DOCS) writeFileSync(PAGE, fresh);
  else expect(page).toBe(fresh);
});
