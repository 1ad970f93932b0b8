/**
 * C expressions evaluated on the guest as it stands: conversions and operators of C17, 6.3 and 6.5, with gdb's liberties
 * (`.` on pointers, `*` of a number is an int there). Only assignments change the guest.
 *
 * Left out: floating-point arithmetic (such values are shown and copied).
 */

import { ATE } from '../../guest/dwarf/constants.ts';
import { arrayOf, base, type CType, INT, pointerTo, resolve, sizeOf } from '../../guest/dwarf/types.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { typeName } from './ctype.ts';
import { findMember } from './layout.ts';
import { named, registerNamed, type Surroundings, typeNamed } from './lookup.ts';
import { bytesOf, numberOf } from './memory.ts';
import { CHARACTER, type Node, parseExpression } from './parse.ts';
import {
  addressOf,
  contents,
  integer,
  isFloat,
  isScalar,
  isSigned,
  numeric,
  part,
  promoted,
  type Value,
} from './value.ts';

export interface Evaluated {
  value: Value;
  /** It was the name of a type: the value has nothing but that. */
  isType: boolean;
}

/** A slice is not longer. */
const MAX_SLICE = 1 << 20;
const UNSIGNED_LONG = base('unsigned long', 4, ATE.unsigned);
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
  if (to.address !== undefined) target.writeMemory(to.address, bytes);
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

  /** For the parser. */
  type(name: string): CType | undefined {
    return typeNamed(this.around, name);
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
        return named(this.around, node.name, node.of);
      case 'register':
        return registerNamed(this.around, node.name);
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
    const inside = n >= 0n && n < BigInt(bare.count ?? 0);
    if (value.address !== undefined && !(value.bytes && inside))
      return { type: bare.of, address: Number(BigInt.asUintN(32, BigInt(value.address) + offset)) };
    if (!inside) throw new CommandError(`no element ${n}`);
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
