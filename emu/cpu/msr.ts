/**
 * Model-specific registers, the time-stamp counter and the performance counters. SDM vol. 3, 17.17 (TSC), 18
 * (performance monitoring) and vol. 4 (MSRs); vol. 2, RDMSR, WRMSR, RDTSC, RDPMC.
 *
 * Two counters in the manner of the P6: PERFEVTSEL0 and 1 (186h, 187h) select, PMC 0 and 1 (C1h, C2h, 40 bits,
 * writable) count, and EN in PERFEVTSEL0 starts both. The model counts all privileges alike, so a selection of
 * user or supervisor only, or any of edge, inversion, counter mask and interrupt, raises #GP(0) instead of
 * counting something else. Codes are the P6's where it has the event; F1h to F3h are ours, since it has none.
 */
import { CAUSE, MAX_REGIONS } from '../accounting.ts';
import { TICKS_PER_CYCLE } from '../clock.ts';
import { GP } from '../mmu/fault.ts';
import {
  MTRR_CAP,
  MTRR_DEFAULT,
  MTRR_FIXED,
  MTRR_VARIABLE,
  PAT,
  VARIABLE_RANGES,
} from '../mmu/memory-types.ts';
import type { Tlb } from '../mmu/tlb.ts';
import type { Cpu } from './cpu.ts';

const WORD = 0x1_0000_0000;
const COUNTER = 0x100_0000_0000; // counters have 40 bits
const IDLE = CAUSE.idle;

const TSC = 0x10;
const APIC_BASE = 0x1b;
/** The processor has 36 address bits. BSP (8) and EN (11) are the only flags; without an APIC, EN stays clear. */
const APIC_BASE_RESERVED = 0x6ff;
const APIC_BASE_ENABLE = 0x800;
const NO_APIC = 0xfee0_0100 | 0;
const PLATFORM_ID = 0x17;
const BIOS_SIGN_ID = 0x8b;
const PMC0 = 0xc1;
const SYSENTER_CS = 0x174;
const SYSENTER_ESP = 0x175;
const SYSENTER_EIP = 0x176;
const EVTSEL0 = 0x186;
const MISC_ENABLE = 0x1a0;
const COUNTERS = 2;
/** How many unknown registers are told about before we fall silent. */
const MOST_UNKNOWN = 256;
/** USR and OS, which go together; EN; and what must be clear: E, PC, INT, INV and the counter mask. */
const SEL_USR_OS = 0x3_0000;
const SEL_ENABLE = 0x40_0000;
const SEL_REFUSED = 0xffbc_0000 | 0;

interface Event {
  name: string;
  /** Since reset; only grows. */
  count: (c: Cpu) => number;
}

/** Where each event's count comes from, by its code. */
export const EVENTS: Readonly<Record<number, Event>> = {
  36: { name: 'L2_LINES_IN: L2 misses', count: c => c.mmu.hierarchy.l2.misses },
  69: { name: 'DCU_LINES_IN: L1D misses', count: c => c.mmu.hierarchy.l1d.misses },
  121: { name: 'CPU_CLK_UNHALTED: cycles that were not idle', count: busyCycles },
  129: { name: 'IFU_IFETCH_MISS: L1I misses', count: c => c.mmu.hierarchy.l1i.misses },
  133: { name: 'ITLB_MISS', count: c => tlbMisses(c.mmu.itlb, c.mmu.itlb4m) },
  192: { name: 'INST_RETIRED', count: c => c.instructions + c.retiredInBlock() },
  197: { name: 'BR_MISS_PRED_RETIRED', count: c => c.predictor.misses },
  241: { name: 'DTLB misses (ours)', count: c => tlbMisses(c.mmu.dtlb, c.mmu.dtlb4m) },
  242: {
    name: 'switch misses of all TLBs (ours)',
    count: c => c.mmu.tlbs().reduce((n, t) => n + t.switchMisses, 0),
  },
  243: {
    name: 'page-walk cycles (ours)',
    count: c =>
      Math.floor((c.accounting.total(CAUSE.walk) + c.accounting.total(CAUSE.walkSwitch)) / TICKS_PER_CYCLE),
  },
};

