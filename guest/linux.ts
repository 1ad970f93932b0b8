/**
 * Linux boot loader: the 32-bit protocol of Documentation/arch/x86/boot.rst. Puts a bzImage's protected-mode part, or
 * a vmlinux's segments, an initrd, the command line and the zero page (struct boot_params) into RAM and gives the
 * registers to start with: ESI is the zero page, flat segments with selectors 10h and 18h, paging and interrupts off.
 *
 * Memory below 1 MiB: BIOS data area at 400h, zero page at 90000h, GDT behind it, command line at 92000h. The initrd
 * goes as high as the kernel allows. Left out: the real-mode and EFI entries, kernels older than protocol 2.02
 * (Linux 2.4.0-test3), zImages (loaded at 10000h), `setup_data`.
 */
import { ByteReader } from './bytes.ts';
import { isElf } from './elf.ts';
import { GuestError } from './error.ts';
import {
  CONVENTIONAL_END,
  checkPlaces,
  type LoadTarget,
  memoryMap,
  type Piece,
  readByElf,
  writePiece,
} from './multiboot.ts';

const MIB = 1 << 20;
const PAGE = 4096;
const ZERO_PAGE = 0x9_0000;
const GDT = 0x9_1000;
const COMMAND_LINE = 0x9_2000;
const COMMAND_LINE_ROOM = 0x2000;
const BOOT_CS = 0x10;
const BOOT_DS = 0x18;

/** Fields of the setup header, by their offset in file and zero page alike. */
const SETUP_SECTS = 0x1f1;
const SYSSIZE = 0x1f4;
const BOOT_FLAG = 0x1fe;
const JUMP = 0x200; // its second byte is where the header ends
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228;
const INITRD_ADDR_MAX = 0x22c;
const CMDLINE_SIZE = 0x238;
const INIT_SIZE = 0x260;
const HEADER_START = SETUP_SECTS;
const HEADER_ROOM = 0x290; // the zero page's next field after the header
/** Other fields of the zero page. */
const EXT_MEM_K = 0x02;
const ALT_MEM_K = 0x1e0;
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const E820_SIZE = 20;

const HDRS = 0x5372_6448; // "HdrS"
const BOOT_SIGNATURE = 0xaa55;
const OLDEST = 0x202;
const LOADED_HIGH = 1;
const UNDEFINED_LOADER = 0xff;
const DEFAULT_SETUP_SECTS = 4;
const DEFAULT_INITRD_MAX = 0x37ff_ffff;
const DEFAULT_CMDLINE = 255;

/** screen_info for the VGA's 80 by 25 colour text mode: [offset, value] of each byte that is not 0. */
const TEXT_MODE: readonly [number, number][] = [
  [0x06, 3], // orig_video_mode
  [0x07, 80], // columns
  [0x0a, 3], // EGA memory: 256 KiB
  [0x0e, 25], // lines
  [0x0f, 1], // a VGA
  [0x10, 16], // height of a character
];

/** Flat segments of 4 GiB in slots 2 and 3. */
const GDT_ENTRIES = [0, 0, 0, 0, 0x0000_ffff, 0x00cf_9b00, 0x0000_ffff, 0x00cf_9300];

export interface LinuxImage {
  /** For messages (`bzImage`). */
  name: string;
  bytes: Uint8Array;
  commandLine?: string;
  initrd?: Uint8Array;
  /** What the firmware leaves in memory for the kernel to find, such as an MP table. */
  tables?: readonly { address: number; bytes: Uint8Array }[];
}

export interface LinuxRegisters {
  eip: number;
  esi: number;
  eax: number;
  ebx: number;
  gdt: { base: number; limit: number; code: number; data: number };
}

/** A kernel as the loader needs it. */
interface Kernel {
  pieces: Piece[];
  entry: number;
  /** Where the kernel's own memory ends, at least. */
  end: number;
  /** The file's setup header, for the zero page; its first byte goes to HEADER_START. */
  header: Uint8Array;
  initrdMax: number;
  commandLineMax: number;
}

