/** Commands that show registers and memory. */
import { alone, type Command, type Context } from '../command.ts';
import { examine, parseFormat } from '../examine.ts';
import { evaluate } from '../expression.ts';
import { registersText } from '../registers.ts';

export const MEMORY: readonly Command[] = [
  {
    name: 'regs',
    alias: 'r',
    usage: '',
    summary: 'all registers: EFLAGS and control registers by bit, segments with base, limit and attributes',
    example: 'regs',
    run: alone(c => c.write(registersText(c.target))),
  },
  {
    name: 'x',
    usage: '/FMT ADDRESS',
    summary: 'memory: a count, a format of x d u c s i, a size of b h w; without ADDRESS goes on',
    example: 'x/8xw $esp',
    complete: 'expression',
    repeats: 'on',
    run: (c, args, format) => show(c, args, format, false),
  },
  {
    name: 'xp',
    usage: '/FMT PHYSICAL',
    summary: 'the same for a physical address',
    example: 'xp/4xw $cr3',
    complete: 'expression',
    repeats: 'on',
    run: (c, args, format) => show(c, args, format, true),
  },
];

function show(c: Context, args: string, format: string, physical: boolean): void {
  const parsed = parseFormat(format, c.examined.format);
  const address =
    args === '' && physical === c.examined.physical ? c.examined.next : evaluate(c.target, args);
  const { text, next } = examine(c.target, address, parsed, physical);
  c.examined = { format: parsed, next, physical };
  c.write(text);
}
