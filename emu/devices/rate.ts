/**
 * A crystal of its own beside the CPU clock: which of its edges has passed, and when the next one comes.
 *
 * Edge n of a crystal of `hz` comes at tick ceil(n * ticksPerSecond / hz). Both directions are integer arithmetic
 * on whole seconds and a remainder, so nothing drifts and every product stays below 2^53 (checked at
 * construction) however long the machine runs.
 */

import type { Clock } from '../clock.ts';

/** Products are formed in two halves, so that neither passes 2^53. */
const SPLIT = 2048;

/** floor(a * b / c) with its remainder's sign: `rest` is 0 when the division was exact. Non-negative integers. */
function mulDiv(a: number, b: number, c: number): { quotient: number; rest: number } {
  const low = b % SPLIT;
  const high = (b - low) / SPLIT;
  const first = a * high;
  const rest1 = first % c;
  const second = rest1 * SPLIT + a * low;
  const rest = second % c;
  return { quotient: ((first - rest1) / c) * SPLIT + (second - rest) / c, rest };
}

export class Rate {
  readonly hz: number;
  private readonly clock: Clock;

  /** `hz` is a whole number of Hz, below 2^31. */
  constructor(clock: Clock, hz: number) {
    const limit = Number.MAX_SAFE_INTEGER / 2 / SPLIT;
    if (!Number.isInteger(hz) || hz <= 0 || hz >= 2 ** 31) throw new RangeError(`a crystal of ${hz} Hz`);
    if (!Number.isInteger(clock.ticksPerSecond) || clock.ticksPerSecond > limit)
      throw new RangeError(`${clock.ticksPerSecond} ticks a second`);
    this.hz = hz;
    this.clock = clock;
  }

  /** Number of the last edge at or before now; edge 0 is at reset. */
  edge(): number {
    return this.edgeAt(this.clock.now());
  }

  /** Number of the last edge at or before `tick`. */
  edgeAt(tick: number): number {
    const second = this.clock.ticksPerSecond;
    const part = tick % second;
    return ((tick - part) / second) * this.hz + mulDiv(part, this.hz, second).quotient;
  }

  /** The first tick at which edge number `edge` has come. */
  tickOf(edge: number): number {
    const second = this.clock.ticksPerSecond;
    const part = edge % this.hz;
    const { quotient, rest } = mulDiv(part, second, this.hz);
    return ((edge - part) / this.hz) * second + quotient + (rest > 0 ? 1 : 0);
  }
}
