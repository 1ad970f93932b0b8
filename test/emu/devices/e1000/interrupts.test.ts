import { describe, expect, it } from 'vitest';
import { CAUSE, CTRL, REG } from '../../../../emu/devices/e1000/registers.ts';
import { frameOf, Rig } from './rig.ts';

const US = 1e-6;

function started(): Rig {
  const rig = new Rig();
  rig.start();
  rig.edges.length = 0;
  return rig;
}

describe('interrupt causes and masks', () => {
  it('asserts the line while an unmasked cause is set, and ICR clears when read', () => {
    const rig = started();
    rig.write(REG.ICS, CAUSE.RXT0);
    expect(rig.level).toBe(false);
    rig.write(REG.IMS, CAUSE.RXT0);
    expect(rig.level).toBe(true);
    expect(rig.read(REG.ICR)).toBe(CAUSE.RXT0);
    expect(rig.level).toBe(false);
    expect(rig.read(REG.ICR)).toBe(0);
  });

  it('IMS sets, IMC clears, IMS reads the mask', () => {
    const rig = started();
    rig.write(REG.IMS, CAUSE.RXT0 | CAUSE.LSC);
    rig.write(REG.IMS, CAUSE.TXDW);
    rig.write(REG.IMC, CAUSE.LSC);
    expect(rig.read(REG.IMS)).toBe(CAUSE.RXT0 | CAUSE.TXDW);
    rig.write(REG.ICS, CAUSE.LSC);
    expect(rig.level).toBe(false);
    rig.write(REG.ICS, CAUSE.TXDW);
    expect(rig.level).toBe(true);
    rig.write(REG.IMC, 0xffffffff);
    expect(rig.level).toBe(false);
    expect(rig.read(REG.ICR)).toBe(CAUSE.LSC | CAUSE.TXDW);
  });

  it('writing ones to ICR clears just those', () => {
    const rig = started();
    rig.write(REG.IMS, CAUSE.TXDW | CAUSE.RXT0);
    rig.write(REG.ICS, CAUSE.TXDW | CAUSE.RXT0 | CAUSE.LSC);
    rig.write(REG.ICR, CAUSE.TXDW);
    expect(rig.level).toBe(true);
    rig.write(REG.ICR, CAUSE.RXT0);
    expect(rig.level).toBe(false);
    expect(rig.read(REG.ICR)).toBe(CAUSE.LSC);
  });

  it('knows only bits 16:0', () => {
    const rig = started();
    rig.write(REG.ICS, 0xfffe0000);
    rig.write(REG.IMS, 0xfffe0000);
    expect([rig.read(REG.ICR), rig.read(REG.IMS), rig.level]).toEqual([0, 0, false]);
  });
});

describe('interrupt throttling', () => {
  it('keeps ITR times 256 ns between assertions', () => {
    const rig = started();
    rig.write(REG.ITR, 500);
    rig.write(REG.IMS, CAUSE.RXT0);
    rig.run(1000 * US);
    for (let i = 0; i < 30; i++) {
      rig.inject(frameOf(60));
      rig.run(20 * US);
      if (rig.level) rig.read(REG.ICR);
      rig.write(REG.RDT, (i + 7) % 8);
    }
    const rises = rig.edges.filter(e => e.level).map(e => e.at);
    expect(rises.length).toBeGreaterThan(4);
    for (let i = 1; i < rises.length; i++) expect(rises[i] - rises[i - 1]).toBe(500 * 256 * 6.8);
  });

  it('lets the first interrupt after a quiet time through at once, and the next at the end of the interval', () => {
    const rig = started();
    rig.write(REG.ITR, 1000);
    rig.write(REG.IMS, CAUSE.TXDW);
    rig.write(REG.ICS, CAUSE.TXDW);
    expect(rig.level).toBe(true);
    const at = rig.now();
    rig.read(REG.ICR);
    rig.write(REG.ICS, CAUSE.TXDW);
    expect(rig.level).toBe(false);
    rig.runTo(at + 1000 * 256 * 6.8 - 1);
    expect(rig.level).toBe(false);
    rig.runTo(at + 1000 * 256 * 6.8);
    expect(rig.level).toBe(true);
  });

  it('does not fire for a cause that went away in the meantime', () => {
    const rig = started();
    rig.write(REG.ITR, 1000);
    rig.write(REG.IMS, CAUSE.TXDW);
    rig.write(REG.ICS, CAUSE.TXDW);
    rig.read(REG.ICR);
    rig.write(REG.ICS, CAUSE.TXDW);
    rig.read(REG.ICR);
    rig.run(1000 * US);
    expect(rig.edges.map(e => e.level)).toEqual([true, false]);
  });

  it('0 turns it off, also for what is waiting', () => {
    const rig = started();
    rig.write(REG.ITR, 1000);
    rig.write(REG.IMS, CAUSE.TXDW);
    rig.write(REG.ICS, CAUSE.TXDW);
    rig.read(REG.ICR);
    rig.write(REG.ICS, CAUSE.TXDW);
    rig.write(REG.ITR, 0);
    expect(rig.level).toBe(true);
  });
});

describe('the link', () => {
  it('needs CTRL.SLU, and each change is a cause', () => {
    const rig = new Rig();
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    rig.write(REG.CTRL, CTRL.SLU | CTRL.FD);
    expect(rig.read(REG.STATUS) & 3).toBe(3);
    expect((rig.read(REG.STATUS) >> 6) & 3).toBe(2);
    expect(rig.read(REG.ICR)).toBe(CAUSE.LSC);
    rig.wire.setUp(false);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    expect(rig.read(REG.ICR)).toBe(CAUSE.LSC);
    rig.wire.setUp(true);
    rig.run(999 * US);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    rig.run(1 * US);
    expect(rig.read(REG.STATUS) & 2).toBe(2);
    expect(rig.read(REG.ICR)).toBe(CAUSE.LSC);
  });

  it('negotiates again after CTRL.PHY_RST', () => {
    const rig = new Rig();
    rig.write(REG.CTRL, CTRL.SLU);
    rig.write(REG.CTRL, CTRL.SLU | CTRL.PHY_RST);
    expect(rig.read(REG.CTRL)).toBe(CTRL.SLU);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
    rig.run(1100 * US);
    expect(rig.read(REG.STATUS) & 2).toBe(2);
  });

  it('stays down without a cable', () => {
    const rig = new Rig({ wire: { up: false } });
    rig.write(REG.CTRL, CTRL.SLU);
    rig.run(10_000 * US);
    expect(rig.read(REG.STATUS) & 2).toBe(0);
  });
});
