/** `nooks86 validate`: are a driver's forbidden writes stopped, and does the kernel go on? */
import { setImmediate } from 'node:timers/promises';
import type { Command } from 'commander';
import { buildGuest } from '../../guest/build.ts';
import { choice } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';

interface ValidateFlags {
  isolation: 'none' | 'nooks';
  profile: string;
  only: string[];
  json?: boolean;
}

export function registerValidate(program: Command, context: CommandContext): void {
  program
    .command('validate')
    .description('load drivers that each make one forbidden write; exit code 1 when one got through')
    .option('--isolation <kind>', 'nooks or none', choice('--isolation', ['none', 'nooks']), 'nooks')
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .option('--only <name>', 'only this case; may be given many times', collect, [])
    .option('--json', 'print one JSON object')
    .action((flags: ValidateFlags) => validate(flags, context));
}

async function validate(flags: ValidateFlags, context: CommandContext): Promise<void> {
  const [{ CASES }, { ARTEFACTS }, { runValidation }, { renderValidation }, { findProfile }] =
    await Promise.all([
      import('../../inject/validate/cases.ts'),
      import('../../inject/validate/trial.ts'),
      import('../../inject/validate/validate.ts'),
      import('../../inject/validate/report.ts'),
      import('../pc.ts'),
    ]);
  const profile = findProfile(flags.profile);
  const names = CASES.map(c => c.name);
  const unknown = flags.only.find(name => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`unknown case ${unknown}; there are: ${names.join(', ')}`);
  const cases = flags.only.length ? CASES.filter(c => flags.only.includes(c.name)) : CASES;
  const building = openProgress('building', 'files');
  const build = await buildGuest({ only: ARTEFACTS, onProgress: building.update }).finally(building.close);
  const progress = openProgress('validating', 'drivers');
  await setImmediate();
  const result = await (async () =>
    runValidation({
      build,
      profile,
      isolation: flags.isolation,
      cases,
      onProgress: progress.update,
    }))().finally(progress.close);
  context.out(flags.json ? `${JSON.stringify(result, null, 2)}\n` : renderValidation(result));
  if (!result.ok) context.exitCode = 1;
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
