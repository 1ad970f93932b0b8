/** ICMP echo (RFC 792): the answer of a host that is pinged. Left out: every other message. */
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
