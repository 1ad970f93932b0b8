import { describe, expect, it } from 'vitest';
import type { AccessSize, MmioHandler, PortHandler } from '../../../emu/bus.ts';
import { HOST_BRIDGE_440FX, Pci } from '../../../emu/devices/pci.ts';
import type { PciFunctionSpec } from '../../../emu/devices/pci-function.ts';
import { OverlapError, PortSpace } from '../../../emu/devices/port-space.ts';

const MEMORY: MmioHandler = { readMmio: offset => offset, writeMmio: () => {} };
const PORTS: PortHandler = { readPort: port => port, writePort: () => {} };

/** A network card as the 82540EM is: 128 KiB of memory and 64 ports. */
const CARD: PciFunctionSpec = {
  name: 'card',
  device: 3,
  function: 0,
  vendorId: 0x8086,
  deviceId: 0x100e,
  classCode: 0x020000,
  revision: 2,
  subsystemVendorId: 0x8086,
  subsystemId: 0x001e,
  interruptPin: 1,
  interruptLine: 11,
  command: 0x0007,
  bars: [
    { kind: 'memory', base: 0xf000_0000, size: 0x2_0000, handler: MEMORY },
    undefined,
    { kind: 'io', base: 0xc000, size: 0x40, handler: PORTS },
  ],
};

function bus(...specs: PciFunctionSpec[]) {
  const space = new PortSpace();
  let resets = 0;
  const pci = new Pci(space, () => resets++);
  for (const range of pci.ports()) space.mapPorts(range);
  const functions = [HOST_BRIDGE_440FX, ...specs].map(spec => pci.add(spec));
  const select = (device: number, register: number, fn = 0, busNumber = 0): void =>
    space.writePort(
      0xcf8,
      4,
      0x8000_0000 + (busNumber << 16) + (device << 11) + (fn << 8) + (register & 0xfc),
    );
  const read = (device: number, register: number, size: AccessSize = 4, fn = 0): number => {
    select(device, register, fn);
    return space.readPort(0xcfc + (register & 3), size);
  };
  const write = (device: number, register: number, size: AccessSize, value: number): void => {
    select(device, register);
    space.writePort(0xcfc + (register & 3), size, value);
  };
  return { space, pci, functions, select, read, write, resets: () => resets };
}

describe('configuration mechanism 1', () => {
  it('keeps the bits of CONFIG_ADDRESS that exist', () => {
    const { space } = bus();
    space.writePort(0xcf8, 4, 0xffff_ffff);
    expect(space.readPort(0xcf8, 4)).toBe(0x80ff_fffc);
  });

  it('reads by dword, word and byte', () => {
    const { read } = bus(CARD);
    expect(read(3, 0x00)).toBe(0x100e_8086);
    expect([read(3, 0x00, 2), read(3, 0x02, 2)]).toEqual([0x8086, 0x100e]);
    expect([0, 1, 2, 3].map(i => read(3, 0x08 + i, 1))).toEqual([0x02, 0x00, 0x00, 0x02]);
    expect([read(3, 0x2c), read(3, 0x3c)]).toEqual([0x001e_8086, 0x0000_010b]);
  });

  it('finds the 440FX at 0:0.0', () => {
    const { read } = bus();
    expect([read(0, 0), read(0, 8) >>> 8]).toEqual([0x1237_8086, 0x060000]);
  });

  it('reads ones where there is nothing, and writes vanish', () => {
    const { read, write, select, space } = bus(CARD);
    expect([read(4, 0), read(3, 0, 4, 1), read(4, 0x0e, 1)]).toEqual([0xffff_ffff, 0xffff_ffff, 0xff]);
    select(3, 0, 0, 1); // bus 1
    expect(space.readPort(0xcfc, 4)).toBe(0xffff_ffff);
    space.writePort(0xcf8, 4, 3 << 11); // not enabled
    expect(space.readPort(0xcfc, 2)).toBe(0xffff);
    expect(() => write(4, 4, 4, 0xffff_ffff)).not.toThrow();
  });

  it('only takes a dword as CONFIG_ADDRESS', () => {
    const { space, select } = bus(CARD);
    select(3, 0);
    space.writePort(0xcf8, 2, 0);
    space.writePort(0xcfa, 1, 0);
    expect(space.readPort(0xcfc, 4)).toBe(0x100e_8086);
  });

  it('says that a device has several functions in the header of each', () => {
    const { read } = bus(CARD, { ...CARD, function: 2, bars: [] });
    expect([read(3, 0x0e, 1), read(3, 0x0e, 1, 2), read(0, 0x0e, 1)]).toEqual([0x80, 0x80, 0]);
  });

  it('resets the machine through 0xCF9 on the rise of bit 2', () => {
    const { space, resets } = bus();
    space.writePort(0xcf9, 1, 0x02);
    expect(resets()).toBe(0);
    space.writePort(0xcf9, 1, 0x06);
    space.writePort(0xcf9, 1, 0x06);
    expect(resets()).toBe(1);
  });
});

