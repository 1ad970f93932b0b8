/** ICMP echo (RFC 792): a ping, and the answer of a host that is pinged. Left out: every other message. */
import { be16, onesSum } from '../../emu/devices/e1000/frame.ts';

export const PROTOCOL_ICMP = 1;

const HEADER = 8;
const ECHO = 8;
const ECHO_REPLY = 0;

/** The reply to an echo request, as an IP payload; undefined for anything else, or a wrong checksum. */
export function echoReply(message: Uint8Array): Uint8Array | undefined {
  if (message.length < HEADER || be16(message, 0) !== ECHO << 8) return undefined;
  if (onesSum(message, 0, message.length) !== 0xffff) return undefined;
  const reply = message.slice();
  reply.set([ECHO_REPLY, 0, 0, 0], 0);
  const sum = ~onesSum(reply, 0, reply.length) & 0xffff;
  reply[2] = sum >> 8;
  reply[3] = sum;
  return reply;
}

/** An echo request without data, as an IP payload. Both numbers have 16 bits. */
export function echoRequest(identifier: number, sequence: number): Uint8Array {
  const [id, seq] = [identifier & 0xffff, sequence & 0xffff];
  const request = Uint8Array.of(ECHO, 0, 0, 0, id >> 8, id, seq >> 8, seq);
  const sum = ~onesSum(request, 0, request.length) & 0xffff;
  request[2] = sum >> 8;
  request[3] = sum;
  return request;
}

/** Identifier and sequence number of an echo reply; undefined for anything else, or a wrong checksum. */
export function parseEchoReply(message: Uint8Array): { identifier: number; sequence: number } | undefined {
  if (message.length < HEADER || be16(message, 0) !== ECHO_REPLY << 8) return undefined;
  if (onesSum(message, 0, message.length) !== 0xffff) return undefined;
  return { identifier: be16(message, 4), sequence: be16(message, 6) };
}
