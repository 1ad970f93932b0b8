/** `nooks86 build`: compiles the guest and writes kernel, modules and programs into a directory. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { buildGuest, copyBuild } from '../../guest/build.ts';
import type { CommandContext } from '../context.ts';
import { openProgress } from '../progress.ts';

export function registerBuild(program: Command, context: CommandContext): void {
  program
    .command('build')
    .description('compile the guest kernel, the driver modules and the user programs')
    .argument('[names...]', 'only these artefacts (kernel.elf, NAME.ko, NAME); all without names')
    .option('--out <dir>', 'where to write them', 'build')
    .action(async (names: string[], options: { out: string }) => {
      const progress = openProgress('building', 'files');
      const build = await buildGuest({
        only: names.length > 0 ? names : undefined,
        onProgress: progress.update,
      }).finally(progress.close);
      copyBuild(build, resolve(options.out));
      for (const name of build.files.keys()) context.out(`${options.out}/${name}\n`);
    });
}
