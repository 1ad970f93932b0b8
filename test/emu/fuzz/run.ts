/**
 * Runs one case and says what is wrong with it: a throw, a broken invariant, a run past its limit, an end that
 * depends on where the run was cut.
 */
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

/** Architecture and model at one moment: what must not depend on where a run is cut. */
function picture({ machine }: World) {
  const { cpu, accounting, clock, state } = machine;
  return {
    registers: [...cpu.r32],
    eflags: cpu.eflags,
    instructions: cpu.instructions,
    clock: clock.now(),
    matrix: [...accounting.matrix],
    ram: Buffer.from(state.ram8()),
  };
}

/** The names of what differs between two pictures. */
function differences(a: ReturnType<typeof picture>, b: ReturnType<typeof picture>): string[] {
  const differ = (key: keyof typeof a) =>
    key === 'ram' ? a.ram.compare(b.ram) !== 0 : JSON.stringify(a[key]) !== JSON.stringify(b[key]);
  const keys = (Object.keys(a) as (keyof typeof a)[]).filter(differ);
  return keys.map(key => `${key} of a run in slices and of one without differ`);
}

/** In slices, with the invariants between them; then again in one go, which must end the same. */
export function runCase(c: Case): Verdict {
  const { world, invariants } = stageOf(c.profile);
  const { machine } = world;
  // A fault on a machine that models time costs some hundred cycles.
  const scale = machine.profile.timing ? 8 : 1;
  const verdict: Verdict = { instructions: 0, problems: [] };
  const begin = () => {
    world.reset();
    set(world, c);
    invariants.reset();
  };
  try {
    begin();
    const started = machine.cpu.instructions;
    let limit = machine.cycles();
    for (const slice of c.slices) {
      limit += slice * scale;
      const { reason } = machine.run(limit);
      verdict.instructions = machine.cpu.instructions - started;
      if (machine.cycles() > limit + OVERSHOOT) verdict.problems.push('ran past its limit');
      verdict.problems.push(...invariants.check());
      if (verdict.problems.length > 0) return verdict;
      if (reason !== 'limit') break;
    }
    const sliced = picture(world);
    begin();
    machine.run(limit);
    verdict.problems.push(...differences(sliced, picture(world)));
  } catch (thrown) {
    stages.delete(c.profile);
    verdict.problems.push(`the host threw ${(thrown as Error)?.stack ?? String(thrown)}`);
  }
  return verdict;
}
