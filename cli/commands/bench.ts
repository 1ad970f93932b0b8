/** `nooks86 bench`, the main job: what isolation costs, and where each cycle went. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { buildGuest } from '../../guest/build.ts';
import { choice, wholeNumber } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { openProgress } from '../progress.ts';

interface BenchFlags {
  workload?: 'send-stream' | 'receive-stream';
  isolation?: 'none' | 'nooks';
  profile: string;
  seed: number;
  append?: string;
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
    .option('--seed <n>', 'seed of the streams’ data', wholeNumber('--seed', 1, MAX_SEED), 1)
    .option('--append <words>', 'add to the kernel’s command line in all runs (deferred=off)')
    .option('--json', 'print one JSON object')
    .option('--csv', 'print the rows as CSV')
    .option('--out <file>', 'write there instead of stdout')
    .action((flags: BenchFlags) => bench(flags, context));
}

async function bench(flags: BenchFlags, context: CommandContext): Promise<void> {
  const [{ runBench, sumOfParts, OTHER_LIMIT }, { renderCsv, renderReport }, { findProfile }] =
    await Promise.all([import('../../bench/bench.ts'), import('../../bench/report.ts'), import('../pc.ts')]);
  const profile = findProfile(flags.profile);
  const building = openProgress('building', 'files');
  const build = await buildGuest({ onProgress: building.update }).finally(building.close);
  const progress = openProgress('measuring', 'runs');
  const report = await (async () =>
    runBench({
      build,
      profile,
      seed: flags.seed,
      append: flags.append,
      workloads: flags.workload && [flags.workload],
      isolations: flags.isolation && [flags.isolation],
      onProgress: progress.update,
    }))().finally(progress.close);
  const text = flags.json
    ? `${JSON.stringify(report, null, 2)}\n`
    : flags.csv
      ? renderCsv(report)
      : renderReport(report);
  if (flags.out) writeFileSync(flags.out, text);
  else context.out(text);
  for (const c of report.comparisons) {
    const { totalCycles, slowerCode } = c.overhead;
    const unexplained = Math.abs(slowerCode.other) > OTHER_LIMIT * Math.abs(totalCycles);
    if (!unexplained && sumOfParts(c) === totalCycles) continue;
    context.err(`nooks86: ${c.workload}: the overhead is not explained\n`);
    context.exitCode = 1;
  }
}
