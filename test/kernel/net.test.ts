/**
 * The network layer and the e1000 driver on QEMU's card, against a far end that is not ours to bend: frames as RFC 791,
 * 768, 792 and 826 have them, cut and shuffled by the test.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fragment } from '../../bench/farend/fragments.ts';
import { buildMessage, MESSAGE_BYTES } from '../../bench/farend/message.ts';
import { type IpPacket, ipFrame } from '../../bench/farend/packets.ts';
import { onesSum } from '../../emu/devices/e1000/frame.ts';
import { GUEST_IP, NetPeer, PEER_IP, PROTOCOL_ICMP } from './net-peer.ts';
import { boot, buildNetGuest, hasQemu, type NetGuest, SETTLE } from './net-qemu.ts';

const SEED = 7;
const MTU = 1500;
const PORT = 5001;

const message = (number: number) => buildMessage(number, SEED);
const pause = (ms: number) => new Promise(done => setTimeout(done, ms));

if (!hasQemu) console.log('qemu-system-i386 is not installed: the network tests are skipped');

describe.skipIf(!hasQemu)('network', () => {
  let guest: NetGuest;
  let peer: NetPeer;

  beforeAll(async () => {
    guest = await buildNetGuest();
  }, 300_000);
  afterAll(() => guest?.remove());

  /** One run with a fresh far end. */
  const withPeer = (test: () => Promise<void>) => async () => {
    peer = await NetPeer.open();
    try {
      await test();
    } finally {
      await peer.close();
    }
  };

  /** Boots netrecv, has `send` send, and returns its line. */
  async function received(count: number, send: () => Promise<void> | void, options = ''): Promise<string> {
    const run = boot(guest, peer, `insmod e1000; netrecv ${PORT} ${count} 1 ${SEED}`, options);
    await run.prints('netrecv: ready');
    await peer.resolve();
    await send();
    await run.done;
    const line = /netrecv: \d+ messages.*/.exec(run.console());
    if (!line) throw new Error(`no result:\n${run.console()}`);
    return line[0].trim();
  }

  const sendMessage = (number: number) => peer.udp(4000, PORT, message(number));
  const verdict = (count: number, bad = 0, lost = 0) =>
    `netrecv: ${count} messages, ${count * MESSAGE_BYTES} bytes, bad ${bad}, lost ${lost}`;

  it(
    'sends 32 KB messages whose every byte arrives',
    withPeer(async () => {
      const numbers: number[] = [];
      let wrong = 0;
      peer.onUdp = datagram => {
        const number = new DataView(datagram.payload.buffer, datagram.payload.byteOffset).getUint32(4, true);
        numbers.push(number);
        if (!datagram.checksumOk || !Buffer.from(datagram.payload).equals(message(number))) wrong++;
      };
      const run = boot(guest, peer, `insmod e1000; ${SETTLE}; netsend ${PEER_IP} ${PORT} 100 100 ${SEED}`);
      expect(await run.done).toBe(0);
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i));
      expect(wrong).toBe(0);
      expect(peer.arpRequests).toBe(1);
      expect(run.console()).toMatch(/netsend: 100 messages, 3276800 bytes, (9[5-9]\d|1\d\d\d) ms/);
    }),
  );

  it(
    'sends fragments as RFC 791 wants them',
    withPeer(async () => {
      const packets: IpPacket[] = [];
      peer.onIp = packet => packets.push({ ...packet, payload: new Uint8Array(packet.payload) });
      const run = boot(guest, peer, `insmod e1000; ${SETTLE}; netsend ${PEER_IP} ${PORT} 1 0 ${SEED}`);
      expect(await run.done).toBe(0);
      expect(packets.length).toBe(Math.ceil((MESSAGE_BYTES + 8) / 1480));
      const inOrder = packets.toSorted((a, b) => a.offset - b.offset);
      expect(new Set(packets.map(p => p.id)).size).toBe(1);
      expect(inOrder.map(p => p.offset)).toEqual(inOrder.map((_, i) => i * 1480));
      expect(inOrder.map(p => p.more)).toEqual(inOrder.map((_, i) => i < inOrder.length - 1));
    }),
  );

  it(
    'receives 32 KB messages',
    withPeer(async () => {
      const line = await received(50, async () => {
        for (let i = 0; i < 50; i++) {
          peer.sendWhole(sendMessage(i));
          await pause(5);
        }
      });
      expect(line).toBe(verdict(50));
    }),
  );

  it(
    'reassembles fragments in any order, with duplicates, and interleaved',
    withPeer(async () => {
      const line = await received(4, async () => {
        const [a, b, c, d] = [0, 1, 2, 3].map(i => fragment(sendMessage(i), MTU));
        peer.sendPackets(a.toReversed());
        await pause(20);
        peer.sendPackets([...b.filter((_, i) => i % 2), ...b.filter((_, i) => i % 2 === 0)]);
        await pause(20);
        peer.sendPackets(c.flatMap((piece, i) => (i < c.length - 1 ? [piece, piece, d[i]] : [piece])));
        await pause(20);
        peer.sendPackets(d.slice(-1));
      });
      expect(line).toBe(verdict(4));
    }),
  );

  it(
    'drops a datagram with overlapping fragments, whole',
    withPeer(async () => {
      const line = await received(3, async () => {
        peer.sendWhole(sendMessage(0));
        const pieces = fragment(sendMessage(1), MTU);
        const evil = { ...pieces[3], offset: pieces[3].offset - 8, payload: pieces[3].payload.slice(0, 64) };
        peer.sendPackets([...pieces.slice(0, 3), evil, ...pieces.slice(3)]);
        await pause(20);
        peer.sendWhole(sendMessage(2));
      });
      expect(line).toBe(verdict(2, 0, 1));
    }),
  );

  it(
    'drops a message with a wrong checksum, and takes one without',
    withPeer(async () => {
      const line = await received(3, async () => {
        const damaged = sendMessage(0);
        damaged.payload[20_000] ^= 0x10;
        peer.sendWhole(damaged);
        await pause(20);
        peer.sendWhole(peer.udp(4000, PORT, message(1), false));
        await pause(20);
        peer.sendWhole(sendMessage(2));
      });
      expect(line).toBe(verdict(2, 0, 1));
    }),
  );

  it(
    'counts a message that is damaged with a right checksum as bad',
    withPeer(async () => {
      const line = await received(2, async () => {
        const wrong = message(0);
        wrong[30_000] ^= 1;
        peer.sendWhole(peer.udp(4000, PORT, wrong));
        await pause(20);
        peer.sendWhole(sendMessage(1));
      });
      expect(line).toBe(verdict(2, 1, 0));
    }),
  );

  it(
    'survives a storm of unfinished datagrams',
    withPeer(async () => {
      const line = await received(400, async () => {
        for (let i = 0; i < 300; i++) {
          peer.sendPackets(fragment(sendMessage(i), MTU).slice(0, 20));
          await pause(2);
        }
        for (let i = 380; i < 400; i++) {
          peer.sendWhole(sendMessage(i));
          await pause(5);
        }
      });
      expect(line).toBe(verdict(20, 0, 380));
    }),
  );

  it(
    'answers echo requests up to a frame long, and says when a port is not open',
    withPeer(async () => {
      const answers: IpPacket[] = [];
      peer.onIp = packet => answers.push({ ...packet, payload: new Uint8Array(packet.payload) });
      const run = boot(guest, peer, 'insmod e1000; sleep 1500');
      await run.prints('ip: eth0 is');
      await peer.resolve();
      const echo = Uint8Array.from({ length: 1480 }, (_, i) => i);
      echo.set([8, 0, 0, 0, 0x12, 0x34, 0, 1]);
      const sum = ~onesSum(echo, 0, echo.length) & 0xffff;
      echo.set([sum >> 8, sum & 0xff], 2);
      const broken = echo.slice();
      broken[100] ^= 1;
      peer.sendPackets([broken, echo].map(payload => peer.packet(PROTOCOL_ICMP, payload)));
      const probe = peer.udp(4000, 9999, new Uint8Array(10));
      peer.sendPackets([probe]);
      expect(await run.done).toBe(0);
      const [reply, unreachable, ...more] = answers;
      expect(more).toEqual([]);
      expect([...reply.payload.slice(0, 2)]).toEqual([0, 0]);
      expect(onesSum(reply.payload, 0, reply.payload.length)).toBe(0xffff);
      expect(reply.payload.slice(4)).toEqual(echo.slice(4));
      expect([...unreachable.payload.slice(0, 2)]).toEqual([3, 3]);
      expect(unreachable.payload.slice(8 + 20, 8 + 28)).toEqual(probe.payload.slice(0, 8));
    }),
  );

  it(
    'shows link, address and counters, goes down and up, and reloads its driver',
    withPeer(async () => {
      const run = boot(
        guest,
        peer,
        `insmod e1000; ifconfig eth0; ifconfig eth0 mii 2; ifconfig eth0 down; ifconfig eth0; ifconfig eth0 up; ` +
          `${SETTLE}; netsend ${PEER_IP} ${PORT} 3 100; rmmod e1000; insmod e1000; ${SETTLE}; netsend ${PEER_IP} ${PORT} 3 100; ` +
          'ifconfig eth0; ifconfig eth9 up',
      );
      let count = 0;
      peer.onUdp = datagram => {
        if (datagram.checksumOk) count++;
      };
      expect(await run.done).toBe(1); // ifconfig eth9
      expect(count).toBe(6);
      const text = run.console();
      expect(text).toContain(
        `eth0: up, running, address ${GUEST_IP} mask 255.255.255.0 mtu 1500\nlink: up, 1000 Mb/s`,
      );
      expect(text).toContain('mii register 2: 0141');
      expect(text).toContain(`eth0: down, address ${GUEST_IP}`);
      expect(text).toMatch(/sent 70 packets \d+ bytes 0 errors/); // three messages and one ARP request
      expect(text).toContain('ifconfig: eth9: flags: no such device');
    }),
  );

  it(
    'hears its own addresses and those of its groups, and everything when promiscuous',
    withPeer(async () => {
      const group = Uint8Array.of(1, 0, 0x5e, 0, 0, 5);
      const own = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
      const stranger = Uint8Array.of(2, 0, 0, 0, 0, 0x78);
      const run = boot(
        guest,
        peer,
        `insmod e1000; ifconfig eth0 mac 02:00:00:00:00:77; ${SETTLE}; echo one; sleep 500; ifconfig eth0; ` +
          `ifconfig eth0 multicast 01:00:5e:00:00:05; ${SETTLE}; echo two; sleep 500; ifconfig eth0; ` +
          `ifconfig eth0 promisc; ${SETTLE}; echo three; sleep 500; ifconfig eth0`,
      );
      const counts: number[] = [];
      for (const word of ['one', 'two', 'three']) {
        await run.prints(`\n${word}\n`);
        for (const mac of [group, stranger, own])
          peer.send(ipFrame(mac, peer.mac, peer.packet(200, new Uint8Array(100))));
      }
      expect(await run.done).toBe(0);
      for (const match of run.console().matchAll(/received (\d+) packets/g)) counts.push(Number(match[1]));
      expect(counts).toEqual([1, 3, 6]);
    }),
  );
});
