/**
 * Source lines of addresses, from .debug_line: DWARF versions 2 to 5, 32-bit format, section 6.2 of each. In an
 * object the section's relocations are applied first, by where its sections were loaded. The bytes may be hostile: a
 * GuestError says what is wrong, and no table can ask for more work than its own length.
 *
 * Left out: columns, views, discriminators, basic blocks, MD5 sums, 64-bit DWARF (refused).
 */
import { ByteReader } from './bytes.ts';
import { Cursor } from './dwarf/cursor.ts';
import { DebugSections, NOWHERE } from './dwarf/sections.ts';
import type { ElfFile } from './elf.ts';
import type { SectionPlace } from './symbols.ts';

/** Standard opcodes (DWARF 5, 6.2.5.2). */
const DW_LNS_COPY = 1;
const DW_LNS_ADVANCE_PC = 2;
const DW_LNS_ADVANCE_LINE = 3;
const DW_LNS_SET_FILE = 4;
const DW_LNS_NEGATE_STMT = 6;
const DW_LNS_CONST_ADD_PC = 8;
const DW_LNS_FIXED_ADVANCE_PC = 9;
const DW_LNS_SET_PROLOGUE_END = 10;

/** Extended opcodes (6.2.5.3). */
const DW_LNE_END_SEQUENCE = 1;
const DW_LNE_SET_ADDRESS = 2;

/** What an entry of the file and directory tables of version 5 may hold (6.2.4.1), and in which form (7.5.6). */
const DW_LNCT_PATH = 1;
const DW_LNCT_DIRECTORY = 2;
const DW_FORM_DATA2 = 0x05;
const DW_FORM_DATA4 = 0x06;
const DW_FORM_DATA8 = 0x07;
const DW_FORM_STRING = 0x08;
const DW_FORM_BLOCK = 0x09;
const DW_FORM_DATA1 = 0x0b;
const DW_FORM_STRP = 0x0e;
const DW_FORM_UDATA = 0x0f;
const DW_FORM_DATA16 = 0x1e;
const DW_FORM_LINE_STRP = 0x1f;

export interface SourceLine {
  /** Path as compiled, from the project's root. */
  file: string;
  /** From 1; 0 is code that belongs to no line. */
  line: number;
}

/** From this address on, up to the next row's. */
interface Row extends SourceLine {
  address: number;
  statement: boolean;
  /** The function's frame is built here. */
  body: boolean;
  /** First address after a sequence; has no line. */
  end: boolean;
}

/** A stretch of code that comes from one line. */
export interface LineRange extends SourceLine {
  from: number;
  /** First address after it. */
  to: number;
}

export class LineTable {
  private readonly rows: Row[];

  /** `rows` by address. */
  constructor(rows: Row[]) {
    this.rows = rows;
  }

  /** The line that the instruction at a virtual address comes from, or undefined. */
  lookup(address: number): SourceLine | undefined {
    const row = this.rows[this.after(address) - 1];
    return row && !row.end ? { file: row.file, line: row.line } : undefined;
  }

  /** The stretch of code of one line that holds an address. */
  range(address: number): LineRange | undefined {
    const at = this.after(address) - 1;
    const row = this.rows[at];
    if (!row || row.end) return undefined;
    const same = (other: Row | undefined) =>
      other !== undefined && !other.end && other.line === row.line && other.file === row.file;
    let first = at;
    while (same(this.rows[first - 1])) first--;
    let last = at + 1;
    while (same(this.rows[last])) last++;
    const to = this.rows[last]?.address ?? row.address;
    return { file: row.file, line: row.line, from: this.rows[first].address, to };
  }

  /** Does a statement of a line begin exactly here? */
  isStatement(address: number): boolean {
    for (let at = this.after(address) - 1; this.rows[at]?.address === address >>> 0; at--)
      if (this.rows[at].statement && !this.rows[at].end) return true;
    return false;
  }

