/** Commands for code, names and values. */
import { backtraceText } from '../backtrace.ts';
import { alone, type Command, type Context, place } from '../command.ts';
import { listing } from '../disassembly.ts';
import { CommandError } from '../error.ts';
import { evaluate, location } from '../expression.ts';
import { registersText } from '../registers.ts';
import { pointsText } from '../stops.ts';
import { hex8 } from '../text.ts';
import { historyText } from './reverse.ts';

const LISTED = 12;
export const SOURCE: readonly Command[] = [
  {
    name: 'info',
    alias: 'i',
    usage: 'breakpoints | symbol ADDRESS | line LOCATION',
    summary: 'what stops the guest; what an address is called; where its source is',
    example: 'info symbol 0xc0100040',
    complete: 'breakpoints|symbol|line|registers|history expression',
    run: info,
  },
  {
    name: 'print',
    alias: 'p',
    usage: 'EXPRESSION',
    summary:
      'the value of an address expression: numbers, $registers and symbols with + and -; *E is the dword at E',
    example: 'print *current_task',
    complete: 'expression',
    run(c, args) {
      const value = evaluate(c.target, args);
      c.write(
        `0x${hex8(value)} ${value}${c.target.symbolAt(value) ? ` <${c.target.symbolAt(value)}>` : ''}\n`,
      );
    },
  },
  {
    name: 'disas',
    usage: '[LOCATION]',
    summary: 'the function there, with source lines; from there on where no function is known',
    example: 'disas nooks_enter_domain',
    complete: 'location',
    run: (c, args) => c.write(listing(c.target, args ? location(c.target, args) : c.target.pc(), LISTED)),
  },
  {
    name: 'bt',
    alias: 'where',
    usage: '',
    summary: 'the chain of calls, across domains and traps as far as frame pointers lead',
    example: 'bt',
    run: alone(c => c.write(backtraceText(c.target))),
  },
];

function info(c: Context, args: string): void {
  const [what, ...rest] = args.split(/\s+/);
  const is = (name: string) => what !== '' && name.startsWith(what);
  if (is('breakpoints') || is('watchpoints')) return c.write(pointsText(c.target, c.control.points.all()));
  const where = rest.join(' ');
  if (is('symbol')) {
    const address = evaluate(c.target, where);
    const name = c.target.symbolAt(address);
    return c.write(name ? `${hex8(address)} is ${name}\n` : `no symbol holds ${hex8(address)}\n`);
  }
  if (is('line')) return c.write(`${place(c.target, location(c.target, where))}\n`);
  if (is('registers')) return c.write(registersText(c.target));
  if (is('history')) return c.write(historyText(c));
  throw new CommandError('info breakpoints, info history, info symbol ADDRESS or info line LOCATION');
}
