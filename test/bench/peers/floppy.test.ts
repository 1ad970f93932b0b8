/** The floppy disk that boots a benchmark. That it does boot, Bochs shows where it is installed (compare.test.ts). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { bootFloppy } from '../../../bench/peers/floppy.ts';
import { BOOT_SECTOR, buildBenchGuests } from '../../../guest/bench.ts';
import { artefact, type GuestBuild } from '../../../guest/build.ts';

let build: GuestBuild;
beforeAll(async () => {
  build = await buildBenchGuests({ only: ['trap'], shift: 12, bootSector: true });
});
const read = (name: string) => readFileSync(artefact(build, name));

describe('bootFloppy', () => {
  it('puts what the file loads behind a boot sector that knows where it goes', () => {
    const disk = bootFloppy(read(BOOT_SECTOR), read('trap.elf'), 'trap.elf')!;
    expect(disk.length).toBe(1_474_560);
    const words = new DataView(disk.buffer);
    expect(words.getUint16(510, true)).toBe(0xaa55);
    const [sectors, load, bytes, end, entry] = [4, 8, 12, 16, 20].map(at => words.getUint32(at, true));
    expect([sectors, load]).toEqual([Math.ceil(bytes / 512), 0x100000]);
    expect(entry).toBeGreaterThanOrEqual(load);
    expect(entry).toBeLessThan(load + bytes);
    // What is not in the file, bss, follows.
    expect(end).toBeGreaterThan(load + bytes);
    // The Multiboot header begins the image.
    expect(words.getUint32(512, true)).toBe(0x1badb002);
  });

  it('refuses what the boot sector cannot hold, and what is no ELF file', () => {
    const large = read('trap.elf');
    const header = large.readUInt32LE(28);
    // The segment claims to fill memory up to 0x10000 bytes of the file.
    large.writeUInt32LE(0xff00, header + 16);
    large.writeUInt32LE(0xfff00, header + 20);
    const padded = Buffer.concat([large, Buffer.alloc(0x10000)]);
    expect(bootFloppy(read(BOOT_SECTOR), padded, 'large')).toBeUndefined();
    expect(() => bootFloppy(read(BOOT_SECTOR), new Uint8Array(9), 'none')).toThrow('not an ELF file');
  });
});
