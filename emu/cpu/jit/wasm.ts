/**
 * WebAssembly instructions as bytes, as far as the compiled engine needs them (WebAssembly Core Specification 2.0, chapter
 * 5.4; the tail call proposal): i32, i64, f64, some vectors, one memory, one table. `Code` appends them to a function's body;
 * nothing is checked here, the host's validation does that. module.ts makes a module of functions.
 *
 * Left out: globals, and whatever else compiled guest code has no use for.
 */

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
export const V128 = 0x7b;
const EMPTY = 0x40;

/** Parameters and results of a function. */
export interface Signature {
  parameters: readonly number[];
  results: readonly number[];
}

export interface Import {
  name: string;
  signature: Signature;
}

export interface Func {
  signature: Signature;
  /** Types of its locals behind the parameters. */
  locals: readonly number[];
  code: Code;
  /** Exported under this name. */
  name?: string;
}

/** A growing array of bytes with the format's variable-length integers. */
export class Bytes {
  private bytes = new Uint8Array(1024);
  length = 0;

  u8(v: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length++] = v;
  }

  /** Unsigned LEB128 of a uint32. */
  u32(v: number): void {
    v >>>= 0;
    while (v > 0x7f) {
      this.u8((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    this.u8(v);
  }

  /** Signed LEB128 of an int32. */
  s32(v: number): void {
    v |= 0;
    for (;;) {
      const low = v & 0x7f;
      v >>= 7;
      if ((v === 0 && (low & 0x40) === 0) || (v === -1 && (low & 0x40) !== 0)) return this.u8(low);
      this.u8(low | 0x80);
    }
  }

  /** Signed LEB128 of a bigint of 64 bits. */
  s64(v: bigint): void {
    for (;;) {
      const low = Number(v & 0x7fn);
      v >>= 7n;
      if ((v === 0n && (low & 0x40) === 0) || (v === -1n && (low & 0x40) !== 0)) return this.u8(low);
      this.u8(low | 0x80);
    }
  }

  f64(v: number): void {
    for (const byte of new Uint8Array(Float64Array.of(v).buffer)) this.u8(byte);
  }

  text(s: string): void {
    this.u32(s.length);
    for (let n = 0; n < s.length; n++) this.u8(s.charCodeAt(n));
  }

  append(other: Bytes): void {
    if (this.length + other.length > this.bytes.length) this.grow(other.length);
    this.bytes.set(other.view(), this.length);
    this.length += other.length;
  }

  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }

  private grow(by: number): void {
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + by));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** Opcodes without immediates, by the specification's names. */
const PLAIN = {
  unreachable: 0x00,
  end: 0x0b,
  else: 0x05,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  i32eqz: 0x45,
  i32eq: 0x46,
  i32ne: 0x47,
  i32lt_s: 0x48,
  i32lt_u: 0x49,
  i32gt_s: 0x4a,
  i32gt_u: 0x4b,
  i32le_s: 0x4c,
  i32le_u: 0x4d,
  i32ge_s: 0x4e,
  i32ge_u: 0x4f,
  i32ctz: 0x68,
  i32popcnt: 0x69,
  i32add: 0x6a,
  i32sub: 0x6b,
  i32mul: 0x6c,
  i32and: 0x71,
  i32or: 0x72,
  i32xor: 0x73,
  i32shl: 0x74,
  i32shr_s: 0x75,
  i32shr_u: 0x76,
  i32rotl: 0x77,
  i32rotr: 0x78,
  i64eqz: 0x50,
  i64ctz: 0x7a,
  i64sub: 0x7d,
  i64and: 0x83,
  i64add: 0x7c,
  i64gt_s: 0x55,
  i64ge_s: 0x59,
  i64trunc_s: 0xb0,
  f64convert_i64_s: 0xb9,
  i64mul: 0x7e,
  i64shr_u: 0x88,
  i64shr_s: 0x87,
  i64ne: 0x52,
  i64or: 0x84,
  i64shl: 0x86,
  f64add: 0xa0,
  f64sub: 0xa1,
  f64gt: 0x64,
  f64ge: 0x66,
  f64max: 0xa5,
  i32trunc_s: 0xaa,
  i32wrap: 0xa7,
  i64extend_s: 0xac,
  i64extend_u: 0xad,
  f64convert_s: 0xb7,
  i32extend8: 0xc0,
  i32extend16: 0xc1,
} as const;

export type Plain = keyof typeof PLAIN;

/** Vector instructions behind their prefix. */
const VECTOR = {
  i32x4splat: 0x11,
  i32x4eq: 0x37,
  i32x4bitmask: 0xa4,
  i32x4shr_s: 0xac,
  f64x2add: 0xf0,
} as const;

export type Vector = keyof typeof VECTOR;
const VECTOR_PREFIX = 0xfd;

/** Loads and stores: opcode and log2 of the natural alignment. */
const MEMORY = {
  i32load: [0x28, 2],
  i64load: [0x29, 3],
  f64load: [0x2b, 3],
  i32load8_s: [0x2c, 0],
  i32load8_u: [0x2d, 0],
  i32load16_s: [0x2e, 1],
  i32load16_u: [0x2f, 1],
  i32store: [0x36, 2],
  i64store: [0x37, 3],
  f64store: [0x39, 3],
  i32store8: [0x3a, 0],
  i32store16: [0x3b, 1],
} as const;

export type MemoryOp = keyof typeof MEMORY;

/** The same behind the vectors' prefix. */
const VECTOR_MEMORY = {
  v128load: [0x00, 4],
  v128store: [0x0b, 4],
} as const;

export type VectorMemoryOp = keyof typeof VECTOR_MEMORY;

/** A function's body being written. Every method returns the Code, so that instructions of a line stand on a line. */
export class Code {
  private readonly out = new Bytes();
  /** Where the branches are that are hardly ever taken (`br_if`) or entered (`if`). */
  readonly rare: number[] = [];

  get length(): number {
    return this.out.length;
  }

  op(...names: Plain[]): this {
    for (const name of names) this.out.u8(PLAIN[name]);
    return this;
  }

  i32(v: number): this {
    this.out.u8(0x41);
    this.out.s32(v);
    return this;
  }

  i64(v: bigint): this {
    this.out.u8(0x42);
    this.out.s64(v);
    return this;
  }

  f64(v: number): this {
    this.out.u8(0x44);
    this.out.f64(v);
    return this;
  }

  get(local: number): this {
    this.out.u8(0x20);
    this.out.u32(local);
    return this;
  }

  set(local: number): this {
    this.out.u8(0x21);
    this.out.u32(local);
    return this;
  }

  tee(local: number): this {
    this.out.u8(0x22);
    this.out.u32(local);
    return this;
  }

  vector(...names: Vector[]): this {
    for (const name of names) {
      this.out.u8(VECTOR_PREFIX);
      this.out.u32(VECTOR[name]);
    }
    return this;
  }

  /** Four dwords. */
  dwords(lanes: readonly number[]): this {
    this.out.u8(VECTOR_PREFIX);
    this.out.u32(0x0c);
    for (const lane of lanes)
      for (let shift = 0; shift < 32; shift += 8) this.out.u8((lane >>> shift) & 0xff);
    return this;
  }

  /** Four dwords of the two vectors on the stack: 0 to 3 of the first, 4 to 7 of the second. */
  shuffle(lanes: readonly number[]): this {
    this.out.u8(VECTOR_PREFIX);
    this.out.u32(0x0d);
    for (const lane of lanes) for (let byte = 0; byte < 4; byte++) this.out.u8(4 * lane + byte);
    return this;
  }

  /** Bytes of two vectors by number, of both 0 to 31. */
  shuffleBytes(bytes: readonly number[]): this {
    this.out.u8(VECTOR_PREFIX);
    this.out.u32(0x0d);
    for (const byte of bytes) this.out.u8(byte);
    return this;
  }

  /** A load or store at the address on the stack plus `offset` bytes. */
  mem(name: MemoryOp | VectorMemoryOp, offset: number): this {
    const vector = name === 'v128load' || name === 'v128store';
    const [opcode, align] = vector ? VECTOR_MEMORY[name] : MEMORY[name];
    if (vector) this.out.u8(VECTOR_PREFIX);
    this.out.u8(opcode);
    // Guest addresses are not aligned: a smaller hint is always valid.
    this.out.u32(offset % (1 << align) === 0 ? align : 0);
    this.out.u32(offset);
    return this;
  }

  /** `type`: of the value that the block leaves, if any. */
  block(type = EMPTY): this {
    return this.structured(0x02, type);
  }

  loop(type = EMPTY): this {
    return this.structured(0x03, type);
  }

  if(type = EMPTY): this {
    return this.structured(0x04, type);
  }

  /** The next instruction, `br_if` or `if`, is hardly ever taken. */
  rarely(): this {
    this.rare.push(this.out.length);
    return this;
  }

  br(depth: number): this {
    this.out.u8(0x0c);
    this.out.u32(depth);
    return this;
  }

  brIf(depth: number): this {
    this.out.u8(0x0d);
    this.out.u32(depth);
    return this;
  }

  brTable(depths: readonly number[], otherwise: number): this {
    this.out.u8(0x0e);
    this.out.u32(depths.length);
    for (const depth of depths) this.out.u32(depth);
    this.out.u32(otherwise);
    return this;
  }

  call(index: number): this {
    this.out.u8(0x10);
    this.out.u32(index);
    return this;
  }

  /** Ends the function by calling another; the results must be the same. */
  returnCall(index: number): this {
    this.out.u8(0x12);
    this.out.u32(index);
    return this;
  }

  /** The same through the table: the element's number is on the stack, behind the parameters. */
  returnCallIndirect(type: number): this {
    this.out.u8(0x13);
    this.out.u32(type);
    this.out.u32(0);
    return this;
  }

  /** Fills memory: address, byte and length are on the stack. */
  fill(): this {
    this.out.u8(0xfc);
    this.out.u32(11);
    this.out.u8(0);
    return this;
  }

  /** Copies memory: target, source and length in bytes are on the stack; they may overlap. */
  copy(): this {
    this.out.u8(0xfc);
    this.out.u32(10);
    this.out.u8(0);
    this.out.u8(0);
    return this;
  }

  append(other: Code): this {
    this.out.append(other.out);
    return this;
  }

  bytes(): Bytes {
    return this.out;
  }

  private structured(opcode: number, type: number): this {
    this.out.u8(opcode);
    this.out.u8(type);
    return this;
  }
}