function tlbMisses(small: Tlb, big: Tlb): number {
  return small.misses + (big === small ? 0 : big.misses);
}

function busyCycles(c: Cpu): number {
  let idle = 0;
  for (let region = 0; region < MAX_REGIONS; region++) idle += c.accounting.cell(region, IDLE);
  return Math.floor((c.clock.now() - idle) / TICKS_PER_CYCLE);
}

// ---- time-stamp counter --------------------------------------------------------------------------------------

/** The time-stamp counter now: cycles since reset, plus what WRMSR made of it; modulo 2^64 in two words. */
export function readTsc(c: Cpu): { lo: number; hi: number } {
  c.mmu.sync();
  const cycles = Math.floor(c.clock.now() / TICKS_PER_CYCLE);
  const offset = c.msrs.get(TSC);
  const lo = (cycles % WORD) + ((offset?.lo ?? 0) >>> 0);
  const hi = Math.floor(cycles / WORD) + ((offset?.hi ?? 0) >>> 0) + (lo >= WORD ? 1 : 0);
  return { lo: lo | 0, hi: hi | 0 };
}

function writeTsc(c: Cpu, lo: number, hi: number): void {
  c.msrs.delete(TSC);
  const now = readTsc(c);
  const low = (lo >>> 0) - (now.lo >>> 0);
  c.msrs.set(TSC, { lo: low | 0, hi: ((hi >>> 0) - (now.hi >>> 0) - (low < 0 ? 1 : 0)) | 0 });
}

// ---- performance counters ------------------------------------------------------------------------------------

function pairValue(pair: { lo: number; hi: number } | undefined): number {
  return pair ? (pair.lo >>> 0) + (pair.hi & 0xff) * WORD : 0;
}

function setCounter(c: Cpu, n: number, value: number): void {
  const v = ((value % COUNTER) + COUNTER) % COUNTER;
  c.msrs.set(PMC0 + n, { lo: v | 0, hi: Math.floor(v / WORD) });
}

function selection(c: Cpu, n: number): number {
  return c.msrs.get(EVTSEL0 + n)?.lo ?? 0;
}

/** What is added to the stored value of counter `n` while it runs; 0 while it stands. */
function running(c: Cpu, n: number): number {
  const select = selection(c, n);
  if (!(selection(c, 0) & SEL_ENABLE) || !(select & SEL_USR_OS)) return 0;
  return EVENTS[select & 0xff].count(c) % COUNTER;
}

/** Counter `n` (0 or 1) now, 0 to 2^40 - 1; undefined when there is no such counter. */
export function readCounter(c: Cpu, n: number): number | undefined {
  if (n >>> 0 >= COUNTERS) return undefined;
  c.mmu.sync();
  return (pairValue(c.msrs.get(PMC0 + n)) + running(c, n)) % COUNTER;
}

function writeCounter(c: Cpu, n: number, lo: number): void {
  c.mmu.sync();
  setCounter(c, n, lo - running(c, n)); // WRMSR writes 32 bits and sign-extends them (SDM vol. 3, 18.6.1)
}

function writeSelection(c: Cpu, n: number, lo: number): void {
  const rings = lo & SEL_USR_OS;
  if (lo & SEL_REFUSED || (rings !== 0 && (rings !== SEL_USR_OS || !EVENTS[lo & 0xff]))) c.raise(GP, 0);
  const values = [readCounter(c, 0), readCounter(c, 1)];
  c.msrs.set(EVTSEL0 + n, { lo, hi: 0 });
  for (let k = 0; k < COUNTERS; k++) setCounter(c, k, values[k]! - running(c, k));
}

// ---- RDMSR and WRMSR -----------------------------------------------------------------------------------------

/** One register, or a row of `count`. `n` is the index in the row. Without `write` it is read-only. */
interface Msr {
  first: number;
  count: number;
  read: (c: Cpu, n: number) => { lo: number; hi: number };
  write: (c: Cpu, n: number, lo: number, hi: number) => void;
}

