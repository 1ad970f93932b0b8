/**
 * Reader of 32-bit little-endian ELF files for the i386 (System V ABI, chapters 4 and 5, and its Intel386
 * supplement): executables and relocatable objects. The file may be hostile: every range and index is checked and a
 * GuestError names what is wrong. Sections may overlap one another in the file (ELF allows it); what is loaded may
 * not overlap in memory (checked by `loadSegments`).
 *
 * Left out: dynamic linking, RELA, extended section numbering, note and group sections.
 */
import { createHash } from 'node:crypto';
import { ByteReader } from './bytes.ts';

const HEADER_SIZE = 52;
const SECTION_HEADER_SIZE = 40;
const PROGRAM_HEADER_SIZE = 32;
const SYMBOL_SIZE = 16;
const REL_SIZE = 8;
const EM_386 = 3;
const PT_LOAD = 1;
const NOTHING = new Uint8Array(0);
/** Longer names are cut: a hostile table may hold one endless string that a million symbols share. */
const MAX_NAME = 1024;
/** More relocations of one section than any real object has. */
const MAX_RELOCATIONS = 1 << 20;

export const ET_REL = 1;
export const ET_EXEC = 2;

export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;

export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;

export const SHN_UNDEF = 0;
export const SHN_LORESERVE = 0xff00;
export const SHN_ABS = 0xfff1;
export const SHN_COMMON = 0xfff2;

export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STT_FILE = 4;

export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;

/** Field names are the ABI's without their prefix, spelt out. */
export interface ElfSection {
  index: number;
  name: string;
  type: number;
  flags: number;
  address: number;
  size: number;
  link: number;
  info: number;
  /** A power of two; 0 in the file reads as 1. */
  alignment: number;
  /** The bytes in the file, none for SHT_NOBITS. A view, not a copy. */
  data: Uint8Array;
}

export interface ElfSegment {
  type: number;
  virtualAddress: number;
  physicalAddress: number;
  memorySize: number;
  flags: number;
  /** The bytes in the file; at most `memorySize`. A view, not a copy. */
  data: Uint8Array;
}

export interface ElfSymbol {
  name: string;
  /** An address in an executable, an offset into its section in an object. */
  value: number;
  size: number;
  type: number;
  binding: number;
  /** Index of a section, or SHN_UNDEF, SHN_ABS, SHN_COMMON. */
  section: number;
}

export interface ElfRelocation {
  /** Offset into the section that is patched. */
  offset: number;
  type: number;
  /** Index into `symbols`. */
  symbol: number;
}

export interface ElfFile {
  /** ET_REL or ET_EXEC. */
  type: number;
  entry: number;
  sections: ElfSection[];
  segments: ElfSegment[];
  symbols: ElfSymbol[];
}

/** True when the bytes begin like an ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
  );
}

/** Reads all of an ELF file; `name` begins the message of every GuestError. */
export function readElf(bytes: Uint8Array, name: string): ElfFile {
  const reader = new ByteReader(bytes, name);
  if (!isElf(bytes)) reader.fail('not an ELF file');
  checkIdentity(reader);
  const sections = readSections(reader);
  return {
    type: reader.u16(16, 'type'),
    entry: reader.u32(24, 'entry'),
    sections,
    segments: readSegments(reader),
    symbols: readSymbols(reader, sections),
  };
}

/** The segments to load, in order of physical address, checked for overlap and wrap-around. */
export function loadSegments(elf: ElfFile, name: string): ElfSegment[] {
  const load = elf.segments.filter(s => s.type === PT_LOAD && s.memorySize > 0);
  load.sort((a, b) => a.physicalAddress - b.physicalAddress);
  const check = new ByteReader(NOTHING, name);
  load.forEach((segment, i) => {
    const end = segment.physicalAddress + segment.memorySize;
    if (end > 2 ** 32) check.fail(`segment at ${hex(segment.physicalAddress)} runs past 4 GiB`);
    if (i + 1 < load.length && load[i + 1].physicalAddress < end) {
      check.fail(
        `segments at ${hex(segment.physicalAddress)} and ${hex(load[i + 1].physicalAddress)} overlap`,
      );
    }
  });
  return load;
}

/** Relocations (SHT_REL) that patch `section`. */
export function relocationsOf(elf: ElfFile, section: ElfSection, name: string): ElfRelocation[] {
  const relocations: ElfRelocation[] = [];
  for (const table of elf.sections) {
    if (table.type !== SHT_REL || table.info !== section.index) continue;
    const reader = new ByteReader(table.data, name);
    for (let at = 0; at + REL_SIZE <= reader.length; at += REL_SIZE) {
      const info = reader.u32(at + 4, 'relocation');
      const relocation = { offset: reader.u32(at, 'relocation'), type: info & 0xff, symbol: info >>> 8 };
      if (relocations.length >= MAX_RELOCATIONS) reader.fail(`too many relocations of ${section.name}`);
      if (relocation.symbol >= elf.symbols.length)
        reader.fail(`relocation of ${section.name} names no symbol`);
      relocations.push(relocation);
    }
  }
  return relocations;
}

/** Names that an object expects others to define, sorted. */
export function undefinedSymbols(elf: ElfFile): string[] {
  return elf.symbols
    .filter(s => s.section === SHN_UNDEF && s.name !== '')
    .map(s => s.name)
    .sort();
}

