/** The machine profiles by name. */
import { flat } from './flat.ts';
import { p3 } from './p3-1000.ts';
import { p4 } from './p4-1700.ts';
import type { Profile } from './profile.ts';

export const profiles: Readonly<Record<string, Profile>> = {
  [p4.name]: p4,
  [p3.name]: p3,
  [flat.name]: flat,
};

/** The profile of that name; throws a RangeError that lists the names. */
export function findProfile(name: string): Profile {
  if (!Object.hasOwn(profiles, name))
    throw new RangeError(`unknown profile '${name}'; there are: ${Object.keys(profiles).join(', ')}`);
  return profiles[name];
}
