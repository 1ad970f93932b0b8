/**
 * `nooks86 bench --sensitivity`: many short benches, each a process of its own, so that all cores work. A process is
 * this command again with `--set`; its JSON is what comes back.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Report } from '../../bench/bench.ts';
import type { Variation } from '../../bench/sensitivity.ts';
import { buildGuest } from '../../guest/build.ts';
import { checkOutput } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';
import type { BenchFlags } from './bench.ts';

const MAX_JOBS = 8;
/** Messages in a window, and in one that only shows whether a figure can matter. */
const MESSAGES = 60;
const GLANCE = 4;
/** A report is some 50 KB. */
const MAX_OUTPUT = 1 << 24;

export async function runSensitivity(flags: BenchFlags, context: CommandContext): Promise<void> {
  if (flags.isolation !== undefined || flags.csv)
    throw new UsageError('--sensitivity compares both isolations, and prints no CSV');
  const [{ renderSensitivity, sensitivity, uncertainFigures }, { findProfile, varied }] = await Promise.all([
    import('../../bench/sensitivity.ts'),
    import('../pc.ts'),
  ]);
  const profile = varied(findProfile(flags.profile), flags.set);
  const figures = uncertainFigures(profile).map(f => f.path);
  if (!figures.length) throw new UsageError(`profile ${flags.profile} has no figure with a range`);
  const only = chosen(figures, flags.sensitivity);
  if (flags.out) checkOutput(flags.out);
  const building = openProgress('building', 'files');
  await buildGuest({ onProgress: building.update }).finally(building.close);
  const progress = openProgress('measuring', 'profiles');
  const result = await sensitivity({
    profile,
    only,
    jobs: Math.min(MAX_JOBS, availableParallelism()),
    run: variation => runBenchProcess(flags, variation, flags.messages ?? MESSAGES),
    glance: variation => runBenchProcess(flags, variation, GLANCE, ['--isolation', 'nooks']),
    onProgress: progress.update,
  }).finally(progress.close);
  const text = flags.json ? `${JSON.stringify(result, null, 2)}\n` : renderSensitivity(result);
  if (flags.out) writeFileSync(flags.out, text);
  else context.out(text);
  if (result.failures.length) context.exitCode = 1;
}

/** The figures that a list of names and beginnings of names means; undefined for all. */
function chosen(paths: readonly string[], list: true | string | undefined): string[] | undefined {
  if (typeof list !== 'string') return undefined;
  return list.split(',').flatMap(name => {
    const found = paths.filter(path => path === name || path.startsWith(`${name}.`));
    if (!found.length) throw new UsageError(`no figure with a range is named ${name}: see docs/profiles.md`);
    return found;
  });
}

function runBenchProcess(
  flags: BenchFlags,
  variation: Variation,
  messages: number,
  more: readonly string[] = [],
): Promise<Report> {
  const set = [...flags.set, ...variation].flatMap(([path, value]) => ['--set', `${path}=${value}`]);
  const optional = [
    ...more,
    ...(flags.workload ? ['--workload', flags.workload] : []),
    ...(flags.append ? ['--append', flags.append] : []),
  ];
  const common = [
    'bench',
    '--json',
    '--no-tlb-parts',
    '--messages',
    String(messages),
    '--profile',
    flags.profile,
    '--engine',
    flags.engine,
    '--seed',
    String(flags.seed),
  ];
  const child = spawn(process.execPath, [process.argv[1], ...common, ...optional, ...set], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (out.length > MAX_OUTPUT) child.kill();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err = (err + text).slice(-MAX_OUTPUT);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      // Exit code 1 with a report says that an overhead is not explained; that is no reason to leave it out here.
      try {
        resolve(JSON.parse(out) as Report);
      } catch {
        reject(
          new Error(
            err
              .trim()
              .split('\n')
              .at(-1)
              ?.replace(/^nooks86: /, '') || 'the bench ended early',
          ),
        );
      }
    });
  });
}
