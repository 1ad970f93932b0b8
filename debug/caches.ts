/** What the caches hold: occupancy, or where one line is. */
import type { Cache } from '../emu/mmu/cache.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';

const EMPTY = -1;
const DIRTY = 1;

export function cacheText(target: Target, physical?: number): string {
  const { hierarchy } = target.machine.cpu.mmu;
  if (!hierarchy.timed) return `the profile ${target.machine.profile.name} has no caches\n`;
  const caches = [hierarchy.l1i, hierarchy.l1d, hierarchy.l2];
  if (physical === undefined) return caches.map(occupancy).join('');
  return `line of physical ${hex8(physical)}\n${caches.map(cache => presence(cache, physical)).join('')}`;
}

function occupancy(cache: Cache): string {
  const { lines, dirty } = cache.occupancy();
  const size = `${cache.setMask + 1} sets of ${cache.ways} ways, ${1 << cache.lineShift}-byte lines`;
  return `  ${cache.name.padEnd(3)}  ${lines} of ${cache.tags.length} lines (${size}), ${dirty} dirty; ${cache.misses} misses\n`;
}

function presence(cache: Cache, physical: number): string {
  const line = physical >>> cache.lineShift;
  const set = line & cache.setMask;
  const first = set * cache.ways;
  const way = cache.tags.subarray(first, first + cache.ways).findIndex(t => t !== EMPTY && t >> 2 === line);
  const where = `set ${set}`;
  if (way < 0) return `  ${cache.name.padEnd(3)}  ${where}: absent\n`;
  const dirty = cache.tags[first + way] & DIRTY ? ', dirty' : '';
  return `  ${cache.name.padEnd(3)}  ${where}: present, ${way + 1} of ${cache.ways} by last use${dirty}\n`;
}
