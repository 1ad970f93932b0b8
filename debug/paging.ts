/** Page-table walks level by level with every bit named (SDM vol. 3, 4.3), and what the TLBs hold instead. */
import { CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../emu/cpu/registers.ts';
import { BIG, TLB_D, TLB_G, TLB_U, TLB_W, type Tlb } from '../emu/mmu/tlb.ts';
import type { Target } from './target.ts';
import { bitNames, hex8, table } from './text.ts';

const P = 0x001;
const RW = 0x002;
const US = 0x004;
const PS = 0x080;

type Bits = readonly (readonly [mask: number, name: string])[];

const PDE_BITS: Bits = [
  [0x800, 'AVL11'],
  [0x400, 'AVL10'],
  [0x200, 'AVL9'],
  [0x100, 'G'],
  [0x080, 'PS'],
  [0x040, 'D'],
  [0x020, 'A'],
  [0x010, 'PCD'],
  [0x008, 'PWT'],
  [US, 'U/S'],
  [RW, 'R/W'],
  [P, 'P'],
];
const PTE_BITS: Bits = PDE_BITS.map(([mask, name]) => [mask, name === 'PS' ? 'PAT' : name]);

/** The outcome of a walk: what a TLB would be filled with. */
export interface Translation {
  /** Physical address of the byte, unsigned; undefined where an entry is not present. */
  physical?: number;
  /** U/S and R/W of both levels together. */
  rights: number;
  big: boolean;
  lines: string[];
}

/** Walks the tables in RAM from the directory at physical address `cr3`, whatever they hold. */
export function walk(target: Target, lin: number, cr3: number): Translation {
  const { cpu } = target.machine;
  const entry = (what: string, index: number, at: number, bits: Bits) => {
    const value = target.value(at >>> 0, 4, true);
    const named = value < 0 ? 'outside RAM: reads as ffffffff' : bitNames(value, bits) || 'not present';
    lines.push(`${what} ${String(index).padStart(4)} at ${hex8(at)} = ${hex8(value)}  ${named}`);
    return value < 0 ? -1 : value;
  };
  const lines: string[] = [];
  const none = { rights: 0, big: false, lines };
  const pde = entry('PDE', lin >>> 22, (cr3 & ~0xfff) + ((lin >>> 22) << 2), PDE_BITS);
  if (!(pde & P)) return none;
  if (cpu.cr4 & CR4_PSE && pde & PS) {
    lines.push(`              4 MiB page at ${hex8(pde & ~0x3fffff)}`);
    const physical = ((pde & ~0x3fffff) | (lin & 0x3fffff)) >>> 0;
    return { physical, rights: pde & (RW | US), big: true, lines };
  }
  const index = (lin >>> 12) & 0x3ff;
  const pte = entry('PTE', index, (pde & ~0xfff) + (index << 2), PTE_BITS);
  if (!(pte & P)) return none;
  lines.push(`              4 KiB page at ${hex8(pte & ~0xfff)}`);
  const physical = ((pte & ~0xfff) | (lin & 0xfff)) >>> 0;
  return { physical, rights: pde & pte & (RW | US), big: false, lines };
}

/** `walk` as text; `whose` says whose directory it is. */
export function walkText(target: Target, lin: number, cr3: number, whose: string): string {
  const { cpu } = target.machine;
  if (!(cpu.cr0 & CR0_PG)) return `paging is off: ${hex8(lin)} is physical\n`;
  const found = walk(target, lin, cr3);
  let text = `${target.describe(lin)} in the page directory at ${hex8(cr3 & ~0xfff)} (${whose})\n`;
  text += found.lines.map(line => `  ${line}\n`).join('');
  if (found.physical === undefined) text += '  no translation: any access is a page fault\n';
  else text += `  physical ${hex8(found.physical)}; ${permission(found.rights, (cpu.cr0 & CR0_WP) !== 0)}\n`;
  const held = cpu.mmu.tlbs().flatMap(tlb => holding(tlb, lin, found));
  const loaded = (cr3 & ~0xfff) === (cpu.cr3 & ~0xfff);
  if (!loaded) return text;
  return text + (held.length ? held.map(line => `  ${line}\n`).join('') : '  no TLB holds it\n');
}

/** Who may do what by the combined U/S and R/W bits. */
function permission(rights: number, writeProtect: boolean): string {
  const write = (rights & RW) !== 0;
  const user = rights & US ? `user reads${write ? ' and writes' : ''}` : 'user: none';
  if (write) return `supervisor reads and writes; ${user}`;
  return `supervisor reads${writeProtect ? ' (CR0.WP: no writes)' : ' and writes (CR0.WP is off)'}; ${user}`;
}

function holding(tlb: Tlb, lin: number, found: Translation): string[] {
  const lines: string[] = [];
  for (const key of [lin >>> 12, (lin >>> 22) | BIG]) {
    const e = tlb.find(key);
    if (e < 0) continue;
    const mask = key & BIG ? 0x3fffff : 0xfff;
    const physical = ((tlb.frame[e] & ~mask) | (lin & mask)) >>> 0;
    const same = physical === found.physical && (tlb.flags[e] & (TLB_W | TLB_U)) === found.rights;
    const where = `frame ${hex8(tlb.frame[e])} ${rightsText(tlb.flags[e])}`;
    lines.push(
      `${tlb.name} entry ${e}: ${where}, ${ageText(tlb, e)}${same ? '' : '; STALE: the tables say otherwise'}`,
    );
  }
  return lines;
}

function rightsText(flags: number): string {
  const write = flags & TLB_W ? 'R/W' : 'R';
  return [flags & TLB_U ? 'user' : 'supervisor', write, flags & TLB_D ? 'D' : '', flags & TLB_G ? 'G' : '']
    .filter(Boolean)
    .join(' ');
}

/** 1 is the entry that was used last. */
function ageText(tlb: Tlb, e: number): string {
  return `${ranks(tlb).get(e)} of ${ranks(tlb).size} by last use`;
}

function ranks(tlb: Tlb): Map<number, number> {
  const live = Array.from({ length: tlb.entries }, (_, e) => e).filter(e => tlb.key[e] !== -1);
  live.sort((a, b) => tlb.lastUse(b) - tlb.lastUse(a));
  return new Map(live.map((e, n) => [e, n + 1]));
}

/** Every entry of every TLB, or of the one named; the last used first. */
export function tlbText(target: Target, only?: string): string | undefined {
  const { mmu, cr4 } = target.machine.cpu;
  const tlbs = mmu.tlbs().filter(tlb => only === undefined || tlb.name === only);
  if (tlbs.length === 0) return undefined;
  return tlbs.map(tlb => oneTlb(target, tlb, (cr4 & CR4_PGE) !== 0)).join('');
}

function oneTlb(target: Target, tlb: Tlb, global: boolean): string {
  const order = [...ranks(tlb)];
  const counts = `${tlb.misses} misses, ${tlb.switchMisses} of them by switches`;
  const hits = global ? `, ${tlb.globalHits} hits only thanks to global pages` : '';
  const only = tlb.onlyInTwin();
  const rows = order.map(([e, rank]) => {
    const key = tlb.key[e];
    const lin = key & BIG ? (key & 0x3ff) << 22 : key << 12;
    const size = key & BIG ? '4M' : '4K';
    const twin = tlb.paired(e) ? 'twin too' : 'not in twin';
    const name = target.symbolAt(lin) ?? '';
    return [` ${rank}`, hex8(lin), size, `-> ${hex8(tlb.frame[e])}`, rightsText(tlb.flags[e]), twin, name];
  });
  const head = `${tlb.name}: ${order.length} of ${tlb.entries} entries; ${counts}${hits}\n`;
  const twin = only.length
    ? `  without flushes it would also hold ${only.length} more: ${only.slice(0, 8).map(twinEntry).join(', ')}${only.length > 8 ? ', ...' : ''}\n`
    : '';
  return head + table(rows, [1, 2, 3, 4, 5, 6]) + twin;
}

function twinEntry({ key, directory }: { key: number; directory: number }): string {
  const lin = key & BIG ? (key & 0x3ff) << 22 : key << 12;
  return `${hex8(lin)}${directory < 0 ? ' (global)' : ` of ${hex8(directory << 12)}`}`;
}
