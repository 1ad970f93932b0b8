/**
 * Where data lie, from a cache's geometry alone: which share of a cyclic walk's accesses misses. With exact LRU a
 * set that is asked for more lines than it has ways, always in the same order, misses every time, and one that is
 * not never does; so a share of misses needs no simulation, only the count of lines in each set.
 */
import type { CacheGeometry, TlbGeometry } from '../../emu/profile/profile.ts';

/** Sets, ways and bytes of a line (or of a page, for a TLB). */
export interface Shape {
  sets: number;
  ways: number;
  line: number;
}

export function shapeOf(c: CacheGeometry): Shape {
  return {
    sets: c.size.value / (c.ways.value * c.line.value),
    ways: c.ways.value,
    line: c.line.value,
  };
}

export function tlbShape(t: TlbGeometry): Shape {
  const ways = t.ways.value === 0 ? t.entries.value : t.ways.value;
  return { sets: t.entries.value / ways, ways, line: 1 };
}

/** How many lines fall into each set. The addresses of one line must follow each other. */
function linesPerSet(shape: Shape, addresses: Iterable<number>): number[] {
  const sets = new Array<number>(shape.sets).fill(0);
  let last = -1;
  for (const at of addresses) {
    const line = Math.floor(at / shape.line);
    if (line !== last) sets[line % shape.sets]++;
    last = line;
  }
  return sets;
}

/** Do all these lines fit, so that none is ever missed? */
export function fits(shape: Shape, addresses: Iterable<number>): boolean {
  return linesPerSet(shape, addresses).every(n => n <= shape.ways);
}

/** The share of the lines of `addresses` (those of one line next to each other), visited in turn for ever, that miss: 0 to 1. */
export function missShare(shape: Shape, addresses: Iterable<number>): number {
  const sets = linesPerSet(shape, addresses);
  const all = sets.reduce((sum, n) => sum + n, 0);
  const missing = sets.reduce((sum, n) => sum + (n > shape.ways ? n : 0), 0);
  return all === 0 ? 0 : missing / all;
}

/** `from`, `from + by`, …: `count` addresses. */
export function* steps(from: number, by: number, count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield from + i * by;
}
