/**
 * The `nooks86` command: commander finds the subcommand (one file each in cli/commands/), and this file turns every
 * failure into one line on stderr and an exit code. 2 is wrong usage; a command sets its other codes itself.
 */
import { Command, CommanderError } from 'commander';
import { GuestError } from '../guest/error.ts';
import { registerBuild } from './commands/build.ts';

const USAGE_ERROR = 2;

function createProgram(): Command {
  const program = new Command('nooks86')
    .description(
      'a laboratory for driver isolation: measure, single-step and break a kernel with Nooks domains',
    )
    .showHelpAfterError(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} });
  registerBuild(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

async function main(): Promise<void> {
  process.stdout.on('error', error => {
    // The reader has gone (`nooks86 ... | head`): nobody is left to tell.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit();
    throw error;
  });
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    if (error instanceof CommanderError && error.code === 'commander.help') {
      process.stderr.write('nooks86: no command given; nooks86 --help lists them\n');
      process.exitCode = USAGE_ERROR;
      return;
    }
    if (error instanceof GuestError && error.details) process.stderr.write(`${error.details}\n`);
    process.stderr.write(`nooks86: ${lineOf(error)}\n`);
    process.exitCode = USAGE_ERROR;
  }
}

/** One line for the user, whatever was thrown. */
function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^error: /, '').split('\n')[0];
}

await main();
