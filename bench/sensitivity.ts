/**
 * `nooks86 bench --sensitivity`: how the main job's results move when each uncertain figure of a profile goes to the
 * low and to the high end of its range, one at a time, and when all go to their cheap or their dear end at once.
 */
import Table from 'cli-table3';
import type { Figure, Profile } from '../emu/profile/profile.ts';
import { checkProfile } from '../emu/profile/profile.ts';
import type { Report, Row } from './bench.ts';
import type { WorkloadName } from './workloads.ts';

/** A figure by its dotted name, as docs/profiles.md writes it. */
export interface NamedFigure {
  path: string;
  figure: Figure;
}

/** What of a comparison can move. */
export interface Outcome {
  relativePerformance: number;
  cpuNative: number;
  cpuNooks: number;
  cyclesPerXpc: number;
}

export interface SensitivityRow {
  path: string;
  workload: WorkloadName;
  value: number;
  low: number;
  high: number;
  /** Null where the machine gave no result (it lost data, say); `failures` has why. */
  atLow: Outcome | null;
  atHigh: Outcome | null;
}

export interface Sensitivity {
  profile: string;
  base: { workload: WorkloadName; outcome: Outcome }[];
  /** Largest effect first. */
  rows: SensitivityRow[];
  /** Figures that changed nothing at all. */
  without: string[];
  /** Figures that move the busy cycles of a short run by less than LEAST, and were left at that. */
  slight: string[];
  failures: string[];
}

/** Figures whose range holds another value than theirs, in the profile's order. */
export function uncertainFigures(profile: Profile): NamedFigure[] {
  return figuresOf(profile).filter(({ figure }) => figure.range?.some(end => end !== figure.value));
}

/** All figures of a profile. */
export function figuresOf(value: unknown, path = ''): NamedFigure[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isFigure(value)) return [{ path, figure: value }];
  return Object.entries(value).flatMap(([key, v]) => figuresOf(v, path ? `${path}.${key}` : key));
}

function isFigure(value: object): value is Figure {
  return 'value' in value && 'source' in value;
}

/** The profile with other values for some figures, by path. Throws a RangeError if it cannot be. */
export function withFigures(profile: Profile, values: ReadonlyMap<string, number>): Profile {
  const changed = structuredClone(profile);
  const figures = new Map(figuresOf(changed).map(f => [f.path, f.figure]));
  for (const [path, value] of values) {
    const figure = figures.get(path);
    if (!figure) throw new RangeError(`profile ${profile.name} has no figure ${path}`);
    if (!acceptable(path, value)) throw new RangeError(`${path} cannot be ${value}`);
    figure.value = value;
  }
  checkProfile(changed);
  return changed;
}

/** No figure is larger: it would be no machine, and its clock would not be exact. */
const LARGEST = 1e11;
/** Bytes of a cache, entries of a table: the host has to keep them. */
const LARGEST_COUNT = 1 << 26;
const COUNT = /\.(size|line|entries|streams|counters|targets|returns)$/;
const WAYS = /\.ways$/;
/** Rates and times of the host's units; all other figures are whole quarters of cycles. */
const FREE = /BytesPerCycle$|Ns$/;

function acceptable(path: string, value: number): boolean {
  if (!(value >= 0 && value <= LARGEST)) return false;
  if (COUNT.test(path)) return Number.isInteger(value) && value > 0 && value <= LARGEST_COUNT;
  if (path === 'clockHz') return Number.isInteger(value) && value > 0;
  if (WAYS.test(path)) return Number.isInteger(value);
  return FREE.test(path) || Number.isInteger(value * 4);
}

/** More of these is faster. */
const BETTER_HIGH = /BytesPerCycle$|\.size$|\.entries$|\.streams$|\.counters$|\.targets$|\.returns$|clockHz/;

/** One run of the bench: which figures have other values. */
export type Variation = ReadonlyMap<string, number>;

