/**
 * What the MAC computes about bytes of a frame: kind of destination, FCS (IEEE 802.3 3.2.9) and Internet checksum
 * (RFC 1071).
 */

export type Destination = 'unicast' | 'multicast' | 'broadcast';

export function destinationOf(frame: Uint8Array): Destination {
  if (!(frame[0] & 1)) return 'unicast';
  for (let i = 0; i < 6; i++) if (frame[i] !== 0xff) return 'multicast';
  return 'broadcast';
}

/** 16 bits in network order; 0 beyond the end. */
export function be16(bytes: Uint8Array, at: number): number {
  return at + 1 < bytes.length ? (bytes[at] << 8) | bytes[at + 1] : 0;
}

const CRC_TABLE = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** The frame check sequence of the first `length` bytes, as a number whose low byte goes first. */
export function fcs(frame: Uint8Array, length = frame.length): number {
  let crc = -1;
  for (let i = 0; i < length; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ frame[i]) & 0xff];
  return ~crc >>> 0;
}

/** Ones' complement sum (not inverted) of the big-endian 16-bit words of bytes[from..to), added to `start`. */
export function onesSum(bytes: Uint8Array, from: number, to: number, start = 0): number {
  let sum = start;
  let i = from;
  for (; i + 1 < to; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  if (i < to) sum += bytes[i] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}