  /** Where the body of the function of code [start, end) begins, behind what builds its frame; `start` if not known. */
  bodyOf(start: number, end: number): number {
    const from = this.after(start - 1);
    let second: number | undefined;
    for (let at = from; this.rows[at] && this.rows[at].address < end; at++) {
      const row = this.rows[at];
      // The end of the code before it, which has no line.
      if (row.end) continue;
      if (row.body) return row.address;
      if (row.statement && row.line !== 0 && row.address > start) second ??= row.address;
    }
    return second ?? start;
  }

  /** The first line from `line` on that has code; `file` as for addresses(). */
  nextLine(file: string, line: number): number | undefined {
    let found: number | undefined;
    for (const row of this.rows)
      if (
        !row.end &&
        row.statement &&
        isFile(row, file) &&
        row.line >= line &&
        row.line < (found ?? Number.POSITIVE_INFINITY)
      )
        found = row.line;
    return found;
  }

  /** The code between two addresses, as stretches of one line each; what no line is known of is left out. */
  stretches(from: number, to: number): (SourceLine & { low: number; high: number })[] {
    const found: (SourceLine & { low: number; high: number })[] = [];
    for (let n = Math.max(0, this.after(from) - 1); n < this.rows.length - 1; n++) {
      const row = this.rows[n];
      if (row.address >= to) break;
      const [low, high] = [Math.max(row.address, from), Math.min(this.rows[n + 1].address, to)];
      if (row.end || high <= low) continue;
      const last = found.at(-1);
      if (last && last.high === low && last.line === row.line && last.file === row.file) last.high = high;
      else found.push({ file: row.file, line: row.line, low, high });
    }
    return found;
  }

  /** Paths of all files that have code, sorted. */
  files(): string[] {
    return [...new Set(this.rows.filter(row => !row.end).map(row => row.file))].sort();
  }

  /** Lines of a file that have code, sorted. `file` may be the end of a path. */
  linesWithCode(file: string): number[] {
    const lines = this.rows.filter(r => !r.end && (r.file === file || r.file.endsWith(`/${file}`)));
    return [...new Set(lines.map(row => row.line))].sort((a, b) => a - b);
  }

