/**
 * Values as gdb prints them: structs and arrays in braces, runs of equal elements counted, characters as strings,
 * enumerations by name, pointers with what they point to. Depth and length are limited as gdb's are by default.
 */
import { ATE } from '../../guest/dwarf/constants.ts';
import { type CType, type EnumType, resolve, type StructType, sizeOf } from '../../guest/dwarf/types.ts';
import { GuestError } from '../../guest/error.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { typeName } from './ctype.ts';
import { readBytes } from './memory.ts';
import { contents, floating, isFloat, isLost, numeric, part, unreadable, type Value } from './value.ts';

/** `print elements`, `print repeats` and `print max-depth` of gdb. */
const MAX_ELEMENTS = 200;
const REPEATS = 10;
const MAX_DEPTH = 20;
/** Characters of one value's line. */
const MAX_TEXT = 16384;

export const FORMATS = 'xduotcasz';

export interface PrintOptions {
  /** One of FORMATS: how every scalar in it is shown. */
  format?: string;
  complete: (type: CType) => CType;
  /** A pointer that is the whole value shows its type. */
  typed?: boolean;
}

/** A value in one line. */
export function valueText(target: Target, value: Value, options: PrintOptions): string {
  return new Printer(target, options).whole(value);
}

class Printer {
  private readonly target: Target;
  private readonly options: PrintOptions;
  private left = MAX_TEXT;
  /** Bytes that were compared to find runs. */
  private compared = 0;

  constructor(target: Target, options: PrintOptions) {
    this.target = target;
    this.options = options;
  }

  whole(value: Value): string {
    const bare = this.options.complete(value.type);
    if (bare.kind === 'pointer' && this.options.typed && !this.options.format) {
      const name = typeName(value.type);
      const to = resolve(bare.to);
      // As gdb, which takes a plain char * for a string.
      if (!isLost(value) && !(to.kind === 'base' && to.name === 'char'))
        return `(${name}) ${this.text(value, 0)}`;
    }
    return this.text(value, 0);
  }

  private text(value: Value, depth: number): string {
    try {
      return this.unguarded(value, depth);
    } catch (error) {
      if (!(error instanceof CommandError || error instanceof GuestError)) throw error;
      return /optimized out/.test(error.message) ? '<optimized out>' : `<error: ${error.message}>`;
    }
  }

  private unguarded(value: Value, depth: number): string {
    const bare = this.options.complete(value.type);
    if (isLost(value)) return '<optimized out>';
    switch (bare.kind) {
      case 'struct':
      case 'union':
        return this.struct(value, bare, depth);
      case 'array':
        return this.array(value, bare.of, bare.count ?? 0, depth);
      case 'function': {
        const address = value.address ?? 0;
        return `{${typeName(value.type)}} 0x${address.toString(16)}${this.symbol(address)}`;
      }
      case 'void':
        return 'void';
      default:
        return this.scalar({ ...value, type: bare });
    }
  }

  private struct(value: Value, type: StructType, depth: number): string {
    if (type.declaration) return '<incomplete type>';
    if (depth >= MAX_DEPTH || this.left <= 0) return '{...}';
    const members = type.members.map(member => {
      const bits = member.bits && { offset: member.bits.offset - 8 * member.offset, size: member.bits.size };
      const text = this.text(part(value, member.offset, member.type, bits), depth + 1);
      const all = member.name ? `${member.name} = ${text}` : text;
      this.left -= all.length;
      return all;
    });
    return `{${members.join(', ')}}`;
  }

  private array(value: Value, of: CType, count: number, depth: number): string {
    const element = this.options.complete(of);
    if (isCharacter(element) && (!this.options.format || this.options.format === 's'))
      return this.characters(value, count);
    if (depth >= MAX_DEPTH || this.left <= 0) return '{...}';
    const size = sizeOf(element);
    const shown: string[] = [];
    let n = 0;
    for (let things = 0; n < count && things < MAX_ELEMENTS && this.left > 0; ) {
      const text = this.text(part(value, n * size, of), depth + 1);
      let run = 1;
      // Equal bytes print equally; a huge array of them is not read to its end.
      while (n + run < count && run < MAX_RUN && this.same(value, n, n + run, size)) run++;
      // A run counts as as many as it takes to be one.
      if (run > REPEATS) shown.push(`${text} <repeats ${run} times>`);
      else {
        run = Math.min(run, MAX_ELEMENTS - things);
        for (let k = 0; k < run; k++) shown.push(text);
      }
      things += Math.min(run, REPEATS);
      this.left -= text.length;
      n += run;
    }
    return `{${shown.join(', ')}${n < count ? '...' : ''}}`;
  }

  private same(value: Value, a: number, b: number, size: number): boolean {
    this.compared += size;
    if (this.compared > MAX_COMPARED) return false;
    const bytes = (n: number) => {
      if (value.address !== undefined && !value.bytes)
        return readBytes(this.target, (value.address + n * size) >>> 0, size);
      return value.missing
        ? new Uint8Array(0)
        : (value.bytes?.subarray(n * size, (n + 1) * size) ?? new Uint8Array(0));
    };
    const [x, y] = [bytes(a), bytes(b)];
    return x.length === size && y.length === size && x.every((byte, i) => byte === y[i]);
  }

