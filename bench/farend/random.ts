/** Seeded pseudo-random numbers for the far end: Marsaglia's xorshift32, so that a run can be repeated. */

/** The generator's step; never 0 for a start other than 0. */
export function xorshift32(x: number): number {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x >>> 0;
}

export class Random {
  private state: number;

  /** `seed` is any 32-bit integer; 0 counts as 1. */
  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  /** 1 to 2^32 - 1. */
  next(): number {
    this.state = xorshift32(this.state);
    return this.state;
  }

  /** 0 to `bound` - 1. */
  below(bound: number): number {
    return this.next() % bound;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() <= p * 0xffffffff;
  }

  save(): number {
    return this.state;
  }

  load(state: number): void {
    this.state = state;
  }
}
