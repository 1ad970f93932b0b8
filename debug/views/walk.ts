/** `walk`: the way through the tables, the same address in every address space, and what the TLBs hold of it. */
import { BIG, type Tlb } from '../../emu/mmu/tlb.ts';
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { placeOf, places } from './places.ts';
import { type Space, spaces } from './spaces.ts';
import { ranks } from './tlb.ts';
import {
  BEYOND,
  entryLines,
  memoryType,
  permissions,
  permissionText,
  rightsText,
  staleness,
  type Translation,
  walk,
} from './translation.ts';

/** A TLB's entry for the address. */
export interface Held {
  tlb: string;
  entry: number;
  frame: number;
  rights: string;
  /** 1 is the entry that was used last, of `of`. */
  rank: number;
  of: number;
  /** How it differs from the tables, if it does. */
  stale?: string;
}

export interface Walk {
  space: Space;
  translation: Translation;
  /** Empty unless the space is loaded. */
  held: Held[];
  /** In every space. */
  everywhere: { space: Space; translation: Translation; type: string }[];
}

export function walkOf(target: Target, lin: number, space: Space): Walk {
  const list = spaces(target);
  if (!list.some(s => s.cr3 === space.cr3)) list.push(space);
  return {
    space,
    translation: walk(target, lin, space.cr3),
    held: space.loaded ? target.machine.cpu.mmu.tlbs().flatMap(tlb => heldBy(target, tlb, lin)) : [],
    everywhere: list.map(s => {
      const translation = walk(target, lin, s.cr3);
      const { physical, attributes } = translation;
      return {
        space: s,
        translation,
        type: physical === undefined ? '' : memoryType(target, physical, attributes),
      };
    }),
  };
}

function heldBy(target: Target, tlb: Tlb, lin: number): Held[] {
  const order = ranks(tlb);
  return [lin >>> 12, (lin >>> 22) | BIG].flatMap(key => {
    const entry = tlb.key.indexOf(key);
    if (entry < 0) return [];
    return [
      {
        tlb: tlb.name,
        entry,
        frame: tlb.frame[entry] >>> 0,
        rights: rightsText(tlb.flags[entry]),
        rank: order.get(entry) ?? 0,
        of: order.size,
        stale: staleness(target, tlb, entry, target.machine.cpu.cr3),
      },
    ];
  });
}

export function walkText(target: Target, lin: number, space: Space): string {
  const { translation, held, everywhere } = walkOf(target, lin, space);
  const place = placeOf(places(target), lin).name;
  const where = `${target.describe(lin)}${place ? ` (${place})` : ''}`;
  const lines = [`${where} in the page directory at ${hex8(space.cr3)} (${space.name})`];
  lines.push(...entryLines(translation).map(line => `  ${line}`));
  const { physical, attributes, failure } = translation;
  if (failure === BEYOND)
    lines.push(`  ${BEYOND}: reads as all ones; ${permissionText(target, translation.rights)}`);
  else if (physical === undefined) {
    const why = failure === 'not present' ? '' : ` (${failure})`;
    lines.push(`  no translation${why}: any access is a page fault`);
  } else {
    const type = memoryType(target, physical, attributes);
    lines.push(`  physical ${hex8(physical)}, ${type}; ${permissionText(target, translation.rights)}`);
  }
  for (const h of held) {
    const where = `${h.tlb} entry ${h.entry}: frame ${hex8(h.frame)} ${h.rights}, ${h.rank} of ${h.of} by last use`;
    lines.push(`  ${where}${h.stale ? `; STALE: ${h.stale}` : ''}`);
  }
  if (space.loaded && held.length === 0) lines.push('  no TLB holds it');
  const text = lines.map(line => `${line}\n`).join('');
  return everywhere.length > 1 ? `${text}${sideBySide(target, everywhere)}` : text;
}

function sideBySide(target: Target, everywhere: Walk['everywhere']): string {
  const rows = everywhere.map(({ space, translation, type }) => {
    const { physical, rights, big, global, failure } = translation;
    const mark = space.loaded ? '  =>' : '    ';
    const head = [`${mark} ${space.name}`, hex8(space.cr3)];
    if (physical === undefined) return [...head, '-', '-', failure ?? ''];
    const { supervisor, user } = permissions(target, rights);
    const frame = `${hex8(physical & (big ? ~0x3fffff : ~0xfff))} ${big ? '4M' : '4K'}${global ? ' G' : ''}`;
    return [...head, supervisor, user, type, frame];
  });
  return table(
    [['     address space', 'CR3', 'supervisor', 'user', 'type', 'frame'], ...rows],
    [0, 1, 2, 3, 4, 5],
  );
}