describe('command and status', () => {
  it('only the bits that the function has can be written', () => {
    const { read, write } = bus(CARD, { ...CARD, name: 'bare', device: 4, command: 0, bars: [] });
    write(3, 0x04, 2, 0xffff);
    write(4, 0x04, 2, 0xffff);
    expect([read(3, 0x04, 2), read(4, 0x04, 2)]).toEqual([0x0147, 0x0144]);
  });

  it('identity cannot be written, the interrupt line can', () => {
    const { read, write } = bus(CARD);
    for (const register of [0x00, 0x08, 0x2c, 0x3c]) write(3, register, 4, 0xffff_ffff);
    expect([read(3, 0x00), read(3, 0x08), read(3, 0x3c)]).toEqual([0x100e_8086, 0x0200_0002, 0x0000_01ff]);
  });

  it('a one clears an error bit of the status, a zero leaves it', () => {
    const { read, write, functions } = bus(CARD);
    functions[1].raiseStatus(0x3000);
    write(3, 0x06, 2, 0x1000);
    expect(read(3, 0x06, 2)).toBe(0x2000);
  });

  it('bus mastering follows its bit', () => {
    const { write, functions } = bus(CARD);
    expect(functions[1].busMaster()).toBe(true);
    write(3, 0x04, 2, 0x0003);
    expect(functions[1].busMaster()).toBe(false);
  });
});

describe('base address registers', () => {
  it('come assigned and mapped, as a BIOS leaves them', () => {
    const { read, space } = bus(CARD);
    expect([read(3, 0x10), read(3, 0x14), read(3, 0x18)]).toEqual([0xf000_0000, 0, 0xc001]);
    expect(space.readMmio(0xf001_2344, 4)).toBe(0x12344);
    expect(space.readPort(0xc010, 1)).toBe(0x10); // relative to the BAR
  });

  it('tell their size to whoever writes ones', () => {
    const { read, write } = bus(CARD);
    for (const register of [0x10, 0x14, 0x18]) write(3, register, 4, 0xffff_ffff);
    expect([read(3, 0x10), read(3, 0x14), read(3, 0x18)]).toEqual([0xfffe_0000, 0, 0xffff_ffc1]);
  });

  it('move: the old place is empty, the new one answers', () => {
    const { write, space, pci, functions } = bus(CARD);
    write(3, 0x10, 4, 0xe123_4567);
    expect(pci.mappedAt(functions[1], 0)).toBe(0xe122_0000);
    expect(space.findMmio(0xf000_0000)).toBeUndefined();
    expect(space.readMmio(0xe122_0010, 4)).toBe(0x10);
    write(3, 0x18, 2, 0xd000);
    expect([space.findPort(0xc000), space.findPort(0xd03f)?.name]).toEqual([undefined, 'card BAR 2']);
  });

  it('answer only while their space is enabled', () => {
    const { write, space } = bus(CARD);
    write(3, 0x04, 2, 0x0001);
    expect([space.findMmio(0xf000_0000), space.findPort(0xc000)?.name]).toEqual([undefined, 'card BAR 2']);
    write(3, 0x04, 2, 0x0002);
    expect([space.findMmio(0xf000_0000)?.name, space.findPort(0xc000)]).toEqual(['card BAR 0', undefined]);
  });

  it('answer nowhere at 0 or past the end of the ports', () => {
    const { write, space, pci, functions } = bus(CARD);
    write(3, 0x10, 4, 0);
    write(3, 0x18, 4, 0x1_0000);
    expect([pci.mappedAt(functions[1], 0), pci.mappedAt(functions[1], 2)]).toEqual([undefined, undefined]);
    expect(space.findMmio(0)).toBeUndefined();
  });

  it('moved onto another device hide until the overlap is gone, and never harm the host', () => {
    const other: PciFunctionSpec = {
      ...CARD,
      name: 'other',
      device: 4,
      bars: [{ kind: 'memory', base: 0xf100_0000, size: 0x2_0000, handler: MEMORY }],
    };
    const { write, space, pci, functions } = bus(CARD, other);
    write(4, 0x10, 4, 0xf000_0000);
    expect(space.findMmio(0xf000_0000)?.name).toBe('card BAR 0');
    expect(pci.mappedAt(functions[2], 0)).toBeUndefined();
    write(3, 0x18, 2, 0x0cf8); // onto CONFIG_ADDRESS itself
    expect(space.findPort(0xcf8)?.name).toBe('pci-config');
    write(3, 0x10, 4, 0xe000_0000);
    expect(space.findMmio(0xf000_0000)?.name).toBe('other BAR 0');
  });

  it('that overlap at composition are a mistake', () => {
    const { pci } = bus(CARD);
    expect(() => pci.add({ ...CARD, device: 5 })).toThrow(OverlapError);
    expect(() => pci.add(CARD)).toThrow(RangeError);
    const odd = { kind: 'memory', base: 0x1000, size: 0x3000, handler: MEMORY } as const;
    expect(() => pci.add({ ...CARD, device: 6, bars: [odd] })).toThrow(RangeError);
  });
});

it('a saved state brings back registers and mappings', () => {
  const one = bus(CARD);
  one.write(3, 0x10, 4, 0xe000_0000);
  one.write(3, 0x3c, 1, 5);
  one.select(3, 0x3c);
  const other = bus(CARD);
  other.pci.load(structuredClone(one.pci.save()));
  expect(other.space.readPort(0xcfc, 1)).toBe(5);
  expect(other.space.ranges().mmio.map(r => r.base)).toEqual([0xe000_0000]);
});
