/** Debug information that somebody has spoilt: read, or refused with a GuestError, in bounded time; never a crash. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { artefact, buildGuest } from '../../../guest/build.ts';
import { AT, TAG } from '../../../guest/dwarf/constants.ts';
import { type ExpressionContext, locate } from '../../../guest/dwarf/expression.ts';
import { FrameTable } from '../../../guest/dwarf/frames.ts';
import { locationAt, rangesOf } from '../../../guest/dwarf/lists.ts';
import { DebugInfo } from '../../../guest/dwarf/names.ts';
import { DebugSections } from '../../../guest/dwarf/sections.ts';
import { sizeOf, typeAt, typeOfDie } from '../../../guest/dwarf/types.ts';
import type { Die } from '../../../guest/dwarf/units.ts';
import { type ElfFile, readElf } from '../../../guest/elf.ts';
import { GuestError } from '../../../guest/error.ts';
import { linesOf } from '../../../guest/lines.ts';

let elf: ElfFile;
beforeAll(async () => {
  const build = await buildGuest();
  elf = readElf(new Uint8Array(readFileSync(artefact(build, 'netsend'))), 'netsend');
});

const nothing = () => undefined;
const context: ExpressionContext = {
  unit: undefined,
  register: n => (n < 9 ? 0x1000 * n : undefined),
  memory: (address, size) => (address < 0x8000 ? BigInt(address) & 0xffn : size > 4 ? undefined : 1n),
  frameBase: () => 0x2000,
  cfa: () => 0x3000,
  entryValue: nothing,
};

/** Everything that the debugger would ask of it. */
function readAll(sections: DebugSections): number {
  let seen = 0;
  const visit = (die: Die, depth: number) => {
    if (++seen > 20_000 || depth > 300) return;
    die.name();
    rangesOf(die);
    sizeOf(typeOfDie(die));
    if (die.tag === TAG.structureType || die.tag === TAG.enumerationType) {
      const type = typeAt(die);
      if ('members' in type) for (const member of type.members) sizeOf(member.type);
      if ('values' in type) expect(type.values.length).toBeGreaterThanOrEqual(0);
    }
    const location = die.attribute(AT.location);
    const expression = location && locationAt(die.unit, location, 0x0804_8100);
    if (expression) locate(expression, { ...context, unit: die.unit });
    for (const child of die.children) visit(child, depth + 1);
  };
  const info = new DebugInfo(sections);
  for (const unit of info.units()) visit(unit.root(), 0);
  for (const name of info.names('functions')) info.functionsNamed(name);
  info.functionAt(0x0804_8100);
  return seen;
}

function guarded(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(GuestError);
  }
}

/** The file with bytes of one section changed. */
function spoilt(section: string, changes: readonly [number, number][], length?: number): DebugSections {
  const sections = elf.sections.map(s => {
    if (s.name !== section || s.data.length === 0) return s;
    const data = s.data.slice(0, length === undefined ? undefined : length % s.data.length);
    for (const [at, byte] of changes) if (data.length) data[at % data.length] = byte;
    return { ...s, data };
  });
  return new DebugSections({ ...elf, sections }, 'spoilt', s => s.address);
}

const changes = fc.array(fc.tuple(fc.nat(1 << 20), fc.nat(255)), { minLength: 1, maxLength: 8 });
const sections = fc.constantFrom(
  '.debug_info',
  '.debug_abbrev',
  '.debug_str',
  '.debug_ranges',
  '.debug_loc',
  '.debug_line',
  '.debug_frame',
);

it('is whole as it was compiled', () => {
  expect(readAll(spoilt('', []))).toBeGreaterThan(500);
  expect(new FrameTable(spoilt('', [])).rulesAt(elf.entry + 0x100)).toBeDefined();
});

it('with changed bytes', () => {
  fc.assert(
    fc.property(
      sections,
      changes,
      fc.option(fc.nat(1 << 20), { nil: undefined, freq: 4 }),
      (name, list, cut) => {
        const bad = spoilt(name, list, cut);
        guarded(() => readAll(bad));
        guarded(() => linesOf(bad));
        guarded(() => {
          const table = new FrameTable(bad);
          for (let pc = 0x0804_8000; pc < 0x0804_a000; pc += 61) guarded(() => table.rulesAt(pc));
        });
      },
    ),
    { numRuns: 150 },
  );
});

it('expressions of any bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.option(fc.nat(), { nil: undefined }),
      (bytes, initial) => {
        guarded(() => locate(bytes, context, initial));
      },
    ),
    { numRuns: 3000 },
  );
});

it('expressions that jump without end, push without end, or have too many pieces', () => {
  const loop = [0x2f, 0xfd, 0xff];
  expect(() => locate(Uint8Array.from(loop), context)).toThrow(/more than 4096 operations/);
  expect(() => locate(new Uint8Array(400).fill(0x30), context)).toThrow(/too deep/);
  expect(() => locate(Uint8Array.from(Array(300).fill([0x93, 4]).flat()), context)).toThrow(
    /too many pieces/,
  );
  expect(() => locate(Uint8Array.of(0x2f, 0x00, 0x70), context)).toThrow(/out of the expression/);
  expect(() => locate(Uint8Array.of(0x31, 0x30, 0x1b), context)).toThrow(/division by 0/);
});
