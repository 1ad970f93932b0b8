/** The prompt at a terminal, with keys instead of a person. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coloured, wantsColour } from '../../cli/colour.ts';
import { registerDebug } from '../../cli/commands/debug.ts';
import { appendHistory, historyPath, MAX_COMMANDS, readHistory } from '../../cli/history-file.ts';
import { runProgram } from '../../cli/program.ts';
import { converseAt, filesFrom } from '../../cli/prompt.ts';
import { buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { debugBench } from '../debug/rig.ts';

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const UP = '\x1b[A';

let directory: string;
let image: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nooks86-prompt-'));
  image = artefact(await buildBenchGuests({ only: ['call'], shift: 12 }), 'call.elf');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What a program writes, without what moves the cursor, and a wait for some text to come. */
function screen() {
  let text = '';
  const out = (chunk: string | Uint8Array) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    text += String(chunk).replace(/\x1b\[\d*[A-KX]/g, '');
  };
  const saw = async (what: string | RegExp) => {
    for (let n = 0; n < 1000; n++) {
      if (typeof what === 'string' ? text.includes(what) : what.test(text)) return;
      await setTimeout(10);
    }
    throw new Error(`no ${what} in ${JSON.stringify(text)}`);
  };
  return {
    out,
    saw,
    text: () => text,
    clear: () => {
      text = '';
    },
  };
}

/** `nooks86 debug ARGS` at a terminal. */
function atTerminal(args: string[], context: { terminal?: boolean } = {}) {
  const keys = Object.assign(new PassThrough(), { isTTY: true });
  const shown = screen();
  const code = runProgram(
    ['debug', image, ...args],
    { out: shown.out, err: shown.out, exitCode: 0, ...context },
    [(program, c) => registerDebug(program, c, keys)],
  );
  return { ...shown, keys, code };
}

describe('the prompt', () => {
  it('runs commands, repeats by an empty line, and leaves at the end of input', async () => {
    const { keys, saw, text, clear, code } = atTerminal([]);
    await saw('(nooks86) ');
    keys.write('until bench_run\r');
    await saw('cycle');
    keys.write('x/1xb $eip\r');
    await saw(/[0-9a-f]{8} <bench_run\+0x\w+>: {2}0x/);
    const [, first] = /\+0x(\w+)>: {2}0x/.exec(text()) ?? [];
    clear();
    // Goes on with the next byte.
    keys.write('\r');
    await saw(`+0x${(Number.parseInt(first, 16) + 1).toString(16)}>:  0x`);
    keys.write('print 7\r');
    await saw('$1 = 7');
    clear();
    // Not a command that repeats.
    keys.write('\r');
    await saw('(nooks86) ');
    expect(text()).not.toMatch(/0x|\$2/);
    keys.write(CTRL_D);
    expect(await code).toBe(0);
  });

  it('an error is no exit code here', async () => {
    const { keys, saw, code } = atTerminal([]);
    await saw('(nooks86) ');
    keys.write('frob\r');
    await saw('error: no command frob');
    keys.write('quit\r');
    expect(await code).toBe(0);
  });

  it('Ctrl-C clears the line; twice at an empty one, it says how to leave', async () => {
    const { keys, saw, text, code } = atTerminal([]);
    await saw('(nooks86) ');
    keys.write(`quit${CTRL_C}`);
    await saw('^C');
    keys.write(CTRL_C);
    await saw(/\^C[\s\S]*\^C/);
    expect(text()).not.toContain('leaves');
    keys.write(CTRL_C);
    await saw('quit or Ctrl-D leaves');
    keys.write('print 9\r');
    await saw('$1 = 9');
    keys.write(CTRL_D);
    expect(await code).toBe(0);
  });

  it('Ctrl-C stops the guest and not the debugger', async () => {
    const keys = Object.assign(new PassThrough(), { isTTY: true });
    const shown = screen();
    const interrupt = { wanted: false };
    const { interpreter, target } = await debugBench('alu');
    // A run that never ends unless it is asked to.
    const execute = interpreter.execute.bind(interpreter);
    interpreter.execute = async line => {
      if (line !== 'run') return execute(line);
      while (!interrupt.wanted) await setTimeout(1);
      shown.out('stopped\n');
      return true;
    };
    const output = new PassThrough();
    output.on('data', chunk => shown.out(chunk));
    const done = converseAt({ input: keys, output }, interpreter, interrupt);
    await shown.saw('(nooks86) ');
    keys.write('run\r');
    await setTimeout(20);
    keys.write(CTRL_C);
    await shown.saw('stopped');
    keys.write('until bench_run\r');
    for (let n = 0; n < 500 && target.symbols.lookup(target.pc())?.symbol.name !== 'bench_run'; n++)
      await setTimeout(10);
    expect(target.symbols.lookup(target.pc())?.symbol.name).toBe('bench_run');
    keys.write('quit\r');
    await done;
  });

  it('completes by Tab', async () => {
    const { keys, saw, code } = atTerminal([]);
    await saw('(nooks86) ');
    keys.write('brea\t');
    await saw('break ');
    keys.write('bench_r\t');
    await saw('bench_run ');
    keys.write('\r');
    await saw('breakpoint 1 at');
    keys.write('quit\r');
    expect(await code).toBe(0);
  });

  it('keeps commands for the next session', async () => {
    const { interpreter } = await debugBench('call');
    const history = join(directory, 'kept');
    writeFileSync(history, 'print 1234\n');
    const [input, output] = [Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()];
    const shown = screen();
    output.on('data', chunk => shown.out(chunk));
    const done = converseAt({ input, output, history }, interpreter, { wanted: false });
    await shown.saw('(nooks86) ');
    input.write(UP);
    await shown.saw('print 1234');
    input.write('5\rquit\r');
    await done;
    expect(readFileSync(history, 'utf8')).toBe('print 1234\nprint 12345\nquit\n');
    expect(statSync(history).mode & 0o777).toBe(0o600);
  });
});