/** The end of a range that the machine can be built with: a cache's size must make a power of two of sets. */
function buildable(profile: Profile, path: string, value: number): number {
  for (const v of [value, 2 ** Math.floor(Math.log2(value)), Math.round(value * 4) / 4]) {
    try {
      withFigures(profile, new Map([[path, v]]));
      return v;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new RangeError(`no machine can be built with ${path} at ${value}`);
}

export interface SensitivityOptions {
  profile: Profile;
  /** Runs the bench with a variation of the profile; several may be under way at once. */
  run: (variation: Variation) => Promise<Report>;
  /** The same with a few messages only, to find the figures that cannot matter. */
  glance: (variation: Variation) => Promise<Report>;
  /** Runs under way at once. */
  jobs: number;
  /** Only these figures. */
  only?: readonly string[];
  onProgress?: (done: number, total: number) => void;
}

const ALL_CHEAP = 'all at the cheap end';
const ALL_DEAR = 'all at the dear end';

/** The ends of a figure's range that a machine can be built with. */
interface Ends extends NamedFigure {
  low: number;
  high: number;
}

export async function sensitivity(options: SensitivityOptions): Promise<Sensitivity> {
  const { profile } = options;
  const all: Ends[] = uncertainFigures(profile)
    .filter(f => options.only?.includes(f.path) ?? true)
    .map(f => {
      const [low, high] = f.figure.range ?? [f.figure.value, f.figure.value];
      return { ...f, low: buildable(profile, f.path, low), high: buildable(profile, f.path, high) };
    })
    .filter(f => f.low !== f.high);
  const { unused, slight, used: figures } = await sift(options, all);
  const ends = (dear: boolean) =>
    new Map(figures.map(f => [f.path, dear === BETTER_HIGH.test(f.path) ? f.low : f.high]));
  const variations: Variation[] = [new Map(), ends(false), ends(true)];
  for (const { path, figure, low, high } of figures)
    for (const v of [low, high]) if (v !== figure.value) variations.push(new Map([[path, v]]));
  const results = await runAll(options.run, options, variations);
  const base = results.get(variations[0]);
  if (!(base instanceof Map)) throw new Error(`the profile itself gives no result: ${base}`);
  const failures: string[] = [];
  const find = (path: string, v: number): Map<WorkloadName, Outcome> | null => {
    const variation = variations.find((m, n) => n > 2 && m.get(path) === v);
    const result = variation ? results.get(variation) : base;
    if (result instanceof Map) return result;
    failures.push(`${path} at ${v}: ${result}`);
    return null;
  };
  const rows = figures.flatMap(({ path, figure, low, high }) => {
    const atLow = find(path, low);
    const atHigh = find(path, high);
    return [...base.keys()].map(workload => ({
      path,
      workload,
      value: figure.value,
      low,
      high,
      atLow: atLow?.get(workload) ?? null,
      atHigh: atHigh?.get(workload) ?? null,
    }));
  });
  for (const [n, name] of [ALL_CHEAP, ALL_DEAR].entries()) {
    const result = results.get(variations[n + 1]);
    if (!(result instanceof Map)) failures.push(`${name}: ${result}`);
  }
  const together = [...base.keys()].map(workload => {
    const at = (n: number) => {
      const result = results.get(variations[n]);
      return result instanceof Map ? (result.get(workload) ?? null) : null;
    };
    return { path: 'all together', workload, value: 0, low: 0, high: 0, atLow: at(1), atHigh: at(2) };
  });
  const silent = (row: SensitivityRow) => {
    const outcome = JSON.stringify(base.get(row.workload));
    return JSON.stringify(row.atLow) === outcome && JSON.stringify(row.atHigh) === outcome;
  };
  const still = figures.filter(f => rows.filter(r => r.path === f.path).every(silent)).map(f => f.path);
  const moving = rows.filter(row => !still.includes(row.path));
  return {
    profile: profile.name,
    base: [...base].map(([workload, outcome]) => ({ workload, outcome })),
    rows: [...together, ...moving.sort(compareEffect)],
    without: [...unused, ...still],
    slight,
    failures,
  };
}

/** What the relative performance would be if the CPU were the limit: the ratio of CPU time for the same work. */
export const ifCpuBound = (o: Outcome) => o.cpuNative / o.cpuNooks;

function swing(row: SensitivityRow, of: (o: Outcome) => number): number {
  if (!row.atLow || !row.atHigh) return Number.POSITIVE_INFINITY;
  return Math.abs(of(row.atHigh) - of(row.atLow));
}

/** Tornado order: by the swing of the relative performance, then of what it would be if the CPU were the limit. */
function compareEffect(a: SensitivityRow, b: SensitivityRow): number {
  const hundredths = (row: SensitivityRow) => Math.round(swing(row, o => o.relativePerformance) * 100);
  const first = hundredths(b) - hundredths(a);
  if (first > 0 || first < 0) return first;
  const second = swing(b, ifCpuBound) - swing(a, ifCpuBound);
  return second || a.path.localeCompare(b.path);
}

/** A figure that moves no run's busy cycles by more than this share cannot matter. */
const LEAST = 0.002;

/** Figures that a short run at the end that is farther off shows to matter not at all, or hardly. */
async function sift(options: SensitivityOptions, figures: readonly Ends[]) {
  const far = ({ figure, low, high }: Ends) => (figure.value - low > high - figure.value ? low : high);
  const variations: Variation[] = [new Map(), ...figures.map(f => new Map([[f.path, far(f)]]))];
  const results = await inParallel(options.glance, options, variations, r => r.rows);
  const base = results.get(variations[0])?.ok;
  const unused: string[] = [];
  const slight: string[] = [];
  const used: Ends[] = [];
  figures.forEach((f, n) => {
    const rows = results.get(variations[n + 1])?.ok;
    if (base && rows && JSON.stringify(rows) === JSON.stringify(base)) unused.push(f.path);
    else if (base && rows && largestChange(base, rows) < LEAST) slight.push(f.path);
    else used.push(f);
  });
  return { unused, slight, used };
}

function largestChange(base: readonly Row[], rows: readonly Row[]): number {
  return Math.max(...base.map((row, n) => Math.abs(rows[n].busyCycles / row.busyCycles - 1)));
}

/** Runs the variations; a result, or why there is none. */
async function runAll(
  run: (variation: Variation) => Promise<Report>,
  options: SensitivityOptions,
  variations: readonly Variation[],
): Promise<Map<Variation, Map<WorkloadName, Outcome> | string>> {
  const results = new Map<Variation, Map<WorkloadName, Outcome> | string>();
  const take = (r: Report) => new Map(r.comparisons.map(c => [c.workload, outcomeOf(c)]));
  for (const [variation, r] of await inParallel(run, options, variations, take))
    results.set(variation, r.ok ?? r.error ?? 'no result');
  return results;
}

async function inParallel<T>(
  run: (variation: Variation) => Promise<Report>,
  { jobs, onProgress }: SensitivityOptions,
  variations: readonly Variation[],
  take: (report: Report) => T,
): Promise<Map<Variation, { ok?: T; error?: string }>> {
  const results = new Map<Variation, { ok?: T; error?: string }>();
  const rest = variations.values();
  onProgress?.(0, variations.length);
  const worker = async () => {
    for (const variation of rest) {
      try {
        results.set(variation, { ok: take(await run(variation)) });
      } catch (error) {
        results.set(variation, { error: error instanceof Error ? error.message : String(error) });
      }
      onProgress?.(results.size, variations.length);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

function outcomeOf(c: Report['comparisons'][number]): Outcome {
  const { relativePerformance, cpuNative, cpuNooks, cyclesPerXpc } = c;
  return { relativePerformance, cpuNative, cpuNooks, cyclesPerXpc };
}

// ---- text -----------------------------------------------------------------------------------------------------

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const whole = (v: number) => Math.round(v).toLocaleString('en-US');
const ratio = (v: number) => v.toFixed(3);

export function renderSensitivity(s: Sensitivity): string {
  const table = new Table({
    head: [
      'figure',
      'range',
      'workload',
      'relative performance',
      'if CPU-bound',
      'CPU native',
      'CPU Nooks',
      'cycles an XPC',
    ],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const { workload, outcome } of s.base)
    table.push(['the profile', '', workload, ...cells(outcome, outcome)]);
  for (const row of s.rows) {
    const range = row.low === row.high ? 'cheap … dear' : `${row.low} … ${row.high} (${row.value})`;
    table.push([row.path, range, row.workload, ...cells(row.atLow, row.atHigh)]);
  }
  const lines = [
    `profile ${s.profile}: each figure at the low and the high end of its range (its value in brackets), largest effect first`,
    table.toString(),
    '“If CPU-bound” is CPU native ÷ CPU Nooks at the paced load: the relative performance if no wire were the limit.',
  ];
  if (s.without.length) lines.push(`No effect at all: ${s.without.join(', ')}`);
  if (s.slight.length)
    lines.push(`Less than ${LEAST * 100} % of the busy cycles of a short run: ${s.slight.join(', ')}`);
  for (const failure of s.failures) lines.push(`No result: ${failure}`);
  return `${lines.join('\n')}\n`;
}

/** Each number at the low and the high end; once where both look the same. */
function cells(low: Outcome | null, high: Outcome | null): string[] {
  const span = (show: (o: Outcome) => string) => {
    const ends = [low, high].map(o => (o ? show(o) : '–'));
    return ends[0] === ends[1] ? ends[0] : ends.join(' … ');
  };
  return [
    span(o => o.relativePerformance.toFixed(2)),
    span(o => ratio(ifCpuBound(o))),
    span(o => percent(o.cpuNative)),
    span(o => percent(o.cpuNooks)),
    span(o => whole(o.cyclesPerXpc)),
  ];
}
