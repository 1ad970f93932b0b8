/** Stretches of lines and bodies of functions, as llvm-dwarfdump reads the kernel's tables. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { artefact, buildGuest } from '../../guest/build.ts';
import { readElf } from '../../guest/elf.ts';
import { readLines } from '../../guest/lines.ts';
import { SymbolTable } from '../../guest/symbols.ts';

const installed = spawnSync('llvm-dwarfdump', ['--version']).status === 0;

interface DumpedRow {
  address: number;
  line: number;
  flags: string;
}

it.skipIf(!installed)('agree with llvm-dwarfdump (skipped where it is not installed)', async () => {
  const path = artefact(await buildGuest(), 'kernel.elf');
  const elf = readElf(new Uint8Array(readFileSync(path)), 'kernel.elf');
  const lines = readLines(elf, 'kernel.elf');
  const symbols = new SymbolTable();
  symbols.add('kernel.elf', elf);
  const dumped = spawnSync('llvm-dwarfdump', ['--debug-line', path], {
    maxBuffer: 1 << 28,
  }).stdout.toString();
  const rows: DumpedRow[] = [...dumped.matchAll(/^0x([0-9a-f]{16}) +(\d+) +(?:\d+ +){4}(.*)$/gm)].map(
    ([, address, line, flags]) => ({ address: Number.parseInt(address, 16), line: Number(line), flags }),
  );
  expect(rows.length).toBeGreaterThan(5000);
  let bodies = 0;
  for (const { address, flags } of rows) {
    if (flags.includes('end_sequence')) continue;
    if (flags.includes('is_stmt')) expect(lines.isStatement(address), address.toString(16)).toBe(true);
    const range = lines.range(address)!;
    expect(range.from <= address && address < range.to).toBe(true);
    expect(lines.lookup(range.from)).toEqual(lines.lookup(range.to - 1));
    expect([range.file, range.line]).toEqual(Object.values(lines.lookup(address)!));
    const symbol = symbols.lookup(address)?.symbol;
    // The first one that the function has.
    const first = rows.find(
      r => symbol && r.address >= symbol.start && r.address < symbol.end && r.flags.includes('prologue_end'),
    );
    if (!symbol?.sized || first?.address !== address || !flags.includes('prologue_end')) continue;
    expect(lines.bodyOf(symbol.start, symbol.end), symbol.name).toBe(address);
    bodies++;
  }
  expect(bodies).toBeGreaterThan(300);
  // Between two lines that have code, the next one is found.
  const line = lines.nextLine('kernel/net/udp.c', 1)!;
  expect(lines.addresses('kernel/net/udp.c', line).length).toBeGreaterThan(0);
  expect(lines.nextLine('kernel/net/udp.c', 99999)).toBeUndefined();
});
