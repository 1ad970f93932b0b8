/** `nooks86 replay`: one trial of a results file once more, to the cycle; in the debugger if wanted. */
import type { Command } from 'commander';
import type { Target } from '../../debug/target.ts';
import type { EngineKind } from '../../emu/board.ts';
import { buildGuest } from '../../guest/build.ts';
import type { LoadParts, ReplayBench } from '../../inject/campaign/parts.ts';
import { configurationName, type TrialRecord } from '../../inject/model.ts';
import { engineOption } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';
import type { CommandInput } from './debug.ts';
import { loadMachinery } from './inject.ts';

interface ReplayFlags {
  configuration?: string;
  engine: EngineKind;
  debug?: boolean;
  color?: boolean;
  json?: boolean;
}

export function registerReplay(
  program: Command,
  context: CommandContext,
  load: LoadParts = loadMachinery,
  input: CommandInput = process.stdin,
): void {
  program
    .command('replay')
    .description('run one trial of a fault campaign again; exit code 1 when it does not go as it did')
    .argument('<results>', 'file that nooks86 inject wrote')
    .argument('<trial>', 'like nooks/restart:1317, or a number')
    .option('--configuration <name>', 'of a trial that is given by its number')
    .addOption(engineOption())
    .option('--debug', 'stop at the first injected fault that is executed, in the debugger')
    .option('--no-color', 'no colours in the debugger')
    .option('--json', 'print the record as it is now')
    .action((path: string, id: string, flags: ReplayFlags) => replay(path, id, flags, context, load, input));
}

async function replay(
  path: string,
  id: string,
  flags: ReplayFlags,
  context: CommandContext,
  load: LoadParts,
  input: CommandInput,
): Promise<void> {
  const { bench, recorded, judge } = await reopen(path, id, flags, context, load);
  if (flags.debug) return debugTrial(bench, recorded, flags, context, input);
  await runAgain(bench, recorded, judge, flags, context);
}

interface Reopened {
  bench: ReplayBench;
  recorded: TrialRecord;
  judge: Judge;
}

type Judge = (o: TrialRecord['observation'], plan: TrialRecord['plan']) => TrialRecord['outcome'];

/** Finds a trial of a results file, and makes what runs it again. */
export async function reopen(
  path: string,
  id: string,
  { configuration: configured, engine }: Partial<Pick<ReplayFlags, 'configuration' | 'engine'>>,
  context: Pick<CommandContext, 'err'>,
  load: LoadParts,
): Promise<Reopened> {
  const [{ ResultsReader }, { buildIdentity }, { trialOf }] = await Promise.all([
    import('../../inject/campaign/store.ts'),
    import('../../inject/campaign/identity.ts'),
    import('../../inject/campaign/replay.ts'),
  ]);
  const reader = new ResultsReader(path);
  const { settings } = reader;
  let recorded: TrialRecord | undefined;
  let name: string;
  try {
    const which = trialOf(settings, id, configured);
    name = which.configuration;
    recorded = reader.record(name, which.trial);
    if (!recorded) throw new UsageError(`${path} has no trial ${name}:${which.trial} yet`);
  } finally {
    reader.close();
  }
  // A file may name what this nooks86 does not have.
  (await import('../pc.ts')).findProfile(settings.profile);
  const parts = await load();
  const building = openProgress('building', 'files');
  const build = await buildGuest({ onProgress: building.update }).finally(building.close);
  if (buildIdentity(build, settings) !== settings.build)
    context.err(
      'nooks86: the guest’s sources or compiler have changed since: the trial may go another way\n',
    );
  const configuration = settings.configurations.find(c => configurationName(c) === name)!;
  const bench = parts.openBench({ settings, build, engine }, configuration);
  bench.warm();
  return { bench, recorded, judge: parts.judge };
}

async function runAgain(
  bench: ReplayBench,
  recorded: TrialRecord,
  judge: Judge,
  flags: ReplayFlags,
  context: CommandContext,
): Promise<void> {
  const { differencesOf, renderTrial } = await import('../../inject/campaign/replay.ts');
  const { plan } = recorded;
  const observation = bench.run(plan);
  const now: TrialRecord = { ...recorded, observation, outcome: judge(observation, plan), hostSeconds: 0 };
  // As a file would give it back.
  const differ = differencesOf(recorded.observation, JSON.parse(JSON.stringify(observation)));
  if (now.outcome !== recorded.outcome) differ.push(`outcome: ${recorded.outcome}, now ${now.outcome}`);
  if (flags.json) context.out(`${JSON.stringify({ ...now, differences: differ }, null, 2)}\n`);
  else {
    context.out(renderTrial(now));
    if (differ.length === 0) context.out('replay: equal to the record, to the cycle\n');
    else context.out(`replay: differs from the record:\n${differ.map(line => `  ${line}\n`).join('')}`);
  }
  if (differ.length) context.exitCode = 1;
}

async function debugTrial(
  bench: ReplayBench,
  recorded: TrialRecord,
  { color }: ReplayFlags,
  context: CommandContext,
  input: CommandInput,
): Promise<void> {
  const { Console, converse } = await import('./debug.ts');
  const { target, text } = await standAtFault(bench, recorded);
  const console = new Console(context);
  console.write(`${text}${target.describe(target.pc())}\n`);
  await converse(target, [], { color }, console, context, input);
}

/** A recorded trial, run to the first of its faults that is executed; `text` says which that is. */
export async function openTrial(
  path: string,
  id: string,
  engine: EngineKind | undefined,
  context: Pick<CommandContext, 'err'>,
  load: LoadParts = loadMachinery,
): Promise<{ target: Target; text: string }> {
  const { bench, recorded } = await reopen(path, id, { engine }, context, load);
  return standAtFault(bench, recorded);
}

async function standAtFault(
  bench: ReplayBench,
  recorded: TrialRecord,
): Promise<{ target: Target; text: string }> {
  const [{ Target }, { faultLines, runToFault }] = await Promise.all([
    import('../../debug/target.ts'),
    import('../../inject/campaign/replay.ts'),
  ]);
  const { session } = bench;
  const { plan, observation } = recorded;
  bench.beginUnjudged(plan);
  const fault = runToFault(session, recorded);
  const image = { name: 'kernel.elf', elf: session.kernel };
  const parts = { machine: session.machine, symbols: session.symbols, image, session };
  const target = new Target({ ...parts, hostStates: [bench.hostState()] });
  const where = fault === undefined ? 'the injection; no fault in code was executed' : `fault ${fault}`;
  let text = `${recorded.configuration}:${plan.trial} (${recorded.outcome}), stopped at ${where}\n`;
  for (const [n, f] of plan.faults.entries())
    if (fault === undefined || n === fault) text += `${faultLines(f, n, observation).join('\n')}\n`;
  return { target, text };
}
