/**
 * Multiboot 1 loader (Multiboot Specification 0.6.96): puts an image, its modules and the information structure
 * into RAM and gives the registers to start with. Segments go to their physical addresses, as GRUB and QEMU do.
 *
 * RAM is what a PC has: conventional memory below 0x9FC00 and extended memory from 1 MiB. The information structure
 * goes to the lowest free place in conventional memory from 0x1000 on, modules to page boundaries above the image, MP
 * tables (guest/mp-table.ts) to 0xF5A00 in the reserved memory below 1 MiB.
 * Left out: video modes, boot device, drives, APM, the image's section headers.
 */
import { ByteReader } from './bytes.ts';
import { isElf, loadSegments, PF_X, readElf } from './elf.ts';
import { GuestError } from './error.ts';
import { MP_TABLE_ADDRESS, type MpBoard, mpTable } from './mp-table.ts';

const HEADER_MAGIC = 0x1badb002;
const LOADER_MAGIC = 0x2badb002;
/** The header lies within this many bytes of the image, on a multiple of four. */
const HEADER_SEARCH = 8192;

/** Header flags (3.1.2). Bits below 16 that a loader does not know must make it refuse. */
const NEEDS_VIDEO = 1 << 2;
const KNOWN_REQUIREMENTS = 0b011;
const HAS_ADDRESSES = 1 << 16;

/** Information flags (3.3): memory, command line, modules, memory map, loader's name. */
const INFO_FLAGS = (1 << 0) | (1 << 2) | (1 << 3) | (1 << 6) | (1 << 9);
const INFO_SIZE = 120;
const MODULE_SIZE = 16;
const MMAP_ENTRY_SIZE = 24;

const PAGE = 4096;
const MIB = 1 << 20;
const LOWEST_INFO = 0x1000;
/** Conventional memory that a boot loader gives away; the rest up to 640 KiB is the firmware's. */
export const CONVENTIONAL_END = 0x9fc00;
const RAM = 1;
const RESERVED = 2;
const LOADER_NAME = 'nooks86';
const ZEROS = new Uint8Array(1 << 16);

/** Physical memory, as the loader needs it. */
export interface LoadTarget {
  /** Bytes of RAM from physical address 0. */
  readonly ramSize: number;
  writePhysical(physical: number, bytes: Uint8Array): void;
}

export interface BootModule {
  /** The module's string: its name and arguments. */
  commandLine: string;
  bytes: Uint8Array;
}

export interface BootImage {
  /** For messages (`kernel.elf`). */
  name: string;
  bytes: Uint8Array;
  commandLine?: string;
  modules?: readonly BootModule[];
  /** Firmware's MP tables are written for this board, into the reserved memory below 1 MiB; none when absent. */
  board?: MpBoard;
}

/** Registers at entry (3.2); protected mode, flat segments, paging and interrupts off. */
export interface BootRegisters {
  eip: number;
  eax: number;
  ebx: number;
}

/** A piece of an image in physical memory; the rest of `size` is zero. */
export interface Piece {
  address: number;
  size: number;
  data: Uint8Array;
}

interface Placed {
  address: number;
  end: number;
  commandLine: string;
}

/** Loads `image` into `target`. Throws a GuestError if it is no Multiboot image or does not fit. */
export function loadMultiboot(target: LoadTarget, image: BootImage): BootRegisters {
  const { pieces, entry } = readImage(image);
  checkPlaces(pieces, target.ramSize, image.name);
  for (const piece of pieces) writePiece(target, piece);
  if (image.board) target.writePhysical(MP_TABLE_ADDRESS, mpTable(image.board));
  const modules = placeModules(target, pieces, image);
  const ebx = writeInformation(target, pieces, modules, image);
  return { eip: entry, eax: LOADER_MAGIC, ebx };
}

/** True when the bytes hold a Multiboot 1 header. */
export function hasMultibootHeader(bytes: Uint8Array): boolean {
  return findHeader(new ByteReader(bytes, 'image')) >= 0;
}

