import { describe, expect, it } from 'vitest';
import { E1000 } from '../../../../emu/devices/e1000/e1000.ts';
import { CAUSE, CTRL, RCTL, REG, TCTL } from '../../../../emu/devices/e1000/registers.ts';
import { STAT } from '../../../../emu/devices/e1000/statistics.ts';
import { Pci } from '../../../../emu/devices/pci.ts';
import { PortSpace } from '../../../../emu/devices/port-space.ts';
import { EOP, frameOf, IFCS, MAC, PEER, Rig, RS, RX_BUFFERS, RX_RING, TX_RING } from './rig.ts';

const US = 1e-6;

describe('register access', () => {
  it('reads 0 from an unknown register and says so once', () => {
    const rig = new Rig();
    expect([rig.read(0x1234), rig.read(0x1234)]).toEqual([0, 0]);
    rig.write(0x1234, 5);
    expect(rig.notices).toEqual([
      'e1000: read of unknown register 00001234',
      'e1000: write of 00000005 to unknown register 00001234',
    ]);
  });

  it('reads parts of a register and ignores narrow writes', () => {
    const rig = new Rig();
    const { memory } = rig.nic;
    expect([memory.readMmio(REG.RAL, 1), memory.readMmio(REG.RAL + 1, 1)]).toEqual([0x52, 0x54]);
    expect(memory.readMmio(REG.RAL + 2, 2)).toBe(0x1200);
    memory.writeMmio(REG.RAL, 1, 0);
    memory.writeMmio(REG.RAL + 2, 2, 0);
    memory.writeMmio(REG.RAL + 2, 4, 0);
    expect(rig.read(REG.RAL)).toBe(0x12005452);
    expect(rig.notices.length).toBe(3);
  });

  it('keeps what nothing acts upon, in the bits that exist', () => {
    const rig = new Rig();
    for (const register of [REG.FCAL, REG.LEDCTL, REG.MANC, REG.IP4AT, REG.FFMT + 1020]) {
      rig.write(register, 0xa5a5a5a5);
      expect(rig.read(register)).toBe(0xa5a5a5a5);
    }
    rig.write(REG.VET, 0xffff88a8);
    rig.write(REG.TIPG, 0xffffffff);
    expect([rig.read(REG.VET), rig.read(REG.TIPG)]).toEqual([0x88a8, 0x3fffffff]);
    rig.write(REG.SWSM, 0xffffffff);
    expect(rig.read(REG.SWSM)).toBe(0xf);
    rig.write(REG.STATUS, 0xffffffff);
    expect(rig.read(REG.STATUS)).toBe(0x00000a81);
  });

  it('divides the packet buffer by PBA', () => {
    const rig = new Rig();
    expect(rig.read(REG.PBA)).toBe(0x00100030);
    rig.write(REG.PBA, 0x28);
    expect(rig.read(REG.PBA)).toBe(0x00180028);
  });

  it('reaches every register through IOADDR and IODATA', () => {
    const rig = new Rig();
    const { ports } = rig.nic;
    ports.writePort(0, 4, REG.RAL);
    expect(ports.readPort(0, 4)).toBe(REG.RAL);
    expect(ports.readPort(4, 4)).toBe(0x12005452);
    ports.writePort(4, 4, 0x11223344);
    expect(rig.read(REG.RAL)).toBe(0x11223344);
    ports.writePort(0, 4, 0xfffffffc);
    ports.writePort(4, 4, 1);
    expect(ports.readPort(4, 4)).toBe(0);
    expect(ports.readPort(8, 4)).toBe(0);
  });

  it('sits on the PCI bus as 8086:100E with two BARs', () => {
    const space = new PortSpace();
    const pci = new Pci(space);
    const rig = new Rig();
    const place = {
      device: 3,
      function: 0,
      memoryBase: 0xfeb00000,
      ioBase: 0xc000,
      interruptLine: 11,
      command: 3,
    };
    pci.add(rig.nic.pciFunction(place));
    const config = (offset: number) => {
      pci.writePort(0xcf8, 4, 0x80000000 | (3 << 11) | offset);
      return pci.readPort(0xcfc, 4);
    };
    expect(config(0)).toBe(0x100e8086);
    expect(config(8) >>> 8).toBe(0x020000);
    expect(config(0x3c) & 0xffff).toBe(0x010b);
    expect(space.readMmio(0xfeb00000 + REG.RAL, 4)).toBe(0x12005452);
    space.writePort(0xc000, 4, REG.PBA);
    expect(space.readPort(0xc004, 4)).toBe(0x00100030);
  });

  it('lists its registers without touching them', () => {
    const rig = new Rig();
    rig.write(REG.ICS, CAUSE.TXDW);
    const listed = [...rig.nic.peek()];
    expect(listed.find(r => r.name === 'ICR')).toEqual({ name: 'ICR', offset: REG.ICR, value: CAUSE.TXDW });
    expect(listed.filter(r => r.name.startsWith('MTA[')).length).toBe(128);
    expect(rig.read(REG.ICR)).toBe(CAUSE.TXDW);
  });

  it('wants a station address of six bytes', () => {
    const rig = new Rig();
    expect(() => new Rig({ device: { mac: new Uint8Array(5) } })).toThrow(RangeError);
    expect(rig.nic).toBeInstanceOf(E1000);
  });
});

