/**
 * The one place where a bit field is taken apart: small helpers on 32-bit integers.
 * int32 inside the machine, `>>> 0` at its edges.
 */

/** Sign-extends the low byte of `v` to int32. */
export function sext8(v: number): number {
  return (v << 24) >> 24;
}

/** Sign-extends the low 16 bits of `v` to int32. */
export function sext16(v: number): number {
  return (v << 16) >> 16;
}

/** `v` as eight lower-case hexadecimal digits, unsigned. */
export function hex32(v: number): string {
  return (v >>> 0).toString(16).padStart(8, '0');
}

/** True when exactly one bit of `v` is set. */
export function isPowerOfTwo(v: number): boolean {
  return v > 0 && Number.isInteger(v) && (v & (v - 1)) === 0;
}

/** log2 of a power of two; throws a RangeError for anything else (profiles are checked with it). */
export function log2(v: number): number {
  if (!isPowerOfTwo(v)) throw new RangeError(`${v} is not a power of two`);
  return 31 - Math.clz32(v);
}
