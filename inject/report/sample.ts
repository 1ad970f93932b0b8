/**
 * A sample of durations of bounded size. Up to EXACT values are kept as they are; beyond, they are counted in
 * buckets of a 256th of their power of two, so a quantile is then off by at most 0.2 %. Count, mean, variance, least
 * and greatest value stay exact.
 */

/** Values kept one by one. */
export const EXACT = 1 << 16;
/** Buckets to a power of two. */
const PER_OCTAVE = 256;
/** Values from 2^-2 (a tick) to 2^62; others go to the ends. */
const OCTAVES = 64;
const LEAST = 0.25;

/** The percentiles that are shown. */
export const PERCENTILES = [5, 25, 50, 75, 95, 99, 100] as const;

/** In the unit of the values. Percentiles by nearest rank: each is a value that was seen. */
export interface Quantiles {
  count: number;
  mean: number;
  min: number;
  p5: number;
  p25: number;
  p50: number;
  p75: number;
  p95: number;
  p99: number;
  max: number;
}

function bucketOf(value: number): number {
  if (value < LEAST) return 0;
  const octave = Math.min(OCTAVES - 1, Math.floor(Math.log2(value / LEAST)));
  const within = Math.floor((value / (LEAST * 2 ** octave) - 1) * PER_OCTAVE);
  return octave * PER_OCTAVE + Math.max(0, Math.min(PER_OCTAVE - 1, within));
}

function middleOf(bucket: number): number {
  const octave = Math.floor(bucket / PER_OCTAVE);
  return LEAST * 2 ** octave * (1 + ((bucket % PER_OCTAVE) + 0.5) / PER_OCTAVE);
}

export class Sample {
  count = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  /** Welford's running mean and sum of squared deviations. */
  private average = 0;
  private squares = 0;
  private values = new Float64Array(16);
  private sorted = true;
  private buckets: Float64Array | null = null;

  /** Values that are no finite number ≥ 0 are left out: they would come from a damaged file. */
  add(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return;
    if (this.buckets === null && this.count === EXACT) this.pour();
    if (this.buckets) this.buckets[bucketOf(value)]++;
    else this.keep(value);
    this.count++;
    const off = value - this.average;
    this.average += off / this.count;
    this.squares += off * (value - this.average);
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  private keep(value: number): void {
    if (this.count === this.values.length) {
      const longer = new Float64Array(this.values.length * 2);
      longer.set(this.values);
      this.values = longer;
    }
    this.values[this.count] = value;
    this.sorted = false;
  }

  private pour(): void {
    this.buckets = new Float64Array(OCTAVES * PER_OCTAVE);
    for (const value of this.values) this.buckets[bucketOf(value)]++;
    this.values = new Float64Array(0);
  }

  /** Ascending values and how many of each. */
  entries(): [value: number, count: number][] {
    const list: [number, number][] = [];
    if (this.buckets) {
      this.buckets.forEach((count, bucket) => {
        if (count > 0) list.push([this.within(middleOf(bucket)), count]);
      });
      return list;
    }
    this.sort();
    for (let i = 0; i < this.count; i++) {
      const value = this.values[i];
      const last = list[list.length - 1];
      if (last && last[0] === value) last[1]++;
      else list.push([value, 1]);
    }
    return list;
  }

  get mean(): number {
    return this.average;
  }

  get sum(): number {
    return this.average * this.count;
  }

  /** Of the mean; 0 with fewer than two values. */
  get standardError(): number {
    return this.count < 2 ? 0 : Math.sqrt(this.squares / (this.count - 1) / this.count);
  }

  /** The smallest value that at least `p` of the sample does not exceed, 0 < p ≤ 1. NaN when empty. */
  quantile(p: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(p * this.count - 1e-9));
    if (rank >= this.count) return this.max;
    if (this.buckets === null) {
      this.sort();
      return this.values[rank - 1];
    }
    let seen = 0;
    for (let bucket = 0; bucket < this.buckets.length; bucket++) {
      seen += this.buckets[bucket];
      if (seen >= rank) return this.within(middleOf(bucket));
    }
    return this.max;
  }

  /** Null when empty. */
  quantiles(): Quantiles | null {
    if (this.count === 0) return null;
    const at = (p: number) => this.quantile(p / 100);
    return {
      count: this.count,
      mean: this.average,
      min: this.min,
      p5: at(5),
      p25: at(25),
      p50: at(50),
      p75: at(75),
      p95: at(95),
      p99: at(99),
      max: this.max,
    };
  }

  /** The distribution function at the 0th to 100th percentile, for a plot; empty when there is nothing. */
  curve(): number[] {
    if (this.count === 0) return [];
    return Array.from({ length: 101 }, (_, p) => (p === 0 ? this.min : this.quantile(p / 100)));
  }

  private within(value: number): number {
    return Math.min(this.max, Math.max(this.min, value));
  }

  private sort(): void {
    if (this.sorted) return;
    this.values.subarray(0, this.count).sort();
    this.sorted = true;
  }
}
