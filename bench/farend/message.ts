/**
 * The message of the streams, shared with user/netsend.c and user/netrecv.c. 32768 bytes, numbers little-endian:
 *
 *    0  magic 'NK86'
 *    4  message number, from 0 up
 *    8  seed
 *   12  FNV-1a-32 of bytes 16 to the end
 *   16  successive xorshift32 values from the start value  seed ^ (kind * 9E3779B9h)  (0 counts as 1), kind being the
 *       message number mod 4; the first word is the first step after the start value
 *
 * So a program prepares four messages once and changes only the number, as netperf reuses its buffers.
 */

import { xorshift32 } from './random.ts';

export const MESSAGE_BYTES = 32_768;

const HEADER_BYTES = 16;
const MAGIC = 0x3638_4b4e; // 'NK86' read as a little-endian word
/** Different bodies in a stream. */
const KINDS = 4;
const GOLDEN = 0x9e37_79b9;

/** FNV-1a, 32 bits (Fowler, Noll, Vo). */
export function fnv1a32(bytes: Uint8Array, from = 0): number {
  let hash = 0x811c_9dc5 | 0;
  for (let i = from; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x0100_0193);
  return hash >>> 0;
}

/** Where the generator of a message starts. */
function startOf(number: number, seed: number): number {
  return (seed ^ Math.imul(number % KINDS, GOLDEN)) >>> 0 || 1;
}

/** `length` is a multiple of 4 above the header. */
export function buildMessage(number: number, seed: number, length = MESSAGE_BYTES): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let x = startOf(number, seed);
  for (let at = HEADER_BYTES; at < length; at += 4) {
    x = xorshift32(x);
    view.setUint32(at, x, true);
  }
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, number >>> 0, true);
  view.setUint32(8, seed >>> 0, true);
  view.setUint32(12, fnv1a32(bytes, HEADER_BYTES), true);
  return bytes;
}

/** What is in a payload that claims to be a message. */
export type MessageCheck =
  | { ok: true; number: number; seed: number }
  | { ok: false; why: 'length' | 'magic' | 'checksum' | 'body' };

/** Checks length, magic, checksum and each word of the body. */
export function checkMessage(bytes: Uint8Array): MessageCheck {
  if (bytes.length !== MESSAGE_BYTES) return { ok: false, why: 'length' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return { ok: false, why: 'magic' };
  const number = view.getUint32(4, true);
  const seed = view.getUint32(8, true);
  if (view.getUint32(12, true) !== fnv1a32(bytes, HEADER_BYTES)) return { ok: false, why: 'checksum' };
  let x = startOf(number, seed);
  for (let at = HEADER_BYTES; at < MESSAGE_BYTES; at += 4) {
    x = xorshift32(x);
    if (view.getUint32(at, true) !== x) return { ok: false, why: 'body' };
  }
  return { ok: true, number, seed };
}
