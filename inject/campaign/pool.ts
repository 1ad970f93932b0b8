/**
 * Workers as threads: each a tinypool of one thread, so that a job goes to the machine that is booted for it, and it
 * is known which job a thread died of. A thread that ended is replaced with the next job.
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

/** What scripts/build.mjs makes of worker.ts. */
const WORKER = 'campaign-worker.js';

export class ThreadWorker implements TrialWorker {
  private readonly filename: string;
  private readonly campaign: Campaign;
  private readonly heapMegabytes: number;
  private pool: Tinypool | undefined;
  /** Fails the job that runs. */
  private onExit: ((error: Error) => void) | undefined;

  /** `filename` is a bundle whose default export does a Job with the Campaign of Tinypool.workerData. */
  constructor(campaign: Campaign, filename: string = workerFile(), heapMegabytes = HEAP_MB) {
    this.campaign = campaign;
    this.filename = filename;
    this.heapMegabytes = heapMegabytes;
  }

  async run(job: Job): Promise<JobResult> {
    const pool = (this.pool ??= this.start());
    try {
      return await new Promise<JobResult>((resolve, reject) => {
        this.onExit = reject;
        (pool.run(job) as Promise<JobResult>).then(resolve, reject);
      });
    } catch (error) {
      await this.close();
      throw error;
    } finally {
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
      // What it died of, if anything, is told after that it is dead.
      setImmediate(() => fail?.(new Error(`its thread ended with code ${code}`)));
    });
    return pool;
  }
}

const CLOSE_MS = 2000;

/** Beside the command's bundle; from the source tree, in dist/. */
function workerFile(): string {
  const beside = join(dirname(fileURLToPath(import.meta.url)), WORKER);
  return existsSync(beside) ? beside : join(projectRoot(), 'dist', WORKER);
}
