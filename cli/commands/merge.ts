/** `nooks86 merge`: the files of a campaign's shards become one. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';

/** Numbers of missing trials that are listed. */
const LISTED = 5;

export function registerMerge(program: Command, context: CommandContext): void {
  program
    .command('merge')
    .description('put the shards of a fault campaign together; exit code 1 when trials are missing')
    .argument('<out>', 'file to make')
    .argument('<results...>', 'files that nooks86 inject --shard wrote')
    .action(async (out: string, inputs: string[]) => {
      const { mergeResults } = await import('../../inject/campaign/merge.ts');
      const { records, missing } = mergeResults(out, inputs);
      context.out(`${out}: ${records} trials of ${inputs.length} files\n`);
      for (const [configuration, trials] of missing) {
        const first = trials.slice(0, LISTED).join(', ');
        const more = trials.length > LISTED ? ', …' : '';
        context.err(`nooks86: ${configuration}: ${trials.length} trials are missing (${first}${more})\n`);
        context.exitCode = 1;
      }
    });
}
