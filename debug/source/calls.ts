/** The chain of calls as frames of the source: inlined functions told apart, with arguments, lines and borders. */
import { AT } from '../../guest/dwarf/constants.ts';
import { EBP, ESP } from '../../guest/dwarf/frames.ts';
import type { Unit } from '../../guest/dwarf/units.ts';
import { GuestError } from '../../guest/error.ts';
import { fileNames } from '../../guest/lines.ts';
import type { SourceFrame } from '../model.ts';
import type { Target } from '../target.ts';
import { parametersOf, type Scope, scopesAt, variableValue } from './scope.ts';
import { type Activation, activations, codeAddress } from './unwind.ts';
import { type Maker, variable } from './variable.ts';

/** What belongs to a frame that this made. */
export interface FrameParts {
  activation: Activation;
  /** Undefined without debug information. */
  scope: Scope | undefined;
}

const parts = new WeakMap<SourceFrame, FrameParts>();
const files = new WeakMap<Unit, string[]>();

/** The parts of a frame, or undefined for one that somebody else made. */
export function partsOf(frame: SourceFrame): FrameParts | undefined {
  return parts.get(frame);
}

/** The innermost frame first, at most `limit` of them. */
export function framesOf(target: Target, start: Activation, maker: Maker, limit: number): SourceFrame[] {
  const frames: SourceFrame[] = [];
  for (const activation of activations(target, start, limit)) {
    for (const frame of expand(target, activation, maker)) {
      if (frames.length >= limit) return frames;
      frame.level = frames.length;
      frames.push(frame);
    }
  }
  return frames;
}

/** One activation is as many frames as functions are inlined there, and one. */
function expand(target: Target, activation: Activation, maker: Maker): SourceFrame[] {
  const at = codeAddress(activation);
  const scopes = attempt(() => scopesAt(target, activation)) ?? [];
  const linked = target.linked(at);
  const image = target.images.at(linked, activation.comm);
  const line = image?.lines().lookup(linked);
  const common = {
    level: 0,
    pc: activation.registers.pc,
    ebp: activation.registers.get(EBP) ?? 0,
    esp: activation.registers.get(ESP) ?? 0,
    region: target.regionAt(at),
  };
  const place = (file: string | undefined, number: number | undefined) =>
    file && number ? { file, line: number } : file ? { file } : {};
  const border = activation.border === undefined ? {} : { border: activation.border };
  if (scopes.length === 0) {
    const symbol = target.symbols.lookup(linked) ?? image?.symbols().lookup(linked);
    const frame: SourceFrame = {
      ...common,
      function: symbol?.symbol.name ?? '??',
      ...place(line?.file, line?.line),
      inlined: false,
      ...border,
      arguments: [],
    };
    parts.set(frame, { activation, scope: undefined });
    return [frame];
  }
  return scopes.map((scope, n) => {
    const inner = scopes[n - 1];
    const where = inner ? callOf(inner) : line;
    let list: SourceFrame['arguments'] | undefined;
    const frame: SourceFrame = {
      ...common,
      function: scope.die.name() ?? '??',
      ...place(where?.file, where?.line),
      inlined: n < scopes.length - 1,
      ...(n === 0 ? border : {}),
      get arguments() {
        return (list ??= argumentsOf(target, scope, maker));
      },
    };
    parts.set(frame, { activation, scope });
    return frame;
  });
}

/** Where an inlined function is called. */
function callOf({ die, unit }: Scope): { file: string; line: number } | undefined {
  const line = die.number(AT.callLine);
  const number = die.number(AT.callFile);
  if (line === undefined || number === undefined) return undefined;
  const file = filesOf(unit)[number];
  return file ? { file, line } : undefined;
}

/** The names of a unit's files, by number. */
export function filesOf(unit: Unit): string[] {
  let found = files.get(unit);
  if (!found) {
    const at = unit.head().number(AT.statementList);
    found = at === undefined ? [] : (attempt(() => fileNames(unit.sections, at)) ?? []);
    files.set(unit, found);
  }
  return found;
}

function argumentsOf(target: Target, scope: Scope, maker: Maker): SourceFrame['arguments'] {
  return (
    attempt(() =>
      parametersOf(scope.die).map(die =>
        variable(die.name() ?? '?', variableValue(target, die, scope), maker),
      ),
    ) ?? []
  );
}

/** Bad debug information makes a chain poorer, not shorter. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    return undefined;
  }
}
