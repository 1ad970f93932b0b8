/**
 * A value of C: its type, and where it lies or what its bytes are. Bytes of memory are read when asked for, so that a
 * large array costs nothing until it is shown.
 */
import { ATE } from '../../guest/dwarf/constants.ts';
import { type CType, INT, LONG_LONG, resolve, sizeOf, UNSIGNED } from '../../guest/dwarf/types.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { bytesOf, numberOf, readBytes } from './memory.ts';

export interface Value {
  type: CType;
  /** Linear, for what lies in memory. */
  address?: number;
  /** Otherwise its bytes, as many as its type has; with an address only those of a value that is kept. */
  bytes?: Uint8Array;
  /** 1 for each byte of `bytes` that cannot be had; absent when all can. */
  missing?: Uint8Array;
  /** A bit field: its lowest bit within the bytes, and how many. */
  bits?: { offset: number; size: number };
  /** Changes what does not lie in memory (a register); absent where that cannot be. */
  write?: (bytes: Uint8Array) => void;
}

/** Thrown where a value is needed and cannot be had. */
export class NoValue extends CommandError {}

/** More bytes than any value that is copied whole. */
export const MAX_BYTES = 1 << 20;
/** Nor is any number, whatever debug information says. */
const MAX_SCALAR = 16;

export function integer(value: bigint, type: CType = INT): Value {
  if (sizeOf(type) > MAX_SCALAR) throw new CommandError(`a number of ${sizeOf(type)} bytes is not made`);
  return { type, bytes: bytesOf(value, sizeOf(type)) };
}

export function optimizedOut(type: CType): Value {
  const size = Math.min(sizeOf(type), MAX_BYTES);
  return { type, bytes: new Uint8Array(size), missing: new Uint8Array(size).fill(1) };
}

/** The bytes of a value. Throws NoValue if one of them cannot be had. */
export function contents(target: Target, value: Value): Uint8Array {
  const size = bytesToRead(value);
  if (size > MAX_BYTES) throw new CommandError(`a value of ${size} bytes is too large`);
  if (value.address !== undefined && !value.bytes) {
    const bytes = readBytes(target, value.address, size);
    if (bytes.length < size) throw unreadable(value.address + bytes.length);
    return bytes;
  }
  if (!value.bytes) throw new NoValue('value has been optimized out');
  if (value.missing?.subarray(0, size).some(m => m !== 0)) throw new NoValue('value has been optimized out');
  return value.bytes.subarray(0, size);
}

/** gdb's words. */
export function unreadable(address: number): NoValue {
  return new NoValue(`Cannot access memory at address 0x${(address >>> 0).toString(16)}`);
}

/** The value as it is now, whatever becomes of the memory that it lies in; one that cannot be read whole stays there. */
export function kept(target: Target, value: Value): Value {
  if (value.address === undefined || value.bytes) return { ...value, write: undefined };
  const size = bytesToRead(value);
  const bytes = size <= MAX_BYTES ? readBytes(target, value.address, size) : new Uint8Array(0);
  return bytes.length < size || size === 0 ? value : { ...value, bytes };
}

function bytesToRead(value: Value): number {
  if (!value.bits) return sizeOf(value.type);
  return Math.ceil((value.bits.offset + value.bits.size) / 8);
}

/** Is all of it lost? */
export function isLost(value: Value): boolean {
  return value.missing !== undefined && value.missing.length > 0 && value.missing.every(m => m !== 0);
}

/** The part of a value at an offset in bytes, of another type. */
export function part(value: Value, offset: number, type: CType, bits?: Value['bits']): Value {
  if (value.address !== undefined && !value.bytes)
    return { type, address: (value.address + offset) >>> 0, bits };
  const size = bits ? Math.ceil((bits.offset + bits.size) / 8) : sizeOf(type);
  const cut = (a: Uint8Array | undefined, rest: number) => {
    const out = new Uint8Array(size).fill(rest);
    out.set((a ?? new Uint8Array(0)).subarray(offset, offset + size));
    return out;
  };
  const bytes = cut(value.bytes, 0);
  const missing =
    value.missing || offset + size > (value.bytes?.length ?? 0)
      ? cut(value.missing ?? new Uint8Array(value.bytes?.length ?? 0), 1)
      : undefined;
  const { write } = value;
  const whole = value.bytes;
  return {
    type,
    ...(value.address !== undefined && { address: (value.address + offset) >>> 0 }),
    bytes,
    missing,
    bits,
    write:
      write &&
      whole &&
      (changed => {
        const all = whole.slice();
        all.set(changed.subarray(0, size), offset);
        write(all);
      }),
  };
}

/** Is it a number, an enumeration or a pointer? */
export function isScalar(type: CType): boolean {
  const { kind } = resolve(type);
  return kind === 'base' || kind === 'enum' || kind === 'pointer';
}

export function isSigned(type: CType): boolean {
  const bare = resolve(type);
  if (bare.kind === 'enum') return bare.signed;
  return bare.kind === 'base' && (bare.encoding === ATE.signed || bare.encoding === ATE.signedChar);
}

export function isFloat(type: CType): boolean {
  const bare = resolve(type);
  return bare.kind === 'base' && bare.encoding === ATE.float;
}

/**
 * A scalar as a number, by its type's signedness; an array's or function's address. Throws a CommandError for what is
 * no number and NoValue for what cannot be had.
 */
export function numeric(target: Target, value: Value): bigint {
  const bare = resolve(value.type);
  if (bare.kind === 'array' || bare.kind === 'function') return BigInt(addressOf(value));
  if (!isScalar(bare)) throw new CommandError('a struct, union or void is no number');
  if (sizeOf(bare) > MAX_SCALAR) throw new CommandError(`a number of ${sizeOf(bare)} bytes is not read`);
  if (isFloat(bare)) return BigInt(Math.trunc(floating(target, value)) || 0);
  const raw = numberOf(contents(target, value));
  const bits = value.bits?.size ?? 8 * sizeOf(bare);
  const shifted = raw >> BigInt(value.bits?.offset ?? 0);
  return isSigned(bare) ? BigInt.asIntN(bits, shifted) : BigInt.asUintN(bits, shifted);
}

export function floating(target: Target, value: Value): number {
  const bytes = contents(target, value);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 4) return view.getFloat32(0, true);
  if (bytes.length === 8) return view.getFloat64(0, true);
  throw new CommandError(`a floating-point number of ${bytes.length} bytes is not read`);
}

/** Where a value lies. Throws a CommandError. */
export function addressOf(value: Value): number {
  if (value.bits) throw new CommandError('a bit field has no address');
  if (value.address === undefined) throw new CommandError('it does not lie in memory');
  return value.address;
}

/** The type that C computes with (6.3.1.1): nothing smaller than int. */
export function promoted(type: CType): CType {
  const bare = resolve(type);
  if (bare.kind === 'enum') return bare.size > 4 ? LONG_LONG : bare.signed ? INT : UNSIGNED;
  if (bare.kind !== 'base' || isFloat(bare)) return bare;
  if (bare.size >= 4 && bare.encoding !== ATE.boolean) return bare;
  return INT;
}
