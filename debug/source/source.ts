/**
 * The source level of a target: lines, types, calls, variables and C expressions, from the debug information of
 * kernel, modules and the program that runs. Nothing is read before it is asked for, and looking changes nothing.
 */

import { EBP, EIP, ESP, REGISTER_NAMES } from '../../guest/dwarf/frames.ts';
import { resolve, sizeOf, typeOfDie } from '../../guest/dwarf/types.ts';
import { GuestError } from '../../guest/error.ts';
import type { SourceLine } from '../../guest/lines.ts';
import { CommandError } from '../error.ts';
import { KERNEL_BASE } from '../images.ts';
import type { SourceFrame, Variable } from '../model.ts';
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { type FrameParts, framesOf, partsOf } from './calls.ts';
import { definition, typeName } from './ctype.ts';
import { type Evaluated, evaluateText, store } from './evaluate.ts';
import { type Layout, layoutOf } from './layout.ts';
import { readBytes } from './memory.ts';
import { Names } from './names.ts';
import { type PrintOptions, valueText } from './print.ts';
import {
  blocksOf,
  localNamed,
  parametersOf,
  placeOf,
  scopesAt,
  variablesOf,
  variableValue,
} from './scope.ts';
import { type Activation, callerOf, currentRegisters, Registers } from './unwind.ts';
import { isScalar, kept, numeric, unreadable, type Value } from './value.ts';
import { type Maker, variable } from './variable.ts';

/** Lines of a source file as compiled (`./kernel/mm/page.c`), or undefined if there is no such file. */
export type ReadSource = (file: string) => string[] | undefined;

export interface LineAt extends SourceLine {
  /** A statement of the line begins exactly here. */
  isStatement: boolean;
}

const MAX_FRAMES = 128;
const MAX_LOCALS = 1000;

export class Source {
  readonly target: Target;
  readonly names: Names;
  private readonly readSource: ReadSource | undefined;
  private readonly texts = new Map<string, string[] | undefined>();
  private readonly layouts = new Map<string, Layout>();
  private readonly maker: Maker;
  /** Values that were shown: `$1` is the first. */
  private readonly shown: Value[] = [];
  /** The frame that expressions are about where none is given; the innermost if undefined. */
  focus: SourceFrame | undefined;

