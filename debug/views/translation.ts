/**
 * What the tables in RAM say of a linear address (SDM vol. 3, 4.3): each entry with its bits named, who may do what, and
 * of which type the memory is (11.5.2.2: page attributes and MTRRs together).
 */
import { CR0_WP, CR4_PSE } from '../../emu/cpu/registers.ts';
import { PAT } from '../../emu/mmu/memory-types.ts';
import {
  BIG,
  TLB_D,
  TLB_G,
  TLB_HIGH,
  TLB_PAT,
  TLB_PCD,
  TLB_PWT,
  TLB_U,
  TLB_W,
  type Tlb,
} from '../../emu/mmu/tlb.ts';
import type { Target } from '../target.ts';
import { bitNames, hex8 } from '../text.ts';

const P = 0x001;
export const RW = 0x002;
export const US = 0x004;
const PS = 0x080;
const G = 0x100;
/** In a PDE that maps 4 MiB. */
const BIG_PAT = 0x1000;
const BIG_HIGH = 0x1_e000;
const BIG_RESERVED = 0x3e_0000;
const BIG_MASK = 0x3f_ffff;

type Bits = readonly (readonly [mask: number, name: string])[];

const PDE_BITS: Bits = [
  [0x800, 'AVL11'],
  [0x400, 'AVL10'],
  [0x200, 'AVL9'],
  [G, 'G'],
  [PS, 'PS'],
  [0x040, 'D'],
  [0x020, 'A'],
  [0x010, 'PCD'],
  [0x008, 'PWT'],
  [US, 'U/S'],
  [RW, 'R/W'],
  [P, 'P'],
];
const PTE_BITS: Bits = PDE_BITS.map(([mask, name]) => [mask, name === 'PS' ? 'PAT' : name]);

/** One entry on the way. */
export interface Entry {
  kind: 'PDE' | 'PTE';
  index: number;
  /** Where it is; physical. */
  at: number;
  /** -1: outside RAM, where all ones are read. */
  value: number;
  /** Its set bits. */
  bits: string;
}

/** Where a linear address leads: what a TLB would be filled with. */
export interface Landing {
  /** Physical address of the byte, unsigned; undefined where there is no translation. */
  physical?: number;
  /** U/S and R/W of both levels together. */
  rights: number;
  big: boolean;
  global: boolean;
  /** PAT, PCD and PWT as bits 2 to 0. */
  attributes: number;
  /** Why there is no translation, or BEYOND. */
  failure?: string;
}

/** The outcome of a walk. */
export interface Translation extends Landing {
  entries: Entry[];
}

const NOWHERE: Landing = { rights: 0, big: false, global: false, attributes: 0 };
/** A page of 4 MiB above 4 GiB (PSE-36): it is mapped, and nothing answers there, so it reads as all ones. */
export const BEYOND = 'above 4 GiB, where nothing answers';
const ABSENT: Landing = { ...NOWHERE, failure: 'not present' };

/** Does a PDE end the walk: is it absent, or of 4 MiB? */
export function isLast(pde: number, pse: boolean): boolean {
  return !(pde & P) || (pse && (pde & PS) !== 0);
}

/** What the entries say of `lin`; `pte` counts only behind a PDE that is not the last. */
export function land(lin: number, pde: number, pte: number, pse: boolean): Landing {
  if (isLast(pde, pse)) return pde & P ? bigPage(lin, pde) : ABSENT;
  if (!(pte & P)) return ABSENT;
  return {
    physical: ((pte & ~0xfff) | (lin & 0xfff)) >>> 0,
    rights: pde & pte & (RW | US),
    big: false,
    global: (pte & G) !== 0,
    attributes: ((pte & PS) >> 5) | ((pte >> 3) & 3),
  };
}

function bigPage(lin: number, pde: number): Landing {
  const nowhere = { ...NOWHERE, big: true };
  if (pde & BIG_RESERVED) return { ...nowhere, failure: 'a reserved bit is set' };
  const physical = ((pde & ~BIG_MASK) | (lin & BIG_MASK)) >>> 0;
  return {
    ...(pde & BIG_HIGH ? { failure: BEYOND } : { physical }),
    rights: pde & (RW | US),
    big: true,
    global: (pde & G) !== 0,
    attributes: ((pde & BIG_PAT) >> 10) | ((pde >> 3) & 3),
  };
}

/** Are pages of 4 MiB on? */
export function largePages(target: Target): boolean {
  return (target.machine.cpu.cr4 & CR4_PSE) !== 0;
}

/** Walks the tables in RAM from the directory at physical address `cr3`, whatever they hold. */
export function walk(target: Target, lin: number, cr3: number): Translation {
  const pse = largePages(target);
  const entries: Entry[] = [];
  const entry = (kind: Entry['kind'], index: number, base: number, bits: Bits) => {
    const at = ((base & ~0xfff) + (index << 2)) >>> 0;
    const value = target.value(at, 4, true);
    entries.push({ kind, index, at, value, bits: value < 0 ? '' : bitNames(value, bits) });
    return value < 0 ? -1 : value;
  };
  const pde = entry('PDE', lin >>> 22, cr3, PDE_BITS);
  const pte = isLast(pde, pse) ? 0 : entry('PTE', (lin >>> 12) & 0x3ff, pde, PTE_BITS);
  return { ...land(lin, pde, pte, pse), entries };
}

