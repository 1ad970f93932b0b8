import { describe, expect, it } from 'vitest';
import { readElf, SHF_ALLOC, SHF_EXECINSTR } from '../../guest/elf.ts';
import { INHERIT, REGIONS, RegionMap } from '../../guest/regions.ts';
import { tinyElf } from './tiny-elf.ts';

const text = (name: string, address: number, flags = SHF_ALLOC | SHF_EXECINSTR) => ({
  name,
  flags,
  address,
  data: new Uint8Array(16),
});

const kernel = readElf(
  tinyElf({
    sections: [
      text('.text', 0xc0100000),
      text('.text.inherit', 0xc0100010),
      text('.text.xpc', 0xc0100020),
      text('.text.wrapper', 0xc0100030, SHF_ALLOC),
      text('toString', 0xc0100040),
    ],
  }),
  'kernel.elf',
);

describe('RegionMap', () => {
  it.each([
    [0x08000000, 'user'],
    [0xbfffffff, 'user'],
    [0xc0000000, 'kernel'],
    [0xc0100000, 'kernel'],
    [0xc010001f, undefined],
    [0xc0100020, 'xpc'],
    [0xc010002f, 'xpc'],
    // Not executable, so no code region.
    [0xc0100030, 'kernel'],
    [0xc0100040, 'kernel'],
    [0xf0001000, 'driver'],
    [0xf0001fff, 'driver'],
    [0xf0002000, 'kernel'],
    [0xffffffff, 'kernel'],
  ])('puts %i in its region', (address, name) => {
    const map = new RegionMap(kernel);
    map.setDrivers([{ start: 0xf0001000, end: 0xf0002000 }]);
    const expected = name === undefined ? INHERIT : (REGIONS as readonly string[]).indexOf(name);
    expect(map.regionOf(address)).toBe(expected);
    expect(map.regionOf(address | 0)).toBe(expected);
  });

  it('follows modules that come and go', () => {
    const map = new RegionMap(kernel);
    expect(REGIONS[map.regionOf(0xf0001000)]).toBe('kernel');
    map.setDrivers([{ start: 0xf0001000, end: 0xf0002000 }]);
    expect(REGIONS[map.regionOf(0xf0001000)]).toBe('driver');
    map.setDrivers([]);
    expect(REGIONS[map.regionOf(0xf0001000)]).toBe('kernel');
  });
});