/** A register that keeps the bits of `mask` in its low word; other bits must be 0. */
function plain(first: number, mask: number, reset = 0): Msr {
  return {
    first,
    count: 1,
    read: c => c.msrs.get(first) ?? { lo: reset, hi: 0 },
    write: (c, _n, lo, hi) => {
      if (lo & ~mask || hi !== 0) c.raise(GP, 0);
      c.msrs.set(first, { lo, hi: 0 });
    },
  };
}

/** `count` registers of the memory types, which mmu/memory-types.ts keeps and checks. */
function memoryType(first: number, count = 1): Msr {
  return {
    first,
    count,
    read: (c, n) => c.mmu.types.read(first + n),
    write: (c, n, lo, hi) => {
      if (!c.mmu.writeMemoryType(first + n, lo, hi)) c.raise(GP, 0);
    },
  };
}

const MSRS: readonly Msr[] = [
  { first: TSC, count: 1, read: readTsc, write: (c, _n, lo, hi) => writeTsc(c, lo, hi) },
  {
    first: APIC_BASE,
    count: 1,
    read: c => c.apic?.base() ?? { lo: NO_APIC, hi: 0 },
    write: (c, _n, lo, hi) => {
      if (lo & APIC_BASE_RESERVED || hi & ~0xf || (c.apic === null && lo & APIC_BASE_ENABLE)) c.raise(GP, 0);
      c.apic?.setBase(lo, hi);
    },
  },
  // Microcode revision: none loaded; writes of 0 come before it is read.
  plain(BIOS_SIGN_ID, 0),
  // Which microcode would fit: platform 0.
  { first: PLATFORM_ID, count: 1, read: () => ({ lo: 0, hi: 0 }), write: c => c.raise(GP, 0) },
  plain(SYSENTER_CS, -1), // bits 31:16 are not used, and kept (SDM vol. 4, table 2-2)
  plain(SYSENTER_ESP, -1),
  plain(SYSENTER_EIP, -1),
  plain(MISC_ENABLE, 1, 1), // fast strings
  memoryType(MTRR_CAP),
  memoryType(MTRR_VARIABLE, 2 * VARIABLE_RANGES),
  ...MTRR_FIXED.map(n => memoryType(n)),
  memoryType(PAT),
  memoryType(MTRR_DEFAULT),
  {
    first: PMC0,
    count: COUNTERS,
    read: (c, n) => {
      const v = readCounter(c, n)!;
      return { lo: v | 0, hi: Math.floor(v / WORD) };
    },
    write: (c, n, lo) => writeCounter(c, n, lo),
  },
  {
    first: EVTSEL0,
    count: COUNTERS,
    read: (c, n) => ({ lo: selection(c, n), hi: 0 }),
    write: (c, n, lo) => writeSelection(c, n, lo),
  },
];

const BY_NUMBER = new Map<number, { msr: Msr; n: number }>();
for (const msr of MSRS) for (let n = 0; n < msr.count; n++) BY_NUMBER.set(msr.first + n, { msr, n });

function find(c: Cpu, number: number): { msr: Msr; n: number } {
  const found = BY_NUMBER.get(number >>> 0);
  if (found) return found;
  if (!c.unknownMsrs.has(number) && c.unknownMsrs.size < MOST_UNKNOWN) {
    c.unknownMsrs.add(number);
    c.onUnknown?.('msr', number >>> 0);
  }
  c.raise(GP, 0);
}

/** RDMSR: the register by its number; an unknown one is #GP(0). */
export function readMsr(c: Cpu, number: number): { lo: number; hi: number } {
  const { msr, n } = find(c, number);
  return msr.read(c, n);
}

/** WRMSR: #GP(0) for unknown registers and reserved bits. */
export function writeMsr(c: Cpu, number: number, lo: number, hi: number): void {
  const { msr, n } = find(c, number);
  msr.write(c, n, lo, hi);
}