describe('resets', () => {
  it('CTRL.RST stops everything, clears the registers and itself', () => {
    const rig = new Rig();
    rig.start();
    rig.write(REG.IMS, 0x1ffff);
    rig.write(REG.ITR, 100);
    for (let i = 0; i < 4; i++) rig.transmitDescriptor(i, frameOf(1514, PEER, MAC), EOP | IFCS | RS);
    rig.write(REG.TDT, 4);
    rig.inject(frameOf(1514));
    rig.run(10 * US);
    const sent = rig.arrivals.length;
    rig.write(REG.CTRL, CTRL.RST);
    expect(rig.level).toBe(false);
    expect([REG.RCTL, REG.TCTL, REG.TDT, REG.RDLEN, REG.IMS, REG.ITR].map(r => rig.read(r))).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
    expect(rig.read(REG.CTRL) & CTRL.RST).toBe(0);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    rig.run(1000 * US);
    // one frame was on the wire already
    expect(rig.arrivals.length).toBeLessThanOrEqual(sent + 1);
    rig.start();
    rig.transmitDescriptor(0, frameOf(60, PEER, MAC), EOP | IFCS | RS);
    rig.write(REG.TDT, 1);
    rig.run(50 * US);
    expect(rig.status(TX_RING, 0)).toBe(1);
  });

  it('a PCI reset takes the PHY along', () => {
    const rig = new Rig();
    rig.nic.reset();
    rig.write(REG.CTRL, CTRL.SLU);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    rig.run(1100 * US);
    expect(rig.read(REG.STATUS) & 2).toBe(2);
  });
});

