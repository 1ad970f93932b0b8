/**
 * What names and registers in expressions mean, at a place: locals from inside to outside, then the unit's variables,
 * then others', functions, constants of enumerations; what only symbols know is code, or a dword.
 */
import { AT, ATE, TAG } from '../../guest/dwarf/constants.ts';
import { REGISTER_NAMES } from '../../guest/dwarf/frames.ts';
import { rangesOf } from '../../guest/dwarf/lists.ts';
import {
  base,
  type CType,
  functionType,
  INT,
  pointerTo,
  typeOfDie,
  UNSIGNED,
  VOID,
} from '../../guest/dwarf/types.ts';
import type { Die } from '../../guest/dwarf/units.ts';
import { CommandError } from '../error.ts';
import { register } from '../expression.ts';
import type { Target } from '../target.ts';
import { bytesOf, numberOf } from './memory.ts';
import type { Names } from './names.ts';
import { localNamed, registerWriter, type Scope, variablesOf, variableValue } from './scope.ts';
import type { Activation } from './unwind.ts';
import { integer, optimizedOut, type Value } from './value.ts';

/** Where an expression is looked at. */
export interface Surroundings {
  target: Target;
  names: Names;
  scope?: Scope;
  activation: Activation;
  /** Values shown before, the oldest first. */
  history: readonly Value[];
}

/** For the parser: a variable hides a type of its name. */
export function typeNamed(around: Surroundings, name: string): CType | undefined {
  const { names, scope } = around;
  if (!name.includes(' ') && scope && localNamed(scope, name)) return undefined;
  return names.type(name, scope?.image, scope?.unit);
}

export function named(around: Surroundings, name: string, of?: string): Value {
  const { target } = around;
  if (of !== undefined) return within(around, of, name);
  const { names, scope } = around;
  const local = scope && localNamed(scope, name);
  if (local) return localVariable(around, local, scope);
  const variables = names.variables(name, scope?.image, scope?.unit);
  const variable = variables.find(f => hasPlace(f.die));
  if (variable) return variableValue(target, variable.die, undefined);
  const code = names.functions(name, scope?.image, scope?.unit).find(f => rangesOf(f.die).length > 0);
  if (code) return { type: functionType(code.die), address: rangesOf(code.die)[0].low };
  const constant = names.enumerator(name, scope?.image);
  if (constant) return integer(constant.value, constant.type);
  return variables.length > 0 ? placeless(target, name, variables[0].die) : symbol(target, name);
}

/** A variable of a file that does not say where it is: defined in assembly, or optimized out. */
function placeless(target: Target, name: string, die: Die): Value {
  const type = typeOfDie(die);
  const address = die.flag(AT.declaration) ? target.symbols.address(name) : undefined;
  return address === undefined ? optimizedOut(type) : { type, address };
}

/** What only the symbol table knows: code, or a dword. */
function symbol(target: Target, name: string): Value {
  const program = target.images.program();
  const found = target.symbols.find(name)[0] ?? program?.symbols().find(name)[0];
  if (found) return { type: found.code ? UNKNOWN_FUNCTION : UNSIGNED, address: found.start };
  if (/^[0-9a-f]{8}$/i.test(name)) return integer(BigInt(`0x${name}`), UNSIGNED);
  throw new CommandError(`no symbol ${name}`);
}

/** A local one that is declared `extern` is another's. */
function localVariable(around: Surroundings, die: Die, scope: Scope): Value {
  const { target } = around;
  const name = die.name();
  if (hasPlace(die) || !name || !die.flag(AT.declaration)) return variableValue(target, die, scope);
  const outer = around.names.variables(name, scope.image).find(f => hasPlace(f.die));
  return outer ? variableValue(target, outer.die, undefined) : symbol(target, name);
}

