/** Pings of the far end. */
import { expect, it } from 'vitest';
import { echoReply } from '../../../bench/farend/icmp.ts';
import { ethernet, ipFrame, parseIp, parseIpFrame } from '../../../bench/farend/packets.ts';
import { Pair } from './rig.ts';

/** An echo request as `ping -c1 -s8 -p0123456789abcdef` sends it: id 0x1234, sequence 1. */
const REQUEST = Uint8Array.from([
  8, 0, 0x47, 0xa5, 0x12, 0x34, 0, 1, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
]);

/** RFC 1071, word by word. */
function valid(bytes: Uint8Array): boolean {
  let sum = 0;
  for (let n = 0; n < bytes.length; n += 2) sum += bytes[n] * 256 + (bytes[n + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum === 0xffff;
}

it('has a good checksum to answer', () => {
  const fixed = REQUEST.slice();
  fixed[2] = fixed[3] = 0;
  let sum = 0;
  for (let n = 0; n < fixed.length; n += 2) sum += fixed[n] * 256 + fixed[n + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  expect((~sum & 0xffff).toString(16)).toBe(((REQUEST[2] << 8) | REQUEST[3]).toString(16));
});

it('answers an echo request with the same data and a checksum that fits', () => {
  const reply = echoReply(REQUEST)!;
  expect([reply[0], reply[1], valid(reply)]).toEqual([0, 0, true]);
  expect([...reply.subarray(4)]).toEqual([...REQUEST.subarray(4)]);
});

it('leaves damaged requests, and everything else, alone', () => {
  const damaged = REQUEST.slice();
  damaged[9] ^= 1;
  expect(echoReply(damaged)).toBeUndefined();
  expect(echoReply(REQUEST.subarray(0, 7))).toBeUndefined();
  expect(echoReply(Uint8Array.from([0, 0, 0xff, 0xff, 0, 0, 0, 0]))).toBeUndefined();
});

it('a station answers over the wire, to whoever asked', () => {
  const pair = new Pair();
  const seen: Uint8Array[] = [];
  const near = { deliver: (frame: Uint8Array) => void seen.push(frame.slice()), linkChanged: () => {} };
  pair.wire.connect(0, near);
  const packet = {
    source: parseIp('10.0.0.1'),
    destination: parseIp('10.0.0.2'),
    protocol: 1,
    id: 7,
    offset: 0,
    more: false,
  };
  pair.run(0.01);
  pair.wire.send(0, ipFrame(pair.far.mac, pair.near.mac, { ...packet, payload: REQUEST }), 0);
  pair.wire.send(0, ethernet(pair.far.mac, pair.near.mac, 0x0800, 40), 0);
  pair.run(0.01);
  expect(seen).toHaveLength(1);
  const reply = parseIpFrame(seen[0])!;
  expect([reply.source, reply.destination, reply.protocol]).toEqual([packet.destination, packet.source, 1]);
  expect([...reply.payload]).toEqual([...echoReply(REQUEST)!]);
});