describe('the history file', () => {
  it('is bounded, private, and left alone where it is none', () => {
    const path = join(directory, 'history');
    appendHistory(path, [
      ...Array.from({ length: MAX_COMMANDS + 5 }, (_, n) => `print ${n}`),
      '',
      'a\x1b[2Jb',
      'x'.repeat(2000),
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    appendHistory(path, ['last']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const kept = readHistory(path);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([MAX_COMMANDS, 'print 6', 'last']);
    const link = join(directory, 'link');
    symlinkSync(path, link);
    appendHistory(link, ['by a link']);
    expect(readHistory(link)).toEqual([]);
    expect(readHistory(path).at(-1)).toBe('last');
    expect(readHistory(join(directory, 'none'))).toEqual([]);
    appendHistory(join(directory, 'no', 'such', 'place'), ['x']);
  });

  it('is where the user says', () => {
    expect(historyPath({ NOOKS86_HISTORY: '/x/y' })).toBe('/x/y');
    expect(historyPath({ NOOKS86_HISTORY: '' })).toBeUndefined();
    expect(historyPath({})).toMatch(/\/\.nooks86_history$/);
  });

  it('lists files for completion', () => {
    writeFileSync(join(directory, 'script-one'), '');
    expect(filesFrom(join(directory, 'script-'))).toEqual([join(directory, 'script-one')]);
    expect(filesFrom('/no/such/')).toEqual([]);
  });
});

describe('colour', () => {
  it('tells the parts of an answer apart and changes none', () => {
    const text =
      '=> c01191da <nooks_kernel_call>:  pushf\nerror: no symbol x\nnooks/xpc.S:115  [xpc; cycle 31,480,870.75]\n';
    const seen = coloured(text);
    expect(seen).toContain('\x1b[1;32m=>\x1b[0m \x1b[34mc01191da\x1b[0m \x1b[33m<nooks_kernel_call>\x1b[0m');
    expect(seen).toContain('\x1b[31merror: no symbol x\x1b[0m');
    expect(seen).toContain('\x1b[32mnooks/xpc.S:115\x1b[0m');
    expect(coloured('0x00000000 -> 0x00230000')).toContain('-> \x1b[1;35m0x00230000\x1b[0m');
    expect(coloured('#1  f000000d init_module+0xd')).toContain('\x1b[33minit_module\x1b[0m+0xd');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them
    expect(seen.replace(/\x1b\[[\d;]*m/g, '')).toBe(text);
  });

  it('is for terminals whose user wants it', async () => {
    expect(wantsColour(true, true, {})).toBe(true);
    expect(wantsColour(false, true, {})).toBe(false);
    expect(wantsColour(true, false, {})).toBe(false);
    expect(wantsColour(true, true, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColour(true, true, { NO_COLOR: '' })).toBe(true);
    expect(wantsColour(true, true, { TERM: 'dumb' })).toBe(false);
    const said = async (args: string[], terminal: boolean) => {
      const { keys, saw, text, code } = atTerminal(args, { terminal });
      await saw('(nooks86) ');
      keys.write('frob\rquit\r');
      await code;
      return text();
    };
    if (!process.env.NO_COLOR && process.env.TERM !== 'dumb')
      expect(await said([], true)).toContain('\x1b[31merror');
    expect(await said(['--no-color'], true)).not.toContain('\x1b[31merror');
    expect(await said([], false)).not.toContain('\x1b[31merror');
  });
});
