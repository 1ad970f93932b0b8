import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import { readLines } from '../../guest/lines.ts';
import { cacheRoot } from '../../guest/project.ts';
import { openToolchain } from '../../guest/toolchain.ts';
import { seeded, tinyElf } from './tiny-elf.ts';

const SOURCE = `int probe(int v);
int twice(int v);

int twice(int v)
{
	return probe(v) + probe(v + 1);
}
`;

const word = (v: number) => [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, v >>> 24];
const text = (s: string) => [...Buffer.from(s), 0];

/** A version 4 unit: min length 1, line base -5, range 14, opcode base 13; one directory and one file. */
function unit(program: number[], version = 4): number[] {
  const tables = [...text('kernel/mm'), 0, ...text('page.c'), 1, 0, 0, 0];
  const fields = [1, ...(version >= 4 ? [1] : []), 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
  const header = [...fields, ...tables];
  const body = [version, 0, ...word(header.length), ...header, ...program];
  return [...word(body.length), ...body];
}

const SET_ADDRESS = (address: number) => [0, 5, 2, ...word(address)];
const END = [0, 1, 1];

function linesOf(data: number[]) {
  const elf = tinyElf({ sections: [{ name: '.debug_line', data }] });
  return readLines(readElf(elf, 'x'), 'x');
}

describe('the line number machine', () => {
  // Special opcode = (line step + 5) + 14 * address step + 13.
  const program = [
    ...SET_ADDRESS(0x1000),
    ...[3, 9], // advance_line 9: line 10
    1, // copy: 0x1000 is line 10
    3 + 5 + 14 * 2 + 13, // line 13 at 0x1002
    8, // const_add_pc: + (255 - 13) / 14 = 17
    ...[3, 0x7d], // advance_line -3: line 10
    1, // 0x1013
    ...[9, 0x00, 0x01], // fixed_advance_pc 0x100
    6, // not a statement any more
    1, // 0x1113, line 10
    ...[2, 0x80, 0x01], // advance_pc 128
    ...END, // 0x1193
  ];

  it.each([2, 3, 4])('runs every kind of opcode in version %i', version => {
    const lines = linesOf(unit(program, version));
    const at = (address: number) => lines.lookup(address)?.line;
    expect([at(0xfff), at(0x1000), at(0x1001), at(0x1002), at(0x1012)]).toEqual([undefined, 10, 10, 13, 13]);
    expect([at(0x1013), at(0x1113), at(0x1192), at(0x1193)]).toEqual([10, 10, 10, undefined]);
    expect(lines.lookup(0x1000)?.file).toBe('kernel/mm/page.c');
  });

  it('finds where the statements of a line begin', () => {
    const lines = linesOf(unit(program));
    expect(lines.addresses('kernel/mm/page.c', 10)).toEqual([0x1000, 0x1013]);
    expect(lines.addresses('page.c', 13)).toEqual([0x1002]);
    expect(lines.addresses('age.c', 13)).toEqual([]);
    expect(lines.addresses('page.c', 99)).toEqual([]);
  });

  it('puts sequences and units in order and drops what overlaps', () => {
    const at = (address: number, line: number) => [...SET_ADDRESS(address), 3, line - 1, 1, 2, 16, ...END];
    const lines = linesOf([
      ...unit([...at(0x2000, 20), ...at(0x1000, 10)]),
      ...unit([...at(0x1008, 30), ...at(0x3000, 40)]),
    ]);
    expect([0x1000, 0x100f, 0x1010, 0x2000, 0x3000].map(a => lines.lookup(a)?.line)).toEqual([
      10,
      10,
      undefined,
      20,
      40,
    ]);
  });

  it('skips opcodes that it does not know by their length', () => {
    const lines = linesOf(unit([0, 3, 0x80, 1, 2, ...SET_ADDRESS(0x1000), 12, 5, 5, 1, 1, 2, 1, ...END]));
    expect(lines.lookup(0x1000)?.line).toBe(1);
  });

  it.each<[string, number[], string]>([
    ['a length beyond the section', word(100), 'outside the file'],
    ['64-bit DWARF', word(0xffffffff), '64-bit DWARF'],
    ['version 9', unit(END, 9), 'version 9'],
    ['a program cut short', unit([0, 5, 2, 1]), 'outside the file'],
    ['a range of 0', unit(END).map((b, i) => (i === 14 ? 0 : b)), 'range or opcode base of 0'],
    ['an endless number', unit([2, ...new Array(20).fill(0x80)]), 'outside the file'],
  ])('refuses %s in one line', (_what, data, problem) => {
    expect(() => linesOf(data)).toThrow(GuestError);
    expect(() => linesOf(data)).toThrow(problem);
  });

  it('survives random changes', () => {
    const random = seeded(3);
    const bytes = [...unit(program), ...unit(program, 3)];
    let good = 0;
    for (let round = 0; round < 20_000; round++) {
      const copy = bytes.slice();
      copy[random() % copy.length] = random() & 255;
      try {
        linesOf(copy).lookup(0x1000);
        good++;
      } catch (error) {
        expect(error).toBeInstanceOf(GuestError);
      }
    }
    expect(good).toBeGreaterThan(1000);
    expect(good).toBeLessThan(19_000);
  });
});

describe("the pinned compiler's line tables", () => {
  let root: string;

  beforeAll(() => {
    mkdirSync(cacheRoot(), { recursive: true });
    root = mkdtempSync(join(cacheRoot(), 'test-lines-'));
    mkdirSync(join(root, 'kernel/mm'), { recursive: true });
    writeFileSync(join(root, 'kernel/mm/twice.c'), SOURCE);
  });

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  async function compile(...flags: string[]): Promise<ElfFile> {
    const object = join(root, 'twice.o');
    await openToolchain(root).compile('kernel/mm/twice.c', object, flags);
    return readElf(readFileSync(object), 'twice.o');
  }

  it.each([['-gdwarf-2'], ['-gdwarf-3'], ['-gdwarf-4'], ['-gdwarf-5']])(
    'are read with %s, relocated',
    async flag => {
      const elf = await compile(flag);
      const base = 0xf0001000;
      const lines = readLines(elf, 'twice.o', s => (s.name === '.text' ? base : undefined));
      const size = elf.symbols.find(s => s.name === 'twice')!.size;
      expect(lines.lookup(base)).toEqual({ file: 'kernel/mm/twice.c', line: 5 });
      expect(lines.lookup(base - 1)).toBeUndefined();
      expect(lines.lookup(base + size)).toBeUndefined();
      const found = new Set(Array.from({ length: size }, (_, i) => lines.lookup(base + i)?.line));
      expect(found).toContain(6);
      expect(lines.addresses('twice.c', 5)).toEqual([base]);
    },
  );

  it('have no lines for sections that were not loaded', async () => {
    const lines = readLines(await compile(), 'twice.o');
    expect(lines.lookup(0)).toBeUndefined();
    expect(lines.addresses('twice.c', 5)).toEqual([]);
  });
});
