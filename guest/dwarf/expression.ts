/**
 * Location descriptions and expressions (DWARF 5, 2.5 and 2.6; GNU's extensions of version 4). A value that cannot be
 * had (a register or memory that nobody knows) makes the whole result undefined.
 *
 * Numbers: the generic type is 32 bits, signed in division and comparison (2.5.1); constants keep 64 bits, for clang
 * describes 64-bit variables by them, and operands beyond 32 bits are reckoned with 64.
 *
 * Left out: DW_OP_call*, address spaces, thread-local storage, DW_OP_push_object_address; floating-point types.
 */
import { ByteReader } from '../bytes.ts';
import { ATE } from './constants.ts';
import { Cursor } from './cursor.ts';
import { indexedAddress } from './forms.ts';
import { resolve, typeAt } from './types.ts';
import type { Unit } from './units.ts';

/** Where something is, or what it is. */
export type Location =
  | { kind: 'memory'; address: number }
  | { kind: 'register'; register: number }
  /** It has no place, but this value: 64 bits, of which its type takes the lower ones. */
  | { kind: 'value'; value: bigint }
  | { kind: 'bytes'; bytes: Uint8Array }
  /** It was optimized out. */
  | { kind: 'nowhere' }
  | { kind: 'pieces'; pieces: Piece[] };

/** Sizes in bits; `offset` counts within the piece's own place. */
export interface Piece {
  location: Exclude<Location, { kind: 'pieces' }>;
  size: number;
  offset: number;
}

/** What an expression may ask of the frame that it is about. Undefined: cannot be had. */
export interface ExpressionContext {
  unit: Unit | undefined;
  register(n: number): number | undefined;
  /** `size` bytes, 1 to 8, little-endian. */
  memory(address: number, size: number): bigint | undefined;
  frameBase(): number | undefined;
  cfa(): number | undefined;
  /** The value of an expression when the function was entered. */
  entryValue(expression: Uint8Array): bigint | undefined;
}

const MAX_OPERATIONS = 4096;
const MAX_STACK = 256;
const MAX_PIECES = 256;

/** Thrown and caught here. */
class Unavailable extends Error {}

/** What a location description says; undefined if it needs what cannot be had. Throws a GuestError. */
export function locate(
  expression: Uint8Array,
  context: ExpressionContext,
  initial?: number,
): Location | undefined {
  try {
    return new Machine(expression, context, initial).run();
  } catch (error) {
    if (error instanceof Unavailable) return undefined;
    throw error;
  }
}

/** The number that an expression leaves: an address (call frames), a value (call sites). Throws a GuestError. */
export function expressionValue(
  expression: Uint8Array,
  context: ExpressionContext,
  initial?: number,
): bigint | undefined {
  const found = locate(expression, context, initial);
  if (found?.kind === 'memory') return BigInt(found.address);
  if (found?.kind === 'value') return found.value;
  if (found?.kind !== 'register') return undefined;
  const value = context.register(found.register);
  return value === undefined ? undefined : BigInt(value >>> 0);
}

const fits = (v: bigint) => v >= -0x8000_0000n && v <= 0xffff_ffffn;
const u32 = (v: bigint) => BigInt.asUintN(32, v);
const s32 = (v: bigint) => BigInt.asIntN(32, v);

class Machine {
  readonly cursor: Cursor;
  readonly context: ExpressionContext;
  readonly stack: bigint[] = [];
  private readonly pieces: Piece[] = [];
  /** Of a description that names no address; ends at the next piece. */
  place: Piece['location'] | undefined;

  constructor(expression: Uint8Array, context: ExpressionContext, initial?: number) {
    this.cursor = new Cursor(new ByteReader(expression, 'expression'));
    this.context = context;
    if (initial !== undefined) this.stack.push(BigInt(initial >>> 0));
  }

  run(): Location {
    const end = this.cursor.reader.length;
    if (end === 0) return { kind: 'nowhere' };
    for (let n = 0; this.cursor.at < end; n++) {
      if (n >= MAX_OPERATIONS) this.fail(`more than ${MAX_OPERATIONS} operations`);
      this.step(this.cursor.u8());
    }
    if (this.pieces.length) return { kind: 'pieces', pieces: this.pieces };
    return this.described();
  }