/** Loads a kernel into `target`. Throws a GuestError if it is none, or does not fit. */
export function loadLinux(target: LoadTarget, image: LinuxImage): LinuxRegisters {
  const kernel = isElf(image.bytes) ? readVmlinux(image) : readBzImage(image);
  checkPlaces(kernel.pieces, target.ramSize, image.name);
  if (kernel.pieces.some(piece => piece.address < MIB))
    throw new GuestError(`${image.name}: to be loaded below 1 MiB, where the boot loader's own data are`);
  const commandLine = Buffer.from(`${image.commandLine ?? ''}\0`, 'utf8');
  const room = Math.min(kernel.commandLineMax, COMMAND_LINE_ROOM - 1);
  if (commandLine.length - 1 > room || commandLine.indexOf(0) !== commandLine.length - 1)
    throw new GuestError(`${image.name}: the command line is longer than ${room} bytes or contains a NUL`);
  for (const piece of kernel.pieces) writePiece(target, piece);
  const initrd = placeInitrd(target, kernel, image);
  writeDataArea(target);
  for (const { address, bytes } of image.tables ?? []) target.writePhysical(address, bytes);
  target.writePhysical(GDT, littleEndian(GDT_ENTRIES));
  target.writePhysical(COMMAND_LINE, commandLine);
  target.writePhysical(ZERO_PAGE, zeroPage(kernel, initrd, target.ramSize));
  const gdt = { base: GDT, limit: 4 * GDT_ENTRIES.length - 1, code: BOOT_CS, data: BOOT_DS };
  return { eip: kernel.entry, esi: ZERO_PAGE, eax: 0, ebx: 0, gdt };
}

function readBzImage({ name, bytes }: LinuxImage): Kernel {
  const reader = new ByteReader(bytes, name);
  if (reader.length < HEADER_ROOM) reader.fail('neither an ELF file nor a bzImage: too short');
  if (reader.u16(BOOT_FLAG, 'boot flag') !== BOOT_SIGNATURE || reader.u32(HEADER_MAGIC, 'magic') !== HDRS)
    reader.fail('neither an ELF file nor a bzImage: no setup header');
  const version = reader.u16(VERSION, 'protocol version');
  if (version < OLDEST) {
    const number = `${version >> 8}.${(version & 0xff).toString().padStart(2, '0')}`;
    reader.fail(`boot protocol ${number} is too old: 2.02 or later is needed`);
  }
  if (!(reader.u8(LOADFLAGS, 'load flags') & LOADED_HIGH)) reader.fail('a zImage: only bzImages are loaded');
  const setup = (reader.u8(SETUP_SECTS, 'setup sectors') || DEFAULT_SETUP_SECTS) + 1;
  const start = 512 * setup;
  if (start >= reader.length) reader.fail(`cut short: its setup part alone is ${start} bytes`);
  const stated = 16 * (version >= 0x204 ? reader.u32(SYSSIZE, 'size') : reader.u16(SYSSIZE, 'size'));
  const data = reader.slice(start, reader.length - start, 'protected-mode part');
  // The size is rounded up to 16 bytes, and some builders count less than the file has.
  if (stated > data.length + 15)
    reader.fail(`cut short: its protected-mode part is ${stated} bytes, the file has ${data.length} of them`);
  const entry = reader.u32(CODE32_START, 'entry');
  const has = (since: number, at: number, otherwise: number) =>
    version >= since ? reader.u32(at, 'setup header') : otherwise;
  const end = Math.min(HEADER_ROOM, HEADER_MAGIC + reader.u8(JUMP + 1, 'setup header'));
  return {
    pieces: [{ address: entry, size: data.length, data }],
    entry,
    end: entry + Math.max(data.length, has(0x20a, INIT_SIZE, 0)),
    header: reader.slice(HEADER_START, end - HEADER_START, 'setup header'),
    initrdMax: has(0x203, INITRD_ADDR_MAX, DEFAULT_INITRD_MAX),
    commandLineMax: has(0x206, CMDLINE_SIZE, DEFAULT_CMDLINE),
  };
}

