import { describe, expect, it } from 'vitest';
import { UsageError } from '../../cli/context.ts';
import type { RegisterCommand } from '../../cli/program.ts';
import { GuestError } from '../../guest/error.ts';
import { nooks86 } from './command.ts';

const failing =
  (error: unknown): RegisterCommand =>
  program => {
    program.command('fail').action(async () => {
      throw error;
    });
  };

const leaving: RegisterCommand = (program, context) => {
  program.command('leave').action(() => {
    context.exitCode = 42;
  });
};

describe('nooks86', () => {
  it.each([
    [[], 'no command given; nooks86 --help lists them'],
    [['bild'], "unknown command 'bild'"],
    [['build', '--nope'], "unknown option '--nope'"],
    [['--nope'], "unknown option '--nope'"],
    [['build', '--out'], "option '--out <dir>' argument missing"],
    [['build', 'no-such-thing'], "nothing in the guest's sources makes no-such-thing"],
  ])('answers %j with one line and exit code 2', async (args, line) => {
    expect(await nooks86(args)).toEqual({ code: 2, out: '', err: `nooks86: ${line}\n` });
  });

  it.each([[['--help']], [['help']], [['build', '--help']]])('helps on stdout for %j', async args => {
    const ran = await nooks86(args);
    expect([ran.code, ran.err]).toEqual([0, '']);
    expect(ran.out).toMatch(/^Usage: nooks86 /);
  });

  it('leaves the exit code that a command sets', async () => {
    expect((await nooks86(['leave'], [leaving])).code).toBe(42);
  });

  it.each([
    ['an error of many lines', new UsageError('first\nsecond'), 2, 'nooks86: first\n'],
    [
      'diagnostics',
      new GuestError('cannot compile a.c', 'a.c:1: bad'),
      2,
      'a.c:1: bad\nnooks86: cannot compile a.c\n',
    ],
    [
      'a fault of ours',
      new TypeError('x is undefined'),
      70,
      'nooks86: internal error: x is undefined (NOOKS86_DEBUG=1 shows where)\n',
    ],
    ['no error at all', 'odd', 70, 'nooks86: internal error: odd (NOOKS86_DEBUG=1 shows where)\n'],
  ])('turns %s into lines without a stack', async (_what, error, code, err) => {
    expect(await nooks86(['fail'], [failing(error)])).toEqual({ code, out: '', err });
  });

  it('takes a failed system call for the trouble of the user', async () => {
    const denied = Object.assign(new Error('EACCES: permission denied, mkdir /x'), { syscall: 'mkdir' });
    const err = 'nooks86: EACCES: permission denied, mkdir /x\n';
    expect(await nooks86(['fail'], [failing(denied)])).toEqual({ code: 2, out: '', err });
  });
});