  /** What was described since the last piece. */
  private described(): Piece['location'] {
    if (this.place) return this.place;
    return this.stack.length ? { kind: 'memory', address: Number(u32(this.pop())) } : { kind: 'nowhere' };
  }

  piece(size: number, offset: number): void {
    if (this.pieces.length >= MAX_PIECES) this.fail('too many pieces');
    this.pieces.push({ location: this.described(), size, offset });
    this.place = undefined;
    this.stack.length = 0;
  }

  push(value: bigint): void {
    if (this.stack.length >= MAX_STACK) this.fail('the stack is too deep');
    this.stack.push(value);
  }

  /** A number of the machine, unsigned. */
  push32(value: number | undefined): void {
    this.push(BigInt(this.known(value) >>> 0));
  }

  pop(): bigint {
    return this.stack.pop() ?? this.fail('the stack is empty');
  }

  pick(index: number): void {
    this.push(this.stack[this.stack.length - 1 - index] ?? this.fail('the stack is empty'));
  }

  known<T>(value: T | undefined): T {
    if (value === undefined) throw new Unavailable();
    return value;
  }

  fail(problem: string): never {
    return this.cursor.reader.fail(problem);
  }

  unary(f: (a: bigint) => bigint): void {
    const a = this.pop();
    this.push(fits(a) ? u32(f(s32(a))) : BigInt.asIntN(64, f(a)));
  }

  /** `f` gets signed operands, or with `unsigned` unsigned ones. */
  binary(f: (a: bigint, b: bigint) => bigint, unsigned = false): void {
    const [b, a] = [this.pop(), this.pop()];
    if (fits(a) && fits(b)) this.push(u32(unsigned ? f(u32(a), u32(b)) : f(s32(a), s32(b))));
    else {
      const wide = (v: bigint) => (unsigned ? BigInt.asUintN(64, v) : BigInt.asIntN(64, v));
      this.push(wide(f(wide(a), wide(b))));
    }
  }

  deref(size: number): void {
    if (size < 1 || size > 8) this.fail(`a read of ${size} bytes`);
    this.push(this.known(this.context.memory(Number(u32(this.pop())), size)));
  }

  jump(offset: number): void {
    const to = this.cursor.at + offset;
    if (to < 0 || to > this.cursor.reader.length) this.fail('a branch out of the expression');
    this.cursor.at = to;
  }

