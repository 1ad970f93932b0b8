/** All commands of the debugger, by the part of it that they belong to. */
import { alone, type Command, type Context } from './command.ts';
import { FRAMES } from './commands/frames.ts';
import { GDB } from './commands/gdb.ts';
import { KERNEL_VIEWS } from './commands/kernel-views.ts';
import { MACHINE_VIEWS } from './commands/machine-views.ts';
import { MEMORY } from './commands/memory.ts';
import { POINTS } from './commands/points.ts';
import { REVERSE } from './commands/reverse.ts';
import { RUN } from './commands/run.ts';
import { SOURCE } from './commands/source.ts';
import { TRACE } from './commands/trace.ts';
import { VIEWS } from './commands/views.ts';
import { CommandError } from './error.ts';
import { table } from './text.ts';

const SESSION: readonly Command[] = [
  {
    name: 'help',
    alias: 'h',
    usage: '[COMMAND]',
    summary: 'this, or one command',
    example: 'help walk',
    run: help,
  },
  {
    name: 'quit',
    alias: 'q',
    usage: '',
    summary: 'leave the debugger',
    example: 'quit',
    run: alone(c => c.quit()),
  },
];

export const COMMANDS: readonly Command[] = [
  ...RUN,
  ...REVERSE,
  ...POINTS,
  ...MEMORY,
  ...SOURCE,
  ...FRAMES,
  ...VIEWS,
  ...KERNEL_VIEWS,
  ...MACHINE_VIEWS,
  ...TRACE,
  ...GDB,
  ...SESSION,
];

function help(c: Context, args: string): void {
  if (args === '') {
    c.write(
      table(
        COMMANDS.map(({ name, usage, summary }) => [`${name} ${usage}`.trimEnd(), summary]),
        [0, 1],
      ),
    );
    return;
  }
  const { name, alias, usage, summary, example } = findCommand(args);
  c.write(`${`${name} ${usage}`.trimEnd()}${alias ? ` (${alias})` : ''}: ${summary}\nexample: ${example}\n`);
}

/** The command of that name, alias or unique beginning of a name. Throws a CommandError. */
export function findCommand(word: string): Command {
  const exact = COMMANDS.find(c => c.name === word || c.alias === word);
  if (exact) return exact;
  const found = COMMANDS.filter(c => c.name.startsWith(word));
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new CommandError(`no command ${word}; help lists them`);
  throw new CommandError(`${word} may be ${found.map(c => c.name).join(', ')}`);
}