/** SHA-256 of what is loaded (addresses, sizes, bytes, entry): a build's identity, debug information left out. */
export function loadableSha256(elf: ElfFile, name: string): string {
  const sum = createHash('sha256').update(`entry ${hex(elf.entry)}\n`);
  for (const s of loadSegments(elf, name)) {
    sum.update(`${hex(s.physicalAddress)} ${hex(s.virtualAddress)} ${s.memorySize} ${s.data.length}\n`);
    sum.update(s.data);
  }
  return sum.digest('hex');
}

function checkIdentity(reader: ByteReader): void {
  if (reader.length < HEADER_SIZE) reader.fail('ELF header is cut short');
  if (reader.u8(4, 'class') !== 1) reader.fail('not a 32-bit ELF file');
  if (reader.u8(5, 'byte order') !== 1) reader.fail('not a little-endian ELF file');
  const machine = reader.u16(18, 'machine');
  if (machine !== EM_386) reader.fail(`not for the i386 (ELF machine ${machine})`);
  const type = reader.u16(16, 'type');
  if (type !== ET_REL && type !== ET_EXEC)
    reader.fail(`neither an executable nor an object (ELF type ${type})`);
}

function readSegments(reader: ByteReader): ElfSegment[] {
  const table = reader.u32(28, 'program header offset');
  const count = reader.u16(44, 'program header count');
  checkEntrySize(reader, 42, count, PROGRAM_HEADER_SIZE, 'program header');
  return Array.from({ length: count }, (_, i) => {
    const at = table + i * PROGRAM_HEADER_SIZE;
    const field = `program header ${i}`;
    const word = (n: number) => reader.u32(at + 4 * n, field);
    const load = word(0) === PT_LOAD;
    const [fileSize, memorySize] = [word(4), word(5)];
    if (load && fileSize > memorySize) reader.fail(`segment ${i} is larger in the file than in memory`);
    // Other kinds (GNU_STACK, notes) are not ours to judge.
    const data = load ? reader.slice(word(1), fileSize, `segment ${i}`) : NOTHING;
    return {
      type: word(0),
      virtualAddress: word(2),
      physicalAddress: word(3),
      memorySize,
      flags: word(6),
      data,
    };
  });
}

function readSections(reader: ByteReader): ElfSection[] {
  const table = reader.u32(32, 'section header offset');
  const count = reader.u16(48, 'section count');
  if (table === 0 || count === 0) return [];
  checkEntrySize(reader, 46, count, SECTION_HEADER_SIZE, 'section header');
  const names: number[] = [];
  const sections = Array.from({ length: count }, (_, index): ElfSection => {
    const at = table + index * SECTION_HEADER_SIZE;
    const field = `section header ${index}`;
    const word = (n: number) => reader.u32(at + 4 * n, field);
    const type = word(1);
    const inFile = type !== SHT_NOBITS && index !== 0;
    const alignment = word(8) || 1;
    if ((alignment & (alignment - 1)) !== 0) reader.fail(`${field} has alignment ${alignment}`);
    names.push(word(0));
    return {
      index,
      name: '',
      type,
      flags: word(2),
      address: word(3),
      size: word(5),
      link: word(6),
      info: word(7),
      alignment,
      data: inFile ? reader.slice(word(4), word(5), `section ${index}`) : NOTHING,
    };
  });
  nameSections(reader, sections, names);
  return sections;
}

function nameSections(reader: ByteReader, sections: ElfSection[], names: number[]): void {
  const strings = stringTable(reader, sections, reader.u16(50, 'section name table'), 'section names');
  for (const section of sections) section.name = names[section.index] ? strings(names[section.index]) : '';
}

function readSymbols(reader: ByteReader, sections: ElfSection[]): ElfSymbol[] {
  const table = sections.find(s => s.type === SHT_SYMTAB);
  if (!table) return [];
  const strings = stringTable(reader, sections, table.link, 'symbol names');
  const entries = new ByteReader(table.data, 'symbol table');
  return Array.from({ length: Math.floor(entries.length / SYMBOL_SIZE) }, (_, i) => {
    const at = i * SYMBOL_SIZE;
    const name = entries.u32(at, 'name');
    const info = entries.u8(at + 12, 'info');
    const section = entries.u16(at + 14, 'section');
    if (section >= sections.length && section < SHN_LORESERVE) reader.fail(`symbol ${i} is in no section`);
    return {
      name: name ? strings(name) : '',
      value: entries.u32(at + 4, 'value'),
      size: entries.u32(at + 8, 'size'),
      type: info & 15,
      binding: info >> 4,
      section,
    };
  });
}

function stringTable(
  reader: ByteReader,
  sections: ElfSection[],
  index: number,
  what: string,
): (offset: number) => string {
  if (index >= sections.length || sections[index].type !== SHT_STRTAB) reader.fail(`no table of ${what}`);
  const data = sections[index].data;
  return offset => {
    const rest = data.subarray(offset, offset + MAX_NAME);
    const end = rest.indexOf(0);
    if (end < 0 && rest.length < MAX_NAME) reader.fail(`${what}: offset ${offset} has no string`);
    return Buffer.from(rest.buffer, rest.byteOffset, end < 0 ? MAX_NAME : end).toString('latin1');
  };
}

function checkEntrySize(reader: ByteReader, at: number, count: number, size: number, what: string): void {
  if (count > 0 && reader.u16(at, what) !== size) reader.fail(`${what}s are not ${size} bytes each`);
}

const hex = (v: number) => `0x${v.toString(16)}`;
