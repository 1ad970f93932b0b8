/** `nooks86 inject`: a campaign of fault injections, begun or gone on with; then its report. */
import { availableParallelism, freemem } from 'node:os';
import type { Command } from 'commander';
import type { EngineKind } from '../../emu/board.ts';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import type { LoadParts, Parts } from '../../inject/campaign/parts.ts';
import { configurationsOf, ISOLATIONS, MAX_FAULTS, MAX_TRIALS } from '../../inject/campaign/settings.ts';
import type { Shard } from '../../inject/campaign/store.ts';
import type {
  CampaignSettings,
  Distribution,
  FaultTypeName,
  Persistence,
  PolicyName,
} from '../../inject/model.ts';
import { POLICIES } from '../../inject/outcome.ts';
import { choice, choices, engineOption, wholeNumber } from '../arguments.ts';
import { openCampaignProgress } from '../campaign-progress.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';
import { addReportOptions, checkReportFlags, printResults, type ReportFlags } from '../results.ts';

interface InjectFlags extends ReportFlags {
  driver: string;
  trials: number;
  faultsPerTrial: number;
  isolation: ('none' | 'nooks')[];
  policy: PolicyName[];
  persistence: Persistence;
  distribution: Distribution;
  types?: string;
  seed: number;
  profile: string;
  engine: EngineKind;
  minPackets?: number;
  minCycles?: number;
  out?: string;
  workers?: number;
  shard?: string;
  batch: number;
  trialTimeout?: number;
  listTypes?: boolean;
}

const MAX_WORKERS = 256;
const MAX_TRIAL_SECONDS = 7 * 86_400;
/** What one booted machine with its snapshot takes of the host's memory, about. */
const BENCH_BYTES = 192 << 20;
/** Of a process that SIGINT or SIGTERM ended, as shells give it. */
const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };

export const loadMachinery: LoadParts = async () =>
  (await import('../../inject/campaign/machinery.ts')).MACHINERY;

export function registerInject(
  program: Command,
  context: CommandContext,
  load: LoadParts = loadMachinery,
): void {
  const command = program
    .command('inject')
    .description('inject faults into a driver, trial by trial, and see what detects and survives them')
    .option('--out <file>', 'results file: made, or gone on with if it holds the same campaign')
    .option('--driver <name>', 'driver that gets the faults', 'e1000')
    .option('--trials <n>', 'trials in each configuration', wholeNumber('--trials', 1, MAX_TRIALS), 100)
    .option('--faults-per-trial <n>', 'faults at once', wholeNumber('--faults-per-trial', 1, MAX_FAULTS), 5)
    .option('--isolation <list>', 'none,nooks', choices('--isolation', ISOLATIONS), ['none', 'nooks'])
    .option('--policy <list>', `with nooks: ${POLICIES.join(',')}`, choices('--policy', POLICIES), [
      'restart',
    ] as PolicyName[])
    .option(
      '--persistence <kind>',
      'transient: a reload removes the faults; deterministic: they are there again',
      choice('--persistence', ['transient', 'deterministic']),
      'transient',
    )
    .option(
      '--distribution <kind>',
      'of fault types: uniform, or as found in the field',
      choice('--distribution', ['uniform', 'field']),
      'uniform',
    )
    .option('--types <list>', 'only these fault types (default: all)')
    .option('--list-types', 'print the fault types and what they aim at')
    .option('--seed <n>', 'decides all faults', wholeNumber('--seed', 0, 2 ** 32 - 1), 1)
    .option('--profile <name>', 'machine profile', 'p4-1700')
    .addOption(engineOption())
    .option(
      '--min-packets <n>',
      'packets that a trial runs at least after the injection',
      wholeNumber('--min-packets', 0, 1e6),
    )
    .option('--min-cycles <n>', 'and cycles', wholeNumber('--min-cycles', 0, 1e12))
    .option('--workers <n>', 'threads (default: one a core)', wholeNumber('--workers', 1, MAX_WORKERS))
    .option('--shard <i/n>', 'only the i-th of n parts; nooks86 merge puts them together')
    .option('--batch <n>', 'trials in a transaction, at most', wholeNumber('--batch', 1, 10_000), 8)
    .option(
      '--trial-timeout <s>',
      'seconds of the host after which a trial is given up, as not classified (default: 600)',
      wholeNumber('--trial-timeout', 1, MAX_TRIAL_SECONDS),
    );
  addReportOptions(command).action((flags: InjectFlags) => inject(flags, context, load));
}

