/** Commands that run the guest. */
import { type Command, type Context, count } from '../command.ts';
import type { Control } from '../control.ts';
import { CommandError } from '../error.ts';
import { locations } from '../locations.ts';
import type { Stop } from '../model.ts';
import { runAndTell } from '../stops.ts';

const MAX_STEPS = 1_000_000_000;
const MAX_CYCLES = 2 ** 50;

export const RUN: readonly Command[] = [
  {
    name: 'step',
    alias: 's',
    usage: '[N]',
    summary: 'to another source line, into functions that have lines; N times',
    example: 'step 3',
    repeats: true,
    run: steps((control, n, limit) => control.step(n, limit)),
  },
  {
    name: 'next',
    alias: 'n',
    usage: '[N]',
    summary: 'to another source line, over all that is called',
    example: 'next',
    repeats: true,
    run: steps((control, n, limit) => control.next(n, limit)),
  },
  {
    name: 'stepi',
    alias: 'si',
    usage: '[N]',
    summary: 'one instruction, or N; an interrupt that is delivered counts as one',
    example: 'stepi 10',
    repeats: true,
    run: steps((control, n, limit) => control.stepi(n, limit)),
  },
  {
    name: 'nexti',
    alias: 'ni',
    usage: '[N]',
    summary: 'one instruction, but all of what it calls (CALL, INT n) or repeats (REP)',
    example: 'nexti',
    repeats: true,
    run: steps((control, n, limit) => control.nexti(n, limit)),
  },
  {
    name: 'stepx',
    alias: 'sx',
    usage: '[in | out]',
    summary: 'run until the next crossing: in, from the kernel to a domain, or out; calls and returns alike',
    example: 'stepx in',
    complete: 'in|out',
    repeats: true,
    run(c, args) {
      if (args !== '' && args !== 'in' && args !== 'out') throw new CommandError(`not in or out: ${args}`);
      return runAndTell(c, c.control.untilXpc(args === '' ? 'any' : args, c.limit));
    },
  },
  {
    name: 'finish',
    alias: 'fin',
    usage: '',
    summary: 'run until the current function has returned',
    example: 'finish',
    run(c, args) {
      if (args !== '') throw new CommandError(`too much: ${args}`);
      return runAndTell(c, c.control.finish(c.limit));
    },
  },
  {
    name: 'continue',
    alias: 'c',
    usage: '[CYCLES]',
    summary: 'run until something stops the guest, at most that many cycles',
    example: 'continue 1000000',
    repeats: true,
    run: (c, args) => runAndTell(c, c.control.continue(args ? count(args, 1, MAX_CYCLES) : c.limit)),
  },
  {
    name: 'until',
    alias: 'u',
    usage: '[LOCATION]',
    summary: 'run until LOCATION is reached; without one, like next, but out of a loop',
    example: 'until nooks_enter_domain',
    complete: 'location',
    repeats: true,
    run: (c, args) => (args === '' ? runAndTell(c, c.control.until(c.limit)) : advance(c, args)),
  },
  {
    name: 'advance',
    usage: 'LOCATION',
    summary: 'run until LOCATION is reached, or something else stops the guest',
    example: 'advance e1000_intr',
    complete: 'location',
    run: advance,
  },
];

function steps(run: (control: Control, n: number, limit?: number) => Promise<Stop>): Command['run'] {
  return (c, args) => runAndTell(c, run(c.control, count(args, 1, MAX_STEPS), c.limit));
}

function advance(c: Context, args: string): Promise<void> {
  const places = locations(c.target, args);
  if (places.length > 0) return runAndTell(c, c.control.runToAny(places, c.limit));
  // What a module to come has is reached once it is loaded.
  const { points } = c.control;
  const awaited = points.add({ kind: 'breakpoint', text: args, temporary: true });
  return runAndTell(
    c,
    c.control.continue(c.limit).finally(() => points.remove(awaited.id)),
  );
}
