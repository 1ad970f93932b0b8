/**
 * A small real campaign: what becomes of each trial is fixed, the same in a thread, and the same in a replay. After a
 * change of the guest, the faults or the workload, look at what changed, then `npx vitest run -u` writes it down.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildGuest } from '../../../guest/build.ts';
import { cacheRoot, projectRoot } from '../../../guest/project.ts';
import { buildIdentity } from '../../../inject/campaign/identity.ts';
import { MACHINERY } from '../../../inject/campaign/machinery.ts';
import type { ReplayBench } from '../../../inject/campaign/parts.ts';
import { ThreadWorker } from '../../../inject/campaign/pool.ts';
import { runCampaign } from '../../../inject/campaign/run.ts';
import type { Campaign } from '../../../inject/campaign/runner.ts';
import { configurationsOf } from '../../../inject/campaign/settings.ts';
import { ResultsWriter } from '../../../inject/campaign/store.ts';
import { type Configuration, configurationName, type TrialRecord } from '../../../inject/model.ts';
import { FakeWorker, recordsOf } from './fake.ts';

const TRIALS = 4;
/** Not the default: the closing part, and a little before it. */
const MINIMUM_CYCLES = 72_000_000;
/** Of the deterministic campaign: a trial whose driver fails again and again takes several times as long. */
const FEW = 2;

let dir: string;
let campaign: Campaign;
let records: TrialRecord[];

/** Machines, by configuration: persistence is the faults' affair. */
const benches = new Map<string, ReplayBench>();

/** Runs a campaign in this thread. */
async function run({ build, settings }: Campaign, name: string): Promise<TrialRecord[]> {
  const file = join(dir, name);
  const writer = new ResultsWriter(file, settings, null);
  await runCampaign({
    settings,
    shard: null,
    writer,
    plan: MACHINERY.planner({ build, settings }),
    judge: MACHINERY.judge,
    openWorker: () => new FakeWorker(benchOf),
    workers: 1,
    batch: settings.trials,
    keep: 1,
    stop: { wanted: false },
    onProgress: () => {},
    onTrouble: line => expect.fail(line),
  });
  writer.close();
  return recordsOf(file);
}

function benchOf(configuration: Configuration): ReplayBench {
  const name = configurationName(configuration);
  const bench = benches.get(name) ?? MACHINERY.openBench(campaign, configuration);
  benches.set(name, bench);
  return bench;
}

const rowsOf = (of: TrialRecord[]) =>
  of.map(r => `${r.configuration}:${r.plan.trial} ${r.observation.end}: ${r.outcome}`);

beforeAll(async () => {
  mkdirSync(cacheRoot(), { recursive: true });
  dir = mkdtempSync(join(cacheRoot(), 'test-small-'));
  const build = await buildGuest();
  const driver = 'e1000';
  const configurations = configurationsOf(['none', 'nooks'], ['restart', 'shadow']);
  campaign = {
    build,
    settings: {
      driver,
      trials: TRIALS,
      faultsPerTrial: 5,
      configurations,
      persistence: 'transient',
      distribution: 'uniform',
      types: [],
      seed: 1,
      profile: 'p4-1700',
      minimumPackets: MACHINERY.minimum.minimumPackets,
      minimumCycles: MINIMUM_CYCLES,
      build: buildIdentity(build, { configurations, driver }),
    },
  };
  records = await run(campaign, 'small.db');
}, 300_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('comes to what it came to', () =>
  expect(rowsOf(records)).toMatchInlineSnapshot(`
  [
    "none:0 panic: crash",
    "nooks/restart:0 complete: recovered",
    "nooks/shadow:0 complete: recovered",
    "none:1 complete: no effect",
    "nooks/restart:1 complete: no effect",
    "nooks/shadow:1 complete: no effect",
    "none:2 panic: crash",
    "nooks/restart:2 complete: recovered",
    "nooks/shadow:2 complete: recovered",
    "none:3 panic: crash",
    "nooks/restart:3 complete: recovered, applications harmed",
    "nooks/shadow:3 complete: recovered",
  ]
`));

it('with faults that are there again after each load, too', async () => {
  const { build, settings } = campaign;
  const configurations = configurationsOf(['nooks'], ['restart', 'shadow']);
  const again = { ...settings, trials: FEW, configurations, persistence: 'deterministic' as const };
  const found = await run({ build, settings: again }, 'deterministic.db');
  const failures = (r: TrialRecord) => r.observation.events.filter(e => e.event === 'FAILED').length;
  expect(rowsOf(found).map((row, n) => `${row}, ${failures(found[n])} failures`)).toMatchInlineSnapshot(`
    [
      "nooks/restart:0 complete: recovered, applications harmed, 6 failures",
      "nooks/shadow:0 complete: recovered, applications harmed, 10 failures",
      "nooks/restart:1 complete: no effect, 0 failures",
      "nooks/shadow:1 complete: no effect, 0 failures",
    ]
  `);
}, 300_000);

it('does the same faults in each configuration', () => {
  const plans = (configuration: string) =>
    records.filter(r => r.configuration === configuration).map(r => JSON.stringify(r.plan));
  expect(plans('none').length).toBe(TRIALS);
  for (const nooks of ['nooks/restart', 'nooks/shadow']) expect(plans(nooks)).toEqual(plans('none'));
});

it('runs as long as it says, unless the machine ends', () => {
  const { minimumPackets, minimumCycles } = campaign.settings;
  for (const { observation: o } of records.filter(r => r.observation.end === 'complete')) {
    expect(o.packets).toBeGreaterThanOrEqual(minimumPackets);
    expect(o.endedAt - o.injectedAt).toBeGreaterThanOrEqual(minimumCycles);
  }
});

it('goes the same way in a thread, on a fresh machine, in another order', async () => {
  const filename = join(dir, 'worker.mjs');
  buildSync({
    entryPoints: [join(projectRoot(), 'inject/campaign/worker.ts')],
    outfile: filename,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const configuration = campaign.settings.configurations[1];
  const again = [TRIALS - 1, 0].map(
    trial =>
      records.find(r => r.configuration === configurationName(configuration) && r.plan.trial === trial)!,
  );
  const worker = new ThreadWorker(campaign, { filename });
  const result = await worker.run({ configuration, plans: again.map(r => r.plan), keep: 1 });
  await worker.close();
  expect(result.failed).toEqual([]);
  expect(result.done.map(d => d.observation)).toEqual(again.map(r => r.observation));
});
