/** Expressions and the debug console: C, or a command of ours behind `>` or where C makes no sense of it. */

import { findCommand } from '../commands.ts';
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import { Interpreter } from '../interpreter.ts';
import type { Variable } from '../model.ts';
import { completionsArguments, evaluateArguments } from './arguments.ts';
import type { Debuggee } from './launch.ts';
import { type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';
import { memoryOf } from './variables.ts';

const MAX_COMPLETIONS = 100;

export class Repl {
  private readonly adapter: Adapter;
  private readonly debugger: Debugger;
  private readonly interpreter: Interpreter;
  private said = '';

  constructor(adapter: Adapter, { debugger: d }: Debuggee) {
    this.adapter = adapter;
    this.debugger = d;
    this.interpreter = new Interpreter({
      target: d.target,
      debugger: d,
      pause: adapter.pause,
      write: text => {
        this.said += text;
      },
    });
  }

  /** A C expression in a frame; without one, in the innermost of what runs. Throws a CommandError. */
  evaluate(text: string, frameId?: number): Variable {
    return this.debugger.source.evaluate(text, this.adapter.live.stack.frame(frameId));
  }

  /** Runs a command of ours; gives what it said. Throws a CommandError with that if it could not be done. */
  async command(line: string): Promise<string> {
    const { machine } = this.debugger.target;
    const before = machine.clock.now();
    this.said = '';
    this.adapter.beginCommand();
    let good: boolean;
    try {
      good = await this.interpreter.execute(line);
    } finally {
      this.adapter.endCommand(machine.clock.now() !== before);
    }
    if (!good) throw new CommandError(this.said.replace(/^error: /, '').trimEnd());
    return this.said.trimEnd();
  }

  /** Is its first word the name of a command? */
  isCommand(line: string): boolean {
    const word = /^\s*([a-z-]+)/i.exec(line)?.[1];
    if (word === undefined) return false;
    try {
      findCommand(word);
      return true;
    } catch {
      return false;
    }
  }

  /** Whole lines that continue a line. */
  complete(line: string): string[] {
    return this.interpreter.complete(line).slice(0, MAX_COMPLETIONS);
  }
}

export const REPL: Requests = {
  evaluate: request('standing', evaluateArguments, async ({ live }, args) => {
    const text = args.expression.trim();
    const console = args.context === 'repl';
    if (console && text.startsWith('>')) return said(await live.repl.command(text.slice(1)));
    let variable: Variable;
    try {
      variable = live.repl.evaluate(text, args.frameId);
    } catch (error) {
      if (!console || !(error instanceof CommandError) || !live.repl.isCommand(text)) throw error;
      return said(await live.repl.command(text));
    }
    const memory = memoryOf(variable);
    return {
      result: variable.value,
      type: variable.type,
      ...live.variables.childrenOf(variable, text),
      ...(memory !== undefined && { memoryReference: memory }),
    };
  }),

  completions: request('standing', completionsArguments, ({ live, client }, args) => {
    const typed = args.text.slice(0, Math.max(0, args.column - 1 + client.columnOffset));
    const skipped = /^\s*>?\s*/.exec(typed)![0].length;
    const line = typed.slice(skipped);
    return {
      targets: live.repl.complete(line).map(text => ({
        label: text.slice(text.lastIndexOf(' ') + 1),
        text,
        start: skipped + 1 - client.columnOffset,
        length: line.length,
      })),
    };
  }),
};

function said(result: string): object {
  return { result, variablesReference: 0 };
}