describe('guests that mean no good', () => {
  it.each([
    ['a ring of length 0', { len: 0, head: 0, tail: 5 }],
    ['a tail outside the ring', { len: 128, head: 0, tail: 8 }],
    ['a head outside the ring', { len: 128, head: 9, tail: 3 }],
  ])('%s stands still, both ways', (_, { len, head, tail }) => {
    const rig = new Rig();
    rig.start();
    rig.write(REG.TDLEN, len);
    rig.write(REG.TDH, head);
    rig.write(REG.TDT, tail);
    rig.write(REG.RDLEN, len);
    rig.write(REG.RDH, head);
    rig.write(REG.RDT, tail);
    rig.inject(frameOf(60));
    rig.run(1000 * US);
    expect([rig.read(REG.TDH), rig.read(REG.RDH)]).toEqual([head, head]);
    expect(rig.arrivals).toEqual([]);
  });

  it('survives rings and buffers outside RAM', () => {
    const rig = new Rig();
    rig.start();
    for (const high of [0, 0xffffffff]) {
      rig.write(REG.TDBAL, 0xfffffff0);
      rig.write(REG.TDBAH, high);
      rig.write(REG.RDBAL, 0xfffffff0);
      rig.write(REG.RDBAH, high);
      rig.write(REG.TDH, 0);
      rig.write(REG.RDH, 0);
      rig.write(REG.TDT, 7);
      rig.inject(frameOf(60));
      rig.run(100 * US);
      expect(rig.read(REG.TDH)).toBe(7);
    }
    expect(rig.notices).toEqual(['e1000: transmit descriptor of unknown type 15 skipped']);
  });

  it('sends nothing for empty packets and drops those beyond the FIFO', () => {
    const rig = new Rig();
    rig.start();
    rig.transmitDescriptor(0, new Uint8Array(0), EOP | IFCS | RS);
    for (let i = 1; i < 7; i++)
      rig.transmitDescriptor(i, new Uint8Array(0xffff & 16000), IFCS | (i === 6 ? EOP | RS : 0), 0x80000);
    rig.write(REG.TDT, 7);
    rig.run(2000 * US);
    expect(rig.read(REG.TDH)).toBe(7);
    expect(rig.arrivals).toEqual([]);
    expect(rig.notices).toEqual(['e1000: transmit packet of more than 16288 bytes dropped']);
  });

  it('drops a packet that asks for segmentation', () => {
    const rig = new Rig();
    rig.start();
    rig.transmitDescriptor(0, frameOf(100, PEER, MAC), EOP | IFCS | RS | 0x24);
    rig.put32(TX_RING + 8, 100 | (1 << 20) | ((EOP | IFCS | RS | 0x24) << 24));
    rig.write(REG.TDT, 1);
    rig.run(50 * US);
    expect(rig.status(TX_RING, 0)).toBe(1);
    expect(rig.arrivals).toEqual([]);
    expect(rig.notices).toEqual(['e1000: TCP segmentation is not modelled: packet dropped']);
  });

  it('forgets what it fetched when the ring is moved under it', () => {
    const rig = new Rig();
    rig.start();
    for (let i = 0; i < 4; i++) rig.transmitDescriptor(i, frameOf(60, PEER, MAC), EOP | IFCS | RS);
    rig.write(REG.TDT, 4);
    rig.run(0.5 * US);
    rig.write(REG.TDH, 0);
    rig.write(REG.TDT, 0);
    rig.run(100 * US);
    expect(rig.read(REG.TDH)).toBe(0);
  });

  it('lives through random writes to every register, with frames coming in', () => {
    let x = 2463534242;
    const random = () => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return x >>> 0;
    };
    const rig = new Rig();
    const all = [...rig.nic.peek()].map(r => r.offset);
    const busy = [
      REG.TDT,
      REG.RDT,
      REG.TDLEN,
      REG.RDLEN,
      REG.TCTL,
      REG.RCTL,
      REG.CTRL,
      REG.MDIC,
      REG.EECD,
      REG.TDH,
    ];
    for (let round = 0; round < 3000; round++) {
      if (round % 500 === 0) rig.start();
      const offset = round % 2 ? all[random() % all.length] : busy[random() % busy.length];
      const value = random() % 3 ? random() : random() % 16;
      rig.write(offset, value & ~(round % 7 ? CTRL.RST : 0));
      for (let i = 0; i < 64; i++) rig.ram[0x1000 + (random() % 0x2000)] = random();
      if (rig.wire.freeAt(1) <= rig.now()) rig.wire.send(1, frameOf(60 + (random() % 1500), MAC), rig.now());
      rig.run((random() % 100) * US);
      rig.read(all[random() % all.length]);
    }
    rig.wire.setUp(false);
    rig.wire.setUp(true);
    rig.run(0.1);
    expect(rig.notices.length).toBeLessThanOrEqual(100);
  });
});

