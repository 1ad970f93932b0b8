import { describe, expect, it } from 'vitest';
import { fcs } from '../../../../emu/devices/e1000/frame.ts';
import { CAUSE, CTRL, RCTL, REG } from '../../../../emu/devices/e1000/registers.ts';
import { STAT } from '../../../../emu/devices/e1000/statistics.ts';
import { frameOf, MAC, PEER, Rig, RX_BUFFERS, RX_RING } from './rig.ts';

const US = 1e-6;
const DD = 1;
const EOP = 2;
const IXSM = 4;
const BASE = RCTL.EN | RCTL.BAM | RCTL.SECRC;
const BROADCAST = new Uint8Array(6).fill(0xff);

function started(size = 8, rctl = BASE): Rig {
  const rig = new Rig();
  rig.start(size, rctl);
  return rig;
}

/** Which frames of a list got through to the ring. */
function received(rig: Rig): number {
  rig.run(200 * US);
  return rig.read(REG.RDH);
}

describe('the receive unit', () => {
  it('puts a frame into the buffer, writes the descriptor back and raises RXT0', () => {
    const rig = started();
    const frame = frameOf(100);
    rig.inject(frame);
    rig.run(20 * US);
    expect([...rig.ram.subarray(RX_BUFFERS, RX_BUFFERS + 100)]).toEqual([...frame]);
    expect(rig.ram[RX_BUFFERS + 100]).toBe(0);
    const [address, high, lengthAndSum, status] = rig.descriptor(RX_RING, 0);
    expect([address, high, lengthAndSum & 0xffff, status]).toEqual([RX_BUFFERS, 0, 100, DD | EOP | IXSM]);
    expect(rig.read(REG.RDH)).toBe(1);
    expect(rig.read(REG.ICR)).toBe(CAUSE.RXT0);
  });

  it('gives the packet checksum from PCSS on, with the first byte of each pair high', () => {
    const rig = started();
    rig.write(REG.RXCSUM, 14);
    const frame = frameOf(60);
    frame.fill(0, 14);
    frame.set([0x12, 0x34, 0xff, 0xff, 0x01], 20);
    rig.inject(frame);
    rig.run(20 * US);
    // 1234 + ffff = 1234 (ones' complement), + 0100
    expect(rig.descriptor(RX_RING, 0)[2] >>> 16).toBe(0x1334);
  });

  it('leaves the FCS in without SECRC', () => {
    const rig = started(8, RCTL.EN);
    const frame = frameOf(60);
    rig.inject(frame);
    rig.run(20 * US);
    expect(rig.descriptor(RX_RING, 0)[2] & 0xffff).toBe(64);
    expect(rig.get32(RX_BUFFERS + 60)).toBe(fcs(frame));
  });

  it.each([
    [0, 0, 2048],
    [1, 0, 1024],
    [2, 0, 512],
    [3, 0, 256],
    [1, 1, 16384],
    [2, 1, 8192],
    [3, 1, 4096],
  ])('BSIZE %i with BSEX %i makes buffers of %i bytes', (bsize, bsex, bytes) => {
    const rig = started(8, BASE | RCTL.LPE | (bsize << 16) | (bsex ? RCTL.BSEX : 0));
    for (let i = 0; i < 8; i++) rig.receiveDescriptor(i, RX_BUFFERS + i * 16384);
    const length = Math.min(bytes * 2, 9000);
    rig.inject(frameOf(length));
    rig.run(200 * US);
    const used = Math.ceil(length / bytes);
    expect(rig.read(REG.RDH)).toBe(used);
    for (let i = 0; i < used; i++) {
      const [, , size, status] = rig.descriptor(RX_RING, i);
      expect(size & 0xffff).toBe(Math.min(bytes, length - i * bytes));
      expect(status & (DD | EOP)).toBe(i === used - 1 ? DD | EOP : DD);
    }
  });

  it('wraps round the ring and keeps the order', () => {
    const rig = started(8);
    const seen: number[] = [];
    let next = 0;
    for (let n = 0; n < 50; n++) {
      rig.inject(frameOf(60, MAC, PEER, 0x0800, n));
      rig.run(10 * US);
      while (rig.status(RX_RING, next) & DD) {
        seen.push(rig.ram[RX_BUFFERS + next * 2048 + 20]);
        rig.receiveDescriptor(next, RX_BUFFERS + next * 2048);
        rig.write(REG.RDT, next);
        next = (next + 1) % 8;
      }
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => 20 + n));
    expect(rig.read(STAT.MPC)).toBe(0);
  });

  it('keeps frames in the FIFO while there are no descriptors, then loses them with RXO', () => {
    const rig = started(8);
    rig.write(REG.RDT, 0);
    for (let n = 0; n < 40; n++) rig.inject(frameOf(1514, MAC, PEER, 0x0800, n));
    rig.run(20 * US);
    // 48 KB hold 32 frames of 1514 bytes
    expect(rig.read(STAT.MPC)).toBe(8);
    expect(rig.read(STAT.RNBC)).toBe(32);
    expect(rig.read(STAT.GPRC)).toBe(40);
    expect(rig.read(REG.ICR)).toBe(CAUSE.RXO);
    rig.write(REG.RDT, 7);
    rig.run(100 * US);
    expect(rig.read(REG.RDH)).toBe(7);
    expect(rig.ram[RX_BUFFERS + 20]).toBe(20);
  });

  it.each([
    [0, 4],
    [1, 2],
    [2, 1],
  ])('RDMTS %i raises RXDMT0 when %i of 8 descriptors are left', (rdmts, left) => {
    const rig = started(8, BASE | (rdmts << 8));
    let used = 0;
    while (!(rig.read(REG.ICR) & CAUSE.RXDMT0) && used < 8) {
      rig.inject(frameOf(60));
      rig.run(10 * US);
      used++;
    }
    expect(7 - used).toBe(left);
  });

  it('returns a descriptor with a null address with DD alone', () => {
    const rig = started();
    rig.receiveDescriptor(0, 0);
    rig.inject(frameOf(60));
    rig.run(20 * US);
    expect(rig.descriptor(RX_RING, 0)).toEqual([0, 0, 0, DD]);
    expect(rig.status(RX_RING, 1)).toBe(DD | EOP | IXSM);
    expect(rig.ram.subarray(0, 60).every(b => b === 0)).toBe(true);
  });

  it('delays RXT0 by RDTR after the last packet, at most by RADV after the first', () => {
    const rig = started();
    rig.write(REG.RDTR, 50);
    rig.inject(frameOf(60));
    rig.run(45 * US);
    expect(rig.read(REG.ICR)).toBe(0);
    rig.inject(frameOf(60));
    rig.run(45 * US);
    expect(rig.read(REG.ICR)).toBe(0);
    rig.run(20 * US);
    expect(rig.read(REG.ICR)).toBe(CAUSE.RXT0);
    rig.write(REG.RADV, 60);
    rig.inject(frameOf(60));
    rig.run(45 * US);
    rig.inject(frameOf(60));
    expect(rig.read(REG.ICR) & CAUSE.RXT0).toBe(0);
    rig.run(25 * US);
    expect(rig.read(REG.ICR) & CAUSE.RXT0).toBe(CAUSE.RXT0);
  });

  it('flushes the delay with RDTR.FPD, and small packets interrupt at once by RSRPD', () => {
    const rig = started(8);
    rig.write(REG.RDTR, 1000);
    rig.inject(frameOf(60));
    rig.run(20 * US);
    rig.write(REG.RDTR, 0x80000000 | 1000);
    expect(rig.read(REG.ICR)).toBe(CAUSE.RXT0);
    rig.write(REG.RSRPD, 64);
    rig.inject(frameOf(60));
    rig.run(20 * US);
    expect(rig.read(REG.ICR)).toBe(CAUSE.SRPD);
  });

  it('drops damaged, short and long frames and counts each; SBP keeps the damaged', () => {
    const rig = started(8);
    rig.inject(frameOf(100), true);
    rig.inject(frameOf(50));
    rig.inject(frameOf(50), true);
    rig.inject(frameOf(1519));
    rig.inject(frameOf(1518));
    expect(received(rig)).toBe(1);
    const counts = [STAT.CRCERRS, STAT.RUC, STAT.RFC, STAT.ROC, STAT.GPRC, STAT.TPR].map(at => rig.read(at));
    expect(counts).toEqual([1, 1, 1, 1, 1, 5]);
    rig.write(REG.RCTL, BASE | RCTL.SBP);
    rig.inject(frameOf(100), true);
    expect(received(rig)).toBe(2);
    expect(rig.ram[RX_RING + 16 + 13]).toBe(1);
  });

  it('does nothing while RCTL.EN is off', () => {
    const rig = started(8, BASE & ~RCTL.EN);
    rig.inject(frameOf(60));
    expect(received(rig)).toBe(0);
    expect(rig.read(STAT.TPR)).toBe(0);
  });

  it('strips a VLAN tag with CTRL.VME', () => {
    const rig = started();
    rig.write(REG.CTRL, CTRL.SLU | CTRL.VME);
    const frame = frameOf(64, MAC, PEER, 0x8100);
    frame.set([0x20, 0x05, 0x08, 0x00], 14);
    rig.inject(frame);
    rig.run(20 * US);
    const [, , length, status] = rig.descriptor(RX_RING, 0);
    expect(length & 0xffff).toBe(60);
    expect(status & 0xff).toBe(DD | EOP | IXSM | 8);
    expect(status >>> 16).toBe(0x2005);
    expect([...rig.ram.subarray(RX_BUFFERS + 12, RX_BUFFERS + 14)]).toEqual([0x08, 0x00]);
  });

  it('sends XOFF above FCRTH and XON below FCRTL with CTRL.TFCE', () => {
    const rig = started();
    rig.write(REG.CTRL, CTRL.SLU | CTRL.TFCE);
    rig.write(REG.FCTTV, 0x680);
    rig.write(REG.FCRTH, 8000);
    rig.write(REG.FCRTL, 0x80000000 | 4000);
    rig.write(REG.RDT, 0);
    for (let n = 0; n < 7; n++) rig.inject(frameOf(1514));
    rig.run(20 * US);
    rig.write(REG.RDT, 7);
    rig.run(100 * US);
    const quanta = rig.arrivals.map(a => [a.frame[12], a.frame[13], (a.frame[16] << 8) | a.frame[17]]);
    expect(quanta).toEqual([
      [0x88, 0x08, 0x680],
      [0x88, 0x08, 0],
    ]);
    expect([...rig.arrivals[0].frame.subarray(6, 12)]).toEqual([...MAC]);
    expect([rig.read(STAT.XOFFTXC), rig.read(STAT.XONTXC)]).toEqual([1, 1]);
  });
});