  /** An array of characters. */
  private characters(value: Value, count: number): string {
    const most = Math.min(count, MAX_ELEMENTS * REPEATS);
    const bytes =
      value.address !== undefined && !value.bytes
        ? readBytes(this.target, value.address, most)
        : contents(this.target, value).subarray(0, most);
    if (bytes.length < most) throw unreadable((value.address ?? 0) + bytes.length);
    // The terminating NUL is understood.
    const end = bytes.length === count && bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
    if (count === 0) return '""';
    return quoted(bytes.subarray(0, end), bytes.length < count);
  }

  private scalar(value: Value): string {
    const type = value.type;
    const { format } = this.options;
    if (isFloat(type) && !format) return floatText(floating(this.target, value), sizeOf(type));
    const number = numeric(this.target, value);
    const bits = value.bits?.size ?? 8 * sizeOf(type);
    if (format && !(format === 's')) return formatted(number, bits, format, a => this.symbol(a));
    if (type.kind === 'pointer') return this.pointer(Number(number), type.to);
    if (type.kind === 'enum') return enumText(type, number);
    if (type.kind === 'base' && type.encoding === ATE.boolean && number <= 1n)
      return number ? 'true' : 'false';
    if (isCharacter(type) && !value.bits) return `${number} ${character(Number(BigInt.asUintN(8, number)))}`;
    return String(number);
  }

  private pointer(address: number, to: CType): string {
    const bare = this.options.complete(to);
    const text = `0x${address.toString(16)}`;
    if (isCharacter(bare) && address !== 0) return `${text}${this.symbol(address)} ${this.string(address)}`;
    return text + this.symbol(address);
  }

  /** The string at an address, as far as it is shown. */
  private string(address: number): string {
    const bytes = readBytes(this.target, address, MAX_ELEMENTS);
    if (bytes.length === 0) return `<error: Cannot access memory at address 0x${address.toString(16)}>`;
    const end = bytes.indexOf(0);
    return quoted(end < 0 ? bytes : bytes.subarray(0, end), end < 0);
  }

  /** ` <name+4>` of what lies at an address. */
  private symbol(address: number): string {
    const name = address === 0 ? undefined : this.target.symbolAt(address);
    return name ? ` <${name.replace(/0x([0-9a-f]+)(?= |$)/, (_, h) => String(Number.parseInt(h, 16)))}>` : '';
  }
}

const MAX_RUN = 65536;
const MAX_COMPARED = 1 << 22;

export function isCharacter(type: CType): boolean {
  const bare = resolve(type);
  return (
    bare.kind === 'base' &&
    bare.size === 1 &&
    (bare.encoding === ATE.signedChar || bare.encoding === ATE.unsignedChar)
  );
}

/** The name, a combination of flags, or the number. */
export function enumText(type: EnumType, number: bigint): string {
  const exact = type.values.find(v => v.value === number);
  if (exact) return exact.name;
  const flags = type.values.every(v => v.value >= 0n && (v.value & (v.value - 1n)) === 0n);
  if (!flags || number === 0n || number < 0n) return String(number);
  let rest = number;
  const names: string[] = [];
  for (const { name, value } of type.values) {
    if (value === 0n || (rest & value) !== value) continue;
    names.push(name);
    rest &= ~value;
  }
  if (rest) names.push(`unknown: 0x${rest.toString(16)}`);
  return `(${names.join(' | ')})`;
}

/** A number in one of gdb's formats; `bits` is its width. */
function formatted(
  number: bigint,
  bits: number,
  format: string,
  symbol: (address: number) => string,
): string {
  const unsigned = BigInt.asUintN(bits, number);
  switch (format) {
    case 'x':
      return `0x${unsigned.toString(16)}`;
    case 'z':
      return `0x${unsigned.toString(16).padStart(Math.ceil(bits / 4), '0')}`;
    case 'd':
      return String(BigInt.asIntN(bits, number));
    case 'u':
      return String(unsigned);
    case 'o':
      return unsigned === 0n ? '0' : `0${unsigned.toString(8)}`;
    case 't':
      return unsigned.toString(2);
    case 'c':
      return `${BigInt.asIntN(8, number)} ${character(Number(BigInt.asUintN(8, number)))}`;
    case 'a':
      return `0x${unsigned.toString(16)}${symbol(Number(BigInt.asUintN(32, number)))}`;
    default:
      throw new CommandError(`format ${format}: one of ${[...FORMATS].join(' ')}`);
  }
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  27: '\\033',
  92: '\\\\',
};

function escaped(byte: number, quote: string): string {
  if (ESCAPES[byte]) return ESCAPES[byte];
  if (byte === quote.charCodeAt(0)) return `\\${quote}`;
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
}

function character(byte: number): string {
  return `'${escaped(byte, "'")}'`;
}

/** A string in quotes; long runs of a character stand apart, as in gdb. */
function quoted(bytes: Uint8Array, more: boolean): string {
  const parts: string[] = [];
  let open = '';
  let n = 0;
  for (let things = 0; n < bytes.length && things < MAX_ELEMENTS; ) {
    let run = 1;
    while (n + run < bytes.length && bytes[n + run] === bytes[n]) run++;
    if (run > REPEATS) {
      if (open) parts.push(`"${open}"`);
      open = '';
      parts.push(`${character(bytes[n])} <repeats ${run} times>`);
      n += run;
      things += REPEATS;
    } else {
      open += escaped(bytes[n], '"');
      n++;
      things++;
    }
  }
  if (open || parts.length === 0) parts.push(`"${open}"`);
  return parts.join(', ') + (more || n < bytes.length ? '...' : '');
}

function floatText(value: number, size: number): string {
  if (Number.isNaN(value)) return 'nan(0x8000000000000)';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  return String(Number(value.toPrecision(size === 4 ? 9 : 17)));
}
