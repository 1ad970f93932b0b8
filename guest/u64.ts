/**
 * 64-bit counters in guest memory. The one user of `bigint-buffer`, whose native binding crashes on a null argument
 * (CVE-2025-3194): this takes its pure JavaScript build, which has no binding, and checks its input first.
 */
import { toBigIntLE } from 'bigint-buffer/dist/browser.js';

const BYTES = 8;

/** The unsigned little-endian number in the first eight bytes. Throws a RangeError for anything shorter. */
export function readU64(bytes: Uint8Array): bigint {
  if (!(bytes instanceof Uint8Array) || bytes.length < BYTES)
    throw new RangeError(`a 64-bit number has ${BYTES} bytes`);
  return toBigIntLE(Buffer.from(bytes.subarray(0, BYTES)));
}

/** The same as a number. Throws a RangeError beyond 2^53, where it would not be exact. */
export function readCount(bytes: Uint8Array): number {
  const value = Number(readU64(bytes));
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is too large for a count`);
  return value;
}