function readImage(image: BootImage): { pieces: Piece[]; entry: number } {
  const reader = new ByteReader(image.bytes, image.name);
  const header = findHeader(reader);
  if (header < 0) reader.fail('no Multiboot header in its first 8 KiB');
  const flags = reader.u32(header + 4, 'Multiboot flags');
  if (flags & NEEDS_VIDEO) reader.fail('asks for a video mode, which this machine does not have');
  if (flags & 0xffff & ~KNOWN_REQUIREMENTS) {
    reader.fail(`asks for unknown Multiboot features (flags 0x${flags.toString(16)})`);
  }
  if (flags & HAS_ADDRESSES) return readByAddresses(reader, header);
  if (!isElf(image.bytes)) reader.fail('neither an ELF file nor a Multiboot header with addresses');
  return readByElf(image);
}

function findHeader(reader: ByteReader): number {
  const end = Math.min(reader.length, HEADER_SEARCH);
  for (let at = 0; at + 12 <= end; at += 4) {
    if (reader.u32(at, 'header') !== HEADER_MAGIC) continue;
    const sum = HEADER_MAGIC + reader.u32(at + 4, 'header') + reader.u32(at + 8, 'header');
    if (sum >>> 0 === 0) return at;
  }
  return -1;
}

/** The "a.out kludge" (3.1.3): the header itself says what goes where. */
function readByAddresses(reader: ByteReader, header: number): { pieces: Piece[]; entry: number } {
  const word = (n: number) => reader.u32(header + 4 * n, 'Multiboot addresses');
  const [headerAddress, load, loadEnd, bssEnd, entry] = [word(3), word(4), word(5), word(6), word(7)];
  const start = header - (headerAddress - load);
  if (load > headerAddress || start < 0) reader.fail('Multiboot load address is beyond its header address');
  if (loadEnd !== 0 && loadEnd < load) reader.fail('Multiboot load end is below the load address');
  const data = reader.slice(start, loadEnd === 0 ? reader.length - start : loadEnd - load, 'Multiboot image');
  const end = Math.max(load + data.length, bssEnd);
  return { pieces: [{ address: load, size: end - load, data }], entry };
}

/** The loadable segments of an ELF executable, at their physical addresses, and its physical entry. */
export function readByElf(image: { name: string; bytes: Uint8Array }): { pieces: Piece[]; entry: number } {
  const elf = readElf(image.bytes, image.name);
  const segments = loadSegments(elf, image.name);
  if (segments.length === 0) throw new GuestError(`${image.name}: ELF file without a loadable segment`);
  // The entry is a virtual address; where the two differ, start at its physical one, as GRUB and QEMU do.
  const home = segments.find(
    s => s.flags & PF_X && elf.entry >= s.virtualAddress && elf.entry < s.virtualAddress + s.memorySize,
  );
  const entry = home ? elf.entry - home.virtualAddress + home.physicalAddress : elf.entry;
  const pieces = segments.map(s => ({ address: s.physicalAddress, size: s.memorySize, data: s.data }));
  return { pieces, entry };
}

/** Throws a GuestError when a piece lies in no RAM, or between conventional memory and 1 MiB. */
export function checkPlaces(pieces: readonly Piece[], ramSize: number, name: string): void {
  if (ramSize < MIB) throw new GuestError(`memory too small: a PC has at least 1 MiB`);
  for (const { address, size } of pieces) {
    const end = address + size;
    if (end > ramSize) {
      const needed = Math.ceil(end / MIB);
      throw new GuestError(
        `${name}: memory too small: it needs ${needed} MiB, there are ${Math.floor(ramSize / MIB)}`,
      );
    }
    if (address < MIB && end > CONVENTIONAL_END) {
      throw new GuestError(
        `${name}: 0x${address.toString(16)} to 0x${end.toString(16)} overlaps the hole below 1 MiB`,
      );
    }
  }
}

