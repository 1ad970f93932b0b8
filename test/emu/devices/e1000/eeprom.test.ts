import { describe, expect, it } from 'vitest';
import { CTRL, REG } from '../../../../emu/devices/e1000/registers.ts';
import { MAC, Rig } from './rig.ts';

const SK = 1;
const CS = 2;
const DI = 4;
const DO = 8;
const REQ = 0x40;
const GNT = 0x80;

/** Software's side of the Microwire bus, through EECD. */
class Microwire {
  private readonly rig: Rig;
  constructor(rig: Rig) {
    this.rig = rig;
    this.rig.write(REG.EECD, REQ);
  }
  select(): void {
    this.rig.write(REG.EECD, REQ | CS);
  }
  deselect(): void {
    this.rig.write(REG.EECD, REQ);
  }
  /** One clock with `bit` on DI; returns DO while SK is high. */
  bit(bit: number): number {
    const pins = REQ | CS | (bit ? DI : 0);
    this.rig.write(REG.EECD, pins);
    this.rig.write(REG.EECD, pins | SK);
    const out = this.rig.read(REG.EECD) & DO ? 1 : 0;
    this.rig.write(REG.EECD, pins);
    return out;
  }
  out(value: number, bits: number): number {
    let last = 1;
    for (let i = bits - 1; i >= 0; i--) last = this.bit((value >> i) & 1);
    return last;
  }
  in(): number {
    let value = 0;
    for (let i = 0; i < 16; i++) value = (value << 1) | this.bit(0);
    return value;
  }
  read(address: number): number {
    this.select();
    this.out((6 << 6) | address, 9);
    const value = this.in();
    this.deselect();
    return value;
  }
  command(value: number, bits: number): void {
    this.select();
    this.out(value, bits);
    this.deselect();
  }
  ready(): boolean {
    this.select();
    const ready = (this.rig.read(REG.EECD) & DO) !== 0;
    this.deselect();
    return ready;
  }
}

function eerd(rig: Rig, address: number): number {
  rig.write(REG.EERD, (address << 8) | 1);
  for (let i = 0; i < 100 && !(rig.read(REG.EERD) & 0x10); i++) rig.run(1e-6);
  expect(rig.read(REG.EERD) & 0x10).toBe(0x10);
  return rig.read(REG.EERD) >>> 16;
}

describe('the EEPROM', () => {
  it('has the station address, the device identity and a sum of BABAh, by both ways', () => {
    const rig = new Rig();
    const wire = new Microwire(rig);
    const serial = Array.from({ length: 64 }, (_, i) => wire.read(i));
    const parallel = Array.from({ length: 64 }, (_, i) => eerd(rig, i));
    expect(serial).toEqual(parallel);
    expect(serial.slice(0, 3)).toEqual([
      MAC[0] | (MAC[1] << 8),
      MAC[2] | (MAC[3] << 8),
      MAC[4] | (MAC[5] << 8),
    ]);
    expect([serial[0x0d], serial[0x0e]]).toEqual([0x100e, 0x8086]);
    expect(serial.reduce((a, b) => a + b) & 0xffff).toBe(0xbaba);
  });

  it('EERD takes its time', () => {
    const rig = new Rig();
    rig.write(REG.EERD, 1);
    expect(rig.read(REG.EERD) & 0x10).toBe(0);
    rig.run(30e-6);
    expect(rig.read(REG.EERD) & 0x10).toBe(0x10);
  });

  it('grants the pins on request and ignores them without', () => {
    const rig = new Rig();
    expect(rig.read(REG.EECD) & (GNT | 0x100 | 0x200)).toBe(0x100);
    rig.write(REG.EECD, REQ);
    expect(rig.read(REG.EECD) & GNT).toBe(GNT);
  });

  it('puts out a dummy 0 after the address and reads on into the next word', () => {
    const rig = new Rig();
    const wire = new Microwire(rig);
    wire.select();
    expect(wire.out((6 << 6) | 0x0d, 9)).toBe(0);
    expect([wire.in(), wire.in()]).toEqual([0x100e, 0x8086]);
    wire.deselect();
  });

  it('skips zeros before the start bit', () => {
    const rig = new Rig();
    const wire = new Microwire(rig);
    wire.select();
    wire.out((6 << 6) | 0x0e, 15);
    expect(wire.in()).toBe(0x8086);
    wire.deselect();
  });

  it('writes and erases after EWEN only, with a busy time', () => {
    const rig = new Rig();
    const wire = new Microwire(rig);
    const before = wire.read(0x20);
    wire.command((5 << 22) | (0x20 << 16) | 0x1234, 25);
    expect(wire.ready()).toBe(true);
    expect(wire.read(0x20)).toBe(before);
    wire.command((4 << 6) | 0x30, 9);
    wire.command((5 << 22) | (0x20 << 16) | 0x1234, 25);
    expect(wire.ready()).toBe(false);
    rig.run(10e-3);
    expect(wire.ready()).toBe(true);
    expect(wire.read(0x20)).toBe(0x1234);
    wire.command((7 << 6) | 0x20, 9);
    rig.run(10e-3);
    expect(wire.read(0x20)).toBe(0xffff);
    wire.command(4 << 6, 9);
    wire.command((5 << 22) | (0x20 << 16) | 0x1234, 25);
    rig.run(10e-3);
    expect(wire.read(0x20)).toBe(0xffff);
  });

  it('gives the station address to RAL0 after a reset, also a rewritten one', () => {
    const rig = new Rig();
    expect([rig.read(REG.RAL), rig.read(REG.RAL + 4)]).toEqual([0x12005452, 0x80005634]);
    const wire = new Microwire(rig);
    wire.command((4 << 6) | 0x30, 9);
    wire.command((5 << 22) | 0xaaaa, 25);
    rig.run(10e-3);
    expect(rig.read(REG.RAL)).toBe(0x12005452);
    rig.write(REG.CTRL, CTRL.RST);
    expect(rig.read(REG.RAL)).toBe(0x1200aaaa);
  });
});