function within(around: Surroundings, of: string, name: string): Value {
  const { target } = around;
  const { names, scope } = around;
  if (/\.[chS]$/.test(of)) {
    const inFile = names
      .variables(name, scope?.image)
      .concat(names.functions(name, scope?.image))
      .filter(({ die }) => isFile(die.unit.head().name() ?? '', of));
    for (const { die } of inFile) {
      if (die.tag === TAG.variable) return variableValue(target, die, undefined);
      const range = rangesOf(die)[0];
      if (range) return { type: functionType(die), address: range.low };
    }
    throw new CommandError(`no symbol ${name} in ${of}`);
  }
  const functions = names.functions(of, scope?.image, scope?.unit);
  if (functions.length === 0) throw new CommandError(`no function ${of}`);
  const found = functions.flatMap(({ die }) => deep(die)).find(d => d.name() === name);
  if (!found) throw new CommandError(`no symbol ${name} in ${of}`);
  // Of the function itself, if it is the one that is looked at; else only what has an address of its own.
  return variableValue(target, found, scope?.subprogram.name() === of ? scope : undefined);
}

export function registerNamed({ target, activation }: Surroundings, name: string): Value {
  const lower = name.toLowerCase();
  const n = REGISTER_NAMES.indexOf(ALIASES[lower] ?? (lower as 'eax'));
  if (n >= 0) {
    const value = activation.registers.get(n);
    const type = TYPES[REGISTER_NAMES[n]] ?? INT;
    if (value === undefined) return { type, bytes: new Uint8Array(4), missing: new Uint8Array(4).fill(1) };
    const write = registerWriter(target, n, activation);
    return {
      type,
      bytes: bytesOf(BigInt(value), 4),
      write: write && (bytes => write(Number(numberOf(bytes)))),
    };
  }
  const half = HALVES[lower];
  if (half) {
    const whole = activation.registers.get(half.register);
    if (whole === undefined) throw new CommandError(`$${name} is not known in this frame`);
    const write = activation.innermost
      ? (bytes: Uint8Array) => target.writeRegister(lower, Number(numberOf(bytes)))
      : undefined;
    const value = BigInt(whole >>> (8 * half.byte));
    return { ...integer(value, half.size === 2 ? SHORT : SIGNED_CHAR), write };
  }
  const value = register(target, lower);
  if (value === undefined) throw new CommandError(`no register $${name}`);
  const write =
    lower === 'eflags'
      ? (bytes: Uint8Array) => target.writeRegister(lower, Number(numberOf(bytes)))
      : undefined;
  return { ...integer(BigInt(value), UNSIGNED), write };
}

const CODE = pointerTo({
  kind: 'function',
  returns: VOID,
  parameters: [],
  variadic: false,
  prototyped: false,
});
const UNKNOWN_FUNCTION: CType = {
  kind: 'function',
  returns: INT,
  parameters: [],
  variadic: false,
  prototyped: false,
};

const SHORT = base('short', 2, ATE.signed);
const SIGNED_CHAR = base('signed char', 1, ATE.signed);
const ALIASES: Readonly<Record<string, (typeof REGISTER_NAMES)[number]>> = {
  pc: 'eip',
  sp: 'esp',
  fp: 'ebp',
};
const TYPES: Readonly<Record<string, CType>> = { eip: CODE, esp: pointerTo(VOID), ebp: pointerTo(VOID) };
const HALVES: Readonly<Record<string, { register: number; byte: number; size: number }>> = Object.fromEntries(
  [
    ...['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'].map((n, i) => [n, { register: i, byte: 0, size: 2 }]),
    ...['al', 'cl', 'dl', 'bl'].map((n, i) => [n, { register: i, byte: 0, size: 1 }]),
    ...['ah', 'ch', 'dh', 'bh'].map((n, i) => [n, { register: i, byte: 1, size: 1 }]),
  ],
);

const MAX_DEEP = 10_000;

const hasPlace = (die: Die) =>
  die.inherited(AT.location) !== undefined || die.inherited(AT.constValue) !== undefined;
const isFile = (path: string, wanted: string) => path === wanted || path.endsWith(`/${wanted}`);

/** All variables of a function, those of its blocks too. */
function deep(die: Die): Die[] {
  const found: Die[] = [];
  const left = [die];
  for (let n = 0; left.length > 0 && n < MAX_DEEP; n++) {
    const at = left.shift()!;
    found.push(...variablesOf(at), ...at.children.filter(c => c.tag === TAG.formalParameter));
    left.push(...at.children.filter(c => c.tag === TAG.lexicalBlock));
  }
  return found;
}
