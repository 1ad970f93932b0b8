/**
 * Workers as threads: each a tinypool of one thread, so that a job goes to the machine that is booted for it, and it
 * is known which job a thread died of. A thread that ended is replaced with the next job.
 *
 * Trials are handed to the thread one at a time, each with a limit of the host's time: a trial that does not end within
 * it has failed, and takes only its thread with it. This is the one place where a wall clock decides anything, and all
 * that it decides is that nothing is known of a trial.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tinypool } from 'tinypool';
import { projectRoot } from '../../guest/project.ts';
import type { TrialWorker } from './run.ts';
import type { Campaign, Job, JobResult } from './runner.ts';

/** Of a thread: far more than a bench needs beside the machine's memory, which is no part of the heap. */
const HEAP_MB = 1024;

/** Seconds of the host that a trial may take, unless the user says otherwise: a hundred times what a long one does. */
export const TRIAL_SECONDS = 600;

/** What scripts/build.mjs makes of worker.ts. */
const WORKER = 'campaign-worker.js';

export interface ThreadOptions {
  /** A bundle whose default export does a Job with the Campaign of Tinypool.workerData. */
  filename?: string;
  heapMegabytes?: number;
  /** Of the host, for one trial. */
  trialSeconds?: number;
}

export class ThreadWorker implements TrialWorker {
  private readonly campaign: Campaign;
  private readonly filename: string;
  private readonly heapMegabytes: number;
  private readonly trialSeconds: number;
  private pool: Tinypool | undefined;
  /** Fails the job that runs. */
  private onExit: ((error: Error) => void) | undefined;

  constructor(campaign: Campaign, options: ThreadOptions = {}) {
    this.campaign = campaign;
    this.filename = options.filename ?? workerFile();
    this.heapMegabytes = options.heapMegabytes ?? HEAP_MB;
    this.trialSeconds = options.trialSeconds ?? TRIAL_SECONDS;
  }

  async run(job: Job): Promise<JobResult> {
    const result: JobResult = { done: [], failed: [], timings: {} };
    for (const [n, plan] of job.plans.entries()) {
      // The machine's boot is no part of a trial.
      if (n === 0 || !this.pool) append(result, await this.call({ ...job, plans: [] }));
      if (result.fatal !== undefined) break;
      const one = await this.call({ ...job, plans: [plan] }, this.trialSeconds);
      append(result, one ?? this.tooLong(plan.trial));
    }
    return result;
  }

  private tooLong(trial: number): JobResult {
    const message = `not finished in ${this.trialSeconds} s of the host’s time`;
    return { done: [], failed: [{ trial, message }], timings: {} };
  }

  /** Null: it took longer than `seconds`, and the thread is gone. Rejects when the thread dies. */
  private async call(job: Job, seconds?: number): Promise<JobResult | null> {
    const pool = (this.pool ??= this.start());
    let timer: NodeJS.Timeout | undefined;
    try {
      const result = await new Promise<JobResult | null>((resolve, reject) => {
        this.onExit = reject;
        if (seconds !== undefined) timer = setTimeout(() => resolve(null), seconds * 1000);
        (pool.run(job) as Promise<JobResult>).then(resolve, reject);
      });
      if (result === null) await this.close();
      return result;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.onExit = undefined;
    }
  }

  async close(): Promise<void> {
    const pool = this.pool;
    this.pool = undefined;
    // A thread that has ended tells nobody once more that it did.
    if (pool) await Promise.race([pool.destroy(), new Promise(done => setTimeout(done, CLOSE_MS).unref())]);
  }

  private start(): Tinypool {
    const pool = new Tinypool({
      filename: this.filename,
      minThreads: 1,
      maxThreads: 1,
      workerData: this.campaign,
      resourceLimits: { maxOldGenerationSizeMb: this.heapMegabytes },
      // A shared counter between jobs would need no wait, but leave the thread deaf meanwhile.
      useAtomics: false,
    });
    // Of a thread without a job: the next job gets another.
    pool.on('error', () => {});
    // tinypool tells of errors, but not of an exit.
    pool.threads[0].once('exit', (code: number) => {
      const fail = this.onExit;
      // What it died of, if anything, is told after that it is dead, and on a busy host not at once.
      setTimeout(() => fail?.(new Error(`its thread ended with code ${code}`)), EXIT_MS);
    });
    return pool;
  }
}

const CLOSE_MS = 2000;
const EXIT_MS = 250;

/** Adds what a part of a job gave. */
function append(to: JobResult, part: JobResult | null): void {
  if (!part) return;
  to.done.push(...part.done);
  to.failed.push(...part.failed);
  if (part.fatal !== undefined) to.fatal = part.fatal;
  for (const [what, seconds] of Object.entries(part.timings))
    to.timings[what] = (to.timings[what] ?? 0) + seconds;
}

/** Beside the command's bundle; from the source tree, in dist/. */
function workerFile(): string {
  const beside = join(dirname(fileURLToPath(import.meta.url)), WORKER);
  return existsSync(beside) ? beside : join(projectRoot(), 'dist', WORKER);
}
