/** `nooks86 bench`, the main job: what isolation costs, and where each cycle went. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { EngineKind } from '../../emu/board.ts';
import { buildGuest } from '../../guest/build.ts';
import { checkOutput, choice, engineOption, wholeNumber } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';

export interface BenchFlags {
  workload?: 'send-stream' | 'receive-stream';
  isolation?: 'none' | 'nooks';
  profile: string;
  engine: EngineKind;
  seed: number;
  append?: string;
  set: Map<string, number>;
  messages?: number;
  tlbParts: boolean;
  sensitivity?: true | string;
  json?: boolean;
  csv?: boolean;
  out?: string;
}

const MAX_SEED = 2 ** 31 - 1;

export function registerBench(program: Command, context: CommandContext): void {
  program
    .command('bench')
    .description('run the streams with and without isolation and print what isolation cost')
    .option('--workload <name>', 'only this one', choice('--workload', ['send-stream', 'receive-stream']))
    .option('--isolation <kind>', 'only this one', choice('--isolation', ['none', 'nooks']))
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .addOption(engineOption())
    .option('--seed <n>', 'seed of the streams’ data', wholeNumber('--seed', 1, MAX_SEED), 1)
    .option('--append <words>', 'add to the kernel’s command line in all runs (deferred=off)')
    .option(
      '--set <figure=value>',
      'another value for a figure of the profile; may be repeated',
      figure,
      new Map(),
    )
    .option(
      '--messages <n>',
      'messages in each window: fewer are quicker and less exact',
      wholeNumber('--messages', 1, 100_000),
    )
    .option('--no-tlb-parts', 'leave out the run that splits the TLB’s part in three')
    .option(
      '--sensitivity [figures]',
      'how the results move over the ranges of the profile’s uncertain figures: all, or those named (system,memory.random)',
    )
    .option('--json', 'print one JSON object')
    .option('--csv', 'print the rows as CSV')
    .option('--out <file>', 'write there instead of stdout')
    .action((flags: BenchFlags) => bench(flags, context));
}

/** A parser for commander that gathers `figure=value`. */
function figure(text: string, before: Map<string, number>): Map<string, number> {
  const m = /^([\w.]+)=(\d+(?:\.\d+)?(?:e\d+)?)$/.exec(text);
  if (!m) throw new UsageError(`--set must be figure=value (memory.random=250), not ${text}`);
  return new Map([...before, [m[1], Number(m[2])]]);
}

async function bench(flags: BenchFlags, context: CommandContext): Promise<void> {
  if (flags.sensitivity) return (await import('./sensitivity.ts')).runSensitivity(flags, context);
  const [
    { runBench, sumOfParts, OTHER_LIMIT, windowsOf },
    { renderCsv, renderHeader, renderReport },
    { findProfile, varied },
  ] = await Promise.all([
    import('../../bench/bench.ts'),
    import('../../bench/report.ts'),
    import('../pc.ts'),
  ]);
  const profile = varied(findProfile(flags.profile), flags.set);
  if (flags.out) checkOutput(flags.out);
  const building = openProgress('building', 'files');
  const build = await buildGuest({ onProgress: building.update }).finally(building.close);
  const { seed, append } = flags;
  const about = { profile: profile.name, seed, append, guest: { kernelSha256: build.identity } };
  const head = flags.json || flags.csv ? '' : renderHeader(about);
  if (!flags.out) context.out(head);
  const progress = openProgress('measuring', 'runs');
  const report = await (async () =>
    runBench({
      build,
      profile,
      engine: flags.engine,
      seed,
      append,
      windows: flags.messages === undefined ? undefined : windowsOf(flags.messages),
      tlbParts: flags.tlbParts,
      workloads: flags.workload && [flags.workload],
      isolations: flags.isolation && [flags.isolation],
      onProgress: progress.update,
    }))().finally(progress.close);
  const text = flags.json
    ? `${JSON.stringify(report, null, 2)}\n`
    : flags.csv
      ? renderCsv(report)
      : renderReport(report);
  if (flags.out) writeFileSync(flags.out, head + text);
  else context.out(text);
  for (const c of report.comparisons) {
    const { totalCycles, slowerCode } = c.overhead;
    const unexplained = Math.abs(slowerCode.other) > OTHER_LIMIT * Math.abs(totalCycles);
    if (!unexplained && sumOfParts(c) === totalCycles) continue;
    context.err(`nooks86: ${c.workload}: the overhead is not explained\n`);
    context.exitCode = 1;
  }
}
