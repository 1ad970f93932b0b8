/** Transmit offload on a gathered packet: checksum insertion (manual 3.5 to 3.6) and the VLAN tag (9.3). */

import { onesSum } from './frame.ts';

/** Sum bytes `start` to `end` inclusive (0: to the end of the packet) and put the complement at `offset`. */
export interface ChecksumRule {
  start: number;
  offset: number;
  end: number;
  /** UDP sends a computed 0 as FFFFh (RFC 768). */
  udp: boolean;
}

/**
 * Software leaves the pseudo-header's sum in the field, which lies in the summed range. A rule that points outside
 * the packet does nothing.
 */
export function insertChecksum(packet: Uint8Array, rule: ChecksumRule): void {
  const end = rule.end === 0 ? packet.length : Math.min(rule.end + 1, packet.length);
  if (rule.start >= end || rule.offset + 2 > packet.length) return;
  let sum = ~onesSum(packet, rule.start, end) & 0xffff;
  if (sum === 0 && rule.udp) sum = 0xffff;
  packet[rule.offset] = sum >> 8;
  packet[rule.offset + 1] = sum & 0xff;
}

/** The frame with an 802.1Q tag after its addresses. */
export function insertTag(frame: Uint8Array, type: number, tag: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + 4);
  tagged.set(frame.subarray(0, 12));
  tagged.set([type >> 8, type & 0xff, tag >> 8, tag & 0xff], 12);
  tagged.set(frame.subarray(12), 16);
  return tagged;
}
