/** The commands of fault campaigns, with plans and machines that are numbers (test/inject/campaign/fake.ts). */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCampaignProgress } from '../../cli/campaign-progress.ts';
import { registerInject } from '../../cli/commands/inject.ts';
import { registerMerge } from '../../cli/commands/merge.ts';
import { registerReplay } from '../../cli/commands/replay.ts';
import { registerReport } from '../../cli/commands/report.ts';
import { cacheRoot } from '../../guest/project.ts';
import type { Parts } from '../../inject/campaign/parts.ts';
import { Tally } from '../../inject/campaign/tally.ts';
import type { Observation } from '../../inject/model.ts';
import { FakeBench, FakeWorker, judge, observe, planOf, recordsOf } from '../inject/campaign/fake.ts';
import { nooks86 as command } from './command.ts';

let root: string;
let dir: string;
let file: string;
/** What a replay sees differently. */
let change: (o: Observation) => void;
let onJob: () => void;

const PARTS: Parts = {
  types: [
    { name: 'SRC', model: 'byzantine', mutation: 'another source register' },
    { name: 'NOP', model: 'omission', mutation: 'one instruction is left out' },
  ],
  planner:
    ({ settings }) =>
    trial =>
      planOf(settings, trial),
  judge,
  openBench: (_campaign, configuration) => {
    const bench = new FakeBench(configuration);
    return Object.assign(bench, {
      session: undefined as never,
      beginUnjudged: () => {},
      hostState: () => ({ save: () => null, load: () => {} }),
      run: (plan: Parameters<FakeBench['run']>[0]) => {
        const o = observe(configuration, plan);
        change(o);
        return o;
      },
    });
  },
  openWorker: () => {
    const worker = new FakeWorker();
    const run = worker.run.bind(worker);
    worker.run = job => {
      onJob();
      return run(job);
    };
    return worker;
  },
  minimum: { minimumPackets: 77, minimumCycles: 8888 },
};

const nooks86 = (...args: string[]) =>
  command(args, [
    (program, context) => registerInject(program, context, async () => PARTS),
    registerMerge,
    (program, context) => registerReplay(program, context, async () => PARTS, new PassThrough()),
    (program, context) => registerReport(program, context, async () => PARTS),
  ]);
const inject = (...args: string[]) => nooks86('inject', '--out', file, '--trials', '20', ...args);

