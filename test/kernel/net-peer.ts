/**
 * The far end of QEMU's UDP socket network: Ethernet frames, one a datagram, on a socket of this process. It answers
 * ARP, reassembles, and hands UDP and ICMP to whoever listens; and it sends frames, whole or in any pieces.
 */
import { createSocket, type Socket } from 'node:dgram';
import { fragment, Reassembler } from '../../bench/farend/fragments.ts';
import {
  arpFrame,
  BROADCAST,
  type IpPacket,
  ipFrame,
  PROTOCOL_UDP,
  parseArp,
  parseIp,
  parseIpFrame,
  parseMac,
  parseUdp,
  type Udp,
  udpPacket,
} from '../../bench/farend/packets.ts';

export const PROTOCOL_ICMP = 1;
export const PEER_IP = '10.0.0.2';
export const GUEST_IP = '10.0.0.1';

const MTU = 1500;
const NEVER = Number.MAX_SAFE_INTEGER;

export type Datagram = Udp & { checksumOk: boolean };

export class NetPeer {
  readonly mac = parseMac('02:00:00:00:00:01');
  readonly ip = parseIp(PEER_IP);
  readonly guest = parseIp(GUEST_IP);
  guestMac: Uint8Array | undefined;
  /** ARP requests and frames seen, for tests. */
  arpRequests = 0;
  frames = 0;
  onUdp: (datagram: Datagram) => void = () => {};
  onIp: (packet: IpPacket) => void = () => {};
  private readonly socket: Socket;
  private readonly guestPort: number;
  private readonly reassembler = new Reassembler(NEVER);
  private nextId = 1;

  private constructor(socket: Socket, guestPort: number) {
    this.socket = socket;
    this.guestPort = guestPort;
    socket.on('message', frame => this.take(frame));
  }

  static async open(): Promise<NetPeer> {
    const theirs = await bound();
    const guestPort = theirs.address().port;
    const ours = await bound();
    await new Promise<void>(done => theirs.close(done));
    return new NetPeer(ours, guestPort);
  }

  /** QEMU's arguments for a card at the other end. */
  qemuArguments(): string[] {
    const addresses = `udp=127.0.0.1:${this.socket.address().port},localaddr=127.0.0.1:${this.guestPort}`;
    return ['-netdev', `socket,id=n0,${addresses}`, '-device', 'e1000,netdev=n0,mac=52:54:00:12:34:56'];
  }

  close(): Promise<void> {
    return new Promise(done => this.socket.close(done));
  }

  send(frame: Uint8Array): void {
    this.socket.send(frame, this.guestPort, '127.0.0.1');
  }

  /** Asks who has the guest's address; resolves when the guest has answered. */
  async resolve(): Promise<Uint8Array> {
    for (let tries = 0; tries < 100 && !this.guestMac; tries++) {
      const target = { targetMac: new Uint8Array(6), targetIp: this.guest };
      this.send(
        arpFrame(BROADCAST, { operation: 'request', senderMac: this.mac, senderIp: this.ip, ...target }),
      );
      await new Promise(done => setTimeout(done, 50));
    }
    if (!this.guestMac) throw new Error('the guest does not answer ARP');
    return this.guestMac;
  }

  /** The IP packet of a UDP datagram for the guest, not yet cut. */
  udp(sourcePort: number, destinationPort: number, payload: Uint8Array, checksum = true): IpPacket {
    const ports = { sourcePort, destinationPort };
    const bytes = udpPacket({ source: this.ip, destination: this.guest, ...ports, payload }, checksum);
    return this.packet(PROTOCOL_UDP, bytes);
  }

  packet(protocol: number, payload: Uint8Array): IpPacket {
    const id = this.nextId++ & 0xffff;
    return { source: this.ip, destination: this.guest, protocol, id, offset: 0, more: false, payload };
  }

  /** Sends packets as they are. */
  sendPackets(packets: readonly IpPacket[]): void {
    const to = this.guestMac ?? BROADCAST;
    for (const packet of packets) this.send(ipFrame(to, this.mac, packet));
  }

  /** Cuts a packet to the MTU and sends it. */
  sendWhole(packet: IpPacket): void {
    this.sendPackets(fragment(packet, MTU));
  }

  private take(frame: Uint8Array): void {
    this.frames++;
    const arp = frame[12] === 8 && frame[13] === 6 ? parseArp(frame) : undefined;
    if (arp) {
      this.takeArp(arp);
      return;
    }
    const packet = parseIpFrame(frame);
    if (!packet || packet.destination !== this.ip) return;
    this.onIp(packet);
    const whole = this.reassembler.add({ ...packet, payload: packet.payload.slice() }, 0);
    if (!whole || packet.protocol !== PROTOCOL_UDP) return;
    const udp = parseUdp(packet.source, packet.destination, whole);
    if (udp) this.onUdp(udp);
  }

  private takeArp(arp: NonNullable<ReturnType<typeof parseArp>>): void {
    if (arp.senderIp === this.guest) this.guestMac = arp.senderMac;
    if (arp.operation !== 'request' || arp.targetIp !== this.ip) return;
    this.arpRequests++;
    const { senderMac: targetMac, senderIp: targetIp } = arp;
    this.send(
      arpFrame(targetMac, {
        operation: 'reply',
        senderMac: this.mac,
        senderIp: this.ip,
        targetMac,
        targetIp,
      }),
    );
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((done, failed) => {
    socket.once('error', failed);
    socket.bind(0, '127.0.0.1', done);
  });
  try {
    socket.setRecvBufferSize(4 << 20);
  } catch {
    // As large as the host allows will do: the tests pace what they send.
  }
  return socket;
}
