/** Machine profiles by the name that the command line gives them. */
import { p4 } from '../emu/profile/p4-1700.ts';
import type { Profile } from '../emu/profile/profile.ts';
import { UsageError } from './context.ts';

const PROFILES: readonly Profile[] = [p4];

/** The profile of that name. Throws a UsageError that lists them all. */
export function findProfile(name: string): Profile {
  const profile = PROFILES.find(p => p.name === name);
  if (!profile) throw new UsageError(`no profile ${name}: ${PROFILES.map(p => p.name).join(', ')}`);
  return profile;
}