beforeAll(() => {
  mkdirSync(cacheRoot(), { recursive: true });
  root = mkdtempSync(join(cacheRoot(), 'test-inject-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  dir = mkdtempSync(join(root, 'files-'));
  file = join(dir, 'r.db');
  change = () => {};
  onJob = () => {};
});

describe('inject', () => {
  it('runs a campaign, reports, and does nothing twice', async () => {
    const ran = await inject('--policy', 'shadow,restart', '--seed', '7', '--workers', '3');
    expect([ran.code, ran.err.split('\n').at(-2)]).toEqual([
      0,
      expect.stringMatching(
        /^60\/60 trials, .*; none: .*; nooks\/restart: 20 recovered; nooks\/shadow: 20 recovered$/,
      ),
    ]);
    for (const part of [
      'at least 77 packets and 8,888 cycles',
      'seed 7',
      'speed: ',
      'million guest instructions',
    ])
      expect(ran.out).toContain(part);
    expect(recordsOf(file).length).toBe(60);
    const before = readFileSync(file);
    const again = await inject('--policy', 'restart,shadow', '--seed', '7');
    expect([again.code, again.out]).toEqual([0, ran.out]);
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(dir)).toEqual(['r.db']);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s with everything written, and goes on', async (signal, code) => {
    let jobs = 0;
    onJob = () => {
      if (++jobs === 3) process.emit(signal, signal);
    };
    const listeners = process.listenerCount(signal);
    const ran = await inject('--batch', '2', '--workers', '2');
    expect([ran.code, ran.out]).toEqual([code, '']);
    const { length } = recordsOf(file);
    expect([6, 8]).toContain(length);
    expect(ran.err).toContain('nooks86: stopping after the running batches');
    expect(ran.err).toContain(`stopped; ${file} has ${length} of 40 trials, and the same command goes on\n`);
    expect(process.listenerCount(signal)).toBe(listeners);
    expect((await inject()).code).toBe(0);
    expect(recordsOf(file).length).toBe(40);
  });

  it('refuses another campaign in the same file', async () => {
    await inject();
    const ran = await inject('--seed', '2');
    expect([ran.code, ran.err]).toEqual([
      2,
      `nooks86: ${file} holds another campaign; what differs: seed (1, now 2)\n`,
    ]);
  });

  it('prints JSON, CSV and a page', async () => {
    const html = join(dir, 'r.html');
    const json = await inject('--json', '--html', html, '--fault-rate', '0.5/day');
    expect(JSON.parse(json.out)).toMatchObject({ settings: { trials: 20 }, faultRate: 0.5 / 24 });
    expect(readFileSync(html, 'utf8')).toContain('</html>');
    const csv = await nooks86('report', file, '--csv');
    expect(csv.out.trim().split('\n').length).toBe(41);
  });

  it('lists fault types', async () => {
    const ran = await nooks86('inject', '--list-types');
    expect(ran.out).toContain('NOP  one instruction is left out (omission)\n');
  });

  it.each([
    [[], 'inject needs --out FILE, where results are kept'],
    [['--trials', '0'], '--trials must be a whole number from 1 to 1000000, not 0'],
    [['--trials', '-1'], '--trials must be a whole number from 1 to 1000000, not -1'],
    [['--faults-per-trial', '1.5'], '--faults-per-trial must be a whole number from 1 to 100, not 1.5'],
    [['--isolation', 'non'], '--isolation must be a list of none, nooks, not non'],
    [['--isolation', ''], '--isolation must be a list of none, nooks, not empty'],
    [['--policy', 'restart,'], /--policy must be a list of panic, .*alternate, not restart,/],
    [['--persistence', 'x'], '--persistence must be transient or deterministic, not x'],
    [['--distribution', 'x'], '--distribution must be uniform or field, not x'],
    [['--types', 'NOP,XYZ'], '--types must be a list of SRC, NOP, not NOP,XYZ'],
    [['--seed', '4294967296'], /--seed must be a whole number/],
    [['--profile', 'x'], /unknown profile x; there are: /],
    [['--min-packets', 'x'], /--min-packets must be/],
    [['--min-cycles', '1e13'], /--min-cycles must be/],
    [['--workers', '0'], /--workers must be a whole number from 1 to 256/],
    [['--shard', '3/2'], '--shard must be like 1/4 (the first of four), not 3/2'],
    [['--shard', '0/2'], '--shard must be like 1/4 (the first of four), not 0/2'],
    [['--batch', 'x'], /--batch must be/],
    [['--fault-rate', '0/year'], /--fault-rate must be like 12\/year/],
    [['--fault-rate', '3'], /--fault-rate must be like 12\/year/],
    [['--reboot-seconds', '-1'], /--reboot-seconds must be a number/],
    [['--json', '--csv'], '--json and --csv both go to standard output: choose one'],
    [['--html', '/nowhere/x.html'], 'cannot write /nowhere/x.html (ENOENT)'],
    [['--throughput', '/nowhere/x.json'], 'no such file: /nowhere/x.json'],
    [['--throughput', import.meta.filename], /is no output of nooks86 bench --json/],
    [['--out', '/nowhere/x.db'], 'cannot write beside /nowhere/x.db (ENOENT)'],
    [['--what'], "unknown option '--what'"],
    [['extra'], /too many arguments/],
  ])('explains %j in one line', async (args, says) => {
    const out = args.length === 0 || args.includes('--out') ? [] : ['--out', file];
    const ran = await nooks86('inject', ...out, ...args);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toMatch(/^nooks86: [^\n]*\n$/);
    const line = ran.err.slice('nooks86: '.length, -1);
    if (typeof says === 'string') expect(line).toBe(says);
    else expect(line).toMatch(says);
    expect(existsSync(file)).toBe(false);
  });

  it('takes what isolation costs from the bench', async () => {
    const bench = join(dir, 'bench.json');
    const costs = [{ workload: 'send-stream', relativePerformance: 1, cpuNative: 0.14, cpuNooks: 0.2 }];
    writeFileSync(bench, JSON.stringify({ comparisons: costs }));
    const ran = await inject('--json', '--throughput', bench);
    const { usefulWork } = JSON.parse(ran.out);
    expect(usefulWork[0]).toMatchObject({ load: 'send-stream, CPU-limited', relative: { none: 1 } });
    expect(usefulWork[0].relative['nooks/restart']).toBeCloseTo(0.7);
    const dear = join(dir, 'dear.json');
    writeFileSync(dear, JSON.stringify({ comparisons: [{ ...costs[0], cpuNooks: 0.28 }] }));
    const both = await inject('--json', '--throughput', `nooks/restart=${dear}`, '--throughput', bench);
    expect(JSON.parse(both.out).usefulWork[0].relative['nooks/restart']).toBeCloseTo(0.5);
  });
});

describe('shards', () => {
  it('merge to what one run gives', async () => {
    await inject();
    const whole = recordsOf(file);
    const shards: string[] = [];
    for (const n of [1, 2, 3]) {
      file = join(dir, `${n}.db`);
      shards.push(file);
      expect((await inject('--shard', `${n}/3`)).code).toBe(0);
    }
    const merged = join(dir, 'merged.db');
    const ran = await nooks86('merge', merged, ...shards);
    expect(ran).toEqual({ code: 0, out: `${merged}: 40 trials of 3 files\n`, err: '' });
    expect(recordsOf(merged)).toEqual(whole);
    const part = join(dir, 'part.db');
    const two = await nooks86('merge', part, shards[0], shards[2]);
    expect([two.code, two.err]).toEqual([
      1,
      'nooks86: none: 7 trials are missing (1, 4, 7, 10, 13, …)\nnooks86: nooks/restart: 7 trials are missing (1, 4, 7, 10, 13, …)\n',
    ]);
    const twice = await nooks86('merge', join(dir, 'x.db'), shards[0], part);
    expect([twice.code, twice.err]).toEqual([2, expect.stringMatching(/^nooks86: .*overlap.*\n$/)]);
  });
});

describe('replay', () => {
  it('says that a trial goes as it did', async () => {
    await inject();
    const ran = await nooks86('replay', file, 'nooks/restart:7');
    expect(ran.code).toBe(0);
    expect(ran.out).toContain('mov eax,ecx');
    expect(ran.out).toMatch(/outcome: recovered\nreplay: equal to the record, to the cycle\n$/);
    const byNumber = await nooks86('replay', file, '7', '--configuration', 'nooks/restart');
    expect(byNumber).toEqual(ran);
  });

  it('says where it does not', async () => {
    await inject();
    change = o => {
      o.endedAt += 0.25;
      o.end = 'panic';
    };
    const ran = await nooks86('replay', file, 'nooks/restart:7');
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(
      /replay: differs from the record:\n {2}end: "complete", now "panic"\n {2}endedAt: /,
    );
    expect(ran.out).toContain('  outcome: recovered, now crash\n');
  });

  it.each([
    [['r.db', 'x'], 'a trial is a number or like nooks/restart:1317, not x'],
    [['r.db', 'none:20'], 'no trial 20; the campaign has 0 to 19'],
    [['r.db', '3'], 'which configuration? none:3, nooks/restart:3'],
    [['r.db', 'nooks/shadow:3'], 'no configuration nooks/shadow; there are: none, nooks/restart'],
    [['no.db', '3'], /^no such file: /],
  ])('explains %j in one line', async ([name, id], says) => {
    await inject();
    const ran = await nooks86('replay', join(dir, name), id);
    expect([ran.code, ran.out]).toEqual([2, '']);
    if (typeof says === 'string') expect(ran.err).toBe(`nooks86: ${says}\n`);
    else expect(ran.err.slice(9)).toMatch(says);
  });

  it('knows a trial that was not run yet', async () => {
    await inject('--shard', '1/2');
    const ran = await nooks86('replay', file, 'none:1');
    expect(ran).toEqual({ code: 2, out: '', err: `nooks86: ${file} has no trial none:1 yet\n` });
  });
});

describe('a campaign’s progress', () => {
  const tally = () => {
    const t = new Tally(['none', 'nooks/restart'], 10, new Map([['none:1', 'crash' as const]]));
    const records = ['none', 'nooks/restart'].map(configuration => ({
      configuration,
      outcome: 'recovered' as const,
    }));
    t.add(records as never, 4);
    return t;
  };

  it('is a line now and then in a pipe', () => {
    let text = '';
    let time = 0;
    const stream = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream;
    const progress = openCampaignProgress(
      line => (text += line),
      stream,
      () => time,
    );
    for (; time < 25_000; time += 1000) progress.update(tally());
    progress.close();
    const line =
      '3/20 trials, 0.50 trials/s, 34 s left; none: 1 crash, 1 recovered; nooks/restart: 1 recovered\n';
    expect(text).toBe(line.repeat(3));
  });

  it('is bars with outcomes on a terminal', () => {
    let text = '';
    const stream = Object.assign(new PassThrough(), {
      isTTY: true,
      columns: 120,
      cursorTo() {},
      moveCursor() {},
      clearLine() {},
      clearScreenDown() {},
    });
    stream.on('data', chunk => {
      text += chunk;
    });
    const progress = openCampaignProgress(() => {}, stream as unknown as NodeJS.WriteStream);
    progress.update(tally());
    progress.say('nooks86: something');
    progress.close();
    for (const part of ['3/20', '2/10 1 crash, 1 recovered', 'nooks86: something', '0.50 trials/s'])
      expect(text).toContain(part);
  });
});
