/** Commands that run the guest. */
import { alone, type Command, count } from '../command.ts';
import { location } from '../expression.ts';
import { runAndTell } from '../stops.ts';

const MAX_STEPS = 1_000_000_000;
export const RUN: readonly Command[] = [
  {
    name: 'step',
    alias: 's',
    usage: '[N]',
    summary: 'one instruction, or N; an interrupt that is delivered counts as one',
    example: 'step 10',
    repeats: true,
    run: (c, args) => runAndTell(c, c.control.step(count(args, 1, MAX_STEPS), c.limit)),
  },
  {
    name: 'next',
    alias: 'n',
    usage: '',
    summary: 'one instruction, but all of what it calls (CALL, INT n) or repeats (REP)',
    example: 'next',
    repeats: true,
    run: alone(c => runAndTell(c, c.control.next(c.limit))),
  },
  {
    name: 'finish',
    usage: '',
    summary: 'run until the current function has returned',
    example: 'finish',
    run: alone(c => runAndTell(c, c.control.finish(c.limit))),
  },
  {
    name: 'continue',
    alias: 'c',
    usage: '[CYCLES]',
    summary: 'run until something stops the guest, at most that many cycles',
    example: 'continue 1000000',
    repeats: true,
    run: (c, args) => runAndTell(c, c.control.continue(args ? count(args, 1, 2 ** 50) : c.limit)),
  },
  {
    name: 'until',
    alias: 'u',
    usage: 'LOCATION',
    summary: 'run until LOCATION is reached, or something else stops the guest',
    example: 'until nooks_enter_domain',
    run: (c, args) => runAndTell(c, c.control.runTo(location(c.target, args), c.limit)),
  },
];
