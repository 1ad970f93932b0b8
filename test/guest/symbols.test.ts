import { describe, expect, it } from 'vitest';
import { readElf, SHF_ALLOC, SHF_EXECINSTR } from '../../guest/elf.ts';
import { SymbolTable } from '../../guest/symbols.ts';
import { tinyElf } from './tiny-elf.ts';

const CODE = SHF_ALLOC | SHF_EXECINSTR;
const LOCAL_FUNC = 0x02;
const GLOBAL_LABEL = 0x10;

const kernel = readElf(
  tinyElf({
    sections: [
      { name: '.text', flags: CODE, address: 0xc0100000, data: new Uint8Array(0x100) },
      { name: '.data', flags: SHF_ALLOC, address: 0xc0200000, data: new Uint8Array(0x40) },
      { name: '.comment', data: [1] },
    ],
    symbols: [
      { name: '__text_start', value: 0xc0100000, info: GLOBAL_LABEL, section: 1 },
      { name: 'start', value: 0xc0100000, info: GLOBAL_LABEL, section: 1 },
      { name: 'main', value: 0xc0100010, size: 0x20, section: 1 },
      { name: 'inside', value: 0xc0100018, info: GLOBAL_LABEL, section: 1 },
      { name: 'helper', value: 0xc0100040, size: 0x10, info: LOCAL_FUNC, section: 1 },
      { name: 'helper', value: 0xc0100050, size: 0x10, section: 1 },
      { name: 'last', value: 0xc01000f0, info: GLOBAL_LABEL, section: 1 },
      { name: 'jiffies', value: 0xc0200000, size: 4, info: 0x11, section: 2 },
      { name: 'note', value: 0, size: 1, section: 3 },
      { name: 'absolute', value: 0xc0100010, info: GLOBAL_LABEL, section: 0xfff1 },
    ],
  }),
  'kernel.elf',
);

const driver = readElf(
  tinyElf({
    type: 1,
    sections: [
      { name: '.text', flags: CODE, data: new Uint8Array(0x40) },
      { name: '.data', flags: SHF_ALLOC, data: new Uint8Array(8) },
    ],
    symbols: [
      { name: 'probe', value: 0x10, size: 0x10, section: 1 },
      { name: 'helper', value: 0x20, size: 0x10, info: LOCAL_FUNC, section: 1 },
      { name: 'state', value: 4, size: 4, info: 0x11, section: 2 },
      { name: 'kmalloc', value: 0, info: GLOBAL_LABEL, section: 0 },
    ],
  }),
  'e1000.ko',
);

function table(): SymbolTable {
  const symbols = new SymbolTable();
  symbols.add('kernel.elf', kernel);
  symbols.add('e1000.ko', driver, s => (s.name === '.text' ? 0xf0001000 : undefined));
  return symbols;
}

describe('SymbolTable', () => {
  it.each([
    [0xc0100000, 'start'],
    [0xc0100010, 'main'],
    [0xc0100017, 'main+0x7'],
    [0xc010002f, 'inside+0x17'],
    [0xc010004f, 'helper+0xf'],
    [0xc01000ff, 'last+0xf'],
    [0xc0100100, 'c0100100'],
    [0xc0200003, 'jiffies+0x3'],
    [0, '00000000'],
    [0xf0001010, 'probe [e1000.ko]'],
    [0xf000102f, 'helper+0xf [e1000.ko]'],
    [0xf0001000, 'f0001000'],
    [0xffffffff, 'ffffffff'],
    [-0x0ffff000 + 0x10, 'probe [e1000.ko]'],
  ])('describes %i as %s', (address, name) => {
    expect(table().describe(address)).toBe(name);
  });

  it('finds addresses by name, global before local, and by image', () => {
    const symbols = table();
    expect(symbols.address('main')).toBe(0xc0100010);
    expect(symbols.find('helper').map(s => s.start)).toEqual([0xc0100050, 0xc0100040, 0xf0001020]);
    expect(symbols.address('e1000:helper')).toBe(0xf0001020);
    expect(symbols.address('e1000.ko:helper')).toBe(0xf0001020);
    expect(symbols.address('nothing')).toBeUndefined();
    expect(symbols.address('e1000:main')).toBeUndefined();
    // Not loaded, absolute and undefined symbols have no address.
    for (const name of ['state', 'note', 'absolute', 'kmalloc'])
      expect(symbols.address(name)).toBeUndefined();
  });

  it('lists functions as ranges', () => {
    expect(table().functions('e1000.ko')).toMatchObject([
      { name: 'probe', start: 0xf0001010, end: 0xf0001020 },
      { name: 'helper', start: 0xf0001020, end: 0xf0001030 },
    ]);
    expect(
      table()
        .functions()
        .map(s => s.name),
    ).not.toContain('jiffies');
  });

  it('lets a label without a size reach to the next symbol', () => {
    expect(table().lookup(0xc010000f)?.symbol.end).toBe(0xc0100010);
    expect(table().lookup(0xc0100018)).toMatchObject({ symbol: { name: 'inside' }, offset: 0 });
  });

  it('forgets an image that is removed, and takes it again elsewhere', () => {
    const symbols = table();
    symbols.remove('e1000.ko');
    expect(symbols.describe(0xf0001010)).toBe('f0001010');
    expect(symbols.find('helper')).toHaveLength(2);
    symbols.add('e1000.ko', driver, () => 0xf0100000);
    expect(symbols.describe(0xf0100010)).toBe('probe [e1000.ko]');
  });
});
