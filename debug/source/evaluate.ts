/**
 * C expressions evaluated on the guest as it stands: conversions and operators of C17, 6.3 and 6.5, with gdb's liberties
 * (`.` on pointers, `*` of a number is an int there). Only assignments change the guest.
 *
 * Left out: floating-point arithmetic (such values are shown and copied).
 */

import { AT, ATE, TAG } from '../../guest/dwarf/constants.ts';
import { REGISTER_NAMES } from '../../guest/dwarf/frames.ts';
import { rangesOf } from '../../guest/dwarf/lists.ts';
import {
  arrayOf,
  base,
  type CType,
  functionType,
  INT,
  pointerTo,
  resolve,
  sizeOf,
  typeOfDie,
  UNSIGNED,
  VOID,
} from '../../guest/dwarf/types.ts';
import type { Die } from '../../guest/dwarf/units.ts';
import { CommandError } from '../error.ts';
import { register } from '../expression.ts';
import type { Target } from '../target.ts';
import { typeName } from './ctype.ts';
import { findMember } from './layout.ts';
import { bytesOf, numberOf, writeBytes, writeRegister } from './memory.ts';
import type { Names } from './names.ts';
import { CHARACTER, type Node, parseExpression } from './parse.ts';
import { localNamed, registerWriter, type Scope, variablesOf, variableValue } from './scope.ts';
import type { Activation } from './unwind.ts';
import {
  addressOf,
  contents,
  integer,
  isFloat,
  isScalar,
  isSigned,
  numeric,
  optimizedOut,
  part,
  promoted,
  type Value,
} from './value.ts';

/** Where an expression is looked at. */
export interface Surroundings {
  target: Target;
  names: Names;
  scope?: Scope;
  activation: Activation;
  /** Values shown before, the oldest first. */
  history: readonly Value[];
}

export interface Evaluated {
  value: Value;
  /** It was the name of a type: the value has nothing but that. */
  isType: boolean;
}

/** A slice is not longer. */
const MAX_SLICE = 1 << 20;
const UNSIGNED_LONG = base('unsigned long', 4, ATE.unsigned);
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

/** Throws a CommandError; a GuestError for bad debug information. */
export function evaluateText(text: string, around: Surroundings): Evaluated {
  const evaluator = new Evaluator(around);
  const node = parseExpression(text, evaluator);
  if (node.is === 'type') return { value: { type: node.type }, isType: true };
  return { value: evaluator.value(node), isType: false };
}

/** Stores `from` in `to`, converted to its type. Throws a CommandError. */
export function store(target: Target, to: Value, from: Value): void {
  const bytes = stored(target, to, from);
  if (to.address !== undefined) writeBytes(target, to.address, bytes);
  else if (to.write) to.write(bytes);
  else throw new CommandError('this cannot be assigned to');
}

function stored(target: Target, to: Value, from: Value): Uint8Array {
  if (!isScalar(to.type)) {
    if (typeName(resolve(to.type)) !== typeName(resolve(from.type)) || sizeOf(to.type) !== sizeOf(from.type))
      throw new CommandError(`a ${typeName(from.type)} is no ${typeName(to.type)}`);
    return contents(target, from).slice();
  }
  if (isFloat(to.type)) {
    if (!isFloat(from.type) || sizeOf(from.type) !== sizeOf(to.type))
      throw new CommandError('floating-point numbers are not converted');
    return contents(target, from).slice();
  }
  const value = numeric(target, from);
  if (!to.bits) return bytesOf(value, sizeOf(to.type));
  const { offset, size } = to.bits;
  const old = contents(target, to);
  const mask = ((1n << BigInt(size)) - 1n) << BigInt(offset);
  const kept = numberOf(old) & ~mask;
  return bytesOf(kept | ((value << BigInt(offset)) & mask), old.length);
}

class Evaluator {
  private readonly around: Surroundings;
  private readonly target: Target;

  constructor(around: Surroundings) {
    this.around = around;
    this.target = around.target;
  }

  // ---- names -----------------------------------------------------------------------------------------------------------

  /** For the parser: a variable hides a type of its name. */
  type(name: string): CType | undefined {
    const { names, scope } = this.around;
    if (!name.includes(' ') && scope && localNamed(scope, name)) return undefined;
    return names.type(name, scope?.image, scope?.unit);
  }

