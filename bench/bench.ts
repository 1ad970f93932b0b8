/**
 * The main job: both streams, without and with isolation, below saturation and at it; the table and the
 * decomposition of what isolation cost. Everything in a report comes from these runs.
 */
import type { EngineKind } from '../emu/board.ts';
import { TICKS_PER_CYCLE } from '../emu/clock.ts';
import type { Profile } from '../emu/profile/profile.ts';
import type { GuestBuild } from '../guest/build.ts';
import { GuestError } from '../guest/error.ts';
import { busyCycles, byCause, byRegion, decompose, namedMatrix, type Part } from './decompose.ts';
import { findSaturation } from './saturation.ts';
import { type Isolation, runStream, type StreamResult } from './stream.ts';
import { type StreamPlan, type Workload, type WorkloadName, workloads } from './workloads.ts';

export type Load = 'paced' | 'saturated';

export interface Row {
  workload: WorkloadName;
  extension: string;
  isolation: Isolation;
  load: Load;
  cycles: number;
  instructions: number;
  busyCycles: number;
  cpuUtilization: number;
  throughput: { value: number; unit: 'Mbit/s' };
  xpc: { toKernel: number; toDriver: number; deferred: number };
  xpcPerSecond: number;
  tlb: { instructionMisses: number; dataMisses: number; switchMisses: number; walkCycles: number };
  cache: Record<'l1i' | 'l1d' | 'l2', { hits: number; misses: number }>;
  copiedBytes: number;
  cyclesByCause: Record<string, number>;
  cyclesByRegion: Record<string, number>;
  matrix: Record<string, Record<string, number>>;
}

export interface Comparison {
  workload: WorkloadName;
  relativePerformance: number;
  cpuNative: number;
  cpuNooks: number;
  /** Overhead ÷ (crossings to the kernel + to the driver), cycles. */
  cyclesPerXpc: number;
  /** Packets (frames of the stream) in the window; the printed table is by packet. */
  packets: number;
  overhead: {
    totalCycles: number;
    newCode: { wrappers: number; tracker: number; xpc: number; copy: number };
    slowerCode: { tlb: number; cache: number; path: number; other: number };
    /** `tlb` again: walks that only a switch made necessary; those that large global pages would have saved; the rest. */
    tlbParts?: { switchMisses: number; nonGlobalPages: number; morePages: number };
  };
}

export interface Report {
  profile: string;
  seed: number;
  guest: { kernelSha256: string };
  /** Words that the caller added to the kernel's command line; absent without any. */
  append?: string;
  rows: Row[];
  comparisons: Comparison[];
}

export interface BenchOptions {
  build: GuestBuild;
  profile: Profile;
  engine?: EngineKind;
  seed: number;
  workloads?: readonly WorkloadName[];
  isolations?: readonly Isolation[];
  /** Further words for the kernel's command line, in all runs (`deferred=off`). */
  append?: string;
  onProgress?: (done: number, total: number) => void;
  /** False leaves out the run without global pages; the TLB's part is then not split. */
  tlbParts?: boolean;
  /** Sizes of the windows, in messages, for tests. */
  windows?: Windows;
}

/** Messages before and in the window, by load. */
export interface Windows {
  paced: { warmUp: number; measured: number };
  saturated: { warmUp: number; measured: number };
}

/** Messages a second of the paced load: 300 Mbit/s of payload, about 25,000 packets a second. */
export const PACED_RATE = 1144;
const WINDOWS: Windows = {
  paced: { warmUp: 115, measured: 229 },
  saturated: { warmUp: 64, measured: 192 },
};
/** Windows of `messages` each, after half as many; the first dozen come before the pace is steady. */
export function windowsOf(messages: number): Windows {
  const window = { warmUp: Math.max(12, Math.ceil(messages / 2)), measured: messages };
  return { paced: window, saturated: window };
}
const FRAMES = 23;

/** The share of the overhead that `other` may have before the run counts as unexplained. */
export const OTHER_LIMIT = 0.05;

export function runBench(options: BenchOptions): Report {
  const wanted = workloads.filter(w => options.workloads?.includes(w.name) ?? true);
  const isolations = options.isolations ?? ['none', 'nooks'];
  const windows = options.windows ?? WINDOWS;
  const both = isolations.length === 2;
  const split = options.tlbParts ?? true;
  const steps = wanted.length * (isolations.length * 2 + (both && split ? 1 : 0));
  let done = 0;
  const step = () => options.onProgress?.(++done, steps);
  const report: Report = {
    profile: options.profile.name,
    seed: options.seed,
    guest: { kernelSha256: options.build.identity },
    ...(options.append && { append: options.append }),
    rows: [],
    comparisons: [],
  };
  options.onProgress?.(0, steps);
  for (const workload of wanted) {
    const extra = options.append;
    const base = { build: options.build, profile: options.profile, engine: options.engine, workload, extra };
    const paced: StreamPlan = { ...windows.paced, rate: PACED_RATE, seed: options.seed };
    const results = new Map<string, StreamResult>();
    for (const isolation of isolations) {
      const below = checked(runStream({ ...base, isolation, plan: paced }), workload, isolation);
      step();
      const row = toRow(workload, isolation, 'paced', below);
      const guess = PACED_RATE / Math.max(row.cpuUtilization, 0.01);
      const plan: StreamPlan = { ...windows.saturated, rate: 'unpaced', seed: options.seed };
      const top = findSaturation({ ...base, isolation }, plan, guess);
      step();
      results.set(`${isolation} paced`, below);
      results.set(`${isolation} saturated`, checked(top.result, workload, isolation));
      report.rows.push(row, toRow(workload, isolation, 'saturated', top.result));
    }
    if (!both) continue;
    // What the loss of global pages alone costs: the same native kernel without them.
    const plain = split
      ? runStream({ ...base, isolation: 'none', plan: paced, extra: `globalpages=off ${extra ?? ''}` })
      : null;
    if (plain) step();
    report.comparisons.push(compare(workload, results, plain));
  }
  return report;
}

