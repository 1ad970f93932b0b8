/** Runs one case and says what is wrong with it: a throw, a broken invariant, a run past its limit. */
import { profiles } from '../../../emu/profile/index.ts';
import { type Case, set } from './cases.ts';
import { Invariants } from './invariants.ts';
import { World } from './world.ts';

/** A run may end this many cycles behind its limit: a block, and what its instructions wait for. */
const OVERSHOOT = 200_000;

interface Stage {
  world: World;
  invariants: Invariants;
}
const stages = new Map<string, Stage>();

function stageOf(profile: string): Stage {
  let stage = stages.get(profile);
  if (!stage) {
    const world = new World(profiles[profile]);
    stage = { world, invariants: new Invariants(world.machine) };
    stages.set(profile, stage);
  }
  return stage;
}

export interface Verdict {
  instructions: number;
  /** Empty when all is well. */
  problems: string[];
}

export function runCase(c: Case): Verdict {
  const { world, invariants } = stageOf(c.profile);
  const { machine } = world;
  world.reset();
  set(world, c);
  invariants.reset();
  // A fault on a machine that models time costs some hundred cycles.
  const scale = machine.profile.timing ? 8 : 1;
  const started = machine.cpu.instructions;
  const spent = () => machine.cpu.instructions - started;
  try {
    let limit = machine.cycles();
    for (const slice of c.slices) {
      limit += slice * scale;
      const { reason } = machine.run(limit);
      if (machine.cycles() > limit + OVERSHOOT)
        return { instructions: spent(), problems: ['ran past its limit'] };
      const problems = invariants.check();
      if (problems.length > 0) return { instructions: spent(), problems };
      if (reason !== 'limit' && reason !== 'stopped') break;
    }
  } catch (thrown) {
    stages.delete(c.profile);
    return {
      instructions: spent(),
      problems: [`the host threw ${(thrown as Error)?.stack ?? String(thrown)}`],
    };
  }
  return { instructions: spent(), problems: [] };
}
