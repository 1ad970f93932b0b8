/**
 * Receive checksum offload (manual 3.2.9, RXCSUM): the packet checksum and the IPv4, TCP and UDP verdicts for the
 * descriptor's status and errors. IPv4 in Ethernet II frames, with or without a VLAN tag; fragments get no TCP or
 * UDP verdict. Left out: SNAP frames, IPv6.
 */

import { be16, onesSum } from './frame.ts';
import { RXCSUM } from './registers.ts';

/** Bits of the receive descriptor's status byte. */
export const RX_STATUS = { DD: 1, EOP: 2, IXSM: 4, VP: 8, TCPCS: 0x20, IPCS: 0x40, PIF: 0x80 } as const;
/** Bits of its errors byte. */
export const RX_ERROR = { CE: 1, TCPE: 0x20, IPE: 0x40 } as const;

export interface ChecksumVerdict {
  status: number;
  errors: number;
}

const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

/** Looks at `packet` (after stripping) as the RXCSUM value `control` asks. */
export function checkReceived(packet: Uint8Array, control: number): ChecksumVerdict {
  const verdict = { status: 0, errors: 0 };
  const wanted = control & (RXCSUM.IPOFLD | RXCSUM.TUOFLD);
  const ip = be16(packet, 12) === 0x8100 ? 18 : 14;
  if (!wanted || be16(packet, ip - 2) !== 0x0800 || packet.length < ip + 20) return ignore(verdict);
  const header = (packet[ip] & 15) * 4;
  const length = be16(packet, ip + 2);
  const fits = header >= 20 && length >= header && ip + length <= packet.length;
  if (packet[ip] >> 4 !== 4 || !fits) return ignore(verdict);
  if (control & RXCSUM.IPOFLD) {
    verdict.status |= RX_STATUS.IPCS;
    if (onesSum(packet, ip, ip + header) !== 0xffff) verdict.errors |= RX_ERROR.IPE;
  }
  const fragment = (be16(packet, ip + 6) & 0x3fff) !== 0;
  if (control & RXCSUM.TUOFLD && !fragment) checkTransport(packet, ip, header, length, verdict);
  return verdict;
}

function ignore(verdict: ChecksumVerdict): ChecksumVerdict {
  verdict.status |= RX_STATUS.IXSM;
  return verdict;
}

function checkTransport(
  p: Uint8Array,
  ip: number,
  header: number,
  length: number,
  verdict: ChecksumVerdict,
): void {
  const protocol = p[ip + 9];
  const start = ip + header;
  const bytes = length - header;
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return;
  if (bytes < (protocol === PROTOCOL_TCP ? 20 : 8)) return;
  if (protocol === PROTOCOL_UDP && be16(p, start + 6) === 0) return;
  verdict.status |= RX_STATUS.TCPCS;
  const pseudo = onesSum(p, ip + 12, ip + 20, protocol + bytes);
  if (onesSum(p, start, ip + length, pseudo) !== 0xffff) verdict.errors |= RX_ERROR.TCPE;
}
