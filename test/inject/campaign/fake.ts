/** A campaign without a machine: plans and observations made of numbers, the same each time. */
import { Random } from '../../../bench/farend/random.ts';
import { runCampaign, type TrialWorker } from '../../../inject/campaign/run.ts';
import { type Job, type JobResult, Runner, type TrialBench } from '../../../inject/campaign/runner.ts';
import { ResultsReader, ResultsWriter, type Shard } from '../../../inject/campaign/store.ts';
import type { Tally } from '../../../inject/campaign/tally.ts';
import {
  type CampaignSettings,
  type Configuration,
  configurationName,
  type Observation,
  type Outcome,
  type TrialPlan,
  type TrialRecord,
} from '../../../inject/model.ts';

export const SETTINGS: CampaignSettings = {
  driver: 'fake',
  trials: 40,
  faultsPerTrial: 2,
  configurations: [
    { isolation: 'none', policy: null },
    { isolation: 'nooks', policy: 'restart' },
  ],
  persistence: 'transient',
  distribution: 'uniform',
  types: [],
  seed: 1,
  profile: 'flat',
  minimumPackets: 10,
  minimumCycles: 1000,
  build: 'b'.repeat(64),
};

export function planOf(settings: CampaignSettings, trial: number): TrialPlan {
  const random = new Random(settings.seed * 1000 + trial + 1);
  return {
    driver: settings.driver,
    trial,
    seed: random.next(),
    persistence: settings.persistence,
    delay: random.below(1000),
    faults: Array.from({ length: settings.faultsPerTrial }, () => ({
      type: 'SRC' as const,
      section: '.text',
      offset: random.below(4096),
      symbol: 'fake_xmit',
      before: 'mov eax,ebx',
      after: 'mov eax,ecx',
      patch: [{ offset: 0, mask: 7, value: random.below(8) }],
    })),
  };
}

export function observe(configuration: Configuration, plan: TrialPlan): Observation {
  const injectedAt = 1000.25 + plan.delay;
  const random = new Random(plan.seed);
  return {
    end: random.chance(0.3) && configuration.isolation === 'none' ? 'panic' : 'complete',
    lastLine: configurationName(configuration),
    injectedAt,
    endedAt: injectedAt + 1000 + random.below(500),
    instructions: 5000 + random.below(100),
    packets: 10 + random.below(10),
    executedAt: plan.faults.map((_, n) => (n === 0 ? injectedAt + 10 : null)),
    notInjected: [],
    firstErrorAt: injectedAt + 20,
    firstFailureAt: null,
    events: [{ at: injectedAt + 30, event: 'detected', extension: plan.driver, detail: 13 }],
    wildWrites: [],
    wildWriteCount: 0,
    corruptions: [],
    applications: [],
    kernelAlive: true,
    serviceAlive: true,
    badPackets: 0,
    // As long as real ones, so that pages split and the log grows.
    console: Array.from({ length: random.below(60) }, (_, n) => `line ${n} of trial ${plan.trial}`),
  };
}

export const judge = (o: Observation): Outcome => (o.end === 'panic' ? 'crash' : 'recovered');

export class FakeBench implements TrialBench {
  private readonly configuration: Configuration;
  constructor(configuration: Configuration) {
    this.configuration = configuration;
  }
  warm(): void {}
  run(plan: TrialPlan): Observation {
    return observe(this.configuration, plan);
  }
  timings(): Record<string, number> {
    return {};
  }
}

/** Does jobs in this thread. */
export class FakeWorker implements TrialWorker {
  readonly runner: Runner;
  constructor(open: (configuration: Configuration) => TrialBench = c => new FakeBench(c)) {
    this.runner = new Runner(open);
  }
  async run(job: Job): Promise<JobResult> {
    // A turn of the loop, as a thread's message would take.
    await new Promise(setImmediate);
    return structuredClone(this.runner.run(structuredClone(job)));
  }
  async close(): Promise<void> {}
}

export interface FakeCampaign {
  settings?: CampaignSettings;
  shard?: Shard | null;
  workers?: number;
  batch?: number;
  openWorker?(): TrialWorker;
  stop?: { wanted: boolean };
  onProgress?(tally: Tally): void;
  onTrouble?(line: string): void;
}

export async function fakeCampaign(path: string, options: FakeCampaign = {}): Promise<Tally> {
  const settings = options.settings ?? SETTINGS;
  const shard = options.shard ?? null;
  const writer = new ResultsWriter(path, settings, shard);
  try {
    return await runCampaign({
      settings,
      shard,
      writer,
      plan: trial => planOf(settings, trial),
      judge,
      openWorker: options.openWorker ?? (() => new FakeWorker()),
      workers: options.workers ?? 2,
      batch: options.batch ?? 3,
      keep: 1,
      stop: options.stop ?? { wanted: false },
      onProgress: options.onProgress ?? (() => {}),
      onTrouble: options.onTrouble ?? (() => {}),
    });
  } finally {
    writer.close();
  }
}

/** All that must repeat. */
export function recordsOf(path: string): TrialRecord[] {
  const reader = new ResultsReader(path);
  try {
    return [...reader.records()].map(r => ({ ...r, hostSeconds: 0 }));
  } finally {
    reader.close();
  }
}
