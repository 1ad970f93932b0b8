/** What a command is, and what commands have in common. */
import type { Control } from './control.ts';
import { CommandError } from './error.ts';
import type { Format } from './examine.ts';
import type { History } from './history.ts';
import type { Reverse } from './reverse.ts';
import type { Selection } from './selection.ts';
import type { Source } from './source/source.ts';
import type { Statistics } from './statistics.ts';
import type { Target } from './target.ts';
import type { TraceFile } from './trace/recorder.ts';
import type { Tracer } from './trace/tracer.ts';

/** What a command works on. */
export interface Context {
  target: Target;
  control: Control;
  history: History;
  reverse: Reverse;
  source: Source;
  /** The frame that is looked at, forgotten when the guest moves. */
  selection: Selection;
  /** The lines that `list` showed last, and when (Selection's moment): it goes on from there until the guest runs. */
  listed: { file: string; from: number; to: number; moment: string } | undefined;
  statistics: Statistics;
  write(text: string): void;
  /** Cycles that one command may run the guest. */
  limit: number | undefined;
  /** Where `x` goes on. */
  examined: { format: Format; next: number; physical: boolean };
  /** CR3 when the guest last stood: a change is told. */
  directory: number;
  quit(): void;
  /** Runs the commands in a file. Throws a CommandError. */
  runFile(path: string): Promise<void>;
  /** Makes a file for a trace, and throws an Error of one line when it cannot; absent: nobody writes files. */
  openTrace?: (path: string) => TraceFile;
  /** The trace that is on. */
  trace?: { path: string; file: TraceFile; tracer: Tracer };
}

export interface Command {
  name: string;
  /** Names besides; they win over the beginnings of others. */
  alias?: string | readonly string[];
  /** Arguments, as help shows them. */
  usage: string;
  summary: string;
  /** What help COMMAND says besides; lines. */
  explanation?: string;
  /** Must work on our kernel while the driver sends, with points 1 and 2 set. */
  example: string;
  /** An empty line at a prompt does it again; `on`: without its arguments, so that it goes on. */
  repeats?: boolean | 'on';
  /** What completes its arguments, a word for each (complete.ts); the last stands for all that follow. */
  complete?: string;
  run(context: Context, args: string, format: string): void | Promise<void>;
}

/** A command's name and its others. */
export function namesOf({ name, alias = [] }: Command): string[] {
  return [name, ...(typeof alias === 'string' ? [alias] : alias)];
}

/** A whole number in a range. */
export function count(text: string, least: number, most: number): number {
  if (text === '') return 1;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new CommandError(`not a number from ${least} to ${most}: ${text}`);
  return value;
}

/** For a command that takes no arguments. */
export function alone(run: (c: Context) => void | Promise<void>): Command['run'] {
  return (c, args) => {
    if (args !== '') throw new CommandError(`too much: ${args}`);
    return run(c);
  };
}

export function place(target: Target, address: number): string {
  const source = target.sourceAt(address);
  return target.describe(address) + (source ? ` at ${source}` : '');
}

/** `phys:` before an address; then the rest. */
export function physicalOr(text: string): [physical: boolean, rest: string] {
  return text.startsWith('phys:') ? [true, text.slice(5)] : [false, text];
}
