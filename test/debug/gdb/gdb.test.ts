/** Sessions of the real gdb. Skipped where it is not installed. */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../../cli/program.ts';
import { framesElf } from '../../../debug/gdb/frames.ts';
import { serveGdb } from '../../../debug/gdb/server.ts';
import { kernelPath } from '../../../debug/gdb/symbols.ts';
import type { Target } from '../../../debug/target.ts';
import { Structs } from '../../../debug/views/structs.ts';
import { benchTarget, kernelTarget, serving } from './client.ts';

const run = promisify(execFile);
const installed = spawnSync('gdb', ['--version']).status === 0;
const directory = mkdtempSync(join(tmpdir(), 'nooks86-gdb-'));
let scripts = 0;

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const QUIET = [
  'set width 0',
  'set height 0',
  'set confirm off',
  'set pagination off',
  'set style enabled off',
];

/** All that gdb says to these commands. */
async function gdb(...commands: string[]): Promise<string> {
  const file = join(directory, `script${scripts++}`);
  writeFileSync(file, [...QUIET, 'set breakpoint pending on', ...commands, ''].join('\n'));
  const { stdout, stderr } = await run('gdb', ['-nx', '-batch', '-x', file], { timeout: 60_000 });
  return stdout + stderr;
}

/** The same, connected to `target`, which is left as the commands leave it. */
async function session(target: Target, ...commands: string[]): Promise<string> {
  const served = serving(target, target.session && kernelPath(target.session));
  const frames = target.session && framesElf(target.session);
  served.frames = frames && join(directory, 'frames.elf');
  if (frames) writeFileSync(join(directory, 'frames.elf'), frames);
  const server = await serveGdb(served, 0);
  try {
    return await gdb(`target remote 127.0.0.1:${server.port}`, ...commands);
  } finally {
    server.close();
    await server.closed;
  }
}

