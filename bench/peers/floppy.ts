/**
 * A 1.44 MB floppy disk that boots a benchmark, for PCs that know no Multiboot: the boot sector of
 * bench/guest/floppy.S, and behind it what the ELF file loads, flat.
 */
import { loadSegments, readElf } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';

const SECTOR = 512;
const DISK = 1_474_560;
/** The boot sector reads to 0x10000 and stays below 0x20000. */
const LARGEST = 0xfe00;
/** Where the boot sector has its five words: sectors, load address, bytes, end of memory used, entry. */
const INFO = 4;

/** The disk's bytes; undefined if what is loaded is too large for it. Throws a GuestError for what is no ELF file. */
export function bootFloppy(bootSector: Uint8Array, elf: Uint8Array, name: string): Uint8Array | undefined {
  const file = readElf(elf, name);
  const segments = loadSegments(file, name);
  if (segments.length === 0) throw new GuestError(`${name}: nothing to load`);
  const start = segments[0].physicalAddress;
  const flat = Math.max(...segments.map(s => s.physicalAddress + s.data.length)) - start;
  const end = Math.max(...segments.map(s => s.physicalAddress + s.memorySize));
  if (flat > LARGEST) return undefined;
  const disk = new Uint8Array(DISK);
  disk.set(bootSector.subarray(0, SECTOR));
  const info = [Math.ceil(flat / SECTOR), start, flat, end, file.entry];
  const words = new DataView(disk.buffer);
  for (const [n, word] of info.entries()) words.setUint32(INFO + 4 * n, word, true);
  for (const s of segments) disk.set(s.data, SECTOR + s.physicalAddress - start);
  return disk;
}
