/**
 * The memory of the machine on which vectors are replayed: Linux's descriptors, gates for every exception, and page
 * tables that map what the harness maps, at the same linear addresses. Physical layout below; sizes in bytes.
 */
import {
  CODE,
  CODE_SIZE,
  DATA,
  DATA_SIZE,
  LOW,
  patternByte,
  RODATA,
  RODATA_SIZE,
  WRAP,
  WRAP_SIZE,
} from './format.ts';
import { localDescriptors } from './ldt.ts';

/** The machine's RAM. */
export const RAM_SIZE = 1 << 20;

export const DIRECTORY = 0x1000;
const FIRST_TABLE = 0x2000;
export const CODE_FRAME = 0x8000;
export const DATA_FRAME = 0xa000;
const RODATA_FRAME = 0xc000;
const SYSTEM_FRAME = 0x10000;
const SYSTEM_SIZE = 0x3000;

/** Supervisor pages: descriptor tables, then a page of handlers, then the ring 0 stack. No vector comes near. */
const SYSTEM = 0xa8000000;
export const IDT = SYSTEM;
export const GDT = SYSTEM + 0x800;
export const TSS = SYSTEM + 0x900;
export const LDT = SYSTEM + 0xa00;
const HANDLERS = SYSTEM + 0x1000;
export const STACK_TOP = SYSTEM + 0x3000;
/** Where the stack lies in RAM. */
export const STACK_TOP_FRAME = SYSTEM_FRAME + 0x3000;
export const IDT_LIMIT = 256 * 8 - 1;
/** As Linux's GDT on x86-64: a selector past its 16 entries is past the limit. */
export const GDT_LIMIT = 16 * 8 - 1;
export const TSS_LIMIT = 0x67;

const KERNEL_CS = 0x08;
const KERNEL_DS = 0x18;
/** Entries of Linux's GDT (arch/x86/kernel/cpu/common.c), as [index, low dword, high dword]; the rest is empty. */
const DESCRIPTORS: readonly (readonly [number, number, number])[] = [
  [1, 0xffff, 0x00cf9b00], // kernel code, 32 bits
  [2, 0xffff, 0x00af9b00], // kernel code, 64 bits
  [3, 0xffff, 0x00cf9300], // kernel data
  [4, 0xffff, 0x00cffb00], // user code, 32 bits
  [5, 0xffff, 0x00cff300], // user data
  [6, 0xffff, 0x00affb00], // user code, 64 bits
];

const HLT = 0xf4;
export const INT3 = 0xcc;
const PRESENT = 1;
const WRITABLE = 2;
const USER = 4;
const INTERRUPT_GATE = 0x8e00;
const DPL3 = 0x6000;
/** INT3 and INTO may be called from user code. */
const USER_GATES = [3, 4];

/** Which exception's handler `eip` has come to (it stands behind the handler's HLT), or -1. */
export function vectorOfHandler(eip: number): number {
  const offset = (eip >>> 0) - HANDLERS - 1;
  return offset >= 0 && offset < 256 * 4 && offset % 4 === 0 ? offset / 4 : -1;
}

/** Fills RAM, given from its physical address 0. */
export function buildWorld(ram: DataView): void {
  let nextTable = FIRST_TABLE;
  const tables = new Map<number, number>();
  const word = (pa: number, v: number) => ram.setUint32(pa, v >>> 0, true);
  const map = (linear: number, frame: number, size: number, bits: number) => {
    for (let o = 0; o < size; o += 4096) {
      const entry = (linear + o) >>> 22;
      if (!tables.has(entry)) {
        tables.set(entry, nextTable);
        word(DIRECTORY + entry * 4, nextTable | PRESENT | WRITABLE | USER);
        nextTable += 4096;
      }
      word(tables.get(entry)! + (((linear + o) >>> 12) & 1023) * 4, (frame + o) | bits);
    }
  };
  map(LOW, DATA_FRAME, DATA_SIZE, PRESENT | WRITABLE | USER);
  map(CODE, CODE_FRAME, CODE_SIZE, PRESENT | USER);
  map(DATA, DATA_FRAME, DATA_SIZE, PRESENT | WRITABLE | USER);
  map(WRAP, DATA_FRAME, WRAP_SIZE, PRESENT | WRITABLE | USER);
  map(RODATA, RODATA_FRAME, RODATA_SIZE, PRESENT | USER);
  map(SYSTEM, SYSTEM_FRAME, SYSTEM_SIZE, PRESENT | WRITABLE);

  for (let i = 0; i < CODE_SIZE; i++) ram.setUint8(CODE_FRAME + i, INT3);
  for (let i = 0; i < DATA_SIZE; i++) ram.setUint8(DATA_FRAME + i, patternByte(i));
  for (let i = 0; i < RODATA_SIZE; i++) ram.setUint8(RODATA_FRAME + i, patternByte(i));

  const physical = (linear: number) => linear - SYSTEM + SYSTEM_FRAME;
  for (const [n, low, high] of DESCRIPTORS) {
    word(physical(GDT) + n * 8, low);
    word(physical(GDT) + n * 8 + 4, high);
  }
  localDescriptors().forEach(([low, high], n) => {
    word(physical(LDT) + n * 8, low);
    word(physical(LDT) + n * 8 + 4, high);
  });
  for (let n = 0; n < 256; n++) {
    const handler = HANDLERS + n * 4;
    const type = INTERRUPT_GATE | (USER_GATES.includes(n) ? DPL3 : 0);
    word(physical(IDT) + n * 8, (KERNEL_CS << 16) | (handler & 0xffff));
    word(physical(IDT) + n * 8 + 4, (handler & 0xffff0000) | type);
    ram.setUint8(physical(handler), HLT);
  }
  word(physical(TSS) + 4, STACK_TOP);
  word(physical(TSS) + 8, KERNEL_DS);
  ram.setUint16(physical(TSS) + 0x66, TSS_LIMIT + 1, true);
}