describe.skipIf(!installed)('gdb (skipped if it is not installed)', () => {
  it('reads registers, memory and disassembly at the kernel’s entry, and finds the kernel’s file', async () => {
    const text = await session(
      await kernelTarget(),
      ...[
        'info registers eip cs',
        'info registers cr0 cr3',
        'p $st0',
        'x/i $pc',
        'p domain_cr3',
        'info threads',
      ],
    );
    expect(text).toMatch(/Reading symbols from .*kernel\.elf/);
    expect(text).toMatch(/^eip +0x[0-9a-f]+ +0x[0-9a-f]+$/m);
    expect(text).toMatch(/^cr0 +0x11 +\[ PE ET \]$/m);
    expect(text).toMatch(/^\$1 = 0$/m);
    expect(text).toMatch(/^=> 0x[0-9a-f]+:\tcli/m);
    expect(text).toMatch(/^\$2 = 0$/m);
    expect(text).toMatch(/^\* 1 +Thread 65536 "cpu"/m);
  });

  it('breaks in a module that is yet to come, shows frames, and steps over a crossing', async () => {
    const text = await session(
      await kernelTarget(),
      'break e1000_open',
      'continue',
      'info args',
      'print netdev->name',
      'print nooks_stats[0].to_kernel',
      'next',
      'next',
      'next',
      'print nooks_stats[0].to_kernel',
      'info threads',
      'monitor domain',
      'up',
      'thread 2',
      'bt',
    );
    expect(text).toMatch(
      /hit Breakpoint 1, e1000_open \(netdev=0x[0-9a-f]+\) at drivers\/e1000\/e1000\.c:\d+/,
    );
    expect(text).toContain('= "eth0"');
    expect(text).toMatch(/^\* \d+ +Thread \d+ "keventd" \(running, kernel thread, in domain 1 \(e1000\)\)/m);
    expect(text).toMatch(/ +Thread \d+ "init" \([\w, ]*process\)/);
    expect(text).toMatch(/=> 1 +e1000 +running/);
    expect(text).toMatch(/#\d+ +(0x[0-9a-f]+ in )?schedule \(\) at kernel\/core\/sched\.c/);
    const before = /^\$2 = (\d+)/m.exec(text);
    const after = /^\$3 = (\d+)/m.exec(text);
    // e1000_setup_tx allocates its rings through the kernel: calls of the kernel were stepped over.
    expect(Number(after?.[1])).toBeGreaterThan(Number(before?.[1]));
  });

  it('goes back across crossings and an interrupt in a domain', async () => {
    const text = await session(
      await kernelTarget(),
      ...['break e1000_open', 'continue', 'tbreak nooks_dispatch', 'continue', 'bt', 'delete'],
      ...[
        'break e1000_intr',
        'continue',
        'echo ---\\n',
        'bt',
        'thread 2',
        'bt',
        'thread 3',
        'finish',
        'finish',
      ],
    );
    const [first, second] = text.split('---\n');
    const names = (lines: string) =>
      [...lines.matchAll(/^#\d+ +(?:0x[0-9a-f]+ in )?([\w<][^(\n]*?)(?: \(.*)?$/gm)].map(([, name]) => name);
    const border = '<signal handler called>';
    const crossing = [border, 'cross', 'nooks_driver_call_with', 'nooks_driver_call'];
    const outer = ['e1000_open', ...crossing, 'call_method', 'nd_open', 'dev_open'];
    expect(names(first).slice(0, 11)).toEqual(['nooks_dispatch', border, 'e1000_setup_tx', ...outer]);
    const inner = ['e1000_intr', ...crossing, 'handle', 'run_handlers', 'do_irq', 'do_trap', border];
    expect(names(second).slice(0, inner.length + outer.length)).toEqual([...inner, ...outer]);
    // Another thread, back into its program.
    expect(names(second)).toContain('return_to_user');
    expect(second).toMatch(/^0x[0-9a-f]+ in cross \(/m);
  });

  it('watches a kernel variable, and stops on a condition', async () => {
    const text = await session(
      await kernelTarget(),
      'break e1000_xmit_frame if skb->len > 100',
      'continue',
      'print skb->len > 100',
      'delete',
      'watch jiffies',
      'continue',
      'delete',
      'rwatch domain_cr3',
      'continue',
    );
    expect(text).toMatch(/^\$1 = 1$/m);
    const [, from, to] = /Old value = (\d+)\nNew value = (\d+)\ndo_timer/.exec(text) ?? [];
    expect(Number(to)).toBe(Number(from) + 1);
    expect(text).toMatch(/hit Hardware read watchpoint 3: domain_cr3\n\nValue = /);
  });

  it('takes the lines of gdb-symbols', async () => {
    const file = join(directory, 'symbols');
    const text = await session(
      await kernelTarget(),
      'break e1000_open',
      'continue',
      'delete',
      // Not what gdb found by itself.
      'set auto-solib-add off',
      'nosharedlibrary',
      'symbol-file',
      'info symbol $pc',
      `pipe monitor gdb-symbols netsend | cat > ${file}`,
      `source ${file}`,
      'info symbol $pc',
      'info line e1000_open',
      'monitor gdb-symbols nothing',
    );
    expect(text).toMatch(/No symbol|no symbol/i);
    expect(text).toMatch(/e1000_open \+ \d+ in section \.text of .*e1000\.ko/);
    expect(text).toMatch(/^Line \d+ of "drivers\/e1000\/e1000\.c"/m);
    expect(text).toContain('no program nothing; there are: init, netsend');
  });

  it('writes registers and memory', async () => {
    const text = await session(
      await benchTarget(),
      ...['set var $ebx = 0x1234', 'print/x $ebx', 'set {int}0x200000 = 77', 'print {int}0x200000'],
    );
    expect(text).toMatch(/^\$1 = 0x1234$/m);
    expect(text).toMatch(/^\$2 = 77$/m);
  });

  it('says how the guest ended', async () => {
    expect(await session(await benchTarget(), 'continue')).toContain('exited normally]');
  });

  it('agrees with the kernel’s debug information on where a task’s fields are', async () => {
    const target = await kernelTarget();
    const fields = ['esp', 'cr3', 'state', 'pid', 'comm', 'kstack', 'mm', 'tasks'];
    const task = Structs.of(target).at('struct task_struct', 0);
    const text = await gdb(
      `file ${target.session && kernelPath(target.session)}`,
      ...fields.map(name => `print (int)&((struct task_struct *)0)->${name}`),
    );
    expect([...text.matchAll(/^\$\d+ = (\d+)$/gm)].map(([, offset]) => Number(offset))).toEqual(
      fields.map(name => task.place(name)),
    );
  });

  it('breaks in the driver, steps over a crossing, watches a variable, and goes back to the write that broke it', async () => {
    const text = await session(
      await kernelTarget(),
      ...['break e1000_open', 'continue', 'print nooks_stats[0].to_kernel', 'next', 'next', 'delete'],
      ...['print nooks_stats[0].to_kernel', 'watch nooks_stats[0].to_kernel', 'reverse-continue', 'x/i $pc'],
      ...[
        'delete',
        'stepi',
        'print nooks_stats[0].to_kernel',
        'reverse-stepi',
        'print nooks_stats[0].to_kernel',
      ],
      ...['reverse-continue', 'info registers eip'],
    );
    const [before, behind, again, back] = [...text.matchAll(/^\$\d = (\d+)$/gm)].map(([, n]) => Number(n));
    expect(behind).toBeGreaterThan(before);
    // Seen backwards, what was written is the old value; then the write is done once more, and undone.
    expect(text).toContain(`Old value = ${behind}\nNew value = ${behind - 1}\n`);
    expect([again, back]).toEqual([behind, behind - 1]);
    expect(text).toMatch(/nooks_dispatch .* at nooks\/xpc\.c:\d+/);
    expect(text).toContain('No more reverse-execution history.');
    expect(text).toMatch(/^eip +0x100010/m);
  });

  it('changes nothing by looking: same cycle, instructions and memory at the end', async () => {
    const outcome = ({ machine }: Target) => ({
      cycles: machine.cycles(),
      instructions: machine.cpu.instructions,
      ram: createHash('sha256').update(machine.readPhysical(0, machine.ramSize)).digest('hex'),
    });
    const plain = await kernelTarget();
    expect(plain.machine.run(1e9).reason).toBe('exit');
    const target = await kernelTarget();
    const text = await session(
      target,
      ...[
        'break e1000_xmit_frame',
        'continue',
        'bt',
        'info threads',
        'info registers',
        'next',
        'next',
        'stepi',
      ],
      ...['watch jiffies', 'continue', 'delete', 'tbreak udp_sendmsg', 'continue', 'finish', 'x/100xb $esp'],
      ...['monitor walk $esp', 'monitor tlb', 'continue'],
    );
    expect(text).toContain('exited normally]');
    expect(outcome(target)).toEqual(outcome(plain));
  });
});

it.skipIf(!installed)(
  'nooks86 debug --gdb says how to connect, and ends when gdb kills the guest',
  async () => {
    let out = '';
    let port = (_: string) => {};
    const listening = new Promise<string>(resolve => {
      port = resolve;
    });
    const context = {
      out: (chunk: string | Uint8Array) => {
        out += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
        const found = /^gdb: target remote (127\.0\.0\.1:\d+)$/m.exec(out);
        if (found) port(found[1]);
      },
      err: (text: string) => {
        out += text;
      },
      exitCode: 0,
    };
    const ended = runProgram(['debug', '--gdb', '0'], context);
    const text = await gdb(`target remote ${await listening}`, 'tbreak schedule', 'continue', 'kill');
    expect(text).toMatch(/Temporary breakpoint 1, schedule \(\) at/);
    expect(await ended).toBe(0);
    expect(out).toMatch(/^gdb: symbol-file .*kernel\.elf$/m);
  },
);
