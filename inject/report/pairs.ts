/**
 * The same faults in two configurations: what became of each native crash. A byte a trial and configuration, in pieces,
 * so that a damaged file's wild trial numbers cost no memory. Also keeps a trial from being counted twice.
 */
import type { Outcome, Persistence } from '../model.ts';
import { isCrash, OUTCOMES } from './outcomes.ts';

const PIECE = 1 << 12;
/** Above the outcome's number + 1. */
const NON_FATAL = 0x80;

/** Outcomes by trial and persistence: two campaigns that differ in persistence only may be read as one. */
export class Outcomes {
  private readonly pieces = new Map<number, Uint8Array>();

  /** False if the trial is there already. */
  put(trial: number, persistence: Persistence, outcome: Outcome, nonFatal: boolean): boolean {
    const slot = trial * 2 + (persistence === 'deterministic' ? 1 : 0);
    const number = Math.floor(slot / PIECE);
    let piece = this.pieces.get(number);
    if (!piece) this.pieces.set(number, (piece = new Uint8Array(PIECE)));
    if (piece[slot % PIECE] !== 0) return false;
    piece[slot % PIECE] = (OUTCOMES.indexOf(outcome) + 1) | (nonFatal ? NON_FATAL : 0);
    return true;
  }

  /** Bytes of the trials that both have. */
  *with(other: Outcomes): Generator<[mine: number, others: number]> {
    for (const [number, piece] of this.pieces) {
      const others = other.pieces.get(number);
      if (!others) continue;
      for (let i = 0; i < PIECE; i++) if (piece[i] !== 0 && others[i] !== 0) yield [piece[i], others[i]];
    }
  }
}

const CRASHES = OUTCOMES.map(isCrash);
const crashed = (byte: number) => CRASHES[(byte & ~NON_FATAL) - 1];
const unclassified = (byte: number) => (byte & ~NON_FATAL) - 1 === OUTCOMES.indexOf('not classified');
const failed = (byte: number) => !crashed(byte) && (byte & NON_FATAL) !== 0;

export interface PairCounts {
  /** Trials that are classified in both. */
  trials: number;
  /** Trials in both that are not classified in one: they prove nothing either way. */
  unclassified: number;
  nativeCrashes: number;
  /** Of these, no crash with isolation. */
  crashesEliminated: number;
  /** Crashes with isolation that were none natively. */
  newCrashes: number;
  nativeNonFatal: number;
  /** Of these, neither crash nor non-fatal failure with isolation. */
  nonFatalEliminated: number;
  /** Non-fatal failures with isolation where the native system had crashed, and where it had neither. */
  nonFatalWasCrash: number;
  newNonFatal: number;
}

export function pair(native: Outcomes, isolated: Outcomes): PairCounts {
  const c: PairCounts = {
    trials: 0,
    unclassified: 0,
    nativeCrashes: 0,
    crashesEliminated: 0,
    newCrashes: 0,
    nativeNonFatal: 0,
    nonFatalEliminated: 0,
    nonFatalWasCrash: 0,
    newNonFatal: 0,
  };
  for (const [n, i] of native.with(isolated)) {
    if (unclassified(n) || unclassified(i)) {
      c.unclassified++;
      continue;
    }
    c.trials++;
    if (crashed(n)) {
      c.nativeCrashes++;
      if (!crashed(i)) c.crashesEliminated++;
      if (failed(i)) c.nonFatalWasCrash++;
    } else if (crashed(i)) c.newCrashes++;
    if (failed(n)) {
      c.nativeNonFatal++;
      if (!crashed(i) && !failed(i)) c.nonFatalEliminated++;
    } else if (failed(i) && !crashed(n)) c.newNonFatal++;
  }
  return c;
}
