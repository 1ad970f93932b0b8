/**
 * The command language: a line in, text out. It knows no terminal. Commands are rows of a table (commands.ts); any
 * unique beginning of a name will do, and a `#` begins a comment.
 */
import type { Command, Context } from './command.ts';
import { endTrace } from './commands/trace.ts';
import { COMMANDS, findCommand } from './commands.ts';
import { type Completion, complete } from './complete.ts';
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
  /** The lines of a script; throws an Error of one line. Absent: nobody reads files. */
  readScript?: (path: string) => string[];
  /** A script's line is about to be run. */
  echo?: (line: string) => void;
  /** The user wants no more of a script. */
  stopped?: () => boolean;
  /** Names of files that begin so, for completion. */
  files?: (begun: string) => string[];
  /** The text of source files, for `list`. */
  readSource?: ReadSource;
}

/** Scripts may run scripts. */
const MAX_DEPTH = 10;
/** Characters that one command may say. */
const MAX_OUTPUT = 1 << 20;

const FIRST_FORMAT: Format = { count: 1, letter: 'x', size: 4 };

export class Interpreter {
  /** `quit` was given. */
  done = false;
  private readonly context: Context;
  private readonly options: InterpreterOptions;
  private depth = 0;
  /** Characters that the command has said. */
  private said = 0;

  constructor(options: InterpreterOptions) {
    this.options = options;
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
      write: text => this.say(text),
      limit: options.limit,
      openTrace: options.openTrace,
      examined: { format: FIRST_FORMAT, next: target.pc(), physical: false },
      directory: target.machine.cpu.cr3,
      quit: () => {
        this.done = true;
      },
      runFile: path => this.runFile(path),
    };
  }

  /** Runs one line. False, after saying why, if it cannot be done. */
  async execute(line: string): Promise<boolean> {
    this.said = 0;
    try {
      await this.run(line);
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.options.write(`error: ${error.message}\n`);
      return false;
    } finally {
      if (this.said > MAX_OUTPUT)
        this.options.write(`... ${this.said - MAX_OUTPUT} characters more are left out\n`);
      this.said = 0;
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

  /** Runs lines up to the first that cannot be done, or `quit`; false if there is one. `name` is said with its number. */
  async script(name: string, lines: readonly string[]): Promise<boolean> {
    for (const [n, line] of lines.entries()) {
      if (this.done) break;
      this.options.echo?.(line);
      if ((await this.execute(line)) && !this.options.stopped?.()) continue;
      this.options.write(`${name}:${n + 1}: the rest of the file is left out\n`);
      return false;
    }
    return true;
  }

  /** What an empty line at a prompt means after this one: the line again, its command alone, or nothing. */
  again(line: string): string {
    try {
      const parsed = parse(line);
      if (!parsed?.command.repeats) return '';
      return parsed.command.repeats === 'on' ? parsed.command.name : line;
    } catch {
      return '';
    }
  }

  /** What may stand for the end of a line. */
  completion(line: string): Completion {
    const { options, context } = this;
    return complete(line, {
      target: context.target,
      commands: COMMANDS,
      find: findCommand,
      files: options.files,
    });
  }

  /** Lines that continue a line. */
  complete(line: string): string[] {
    const { from, words } = this.completion(line);
    return words.map(word => line.slice(0, from) + word);
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

  private say(text: string): void {
    const room = MAX_OUTPUT - this.said;
    this.said += text.length;
    if (room >= text.length) this.options.write(text);
    else if (room > 0) this.options.write(text.slice(0, text.lastIndexOf('\n', room) + 1));
  }

  private async runFile(path: string): Promise<void> {
    const { readScript } = this.options;
    if (!readScript) throw new CommandError('no files can be read here');
    if (this.depth >= MAX_DEPTH) throw new CommandError(`scripts run scripts ${MAX_DEPTH} deep at most`);
    let lines: string[];
    try {
      lines = readScript(path);
    } catch (error) {
      throw new CommandError((error as Error).message);
    }
    this.depth++;
    try {
      if (!(await this.script(path, lines))) throw new CommandError(`${path} was not done`);
    } finally {
      this.depth--;
    }
  }
}

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
