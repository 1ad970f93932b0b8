/**
 * The command line as a function: arguments in, exit code out. Commander finds the subcommand (one file each in
 * cli/commands/); every failure becomes one line on stderr, never a stack trace. A subcommand is a row of COMMANDS.
 */
import { Command, CommanderError } from 'commander';
import { GuestError } from '../guest/error.ts';
import { CampaignError } from '../inject/campaign/error.ts';
import { registerBench } from './commands/bench.ts';
import { registerBuild } from './commands/build.ts';
import { registerCalibrate } from './commands/calibrate.ts';
import { registerDap } from './commands/dap.ts';
import { registerDebug } from './commands/debug.ts';
import { registerInject } from './commands/inject.ts';
import { registerMerge } from './commands/merge.ts';
import { registerPeers } from './commands/peers.ts';
import { registerReplay } from './commands/replay.ts';
import { registerReport } from './commands/report.ts';
import { registerRun } from './commands/run.ts';
import { registerSpeed } from './commands/speed.ts';
import { registerTrace } from './commands/trace.ts';
import { registerValidate } from './commands/validate.ts';
import { type CommandContext, INTERNAL_ERROR, USAGE_ERROR, UsageError } from './context.ts';
import type { MachineFactory } from './machine.ts';

const COMMANDS: readonly RegisterCommand[] = [
  registerBench,
  registerBuild,
  registerCalibrate,
  (program, context) => registerDap(program, context),
  (program, context) => registerDebug(program, context),
  (program, context) => registerInject(program, context),
  registerMerge,
  registerPeers,
  (program, context) => registerReplay(program, context),
  (program, context) => registerReport(program, context),
  (program, context) => registerRun(program, context, createPc),
  registerSpeed,
  registerTrace,
  registerValidate,
];

/** The machine's tables are only built by commands that run one. */
const createPc: MachineFactory = async options => (await import('./pc.ts')).createPc(options);

/** Adds one subcommand to the program. */
export type RegisterCommand = (program: Command, context: CommandContext) => void;

/** Runs the command that `args` (without node and script) asks for; resolves to the exit code and never rejects. */
export async function runProgram(
  args: readonly string[],
  context: CommandContext,
  commands: readonly RegisterCommand[] = COMMANDS,
): Promise<number> {
  try {
    await createProgram(context, commands).parseAsync([...args], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return explain(error, context);
  }
}

/** Says what went wrong in one line (after a compiler's diagnostics, if there are any); gives the exit code. */
function explain(error: unknown, context: CommandContext): number {
  if (error instanceof GuestError && error.details) context.err(`${error.details}\n`);
  if (isForUser(error)) {
    context.err(`nooks86: ${lineOf(error)}\n`);
    return USAGE_ERROR;
  }
  context.err(`nooks86: internal error: ${lineOf(error)} (NOOKS86_DEBUG=1 shows where)\n`);
  if (process.env.NOOKS86_DEBUG && error instanceof Error) context.err(`${error.stack}\n`);
  return INTERNAL_ERROR;
}

/** Errors that the user can cause: by arguments, by files, or by a system call that failed. */
function isForUser(error: unknown): boolean {
  if ([CommanderError, UsageError, GuestError, CampaignError].some(kind => error instanceof kind))
    return true;
  return error instanceof Error && 'syscall' in error;
}

function createProgram(context: CommandContext, commands: readonly RegisterCommand[]): Command {
  const program = new Command('nooks86')
    .description(
      'a laboratory for driver isolation: measure, single-step and break a kernel with Nooks domains',
    )
    .exitOverride()
    .configureOutput({ writeOut: text => context.out(text), writeErr: () => {}, outputError: () => {} });
  for (const register of commands) register(program, context);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

/** One line for the user, whatever was thrown. */
function lineOf(error: unknown): string {
  if (error instanceof CommanderError && error.code === 'commander.help') {
    return 'no command given; nooks86 --help lists them';
  }
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^error: /, '').split('\n')[0];
}