async function inject(flags: InjectFlags, context: CommandContext, load: LoadParts): Promise<void> {
  if (flags.listTypes) return context.out(typesText(await load()));
  if (flags.out === undefined) throw new UsageError('inject needs --out FILE, where results are kept');
  checkReportFlags(flags);
  const [{ findProfile }, { runCampaign }, { ResultsReader, ResultsWriter }, parts] = await Promise.all([
    import('../pc.ts'),
    import('../../inject/campaign/run.ts'),
    import('../../inject/campaign/store.ts'),
    load(),
  ]);
  findProfile(flags.profile);
  const shard = await shardFlag(flags.shard);
  const types = typeList(flags.types, parts);
  const building = openProgress('building', 'files');
  const build = await buildGuest({ onProgress: building.update }).finally(building.close);
  const settings = await settingsOf(flags, types, build, parts);
  const campaign = { settings, build, engine: flags.engine };
  const plan = parts.planner(campaign);
  // Whatever the planner cannot do is known before the file is made.
  plan(0);
  const writer = new ResultsWriter(flags.out, settings, shard);
  const workers = flags.workers ?? Math.min(availableParallelism(), affordable(1));
  const progress = openCampaignProgress(context.err);
  const stop = stopOnSignals(line => progress.say(line));
  try {
    const tally = await runCampaign({
      settings,
      shard,
      writer,
      plan,
      judge: parts.judge,
      openWorker: () => parts.openWorker(campaign, flags.trialTimeout),
      workers,
      batch: flags.batch,
      keep: Math.min(settings.configurations.length, affordable(workers)),
      stop,
      onProgress: progress.update.bind(progress),
      onTrouble: line => progress.say(`nooks86: ${line}`),
    });
    progress.close();
    if (tally.done() < tally.total()) {
      context.err(
        `nooks86: stopped; ${flags.out} has ${tally.done()} of ${tally.total()} trials, and the same command goes on\n`,
      );
      context.exitCode = stop.exitCode;
      return;
    }
  } finally {
    progress.close();
    stop.dispose();
    writer.close();
  }
  const reader = new ResultsReader(flags.out);
  try {
    await printResults(reader, flags, context, parts);
  } finally {
    reader.close();
  }
}

async function settingsOf(
  flags: InjectFlags,
  types: FaultTypeName[],
  build: GuestBuild,
  parts: Parts,
): Promise<CampaignSettings> {
  const { buildIdentity } = await import('../../inject/campaign/identity.ts');
  const { driver } = flags;
  const configurations = configurationsOf(flags.isolation, flags.policy);
  return {
    driver,
    trials: flags.trials,
    faultsPerTrial: flags.faultsPerTrial,
    configurations,
    persistence: flags.persistence,
    distribution: flags.distribution,
    types,
    seed: flags.seed,
    profile: flags.profile,
    minimumPackets: flags.minPackets ?? parts.minimum.minimumPackets,
    minimumCycles: flags.minCycles ?? parts.minimum.minimumCycles,
    build: buildIdentity(build, { configurations, driver }),
  };
}

async function shardFlag(text: string | undefined): Promise<Shard | null> {
  if (text === undefined) return null;
  const { shardOf } = await import('../../inject/campaign/store.ts');
  const shard = shardOf(text);
  if (!shard) throw new UsageError(`--shard must be like 1/4 (the first of four), not ${text}`);
  return shard;
}

/** In the table's order, each once. */
function typeList(text: string | undefined, { types }: Parts): FaultTypeName[] {
  if (text === undefined) return [];
  const names = types.map(type => type.name);
  const wanted = choices('--types', names)(text.toUpperCase());
  return names.filter(name => wanted.includes(name));
}

function typesText({ types }: Parts): string {
  const width = Math.max(...types.map(type => type.name.length));
  return types.map(t => `${t.name.padEnd(width)}  ${t.mutation} (${t.model})\n`).join('');
}

/** Machines that each of so many workers may have in the host's memory; at least one. */
function affordable(workers: number): number {
  return Math.max(1, Math.floor((0.6 * freemem()) / (workers * BENCH_BYTES)));
}

/** The first signal ends the campaign after its running batches, the second at once. */
function stopOnSignals(say: (line: string) => void) {
  const stop = { wanted: false, exitCode: 1, dispose: () => {} };
  const onSignal = (signal: NodeJS.Signals) => {
    stop.wanted = true;
    stop.exitCode = EXIT_CODES[signal] ?? 1;
    stop.dispose();
    say('nooks86: stopping after the running batches; once more stops at once and loses only these');
  };
  stop.dispose = () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  return stop;
}