  /** The value on top as one of a base type; type 0 is the generic one. */
  convert(type: number): void {
    const value = this.pop();
    const { unit } = this.context;
    const die = type === 0 ? undefined : unit?.die(unit.offset + type);
    const base = die && resolve(typeAt(die));
    if (base?.kind !== 'base') return this.push(u32(value));
    if (base.encoding === ATE.float) this.fail('floating-point operations are not read');
    const signed = base.encoding === ATE.signed || base.encoding === ATE.signedChar;
    const bits = Math.min(64, 8 * base.size);
    this.push(signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
  }

  private step(op: number): void {
    if (op >= 0x30 && op <= 0x4f) this.push(BigInt(op - 0x30));
    else if (op >= 0x50 && op <= 0x6f) this.place = { kind: 'register', register: op - 0x50 };
    else if (op >= 0x70 && op <= 0x8f) this.relative(op - 0x70);
    else {
      const row = OPERATIONS[op] ?? this.fail(`operation 0x${op.toString(16)} is not read`);
      row(this, this.cursor);
    }
  }

  /** A register and an offset. */
  relative(register: number): void {
    const offset = this.cursor.sleb();
    this.push32(this.known(this.context.register(register)) + offset);
  }
}

const bool = (v: boolean) => (v ? 1n : 0n);
const shift = (n: bigint) => (n > 64n || n < 0n ? 64n : n);

/** DW_OP_* by code (7.7.1), but for the three rows of 32 (literals, registers, registers with an offset). */
const OPERATIONS: Readonly<Record<number, (m: Machine, c: Cursor) => void>> = {
  3: (m, c) => m.push32(c.u32()), // addr
  6: m => m.deref(4),
  8: (m, c) => m.push(BigInt(c.u8())), // const1u and on
  9: (m, c) => m.push(BigInt((c.u8() << 24) >> 24)),
  10: (m, c) => m.push(BigInt(c.u16())),
  11: (m, c) => m.push(BigInt((c.u16() << 16) >> 16)),
  12: (m, c) => m.push(BigInt(c.u32())),
  13: (m, c) => m.push(BigInt(c.u32() | 0)),
  14: (m, c) => m.push(c.u64()),
  15: (m, c) => m.push(BigInt.asIntN(64, c.u64())),
  16: (m, c) => m.push(c.leb64(false)),
  17: (m, c) => m.push(c.leb64(true)),
  18: m => m.pick(0), // dup
  19: m => void m.pop(), // drop
  20: m => m.pick(1), // over
  21: (m, c) => m.pick(c.u8()),
  22: m => m.stack.push(m.pop(), m.pop()), // swap
  23: m => {
    const [a, b, third] = [m.pop(), m.pop(), m.pop()];
    m.stack.push(a, third, b); // rot
  },
  25: m => m.unary(a => (a < 0n ? -a : a)),
  26: m => m.binary((a, b) => a & b),
  27: m => m.binary((a, b) => (b === 0n ? m.fail('a division by 0') : a / b)),
  28: m => m.binary((a, b) => a - b),
  29: m => m.binary((a, b) => (b === 0n ? m.fail('a division by 0') : a % b), true),
  30: m => m.binary((a, b) => a * b),
  31: m => m.unary(a => -a),
  32: m => m.unary(a => ~a),
  33: m => m.binary((a, b) => a | b),
  34: m => m.binary((a, b) => a + b),
  35: (m, c) => {
    const addend = BigInt(c.uleb());
    m.unary(a => a + addend);
  },
  36: m => m.binary((a, b) => a << shift(b), true),
  37: m => m.binary((a, b) => a >> shift(b), true),
  38: m => m.binary((a, b) => a >> shift(b)),
  39: m => m.binary((a, b) => a ^ b),
  40: (m, c) => {
    const offset = (c.u16() << 16) >> 16;
    if (m.pop() !== 0n) m.jump(offset); // bra
  },
  41: m => m.binary((a, b) => bool(a === b)),
  42: m => m.binary((a, b) => bool(a >= b)),
  43: m => m.binary((a, b) => bool(a > b)),
  44: m => m.binary((a, b) => bool(a <= b)),
  45: m => m.binary((a, b) => bool(a < b)),
  46: m => m.binary((a, b) => bool(a !== b)),
  47: (m, c) => m.jump((c.u16() << 16) >> 16), // skip
  144: (m, c) => {
    m.place = { kind: 'register', register: c.uleb() }; // regx
  },
  145: (m, c) => {
    const offset = c.sleb();
    m.push32(m.known(m.context.frameBase()) + offset); // fbreg
  },
  146: (m, c) => m.relative(c.uleb()), // bregx
  147: (m, c) => m.piece(8 * c.uleb(), 0),
  148: (m, c) => m.deref(c.u8()),
  150: () => {}, // nop
  156: m => m.push32(m.context.cfa()), // call_frame_cfa
  157: (m, c) => m.piece(c.uleb(), c.uleb()), // bit_piece
  158: (m, c) => {
    m.place = { kind: 'bytes', bytes: c.block(c.uleb()) }; // implicit_value
  },
  159: m => {
    m.place = { kind: 'value', value: m.pop() }; // stack_value
  },
  160: implicitPointer,
  161: indexed, // addrx
  162: indexed, // constx
  163: entryValue,
  164: (m, c) => {
    const type = c.uleb();
    m.push(little(c.block(Math.min(8, c.u8())))); // const_type
    m.convert(type);
  },
  165: (m, c) => {
    m.push32(m.context.register(c.uleb())); // regval_type
    m.convert(c.uleb());
  },
  166: (m, c) => {
    m.deref(c.u8()); // deref_type
    m.convert(c.uleb());
  },
  168: (m, c) => m.convert(c.uleb()),
  169: (m, c) => m.convert(c.uleb()), // reinterpret
  242: implicitPointer,
  243: entryValue,
  251: indexed,
  252: indexed,
};

function indexed(m: Machine, c: Cursor): void {
  m.push32(indexedAddress(m.known(m.context.unit), c.uleb()));
}

function entryValue(m: Machine, c: Cursor): void {
  m.push(m.known(m.context.entryValue(c.block(c.uleb()))));
}

/** A pointer to what was optimized out: there is nothing to point to. */
function implicitPointer(m: Machine, c: Cursor): void {
  c.u32();
  c.sleb();
  m.place = { kind: 'nowhere' };
}

function little(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