  /** Index of the first row behind an address. */
  private after(address: number): number {
    address >>>= 0;
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.rows[middle].address <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where statements of a line begin: one address for each stretch of code. `file` may be the end of a path. */
  addresses(file: string, line: number): number[] {
    const found: number[] = [];
    const here = (row: Row | undefined) =>
      row !== undefined && !row.end && row.line === line && isFile(row, file);
    this.rows.forEach((row, i) => {
      if (row.statement && here(row) && !here(this.rows[i - 1])) found.push(row.address);
    });
    return found;
  }
}

function isFile(row: Row, file: string): boolean {
  return row.file === file || row.file.endsWith(`/${file}`);
}

/** Reads all line tables of a file; empty without debug information. `place` as for SymbolTable.add. */
export function readLines(elf: ElfFile, name: string, place?: SectionPlace): LineTable {
  return linesOf(new DebugSections(elf, name, place));
}

export function linesOf(sections: DebugSections): LineTable {
  const reader = sections.reader('.debug_line');
  const strings: Strings = {
    line: sections.reader('.debug_line_str'),
    debug: sections.reader('.debug_str'),
  };
  const sequences: Row[][] = [];
  for (let at = 0; at < reader.length; ) {
    const length = reader.u32(at, 'line table');
    if (length >= 0xffff_fff0) reader.fail('64-bit DWARF is not read');
    readUnit(
      new ByteReader(reader.slice(at + 4, length, 'line table'), `${sections.name}: .debug_line`),
      strings,
      sequences,
    );
    at += 4 + length;
  }
  return new LineTable(inOrder(sequences));
}

interface Strings {
  line: ByteReader;
  debug: ByteReader;
}

interface UnitHeader {
  minimumLength: number;
  defaultStatement: boolean;
  lineBase: number;
  lineRange: number;
  opcodeBase: number;
  operands: number[];
  /** Paths by file number. */
  files: string[];
  programAt: number;
}

/** The names of a unit's files by number, from its table at an offset in .debug_line; what DW_AT_decl_file counts. */
export function fileNames(sections: DebugSections, at: number): string[] {
  const reader = sections.reader('.debug_line');
  const length = reader.u32(at, 'line table');
  const cursor = new Cursor(new ByteReader(reader.slice(at + 4, length, 'line table'), sections.name));
  const version = cursor.u16();
  if (version < 2 || version > 5) reader.fail(`version ${version} is not read`);
  const strings = { line: sections.reader('.debug_line_str'), debug: sections.reader('.debug_str') };
  return readHeader(cursor, version, strings).files;
}

function readUnit(reader: ByteReader, strings: Strings, sequences: Row[][]): void {
  const cursor = new Cursor(reader);
  const version = cursor.u16();
  if (version < 2 || version > 5) reader.fail(`version ${version} is not read`);
  runProgram(reader, readHeader(cursor, version, strings), sequences);
}

function readHeader(cursor: Cursor, version: number, strings: Strings): UnitHeader {
  if (version >= 5) {
    const [addressSize, selectorSize] = [cursor.u8(), cursor.u8()];
    if (addressSize !== 4 || selectorSize !== 0) cursor.reader.fail('addresses are not 32 bits');
  }
  const length = cursor.u32();
  const programAt = cursor.at + length;
  const minimumLength = cursor.u8();
  if (version >= 4) cursor.u8(); // operations an instruction: VLIW only
  const defaultStatement = cursor.u8() !== 0;
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0 || opcodeBase === 0) cursor.reader.fail('header has a range or opcode base of 0');
  const operands = Array.from({ length: opcodeBase - 1 }, () => cursor.u8());
  const files = version >= 5 ? readFiles5(cursor, strings) : readFiles2(cursor);
  return { minimumLength, defaultStatement, lineBase, lineRange, opcodeBase, operands, files, programAt };
}

/** Tables of versions 2 to 4: directories, then files, each ended by an empty name; both count from 1. */
function readFiles2(cursor: Cursor): string[] {
  const directories = [''];
  for (let name = cursor.string(); name !== ''; name = cursor.string()) directories.push(name);
  const files = [''];
  for (let name = cursor.string(); name !== ''; name = cursor.string()) {
    files.push(joined(directories[cursor.uleb()], name));
    cursor.uleb(); // time of change
    cursor.uleb(); // length
  }
  return files;
}

/** Tables of version 5: they describe their own fields, and count from 0. */
function readFiles5(cursor: Cursor, strings: Strings): string[] {
  const directories = readEntries(cursor, strings).map(e => e.path);
  return readEntries(cursor, strings).map(e =>
    joined(e.directory === 0 ? '' : directories[e.directory], e.path),
  );
}

function readEntries(cursor: Cursor, strings: Strings): { path: string; directory: number }[] {
  const fields = Array.from({ length: cursor.u8() }, () => ({ content: cursor.uleb(), form: cursor.uleb() }));
  const count = cursor.uleb();
  if (count > cursor.reader.length) cursor.reader.fail(`a table of ${count} entries`);
  return Array.from({ length: count }, () => {
    const entry = { path: '', directory: 0 };
    for (const { content, form } of fields) {
      const value = readForm(cursor, strings, form);
      if (content === DW_LNCT_PATH) entry.path = String(value);
      else if (content === DW_LNCT_DIRECTORY) entry.directory = Number(value);
    }
    return entry;
  });
}