  private named({ name, of }: Extract<Node, { is: 'name' }>): Value {
    if (of !== undefined) return this.within(of, name);
    const { names, scope } = this.around;
    const local = scope && localNamed(scope, name);
    if (local) return this.variable(local, scope);
    const variables = names.variables(name, scope?.image, scope?.unit);
    const variable = variables.find(f => hasPlace(f.die));
    if (variable) return variableValue(this.target, variable.die, undefined);
    const code = names.functions(name, scope?.image, scope?.unit).find(f => rangesOf(f.die).length > 0);
    if (code) return { type: functionType(code.die), address: rangesOf(code.die)[0].low };
    const constant = names.enumerator(name, scope?.image);
    if (constant) return integer(constant.value, constant.type);
    return variables.length > 0 ? this.placeless(name, variables[0].die) : this.symbol(name);
  }

  /** A variable of a file that does not say where it is: defined in assembly, or optimized out. */
  private placeless(name: string, die: Die): Value {
    const type = typeOfDie(die);
    const address = die.flag(AT.declaration) ? this.target.symbols.address(name) : undefined;
    return address === undefined ? optimizedOut(type) : { type, address };
  }

  /** What only the symbol table knows: code, or a dword. */
  private symbol(name: string): Value {
    const program = this.target.images.program();
    const found = this.target.symbols.find(name)[0] ?? program?.symbols().find(name)[0];
    if (found) return { type: found.code ? UNKNOWN_FUNCTION : UNSIGNED, address: found.start };
    if (/^[0-9a-f]{8}$/i.test(name)) return integer(BigInt(`0x${name}`), UNSIGNED);
    throw new CommandError(`no symbol ${name}`);
  }

  /** A local one that is declared `extern` is another's. */
  private variable(die: Die, scope: Scope): Value {
    const name = die.name();
    if (hasPlace(die) || !name || !die.flag(AT.declaration)) return variableValue(this.target, die, scope);
    const outer = this.around.names.variables(name, scope.image).find(f => hasPlace(f.die));
    return outer ? variableValue(this.target, outer.die, undefined) : this.symbol(name);
  }

