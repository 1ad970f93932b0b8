/** `nooks86 run` with other people's systems: which options go together, and what bad files get for an answer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nooks86 } from './command.ts';

let dir: string;
const file = (name: string) => join(dir, name);

/** A ROM whose first instruction behind the reset vector ends the run with code 42. */
function rom(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set([0xb0, 42, 0xe6, 0xf4, 0xf4], size - 0x1000); // mov al, 42; out 0F4h, al; hlt
  bytes.set([0xea, 0x00, 0xf0, 0x00, 0xf0], size - 16); // jmp F000:F000
  return bytes;
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nooks86-boot-'));
  writeFileSync(file('rom64'), rom(0x10000));
  writeFileSync(file('rom256'), rom(0x40000));
  writeFileSync(file('odd'), new Uint8Array(0x10001));
  writeFileSync(file('empty'), '');
  writeFileSync(file('junk'), 'x'.repeat(5000));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (args: string) =>
  nooks86(['run', ...args.split(' ').map(a => (a.startsWith('@') ? file(a.slice(1)) : a))]);

describe('nooks86 run', () => {
  it.each(['rom64', 'rom256'])('starts %s at its reset vector', async name => {
    expect(await run(`--bios @${name} --memory 1 --profile flat`)).toEqual({ code: 42, out: '', err: '' });
  });

  it.each([
    ['--memory 4', 'nothing to boot: give an image, --linux, --disk or --bios'],
    ['@junk --linux @junk', 'only one of an image, --linux and --bios'],
    ['@junk --bios @rom64', 'only one of an image, --linux and --bios'],
    ['--linux @junk --bios @rom64', 'only one of an image, --linux and --bios'],
    ['@junk --initrd @junk', '--initrd goes with --linux only'],
    ['--bios @rom64 --append x', '--append goes with an image or --linux only'],
    ['--bios @rom64 --module @junk', '--module goes with a Multiboot image only'],
    ['--bios @odd', 'ROM of 65537 bytes: must be 64 KiB to 16 MiB in steps of 64 KiB'],
    ['--bios @empty', 'ROM of 0 bytes'],
    ['--bios @nothing', 'no such file'],
    ['--linux @nothing', 'no such file'],
    ['--linux @empty', 'neither an ELF file nor a bzImage'],
    ['--linux @junk', 'neither an ELF file nor a bzImage'],
    ['--linux @junk --initrd @nothing', 'no such file'],
  ])('answers %s in one line', async (args, line) => {
    const ran = await run(args);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toMatch(/^nooks86: [^\n]+\n$/);
    expect(ran.err).toContain(line);
  });
});
