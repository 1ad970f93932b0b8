import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostUses, importsOf, MAY_IMPORT, partOf, violations } from './imports/checker.ts';

const ROOT = join(import.meta.dirname, '..');
const PARTS = [...new Set(Object.keys(MAY_IMPORT).map(part => part.split('/')[0]))];

function sources(root: string): string[] {
  return PARTS.flatMap(part => {
    let names: string[];
    try {
      names = readdirSync(join(root, part), { recursive: true }) as string[];
    } catch {
      return [];
    }
    return names.filter(n => n.endsWith('.ts')).map(n => `${part}/${n.replaceAll('\\', '/')}`);
  });
}

describe('the project', () => {
  it('imports one way only', async () => {
    const files = sources(ROOT);
    const edges = await importsOf(ROOT, files);
    // An empty graph would pass everything.
    expect(edges.length).toBeGreaterThan(files.length);
    expect(violations(edges)).toEqual([]);
  });

  it('keeps the host out of emu/', () => {
    const uses = sources(ROOT).flatMap(file => hostUses(file, readFileSync(join(ROOT, file), 'utf8')));
    expect(uses).toEqual([]);
  });
});

describe('the checker', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'nooks86-imports-'));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  async function check(files: Record<string, string>): Promise<string[]> {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return violations(await importsOf(root, Object.keys(files)));
  }

  it('accepts what the rules allow', async () => {
    expect(
      await check({
        'emu/bits.ts': 'export const a = 1;',
        'emu/devices/pit.ts':
          "import { a } from '../bits.ts'; import type { B } from '../bus.ts'; export const b: B = a;",
        'emu/bus.ts': 'export type B = number;',
        'emu/machine.ts': "import { b } from './devices/pit.ts'; export const m = b;",
        'cli/run.ts': "import { m } from '../emu/machine.ts'; import fs from 'node:fs'; console.log(m, fs);",
      }),
    ).toEqual([]);
  });

  it.each([
    ['a value', "import { m } from '../machine.ts'; export const x = m;"],
    ['an unused value', "import { m } from '../machine.ts';"],
    ['a type', "import type { M } from '../machine.ts'; export type X = M;"],
    ['a type among values', "import { type M } from '../machine.ts'; export type X = M;"],
    ['a type over two lines', "import type {\n  M,\n} from '../machine.ts'; export type X = M;"],
    ['an export', "export { m } from '../machine.ts';"],
    ['an export of a type', "export type { M } from '../machine.ts';"],
    ['an export of all', "export * from '../machine.ts';"],
    ['a dynamic import', "export const x = () => import('../machine.ts');"],
    ['a side effect', "import '../machine.ts';"],
  ])('sees a device that imports the machine by %s', async (_what, text) => {
    expect(await check({ 'emu/devices/pit.ts': text })).toEqual([
      'emu/devices/pit.ts imports emu/machine.ts',
    ]);
  });

  it.each([
    ['emu/clock.ts', '../guest/elf.ts', 'emu/clock.ts imports guest/elf.ts'],
    ['emu/bits.ts', './clock.ts', 'emu/bits.ts imports emu/clock.ts'],
    ['emu/mmu/tlb.ts', '../cpu/cpu.ts', 'emu/mmu/tlb.ts imports emu/cpu/cpu.ts'],
    ['emu/cpu/cpu.ts', '../devices/pic.ts', 'emu/cpu/cpu.ts imports emu/devices/pic.ts'],
    ['emu/cpu/cpu.ts', '../snapshot.ts', 'emu/cpu/cpu.ts imports emu/snapshot.ts'],
    ['emu/devices/pic.ts', '../accounting.ts', 'emu/devices/pic.ts imports emu/accounting.ts'],
    ['emu/clock.ts', 'node:fs', 'emu/clock.ts imports node:fs: emu/ imports no package'],
    ['emu/machine.ts', 'iced-x86', 'emu/machine.ts imports iced-x86: emu/ imports no package'],
    ['guest/elf.ts', '../debug/x.ts', 'guest/elf.ts imports debug/x.ts'],
    ['debug/x.ts', '../inject/y.ts', 'debug/x.ts imports inject/y.ts'],
    ['bench/x.ts', '../cli/y.ts', 'bench/x.ts imports cli/y.ts'],
    ['cli/x.ts', '../test/y.ts', 'cli/x.ts imports test/y.ts'],
    ['emu/strange/x.ts', '../bits.ts', 'emu/strange/x.ts belongs to no part that the rules know'],
  ])('sees that %s may not import %s', async (from, to, line) => {
    expect(await check({ [from]: `import '${to}';` })).toEqual([line]);
  });

  it('fails on a file that it cannot read', async () => {
    await expect(check({ 'emu/bits.ts': 'import {' })).rejects.toThrow();
  });

  it('knows the part of each file', () => {
    expect(partOf('emu/devices/e1000/rx.ts')).toBe('emu/devices');
    expect(partOf('emu/snapshot.ts')).toBe('emu/machine');
    expect(partOf('guest/elf.ts')).toBe('guest');
    expect(partOf('scripts/x.ts')).toBeUndefined();
  });

  it.each([
    ['const t = Date.now();', 'emu/x.ts uses Date.'],
    ['const t = new Date();', 'emu/x.ts uses new Date'],
    ['const r = Math.random();', 'emu/x.ts uses Math.random'],
    ['const e = process.env.X;', 'emu/x.ts uses process.'],
    ['const p = performance.now();', 'emu/x.ts uses performance.'],
  ])('sees the host in %s', (source, line) => {
    expect(hostUses('emu/x.ts', source)).toEqual([line]);
    expect(hostUses('cli/x.ts', source)).toEqual([]);
  });

  it('does not see the host in comments, strings and longer names', () => {
    const source = "// Date.now()\n/* process.env */ const processed = { a: 'Date.now()' }; processed.a;";
    expect(hostUses('emu/x.ts', source)).toEqual([]);
  });
});
