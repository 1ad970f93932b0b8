/** `nooks86 debug` as a command: scripts, pipes, exit codes, bad usage. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerDebug } from '../../cli/commands/debug.ts';
import { runProgram } from '../../cli/program.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';

let directory: string;
let image: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nooks86-debug-'));
  image = artefact(await buildBenchGuests({ only: ['call'], shift: 12 }), 'call.elf');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs `nooks86 debug ARGS` with `piped` on stdin. */
async function debug(args: string[], piped = '') {
  let [out, err] = ['', ''];
  const context = {
    out: (chunk: string | Uint8Array) => {
      out += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    },
    err: (text: string) => {
      err += text;
    },
    exitCode: 0,
  };
  const code = await runProgram(['debug', ...args], context, [
    (program, c) => registerDebug(program, c, Readable.from([piped])),
  ]);
  return { out, err, code };
}

function script(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

describe('input', () => {
  it('comes from a pipe, echoed; the guest’s serial port is heard', async () => {
    const { out, err, code } = await debug([image], 'until bench_run\nc\n');
    expect(out).toMatch(
      /^\(nooks86\) until bench_run\n[\s\S]*<bench_run\+0x\w+>[\s\S]*\(nooks86\) c\n[\s\S]*RESULT call/,
    );
    expect(out).toContain('the guest exits with code 0\n');
    expect([err, code]).toEqual(['', 0]);
  });

  it('goes on after an error in a pipe, and remembers it in the exit code', async () => {
    const { out, code } = await debug([image], 'frob\nprint 7\n');
    expect(out).toContain('error: no command frob; help lists them\n(nooks86) print 7\n$1 = 7\n');
    expect(code).toBe(2);
  });

  it('stops a script at its first error', async () => {
    const file = script('bad', 'print 1\nfrob\nprint 2\n');
    const { out, code } = await debug([image, '-x', file, '--batch'], 'print 3\n');
    expect(out).toContain('$1 = 1');
    expect(out).toContain('bad:2: the rest of the file is left out\n');
    expect(out).not.toMatch(/print [23]/);
    expect(code).toBe(2);
  });

  it('runs scripts, then what is piped, until quit', async () => {
    const [one, two] = [script('one', 'print 1\n'), script('two', 'print 2')];
    const { out, code } = await debug([image, '-x', one, '-x', two], 'print 3\nquit\nprint 4\n');
    expect(out.split('\n').filter(line => line.startsWith('$'))).toEqual(['$1 = 1', '$2 = 2', '$3 = 3']);
    expect(code).toBe(0);
  });

  it('is done well however the guest ends', async () => {
    // int3 without an IDT, from a Multiboot header that has addresses.
    const bytes = new Uint8Array(8192);
    const header = [0x1badb002, 1 << 16, -(0x1badb002 + (1 << 16)), 0x100000, 0x100000, 0, 0, 0x100020];
    header.forEach((v, n) => {
      new DataView(bytes.buffer).setInt32(4 * n, v | 0, true);
    });
    bytes[0x20] = 0xcc;
    const crash = join(directory, 'crash');
    writeFileSync(crash, bytes);
    const { out, err, code } = await debug([crash], 'continue\ncontinue\n');
    expect(out).toMatch(/triple fault/);
    expect([err, code]).toEqual(['', 0]);
  });

  it('runs a script from a script, and says which was not done', async () => {
    const inner = script('inner', 'print 1\nfrob\n');
    const outer = script('outer', `source ${inner}\nprint 2\n`);
    const { out, code } = await debug([image, '-x', outer, '--batch']);
    expect(out).toContain(`${inner}:2: the rest of the file is left out\n`);
    expect(out).toContain('outer:1: the rest of the file is left out\n');
    expect(code).toBe(2);
    expect((await debug([image], 'source /no/such/file\n')).out).toContain(
      'error: no such file: /no/such/file\n',
    );
  });

  it('ends at the end of input and at --max-cycles', async () => {
    expect((await debug([image])).code).toBe(0);
    const { out } = await debug([image, '--max-cycles', '1000'], 'continue');
    expect(out).toContain('the cycles are used up\n');
  });
});

describe('wrong usage', () => {
  it.each([
    [['/no/such/image'], 'no such file: /no/such/image'],
    [['IMAGE', '-x', '/no/such/script'], 'no such file: /no/such/script'],
    [['IMAGE', '--profile', 'z80'], 'unknown profile z80'],
    [['IMAGE', '--isolation', 'some'], '--isolation'],
    [['IMAGE', '--memory', '0'], '--memory must be a whole number from 1 to 2048'],
    [['IMAGE', '--gdb', '70000'], '--gdb must be a whole number from 0 to 65535'],
    [['IMAGE', 'another'], 'too many arguments'],
    [['IMAGE', '--frob'], "unknown option '--frob'"],
  ])('%j: one line and exit code 2', async (args, message) => {
    const { err, code } = await debug(args.map(arg => (arg === 'IMAGE' ? image : arg)));
    expect(err).toContain(message);
    expect(err.split('\n')).toHaveLength(2);
    expect(code).toBe(2);
  });

  it('refuses what is no image', async () => {
    const { err, code } = await debug([script('text', 'hello')]);
    expect(err).toMatch(/^nooks86: text: /);
    expect(code).toBe(2);
  });
});
