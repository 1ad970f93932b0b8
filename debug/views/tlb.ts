/** `tlb`: what each TLB holds and whether the tables still say so; and whose translations its never flushed twin keeps. */
import { CR4_PGE } from '../../emu/cpu/registers.ts';
import { BIG, TLB_G, type Tlb } from '../../emu/mmu/tlb.ts';
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { spaces } from './spaces.ts';
import { pageOf, rightsText, staleness } from './translation.ts';

/** Entries of the twin that are named one by one. */
const TWINS_SHOWN = 8;

export interface TlbEntry {
  entry: number;
  /** 1 is the entry that was used last. */
  rank: number;
  lin: number;
  big: boolean;
  frame: number;
  rights: string;
  /** Has the twin it too? As one of the directory that is loaded, or as a global one. */
  twin: 'own' | 'global' | 'none';
  stale?: string;
}

const TWIN = { own: 'twin too', global: 'global in twin', none: 'not in twin' } as const;

/** Live entries by their last use, the last one first. */
export function ranks(tlb: Tlb): Map<number, number> {
  const live = Array.from({ length: tlb.entries }, (_, e) => e).filter(e => tlb.key[e] !== -1);
  live.sort((a, b) => tlb.lastUse(b) - tlb.lastUse(a));
  return new Map(live.map((e, n) => [e, n + 1]));
}

export function tlbEntries(target: Target, tlb: Tlb): TlbEntry[] {
  const { cr3 } = target.machine.cpu;
  return [...ranks(tlb)].map(([entry, rank]) => {
    const key = tlb.key[entry];
    return {
      ...{ entry, rank, lin: pageOf(key).lin, big: (key & BIG) !== 0 },
      frame: tlb.frame[entry] >>> 0,
      rights: rightsText(tlb.flags[entry]),
      // A flush leaves global entries only, so all others are of the directory that is loaded.
      twin: !tlb.paired(entry) ? 'none' : tlb.flags[entry] & TLB_G ? 'global' : 'own',
      stale: target.paging() ? staleness(target, tlb, entry, cr3) : undefined,
    };
  });
}

/** Every TLB, or the one named; undefined if there is none of that name. */
export function tlbText(target: Target, only?: string): string | undefined {
  const tlbs = target.machine.cpu.mmu.tlbs().filter(tlb => only === undefined || tlb.name === only);
  return tlbs.length === 0 ? undefined : tlbs.map(tlb => oneTlb(target, tlb)).join('');
}

function oneTlb(target: Target, tlb: Tlb): string {
  const entries = tlbEntries(target, tlb);
  const counts = `${tlb.misses} misses, ${tlb.switchMisses} of them by switches`;
  const hits = target.machine.cpu.cr4 & CR4_PGE ? `, ${tlb.globalHits} hits only thanks to global pages` : '';
  const stale = entries.filter(e => e.stale).length;
  const head = `${tlb.name}: ${entries.length} of ${tlb.entries} entries; ${stale ? `${stale} STALE; ` : ''}${counts}${hits}; loaded: ${whose(target, target.machine.cpu.cr3)}\n`;
  const rows = entries.map(e => [
    ` ${e.rank}`,
    hex8(e.lin),
    e.big ? '4M' : '4K',
    `-> ${hex8(e.frame)}`,
    e.rights,
    TWIN[e.twin],
    e.stale ? `STALE: ${e.stale}` : (target.symbolAt(e.lin) ?? ''),
  ]);
  return head + table(rows, [1, 2, 3, 4, 5, 6]) + twinText(target, tlb);
}

function twinText(target: Target, tlb: Tlb): string {
  const only = tlb.onlyInTwin();
  if (only.length === 0) return '';
  const byOwner = new Map<string, string[]>();
  for (const { key, directory } of only) {
    const name = directory < 0 ? 'global' : whose(target, directory << 12);
    byOwner.set(name, [...(byOwner.get(name) ?? []), hex8(pageOf(key).lin)]);
  }
  const list = [...byOwner].map(([name, pages]) => {
    const more = pages.length > TWINS_SHOWN ? ', ...' : '';
    return `    ${name}: ${pages.length}: ${pages.slice(0, TWINS_SHOWN).join(', ')}${more}\n`;
  });
  return `  without flushes it would also hold ${only.length} more\n${list.join('')}`;
}

/** Whose a page directory is; one that nobody has any more is named by its address. */
function whose(target: Target, cr3: number): string {
  return spaces(target).find(s => s.cr3 === cr3 >>> 0)?.name ?? `directory ${hex8(cr3)}`;
}