export function writePiece(target: LoadTarget, piece: Piece): void {
  target.writePhysical(piece.address, piece.data);
  const end = piece.address + piece.size;
  for (let at = piece.address + piece.data.length; at < end; at += ZEROS.length) {
    target.writePhysical(at, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)));
  }
}

function placeModules(target: LoadTarget, pieces: readonly Piece[], image: BootImage): Placed[] {
  let at = Math.max(MIB, ...pieces.map(p => p.address + p.size));
  return (image.modules ?? []).map(({ commandLine, bytes }) => {
    const address = Math.ceil(at / PAGE) * PAGE;
    at = address + bytes.length;
    if (at > target.ramSize) {
      throw new GuestError(
        `memory too small: module "${commandLine}" would end at ${Math.ceil(at / MIB)} MiB, there are ${Math.floor(target.ramSize / MIB)}`,
      );
    }
    target.writePhysical(address, bytes);
    return { address, end: at, commandLine };
  });
}

/** Writes the information structure and what it points to, as one block; returns its physical address. */
function writeInformation(
  target: LoadTarget,
  pieces: readonly Piece[],
  modules: readonly Placed[],
  image: BootImage,
): number {
  const map = memoryMap(target.ramSize);
  const strings = [image.commandLine ?? '', LOADER_NAME, ...modules.map(m => m.commandLine)].map(cString);
  const mapAt = INFO_SIZE;
  const modulesAt = mapAt + map.length * MMAP_ENTRY_SIZE;
  const stringsAt = modulesAt + modules.length * MODULE_SIZE;
  const size = strings.reduce((sum, s) => sum + s.length, stringsAt);
  const base = freeConventional(pieces, size);

  const block = new Uint8Array(size);
  const view = new DataView(block.buffer);
  const words = (at: number, values: readonly number[]) => {
    for (let i = 0; i < values.length; i++) view.setUint32(at + 4 * i, values[i], true);
  };
  let end = stringsAt;
  const [commandLine, loaderName, ...moduleStrings] = strings.map(s => {
    block.set(s, end);
    end += s.length;
    return base + end - s.length;
  });
  words(0, [INFO_FLAGS, CONVENTIONAL_END >> 10, Math.max(0, target.ramSize - MIB) >>> 10]);
  words(16, [commandLine, modules.length, base + modulesAt]);
  words(44, [map.length * MMAP_ENTRY_SIZE, base + mapAt]);
  words(64, [loaderName]);
  modules.forEach((m, i) => {
    words(modulesAt + i * MODULE_SIZE, [m.address, m.end, moduleStrings[i], 0]);
  });
  map.forEach((m, i) => {
    // `size` counts what follows it (3.3); addresses and lengths are 64 bits.
    words(mapAt + i * MMAP_ENTRY_SIZE, [MMAP_ENTRY_SIZE - 4, m.base, 0, m.length, 0, m.type]);
  });
  target.writePhysical(base, block);
  return base;
}

/** RAM and the hole below 1 MiB, in rising order; `type` is 1 for RAM, 2 for reserved, as INT 15h/E820h has it. */
export function memoryMap(ramSize: number): { base: number; length: number; type: number }[] {
  return [
    { base: 0, length: CONVENTIONAL_END, type: RAM },
    { base: CONVENTIONAL_END, length: MIB - CONVENTIONAL_END, type: RESERVED },
    { base: MIB, length: ramSize - MIB, type: RAM },
  ].filter(range => range.length > 0);
}

/** The lowest address from LOWEST_INFO on with `size` bytes of conventional memory that the image leaves free. */
function freeConventional(pieces: readonly Piece[], size: number): number {
  let at = LOWEST_INFO;
  for (const { address, size: length } of [...pieces].sort((a, b) => a.address - b.address)) {
    if (address < at + size && address + length > at) at = Math.ceil((address + length) / 16) * 16;
  }
  if (at + size > CONVENTIONAL_END) {
    throw new GuestError(`no room below 640 KiB for ${size} bytes of Multiboot information`);
  }
  return at;
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text.replaceAll('\0', '')}\0`, 'utf8');
}
