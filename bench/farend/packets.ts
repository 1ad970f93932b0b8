/**
 * Frames of the far end, built and taken apart: Ethernet II, ARP (RFC 826), IPv4 (RFC 791) and UDP (RFC 768).
 * Parsers answer undefined for whatever is not well formed. Left out: IP options when building, SNAP, VLAN tags.
 */

import { be16, onesSum } from '../../emu/devices/e1000/frame.ts';

export const ETHERTYPE_IP = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_MAC_CONTROL = 0x8808;
export const PROTOCOL_UDP = 17;
export const BROADCAST = new Uint8Array(6).fill(0xff);

const ETHERNET_HEADER = 14;
const SHORTEST_FRAME = 60;
const IP_HEADER = 20;
const UDP_HEADER = 8;
const TIME_TO_LIVE = 64;
const MORE_FRAGMENTS = 0x2000;

/** '10.0.0.1' as an unsigned number; throws a RangeError for anything else. */
export function parseIp(text: string): number {
  const parts = text.split('.').map(part => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (parts.length !== 4 || parts.some(part => part > 255))
    throw new RangeError(`'${text}' is no IPv4 address`);
  return parts.reduce((ip, part) => ip * 256 + part, 0);
}

/** '02:00:00:00:00:01' as bytes; throws a RangeError for anything else. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new RangeError(`'${text}' is no Ethernet address`);
  return Uint8Array.from(text.split(':'), part => Number.parseInt(part, 16));
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, (value >>> 16) & 0xffff);
  put16(bytes, at + 2, value & 0xffff);
}

function be32(bytes: Uint8Array, at: number): number {
  return be16(bytes, at) * 0x10000 + be16(bytes, at + 2);
}

/** A frame without FCS, padded to the least size. */
export function ethernet(to: Uint8Array, from: Uint8Array, type: number, payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(Math.max(SHORTEST_FRAME, ETHERNET_HEADER + payloadBytes));
  frame.set(to, 0);
  frame.set(from, 6);
  put16(frame, 12, type);
  return frame;
}

export interface Arp {
  operation: 'request' | 'reply';
  senderMac: Uint8Array;
  senderIp: number;
  targetMac: Uint8Array;
  targetIp: number;
}

export function arpFrame(to: Uint8Array, arp: Arp): Uint8Array {
  const frame = ethernet(to, arp.senderMac, ETHERTYPE_ARP, 28);
  frame.set([0, 1, 8, 0, 6, 4, 0, arp.operation === 'request' ? 1 : 2], 14);
  frame.set(arp.senderMac, 22);
  put32(frame, 28, arp.senderIp);
  frame.set(arp.targetMac, 32);
  put32(frame, 38, arp.targetIp);
  return frame;
}

export function parseArp(frame: Uint8Array): Arp | undefined {
  if (frame.length < 42 || be32(frame, 14) !== 0x00010800 || be16(frame, 18) !== 0x0604) return undefined;
  const operation = be16(frame, 20);
  if (operation !== 1 && operation !== 2) return undefined;
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: frame.slice(22, 28),
    senderIp: be32(frame, 28),
    targetMac: frame.slice(32, 38),
    targetIp: be32(frame, 38),
  };
}

/** An IPv4 packet or fragment. `offset` is that of its payload in the datagram, in bytes. */
export interface IpPacket {
  source: number;
  destination: number;
  protocol: number;
  id: number;
  offset: number;
  more: boolean;
  payload: Uint8Array;
}

export function ipFrame(to: Uint8Array, from: Uint8Array, packet: IpPacket): Uint8Array {
  const length = IP_HEADER + packet.payload.length;
  const frame = ethernet(to, from, ETHERTYPE_IP, length);
  const at = ETHERNET_HEADER;
  put16(frame, at, 0x4500);
  put16(frame, at + 2, length);
  put16(frame, at + 4, packet.id);
  put16(frame, at + 6, (packet.offset >> 3) | (packet.more ? MORE_FRAGMENTS : 0));
  frame[at + 8] = TIME_TO_LIVE;
  frame[at + 9] = packet.protocol;
  put32(frame, at + 12, packet.source);
  put32(frame, at + 16, packet.destination);
  put16(frame, at + 10, ~onesSum(frame, at, at + IP_HEADER) & 0xffff);
  frame.set(packet.payload, at + IP_HEADER);
  return frame;
}

/** The payload is a view of the frame. A wrong header checksum makes it undefined. */
export function parseIpFrame(frame: Uint8Array): IpPacket | undefined {
  const at = ETHERNET_HEADER;
  if (frame.length < at + IP_HEADER || be16(frame, 12) !== ETHERTYPE_IP || frame[at] >> 4 !== 4)
    return undefined;
  const header = (frame[at] & 15) * 4;
  const length = be16(frame, at + 2);
  if (header < IP_HEADER || length < header || at + length > frame.length) return undefined;
  if (onesSum(frame, at, at + header) !== 0xffff) return undefined;
  const flags = be16(frame, at + 6);
  return {
    source: be32(frame, at + 12),
    destination: be32(frame, at + 16),
    protocol: frame[at + 9],
    id: be16(frame, at + 4),
    offset: (flags & 0x1fff) * 8,
    more: (flags & MORE_FRAGMENTS) !== 0,
    payload: frame.subarray(at + header, at + length),
  };
}

export interface Udp {
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

/** The UDP packet as an IP payload; without `checksum` the field is 0. */
export function udpPacket(udp: Udp, checksum: boolean): Uint8Array {
  const bytes = new Uint8Array(UDP_HEADER + udp.payload.length);
  put16(bytes, 0, udp.sourcePort);
  put16(bytes, 2, udp.destinationPort);
  put16(bytes, 4, bytes.length);
  bytes.set(udp.payload, UDP_HEADER);
  if (checksum) put16(bytes, 6, ~transportSum(udp.source, udp.destination, bytes) & 0xffff || 0xffff);
  return bytes;
}

/** The datagram and whether its checksum fits; undefined when the header makes no sense. */
export function parseUdp(
  source: number,
  destination: number,
  bytes: Uint8Array,
): (Udp & { checksumOk: boolean }) | undefined {
  if (bytes.length < UDP_HEADER) return undefined;
  const length = be16(bytes, 4);
  if (length < UDP_HEADER || length > bytes.length) return undefined;
  const packet = bytes.subarray(0, length);
  const checksumOk = be16(bytes, 6) === 0 || transportSum(source, destination, packet) === 0xffff;
  const [sourcePort, destinationPort] = [be16(bytes, 0), be16(bytes, 2)];
  return {
    source,
    destination,
    sourcePort,
    destinationPort,
    payload: packet.subarray(UDP_HEADER),
    checksumOk,
  };
}

/** Ones' complement sum of pseudo-header and packet. */
function transportSum(source: number, destination: number, bytes: Uint8Array): number {
  const addresses = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  return onesSum(bytes, 0, bytes.length, addresses + PROTOCOL_UDP + bytes.length);
}
