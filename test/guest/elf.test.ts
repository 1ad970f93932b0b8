import { describe, expect, it } from 'vitest';
import {
  ET_EXEC,
  loadableSha256,
  loadSegments,
  readElf,
  relocationsOf,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_UNDEF,
  undefinedSymbols,
} from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import { seeded, tinyElf } from './tiny-elf.ts';

const CODE = SHF_ALLOC | SHF_EXECINSTR;

const object = tinyElf({
  type: 1,
  sections: [
    { name: '.text', flags: CODE, data: new Array(32).fill(0x90) },
    { name: '.rel.text', type: 9, data: [4, 0, 0, 0, 2, 2, 0, 0], link: 3, info: 1 },
  ],
  symbols: [
    { name: 'probe', value: 0, size: 16, section: 1 },
    { name: 'printk', value: 0, info: 0x10, section: SHN_UNDEF },
  ],
});

const executable = tinyElf({
  entry: 0x100004,
  segments: [
    { virtual: 0x100000, data: [1, 2, 3, 4, 5, 6, 7, 8], memory: 64 },
    { virtual: 0xc0200000, physical: 0x200000, data: [9] },
  ],
  sections: [{ name: '.text', flags: CODE, address: 0x100000, data: [0xf4] }],
  symbols: [{ name: '_start', value: 0x100004, section: 1 }],
});

const read = (bytes: Uint8Array) => readElf(bytes, 'x');

/** Everything that reads an ELF file, so that hostile bytes meet every reader. */
function readAll(bytes: Uint8Array): void {
  const elf = read(bytes);
  loadSegments(elf, 'x');
  undefinedSymbols(elf);
  loadableSha256(elf, 'x');
  for (const section of elf.sections) relocationsOf(elf, section, 'x');
}

/** True when `bytes` read well; any failure must be a GuestError of one line. */
function survives(bytes: Uint8Array): boolean {
  try {
    readAll(bytes);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(GuestError);
    expect((error as Error).message).toMatch(/^x: .+$/);
    return false;
  }
}

/** `bytes` with a 16- or 32-bit value written at an offset. */
function patched(bytes: Uint8Array, at: number, value: number, size: 2 | 4): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return copy;
}