  private within(of: string, name: string): Value {
    const { names, scope } = this.around;
    if (/\.[chS]$/.test(of)) {
      const inFile = names
        .variables(name, scope?.image)
        .concat(names.functions(name, scope?.image))
        .filter(({ die }) => isFile(die.unit.head().name() ?? '', of));
      for (const { die } of inFile) {
        if (die.tag === TAG.variable) return variableValue(this.target, die, undefined);
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
    return variableValue(this.target, found, scope?.subprogram.name() === of ? scope : undefined);
  }

  private register(name: string): Value {
    const { activation } = this.around;
    const lower = name.toLowerCase();
    const n = REGISTER_NAMES.indexOf(ALIASES[lower] ?? (lower as 'eax'));
    if (n >= 0) {
      const value = activation.registers.get(n);
      const type = TYPES[REGISTER_NAMES[n]] ?? INT;
      if (value === undefined) return { type, bytes: new Uint8Array(4), missing: new Uint8Array(4).fill(1) };
      const write = registerWriter(this.target, n, activation);
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
        ? (bytes: Uint8Array) => writeRegister(this.target, lower, Number(numberOf(bytes)))
        : undefined;
      const value = BigInt(whole >>> (8 * half.byte));
      return { ...integer(value, half.size === 2 ? SHORT : SIGNED_CHAR), write };
    }
    const value = register(this.target, lower);
    if (value === undefined) throw new CommandError(`no register $${name}`);
    const write =
      lower === 'eflags'
        ? (bytes: Uint8Array) => writeRegister(this.target, lower, Number(numberOf(bytes)))
        : undefined;
    return { ...integer(BigInt(value), UNSIGNED), write };
  }

  private recalled({ number, back }: Extract<Node, { is: 'history' }>): Value {
    const { history } = this.around;
    const found = history[back ? history.length - 1 - number : number - 1];
    if (found) return found;
    if (history.length === 0) throw new CommandError('no value was shown yet');
    throw new CommandError(`the history has values 1 to ${history.length}`);
  }

  // ---- values ----------------------------------------------------------------------------------------------------------

  value(node: Node): Value {
    switch (node.is) {
      case 'number':
        return integer(node.value, node.type);
      case 'string':
        return {
          type: arrayOf(CHARACTER, node.bytes.length + 1),
          bytes: Uint8Array.from([...node.bytes, 0]),
        };
      case 'name':
        return this.named(node);
      case 'register':
        return this.register(node.name);
      case 'history':
        return this.recalled(node);
      case 'unary':
        return this.unary(node.operator, node.of);
      case 'binary':
        return this.binary(node.operator, node.left, node.right);
      case 'assign':
        return this.assign(node);
      case 'conditional':
        return this.value(this.truth(node.test) ? node.then : node.otherwise);
      case 'member':
        return this.member(this.value(node.of), node.name);
      case 'index':
        return this.index(this.value(node.of), this.number(this.value(node.index)));
      case 'cast':
        return this.cast(this.value(node.of), node.type);
      case 'at':
        return { type: node.type, address: Number(BigInt.asUintN(32, this.number(this.value(node.of)))) };
      case 'sizeof': {
        const type = node.of.is === 'type' ? node.of.type : this.value(node.of).type;
        return integer(BigInt(sizeOf(this.complete(type))), UNSIGNED_LONG);
      }
      case 'type':
        throw new CommandError(`${typeName(node.type)} is a type`);
    }
  }

  private complete(type: CType): CType {
    return this.around.names.complete(type);
  }

  private number(value: Value): bigint {
    return numeric(this.target, value);
  }

  private truth(node: Node): boolean {
    return this.number(this.value(node)) !== 0n;
  }

  /** An array or function as a pointer to it, as C has it nearly everywhere (6.3.2.1). */
  private decayed(value: Value): Value {
    const bare = resolve(value.type);
    if (bare.kind === 'array') return this.pointer(addressOf(value), bare.of);
    if (bare.kind === 'function') return this.pointer(addressOf(value), bare);
    return value;
  }

  private pointer(address: number | bigint, to: CType): Value {
    return integer(BigInt.asUintN(32, BigInt(address)), pointerTo(to));
  }

  private unary(operator: string, of: Node): Value {
    const value = this.value(of);
    switch (operator) {
      case '&':
        return this.pointer(addressOf(value), value.type);
      case '*':
        return this.pointed(value);
      case '!':
        return integer(this.number(value) === 0n ? 1n : 0n);
    }
    const type = this.arithmetic(value);
    const number = this.number(value);
    return integer(operator === '-' ? -number : operator === '~' ? ~number : number, type);
  }

  private pointed(value: Value): Value {
    const bare = resolve(value.type);
    if (bare.kind === 'function') return value;
    const address = Number(BigInt.asUintN(32, this.number(value)));
    const to = bare.kind === 'pointer' ? bare.to : bare.kind === 'array' ? bare.of : INT;
    if (resolve(to).kind === 'void') throw new CommandError('a void * points to nothing that has a type');
    return { type: to, address };
  }

  /** The type that C computes with; only for numbers. */
  private arithmetic(value: Value): CType {
    const type = promoted(value.type);
    if (type.kind !== 'base' && type.kind !== 'enum')
      throw new CommandError(`a ${typeName(value.type)} is no number to reckon with`);
    if (isFloat(type)) throw new CommandError('floating-point numbers are not reckoned with');
    return type;
  }

  private binary(operator: string, leftNode: Node, rightNode: Node): Value {
    if (operator === '&&' || operator === '||') {
      const decided = this.truth(leftNode) === (operator === '||');
      return integer((decided ? operator === '||' : this.truth(rightNode)) ? 1n : 0n);
    }
    const left = this.value(leftNode);
    if (operator === '@') return this.slice(left, this.number(this.value(rightNode)));
    return this.compute(operator, this.decayed(left), this.decayed(this.value(rightNode)));
  }

  private compute(operator: string, left: Value, right: Value): Value {
    const [a, b] = [resolve(left.type), resolve(right.type)];
    if (a.kind === 'pointer' || b.kind === 'pointer') return this.withPointers(operator, left, right);
    const [p, q] = [this.arithmetic(left), this.arithmetic(right)];
    if (operator === '<<' || operator === '>>') {
      const by = this.number(right);
      const bits = BigInt(8 * sizeOf(p));
      if (by < 0n || by >= bits) return integer(0n, p);
      return integer(operator === '<<' ? this.number(left) << by : this.number(left) >> by, p);
    }
    const common = commonType(p, q);
    const bits = 8 * sizeOf(common);
    const wrap = (v: bigint) => (isSigned(common) ? BigInt.asIntN(bits, v) : BigInt.asUintN(bits, v));
    const [x, y] = [wrap(this.number(left)), wrap(this.number(right))];
    const compare = COMPARE[operator];
    if (compare) return integer(compare(x, y) ? 1n : 0n);
    if ((operator === '/' || operator === '%') && y === 0n) throw new CommandError('division by zero');
    return integer(wrap(COMPUTE[operator](x, y)), common);
  }

  private withPointers(operator: string, left: Value, right: Value): Value {
    const [a, b] = [resolve(left.type), resolve(right.type)];
    const [x, y] = [this.number(left), this.number(right)];
    const compare = COMPARE[operator];
    if (compare) return integer(compare(BigInt.asUintN(32, x), BigInt.asUintN(32, y)) ? 1n : 0n);
    if (operator === '-' && a.kind === 'pointer' && b.kind === 'pointer') {
      const step = this.step(a.to);
      if (step !== this.step(b.to)) throw new CommandError('these pointers point to different types');
      return integer(BigInt.asIntN(32, x - y) / step, base('long', 4, ATE.signed));
    }
    if (operator === '+' && a.kind === 'pointer' && b.kind !== 'pointer')
      return this.pointer(x + y * this.step(a.to), a.to);
    if (operator === '+' && b.kind === 'pointer' && a.kind !== 'pointer')
      return this.pointer(y + x * this.step(b.to), b.to);
    if (operator === '-' && a.kind === 'pointer') return this.pointer(x - y * this.step(a.to), a.to);
    // As in gdb, a pointer is a number otherwise.
    const unsigned = (v: Value) => (resolve(v.type).kind === 'pointer' ? { ...v, type: UNSIGNED_LONG } : v);
    return this.compute(operator, unsigned(left), unsigned(right));
  }

  /** Bytes from one element to the next. */
  private step(type: CType): bigint {
    return BigInt(sizeOf(this.complete(type)) || 1);
  }

  /** `ARRAY@COUNT`: as many things as that from this one on. */
  private slice(first: Value, count: bigint): Value {
    const address = addressOf(first);
    if (count < 1n || count * BigInt(sizeOf(first.type)) > MAX_SLICE)
      throw new CommandError(`not a number of elements that can be shown: ${count}`);
    return { type: arrayOf(first.type, Number(count)), address };
  }

  private member(value: Value, name: string): Value {
    const bare = resolve(value.type);
    const owner = bare.kind === 'pointer' ? this.pointed(value) : value;
    const type = this.complete(owner.type);
    const found = findMember(type, name, t => this.complete(t));
    if (!found) {
      if (type.kind !== 'struct' && type.kind !== 'union')
        throw new CommandError(`a ${typeName(value.type)} has no members`);
      if (type.declaration) throw new CommandError(`${typeName(type)} is declared only, not defined`);
      throw new CommandError(`${typeName(type)} has no member ${name}`);
    }
    return memberPart(owner, found.offset, found.member);
  }

  private index(value: Value, n: bigint): Value {
    const bare = resolve(value.type);
    if (bare.kind === 'pointer') {
      const { type, address } = this.pointed(value);
      return { type, address: Number(BigInt.asUintN(32, BigInt(address!) + n * this.step(type))) };
    }
    if (bare.kind !== 'array') throw new CommandError(`a ${typeName(value.type)} has no elements`);
    const offset = n * this.step(bare.of);
    if (value.address !== undefined)
      return { type: bare.of, address: Number(BigInt.asUintN(32, BigInt(value.address) + offset)) };
    if (n < 0n || n >= BigInt(bare.count ?? 0)) throw new CommandError(`no element ${n}`);
    return part(value, Number(offset), bare.of);
  }

  private cast(value: Value, type: CType): Value {
    const bare = this.complete(type);
    if (bare.kind === 'void') return { type, bytes: new Uint8Array(1) };
    if (!isScalar(bare)) {
      if (typeName(bare) === typeName(resolve(value.type))) return { ...value, type };
      if (bare.kind === 'array' && value.address !== undefined) return { ...value, type };
      throw new CommandError(`no cast to ${typeName(type)}`);
    }
    if (isFloat(bare)) {
      if (isFloat(value.type) && sizeOf(value.type) === sizeOf(bare)) return { ...value, type };
      throw new CommandError('floating-point numbers are not converted');
    }
    const number = this.number(value);
    if (bare.kind === 'base' && bare.encoding === ATE.boolean) return integer(number ? 1n : 0n, type);
    return integer(number, type);
  }

  private assign({ operator, left, right }: Extract<Node, { is: 'assign' }>): Value {
    const to = this.value(left);
    const from = this.value(right);
    store(
      this.target,
      to,
      operator === '' ? from : this.compute(operator, this.decayed(to), this.decayed(from)),
    );
    return this.value(left);
  }
}

/** A member of a struct that is a value; its bit field's bits are counted from its own byte. */
export function memberPart(
  owner: Value,
  offset: number,
  member: { type: CType; offset: number; bits?: { offset: number; size: number } },
): Value {
  const { bits } = member;
  return part(
    owner,
    offset,
    member.type,
    bits && { offset: bits.offset - 8 * member.offset, size: bits.size },
  );
}

/** C17, 6.3.1.8, for promoted types. */
function commonType(a: CType, b: CType): CType {
  const [x, y] = [sizeOf(a), sizeOf(b)];
  if (x !== y) return x > y ? a : b;
  return isSigned(a) ? b : a;
}

const COMPARE: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
};

const COMPUTE: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
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
