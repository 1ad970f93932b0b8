/**
 * The branch predictor: two-bit counters by address for conditional branches, the last target by address for
 * indirect ones, a ring of return addresses. Direct jumps and calls are always predicted. Simpler than any real
 * one (no history); docs/caveats.md says so.
 */

import { log2 } from '../bits.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';

export class Predictor {
  readonly counters: Uint8Array;
  readonly counterMask: number;
  readonly targets: Int32Array;
  readonly targetMask: number;
  readonly returns: Int32Array;
  readonly returnMask: number;
  /** Where in `returns` the last call's is. */
  readonly top: Int32Array;
  /** Mispredicted branches since reset. */
  misses = 0;

  constructor(p: Profile, state: State) {
    const { counters, targets, returns } = p.predictor;
    log2(counters.value);
    log2(targets.value);
    log2(returns.value);
    this.counters = state.bytes('branch counters', counters.value);
    this.counterMask = counters.value - 1;
    this.targets = state.int32('branch targets', targets.value);
    this.targetMask = targets.value - 1;
    this.returns = state.int32('return stack', returns.value);
    this.returnMask = returns.value - 1;
    this.top = state.int32('return top', 1);
    // Reset state: weakly not taken.
    this.counters.fill(1);
  }

  /** A conditional branch at `eip` went this way; true if that was mispredicted. */
  conditional(eip: number, taken: boolean): boolean {
    const slot = (eip ^ (eip >>> 12)) & this.counterMask;
    const n = this.counters[slot];
    if (taken) {
      if (n < 3) this.counters[slot] = n + 1;
      if (n >= 2) return false;
    } else {
      if (n > 0) this.counters[slot] = n - 1;
      if (n < 2) return false;
    }
    this.misses++;
    return true;
  }

  /** An indirect jump or call at `eip` went to `target`; true if that was mispredicted. */
  indirect(eip: number, target: number): boolean {
    const slot = (eip ^ (eip >>> 12)) & this.targetMask;
    if (this.targets[slot] === target) return false;
    this.targets[slot] = target;
    this.misses++;
    return true;
  }

  call(returnAddress: number): void {
    this.top[0] = (this.top[0] + 1) & this.returnMask;
    this.returns[this.top[0]] = returnAddress;
  }

  /** A near return went to `target`; true if that was mispredicted. */
  return(target: number): boolean {
    const predicted = this.returns[this.top[0]];
    this.top[0] = (this.top[0] - 1) & this.returnMask;
    if (predicted === target) return false;
    this.misses++;
    return true;
  }

  save(): number[] {
    return [this.top[0], this.misses];
  }

  load(s: number[]): void {
    [this.top[0], this.misses] = s;
  }
}
