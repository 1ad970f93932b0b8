/**
 * The command language: a line in, text out. It knows no terminal. Commands are rows of a table (commands.ts); any
 * unique beginning of a name will do, and a `#` begins a comment.
 */
import type { Command, Context } from './command.ts';
import { endTrace } from './commands/trace.ts';
import { COMMANDS, findCommand } from './commands.ts';
import type { Pause } from './control.ts';
import { Debugger } from './debugger.ts';
import { CommandError } from './error.ts';
import type { Format } from './examine.ts';
import { Selection } from './selection.ts';
import type { ReadSource } from './source/source.ts';
import { Statistics } from './statistics.ts';
import type { Target } from './target.ts';
import type { TraceFile } from './trace/recorder.ts';

export interface InterpreterOptions {
  target: Target;
  write(text: string): void;
  /** Called between slices of a run. */
  pause: Pause;
  /** Another front end's: both work on one set of points. Its pause is then the one that counts. */
  debugger?: Debugger;
  /** Cycles that one command may run the guest; no limit when absent. */
  limit?: number;
  /** Makes the file of a trace; throws an Error of one line when it cannot. */
  openTrace?: (path: string) => TraceFile;
  /** Bytes that snapshots of the past may take. */
  historyBudget?: number;
  /** The text of source files, for `list`. */
  readSource?: ReadSource;
}

const FIRST_FORMAT: Format = { count: 1, letter: 'x', size: 4 };

export class Interpreter {
  /** `quit` was given. */
  done = false;
  private readonly context: Context;

  constructor(options: InterpreterOptions) {
    const { target, pause } = options;
    const { control, history, reverse, source } =
      options.debugger ??
      new Debugger(target, pause, { budget: options.historyBudget, readSource: options.readSource });
    history.onForgotten = () => options.write('what came after this moment is forgotten\n');
    this.context = {
      target,
      control,
      history,
      reverse,
      source,
      selection: new Selection(source),
      listed: undefined,
      statistics: new Statistics(target),
      write: text => options.write(text),
      limit: options.limit,
      openTrace: options.openTrace,
      examined: { format: FIRST_FORMAT, next: target.pc(), physical: false },
      directory: target.machine.cpu.cr3,
      quit: () => {
        this.done = true;
      },
    };
  }

  /** Runs one line. False, after saying why, if it cannot be done. */
  async execute(line: string): Promise<boolean> {
    try {
      await this.run(line);
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.context.write(`error: ${error.message}\n`);
      return false;
    }
  }

  /** The session is over: a trace that is on is completed. False, after saying why, if it cannot be written. */
  close(): boolean {
    try {
      endTrace(this.context);
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.context.write(`error: ${error.message}\n`);
      return false;
    }
  }

  /** Does an empty line at a prompt mean this line again? */
  repeats(line: string): boolean {
    try {
      return parse(line)?.command.repeats ?? false;
    } catch {
      return false;
    }
  }

  /** Beginnings of lines that continue `line`: commands, then symbols. */
  complete(line: string): string[] {
    const space = line.lastIndexOf(' ');
    if (space < 0) return COMMANDS.map(c => c.name).filter(name => name.startsWith(line));
    const word = line.slice(space + 1);
    if (word === '') return [];
    return this.context.target.symbols
      .functions()
      .filter(f => f.name.startsWith(word))
      .slice(0, MAX_COMPLETIONS)
      .map(f => line.slice(0, space + 1) + f.name);
  }

  private async run(line: string): Promise<void> {
    const parsed = parse(line);
    if (!parsed) return;
    const { source, selection } = this.context;
    source.focus = selection.frame();
    try {
      await parsed.command.run(this.context, parsed.args, parsed.format);
    } finally {
      source.focus = undefined;
    }
  }
}

const MAX_COMPLETIONS = 100;

/** The command and its arguments; undefined for an empty line. Throws a CommandError. */
function parse(line: string): { command: Command; args: string; format: string } | undefined {
  const text = line.replace(/(^|\s)#.*$/, '').trim();
  if (text === '') return undefined;
  const word = /^[a-z][a-z-]*/i.exec(text)?.[0] ?? '';
  let rest = text.slice(word.length);
  const format = /^\/(\S*)/.exec(rest);
  if (format) rest = rest.slice(format[0].length);
  if (word === '' || (rest !== '' && !/^\s/.test(rest)))
    throw new CommandError(`no command ${text.split(/\s/, 1)[0]}; help lists them`);
  return { command: findCommand(word), args: rest.trim(), format: format?.[1] ?? '' };
}
