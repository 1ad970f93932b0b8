/**
 * Runs what is left of a campaign: workers take chunks, each chunk's records go into the file in one transaction.
 * Results do not depend on how many workers there are nor on their order, for a trial depends on its plan alone.
 *
 * A trial that takes its worker down, or throws, is tried once more, alone and on a fresh machine; if that fails too
 * it is recorded as not classified with the host's error.
 */
import {
  type CampaignSettings,
  type Configuration,
  configurationName,
  type Observation,
  type Outcome,
  type TrialPlan,
  type TrialRecord,
} from '../model.ts';
import { unobserved } from '../unobserved.ts';
import { CampaignError } from './error.ts';
import type { Job, JobResult } from './runner.ts';
import { type ResultsWriter, type SessionFigures, type Shard, trialKey } from './store.ts';
import { Tally } from './tally.ts';
import { type Chunk, trialsOf, Work } from './work.ts';

/** Somebody who does jobs, one at a time: a thread (pool.ts). */
export interface TrialWorker {
  /** Rejects when the worker dies; the next job then gets a new one. */
  run(job: Job): Promise<JobResult>;
  close(): Promise<void>;
}

export interface CampaignOptions {
  settings: CampaignSettings;
  shard: Shard | null;
  writer: ResultsWriter;
  plan(trial: number): TrialPlan;
  judge(observation: Observation, plan: TrialPlan): Outcome;
  openWorker(): TrialWorker;
  workers: number;
  /** Trials in a transaction, at most. */
  batch: number;
  /** Benches that a worker may keep. */
  keep: number;
  /** Set `wanted` to end after the running batches. */
  stop: { wanted: boolean };
  onProgress(tally: Tally): void;
  /** One line: something went wrong and was dealt with. */
  onTrouble(line: string): void;
  /** Milliseconds. */
  now?: () => number;
}

/** Resolves to what was done when all is, or when stop was wanted. Throws a CampaignError. */
export async function runCampaign(options: CampaignOptions): Promise<Tally> {
  const { settings, shard, writer, workers } = options;
  const batch = Math.max(1, Math.min(options.batch, Math.ceil(trialsOf(settings, shard).length / workers)));
  const work = new Work(settings, shard, key => writer.finished.has(key), batch);
  const run = new Run(options, work);
  if (work.total === 0) return run.tally;
  const slots = Array.from({ length: Math.min(workers, work.total) }, () => options.openWorker());
  try {
    await Promise.all(slots.map(worker => run.serve(worker)));
    return run.tally;
  } finally {
    await Promise.all(slots.map(worker => worker.close()));
  }
}

class Run {
  readonly tally: Tally;
  private readonly options: CampaignOptions;
  private readonly work: Work;
  private readonly figures: SessionFigures;
  private readonly start: number;
  private ended = false;

  constructor(options: CampaignOptions, work: Work) {
    const { settings, shard, writer } = options;
    this.options = options;
    this.work = work;
    this.tally = new Tally(
      settings.configurations.map(configurationName),
      trialsOf(settings, shard).length,
      writer.finished,
    );
    this.start = this.now();
    this.figures = { seconds: 0, workers: options.workers, trials: 0, instructions: 0, timings: {} };
  }

  /** Gives one worker jobs until there are none. */
  async serve(worker: TrialWorker): Promise<void> {
    let last: string | undefined;
    try {
      while (!this.options.stop.wanted && !this.ended) {
        const chunk = this.work.next(last);
        if (!chunk) return;
        last = configurationName(chunk.configuration);
        await this.runChunk(worker, chunk);
      }
    } catch (error) {
      // The others need not begin what cannot be kept.
      this.ended = true;
      throw error;
    }
  }

  private async runChunk(worker: TrialWorker, chunk: Chunk): Promise<void> {
    const { configuration, trials } = chunk;
    const plans = trials.map(trial => this.options.plan(trial));
    let result: JobResult;
    try {
      result = await worker.run({ configuration, plans, keep: this.options.keep });
    } catch (error) {
      if (this.ended) return;
      const message = `worker died: ${(error as Error).message}`;
      result = { done: [], failed: trials.map(trial => ({ trial, message })), timings: {} };
    }
    if (result.fatal !== undefined) throw new CampaignError(`no machine for ${result.fatal}`);
    if (!this.ended) this.keep(chunk, plans, result);
  }

  /** Writes what is done and what has failed for good; has the rest tried again. */
  private keep(chunk: Chunk, plans: TrialPlan[], { done, failed, timings }: JobResult): void {
    const configuration = configurationName(chunk.configuration);
    const planOf = new Map(plans.map(plan => [plan.trial, plan]));
    const record = (trial: number, observation: Observation, hostSeconds: number): TrialRecord => {
      const plan = planOf.get(trial)!;
      return {
        configuration,
        plan,
        observation,
        outcome: this.options.judge(observation, plan),
        hostSeconds,
      };
    };
    const records = done.map(d => record(d.trial, d.observation, d.hostSeconds));
    for (const { trial, message } of failed) this.tellFailure(chunk.configuration, trial, message, chunk);
    if (chunk.retry)
      for (const { trial, message, observation } of failed)
        records.push({
          ...record(trial, observation ?? unobserved(planOf.get(trial)!, message), 0),
          outcome: 'not classified',
        });
    else
      this.work.retry(
        chunk.configuration,
        failed.map(f => f.trial),
      );
    if (records.length === 0) return;
    this.count(records, timings);
    this.options.writer.add(records, this.figures);
    this.tally.add(records, this.figures.seconds);
    this.options.onProgress(this.tally);
  }

  private tellFailure(configuration: Configuration, trial: number, message: string, chunk: Chunk): void {
    const key = trialKey(configurationName(configuration), trial);
    const then = chunk.retry ? 'recorded as not classified' : 'will be tried once more';
    // All of a chunk died of one trial: one line is enough.
    if (chunk.retry || trial === chunk.trials[0] || !message.startsWith('worker died'))
      this.options.onTrouble(`${key}: ${message}; ${then}`);
  }

  private count(records: TrialRecord[], timings: Record<string, number>): void {
    const f = this.figures;
    f.seconds = (this.now() - this.start) / 1000;
    f.trials += records.length;
    for (const r of records) f.instructions += r.observation.instructions;
    for (const [what, seconds] of Object.entries(timings)) f.timings[what] = (f.timings[what] ?? 0) + seconds;
  }

  private now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}