describe('the receive filters', () => {
  const other = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x57);
  const group = Uint8Array.of(0x01, 0x00, 0x5e, 0x00, 0xa3, 0x5b);

  it('accepts the station address of the EEPROM and no other unicast', () => {
    const rig = started();
    rig.inject(frameOf(60, other));
    rig.inject(frameOf(60, MAC));
    expect(received(rig)).toBe(1);
    rig.write(REG.RCTL, BASE | RCTL.UPE);
    rig.inject(frameOf(60, other));
    expect(received(rig)).toBe(2);
    expect(rig.status(RX_RING, 1) & 0x80).toBe(0x80);
    expect(rig.status(RX_RING, 0) & 0x80).toBe(0);
  });

  it('matches all sixteen RAL and RAH, only when valid, and by source when asked', () => {
    const rig = started();
    rig.write(REG.RAL + 8 * 15, 0x12005452);
    rig.write(REG.RAL + 8 * 15 + 4, 0x5734);
    rig.inject(frameOf(60, other));
    expect(received(rig)).toBe(0);
    rig.write(REG.RAL + 8 * 15 + 4, 0x80005734);
    rig.inject(frameOf(60, other));
    expect(received(rig)).toBe(1);
    rig.write(REG.RAL + 8 * 15 + 4, 0x80015734);
    rig.inject(frameOf(60, other));
    rig.inject(frameOf(60, PEER, other));
    expect(received(rig)).toBe(2);
  });

  it('takes broadcasts with BAM alone', () => {
    const rig = started(8, BASE & ~RCTL.BAM);
    rig.inject(frameOf(60, BROADCAST));
    expect(received(rig)).toBe(0);
    rig.write(REG.RCTL, BASE);
    rig.inject(frameOf(60, BROADCAST));
    expect(received(rig)).toBe(1);
    expect(rig.read(STAT.BPRC)).toBe(1);
  });

  // bits 47:36, 46:35, 45:34 and 43:32 of 5b:a3 in address order: 5ba, b74, 6e8 and ba3
  it.each([
    [0, 0x5ba],
    [1, 0xb74],
    [2, 0x6e8],
    [3, 0xba3],
  ])('MO %i looks a multicast address up at %s', (mo, hash) => {
    const rig = started(8, BASE | (mo << 12));
    rig.inject(frameOf(60, group));
    expect(received(rig)).toBe(0);
    rig.write(REG.MTA + 4 * (hash >> 5), 1 << (hash & 31));
    rig.inject(frameOf(60, group));
    expect(received(rig)).toBe(1);
    expect(rig.read(STAT.MPRC)).toBe(1);
  });

  it('takes all multicast with MPE', () => {
    const rig = started(8, BASE | RCTL.MPE);
    rig.inject(frameOf(60, group));
    expect(received(rig)).toBe(1);
  });

  it('filters VLANs by VFTA with VFE', () => {
    const rig = started(8, BASE | RCTL.VFE);
    const tagged = frameOf(64, MAC, PEER, 0x8100);
    tagged.set([0x00, 0x45], 14);
    rig.inject(tagged);
    rig.inject(frameOf(64, MAC));
    expect(received(rig)).toBe(1);
    rig.write(REG.VFTA + 4 * 2, 1 << 5);
    rig.inject(tagged);
    expect(received(rig)).toBe(2);
  });
});

