/**
 * What is visible at a place in the code: the functions that it is in, inlined ones told apart, their blocks, and where
 * variables are there.
 *
 * Left out: values at a function's entry (DW_OP_entry_value), which clang does not write for the i386.
 */
import { AT, TAG } from '../../guest/dwarf/constants.ts';
import {
  type ExpressionContext,
  expressionValue,
  type Location,
  locate,
} from '../../guest/dwarf/expression.ts';
import { REGISTER_NAMES } from '../../guest/dwarf/frames.ts';
import { locationAt, rangesOf } from '../../guest/dwarf/lists.ts';
import { sizeOf, typeOfDie } from '../../guest/dwarf/types.ts';
import type { Die, Unit } from '../../guest/dwarf/units.ts';
import type { Image } from '../images.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { bytesOf, readNumber } from './memory.ts';
import { type Activation, canonicalFrameAddress, codeAddress, type Registers } from './unwind.ts';
import { MAX_BYTES, optimizedOut, type Value } from './value.ts';

/** One function at one place. */
export interface Scope {
  image: Image;
  unit: Unit;
  /** The function that has the code. */
  subprogram: Die;
  /** The same, or a function that is inlined there. */
  die: Die;
  /** Of the code, as linked. */
  address: number;
  activation: Activation;
}

/** More nesting than any compiler's. */
const MAX_NESTING = 64;

const contains = (die: Die, address: number) => rangesOf(die).some(r => address >= r.low && address < r.high);

/** The functions that an activation is in, the innermost inlined one first; none without debug information. */
export function scopesAt(target: Target, activation: Activation): Scope[] {
  const address = target.linked(codeAddress(activation));
  const image = target.images.at(address, activation.comm);
  const subprogram = image?.info()?.functionAt(address);
  if (!image || !subprogram) return [];
  const chain = [subprogram];
  let at: Die | undefined = subprogram;
  for (let n = 0; at && n < MAX_NESTING; n++) {
    at = at.children.find(c => isCode(c) && contains(c, address));
    if (at?.tag === TAG.inlinedSubroutine) chain.unshift(at);
  }
  return chain.map(die => ({ image, unit: subprogram.unit, subprogram, die, address, activation }));
}

const isCode = (die: Die) => die.tag === TAG.inlinedSubroutine || die.tag === TAG.lexicalBlock;

/** The blocks of the function that hold its place, the innermost first; the last is the function. */
export function blocksOf({ die, address }: Scope): Die[] {
  const blocks = [die];
  for (let n = 0; n < MAX_NESTING; n++) {
    const inner = blocks[0].children.find(c => c.tag === TAG.lexicalBlock && contains(c, address));
    if (!inner) break;
    blocks.unshift(inner);
  }
  return blocks;
}

export const variablesOf = (block: Die) => block.children.filter(c => c.tag === TAG.variable);
export const parametersOf = (die: Die) => die.children.filter(c => c.tag === TAG.formalParameter);

/** The variable or parameter of that name in the function, from inside to outside. */
export function localNamed(scope: Scope, name: string): Die | undefined {
  for (const block of blocksOf(scope)) {
    const named = [...variablesOf(block), ...parametersOf(block)].filter(d => d.name() === name);
    if (named.length > 0) return named[0];
  }
  return undefined;
}

// ---- where variables are ---------------------------------------------------------------------------------------------

/** A variable's value; `scope` is absent for one that has an address of its own. Throws a GuestError. */
export function variableValue(target: Target, die: Die, scope: Scope | undefined): Value {
  const type = typeOfDie(die);
  const size = sizeOf(type);
  const location = die.inherited(AT.location);
  const expression = location && locationAt(die.unit, location, scope?.address ?? 0);
  if (!expression) {
    const constant = die.inherited(AT.constValue)?.value;
    if (size > MAX_BYTES || constant === undefined) return optimizedOut(type);
    if (constant instanceof Uint8Array) return { type, ...padded(constant, size) };
    if (typeof constant === 'bigint' || typeof constant === 'number')
      return { type, bytes: bytesOf(BigInt(constant), size) };
    return optimizedOut(type);
  }
  const found = locate(expression, contextOf(target, die.unit, scope));
  if (!found) return optimizedOut(type);
  if (found.kind === 'memory') return { type, address: found.address };
  if (size > MAX_BYTES) return optimizedOut(type);
  const registers = scope?.activation.registers;
  if (found.kind === 'pieces') return { type, ...assembled(target, found.pieces, size, registers) };
  return { type, ...placed(target, found, size, scope?.activation) };
}