function checked(result: StreamResult, workload: Workload, isolation: Isolation): StreamResult {
  if (result.faults.length)
    throw new GuestError(
      `${workload.name} with isolation ${isolation} lost data: ${result.faults.join(', ')}`,
    );
  return result;
}

export function toRow(workload: Workload, isolation: Isolation, load: Load, r: StreamResult): Row {
  const { counters, xpc } = r;
  const causes = byCause(counters.matrix);
  const fetches = counters.l1iAccesses;
  const pair = (accesses: number, misses: number) => ({ hits: accesses - misses, misses });
  const cycles = counters.ticks / TICKS_PER_CYCLE;
  const busy = busyCycles(counters.matrix);
  return {
    workload: workload.name,
    extension: workload.extension,
    isolation,
    load,
    cycles,
    instructions: counters.instructions,
    busyCycles: busy,
    cpuUtilization: busy / cycles,
    throughput: { value: (r.bytes * 8) / r.seconds / 1e6, unit: 'Mbit/s' },
    xpc: { toKernel: xpc.toKernel, toDriver: xpc.toDriver, deferred: xpc.deferred },
    xpcPerSecond: (xpc.toKernel + xpc.toDriver) / r.seconds,
    tlb: {
      instructionMisses: counters.instructionTlbMisses,
      dataMisses: counters.dataTlbMisses,
      switchMisses: counters.switchMisses,
      walkCycles: causes.walk + causes.walkSwitch,
    },
    cache: { l1i: pair(fetches, counters.l1i), l1d: pair(...counters.l1d), l2: pair(...counters.l2) },
    copiedBytes: xpc.copiedBytes,
    cyclesByCause: causes,
    cyclesByRegion: byRegion(counters.matrix),
    matrix: namedMatrix(counters.matrix),
  };
}

function compare(
  workload: Workload,
  results: Map<string, StreamResult>,
  plain: StreamResult | null,
): Comparison {
  const get = (key: string) => results.get(key) as StreamResult;
  const native = get('none paced');
  const nooks = get('nooks paced');
  const rate = (r: StreamResult) => r.bytes / r.seconds;
  const utilization = (r: StreamResult) =>
    (busyCycles(r.counters.matrix) * TICKS_PER_CYCLE) / r.counters.ticks;
  const parts = subtract(decompose(nooks.counters.matrix), decompose(native.counters.matrix));
  const total = busyCycles(nooks.counters.matrix) - busyCycles(native.counters.matrix);
  const tlb = parts.tlbSwitch + parts.tlbPages;
  const tlbParts = plain
    ? tlbPartsOf(parts, subtract(decompose(plain.counters.matrix), decompose(native.counters.matrix)))
    : undefined;
  const crossings = nooks.xpc.toKernel + nooks.xpc.toDriver;
  return {
    workload: workload.name,
    relativePerformance: rate(get('nooks saturated')) / rate(get('none saturated')),
    cpuNative: utilization(native),
    cpuNooks: utilization(nooks),
    cyclesPerXpc: crossings > 0 ? total / crossings : 0,
    packets: (nooks.bytes / 32768) * FRAMES,
    overhead: {
      totalCycles: total,
      newCode: { wrappers: parts.wrappers, tracker: parts.tracker, xpc: parts.xpc, copy: parts.copy },
      slowerCode: { tlb, cache: parts.cache, path: parts.path, other: parts.other },
      ...(tlbParts && { tlbParts }),
    },
  };
}

function tlbPartsOf(parts: Record<Part, number>, withoutGlobal: Record<Part, number>) {
  const nonGlobalPages = withoutGlobal.tlbPages + withoutGlobal.tlbSwitch;
  return { switchMisses: parts.tlbSwitch, nonGlobalPages, morePages: parts.tlbPages - nonGlobalPages };
}

function subtract(a: Record<Part, number>, b: Record<Part, number>): Record<Part, number> {
  return Object.fromEntries(Object.keys(a).map(p => [p, a[p as Part] - b[p as Part]])) as Record<
    Part,
    number
  >;
}

/** The parts' sum equals the total exactly: quarters of cycles are exact in a double. */
export function sumOfParts(c: Comparison): number {
  const { newCode, slowerCode } = c.overhead;
  return [...Object.values(newCode), ...Object.values(slowerCode)].reduce((a, b) => a + b, 0);
}
