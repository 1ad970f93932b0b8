/** A campaign's settings: what may be asked for, in one order, so that the same campaign is written the same way. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { GuestBuild } from '../../guest/build.ts';
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

/** SHA-256 over all artefacts of a build: kernel, drivers and programs all decide what a trial does. */
export function buildIdentity(build: GuestBuild): string {
  const sum = createHash('sha256');
  for (const name of [...build.files.keys()].sort()) {
    const bytes = readFileSync(build.files.get(name)!);
    sum.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return sum.digest('hex');
}