/** An uncompressed kernel has no setup header: it gets the least that its early code looks at. */
function readVmlinux(image: LinuxImage): Kernel {
  const { pieces, entry } = readByElf(image);
  const header = new DataView(new ArrayBuffer(HEADER_ROOM - HEADER_START));
  const at = (offset: number) => offset - HEADER_START;
  header.setUint16(at(BOOT_FLAG), BOOT_SIGNATURE, true);
  header.setUint32(at(HEADER_MAGIC), HDRS, true);
  header.setUint16(at(VERSION), 0x206, true);
  header.setUint8(at(LOADFLAGS), LOADED_HIGH);
  return {
    pieces,
    entry,
    end: Math.max(...pieces.map(p => p.address + p.size)),
    header: new Uint8Array(header.buffer),
    initrdMax: DEFAULT_INITRD_MAX,
    commandLineMax: COMMAND_LINE_ROOM - 1,
  };
}

/** Writes the initrd as high as it may lie; gives its place, or undefined if there is none. */
function placeInitrd(
  target: LoadTarget,
  kernel: Kernel,
  image: LinuxImage,
): { address: number; size: number } | undefined {
  const { initrd } = image;
  if (!initrd) return undefined;
  const limit = Math.min(target.ramSize, kernel.initrdMax + 1);
  const address = Math.floor((limit - initrd.length) / PAGE) * PAGE;
  if (address < Math.max(kernel.end, MIB)) {
    const need = Math.ceil((kernel.end + initrd.length) / MIB) + 1;
    throw new GuestError(
      `${image.name}: memory too small: kernel and initrd of ${initrd.length} bytes need ${need} MiB below ${limit >> 20} MiB`,
    );
  }
  target.writePhysical(address, initrd);
  return { address, size: initrd.length };
}

/** What kernels read of the BIOS data area: COM1, the EBDA, conventional memory, the CRT controller. */
function writeDataArea(target: LoadTarget): void {
  const area = new DataView(new ArrayBuffer(256));
  area.setUint16(0x00, 0x3f8, true);
  area.setUint16(0x0e, CONVENTIONAL_END >> 4, true);
  area.setUint16(0x13, CONVENTIONAL_END >> 10, true);
  area.setUint8(0x49, 3);
  area.setUint16(0x4a, 80, true);
  area.setUint16(0x63, 0x3d4, true);
  area.setUint8(0x84, 24);
  area.setUint16(0x85, 16, true);
  target.writePhysical(0x400, new Uint8Array(area.buffer));
}

function zeroPage(
  kernel: Kernel,
  initrd: { address: number; size: number } | undefined,
  ramSize: number,
): Uint8Array {
  const page = new Uint8Array(PAGE);
  const view = new DataView(page.buffer);
  for (const [offset, value] of TEXT_MODE) page[offset] = value;
  page.set(kernel.header, HEADER_START);
  const extended = (ramSize - MIB) >>> 10;
  view.setUint16(EXT_MEM_K, Math.min(extended, 0xffff), true);
  view.setUint32(ALT_MEM_K, extended, true);
  page[TYPE_OF_LOADER] = UNDEFINED_LOADER;
  view.setUint32(CMD_LINE_PTR, COMMAND_LINE, true);
  view.setUint32(RAMDISK_IMAGE, initrd?.address ?? 0, true);
  view.setUint32(RAMDISK_SIZE, initrd?.size ?? 0, true);
  const map = memoryMap(ramSize);
  page[E820_ENTRIES] = map.length;
  map.forEach(({ base, length, type }, n) => {
    const at = E820_TABLE + n * E820_SIZE;
    view.setUint32(at, base, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 16, type, true);
  });
  return page;
}

function littleEndian(words: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, n) => {
    view.setUint32(4 * n, word, true);
  });
  return new Uint8Array(view.buffer);
}
