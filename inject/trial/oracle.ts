/** The oracle as a trial uses it; inject/oracle/oracle.ts is the real one. */
import type { Session } from '../../guest/session.ts';
import type { Corruption, WildWrite } from '../model.ts';

/** What the oracle saw. */
export interface Verdict {
  wildWrites: WildWrite[];
  wildWriteCount: number;
  corruptions: Corruption[];
  firstErrorAt: number | null;
}

export interface TrialOracle {
  arm(): void;
  finish(): Verdict;
  dispose(): void;
}

export type OpenOracle = (session: Session, driver: string) => TrialOracle;