describe('readElf', () => {
  it('reads an object: sections, symbols, relocations, what it lacks', () => {
    const elf = read(object);
    expect(elf.type).toBe(1);
    expect(elf.sections.map(s => s.name)).toEqual([
      '',
      '.text',
      '.rel.text',
      '.symtab',
      '.strtab',
      '.shstrtab',
    ]);
    expect(elf.sections[1].data).toHaveLength(32);
    expect(elf.symbols[1]).toEqual({ name: 'probe', value: 0, size: 16, type: 2, binding: 1, section: 1 });
    expect(relocationsOf(elf, elf.sections[1], 'x')).toEqual([{ offset: 4, type: 2, symbol: 2 }]);
    expect(undefinedSymbols(elf)).toEqual(['printk']);
  });

  it('reads an executable: entry and segments by physical address', () => {
    const elf = read(executable);
    expect([elf.type, elf.entry]).toEqual([ET_EXEC, 0x100004]);
    const [low, high] = loadSegments(elf, 'x');
    expect([low.physicalAddress, low.memorySize, ...low.data]).toEqual([
      0x100000, 64, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect([high.physicalAddress, high.virtualAddress]).toEqual([0x200000, 0xc0200000]);
  });

  it('gives the same identity to the same loadable bytes only', () => {
    const identity = (bytes: Uint8Array) => loadableSha256(read(bytes), 'x');
    const renamed = tinyElf({
      entry: 0x100004,
      segments: [
        { virtual: 0x100000, data: [1, 2, 3, 4, 5, 6, 7, 8], memory: 64 },
        { virtual: 0xc0200000, physical: 0x200000, data: [9] },
      ],
      symbols: [{ name: 'begin', value: 0, section: 0 }],
    });
    expect(identity(renamed)).toBe(identity(executable));
    expect(identity(patched(executable, 24, 0x100008, 4))).not.toBe(identity(executable));
  });

  it.each([
    ['an empty file', new Uint8Array(0), 'not an ELF file'],
    ['text', new TextEncoder().encode('hello, world'), 'not an ELF file'],
    ['half a header', executable.slice(0, 40), 'cut short'],
    ['a 64-bit file', patched(executable, 4, 0x0102, 2), 'not a 32-bit'],
    ['a big-endian file', patched(executable, 4, 0x0201, 2), 'not a little-endian'],
    ['another processor', patched(executable, 18, 62, 2), 'not for the i386'],
    ['a shared object', patched(executable, 16, 3, 2), 'neither an executable nor an object'],
    ['a section table outside', patched(executable, 32, 0xfffffff0, 4), 'outside the file'],
    ['a program table outside', patched(executable, 28, 0xfffffff0, 4), 'outside the file'],
    ['odd section headers', patched(executable, 46, 39, 2), 'not 40 bytes each'],
    ['no table of names', patched(executable, 50, 0xffff, 2), 'no table of section names'],
  ])('refuses %s in one line', (_what, bytes, problem) => {
    expect(() => readAll(bytes)).toThrow(GuestError);
    expect(() => readAll(bytes)).toThrow(problem);
  });

  it('refuses segments that overlap, wrap or hold more than their memory', () => {
    const segments = (...list: NonNullable<Parameters<typeof tinyElf>[0]['segments']>) =>
      tinyElf({ segments: list });
    const one = { virtual: 0x1000, data: [1, 2], memory: 0x20 };
    expect(() => readAll(segments(one, { virtual: 0x101f, data: [3] }))).toThrow('overlap');
    expect(() => readAll(segments(one, { virtual: 0x1020, data: [3] }))).not.toThrow();
    expect(() => readAll(segments({ virtual: 0xfffffff0, data: [1], memory: 0x11 }))).toThrow('past 4 GiB');
    expect(() => readAll(segments({ virtual: 0, data: [1, 2], memory: 1 }))).toThrow('larger in the file');
  });

  it('refuses relocations and symbols with bad indices', () => {
    const badRelocation = tinyElf({
      type: 1,
      sections: [
        { name: '.text', flags: CODE, data: [0] },
        { name: '.rel', type: 9, data: [0, 0, 0, 0, 2, 9, 0, 0], info: 1 },
      ],
    });
    expect(() => readAll(badRelocation)).toThrow('names no symbol');
    const badSymbol = tinyElf({ symbols: [{ name: 'a', value: 0, section: 77 }] });
    expect(() => readAll(badSymbol)).toThrow('symbol 1 is in no section');
  });

  it('cuts a name that never ends, rather than searching it once a symbol', () => {
    const name = 'n'.repeat(5000);
    expect(read(tinyElf({ symbols: [{ name, value: 0, section: 0 }] })).symbols[1].name).toHaveLength(1024);
  });
});

describe('hostile files', () => {
  it.each([
    ['object', object],
    ['executable', executable],
  ])('survives the %s cut anywhere', (_name, bytes) => {
    for (let length = 0; length < bytes.length; length++) survives(bytes.slice(0, length));
    expect(survives(bytes)).toBe(true);
  });

  it.each([
    ['object', object],
    ['executable', executable],
  ])('survives 20000 random changes of the %s', (_name, bytes) => {
    const random = seeded(1);
    let good = 0;
    for (let round = 0; round < 20_000; round++) {
      const copy = bytes.slice();
      const changes = 1 + (random() % 4);
      for (let i = 0; i < changes; i++) copy[random() % copy.length] = random();
      if (survives(copy)) good++;
    }
    // Both outcomes must occur, or the noise tests nothing.
    expect(good).toBeGreaterThan(1000);
    expect(good).toBeLessThan(19_000);
  });

  it('survives extreme values in every word', () => {
    for (const bytes of [object, executable]) {
      for (let at = 0; at + 4 <= bytes.length; at += 2) {
        for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff])
          survives(patched(bytes, at, value, 4));
      }
    }
  });
});
