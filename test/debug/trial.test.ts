/** Going back in a trial of the fault campaign: what was done to the driver is done again at the same moments. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { History } from '../../debug/history.ts';
import type { Position } from '../../debug/model.ts';
import { Target } from '../../debug/target.ts';
import { findProfile } from '../../emu/profile/index.ts';
import { planTrial } from '../../inject/faults/plan.ts';
import type { FaultTypeName } from '../../inject/model.ts';
import { Bench, DEFAULT_MINIMUM } from '../../inject/trial/bench.ts';
import { build, e1000, SETTINGS } from '../inject/faults/rig.ts';

/** Faults of calls and registers: the host does them when the driver gets there. */
const TYPES: FaultTypeName[] = [
  'ALLOC',
  'FREE',
  'DOUBLE-FREE',
  'BCOPY',
  'BAD-DATA',
  'STACK',
  'DIRECT',
  'DMA',
];
const PART = 3_000_000;

it('a trial with faults at moments of the driver', async () => {
  const bench = new Bench({
    ...{ build: await build(), profile: findProfile('p4-1700'), driver: 'e1000', ...DEFAULT_MINIMUM },
    configuration: { isolation: 'nooks', policy: 'restart' },
  });
  bench.warm();
  const target = await e1000();
  const { session } = bench;
  const { machine } = session;
  let faulty = 0;
  for (let trial = 0; trial < 4; trial++) {
    const settings = { ...SETTINGS, types: TYPES, faultsPerTrial: 12, persistence: 'deterministic' as const };
    const plan = planTrial(target, settings, trial);
    for (const fault of plan.faults) if (fault.parameters?.calls) fault.parameters.calls = 2;
    bench.beginUnjudged(plan);
    const parts = { machine, symbols: session.symbols, session };
    const history = new History(new Target({ ...parts, hostStates: [bench.hostState()] }), {
      interval: 2 * PART,
    });
    const state = () => ({
      ticks: machine.clock.now(),
      registers: [...machine.cpu.r32],
      ram: createHash('sha256').update(machine.state.ram8()).digest('hex'),
      host: JSON.stringify([bench.hostState().save(), session.modules()]),
    });
    const places: { at: Position; state: ReturnType<typeof state> }[] = [];
    for (let n = 0; n < 8 && !machine.cpu.shutdown; n++) {
      machine.run(machine.cycles() + PART);
      history.progress();
      machine.step();
      places.push({ at: history.position(), state: state() });
    }
    faulty += bench.executed().filter(at => at !== null).length;
    for (const n of [6, 1, 4, 0, 7, 2]) {
      const place = places[Math.min(n, places.length - 1)];
      history.goTo(place.at);
      expect(state(), `trial ${trial}, place ${n}`).toEqual(place.state);
    }
  }
  // Else nothing was tested.
  expect(faulty).toBeGreaterThan(5);
}, 120_000);
