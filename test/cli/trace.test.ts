/**
 * `nooks86 trace` over our kernel. Readers: TracerBench's model of Chrome traces; zod schemas typed from the formats'
 * documents (Trace Event Format; speedscope's file-format-spec.ts) with the rules on nesting; a regular expression; tshark.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModel } from '@tracerbench/trace-model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runProgram } from '../../cli/program.ts';

const directory = mkdtempSync(join(tmpdir(), 'nooks86-trace-'));
const file = (name: string) => join(directory, name);
const haveTshark = spawnSync('tshark', ['--version']).status === 0;

async function trace(...args: string[]) {
  let err = '';
  const code = await runProgram(['trace', '--memory', '32', ...args], {
    out: () => {},
    err: text => {
      err += text;
    },
    exitCode: 0,
  });
  return { code, err };
}

afterAll(() => rmSync(directory, { recursive: true }));

const common = { pid: z.number().int(), tid: z.number().int(), ts: z.number().nonnegative() };
const args = z.record(z.string(), z.union([z.string(), z.number()]));
const event = z.discriminatedUnion('ph', [
  z.strictObject({ ph: z.literal('B'), name: z.string().min(1), cat: z.string(), args, ...common }),
  z.strictObject({ ph: z.literal('E'), args, ...common }),
  z.strictObject({
    ph: z.literal('i'),
    s: z.enum(['g', 'p', 't']),
    name: z.string(),
    cat: z.string(),
    args,
    ...common,
  }),
  z.strictObject({ ph: z.literal('C'), name: z.string(), args: z.record(z.string(), z.number()), ...common }),
  z.strictObject({
    ph: z.literal('M'),
    name: z.enum(['process_name', 'thread_name', 'thread_sort_index']),
    args,
    ...common,
  }),
]);
const chromeFile = z.strictObject({
  displayTimeUnit: z.enum(['ms', 'ns']),
  otherData: z.record(z.string(), z.unknown()),
  traceEvents: z.array(event),
});
const speedscopeFile = z.strictObject({
  $schema: z.literal('https://www.speedscope.app/file-format-schema.json'),
  exporter: z.string().optional(),
  name: z.string().optional(),
  activeProfileIndex: z.number().int().optional(),
  shared: z.strictObject({ frames: z.array(z.strictObject({ name: z.string() })) }),
  profiles: z.array(
    z.strictObject({
      type: z.literal('sampled'),
      name: z.string(),
      unit: z.enum(['none', 'nanoseconds', 'microseconds', 'milliseconds', 'seconds', 'bytes']),
      startValue: z.number(),
      endValue: z.number(),
      samples: z.array(z.array(z.number().int().nonnegative())),
      weights: z.array(z.number()),
    }),
  ),
});

/** Names of the tracks and all slices, after checking that they nest and end. */
function slices(path: string) {
  const { traceEvents } = chromeFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  const tracks = new Map<number, string>();
  const open = new Map<number, { name: string; parents: string[] }[]>();
  const all: { track: number; name: string; parents: string[] }[] = [];
  let last = 0;
  for (const e of traceEvents) {
    if (e.ph === 'M') {
      if (e.name === 'thread_name') tracks.set(e.tid, String(e.args.name));
      continue;
    }
    expect(e.ts).toBeGreaterThanOrEqual(last);
    last = e.ts;
    const stack = open.get(e.tid) ?? [];
    open.set(e.tid, stack);
    if (e.ph === 'B') {
      const slice = { name: e.name, parents: stack.map(s => s.name) };
      stack.push(slice);
      all.push({ track: e.tid, ...slice });
    } else if (e.ph === 'E') expect(stack.pop()).toBeDefined();
  }
  for (const stack of open.values()) expect(stack).toEqual([]);
  return { tracks, all: all.map(s => ({ ...s, track: tracks.get(s.track) })), events: traceEvents };
}

/** Slices around one, as TracerBench finds them by containment. */
function depthOf(event: { parent?: unknown }): number {
  const { parent } = event;
  return parent ? 1 + depthOf(parent as { parent?: unknown }) : 0;
}

