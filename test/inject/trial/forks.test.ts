/**
 * Trials forked off one machine, one after another, are as in a fresh machine each, on both engines: registers, RAM, clock,
 * matrix, TLBs, caches, counters. Forty go before; a thousand with NOOKS86_LONG.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { EngineKind } from '../../../emu/board.ts';
import { findProfile } from '../../../emu/profile/index.ts';
import { artefact, buildGuest } from '../../../guest/build.ts';
import { readElf } from '../../../guest/elf.ts';
import { planTrial } from '../../../inject/faults/plan.ts';
import type { CampaignSettings, Configuration } from '../../../inject/model.ts';
import { Bench, DEFAULT_MINIMUM } from '../../../inject/trial/bench.ts';
import { figures } from '../../emu/engine/world.ts';

const BEFORE = process.env.NOOKS86_LONG ? 1000 : 40;
const CONFIGURATION: Configuration = { isolation: 'nooks', policy: 'restart' };
const SETTINGS: CampaignSettings = {
  ...{ driver: 'e1000', trials: BEFORE, faultsPerTrial: 5, configurations: [CONFIGURATION], types: [] },
  ...{ persistence: 'transient', distribution: 'uniform', seed: 3, profile: 'p4-1700' },
  ...{ ...DEFAULT_MINIMUM, build: '' },
};
/** Cycles of a trial that goes before: most; and each tenth, long enough for a recovery to begin. */
const SHORT = 400_000;
const LONG = 6_000_000;
const LAST = 6_000_000;

it('is what it would be in a fresh machine, whatever went before, on both engines', async () => {
  const build = await buildGuest();
  const file = 'e1000.ko';
  const target = { driver: 'e1000', elf: readElf(readFileSync(artefact(build, file)), file) };
  const planOf = (trial: number) => ({
    ...planTrial(target, SETTINGS, trial),
    delay: 100_000 + trial * 1000,
  });
  const benchOf = (engine: EngineKind) => {
    const profile = findProfile('p4-1700');
    const what = { build, profile, engine, configuration: CONFIGURATION, driver: 'e1000' };
    const bench = new Bench({ ...what, ...DEFAULT_MINIMUM });
    const { jit } = bench.session.machine.engine;
    // The boot is not what is tested: only the trials' code is compiled.
    if (jit) jit.hot = 1e9;
    bench.warm();
    if (jit) jit.hot = 20;
    return bench;
  };
  const run = (bench: Bench, trial: number, cycles: number) => {
    const { machine } = bench.session;
    bench.begin(planOf(trial));
    machine.run(machine.cycles() + cycles);
    return machine;
  };
  const interpreted = benchOf('interpreter');
  const fresh = figures(run(interpreted, BEFORE, LAST));
  for (const engine of ['interpreter', 'compiled'] as const) {
    const bench = engine === 'interpreter' ? interpreted : benchOf(engine);
    for (let trial = 0; trial < BEFORE; trial++) run(bench, trial, trial % 10 === 9 ? LONG : SHORT);
    const machine = run(bench, BEFORE, LAST);
    expect(figures(machine), engine).toEqual(fresh);
    if (engine === 'compiled') expect(machine.engine.jit?.units).toBeGreaterThan(5);
  }
}, 3_600_000);