describe('receive checksum offload', () => {
  /** An IPv4 UDP frame: header 4500 0020 0001 0000 4011 66ca 0a00 0001 0a00 0002, 4 bytes of data. */
  function udp(): Uint8Array {
    const frame = frameOf(60);
    frame.fill(0, 14);
    frame.set([0x45, 0, 0, 0x20, 0, 1, 0, 0, 0x40, 0x11, 0x66, 0xca, 10, 0, 0, 1, 10, 0, 0, 2], 14);
    // 0a00+0001+0a00+0002+0011+000c = 1420; + 0009+0009+000c + 1234+5678 = 7cea -> complement 8315
    frame.set([0, 9, 0, 9, 0, 12, 0x83, 0x15, 0x12, 0x34, 0x56, 0x78], 34);
    return frame;
  }

  function verdict(frame: Uint8Array, rxcsum = 0x300): number[] {
    const rig = started();
    rig.write(REG.RXCSUM, rxcsum);
    rig.inject(frame);
    rig.run(20 * US);
    return [rig.status(RX_RING, 0) & 0x64, rig.ram[RX_RING + 13]];
  }

  it('passes good sums', () => expect(verdict(udp())).toEqual([0x60, 0]));

  it('sees a damaged payload and a damaged header', () => {
    const payload = udp();
    payload[44] ^= 1;
    expect(verdict(payload)).toEqual([0x60, 0x20]);
    const header = udp();
    header[22] ^= 1;
    expect(verdict(header)).toEqual([0x60, 0x40]);
  });

  it('says only what was asked', () => {
    expect(verdict(udp(), 0x100)).toEqual([0x40, 0]);
    expect(verdict(udp(), 0x200)).toEqual([0x20, 0]);
    expect(verdict(udp(), 0)).toEqual([4, 0]);
  });

  it('gives no verdict on UDP without a checksum, on fragments, or on other protocols', () => {
    const none = udp();
    none.set([0, 0], 40);
    expect(verdict(none)).toEqual([0x40, 0]);
    const fragment = udp();
    fragment.set([0x20, 0], 20);
    expect(verdict(fragment)).toEqual([0x40, 0x40]);
    expect(verdict(frameOf(60, MAC, PEER, 0x0806))).toEqual([4, 0]);
  });
});
