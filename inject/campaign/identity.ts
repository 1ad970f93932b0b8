/** Which guest a campaign's trials are of. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { artefact, type GuestBuild } from '../../guest/build.ts';
import type { CampaignSettings } from '../model.ts';
import { filesOf } from '../trial/configuration.ts';

const KERNEL = 'kernel.elf';

/**
 * SHA-256 over what decides a campaign's trials: the kernel and the files that it loads. Of the others, test drivers
 * and programs, none matters. Throws a GuestError if the build lacks one.
 */
export function buildIdentity(
  build: GuestBuild,
  { configurations, driver }: Pick<CampaignSettings, 'configurations' | 'driver'>,
): string {
  const sum = createHash('sha256');
  for (const name of [KERNEL, ...filesOf(configurations, driver)]) {
    const bytes = readFileSync(artefact(build, name));
    sum.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return sum.digest('hex');
}
