/** `nooks86 speed`: how many guest instructions a second the emulator runs, by the benchmarks of bench/guest/. */
import type { Command } from 'commander';
import type { SpeedReport } from '../../bench/speed/suite.ts';
import { wholeNumber } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { openProgress } from '../progress.ts';

interface SpeedCommandOptions {
  profile: string;
  runs: number;
  json?: boolean;
}

export function registerSpeed(program: Command, context: CommandContext): void {
  program
    .command('speed')
    .description('measure the emulator itself: million guest instructions a second, checksums verified')
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .option('--runs <n>', 'runs of each benchmark; their median counts', wholeNumber('--runs', 1, 100), 3)
    .option('--json', 'print one JSON object')
    .action(async (options: SpeedCommandOptions) => {
      // The machine's tables and tinybench are only loaded by the command that needs them.
      const { findProfile } = await import('../pc.ts');
      const { measureSpeed } = await import('../../bench/speed/suite.ts');
      const profile = findProfile(options.profile);
      const progress = openProgress('measuring', 'runs');
      const report = await measureSpeed({
        profile,
        runs: options.runs,
        onProgress: progress.update,
      }).finally(progress.close);
      context.out(options.json ? `${JSON.stringify(report)}\n` : table(report));
    });
}

function table(report: SpeedReport): string {
  const runs = report.runs === 1 ? 'one run each' : `median of ${report.runs} runs each`;
  const lines = [
    `profile ${report.profile}, iterations / 2^${report.shift}, ${runs}; checksums right`,
    `${'guest'.padEnd(10)}${'instructions'.padStart(14)}${'seconds'.padStart(10)}${'MIPS'.padStart(9)}`,
    ...report.rows.map(
      row =>
        row.name.padEnd(10) +
        String(row.instructions).padStart(14) +
        row.seconds.toFixed(3).padStart(10) +
        row.mips.toFixed(2).padStart(9),
    ),
    `geometric mean of alu, mem, call: ${report.mean.toFixed(2)} million guest instructions a second`,
  ];
  return `${lines.join('\n')}\n`;
}
