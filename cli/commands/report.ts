/** `nooks86 report`: the tables of a results file, also of one that is being written. */
import type { Command } from 'commander';
import type { LoadParts } from '../../inject/campaign/parts.ts';
import type { CommandContext } from '../context.ts';
import { addReportOptions, checkReportFlags, printResults, type ReportFlags } from '../results.ts';
import { loadMachinery } from './inject.ts';

export function registerReport(
  program: Command,
  context: CommandContext,
  load: LoadParts = loadMachinery,
): void {
  const command = program
    .command('report')
    .description('print the results of a fault campaign, finished or not')
    .argument('<results>', 'file that nooks86 inject wrote');
  addReportOptions(command).action(async (path: string, flags: ReportFlags) => {
    checkReportFlags(flags);
    const { ResultsReader } = await import('../../inject/campaign/store.ts');
    const reader = new ResultsReader(path);
    try {
      await printResults(reader, flags, context, await load());
    } finally {
      reader.close();
    }
  });
}