  /** Without `readSource` there is no text of files. */
  constructor(target: Target, readSource?: ReadSource) {
    this.target = target;
    this.names = new Names(target.images);
    this.readSource = readSource;
    this.maker = {
      target,
      complete: this.names.complete,
      assign: (value, text) => this.assign(value, text),
      guarded: look => this.guarded(look),
    };
    target.expressions = {
      address: text => this.addressOf(text),
      isLocal: name => this.isLocal(name),
      condition: text => this.number(text, this.frames(1)[0]) !== 0n,
    };
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

  /** The file that is meant by the end of a path, as it was compiled. Throws a CommandError. */
  fileNamed(path: string): string {
    const { images } = this.target;
    const known = [...images.visible(), ...images.programs()].flatMap(image => image.lines().files());
    const found = known.find(f => f === path) ?? known.find(f => f.endsWith(`/${path}`));
    if (found === undefined && !this.sourceText(path))
      throw new CommandError(`no code is known from ${path}`);
    return found ?? path;
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

  /** The definition of the type of an expression, or of a type; `offsets` as gdb's `ptype/o`. Throws a CommandError. */
  definition(text: string, offsets = false): string {
    const { value } = this.look(text);
    return this.guarded(() => definition(value.type, this.names.complete, offsets));
  }

  /** C's name of the type of an expression or of a type that is named. Throws a CommandError. */
  typeOf(text: string): string {
    return typeName(this.look(text).value.type);
  }

  // ---- calls -----------------------------------------------------------------------------------------------------------

  /** The calls that the processor is in, the innermost first. */
  frames(limit = MAX_FRAMES): SourceFrame[] {
    return framesOf(this.target, this.innermost(), this.maker, limit);
  }

  /**
   * The calls of code that stands elsewhere, by its registers: a task that waits in a call of its own. Its program's
   * calls are left out: the memory at hand is another program's.
   */
  framesFrom(pc: number, esp: number, ebp: number, limit = MAX_FRAMES): SourceFrame[] {
    const values: (number | undefined)[] = [];
    values[ESP] = esp >>> 0;
    values[EBP] = ebp >>> 0;
    values[EIP] = pc >>> 0;
    const registers = new Registers(values);
    const start = { registers, exact: false, innermost: false };
    const frames = framesOf(this.target, start, this.maker, limit);
    const program = this.target.session ? frames.findIndex(f => f.pc < KERNEL_BASE) : -1;
    return program < 0 ? frames : frames.slice(0, program);
  }

  private innermost(): Activation {
    return { registers: currentRegisters(this.target), exact: true, innermost: true };
  }

  private partsOf(frame: SourceFrame | undefined): FrameParts {
    const given = frame ?? this.focus;
    const known = given && partsOf(given);
    if (known) return known;
    const activation = this.innermost();
    return { activation, scope: this.guarded(() => scopesAt(this.target, activation))[0] };
  }

  // ---- values ----------------------------------------------------------------------------------------------------------

  /** The variables of a frame's blocks, the innermost block's first; arguments are the frame's own. */
  locals(frame: SourceFrame): Variable[] {
    const { scope } = this.partsOf(frame);
    if (!scope) return [];
    return this.guarded(() =>
      blocksOf(scope)
        .flatMap(variablesOf)
        .slice(0, MAX_LOCALS)
        .map(die => variable(die.name() ?? '?', variableValue(this.target, die, scope), this.maker)),
    );
  }

  /** What is visible at an address, and where it is there, a line each. */
  scopeText(address: number): string {
    const values: (number | undefined)[] = [];
    values[EIP] = address >>> 0;
    const activation = { registers: new Registers(values), exact: true, innermost: false };
    return this.guarded(() => {
      const scope = scopesAt(this.target, activation)[0];
      if (!scope) throw new CommandError(`no debug information at 0x${hex8(address)}`);
      const list = [...blocksOf(scope).flatMap(variablesOf), ...parametersOf(scope.die)];
      const rows = list.map(die => [die.name() ?? '?', typeName(typeOfDie(die)), placeOf(die, scope)]);
      return rows.length ? table(rows, [0, 1, 2]) : 'nothing is declared here\n';
    });
  }

  /** Where a frame's function saved its caller's registers. */
  savedRegisters(frame: SourceFrame): { name: string; address: number }[] {
    const { activation } = this.partsOf(frame);
    const caller = callerOf(this.target, activation);
    return REGISTER_NAMES.flatMap((name, n) => {
      const address = caller?.registers.place(n);
      return address === undefined || address === activation.registers.place(n) ? [] : [{ name, address }];
    });
  }

  /** The value of a C expression in a frame (absent: the selected or innermost one). Throws a CommandError. */
  evaluate(text: string, frame?: SourceFrame): Variable {
    const { value, isType } = this.look(text, frame);
    if (isType) throw new CommandError(`${text} is a type`);
    return variable(text, value, this.maker);
  }

  /** The same as a number, for conditions: of what lies in memory and is no number, its address. Throws a CommandError. */
  number(text: string, frame?: SourceFrame): bigint {
    const { value, isType } = this.look(text, frame);
    if (isType) throw new CommandError(`${text} is a type`);
    return this.guarded(() =>
      isScalar(value.type) || value.address === undefined
        ? numeric(this.target, value)
        : BigInt(value.address),
    );
  }

  /** A value, or a type that the text names. Throws a CommandError. */
  look(text: string, frame?: SourceFrame): Evaluated {
    return this.guarded(() => {
      const { activation, scope } = this.partsOf(frame);
      const { target, names, shown } = this;
      return evaluateText(text, { target, names, activation, scope, history: shown });
    });
  }

  /** A value as `print` shows it, in one line. */
  text(value: Value, options: Omit<PrintOptions, 'complete'> = {}): string {
    const { address, type } = value;
    if (
      address !== undefined &&
      !value.bytes &&
      resolve(type).kind !== 'void' &&
      sizeOf(this.names.complete(type)) > 0
    )
      if (readBytes(this.target, address, 1).length === 0) throw unreadable(address);
    return this.guarded(() =>
      valueText(this.target, value, { complete: this.names.complete, typed: true, ...options }),
    );
  }

  /** Keeps a value that was shown; its number. */
  keep(value: Value): number {
    return this.shown.push(kept(this.target, value));
  }

  /** Stores the value of an expression. Throws a CommandError. */
  private assign(value: Value, text: string): void {
    const from = this.look(text);
    if (from.isType) throw new CommandError(`${text} is a type`);
    this.guarded(() => store(this.target, value, from.value));
  }

  /** What an expression says as an address: a number's value, else where it lies. Unsigned; throws a CommandError. */
  private addressOf(text: string): number {
    const value = this.number(text);
    if (value < -(1n << 31n) || value >= 1n << 32n) throw new CommandError(`${text} has more than 32 bits`);
    return Number(BigInt.asUintN(32, value));
  }

  /** Where what an expression names lies, and its size, for `watch`; undefined if it is none. */
  lvalue(text: string): { address: number; size: number } | undefined {
    const { value, isType } = this.look(text);
    if (!isType && value.address === undefined && !text.includes('$') && (value.write || value.missing))
      throw new CommandError(`${text} does not lie in memory`);
    if (isType || value.address === undefined || resolve(value.type).kind === 'function') return undefined;
    return { address: value.address, size: sizeOf(this.names.complete(value.type)) };
  }

  private isLocal(name: string): boolean {
    const { scope } = this.partsOf(undefined);
    return scope !== undefined && this.guarded(() => localNamed(scope, name) !== undefined);
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
