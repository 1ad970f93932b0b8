/** Records made by hand, and a generator of many for properties: no machine runs. */
import { Random } from '../../../bench/farend/random.ts';
import type {
  CampaignSettings,
  FaultTypeName,
  Observation,
  Outcome,
  Persistence,
  TrialRecord,
} from '../../../inject/model.ts';

export const CLOCK_HZ = 1e9;

export function settings(change: Partial<CampaignSettings> = {}): CampaignSettings {
  return {
    driver: 'e1000',
    trials: 1000,
    faultsPerTrial: 2,
    configurations: [
      { isolation: 'none', policy: null },
      { isolation: 'nooks', policy: 'restart' },
      { isolation: 'nooks', policy: 'shadow' },
    ],
    persistence: 'transient',
    distribution: 'uniform',
    types: [],
    seed: 1,
    profile: 'p4-1700',
    minimumPackets: 100,
    minimumCycles: 10_000,
    build: '0123456789abcdef0123456789abcdef',
    ...change,
  };
}

/** A run of a million cycles from cycle 1,000 in which nothing happens. */
export function observation(change: Partial<Observation> = {}): Observation {
  return {
    end: 'complete',
    lastLine: '',
    injectedAt: 1000,
    endedAt: 1_001_000,
    instructions: 400_000,
    packets: 500,
    executedAt: [null, null],
    notInjected: [],
    firstErrorAt: null,
    firstFailureAt: null,
    events: [],
    wildWrites: [],
    wildWriteCount: 0,
    corruptions: [],
    applications: [
      {
        name: 'trialsend',
        alive: true,
        errors: 0,
        damaged: 0,
        duplicated: 0,
        done: 9,
        doneLately: 3,
        lost: 0,
        notes: [],
      },
    ],
    kernelAlive: true,
    serviceAlive: true,
    badPackets: 0,
    console: [],
    ...change,
  };
}

export function record(
  configuration: string,
  trial: number,
  outcome: Outcome,
  change: Partial<Observation> = {},
  types: FaultTypeName[] = ['NOP', 'PTR'],
  persistence: Persistence = 'transient',
): TrialRecord {
  const faults = types.map(type => ({ type }));
  return {
    configuration,
    plan: { driver: 'e1000', trial, seed: trial + 7, persistence, delay: 0, faults },
    observation: observation(change),
    outcome,
    hostSeconds: 0.5,
  };
}

/** A recovery by restart that starts at `at`: each stage takes 100 cycles more than the one before. */
export function restart(at: number, trigger = 0) {
  const names = ['FAILED', 'BEGIN', 'UNWOUND', 'RELEASED', 'UNLOADED', 'LOADED', 'RESTORED', 'RECOVERED'];
  let time = at;
  return names.map((event, i) => {
    time += i * 100;
    return { at: time, event, extension: 'e1000', detail: event === 'FAILED' ? trigger : 0 };
  });
}

const TYPES: FaultTypeName[] = ['NOP', 'PTR', 'INIT', 'WHILE1', 'HEAP', 'DMA'];

/** `trials` trials in each of the three configurations, about a third of them crashes natively. */
export function* many(trials: number, seed = 1): Generator<TrialRecord> {
  for (let trial = 0; trial < trials; trial++)
    for (const name of ['none', 'nooks/restart', 'nooks/shadow']) {
      // The faults and when they are executed are the same in each configuration.
      const same = new Random(seed * 100_003 + trial * 17 + 1);
      for (let i = 0; i < 5; i++) same.next();
      const types = [TYPES[same.below(6)], TYPES[same.below(6)]];
      const fate = same.below(100);
      const at = 2000 + same.below(50_000);
      const own = new Random(same.next() ^ (name.length * 7919));
      yield made(name, trial, types, fate, at, own);
    }
}

function made(
  name: string,
  trial: number,
  types: FaultTypeName[],
  fate: number,
  at: number,
  own: Random,
): TrialRecord {
  const executed = { executedAt: [at, null] };
  if (fate < 20) return record(name, trial, 'not executed', {}, types);
  if (fate < 45) return record(name, trial, 'no effect', executed, types);
  if (name === 'none') {
    const failed = { ...executed, firstErrorAt: at + 500, firstFailureAt: at + 900 };
    if (fate < 80)
      return record(
        name,
        trial,
        'crash',
        { ...failed, end: 'panic', kernelAlive: false, endedAt: at + 2000 },
        types,
      );
    return record(name, trial, 'undetected failure: omission', { ...failed, serviceAlive: false }, types);
  }
  const errorAt = at + 100 + own.below(1000);
  const seen = {
    ...executed,
    firstErrorAt: errorAt,
    events: restart(errorAt + own.below(3000), own.below(3)),
  };
  if (fate < 90) {
    const harmed = name === 'nooks/restart' && own.chance(0.7);
    return record(name, trial, harmed ? 'recovered, applications harmed' : 'recovered', seen, types);
  }
  const late = { ...executed, firstErrorAt: errorAt, firstFailureAt: errorAt + 800 };
  return record(name, trial, 'undetected failure: output', late, types);
}
