/**
 * Where the overhead of isolation goes: each cell of the region × cause matrix belongs to exactly one part, by the
 * table below (published in docs/measuring.md), so that the parts of a difference add up to the difference exactly.
 *
 * New code is what Nooks adds: whatever its own code costs, its stalls and walks too, and with XPC the flushes of
 * its MOV CR3. The other parts are code that was there before and now runs slower. Idle time is no overhead.
 */
import { CAUSES, type CauseName } from '../emu/accounting.ts';
import { TICKS_PER_CYCLE } from '../emu/clock.ts';
import { REGIONS, type RegionName } from '../guest/regions.ts';

export const PARTS = [
  'wrappers',
  'tracker',
  'xpc',
  'copy',
  'tlbSwitch',
  'tlbPages',
  'cache',
  'path',
  'other',
] as const;
export type Part = (typeof PARTS)[number];

/** Regions whose every cycle is new code. */
const NEW_CODE: Partial<Record<RegionName, Part>> = {
  wrapper: 'wrappers',
  tracker: 'tracker',
  xpc: 'xpc',
  copy: 'copy',
};

/** Of all other regions (user, kernel, driver, recovery): the part of each cause. */
const EXISTING_CODE: Record<CauseName, Part | 'idle'> = {
  issue: 'path',
  mispredict: 'path',
  fetchL2: 'cache',
  fetchMemory: 'cache',
  dataL2: 'cache',
  dataMemory: 'cache',
  storeBuffer: 'cache',
  walk: 'tlbPages',
  walkSwitch: 'tlbSwitch',
  system: 'path',
  tlbFlush: 'other',
  exceptionEntry: 'path',
  exceptionReturn: 'path',
  port: 'path',
  mmio: 'path',
  idle: 'idle',
};

const COLUMNS = 16;

/** The part that a cell belongs to; `idle` for the idle column of every region. */
export function partOf(region: number, cause: CauseName): Part | 'idle' {
  if (cause === 'idle') return 'idle';
  const name = REGIONS[region] as RegionName | undefined;
  return (name && NEW_CODE[name]) ?? EXISTING_CODE[cause];
}

/** Cycles of each part in a matrix of ticks (or in a difference of two). Exact quarters. */
export function decompose(matrix: Float64Array): Record<Part, number> {
  const parts = Object.fromEntries(PARTS.map(p => [p, 0])) as Record<Part, number>;
  for (let region = 0; region * COLUMNS < matrix.length; region++)
    CAUSES.forEach((cause, column) => {
      const part = partOf(region, cause);
      if (part !== 'idle') parts[part] += matrix[region * COLUMNS + column] / TICKS_PER_CYCLE;
    });
  return parts;
}

/** Cycles in which the CPU did not wait in HLT. */
export function busyCycles(matrix: Float64Array): number {
  let ticks = 0;
  matrix.forEach((v, cell) => {
    if (cell % COLUMNS < CAUSES.length && CAUSES[cell % COLUMNS] !== 'idle') ticks += v;
  });
  return ticks / TICKS_PER_CYCLE;
}

/** Cycles by cause, summed over regions. */
export function byCause(matrix: Float64Array): Record<CauseName, number> {
  const sums = CAUSES.map((_, column) => {
    let ticks = 0;
    for (let cell = column; cell < matrix.length; cell += COLUMNS) ticks += matrix[cell];
    return ticks / TICKS_PER_CYCLE;
  });
  return Object.fromEntries(CAUSES.map((c, i) => [c, sums[i]])) as Record<CauseName, number>;
}

/** Cycles by region, summed over causes. */
export function byRegion(matrix: Float64Array): Record<RegionName, number> {
  return Object.fromEntries(
    REGIONS.map((name, region) => {
      let ticks = 0;
      for (let column = 0; column < CAUSES.length; column++) ticks += matrix[region * COLUMNS + column];
      return [name, ticks / TICKS_PER_CYCLE];
    }),
  ) as Record<RegionName, number>;
}

/** The matrix as rows by region name, cycles by cause name, without empty cells. */
export function namedMatrix(matrix: Float64Array): Record<string, Record<string, number>> {
  const rows: Record<string, Record<string, number>> = {};
  REGIONS.forEach((name, region) => {
    const cells = CAUSES.map(
      (cause, column) => [cause, matrix[region * COLUMNS + column] / TICKS_PER_CYCLE] as const,
    );
    rows[name] = Object.fromEntries(cells.filter(([, cycles]) => cycles !== 0));
  });
  return rows;
}
