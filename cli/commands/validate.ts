/** `nooks86 validate`: are a driver's forbidden writes stopped, and does the kernel go on? */
import type { Command } from 'commander';
import type { EngineKind } from '../../emu/board.ts';
import { choice, engineOption } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';

interface ValidateFlags {
  isolation: 'none' | 'nooks';
  profile: string;
  engine: EngineKind;
  only: string[];
  json?: boolean;
}

export function registerValidate(program: Command, context: CommandContext): void {
  program
    .command('validate')
    .description('load drivers that each make one forbidden write; exit code 1 when one got through')
    .option('--isolation <kind>', 'nooks or none', choice('--isolation', ['none', 'nooks']), 'nooks')
    .option('--profile <name>', 'machine profile', 'flat')
    .addOption(engineOption())
    .option('--only <name>', 'only this case; may be given many times', collect, [])
    .option('--json', 'print one JSON object')
    .action((flags: ValidateFlags) => validate(flags, context));
}

async function validate(flags: ValidateFlags, context: CommandContext): Promise<void> {
  const [{ CASES }, { validate: run }, { exitCode, renderResults }, { findProfile }] = await Promise.all([
    import('../../inject/validate/cases.ts'),
    import('../../inject/validate/run.ts'),
    import('../../inject/validate/report.ts'),
    import('../pc.ts'),
  ]);
  const { isolation, only } = flags;
  const profile = findProfile(flags.profile);
  const names = CASES.map(c => c.name);
  const unknown = only.find(name => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`unknown case ${unknown}; there are: ${names.join(', ')}`);
  const building = openProgress('building', 'files');
  const progress = openProgress('validating', 'drivers');
  const results = await run({
    profile,
    isolation,
    engine: flags.engine,
    only: only.length ? only : undefined,
    onBuild: building.update,
    onProgress(done, total) {
      building.close();
      progress.update(done, total);
    },
  }).finally(() => {
    building.close();
    progress.close();
  });
  const report = { profile: profile.name, isolation, results };
  context.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderResults(results, isolation));
  context.exitCode = exitCode(results);
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
