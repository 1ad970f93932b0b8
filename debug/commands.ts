/** All commands of the debugger, by area. */
import { alone, type Command, type Context, namesOf } from './command.ts';
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
    usage: '[COMMAND | AREA]',
    summary: 'all commands by area, or one area, or one command with its other names and an example',
    example: 'help walk',
    complete: 'command',
    run: help,
  },
  {
    name: 'source',
    usage: 'FILE',
    summary: 'run the commands in a file, up to the first that cannot be done',
    explanation: 'Each is echoed. A file may run others, ten deep.',
    example: 'source packet.nooks86',
    complete: 'file',
    run(c, args) {
      if (args === '') throw new CommandError('source FILE');
      return c.runFile(args);
    },
  },
  {
    name: 'quit',
    alias: ['q', 'exit'],
    usage: '',
    summary: 'leave the debugger',
    example: 'quit',
    run: alone(c => c.quit()),
  },
];

const AREAS: readonly { title: string; commands: readonly Command[] }[] = [
  { title: 'running', commands: RUN },
  { title: 'backwards', commands: REVERSE },
  { title: 'stops', commands: POINTS },
  { title: 'code', commands: SOURCE },
  { title: 'frames', commands: FRAMES },
  { title: 'memory', commands: MEMORY },
  { title: 'system', commands: [...VIEWS, ...KERNEL_VIEWS, ...MACHINE_VIEWS] },
  { title: 'traces', commands: TRACE },
  { title: 'gdb', commands: GDB },
  { title: 'session', commands: SESSION },
];

export const COMMANDS: readonly Command[] = AREAS.flatMap(area => area.commands);

function help(c: Context, args: string): void {
  const area = AREAS.find(a => a.title === args);
  const lines = (commands: readonly Command[]) =>
    table(
      commands.map(({ name, usage, summary }) => [`  ${name} ${usage}`.trimEnd(), summary]),
      [0, 1],
    );
  if (area) return c.write(lines(area.commands));
  if (args === '') {
    c.write(AREAS.map(({ title, commands }) => `${title}:\n${lines(commands)}`).join('\n'));
    return c.write('\nAny unique beginning of a name will do; help COMMAND says more; # begins a comment.\n');
  }
  const command = findCommand(args);
  const { name, usage, summary, explanation, example } = command;
  const [, ...others] = namesOf(command);
  c.write(
    [
      `${`${name} ${usage}`.trimEnd()}${others.length ? ` (${others.join(', ')})` : ''}: ${summary}`,
      ...(explanation ? [explanation] : []),
      `example: ${example}`,
      ...(command.repeats ? [REPEATS[String(command.repeats)]] : []),
      '',
    ].join('\n'),
  );
}

const REPEATS: Readonly<Record<string, string>> = {
  true: 'An empty line does it again.',
  on: 'An empty line goes on.',
};

/** The command of that name, alias or unique beginning of a name. Throws a CommandError. */
export function findCommand(word: string): Command {
  const exact = COMMANDS.find(c => namesOf(c).includes(word));
  if (exact) return exact;
  // Other names count where no command is called so.
  const begins = COMMANDS.filter(c => c.name.startsWith(word));
  const found = begins.length ? begins : COMMANDS.filter(c => namesOf(c).some(n => n.startsWith(word)));
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new CommandError(`no command ${word}; help lists them`);
  throw new CommandError(`${word} may be ${found.map(c => c.name).join(', ')}`);
}
