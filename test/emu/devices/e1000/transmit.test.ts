import { describe, expect, it } from 'vitest';
import { fcs } from '../../../../emu/devices/e1000/frame.ts';
import { CAUSE, CTRL, RCTL, REG, TCTL } from '../../../../emu/devices/e1000/registers.ts';
import { STAT } from '../../../../emu/devices/e1000/statistics.ts';
import {
  DEXT,
  EOP,
  frameOf,
  IC,
  IDE,
  IFCS,
  MAC,
  PEER,
  Rig,
  RS,
  RX_RING,
  TX_BUFFERS,
  TX_RING,
  VLE,
} from './rig.ts';

const SEND = EOP | IFCS | RS;
const US = 1e-6;

function started(size = 8): Rig {
  const rig = new Rig();
  rig.start(size);
  return rig;
}

describe('the transmit unit', () => {
  it('sends a frame, writes the descriptor back and raises TXDW and TXQE', () => {
    const rig = started();
    const frame = frameOf(100, PEER, MAC);
    rig.transmitDescriptor(0, frame, SEND);
    rig.write(REG.TDT, 1);
    expect(rig.status(TX_RING, 0)).toBe(0);
    rig.run(20 * US);
    expect(rig.arrivals.map(a => a.frame)).toEqual([frame]);
    expect(rig.arrivals[0].badFcs).toBe(false);
    expect(rig.status(TX_RING, 0)).toBe(1);
    expect(rig.read(REG.TDH)).toBe(1);
    expect(rig.read(REG.ICR)).toBe(CAUSE.TXDW | CAUSE.TXQE);
  });

  it('does nothing at the register write itself: descriptor fetch, data and frame each take their time', () => {
    const rig = started();
    rig.transmitDescriptor(0, frameOf(100, PEER, MAC), SEND);
    rig.write(REG.TDT, 1);
    const clocks = (bytes: number) => Math.ceil(((16 + bytes / 4) * 6.8e9) / 66_666_667);
    const ready = clocks(16) + clocks(100 + 16);
    rig.runTo(ready - 1);
    expect(rig.read(REG.TDH)).toBe(0);
    rig.runTo(ready);
    expect(rig.read(REG.TDH)).toBe(1);
    rig.run(20 * US);
    expect(rig.arrivals[0].at).toBe(ready + Math.ceil(112 * 8 * 6.8) + 3400);
  });

  it('leaves the status alone without RS', () => {
    const rig = started();
    rig.transmitDescriptor(0, frameOf(100, PEER, MAC), EOP | IFCS);
    rig.write(REG.TDT, 1);
    rig.run(20 * US);
    expect(rig.arrivals.length).toBe(1);
    expect(rig.status(TX_RING, 0)).toBe(0);
    expect(rig.read(REG.ICR)).toBe(CAUSE.TXQE);
  });

  it('gathers a packet from several descriptors, one of them empty', () => {
    const rig = started();
    const frame = frameOf(1514, PEER, MAC);
    rig.transmitDescriptor(0, frame.subarray(0, 14), IFCS);
    rig.transmitDescriptor(1, frame.subarray(14, 14), IFCS);
    rig.transmitDescriptor(2, frame.subarray(14), SEND);
    rig.write(REG.TDT, 3);
    rig.run(50 * US);
    expect(rig.arrivals.map(a => a.frame)).toEqual([frame]);
    expect([0, 1, 2].map(i => rig.status(TX_RING, i))).toEqual([0, 0, 1]);
  });

  it('wraps round the ring many times, in order, at line rate', () => {
    const rig = started(8);
    let tail = 0;
    for (let n = 0; n < 100; n++) {
      while ((tail + 1) % 8 === rig.read(REG.TDH)) rig.run(US);
      rig.transmitDescriptor(tail, frameOf(1514, PEER, MAC, 0x0800, n), SEND);
      tail = (tail + 1) % 8;
      rig.write(REG.TDT, tail);
    }
    rig.run(400 * US);
    expect(rig.arrivals.map(a => a.frame[20])).toEqual(Array.from({ length: 100 }, (_, n) => 20 + n));
    const spent = rig.arrivals[99].at - rig.arrivals[0].at;
    expect(Math.abs(spent - 99 * 1538 * 8 * 6.8)).toBeLessThanOrEqual(1);
  });

  it('pads short packets when PSP is set, and only then', () => {
    const rig = started();
    rig.transmitDescriptor(0, frameOf(20, PEER, MAC), SEND);
    rig.write(REG.TDT, 1);
    rig.run(20 * US);
    rig.write(REG.TCTL, TCTL.EN);
    rig.transmitDescriptor(1, frameOf(20, PEER, MAC), SEND);
    rig.write(REG.TDT, 2);
    rig.run(20 * US);
    expect(rig.arrivals.map(a => a.frame.length)).toEqual([60, 20]);
    expect([...rig.arrivals[0].frame.subarray(20)]).toEqual(new Array(40).fill(0));
  });

  it('takes the FCS from software without IFCS', () => {
    const rig = started();
    const frame = frameOf(64, PEER, MAC);
    const check = fcs(frame, 60);
    for (let i = 0; i < 4; i++) frame[60 + i] = check >>> (8 * i);
    rig.transmitDescriptor(0, frame, EOP | RS);
    rig.transmitDescriptor(1, frameOf(64, PEER, MAC), EOP | RS);
    rig.write(REG.TDT, 2);
    rig.run(20 * US);
    expect(rig.arrivals.map(a => [a.frame.length, a.badFcs])).toEqual([
      [60, false],
      [60, true],
    ]);
  });

  it('inserts a legacy checksum at CSO over the packet from CSS on', () => {
    const rig = started();
    const frame = frameOf(60, PEER, MAC);
    frame.fill(0, 14);
    frame.set([0x12, 0x34, 0xff, 0xff], 20);
    rig.transmitDescriptor(0, frame, SEND | IC);
    rig.ram[TX_RING + 10] = 30; // CSO
    rig.ram[TX_RING + 13] = 14; // CSS
    rig.write(REG.TDT, 1);
    rig.run(20 * US);
    expect([...rig.arrivals[0].frame.subarray(30, 32)]).toEqual([0xed, 0xcb]);
  });

  it('does IP and UDP checksums by context and data descriptors', () => {
    const rig = started();
    const frame = frameOf(62, PEER, MAC);
    // IPv4 header of RFC 1071-style arithmetic, worked by hand: 4500 0030 0001 0000 4011 0000 0a00 0001 0a00 0002
    const header = [0x45, 0, 0, 0x30, 0, 1, 0, 0, 0x40, 0x11, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    frame.set(header, 14);
    // UDP 0009 0009 001c, pseudo-header sum (0a00+0001+0a00+0002+0011+001c = 1430) in the field, 20 bytes of zero
    frame.set([0, 9, 0, 9, 0, 0x1c, 0x14, 0x30], 34);
    frame.fill(0, 42);
    const context = TX_RING;
    rig.put32(context, 14 | (24 << 8) | (33 << 16));
    rig.put32(context + 4, 34 | (40 << 8));
    rig.put32(context + 8, DEXT << 24);
    rig.put32(context + 12, 0);
    rig.transmitDescriptor(1, frame, SEND | DEXT);
    rig.put32(TX_RING + 16 + 8, frame.length | (1 << 20) | ((SEND | DEXT) << 24));
    rig.put32(TX_RING + 16 + 12, 0x0300);
    rig.write(REG.TDT, 2);
    rig.run(20 * US);
    const sent = rig.arrivals[0].frame;
    // 4500+0030+0001+4011+0a00+0001+0a00+0002 = 9945 -> 66ba
    expect([...sent.subarray(24, 26)]).toEqual([0x66, 0xba]);
    // 1430+0009+0009+001c = 145e -> eba1
    expect([...sent.subarray(40, 42)]).toEqual([0xeb, 0xa1]);
    expect(rig.status(TX_RING, 1)).toBe(1);
  });

  it('inserts a VLAN tag with VLE and CTRL.VME', () => {
    const rig = started();
    rig.write(REG.CTRL, CTRL.SLU | CTRL.FD | CTRL.VME);
    rig.transmitDescriptor(0, frameOf(100, PEER, MAC), SEND | VLE);
    rig.put32(TX_RING + 12, 0x20050000);
    rig.write(REG.TDT, 1);
    rig.run(20 * US);
    const { frame } = rig.arrivals[0];
    expect(frame.length).toBe(104);
    expect([...frame.subarray(12, 18)]).toEqual([0x81, 0x00, 0x20, 0x05, 0x08, 0x00]);
  });

  it('delays TXDW with IDE by TIDV, at most by TADV', () => {
    const rig = started();
    rig.write(REG.TIDV, 100);
    rig.write(REG.TADV, 150);
    const causes: number[] = [];
    for (let i = 0; i < 3; i++) {
      rig.transmitDescriptor(i, frameOf(60, PEER, MAC), SEND | IDE);
      rig.write(REG.TDT, i + 1);
      rig.run(60 * US);
      causes.push(rig.read(REG.ICR) & CAUSE.TXDW);
    }
    // done at about 1, 61 and 121 us: the absolute timer ends at about 155 us, the packet timer would at 224
    expect(causes).toEqual([0, 0, CAUSE.TXDW]);
    rig.run(200 * US);
    expect(rig.read(REG.ICR) & CAUSE.TXDW).toBe(0);
  });

  it('waits for TCTL.EN, the link and bus mastering', () => {
    let master = false;
    const rig = new Rig({ device: { busMaster: () => master } });
    rig.start();
    rig.write(REG.TCTL, 0);
    rig.transmitDescriptor(0, frameOf(60, PEER, MAC), SEND);
    rig.write(REG.TDT, 1);
    rig.run(50 * US);
    rig.write(REG.TCTL, TCTL.EN);
    rig.run(50 * US);
    expect(rig.read(REG.TDH)).toBe(0);
    master = true;
    rig.write(REG.TDT, 1);
    rig.wire.setUp(false);
    rig.run(50 * US);
    expect(rig.read(REG.TDH)).toBe(1);
    rig.wire.setUp(true);
    const at = rig.now();
    rig.run(2000 * US);
    expect(rig.arrivals.length).toBe(1);
    expect(rig.arrivals[0].at).toBeGreaterThan(at + rig.clock.ticksOf(1000 * US));
  });

  it('stops for PAUSE frames with CTRL.RFCE', () => {
    const rig = started();
    rig.write(REG.CTRL, CTRL.SLU | CTRL.FD | CTRL.RFCE);
    const pause = frameOf(60, Uint8Array.of(1, 0x80, 0xc2, 0, 0, 1), PEER, 0x8808);
    pause.set([0, 1, 0x01, 0x00], 14);
    rig.inject(pause);
    rig.run(10 * US);
    expect(rig.read(REG.STATUS) & 0x10).toBe(0x10);
    rig.transmitDescriptor(0, frameOf(60, PEER, MAC), SEND);
    rig.write(REG.TDT, 1);
    rig.run(100 * US);
    expect(rig.arrivals.length).toBe(0);
    rig.run(100 * US);
    // the pause began when the PAUSE frame's last bit arrived, and lasts 256 quanta of 512 bits
    expect(rig.arrivals[0].at).toBe(3917 + 3400 + Math.ceil(512 * 6.8) * 256 + 3917 + 3400);
    expect(rig.read(STAT.XOFFRXC)).toBe(1);
  });

  it('counts what it sent, by size and kind, and clears on read', () => {
    const rig = started();
    const broadcast = new Uint8Array(6).fill(0xff);
    rig.transmitDescriptor(0, frameOf(60, PEER, MAC), SEND);
    rig.transmitDescriptor(1, frameOf(1514, PEER, MAC), SEND);
    rig.transmitDescriptor(2, frameOf(200, broadcast, MAC), SEND);
    rig.write(REG.TDT, 3);
    rig.run(50 * US);
    const read = (at: number) => [rig.read(at), rig.read(at)];
    expect(read(STAT.GPTC)).toEqual([3, 0]);
    expect(read(STAT.TPT)).toEqual([3, 0]);
    expect(read(STAT.PTC64)).toEqual([1, 0]);
    expect(read(STAT.PTC255)).toEqual([1, 0]);
    expect(read(STAT.PTC1522)).toEqual([1, 0]);
    expect(read(STAT.BPTC)).toEqual([1, 0]);
    expect(rig.read(STAT.GOTCL)).toBe(64 + 1518 + 204);
    expect(rig.read(STAT.GOTCL)).toBe(64 + 1518 + 204);
    expect(rig.read(STAT.GOTCH)).toBe(0);
    expect(rig.read(STAT.GOTCL)).toBe(0);
  });

  it('uses a descriptor as it was when it was fetched', () => {
    const rig = started();
    for (let i = 0; i < 4; i++) rig.transmitDescriptor(i, frameOf(1514, PEER, MAC, 0x0800, i), SEND);
    rig.write(REG.TDT, 4);
    rig.run(3 * US);
    rig.put32(TX_RING + 3 * 16, TX_BUFFERS);
    rig.run(100 * US);
    expect(rig.arrivals[3].frame[20]).toBe(23);
  });

  it('raises TXD_LOW when LWTHRESH times eight descriptors are left', () => {
    const rig = started(16);
    rig.write(REG.TXDCTL, 1 << 25);
    for (let i = 0; i < 12; i++) rig.transmitDescriptor(i, frameOf(60, PEER, MAC), EOP | IFCS);
    rig.write(REG.TDT, 12);
    const headAtCause = () => {
      while (!(rig.read(REG.ICR) & CAUSE.TXD_LOW)) rig.run(0.1 * US);
      return rig.read(REG.TDH);
    };
    expect(headAtCause()).toBe(4);
  });

  it('loops back in the MAC with RCTL.LBM, and sends nothing', () => {
    const rig = started();
    rig.write(REG.RCTL, RCTL.EN | RCTL.SECRC | RCTL.LBM_MAC);
    rig.transmitDescriptor(0, frameOf(100, MAC, PEER), SEND);
    rig.write(REG.TDT, 1);
    rig.run(50 * US);
    expect(rig.arrivals).toEqual([]);
    expect(rig.status(RX_RING, 0) & 1).toBe(1);
  });
});
