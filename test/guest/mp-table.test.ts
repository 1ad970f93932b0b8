import { describe, expect, it } from 'vitest';
import { Machine } from '../../emu/machine.ts';
import { p4 } from '../../emu/profile/p4-1700.ts';
import { boardOf, MP_TABLE_ADDRESS, mpTable } from '../../guest/mp-table.ts';

const machine = new Machine({ profile: p4, memoryBytes: 1 << 20, cards: 2 });
const bytes = mpTable(boardOf(machine));
const view = new DataView(bytes.buffer);
const text = (at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length));
const sum = (from: number, length: number) =>
  bytes.subarray(from, from + length).reduce((s, b) => (s + b) & 0xff, 0);
const TABLE = 16;

/** Entries with their type, by the lengths that the specification gives. */
function entries(): number[][] {
  const found: number[][] = [];
  let at = TABLE + 44;
  for (let n = view.getUint16(TABLE + 34, true); n > 0; n--) {
    const length = bytes[at] === 0 ? 20 : 8;
    found.push([...bytes.subarray(at, at + length)]);
    at += length;
  }
  expect(at).toBe(bytes.length);
  return found;
}

const ofType = (type: number) => entries().filter(e => e[0] === type);

describe('the floating pointer', () => {
  it('is where the specification looks, adds up to 0 and points at the table', () => {
    expect(MP_TABLE_ADDRESS % 16).toBe(0);
    expect(MP_TABLE_ADDRESS).toBeGreaterThanOrEqual(0xf_0000);
    expect(MP_TABLE_ADDRESS + bytes.length).toBeLessThanOrEqual(0x10_0000);
    expect([text(0, 4), view.getUint32(4, true), bytes[8], bytes[9]]).toEqual([
      '_MP_',
      MP_TABLE_ADDRESS + TABLE,
      1,
      4,
    ]);
    expect(sum(0, 16)).toBe(0);
    expect([...bytes.subarray(11, 16)]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('the configuration table', () => {
  it('has its length and adds up to 0', () => {
    const length = view.getUint16(TABLE + 4, true);
    expect([text(TABLE, 4), length, bytes[TABLE + 6]]).toEqual(['PCMP', bytes.length - TABLE, 4]);
    expect(sum(TABLE, length)).toBe(0);
    expect(view.getUint32(TABLE + 36, true)).toBe(0xfee0_0000);
  });

  it('names one boot processor as CPUID does', () => {
    const [processor, ...more] = ofType(0);
    expect(more).toEqual([]);
    expect(processor.slice(0, 8)).toEqual([0, 0, 0x14, 3, 0x13, 0x0f, 0, 0]);
    expect(processor[9] & 2).toBe(2); // the APIC, bit 9
  });

  it('names the buses and the I/O APIC, whose ID is not the processor’s', () => {
    expect(ofType(1).map(e => [e[1], String.fromCharCode(...e.slice(2))])).toEqual([
      [0, 'PCI   '],
      [1, 'ISA   '],
    ]);
    expect(ofType(2)).toEqual([[2, 1, 0x11, 1, 0, 0, 0xc0, 0xfe]]);
  });

  it('wires each interrupt once, as the machine does', () => {
    const wired = ofType(3).filter(e => e[1] === 0);
    expect(wired.filter(e => e[4] === 1).map(e => [e[5], e[7]])).toEqual(
      [0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15].map(irq => [irq, irq === 0 ? 2 : irq]),
    );
    // Device and INTA#, pin; active high, level.
    expect(wired.filter(e => e[4] === 0).map(e => [e[5], e[7], e[2]])).toEqual([
      [3 << 2, 11, 0xd],
      [4 << 2, 10, 0xd],
    ]);
    expect(ofType(3).filter(e => e[1] === 3)).toEqual([[3, 3, 0, 0, 1, 0, 1, 0]]);
    expect(ofType(4).map(e => [e[1], e[6], e[7]])).toEqual([
      [3, 0xff, 0],
      [1, 0xff, 1],
    ]);
  });

  it('agrees with what the machine leaves in the APICs', () => {
    const { ioApic, localApic } = machine.interrupts;
    expect(ioApic.readMmio(0x10, 4)).toBe(1 << 24);
    ioApic.writeMmio(0, 4, 1);
    expect(ioApic.readMmio(0x10, 4) & 0xff).toBe(0x11);
    expect([localApic.readMmio(0x20, 4), localApic.readMmio(0x30, 4) & 0xff]).toEqual([0, 0x14]);
    expect([localApic.readMmio(0x350, 4), localApic.readMmio(0x360, 4)]).toEqual([0x700, 0x400]);
  });
});