function readForm(cursor: Cursor, strings: Strings, form: number): string | number {
  switch (form) {
    case DW_FORM_STRING:
      return cursor.string();
    case DW_FORM_LINE_STRP:
      return strings.line.string(cursor.u32(), 'string');
    case DW_FORM_STRP:
      return strings.debug.string(cursor.u32(), 'string');
    case DW_FORM_UDATA:
      return cursor.uleb();
    case DW_FORM_DATA1:
      return cursor.u8();
    case DW_FORM_DATA2:
      return cursor.u16();
    case DW_FORM_DATA4:
      return cursor.u32();
    case DW_FORM_DATA8:
    case DW_FORM_DATA16:
      cursor.skip(form === DW_FORM_DATA8 ? 8 : 16);
      return 0;
    case DW_FORM_BLOCK:
      cursor.skip(cursor.uleb());
      return 0;
    default:
      return cursor.reader.fail(`form 0x${form.toString(16)} is not read`);
  }
}

/** The line number machine (6.2.2); every opcode takes at least a byte, so it ends. */
function runProgram(reader: ByteReader, header: UnitHeader, sequences: Row[][]): void {
  const cursor = new Cursor(reader);
  cursor.at = header.programAt;
  const start = () => ({ address: 0, file: 1, line: 1, statement: header.defaultStatement, body: false });
  let state = start();
  let rows: Row[] = [];
  const emit = (end: boolean) => {
    const file = header.files[state.file] ?? '';
    const { address, line, statement, body } = state;
    rows.push({ address, file, line, statement, body, end });
    state.body = false;
  };
  const advance = (operations: number) => {
    state.address = (state.address + operations * header.minimumLength) >>> 0;
  };
  const special = (opcode: number) => {
    const adjusted = opcode - header.opcodeBase;
    advance(Math.floor(adjusted / header.lineRange));
    return header.lineBase + (adjusted % header.lineRange);
  };
  const extended = () => {
    const length = cursor.uleb();
    const next = cursor.at + length;
    const opcode = length > 0 ? cursor.u8() : 0;
    if (opcode === DW_LNE_SET_ADDRESS) state.address = cursor.u32();
    if (opcode === DW_LNE_END_SEQUENCE) {
      emit(true);
      sequences.push(rows);
      rows = [];
      state = start();
    }
    cursor.at = next;
  };
  const standard = (opcode: number) => {
    if (opcode === DW_LNS_COPY) emit(false);
    else if (opcode === DW_LNS_ADVANCE_PC) advance(cursor.uleb());
    else if (opcode === DW_LNS_ADVANCE_LINE) state.line += cursor.sleb();
    else if (opcode === DW_LNS_SET_FILE) state.file = cursor.uleb();
    else if (opcode === DW_LNS_NEGATE_STMT) state.statement = !state.statement;
    else if (opcode === DW_LNS_SET_PROLOGUE_END) state.body = true;
    else if (opcode === DW_LNS_CONST_ADD_PC) special(255);
    else if (opcode === DW_LNS_FIXED_ADVANCE_PC) state.address = (state.address + cursor.u16()) >>> 0;
    else for (let i = 0; i < header.operands[opcode - 1]; i++) cursor.uleb();
  };
  while (cursor.at < reader.length) {
    const opcode = cursor.u8();
    if (opcode === 0) extended();
    else if (opcode < header.opcodeBase) standard(opcode);
    else {
      state.line += special(opcode);
      emit(false);
    }
  }
}

/** One table by address; what was not loaded, or overlaps what was before it, is left out. */
function inOrder(sequences: Row[][]): Row[] {
  const rows: Row[] = [];
  let end = 0;
  for (const sequence of sequences.sort((a, b) => a[0].address - b[0].address)) {
    const last = sequence[sequence.length - 1].address;
    const rising = sequence.every((row, i) => i === 0 || row.address >= sequence[i - 1].address);
    if (sequence[0].address < end || sequence[0].address === NOWHERE || !rising) continue;
    for (const row of sequence) rows.push(row);
    end = last;
  }
  return rows;
}

function joined(directory: string | undefined, file: string): string {
  if (!directory || directory === '.' || file.startsWith('/')) return file;
  return `${directory.replace(/^\.\//, '')}/${file}`;
}
