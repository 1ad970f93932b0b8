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
import { MACHINERY } from '../../../inject/campaign/machinery.ts';
import { ThreadWorker } from '../../../inject/campaign/pool.ts';
import { runCampaign } from '../../../inject/campaign/run.ts';
import type { Campaign } from '../../../inject/campaign/runner.ts';
import { buildIdentity, configurationsOf } from '../../../inject/campaign/settings.ts';
import { ResultsWriter } from '../../../inject/campaign/store.ts';
import { configurationName, type TrialRecord } from '../../../inject/model.ts';
import { FakeWorker, recordsOf } from './fake.ts';

const TRIALS = 6;

let dir: string;
let campaign: Campaign;
let records: TrialRecord[];

beforeAll(async () => {
  mkdirSync(cacheRoot(), { recursive: true });
  dir = mkdtempSync(join(cacheRoot(), 'test-small-'));
  const build = await buildGuest();
  campaign = {
    build,
    settings: {
      driver: 'e1000',
      trials: TRIALS,
      faultsPerTrial: 5,
      configurations: configurationsOf(['none', 'nooks'], ['restart']),
      persistence: 'transient',
      distribution: 'uniform',
      types: [],
      seed: 1,
      profile: 'p4-1700',
      ...MACHINERY.minimum,
      build: buildIdentity(build),
    },
  };
  const file = join(dir, 'small.db');
  const writer = new ResultsWriter(file, campaign.settings, null);
  await runCampaign({
    settings: campaign.settings,
    shard: null,
    writer,
    plan: MACHINERY.planner(campaign),
    judge: MACHINERY.judge,
    openWorker: () => new FakeWorker(configuration => MACHINERY.openBench(campaign, configuration)),
    workers: 1,
    batch: TRIALS,
    keep: 1,
    stop: { wanted: false },
    onProgress: () => {},
    onTrouble: line => expect.fail(line),
  });
  writer.close();
  records = recordsOf(file);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('comes to what it came to', () => {
  const rows = records.map(r => `${r.configuration}:${r.plan.trial} ${r.observation.end}: ${r.outcome}`);
  expect(rows).toMatchInlineSnapshot(`
    [
      "none:0 panic: crash",
      "nooks/restart:0 complete: recovered",
      "none:1 complete: no effect",
      "nooks/restart:1 complete: no effect",
      "none:2 panic: crash",
      "nooks/restart:2 complete: recovered",
      "none:3 panic: crash",
      "nooks/restart:3 complete: recovered, applications harmed",
      "none:4 panic: crash",
      "nooks/restart:4 complete: recovered, applications harmed",
      "none:5 complete: no effect",
      "nooks/restart:5 complete: recovered",
    ]
  `);
});

it('does the same faults in each configuration', () => {
  const plans = (isolated: boolean) =>
    records.filter(r => (r.configuration !== 'none') === isolated).map(r => JSON.stringify(r.plan));
  expect(plans(true)).toEqual(plans(false));
  expect(plans(true).length).toBe(TRIALS);
});

it('runs as long as it says, unless the machine ends', () => {
  const { minimumPackets, minimumCycles } = campaign.settings;
  for (const { observation: o } of records.filter(r => r.observation.end === 'complete')) {
    expect(o.packets).toBeGreaterThanOrEqual(minimumPackets);
    expect(o.endedAt - o.injectedAt).toBeGreaterThanOrEqual(minimumCycles);
  }
});

it('goes the same way in a thread, on a fresh machine, in another order', async () => {
  const script = join(dir, 'worker.mjs');
  buildSync({
    entryPoints: [join(projectRoot(), 'inject/campaign/worker.ts')],
    outfile: script,
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
  const worker = new ThreadWorker(campaign, script);
  const result = await worker.run({ configuration, plans: again.map(r => r.plan), keep: 1 });
  await worker.close();
  expect(result.failed).toEqual([]);
  expect(result.done.map(d => d.observation)).toEqual(again.map(r => r.observation));
});
