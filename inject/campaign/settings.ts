/** A campaign's settings: what may be asked for, in one order, so that the same campaign is written the same way. */
import type { Configuration, PolicyName } from '../model.ts';
import { POLICIES } from '../outcome.ts';

/** Of a campaign, and in a trial. */
export const MAX_TRIALS = 1_000_000;
export const MAX_FAULTS = 100;

export const ISOLATIONS = ['none', 'nooks'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** `none` once, whatever the policies; `nooks` with each. */
export function configurationsOf(
  isolations: readonly Isolation[],
  policies: readonly PolicyName[],
): Configuration[] {
  const none: Configuration[] = isolations.includes('none') ? [{ isolation: 'none', policy: null }] : [];
  const nooks = isolations.includes('nooks') ? POLICIES.filter(p => policies.includes(p)) : [];
  return [...none, ...nooks.map((policy): Configuration => ({ isolation: 'nooks', policy }))];
}
