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
  'walkSwitch', // of a page whose translation only a switch of page tables took away
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
/** Interrupted code regions that are remembered; the oldest is forgotten first. */
const FRAMES = 64;
const NO_REGION = 255;
const REGION_MASK = MAX_REGIONS - 1;
/** In a remembered region: its code was watched. */
export const WATCHED = MAX_REGIONS;

/**
 * Dwords of what is remembered of interrupted code, a ring: linear addresses of the return addresses that were pushed,
 * their regions, how many were saved less those taken off, and whether the code that runs is watched.
 */
export const INTERRUPTED = {
  frames: FRAMES,
  frame: 0,
  region: FRAMES,
  count: 2 * FRAMES,
  watched: 2 * FRAMES + 1,
  length: 2 * FRAMES + 2,
  noRegion: NO_REGION,
  regionMask: REGION_MASK,
  countMask: 0x3fff_ffff,
} as const;
const REGION_AT = INTERRUPTED.region;
const COUNT_AT = INTERRUPTED.count;
const WATCHED_AT = INTERRUPTED.watched;
const COUNT_MASK = INTERRUPTED.countMask;

export class Accounting {
  /** Ticks by region × cause, row-major with 16 columns. */
  readonly matrix: Float64Array;
  /** The clock: one element, ticks since reset. */
  readonly time: Float64Array;
  /** Region that is charged now, 0 to 15. What the numbers mean is the host's affair. */
  private row = 0;
  /** As INTERRUPTED says. */
  readonly interrupted: Int32Array;

  constructor(
    matrix: Float64Array = new Float64Array(MAX_REGIONS * COLUMNS),
    time: Float64Array = new Float64Array(1),
    interrupted: Int32Array = new Int32Array(INTERRUPTED.length),
  ) {
    this.matrix = matrix;
    this.time = time;
    this.interrupted = interrupted;
    interrupted.fill(NO_REGION, REGION_AT, COUNT_AT);
  }

  /** WATCHED while the host watches the code that runs (cpu/engine.ts), else 0: saved beside the region. */
  get watched(): number {
    return this.interrupted[WATCHED_AT];
  }

  set watched(watched: number) {
    this.interrupted[WATCHED_AT] = watched;
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

  /** An event interrupts the current region; its return address went to linear address `frame`. */
  saveRegion(frame: number): void {
    const ring = this.interrupted;
    const at = ring[COUNT_AT] & (FRAMES - 1);
    ring[at] = frame;
    ring[REGION_AT + at] = (this.row >> 4) | ring[WATCHED_AT];
    ring[COUNT_AT] = (ring[COUNT_AT] + 1) & COUNT_MASK;
  }

  /** IRET pops the return address at `frame`: the region that was interrupted there is charged again, if known. */
  restoreRegion(frame: number): void {
    const ring = this.interrupted;
    for (let back = 1; back <= FRAMES; back++) {
      const at = (ring[COUNT_AT] - back) & (FRAMES - 1);
      const region = ring[REGION_AT + at];
      if (region === NO_REGION || ring[at] !== (frame | 0)) continue;
      this.row = (region & REGION_MASK) << 4;
      ring[WATCHED_AT] = region & WATCHED;
      ring[REGION_AT + at] = NO_REGION;
      // Frames above the one that returned were left behind by a task switch; only a returned one is taken off.
      if (back === 1) ring[COUNT_AT] = (ring[COUNT_AT] - 1) & COUNT_MASK;
      return;
    }
  }

  /** The region; the matrix, the clock and the interrupted regions are in the state memory. */
  save(): number[] {
    return [this.row];
  }

  load(state: number[]): void {
    [this.row] = state;
  }

  /** A copy of the matrix, for differences between two moments. */
  snapshot(): Float64Array {
    return this.matrix.slice();
  }

  /** Ticks of one region and cause since reset. */
  cell(region: number, cause: number): number {
    return this.matrix[region * COLUMNS + cause];
  }

  /** Ticks of one cause over all regions since reset. */
  total(cause: number): number {
    let sum = 0;
    for (let region = 0; region < MAX_REGIONS; region++) sum += this.matrix[region * COLUMNS + cause];
    return sum;
  }

  /** The sum of all cells, which equals the clock (a test asserts it). */
  sum(): number {
    let sum = 0;
    for (const v of this.matrix) sum += v;
    return sum;
  }
}
