/** `nooks86 speed`: how many guest instructions a second the emulator runs, by the benchmarks of bench/guest/. */
import type { Command } from 'commander';
import type { SpeedReport } from '../../bench/speed/suite.ts';
import type { EngineKind } from '../../emu/board.ts';
import { engineOption, wholeNumber } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';

interface SpeedCommandOptions {
  profile: string;
  engine: EngineKind;
  runs: number;
  json?: boolean;
  back?: boolean;
  fork?: boolean;
  roofline?: boolean;
  markdown?: boolean;
}

export function registerSpeed(program: Command, context: CommandContext): void {
  program
    .command('speed')
    .description('measure the emulator itself: million guest instructions a second, checksums verified')
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .addOption(engineOption())
    .option('--runs <n>', 'runs of each benchmark; their median counts', wholeNumber('--runs', 1, 100), 3)
    .option('--back', 'measure what it costs to go back in the debugger instead')
    .option('--fork', 'measure what it costs to fork a trial off a booted machine, and to go back, instead')
    .option('--roofline', 'measure what each inlined check costs compiled code, by leaving it out')
    .option('--markdown', 'print the roofline’s table for a page')
    .option('--json', 'print one JSON object')
    .action(async (options: SpeedCommandOptions) => {
      // The machine's tables and tinybench are only loaded by the command that needs them.
      const { findProfile } = await import('../pc.ts');
      if (options.back && options.fork) throw new UsageError('--back and --fork are two measurements');
      if (options.fork) return forks(options, context);
      if (options.back) return backwards(options, context);
      if (options.roofline) return roofline(options, context);
      const { measureSpeed } = await import('../../bench/speed/suite.ts');
      const profile = findProfile(options.profile);
      const progress = openProgress('measuring', 'runs');
      const report = await measureSpeed({
        profile,
        engine: options.engine,
        runs: options.runs,
        onProgress: progress.update,
      }).finally(progress.close);
      context.out(options.json ? `${JSON.stringify(report)}\n` : table(report));
    });
}

async function roofline(options: SpeedCommandOptions, context: CommandContext): Promise<void> {
  const { findProfile } = await import('../pc.ts');
  const { measureRoofline } = await import('../../bench/speed/roofline.ts');
  const { renderRoofline } = await import('../../bench/speed/roofline-report.ts');
  const { markdownTable, textTable } = await import('../../bench/text-table.ts');
  const progress = openProgress('measuring', 'runs');
  const report = await measureRoofline({
    profile: findProfile(options.profile),
    runs: options.runs,
    onProgress: progress.update,
  }).finally(progress.close);
  const table = options.markdown ? markdownTable : textTable;
  context.out(`${options.json ? JSON.stringify(report) : renderRoofline(report, table)}\n`);
}

async function backwards(
  { profile, engine, json }: SpeedCommandOptions,
  context: CommandContext,
): Promise<void> {
  const { findProfile } = await import('../pc.ts');
  const { measureBackwards } = await import('../backwards.ts');
  const rows = await measureBackwards(findProfile(profile), engine);
  if (json) return context.out(`${JSON.stringify({ profile, rows })}\n`);
  const heads = ['cycles', 'run, s', 'with history', 'MiB', 'first back', 'slowest'];
  const line = (name: string, cells: string[]) => name.padEnd(10) + cells.map(c => c.padStart(14)).join('');
  context.out(`profile ${profile}, one guest second, then 101 instructions back; host seconds\n`);
  context.out(`${line('guest', heads)}\n`);
  for (const r of rows) {
    const times = [r.plain.toFixed(2), r.recorded.toFixed(2), (r.bytes / 2 ** 20).toFixed(1)];
    const cells = [r.cycles.toFixed(0), ...times, r.first.toFixed(3), r.slowest.toFixed(3)];
    context.out(`${line(r.name, cells)}\n`);
  }
}

async function forks({ profile, engine, json }: SpeedCommandOptions, context: CommandContext): Promise<void> {
  const { findProfile } = await import('../pc.ts');
  const { measureForks } = await import('../forks.ts');
  const progress = openProgress('measuring', 'trials');
  const report = await measureForks(findProfile(profile), engine, progress.update).finally(progress.close);
  if (json) return context.out(`${JSON.stringify({ profile, engine, ...report })}\n`);
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
  const line = (name: string, cells: string[]) => name.padEnd(10) + cells.map(c => c.padStart(12)).join('');
  const { trials, megabytes } = report;
  const lines = [
    `profile ${profile}, ${engine}: ${trials} trials of a booted machine of ${megabytes} MiB; milliseconds of CPU time`,
    line('', ['median', '95th %']),
    ...report.rows.map(r => line(r.name, [r.median.toFixed(3), r.p95.toFixed(3)])),
    `copied    ${kib(report.copied.median).padStart(12)}${kib(report.copied.p95).padStart(12)}`,
  ];
  context.out(`${lines.join('\n')}\n`);
}

function table(report: SpeedReport): string {
  const runs = report.runs === 1 ? 'one run each' : `median of ${report.runs} runs each`;
  const lines = [
    `profile ${report.profile}, iterations / 2^${report.shift}, ${runs}; checksums right`,
    `${'guest'.padEnd(10)}${'instructions'.padStart(14)}${'seconds'.padStart(10)}${'MIPS'.padStart(9)}${'compiling'.padStart(11)}`,
    ...report.rows.map(
      row =>
        row.name.padEnd(10) +
        String(row.instructions).padStart(14) +
        row.seconds.toFixed(3).padStart(10) +
        row.mips.toFixed(2).padStart(9) +
        `${(100 * row.compiling).toFixed(1)} %`.padStart(11),
    ),
    `geometric mean of alu, mem, call: ${report.mean.toFixed(2)} million guest instructions a second`,
  ];
  return `${lines.join('\n')}\n`;
}
