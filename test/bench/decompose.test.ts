/** Does each cell of the matrix belong to exactly one part, and do the parts add up? */
import { describe, expect, it } from 'vitest';
import { busyCycles, byCause, byRegion, decompose, PARTS, partOf } from '../../bench/decompose.ts';
import { CAUSES } from '../../emu/accounting.ts';
import { REGIONS } from '../../guest/regions.ts';

const COLUMNS = 16;

describe('the decomposition', () => {
  it('gives every cell of every region one part, and idle none', () => {
    for (let region = 0; region < 16; region++)
      for (const cause of CAUSES)
        expect(cause === 'idle' ? ['idle'] : PARTS).toContain(partOf(region, cause));
  });

  it('counts each busy cell exactly once', () => {
    for (let region = 0; region < 16; region++)
      CAUSES.forEach((cause, column) => {
        const matrix = new Float64Array(256);
        matrix[region * COLUMNS + column] = 5; // ticks: a cycle and a quarter
        const parts = Object.values(decompose(matrix)).filter(v => v !== 0);
        expect(parts).toEqual(cause === 'idle' ? [] : [1.25]);
        expect(busyCycles(matrix)).toBe(cause === 'idle' ? 0 : 1.25);
      });
  });

  it('charges new code with its own walks and flushes, and old code with what slows it', () => {
    const xpc = REGIONS.indexOf('xpc');
    const kernel = REGIONS.indexOf('kernel');
    expect([partOf(xpc, 'tlbFlush'), partOf(xpc, 'walkSwitch'), partOf(xpc, 'dataMemory')]).toEqual([
      'xpc',
      'xpc',
      'xpc',
    ]);
    expect([partOf(kernel, 'walkSwitch'), partOf(kernel, 'walk'), partOf(kernel, 'dataMemory')]).toEqual([
      'tlbSwitch',
      'tlbPages',
      'cache',
    ]);
  });

  it('sums rows and columns to the same total, exactly, for any quarters', () => {
    const matrix = new Float64Array(256);
    let seed = 7;
    for (let region = 0; region < REGIONS.length; region++)
      for (let column = 0; column < CAUSES.length; column++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        matrix[region * COLUMNS + column] = seed;
      }
    const total = (o: object) => Object.values(o).reduce((a, b) => a + b, 0);
    const idle = byCause(matrix).idle;
    expect(total(byCause(matrix))).toBe(total(byRegion(matrix)));
    expect(total(decompose(matrix))).toBe(total(byCause(matrix)) - idle);
    expect(busyCycles(matrix)).toBe(total(byCause(matrix)) - idle);
  });
});