/** Where a variable is, in words. Throws a GuestError. */
export function placeOf(die: Die, { address }: Scope): string {
  const location = die.inherited(AT.location);
  const expression = location && locationAt(die.unit, location, address);
  if (!expression) return die.inherited(AT.constValue) ? 'a constant' : 'optimized out';
  const unknown = () => undefined;
  const nowhere: ExpressionContext = {
    unit: die.unit,
    register: unknown,
    memory: unknown,
    frameBase: unknown,
    cfa: unknown,
    entryValue: unknown,
  };
  const found = locate(expression, nowhere);
  switch (found?.kind) {
    case undefined:
      return expression[0] === FBREG ? 'on the stack' : 'computed';
    case 'memory':
      return `at ${hex8(found.address)}`;
    case 'register':
      return `in $${REGISTER_NAMES[found.register] ?? found.register}`;
    case 'value':
    case 'bytes':
      return 'a constant';
    case 'pieces':
      return 'in pieces';
    case 'nowhere':
      return 'optimized out';
  }
}

/** DW_OP_fbreg. */
const FBREG = 0x91;

function contextOf(target: Target, unit: Unit, scope: Scope | undefined): ExpressionContext {
  const activation = scope?.activation;
  const context: ExpressionContext = {
    unit,
    register: n => activation?.registers.get(n),
    memory: (address, size) => readNumber(target, address, size),
    cfa: () => activation && canonicalFrameAddress(target, activation),
    frameBase() {
      const base = scope?.subprogram.attribute(AT.frameBase);
      const expression = base && scope && locationAt(scope.unit, base, scope.address);
      // Not by itself.
      const value = expression && expressionValue(expression, { ...context, frameBase: () => undefined });
      return value === undefined ? undefined : Number(BigInt.asUintN(32, value));
    },
    entryValue: () => undefined,
  };
  return context;
}

type Contents = Pick<Value, 'bytes' | 'missing' | 'write'>;
type Place = Exclude<Location, { kind: 'pieces' } | { kind: 'memory' }>;

function placed(target: Target, place: Place, size: number, activation?: Activation): Contents {
  switch (place.kind) {
    case 'value':
      return padded(bytesOf(place.value, Math.min(size, 8)), size);
    case 'bytes':
      return padded(place.bytes, size);
    case 'register':
      return inRegister(target, place.register, size, activation);
    case 'nowhere':
      return padded(new Uint8Array(0), size);
  }
}

function inRegister(target: Target, n: number, size: number, activation?: Activation): Contents {
  const value = activation?.registers.get(n);
  if (value === undefined) return padded(new Uint8Array(0), size);
  const write = activation && registerWriter(target, n, activation);
  return {
    ...padded(bytesOf(BigInt(value), 4), size),
    write:
      write &&
      (bytes => {
        const whole = bytesOf(BigInt(value), 4);
        whole.set(bytes.subarray(0, 4));
        write(new DataView(whole.buffer).getUint32(0, true));
      }),
  };
}

/** Changes a register of a call: in the processor, or where the guest saved it; undefined where neither is known. */
export function registerWriter(
  target: Target,
  n: number,
  { registers, innermost }: Activation,
): ((value: number) => void) | undefined {
  if (innermost && REGISTER_NAMES[n]) return value => target.writeRegister(REGISTER_NAMES[n], value);
  const place = registers.place(n);
  return place === undefined
    ? undefined
    : value => target.writeMemory(place, bytesOf(BigInt(value >>> 0), 4));
}

/** As many bytes as there are; the rest is missing. */
function padded(bytes: Uint8Array, size: number): Contents {
  const whole = new Uint8Array(size);
  whole.set(bytes.subarray(0, size));
  if (bytes.length >= size) return { bytes: whole };
  return { bytes: whole, missing: new Uint8Array(size).fill(1, bytes.length) };
}

/** Pieces follow each other from the lowest bit on; those that do not begin at whole bytes are taken for lost. */
function assembled(
  target: Target,
  pieces: Extract<Location, { kind: 'pieces' }>['pieces'],
  size: number,
  registers: Registers | undefined,
): Contents {
  const bytes = new Uint8Array(size);
  const missing = new Uint8Array(size).fill(1);
  let bit = 0;
  for (const piece of pieces) {
    const [at, length, offset] = [bit / 8, piece.size / 8, piece.offset / 8];
    bit += piece.size;
    if (at >= size) break;
    if (!Number.isInteger(at) || !Number.isInteger(length) || !Number.isInteger(offset)) continue;
    const { location } = piece;
    const most = Math.min(length, size - at);
    const read = (n: number): number | undefined => {
      if (location.kind === 'memory')
        return Number(readNumber(target, location.address + offset + n, 1) ?? -1n);
      const value = location.kind === 'register' ? registers?.get(location.register) : undefined;
      if (value !== undefined) return offset + n < 4 ? (value >>> (8 * (offset + n))) & 0xff : undefined;
      if (location.kind === 'value') return Number((location.value >> BigInt(8 * (offset + n))) & 0xffn);
      return location.kind === 'bytes' ? location.bytes[offset + n] : undefined;
    };
    for (let n = 0; n < most; n++) {
      const byte = read(n);
      if (byte === undefined || byte < 0) continue;
      bytes[at + n] = byte;
      missing[at + n] = 0;
    }
  }
  return missing.some(m => m !== 0) ? { bytes, missing } : { bytes };
}
