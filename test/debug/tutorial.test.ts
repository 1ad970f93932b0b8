/**
 * docs/debugging.md is a session: its commands, replayed, print what it says. Addresses, cycles and line numbers
 * change with every build, so they are masked; NOOKS86_UPDATE_DOCS=1 writes the page anew.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runProgram } from '../../cli/program.ts';

const PAGE = join(import.meta.dirname, '../../docs/debugging.md');
const PROMPT = '(nooks86) ';
const BLOCK = /```console\n([\s\S]*?)```\n/g;

async function transcript(commands: readonly string[]): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-debug-'));
  let text = '';
  try {
    writeFileSync(join(directory, 'session'), `${commands.join('\n')}\n`);
    const context = {
      out: (chunk: string | Uint8Array) => {
        text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      },
      err: (line: string) => {
        text += line;
      },
      exitCode: 0,
    };
    expect(await runProgram(['debug', '-x', join(directory, 'session'), '--batch'], context), text).toBe(0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return text.split(PROMPT).slice(1);
}

/** What is compared of an answer whose rest depends on timing: so many lines of it. */
const COMPARED: Readonly<Record<string, number>> = { stats: 1, tlb: 1, bt: 4, domain: 2 };

/** By command, with numbers out, and blanks with them: widths follow the numbers. */
function masked(page: string): string[][] {
  const sessions = [...page.matchAll(BLOCK)].map(([, block]) => block).join('');
  return sessions.split(PROMPT).map(answer => {
    const lines = answer.trimEnd().split('\n');
    const compared = COMPARED[lines[0].split(' ')[0]];
    return lines.slice(0, compared === undefined ? undefined : compared + 1).map(maskLine);
  });
}

function maskLine(line: string): string {
  return line
    .replace(/\b(0x)?[0-9a-f]*\d[0-9a-f,.]*\b/g, '#')
    .replace(/\s+/g, ' ')
    .trim();
}

it('prints what the page says', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const commands = [...page.matchAll(BLOCK)].flatMap(([, block]) =>
    block.split('\n').flatMap(line => (line.startsWith(PROMPT) ? [line.slice(PROMPT.length)] : [])),
  );
  expect(commands.length).toBeGreaterThan(20);
  const answers = await transcript(commands);
  expect(answers).toHaveLength(commands.length);
  let n = 0;
  const fresh = page.replace(BLOCK, (_, block: string) => {
    const count = block.split('\n').filter(line => line.startsWith(PROMPT)).length;
    const session = answers.slice(n, n + count).map(answer => PROMPT + answer);
    n += count;
    return `\`\`\`console\n${session.join('')}\`\`\`\n`;
  });
  if (process.env.NOOKS86_UPDATE_DOCS) writeFileSync(PAGE, fresh);
  else expect(masked(page)).toEqual(masked(fresh));
});
