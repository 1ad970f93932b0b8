/** Trials go the same way on both engines: what is observed, the oracle's findings among it, and the machine at the end, to the tick. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { EngineKind } from '../../emu/board.ts';
import { findProfile } from '../../emu/profile/index.ts';
import { artefact, buildGuest } from '../../guest/build.ts';
import { readElf } from '../../guest/elf.ts';
import { planTrial } from '../../inject/faults/plan.ts';
import type { CampaignSettings, Configuration } from '../../inject/model.ts';
import { outcomeOf } from '../../inject/outcome.ts';
import { Bench } from '../../inject/trial/bench.ts';
import { figures } from '../emu/engine/world.ts';

/** With NOOKS86_LONG=1 a hundred. */
const TRIALS = process.env.NOOKS86_LONG === '1' ? 100 : 2;
/** Short trials: what differs, differs soon. */
const MINIMUM = { minimumPackets: 60, minimumCycles: 12_000_000 };
const SETTINGS: CampaignSettings = {
  ...{ driver: 'e1000', trials: TRIALS, faultsPerTrial: 5, configurations: [], persistence: 'transient' },
  ...{ distribution: 'uniform', types: [], seed: 11, profile: 'p4-1700', build: '', ...MINIMUM },
};

const CONFIGURATIONS: Configuration[] = [
  { isolation: 'none', policy: null },
  { isolation: 'nooks', policy: 'restart' },
];

it.each(CONFIGURATIONS)(
  'isolation $isolation',
  async configuration => {
    const build = await buildGuest();
    const profile = findProfile(SETTINGS.profile);
    const target = { driver: 'e1000', elf: readElf(readFileSync(artefact(build, 'e1000.ko')), 'e1000.ko') };
    const open = (engine: EngineKind) =>
      new Bench({ build, profile, engine, configuration, driver: 'e1000', ...MINIMUM });
    const [one, two] = [open('interpreter'), open('compiled')];
    const { jit } = two.session.machine.engine;
    if (jit) jit.hot = 400;
    const outcomes = new Set<string>();
    for (let trial = 0; trial < TRIALS; trial++) {
      const plan = planTrial(target, SETTINGS, trial);
      const [expected, got] = [one.run(plan), two.run(plan)];
      expect(got, `trial ${trial}`).toEqual(expected);
      expect(figures(two.session.machine), `trial ${trial}`).toEqual(figures(one.session.machine));
      outcomes.add(outcomeOf(got, plan));
    }
    expect([...outcomes]).not.toEqual(['not executed']);
    expect(two.session.machine.engine.jit!.units).toBeGreaterThan(50);
  },
  300_000,
);