describe('a packet’s way', () => {
  let told: Awaited<ReturnType<typeof trace>>;
  beforeAll(async () => {
    told = await trace(
      ...[
        '--from',
        'e1000_xmit_frame',
        '--to',
        '+3000000',
        '--pcap',
        file('p.pcap'),
        '--chrome',
        file('c.json'),
      ],
      ...[
        '--speedscope',
        file('s.json'),
        '--folded',
        file('f.txt'),
        '--branches',
        file('b.txt'),
        '--events',
        '50000',
      ],
    );
  }, 300_000);

  it('is told in one line, and nothing is left beside the files', () => {
    expect(told.code).toBe(0);
    expect(told.err).toMatch(/^nooks86: traced [\d.]+ cycles, from [\d.]+ to [\d.]+: as far as was wanted$/m);
    expect(readdirSync(directory).sort()).toEqual(['b.txt', 'c.json', 'f.txt', 'p.pcap', 's.json']);
  });

  it('is nested slices on the tracks of kernel, domain and interrupts', () => {
    const { tracks, all, events } = slices(file('c.json'));
    const domain = 'domain 1 (e1000)';
    expect([...tracks.values()]).toEqual(expect.arrayContaining(['kernel', domain, 'interrupts', 'user']));
    const find = (track: string, name: RegExp) => all.filter(s => s.track === track && name.test(s.name));
    expect(find(domain, /^e1000_xmit_frame$/).length).toBeGreaterThan(10);
    expect(find('kernel', /^XPC: e1000_xmit_frame/).length).toBe(find(domain, /^e1000_xmit_frame$/).length);
    const alloc = find(domain, /^dev_kfree_skb_any$/);
    expect(alloc.length).toBeGreaterThan(10);
    expect(alloc[0].parents[0]).toBe('e1000_intr');
    expect(find('kernel', /^wrap_dev_kfree_skb_any$/).length).toBe(alloc.length);
    expect(find('interrupts', /^IRQ 11$/).length).toBeGreaterThan(1);
    expect(find('kernel', /^syscall sendto$/).length).toBeGreaterThan(0);
    const counters = new Set(events.flatMap(e => (e.ph === 'C' ? [e.name] : [])));
    expect(counters).toEqual(new Set(['TLB misses', 'cache misses', 'cycles by cause']));
  });

  it('is the same to a reader that is not ours (TracerBench)', () => {
    const { tracks, all } = slices(file('c.json'));
    const { traceEvents } = JSON.parse(readFileSync(file('c.json'), 'utf8'));
    // The format lets them out where they say nothing; Chrome itself, and so this reader, does not.
    const model = buildModel(traceEvents.map((e: object) => ({ cat: '', name: '', ...e })));
    const threads = model.processes.flatMap(process => process.threads);
    expect(
      threads
        .map(thread => thread.name)
        .filter(Boolean)
        .sort(),
    ).toEqual([...tracks.values()].sort());
    const read = threads.flatMap(thread =>
      thread.events.flatMap(e =>
        e.isComplete() ? [{ track: thread.name, name: e.name, depth: depthOf(e) }] : [],
      ),
    );
    const ours = all.map(({ track, name, parents }) => ({ track, name, depth: parents.length }));
    const key = (slice: { track?: string; name: string; depth: number }) =>
      `${slice.track} ${slice.depth} ${slice.name}`;
    expect(read.map(key).sort()).toEqual(ours.map(key).sort());
  });

  it('has exact weights', () => {
    const window = Number(/traced ([\d.]+) cycles/.exec(told.err)![1]);
    const scope = speedscopeFile.parse(JSON.parse(readFileSync(file('s.json'), 'utf8')));
    const [{ samples, weights, endValue }] = scope.profiles;
    expect(weights.reduce((a, b) => a + b, 0)).toBe(window);
    expect(endValue).toBe(window);
    expect(samples.length).toBe(weights.length);
    for (const n of samples.flat()) expect(scope.shared.frames[n]).toBeDefined();
    let sum = 0;
    const lines = readFileSync(file('f.txt'), 'utf8').trimEnd().split('\n');
    for (const line of lines) {
      const m = /^(.+) (\d+(?:\.\d+)?)$/.exec(line)!;
      sum += Number(m[2]);
    }
    expect(sum).toBe(window);
    expect(
      lines.some(l => /^\[domain 1 \(e1000\)\];driver;.*nooks_enter_domain;e1000_xmit_frame /.test(l)),
    ).toBe(true);
  });

  it.skipIf(!haveTshark)('went over the wire (tshark)', () => {
    const text = execFileSync('tshark', [
      '-r',
      file('p.pcap'),
      '-T',
      'fields',
      '-e',
      'ip.src',
      '-e',
      'ip.dst',
    ]);
    const rows = text.toString().trimEnd().split('\n');
    expect(rows.length).toBeGreaterThan(10);
    expect(rows).toContain('10.0.0.1\t10.0.0.2');
  });
});

describe('refusals', () => {
  it('are one line, and leave no file', async () => {
    const bad: [string[], RegExp][] = [
      [[], /no file to write/],
      [['--chrome', join(directory, 'none', 'x')], /cannot write .* \(ENOENT\)/],
      [['--chrome', directory], /is a directory/],
      [['--chrome', file('x'), '--folded', file('x')], /given twice/],
      [['--chrome', file('x'), '--from', '10', '--to', '5'], /is not after/],
      [['--chrome', file('x'), '--fault', 'f'], /go together/],
      [['--chrome', file('x'), '--to', 'soon'], /whole number/],
    ];
    const before = readdirSync(directory);
    for (const [options, text] of bad) {
      const { code, err } = await trace(...options);
      expect(code).toBe(2);
      expect(err).toMatch(text);
      expect(err.trimEnd().split('\n').length).toBe(1);
    }
    expect(readdirSync(directory)).toEqual(before);
  });

  it('cover a full disk', async () => {
    const { code, err } = await trace('--branches', '/dev/full', '--to', '3000000');
    expect(code).toBe(2);
    expect(err).toBe('nooks86: cannot write /dev/full (ENOSPC)\n');
  });
});