describe('save and load', () => {
  /** Both directions at once, with the ring kept full. */
  function drive(rig: Rig, steps: number, from: { tail: number; n: number }): void {
    for (let i = 0; i < steps; i++) {
      if ((from.tail + 1) % 8 !== rig.read(REG.TDH)) {
        rig.transmitDescriptor(from.tail, frameOf(1000, PEER, MAC, 0x0800, from.n++), EOP | IFCS | RS);
        from.tail = (from.tail + 1) % 8;
        rig.write(REG.TDT, from.tail);
      }
      rig.inject(frameOf(500 + from.n));
      rig.write(REG.RDT, (rig.read(REG.RDH) + 7) % 8);
      rig.run(3.7 * US);
    }
  }

  it('goes on in the middle of everything exactly as if nothing had been', () => {
    const options = { wire: { propagationSeconds: 20e-6 } };
    const a = new Rig(options);
    a.start();
    a.write(REG.ITR, 300);
    a.write(REG.IMS, 0x1ffff);
    const state = { tail: 0, n: 0 };
    drive(a, 20, state);
    const b = new Rig(options);
    b.time[0] = a.time[0];
    b.ram.set(a.ram);
    b.wire.load(structuredClone(a.wire.save()));
    b.nic.load(structuredClone(a.nic.save()));
    b.clock.load(a.clock.save());
    const [before, edges] = [a.arrivals.length, a.edges.length];
    drive(a, 20, { ...state });
    drive(b, 20, { ...state });
    expect(b.arrivals.length).toBeGreaterThan(10);
    expect(b.arrivals).toEqual(a.arrivals.slice(before));
    expect(b.edges).toEqual(a.edges.slice(edges));
    expect(Buffer.from(b.ram).equals(Buffer.from(a.ram))).toBe(true);
    expect(b.nic.save()).toEqual(a.nic.save());
  });

  it('saves plain data', () => {
    const rig = new Rig();
    rig.start();
    drive(rig, 5, { tail: 0, n: 0 });
    const plain = (value: unknown): boolean =>
      value === null ||
      ['number', 'string', 'boolean'].includes(typeof value) ||
      ArrayBuffer.isView(value) ||
      (Array.isArray(value) && value.every(plain)) ||
      (Object.getPrototypeOf(value) === Object.prototype && Object.values(value as object).every(plain));
    expect(plain(rig.nic.save())).toBe(true);
    expect(plain(rig.wire.save())).toBe(true);
  });
});

describe('both directions at line rate', () => {
  it('neither loses nor delays a frame', () => {
    const rig = new Rig();
    rig.start(64, RCTL.EN | RCTL.SECRC, TCTL.EN);
    let tail = 0;
    let next = 0;
    let got = 0;
    const start = rig.now();
    while (got < 500) {
      while ((tail + 1) % 64 !== rig.read(REG.TDH)) {
        rig.transmitDescriptor(tail, frameOf(1514, PEER, MAC), EOP | IFCS | RS, 0x80000);
        tail = (tail + 1) % 64;
      }
      rig.write(REG.TDT, tail);
      if (rig.wire.freeAt(1) <= rig.now()) rig.wire.send(1, frameOf(1514), rig.wire.freeAt(1));
      rig.runTo(rig.wire.freeAt(1));
      while (rig.status(RX_RING, next) & 1) {
        got++;
        rig.receiveDescriptor(next, RX_BUFFERS);
        rig.write(REG.RDT, next);
        next = (next + 1) % 64;
      }
    }
    expect(rig.read(STAT.MPC)).toBe(0);
    const frames = Math.floor((rig.now() - start) / (1538 * 8 * 6.8));
    expect(rig.arrivals.length).toBeGreaterThanOrEqual(frames - 2);
  });
});
