/** What rounds of REP string instructions cost, worked out from a profile once. */
import { TICKS_PER_CYCLE } from '../clock.ts';
import type { Profile } from '../profile/profile.ts';

/** REP costs of a profile, in 1/1024 tick a byte (or a round, for `other`); `start` in ticks. */
export interface RepCosts {
  start: number;
  move: number;
  store: number;
  other: number;
}

export function repCosts(p: Profile): RepCosts {
  const perByte = (bytesPerCycle: number) =>
    bytesPerCycle > 0 ? Math.round((1024 * TICKS_PER_CYCLE) / bytesPerCycle) : 0;
  return {
    start: p.rep.start.value * TICKS_PER_CYCLE,
    move: perByte(p.rep.moveBytesPerCycle.value),
    store: perByte(p.rep.storeBytesPerCycle.value),
    other: p.rep.other.value * TICKS_PER_CYCLE * 1024,
  };
}
