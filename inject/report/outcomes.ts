/**
 * What each outcome counts as in the paper's two rows (SOSP'03, section 5.2), and what it costs whoever uses the
 * system. A deadlock counts as a crash, as in the paper. Rows of data; nothing here looks at how an outcome was found.
 */
import type { Observation, Outcome } from '../model.ts';

/** What has to be put right, from the user's side. */
export type Consequence =
  | 'none'
  | 'recovered'
  | 'harmed'
  | 'dead'
  | 'undetected'
  | 'corrupted'
  | 'crash'
  | 'hang'
  | 'unclassified';

interface OutcomeRow {
  crash: boolean;
  /** The paper's "non-fatal extension failure": the system lives, the extension does not do its work. */
  nonFatal: boolean;
  consequence: Consequence;
}

const row = (
  consequence: Consequence,
  counts: 'crash' | 'non-fatal' | 'neither' = 'neither',
): OutcomeRow => ({
  crash: counts === 'crash',
  nonFatal: counts === 'non-fatal',
  consequence,
});

/** In the order in which they are shown. */
const ROWS: Readonly<Record<Outcome, OutcomeRow>> = {
  'not executed': row('none'),
  'no effect': row('none'),
  recovered: row('recovered'),
  'recovered, applications harmed': row('harmed'),
  'undetected failure: omission': row('undetected', 'non-fatal'),
  'undetected failure: output': row('undetected', 'non-fatal'),
  'undetected failure: timing': row('undetected', 'non-fatal'),
  'kernel corrupted, undetected': row('corrupted'),
  crash: row('crash', 'crash'),
  hang: row('hang', 'crash'),
  'not classified': row('unclassified'),
};

export const OUTCOMES = Object.keys(ROWS) as readonly Outcome[];

export const CONSEQUENCES: readonly Consequence[] = [
  'none',
  'recovered',
  'harmed',
  'dead',
  'undetected',
  'corrupted',
  'crash',
  'hang',
  'unclassified',
];

/** An outcome that no row knows, as from a newer program's file, is not classified. */
export function knownOutcome(outcome: string): Outcome {
  return Object.hasOwn(ROWS, outcome) ? (outcome as Outcome) : 'not classified';
}

/** A system crash in the paper's sense. */
export function isCrash(outcome: Outcome): boolean {
  return ROWS[outcome].crash;
}

/** The system lives, but its driver's service does not at the end: unloaded for good, or silent. */
function isDead(outcome: Outcome, observation: Observation): boolean {
  return !isCrash(outcome) && outcome !== 'not classified' && !observation.serviceAlive;
}

/** A non-fatal extension failure in the paper's sense. */
export function isNonFatal(outcome: Outcome, observation: Observation): boolean {
  return ROWS[outcome].nonFatal || isDead(outcome, observation);
}

export function consequenceOf(outcome: Outcome, observation: Observation): Consequence {
  const { consequence } = ROWS[outcome];
  const gone = consequence === 'none' || consequence === 'recovered' || consequence === 'harmed';
  return gone && isDead(outcome, observation) ? 'dead' : consequence;
}
