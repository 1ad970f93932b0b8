/** `nooks86 calibrate`: does the timing model do what the profile says? Measured by programs in the guest. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { EngineKind } from '../../emu/board.ts';
import { makeDirectory } from '../../guest/directory.ts';
import { checkOutput, engineOption } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { openProgress } from '../progress.ts';

interface CalibrateFlags {
  profile: string;
  engine: EngineKind;
  svg?: string;
  json?: string;
}

export function registerCalibrate(program: Command, context: CommandContext): void {
  program
    .command('calibrate')
    .description('measure latencies, TLBs, traps and copies in the guest; hold them against the profile')
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .addOption(engineOption())
    .option('--svg <dir>', 'also draw each figure as SVG there')
    .option('--json <file>', 'also write everything measured there as JSON')
    .action((flags: CalibrateFlags) => run(flags, context));
}

/** Exit code 1 if a plateau is too far off. */
async function run(flags: CalibrateFlags, context: CommandContext): Promise<void> {
  const [{ calibrate }, { renderText }, { buildCalibration }, { findProfile }] = await Promise.all([
    import('../../bench/calibrate/calibrate.ts'),
    import('../../bench/calibrate/text.ts'),
    import('../../guest/calibrate.ts'),
    import('../pc.ts'),
  ]);
  const profile = findProfile(flags.profile);
  if (flags.svg !== undefined) makeDirectory(flags.svg);
  if (flags.json !== undefined) checkOutput(flags.json);
  const building = openProgress('building', 'files');
  const build = await buildCalibration({ onProgress: building.update }).finally(building.close);
  const progress = openProgress('measuring', 'programs');
  const report = await (async () =>
    calibrate({ build, profile, engine: flags.engine, onProgress: progress.update }))().finally(
    progress.close,
  );
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.svg !== undefined) {
    const { renderSvgs } = await import('../../bench/calibrate/svg.ts');
    for (const [name, svg] of renderSvgs(report)) writeFileSync(join(flags.svg, name), svg);
  }
  context.out(renderText(report));
  if (report.failures.length) context.exitCode = 1;
}
