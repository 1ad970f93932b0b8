/**
 * The highest rate that gets through without loss. A sender that never waits finds it by itself: its window's rate
 * is the answer. A receiver is offered rates until the highest loss-free one is known to within the step.
 */
import { runStream, type StreamOptions, type StreamResult } from './stream.ts';

/** Relative width of the last interval: the rate is exact to this share. */
const RESOLUTION = 0.02;
/** Messages a second that a gigabit wire carries (22 frames of 32 KiB messages), and a bit. */
const WIRE_RATE = 3750;

export interface Saturation {
  result: StreamResult;
  /** Messages a second offered; for a sender what it reached. */
  rate: number;
  /** Runs that were needed. */
  runs: number;
}

/**
 * `guess` is a rate that should be near the limit (messages a second), from the CPU time of a message below it.
 * Deterministic: the rates tried follow from the guess and the outcomes alone.
 */
export function findSaturation(
  options: Omit<StreamOptions, 'plan'>,
  plan: StreamOptions['plan'],
  guess: number,
): Saturation {
  if (options.workload.name === 'send-stream') {
    const result = runStream({ ...options, plan: { ...plan, rate: 'unpaced' } });
    return { result, rate: plan.measured / result.seconds, runs: 1 };
  }
  let runs = 0;
  const attempt = (rate: number): StreamResult | null => {
    runs++;
    const result = runStream({ ...options, plan: { ...plan, rate } });
    return result.faults.length === 0 ? result : null;
  };
  let low = 0;
  let best: StreamResult | null = null;
  let high = WIRE_RATE;
  let next = Math.min(Math.round(guess), WIRE_RATE);
  while (high - low > RESOLUTION * high) {
    const result = attempt(next);
    if (result) {
      best = result;
      low = next;
      // The wire itself is the limit: nothing faster can be offered.
      if (next >= WIRE_RATE) break;
    } else high = next;
    next =
      low > 0 && high < WIRE_RATE
        ? (low + high) / 2
        : low > 0
          ? Math.min(WIRE_RATE, low * 1.15)
          : high * 0.85;
    next = Math.round(next);
    if (next <= low || (next >= high && high < WIRE_RATE)) break;
  }
  if (!best) best = runStream({ ...options, plan: { ...plan, rate: 1 } });
  return { result: best, rate: low, runs };
}
