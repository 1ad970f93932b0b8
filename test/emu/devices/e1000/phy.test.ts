import { describe, expect, it } from 'vitest';
import { CAUSE, CTRL, REG } from '../../../../emu/devices/e1000/registers.ts';
import { frameOf, MAC, PEER, Rig, RX_RING } from './rig.ts';

const READY = 0x10000000;
const ERROR = 0x40000000;

function mdic(rig: Rig, value: number): number {
  rig.write(REG.MDIC, value);
  expect(rig.read(REG.MDIC) & READY).toBe(0);
  rig.run(26e-6);
  expect(rig.read(REG.MDIC) & READY).toBe(READY);
  return rig.read(REG.MDIC);
}

const readPhy = (rig: Rig, register: number, phy = 1) =>
  mdic(rig, (2 << 26) | (phy << 21) | (register << 16)) & 0xffff;
const writePhy = (rig: Rig, register: number, value: number) =>
  mdic(rig, (1 << 26) | (1 << 21) | (register << 16) | value);

describe('the PHY', () => {
  it('is an 88E1011 with negotiation complete and link', () => {
    const rig = new Rig();
    expect([readPhy(rig, 2), readPhy(rig, 3) & 0xfff0]).toEqual([0x0141, 0x0c20]);
    expect(readPhy(rig, 0)).toBe(0x1140);
    expect(readPhy(rig, 1) & 0x24).toBe(0x24);
    expect(readPhy(rig, 10) & 0x0800).toBe(0x0800);
    expect(readPhy(rig, 17) & 0xac00).toBe(0xac00);
  });

  it('answers at address 1 only', () => {
    const rig = new Rig();
    expect(mdic(rig, (2 << 26) | (3 << 21) | (2 << 16)) >>> 0).toBe(
      (READY | ERROR | (2 << 26) | (3 << 21) | 0x2ffff) >>> 0,
    );
  });

  it('raises MDAC when asked', () => {
    const rig = new Rig();
    rig.read(REG.ICR);
    mdic(rig, (2 << 26) | (1 << 21) | 0x20000000);
    expect(rig.read(REG.ICR)).toBe(CAUSE.MDAC);
    mdic(rig, (2 << 26) | (1 << 21));
    expect(rig.read(REG.ICR)).toBe(0);
  });

  it('loses the link for the time of a reset, latched low until read', () => {
    const rig = new Rig();
    rig.write(REG.CTRL, CTRL.SLU);
    rig.read(REG.ICR);
    writePhy(rig, 0, 0x9140);
    expect(readPhy(rig, 0)).toBe(0x1140);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    expect(rig.read(REG.ICR)).toBe(CAUSE.LSC);
    expect(readPhy(rig, 1) & 0x24).toBe(0);
    rig.run(1.1e-3);
    expect(rig.read(REG.STATUS) & 2).toBe(2);
    expect(readPhy(rig, 1) & 0x24).toBe(0x20);
    expect(readPhy(rig, 1) & 0x24).toBe(0x24);
    rig.wire.setUp(false);
    rig.wire.setUp(true);
    rig.run(1.1e-3);
    expect(readPhy(rig, 1) & 4).toBe(0);
    expect(readPhy(rig, 1) & 4).toBe(4);
  });

  it('restarts negotiation, and powers down and up', () => {
    const rig = new Rig();
    rig.write(REG.CTRL, CTRL.SLU);
    writePhy(rig, 0, 0x1340);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    rig.run(1.1e-3);
    expect(rig.read(REG.STATUS) & 2).toBe(2);
    writePhy(rig, 0, 0x1940);
    rig.run(5e-3);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    writePhy(rig, 0, 0x1140);
    rig.run(1.1e-3);
    expect(rig.read(REG.STATUS) & 2).toBe(2);
  });

  it('keeps what software writes, in registers that it can write', () => {
    const rig = new Rig();
    writePhy(rig, 4, 0x0001);
    writePhy(rig, 2, 0x5555);
    expect([readPhy(rig, 4), readPhy(rig, 2)]).toEqual([1, 0x0141]);
    rig.write(REG.CTRL, CTRL.RST);
    expect(readPhy(rig, 4)).toBe(1);
  });

  it('loops frames back to the receiver', () => {
    const rig = new Rig();
    rig.start();
    writePhy(rig, 0, 0x5140);
    rig.transmitDescriptor(0, frameOf(100, MAC, PEER), 0x0b);
    rig.write(REG.TDT, 1);
    rig.run(50e-6);
    expect(rig.arrivals).toEqual([]);
    expect(rig.status(RX_RING, 0) & 1).toBe(1);
  });
});
