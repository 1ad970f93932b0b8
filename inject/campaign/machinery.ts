/** The real parts of a campaign: faults are planned by faults/, done to a machine by trial/, judged by outcome.ts. */
import { readFileSync } from 'node:fs';
import { findProfile } from '../../emu/profile/index.ts';
import { artefact } from '../../guest/build.ts';
import { readElf } from '../../guest/elf.ts';
import { planTrial } from '../faults/plan.ts';
import { FAULT_TYPES } from '../faults/types.ts';
import { outcomeOf } from '../outcome.ts';
import { Bench, DEFAULT_MINIMUM } from '../trial/bench.ts';
import type { Parts } from './parts.ts';
import { ThreadWorker } from './pool.ts';

export const MACHINERY: Parts = {
  types: FAULT_TYPES,
  planner({ settings, build }) {
    const name = `${settings.driver}.ko`;
    const target = { driver: settings.driver, elf: readElf(readFileSync(artefact(build, name)), name) };
    return trial => planTrial(target, settings, trial);
  },
  judge: outcomeOf,
  openBench({ settings, build, engine }, configuration) {
    const { driver, minimumPackets, minimumCycles } = settings;
    const profile = findProfile(settings.profile);
    return new Bench({ build, profile, engine, configuration, driver, minimumPackets, minimumCycles });
  },
  openWorker: (campaign, trialSeconds) => new ThreadWorker(campaign, { trialSeconds }),
  minimum: DEFAULT_MINIMUM,
};