/** The entries as lines. */
export function entryLines({ entries, big }: Translation): string[] {
  return entries.flatMap(({ kind, index, at, value, bits }, n) => {
    const said = value < 0 ? 'outside RAM: reads as ffffffff' : bits || 'not present';
    const line = `${kind} ${String(index).padStart(4)} at ${hex8(at)} = ${hex8(value)}  ${said}`;
    const last = n === entries.length - 1 && (value & P) !== 0 && (kind === 'PTE' || big);
    if (!last) return [line];
    const base = big ? value & ~BIG_MASK : value & ~0xfff;
    return [line, `              ${big ? '4 MiB' : '4 KiB'} page at ${hex8(base)}`];
  });
}

// ---- permission --------------------------------------------------------------------------------------------------------

export type Permission = '-' | 'r' | 'rw';

/** What ring 0 and ring 3 may do with a page of these rights. Execution is reading. */
export function permissions(target: Target, rights: number): { supervisor: Permission; user: Permission } {
  const protects = (target.machine.cpu.cr0 & CR0_WP) !== 0;
  const write = (rights & RW) !== 0;
  return {
    supervisor: write || !protects ? 'rw' : 'r',
    user: rights & US ? (write ? 'rw' : 'r') : '-',
  };
}

/** The same in words. */
export function permissionText(target: Target, rights: number): string {
  const write = (rights & RW) !== 0;
  const user = rights & US ? `user reads${write ? ' and writes' : ''}` : 'user: none';
  if (write) return `supervisor reads and writes; ${user}`;
  const protects = (target.machine.cpu.cr0 & CR0_WP) !== 0;
  return `supervisor reads${protects ? ' (CR0.WP: no writes)' : ' and writes (CR0.WP is off)'}; ${user}`;
}

// ---- memory types ------------------------------------------------------------------------------------------------------

const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: 'UC',
  1: 'WC',
  4: 'WT',
  5: 'WP',
  6: 'WB',
  7: 'UC-',
};

/** SDM vol. 3, table 11-7: the page's type by row, the MTRRs' UC, WC, WT, WP, WB by column. */
const EFFECTIVE: Readonly<Record<string, readonly string[]>> = {
  UC: ['UC', 'UC', 'UC', 'UC', 'UC'],
  'UC-': ['UC', 'WC', 'UC', 'WC', 'UC'],
  WC: ['WC', 'WC', 'WC', 'WC', 'WC'],
  WT: ['UC', 'UC', 'WT', 'WT', 'WT'],
  WP: ['UC', 'UC', 'WP', 'WP', 'WP'],
  WB: ['UC', 'WC', 'WT', 'WP', 'WB'],
};
const MTRR_ORDER = ['UC', 'WC', 'WT', 'WP', 'WB'];

/** Of an access to physical address `pa` through a page with these attributes. */
export function memoryType(target: Target, pa: number, attributes: number): string {
  const { types } = target.machine.cpu.mmu;
  if (types.cacheDisabled) return 'UC';
  const pat = types.read(PAT);
  const byPage = TYPE_NAMES[((attributes & 4 ? pat.hi : pat.lo) >>> (8 * (attributes & 3))) & 0xff] ?? '?';
  const byRange = TYPE_NAMES[types.typeOf(pa >>> 0)] ?? '?';
  return EFFECTIVE[byPage]?.[MTRR_ORDER.indexOf(byRange)] ?? '?';
}

// ---- against the TLBs --------------------------------------------------------------------------------------------------

/** The linear address where an entry's page begins, and its size in bytes. */
export function pageOf(key: number): { lin: number; size: number } {
  return key & BIG
    ? { lin: ((key & 0x3ff) << 22) >>> 0, size: 0x40_0000 }
    : { lin: (key << 12) >>> 0, size: 0x1000 };
}

/** How entry `e` differs from the tables in `cr3`, in words; undefined if it does not. */
export function staleness(target: Target, tlb: Tlb, e: number, cr3: number): string | undefined {
  const { lin } = pageOf(tlb.key[e]);
  const found = walk(target, lin, cr3);
  const flags = tlb.flags[e];
  const beyond = found.failure === BEYOND;
  if (found.physical === undefined && !beyond) return 'the tables have no translation';
  if (beyond !== ((flags & TLB_HIGH) !== 0)) return `the tables say ${beyond ? BEYOND : 'below 4 GiB'}`;
  const attributes = ((flags & TLB_PAT) >> 5) | ((flags & (TLB_PCD | TLB_PWT)) >> 3);
  const differs = [
    found.physical !== undefined && found.physical !== tlb.frame[e] >>> 0 && `frame ${hex8(found.physical)}`,
    (flags & (TLB_W | TLB_U)) !== found.rights && rightsText(found.rights),
    attributes !== found.attributes && 'another memory type',
    Boolean(tlb.key[e] & BIG) !== found.big && `a ${found.big ? '4 MiB' : '4 KiB'} page`,
  ].filter(Boolean);
  return differs.length ? `the tables say ${differs.join(', ')}` : undefined;
}

export function rightsText(flags: number): string {
  const write = flags & TLB_W ? 'R/W' : 'R';
  return [flags & TLB_U ? 'user' : 'supervisor', write, flags & TLB_D ? 'D' : '', flags & TLB_G ? 'G' : '']
    .filter(Boolean)
    .join(' ');
}
