import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cacheRoot, projectRoot } from '../../../guest/project.ts';
import { mergeResults } from '../../../inject/campaign/merge.ts';
import { ThreadWorker } from '../../../inject/campaign/pool.ts';
import { differencesOf, renderTrial, timeline, trialOf } from '../../../inject/campaign/replay.ts';
import { Runner } from '../../../inject/campaign/runner.ts';
import { configurationsOf } from '../../../inject/campaign/settings.ts';
import { Work } from '../../../inject/campaign/work.ts';
import { configurationName } from '../../../inject/model.ts';
import { FakeBench, FakeWorker, fakeCampaign, observe, planOf, recordsOf, SETTINGS } from './fake.ts';

let bundles: string;
let dir: string;
let file: string;

beforeAll(() => {
  mkdirSync(cacheRoot(), { recursive: true });
  bundles = mkdtempSync(join(cacheRoot(), 'test-campaign-'));
});
afterAll(() => rmSync(bundles, { recursive: true, force: true }));
beforeEach(() => {
  dir = mkdtempSync(join(bundles, 'files-'));
  file = join(dir, 'r.db');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function expected() {
  const path = join(dir, 'expected.db');
  await fakeCampaign(path, { workers: 1, batch: 1000 });
  return recordsOf(path);
}

describe('a campaign', () => {
  it.each([
    [1, 1],
    [3, 7],
    [8, 2],
  ])('gives the same with %d workers and batches of %d', async (workers, batch) => {
    await fakeCampaign(file, { workers, batch });
    expect(recordsOf(file)).toEqual(await expected());
  });

  it('goes on where it was stopped', async () => {
    const stop = { wanted: false };
    const onProgress = () => {
      stop.wanted = true;
    };
    const first = await fakeCampaign(file, { stop, onProgress });
    expect(first.done()).toBeLessThan(first.total());
    let sessions = 0;
    const second = await fakeCampaign(file, { onProgress: t => (sessions = t.session) });
    expect([second.done(), sessions]).toEqual([80, 80 - first.done()]);
    expect(recordsOf(file)).toEqual(await expected());
    const nothing = await fakeCampaign(file, { openWorker: () => expect.fail('there is nothing to do') });
    expect([nothing.done(), nothing.session]).toEqual([80, 0]);
  });

  it('counts outcomes as they come', async () => {
    const tally = await fakeCampaign(file);
    for (const [name, outcomes] of tally.outcomes)
      for (const [outcome, n] of outcomes)
        expect(recordsOf(file).filter(r => r.configuration === name && r.outcome === outcome).length).toBe(n);
    expect(tally.done('none')).toBe(40);
  });

  it('tries a trial that throws once more, on a fresh machine', async () => {
    let boots = 0;
    const thrown = new Set<number>();
    const open = (c: (typeof SETTINGS.configurations)[0]) => {
      boots++;
      return Object.assign(new FakeBench(c), {
        run: (plan: Parameters<FakeBench['run']>[0]) => {
          if (plan.trial === 5 && !thrown.has(boots)) {
            if (thrown.size < 2) {
              thrown.add(boots);
              throw new RangeError('out of\nluck');
            }
          }
          return observe(c, plan);
        },
      });
    };
    const lines: string[] = [];
    await fakeCampaign(file, {
      workers: 1,
      openWorker: () => new FakeWorker(open),
      onTrouble: l => lines.push(l),
    });
    expect(lines).toEqual([
      'none:5: out of; will be tried once more',
      'none:5: out of; recorded as not classified',
    ]);
    const one = recordsOf(file).find(r => r.configuration === 'none' && r.plan.trial === 5)!;
    expect(one).toMatchObject({
      outcome: 'not classified',
      observation: { end: 'host-error', lastLine: 'out of' },
    });
    const others = (await expected()).filter(r => r.configuration !== 'none' || r.plan.trial !== 5);
    expect(recordsOf(file).filter(r => r !== one && r.outcome !== 'not classified')).toEqual(others);
  });

  it('keeps what a bench saw of a trial that the host could not finish', async () => {
    const open = (c: (typeof SETTINGS.configurations)[0]) =>
      Object.assign(new FakeBench(c), {
        run: (plan: Parameters<FakeBench['run']>[0]) => {
          const o = observe(c, plan);
          return plan.trial === 5 ? { ...o, end: 'host-error' as const, lastLine: 'no luck' } : o;
        },
      });
    const lines: string[] = [];
    await fakeCampaign(file, { openWorker: () => new FakeWorker(open), onTrouble: l => lines.push(l) });
    expect(lines.filter(l => l.startsWith('none')).sort()).toEqual([
      'none:5: no luck; recorded as not classified',
      'none:5: no luck; will be tried once more',
    ]);
    const one = recordsOf(file).find(r => r.configuration === 'none' && r.plan.trial === 5)!;
    expect(one.outcome).toBe('not classified');
    expect(one.observation).toMatchObject({
      end: 'host-error',
      lastLine: 'no luck',
      packets: expect.any(Number),
    });
    expect(one.observation.packets).toBeGreaterThan(0);
    expect(recordsOf(file).length).toBe(80);
  });

  it('outlives its workers', async () => {
    const lines: string[] = [];
    let deaths = 0;
    class Mortal extends FakeWorker {
      override async run(job: Parameters<FakeWorker['run']>[0]) {
        if (job.configuration.isolation === 'nooks' && job.plans.some(p => p.trial === 20)) {
          deaths++;
          throw new Error('gone');
        }
        return super.run(job);
      }
    }
    await fakeCampaign(file, { openWorker: () => new Mortal(), onTrouble: l => lines.push(l) });
    expect(deaths).toBe(2);
    expect(lines.at(-1)).toBe('nooks/restart:20: worker died: gone; recorded as not classified');
    expect(lines.length).toBe(2);
    const wrong = recordsOf(file).filter(r => r.outcome === 'not classified');
    expect(wrong.map(r => r.plan.trial)).toEqual([20]);
    expect(recordsOf(file).length).toBe(80);
  });

  it('ends when no machine can be booted', async () => {
    const open = () => ({
      warm() {
        throw new Error('no symbol nooks_event');
      },
      run: () => expect.fail(),
    });
    await expect(fakeCampaign(file, { openWorker: () => new FakeWorker(open) })).rejects.toThrow(
      'no machine for none: no symbol nooks_event',
    );
    expect(recordsOf(file)).toEqual([]);
  });
});

describe('a runner', () => {
  it('keeps the machines of the configurations that it used last', () => {
    const opened: string[] = [];
    const runner = new Runner(c => {
      opened.push(configurationName(c));
      return new FakeBench(c);
    });
    const [a, b] = SETTINGS.configurations;
    const plans = [planOf(SETTINGS, 0)];
    for (const configuration of [a, a, b, a]) runner.run({ configuration, plans, keep: 2 });
    expect(opened).toEqual(['none', 'nooks/restart']);
    for (const configuration of [a, b, a]) runner.run({ configuration, plans, keep: 1 });
    expect(opened.slice(2)).toEqual(['nooks/restart', 'none']);
  });
});

describe('work', () => {
  it('gives every trial once, whatever is asked for', () => {
    const work = new Work({ ...SETTINGS, trials: 100 }, null, key => key === 'none:3', 3);
    const seen = new Set<string>();
    for (let chunk = work.next('none'); chunk; chunk = work.next('nooks/restart'))
      for (const trial of chunk.trials) seen.add(`${configurationName(chunk.configuration)}:${trial}`);
    expect([work.total, seen.size, seen.has('none:3')]).toEqual([199, 199, false]);
  });

  it('splits into shards without rest', () => {
    const seen: number[] = [];
    for (let index = 1; index <= 3; index++) {
      const work = new Work(SETTINGS, { index, of: 3 }, key => key.startsWith('none'), 5);
      for (let chunk = work.next(); chunk; chunk = work.next()) seen.push(...chunk.trials);
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });
});

it('makes one configuration without isolation, and one a policy with', () => {
  expect(
    configurationsOf(['nooks', 'none'], ['shadow', 'restart', 'restart']).map(configurationName),
  ).toEqual(['none', 'nooks/restart', 'nooks/shadow']);
});

describe('merging', () => {
  const shard = (index: number, of: number) => join(dir, `${index}-of-${of}.db`);
  const make = (index: number, of: number, settings = SETTINGS) =>
    fakeCampaign(shard(index, of), { settings, shard: { index, of } });

  it('gives what one run gives', async () => {
    for (const n of [3, 1, 2]) await make(n, 3);
    expect(mergeResults(file, [shard(2, 3), shard(3, 3), shard(1, 3)])).toEqual({
      records: 80,
      missing: new Map(),
    });
    expect(recordsOf(file)).toEqual(await expected());
  });

  it('says what is missing, and the campaign goes on from there', async () => {
    await make(1, 2);
    const { missing } = mergeResults(file, [shard(1, 2)]);
    expect(missing.get('none')).toEqual(Array.from({ length: 20 }, (_, n) => 2 * n + 1));
    await fakeCampaign(file);
    expect(recordsOf(file)).toEqual(await expected());
  });

  it('refuses overlaps, other settings and a file that is there', async () => {
    await make(1, 2);
    await make(1, 4);
    await make(2, 4, { ...SETTINGS, seed: 9 });
    const both = [shard(1, 2), shard(1, 4)];
    expect(() => mergeResults(file, both)).toThrow(
      `${shard(1, 2)} (shard 1/2) and ${shard(1, 4)} (shard 1/4) overlap: both have 20 trials (none:0, …)`,
    );
    expect(() => mergeResults(file, [shard(1, 4), shard(2, 4)])).toThrow('what differs: seed (1, 9)');
    expect(() => mergeResults(shard(1, 2), [shard(1, 4)])).toThrow('exists: merge into a new file');
    expect(() => mergeResults(file, [join(dir, 'none.db')])).toThrow('no such file');
    expect(readdirSync(dir).filter(name => name.startsWith('r.db'))).toEqual([]);
  });
});

describe('threads', () => {
  const campaign = {
    settings: SETTINGS,
    build: { files: new Map(), identity: '', compiler: '', pinned: true },
  };

  let filename: string;
  beforeAll(() => {
    filename = join(bundles, 'thread.mjs');
    buildSync({
      entryPoints: [join(projectRoot(), 'test/inject/campaign/thread.ts')],
      outfile: filename,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
  });

  it('run jobs, die, and are replaced', async () => {
    const worker = new ThreadWorker(campaign, { filename, heapMegabytes: 64 });
    const job = (trial: number) => ({
      configuration: SETTINGS.configurations[1],
      plans: [planOf(SETTINGS, trial)],
      keep: 1,
    });
    const good = await worker.run(job(0));
    expect(good.done[0].observation).toEqual(observe(SETTINGS.configurations[1], planOf(SETTINGS, 0)));
    await expect(worker.run(job(1))).rejects.toThrow('its thread ended with code 3');
    await expect(worker.run(job(2))).rejects.toThrow(/out of memory|memory limit/i);
    await expect(worker.run(job(3))).rejects.toThrow('thrown later');
    expect((await worker.run(job(4))).done.length).toBe(1);
    expect((await worker.run(job(5))).failed).toEqual([{ trial: 5, message: 'thrown at once' }]);
    await worker.close();
    await worker.close();
  });

  it('are ended when a trial takes too long; the others of its job are done', async () => {
    const lines: string[] = [];
    const settings = { ...SETTINGS, trials: 9, configurations: [SETTINGS.configurations[1]] };
    const trials = new Set([0, 4, 6, 7, 8]);
    const openWorker = () => {
      const worker = new ThreadWorker(campaign, { filename, trialSeconds: 1 });
      const run = worker.run.bind(worker);
      worker.run = job => run({ ...job, plans: job.plans.filter(plan => trials.has(plan.trial)) });
      return worker;
    };
    await fakeCampaign(file, { settings, workers: 1, batch: 9, openWorker, onTrouble: l => lines.push(l) });
    const message = 'nooks/restart:6: not finished in 1 s of the host’s time';
    expect(lines).toEqual([`${message}; will be tried once more`, `${message}; recorded as not classified`]);
    const records = recordsOf(file);
    expect(records.map(r => [r.plan.trial, r.outcome])).toEqual(
      [...trials].map(trial => [trial, trial === 6 ? 'not classified' : 'recovered']),
    );
    expect(records[2].observation).toMatchObject({
      end: 'host-error',
      lastLine: 'not finished in 1 s of the host’s time',
      packets: 0,
    });
  }, 20_000);
});

describe('a trial', () => {
  it('is named in two ways', () => {
    const of = (id: string, configuration?: string) => trialOf(SETTINGS, id, configuration);
    expect(of('nooks/restart:17')).toEqual({ configuration: 'nooks/restart', trial: 17 });
    expect(of('17', 'none')).toEqual({ configuration: 'none', trial: 17 });
    expect(() => of('17')).toThrow('which configuration? none:17, nooks/restart:17');
    expect(() => of('nooks/x:1')).toThrow('no configuration nooks/x; there are: none, nooks/restart');
    expect(() => of('none:40')).toThrow('no trial 40; the campaign has 0 to 39');
    expect(() => of('none:1', 'nooks/restart')).toThrow('none:1 is not of configuration nooks/restart');
    for (const bad of ['', 'x', '-1', 'none:', ':1', '1.5', 'none:1e3'])
      expect(() => of(bad)).toThrow(/is a number or like/);
  });

  it('is compared in all that was seen', () => {
    const [, c] = SETTINGS.configurations;
    const a = observe(c, planOf(SETTINGS, 3));
    expect(differencesOf(a, structuredClone(a))).toEqual([]);
    const b = structuredClone(a);
    b.events[0].at += 0.25;
    b.executedAt.push(7);
    b.wildWriteCount = 1;
    expect(differencesOf(a, b)).toEqual([
      `executedAt[2]: undefined, now 7`,
      `events[0].at: ${a.events[0].at}, now ${b.events[0].at}`,
      'wildWriteCount: 0, now 1',
    ]);
    expect(differencesOf({ ...a, console: [] }, { ...a, console: new Array(50).fill('x') }).at(-1)).toBe(
      '… and 30 more',
    );
  });

  it('is shown with its faults and its times', () => {
    const [, c] = SETTINGS.configurations;
    const plan = planOf(SETTINGS, 3);
    const observation = observe(c, plan);
    expect(timeline(observation).map(m => m.what)).toEqual([
      'injection',
      'fault 0 executed first',
      'first error',
      'detected fake (0xd)',
      'end: complete',
    ]);
    const record = {
      configuration: 'nooks/restart',
      plan,
      observation,
      outcome: 'recovered' as const,
      hostSeconds: 1,
    };
    const text = renderTrial(record);
    for (const part of ['nooks/restart:3', 'mov eax,ecx', 'never executed', 'outcome: recovered'])
      expect(text).toContain(part);
  });
});
