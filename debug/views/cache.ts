/** `cache`: how full each level is and with whose lines, or where in them one line is. */
import type { Cache } from '../../emu/mmu/cache.ts';
import type { Target } from '../target.ts';
import { group, hex8, table } from '../text.ts';
import { frameNames } from './frames.ts';

const EMPTY = -1;
const DIRTY = 1;

/** What a level holds of one owner's memory. */
export interface Share {
  lines: number;
  dirty: number;
}

function caches(target: Target): Cache[] {
  const { l1i, l1d, l2 } = target.machine.cpu.mmu.hierarchy;
  return [l1i, l1d, l2];
}

/** By owner of the memory, the largest share first. */
export function shares(target: Target, cache: Cache): Map<string, Share> {
  const nameOf = frameNames(target);
  const found = new Map<string, Share>();
  for (const tag of cache.tags) {
    if (tag === EMPTY) continue;
    const name = nameOf(((tag >> 2) << cache.lineShift) >>> 0);
    const share = found.get(name) ?? { lines: 0, dirty: 0 };
    share.lines++;
    share.dirty += tag & DIRTY;
    found.set(name, share);
  }
  return new Map([...found].sort(([, a], [, b]) => b.lines - a.lines));
}

/** Where a line is in one level: `way` from 1, the last used first; undefined: it is not there. */
export interface Presence {
  set: number;
  way?: number;
  dirty: boolean;
}

export function presence(cache: Cache, physical: number): Presence {
  const line = physical >>> cache.lineShift;
  const set = line & cache.setMask;
  const first = set * cache.ways;
  const way = cache.tags.subarray(first, first + cache.ways).findIndex(t => t !== EMPTY && t >> 2 === line);
  if (way < 0) return { set, dirty: false };
  return { set, way: way + 1, dirty: (cache.tags[first + way] & DIRTY) !== 0 };
}

/** Of a physical address, or of all. */
export function cacheText(target: Target, physical?: number): string {
  if (!target.machine.cpu.mmu.hierarchy.timed)
    return `the profile ${target.machine.profile.name} has no caches\n`;
  if (physical === undefined) return caches(target).map(occupancy).join('') + sharesText(target);
  const lines = caches(target).map(cache => presenceText(cache, presence(cache, physical)));
  return `line of physical ${hex8(physical)} (${frameNames(target)(physical)})\n${lines.join('')}`;
}

function occupancy(cache: Cache): string {
  const { lines, dirty } = cache.occupancy();
  const size = `${cache.setMask + 1} sets of ${cache.ways} ways, ${1 << cache.lineShift}-byte lines`;
  return `  ${cache.name.padEnd(3)}  ${lines} of ${cache.tags.length} lines (${size}), ${dirty} dirty; ${cache.misses} misses\n`;
}

/** A row an owner, lines and dirty ones of each level. */
function sharesText(target: Target): string {
  const levels = caches(target).map(cache => ({ name: cache.name, shares: shares(target, cache) }));
  const owners = new Set(levels.toReversed().flatMap(({ shares }) => [...shares.keys()]));
  if (owners.size === 0) return '';
  const cell = (share?: Share) =>
    share ? `${group(share.lines)}${share.dirty ? ` (${group(share.dirty)} dirty)` : ''}` : '';
  const rows = [...owners].map(name => [`  ${name}`, ...levels.map(l => cell(l.shares.get(name)))]);
  return table([['  lines of', ...levels.map(l => l.name)], ...rows]);
}

function presenceText(cache: Cache, { set, way, dirty }: Presence): string {
  const where =
    way === undefined ? 'absent' : `present, ${way} of ${cache.ways} by last use${dirty ? ', dirty' : ''}`;
  return `  ${cache.name.padEnd(3)}  set ${set}: ${where}\n`;
}
