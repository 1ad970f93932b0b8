/**
 * Our BIOS as a ROM image: guest/bios/ compiled to 16-bit code by the pinned compiler, laid out by its linker script,
 * the checksums of its tables put in.
 */
import { readFileSync } from 'node:fs';
import { artefact, type BuildOptions, buildTargets } from './build.ts';
import { loadSegments, readElf } from './elf.ts';
import { GuestError } from './error.ts';
import { projectRoot } from './project.ts';
import { filesBelow, type Target } from './sources.ts';

const DIRECTORY = 'guest/bios';
const NAME = 'bios.elf';
/** Where the ROM lies below 1 MiB, and its size. */
const BASE = 0xf0000;
const SIZE = 0x10000;

/** Where the MP tables go in it: the first 4 KiB are free (bios.ld). */
export const BIOS_MP_TABLE = BASE;

/** clang has no option for this that zig passes on: 32-bit code generation for a 16-bit processor mode. */
export const FLAGS_16BIT = [
  ...['+16bit-mode', '-32bit-mode'].flatMap(f => ['-Xclang', '-target-feature', '-Xclang', f]),
  '-Os',
  '-fomit-frame-pointer',
  '-fno-jump-tables',
  '-mregparm=3',
];

/** The ROM, 64 KiB; its last 16 bytes are the reset vector's. */
export async function buildBios(options: Pick<BuildOptions, 'onProgress'> = {}): Promise<Uint8Array> {
  const sources = filesBelow(projectRoot(), DIRECTORY, e => e === '.c' || e === '.S');
  const target: Target = {
    name: NAME,
    kind: 'kernel',
    sources,
    library: [],
    flags: FLAGS_16BIT,
    script: `${DIRECTORY}/bios.ld`,
  };
  const build = await buildTargets([target], [DIRECTORY], options);
  return romOf(readFileSync(artefact(build, NAME)));
}

function romOf(bytes: Uint8Array): Uint8Array {
  const elf = readElf(bytes, NAME);
  const rom = new Uint8Array(SIZE);
  for (const { physicalAddress, data } of loadSegments(elf, NAME)) {
    if (data.length === 0) continue;
    const at = physicalAddress - BASE;
    if (at < 0 || at + data.length > SIZE) throw new GuestError(`${NAME}: a segment lies outside the ROM`);
    rom.set(data, at);
  }
  const pir = elf.symbols.find(s => s.name === 'pir_table');
  if (!pir) throw new GuestError(`${NAME}: no symbol pir_table`);
  const size = rom[pir.value + 6] | (rom[pir.value + 7] << 8);
  putChecksum(rom.subarray(pir.value, pir.value + size), PIR_CHECKSUM);
  return rom;
}

const PIR_CHECKSUM = 31;

/** Makes the bytes of a table sum to 0 modulo 256. */
function putChecksum(table: Uint8Array, at: number): void {
  table[at] = 0;
  table[at] = -table.reduce((sum, byte) => sum + byte, 0);
}
