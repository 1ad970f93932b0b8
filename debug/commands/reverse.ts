/** Commands that run the guest backwards. */
import { alone, type Command, type Context, count, physicalOr } from '../command.ts';
import { CommandError } from '../error.ts';
import { MAX_LENGTH, type Written } from '../last-write.ts';
import { range } from '../range.ts';
import { runAndTell } from '../stops.ts';
import { cyclesOf, group, table } from '../text.ts';

const MAX_STEPS = 1_000_000_000;
const MAX_CYCLE = 2 ** 50;
const MIB = 1 << 20;

export const REVERSE: readonly Command[] = [
  {
    name: 'reverse-stepi',
    alias: 'rsi',
    usage: '[N]',
    summary: 'back by one instruction, or N; a delivery of an interrupt counts as one',
    example: 'reverse-stepi 10',
    repeats: true,
    run: (c, args) => runAndTell(c, c.reverse.stepi(count(args, 1, MAX_STEPS))),
  },
  {
    name: 'reverse-nexti',
    alias: 'rni',
    usage: '[N]',
    summary: 'back by one instruction, or N, over what was called and over interrupts',
    example: 'reverse-nexti',
    repeats: true,
    run: (c, args) => runAndTell(c, c.reverse.nexti(count(args, 1, MAX_STEPS))),
  },
  {
    name: 'reverse-step',
    alias: 'rs',
    usage: '[N]',
    summary: 'back to the beginning of the line before, into functions that it called',
    example: 'reverse-step',
    repeats: true,
    run: (c, args) => runAndTell(c, c.reverse.step(count(args, 1, MAX_STEPS))),
  },
  {
    name: 'reverse-next',
    alias: 'rn',
    usage: '[N]',
    summary: 'back to the beginning of the line before, over functions and interrupts',
    example: 'reverse-next',
    repeats: true,
    run: (c, args) => runAndTell(c, c.reverse.next(count(args, 1, MAX_STEPS))),
  },
  {
    name: 'reverse-continue',
    alias: 'rc',
    usage: '',
    summary: 'back to where a breakpoint, watchpoint or catchpoint was met last, or to the beginning',
    explanation: 'Breakpoints leave the guest where they would forwards, watchpoints before the write.',
    example: 'reverse-continue',
    repeats: true,
    run: alone(c => runAndTell(c, c.reverse.continue())),
  },
  {
    name: 'reverse-finish',
    usage: '',
    summary: 'back to the call of the current function',
    example: 'reverse-finish',
    run: alone(c => runAndTell(c, c.reverse.finish())),
  },
  {
    name: 'goto',
    usage: 'CYCLE | +N | -N',
    summary: 'to a cycle of the run, back or forth, past all points; + and - count from here',
    explanation:
      'Beyond the furthest moment that was reached, the guest simply runs. The nearest snapshot before decides how long it takes.',
    example: 'goto 12500000',
    run: (c, args) => runAndTell(c, c.reverse.goto(cycle(c, args))),
  },
  {
    name: 'lastwrite',
    usage: '[-go] EXPRESSION | [phys:]ADDRESS [LENGTH]',
    summary:
      'who wrote what EXPRESSION names (or 4 bytes) last: instruction or device, and when; -go goes there',
    explanation:
      'A linear address is looked up in the directory that is loaded now, and writes by any other address count too.',
    example: 'lastwrite domain_cr3',
    complete: 'expression',
    run: lastWrite,
  },
];

/** Of `info history`. */
export function historyText(c: Context): string {
  const { snapshots, bytes, budget, first, last, writes, widest } = c.history.facts();
  const mib = (n: number) => `${(n / MIB).toFixed(1)} MiB`;
  return table([
    ['from cycle', cyclesOf(4 * first.cycles)],
    ['to cycle', cyclesOf(4 * last.cycles)],
    ['snapshots', group(snapshots)],
    ['memory', `${mib(bytes)} of ${mib(budget)}`],
    ['widest gap', `${cyclesOf(4 * widest)} cycles`],
    ['writes by you', group(writes)],
  ]);
}

function cycle(c: Context, text: string): number {
  const [, sign, digits] = /^([+-]?)(\d[\d,_]*(?:\.(?:0|25|5|75))?)$/.exec(text) ?? [];
  const n = Number(digits?.replace(/[,_]/g, ''));
  if (!(n <= MAX_CYCLE)) throw new CommandError(`goto needs a cycle, like 12500000, +1000 or -1000`);
  const now = c.target.machine.cycles();
  return sign === '+' ? now + n : sign === '-' ? Math.max(0, now - n) : n;
}

async function lastWrite(c: Context, args: string): Promise<void> {
  const [, go, text = ''] = /^(-go\s+)?(.*)$/.exec(args) ?? [];
  const [physical, rest] = physicalOr(text);
  const { address, length } = range(c, rest, physical, MAX_LENGTH);
  const found = await c.reverse.lastWrite(address, length, physical);
  if (found === null) c.write('interrupted\n');
  else if (found === undefined)
    c.write(`nobody wrote there since cycle ${cyclesOf(4 * c.history.first().cycles)}\n`);
  else {
    c.write(`written by ${author(c, found)} at cycle ${cyclesOf(4 * found.cycles)}\n`);
    if (go) await runAndTell(c, c.reverse.goTo(found.at));
  }
}

function author(c: Context, { who, by }: Written): string {
  if (who === 'debugger') return 'you';
  if (who === 'device' || by === undefined) return 'a device';
  const source = c.target.sourceAt(by);
  const place = `${c.target.describe(by)}${source ? ` at ${source}` : ''}`;
  return who === 'walker' ? `the page walker or a device, while ${place} ran,` : place;
}
