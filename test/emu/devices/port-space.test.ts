import { describe, expect, it } from 'vitest';
import type { AccessSize, MmioHandler, PortHandler } from '../../../emu/bus.ts';
import { OverlapError, PortSpace } from '../../../emu/devices/port-space.ts';

/** Answers each byte with its own address and logs every access. */
class Echo implements PortHandler, MmioHandler {
  readonly log: string[] = [];
  readPort(port: number, size: AccessSize): number {
    this.log.push(`r${size} ${port.toString(16)}`);
    let value = 0;
    for (let i = 0; i < size; i++) value += ((port + i) & 0xff) * 2 ** (8 * i);
    return value;
  }
  writePort(port: number, size: AccessSize, value: number): void {
    this.log.push(`w${size} ${port.toString(16)}=${value.toString(16)}`);
  }
  readMmio(offset: number, size: AccessSize): number {
    return this.readPort(offset, size);
  }
  writeMmio(offset: number, size: AccessSize, value: number): void {
    this.writePort(offset, size, value);
  }
}

const ports = (first: number, count: number, handler: PortHandler, name = 'echo') =>
  ({ first, count, bus: 'isa', name, handler }) as const;
const mmio = (base: number, length: number, handler: MmioHandler, name = 'echo') =>
  ({ base, length, bus: 'pci', name, handler }) as const;

describe('ports', () => {
  it('reach their handler in one access of their size', () => {
    const echo = new Echo();
    const space = new PortSpace();
    space.mapPorts(ports(0x100, 8, echo));
    expect(space.readPort(0x102, 4)).toBe(0x05040302);
    space.writePort(0x106, 2, 0x1234beef);
    expect(echo.log).toEqual(['r4 102', 'w2 106=beef']);
  });

  it('split an access that spans two handlers into bytes, low port first', () => {
    const low = new Echo();
    const high = new Echo();
    const space = new PortSpace();
    space.mapPorts(ports(0x100, 2, low, 'low'));
    space.mapPorts(ports(0x102, 2, high, 'high'));
    expect(space.readPort(0x101, 2)).toBe(0x0201);
    space.writePort(0x101, 4, 0x44332211);
    expect(low.log).toEqual(['r1 101', 'w1 101=11']);
    expect(high.log).toEqual(['r1 102', 'w1 102=22', 'w1 103=33']);
  });

  it('read all ones where nobody answers, also past the last port', () => {
    const space = new PortSpace();
    space.mapPorts(ports(0xffff, 1, new Echo()));
    expect([space.readPort(0x300, 1), space.readPort(0x300, 2), space.readPort(0x300, 4)]).toEqual([
      0xff, 0xffff, 0xffff_ffff,
    ]);
    expect(space.readPort(0xffff, 4)).toBe(0xffff_ffff);
    expect(() => space.writePort(0xffff, 4, 0)).not.toThrow();
  });

  it('report an unmapped port once', () => {
    const seen: string[] = [];
    const space = new PortSpace({
      onUnmapped: (kind, address) => seen.push(`${kind} ${address.toString(16)}`),
    });
    for (let i = 0; i < 3; i++) space.readPort(0x300, 2);
    space.writePort(0x301, 1, 0);
    expect(seen).toEqual(['port 300', 'port 301']);
  });

  it('are refused when another device has one of them', () => {
    const space = new PortSpace();
    space.mapPorts(ports(0x100, 8, new Echo(), 'first'));
    expect(() => space.mapPorts(ports(0x107, 1, new Echo(), 'second'))).toThrow(OverlapError);
    expect(() => space.mapPorts(ports(0x107, 1, new Echo(), 'second'))).toThrow(/0x107.*first/);
    expect(() => space.mapPorts(ports(0xffff, 2, new Echo()))).toThrow(RangeError);
  });

  it('are free again after unmapping', () => {
    const space = new PortSpace();
    const range = ports(0x100, 8, new Echo());
    space.mapPorts(range);
    space.unmapPorts(range);
    expect(space.findPort(0x100)).toBeUndefined();
    space.mapPorts(ports(0x100, 1, new Echo(), 'next'));
    expect(space.findPort(0x100)?.name).toBe('next');
    expect(() => space.unmapPorts(range)).toThrow(RangeError);
  });
});

describe('memory-mapped registers', () => {
  it('are found by address, at both ends and not beyond', () => {
    const space = new PortSpace();
    space.mapMmio(mmio(0xfee0_0000, 0x1000, new Echo(), 'b'));
    space.mapMmio(mmio(0xe000_0000, 0x2000, new Echo(), 'a'));
    space.mapMmio(mmio(0xffff_0000, 0x1_0000, new Echo(), 'c'));
    const name = (pa: number): string | undefined => space.findMmio(pa)?.name;
    expect([name(0xe000_0000), name(0xe000_1fff), name(0xe000_2000)]).toEqual(['a', 'a', undefined]);
    expect([name(0xdfff_ffff), name(0xfee0_0fff), name(0xffff_ffff)]).toEqual([undefined, 'b', 'c']);
  });

  it('see offsets from their base, and unmapped bytes read ones', () => {
    const echo = new Echo();
    const space = new PortSpace();
    space.mapMmio(mmio(0xe000_0000, 4, echo));
    expect(space.readMmio(0xe000_0000, 4)).toBe(0x03020100);
    expect(space.readMmio(0xe000_0002, 4)).toBe(0xffff0302);
    space.writeMmio(0xe000_0003, 2, 0x2211);
    expect(echo.log.at(-1)).toBe('w1 3=11');
  });

  it('announce each change of the map, and an old answer is not kept', () => {
    let changes = 0;
    const space = new PortSpace({ onMmioChange: () => changes++ });
    const range = mmio(0xe000_0000, 0x1000, new Echo());
    space.mapMmio(range);
    expect(space.findMmio(0xe000_0010)).toBe(range);
    space.unmapMmio(range);
    expect(space.findMmio(0xe000_0010)).toBeUndefined();
    expect(changes).toBe(2);
  });

  it('are refused when they overlap or leave the 4 GiB', () => {
    const space = new PortSpace();
    space.mapMmio(mmio(0xe000_0000, 0x1000, new Echo()));
    expect(() => space.mapMmio(mmio(0xdfff_f000, 0x1001, new Echo()))).toThrow(OverlapError);
    expect(() => space.mapMmio(mmio(0xffff_f000, 0x1001, new Echo()))).toThrow(RangeError);
    space.mapMmio(mmio(0xdfff_f000, 0x1000, new Echo()));
  });

  it('report unmapped memory once a page', () => {
    const seen: number[] = [];
    const space = new PortSpace({ onUnmapped: (_, address) => seen.push(address) });
    space.readMmio(0xe000_0000, 4);
    space.writeMmio(0xe000_0ffc, 4, 0);
    space.readMmio(0xe000_1000, 1);
    expect(seen).toEqual([0xe000_0000, 0xe000_1000]);
  });
});
