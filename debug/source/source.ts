/**
 * The source level of a target: lines, types, calls, variables and C expressions, from the debug information of
 * kernel, modules and the program that runs. Nothing is read before it is asked for, and looking changes nothing.
 */
import { GuestError } from '../../guest/error.ts';
import type { SourceLine } from '../../guest/lines.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { type Layout, layoutOf } from './layout.ts';
import { Names } from './names.ts';

/** Lines of a source file as compiled (`./kernel/mm/page.c`), or undefined if there is no such file. */
export type ReadSource = (file: string) => string[] | undefined;

export interface LineAt extends SourceLine {
  /** A statement of the line begins exactly here. */
  isStatement: boolean;
}

export class Source {
  readonly target: Target;
  readonly names: Names;
  private readonly readSource: ReadSource | undefined;
  private readonly texts = new Map<string, string[] | undefined>();
  private readonly layouts = new Map<string, Layout>();

  /** Without `readSource` there is no text of files. */
  constructor(target: Target, readSource?: ReadSource) {
    this.target = target;
    this.names = new Names(target.images);
    this.readSource = readSource;
  }

  // ---- lines ---------------------------------------------------------------------------------------------------------

  /** The line that an instruction comes from; line 0 is code that belongs to none. */
  lineAt(address: number): LineAt | undefined {
    const at = this.target.linked(address);
    const lines = this.target.images.at(at)?.lines();
    const found = lines?.lookup(at);
    return found && { ...found, isStatement: lines!.isStatement(at) };
  }

  /** Where the code of a line begins, one address for each stretch of it. `file` may be the end of a path. */
  addressesOf(file: string, line: number): number[] {
    return this.target.addressesOf(file, line);
  }

  /** All code of the line at an address within its function, as half-open ranges; empty where no line is known. */
  lineRange(address: number): [low: number, high: number][] {
    const at = this.target.linked(address);
    const lines = this.target.images.at(at)?.lines();
    const line = lines?.lookup(at);
    if (!lines || !line) return [];
    const symbol = this.target.symbolHolding(at);
    const [from, to] = symbol ? [symbol.start, symbol.end] : [at, at + 1];
    const shift = address - at;
    return lines
      .stretches(from, to)
      .filter(s => s.line === line.line && s.file === line.file)
      .map(s => [s.low + shift, s.high + shift]);
  }

  /** The text of a file as compiled, or undefined if it cannot be had. */
  sourceText(file: string): string[] | undefined {
    if (!this.texts.has(file)) this.texts.set(file, this.readSource?.(file));
    return this.texts.get(file);
  }

  // ---- types ---------------------------------------------------------------------------------------------------------

  /** Where a struct (`struct sk_buff`, `union x`, or a typedef's name) has its members. Throws a CommandError. */
  layout(struct: string): Layout {
    let layout = this.layouts.get(struct);
    if (!layout) {
      const type = this.guarded(() => this.names.type(struct) ?? this.names.type(`struct ${struct}`));
      const whole = type && this.names.complete(type);
      if (!whole || (whole.kind !== 'struct' && whole.kind !== 'union') || whole.declaration)
        throw new CommandError(`no struct ${struct.replace(/^struct /, '')} in the debug information`);
      this.layouts.set(struct, (layout = layoutOf(whole, struct, this.names.complete)));
    }
    return layout;
  }

  /** Bad debug information, found while looking, is the command's failure. */
  private guarded<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      if (error instanceof GuestError) throw new CommandError(error.message);
      throw error;
    }
  }
}
