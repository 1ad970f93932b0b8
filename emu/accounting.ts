/**
 * Every cycle has one cause and one code region. This is the only place that moves the clock: each charge adds
 * the same ticks to one cell of the matrix and to the time, so the matrix sums to the clock, always.
 */

/** Why time passed. The order is the column order of the matrix and of every report. */
export const CAUSES = [
  'issue',
  'mispredict',
  'fetchL2',
  'fetchMemory',
  'dataL2',
  'dataMemory',
  'storeBuffer',
  'walk',
  'system',
  'tlbFlush',
  'exceptionEntry',
  'exceptionReturn',
  'port',
  'mmio',
  'idle',
] as const;
export type CauseName = (typeof CAUSES)[number];

/** The index of each cause; copy what a hot path needs into a module-private constant. */
export const CAUSE: { readonly [K in CauseName]: number } = Object.fromEntries(
  CAUSES.map((name, i) => [name, i]),
) as { [K in CauseName]: number };

const COLUMNS = 16;
export const MAX_REGIONS = 16;

export class Accounting {
  /** Ticks by region × cause, row-major with 16 columns. */
  readonly matrix: Float64Array;
  /** The clock: one element, ticks since reset. */
  readonly time: Float64Array;
  /** Region that is charged now, 0 to 15. What the numbers mean is the host's affair. */
  private row = 0;

  constructor(matrix: Float64Array = new Float64Array(MAX_REGIONS * COLUMNS), time = new Float64Array(1)) {
    this.matrix = matrix;
    this.time = time;
  }

  /** Adds `ticks` (a non-negative integer) of `cause` to the current region and to the clock. */
  charge(cause: number, ticks: number): void {
    this.matrix[this.row + cause] += ticks;
    this.time[0] += ticks;
  }

  get region(): number {
    return this.row >> 4;
  }

  set region(region: number) {
    this.row = region << 4;
  }

  /** A copy of the matrix, for differences between two moments. */
  snapshot(): Float64Array {
    return this.matrix.slice();
  }

  /** Ticks of one region and cause since reset. */
  cell(region: number, cause: number): number {
    return this.matrix[region * COLUMNS + cause];
  }

  /** The sum of all cells, which equals the clock (a test asserts it). */
  sum(): number {
    let sum = 0;
    for (const v of this.matrix) sum += v;
    return sum;
  }
}
