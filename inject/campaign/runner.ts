/**
 * What a worker does with a job: plans in, observations out. It keeps the benches (a booted machine and its snapshot
 * each, some 100 MB) of the configurations that it used last. A bench that threw is not used again: the trial that did
 * it is reported and the next one gets a fresh machine.
 */
import type { EngineKind } from '../../emu/board.ts';
import type { GuestBuild } from '../../guest/build.ts';
import {
  type CampaignSettings,
  type Configuration,
  configurationName,
  type Observation,
  type TrialPlan,
} from '../model.ts';

/** What a worker must know of its campaign. */
export interface Campaign {
  settings: CampaignSettings;
  build: GuestBuild;
  engine?: EngineKind;
}

export interface Job {
  configuration: Configuration;
  plans: TrialPlan[];
  /** Benches that the worker may keep. */
  keep: number;
}

export interface JobResult {
  done: { trial: number; observation: Observation; hostSeconds: number }[];
  /** Trials that ended in an exception of ours, with what was seen until then, if anything. */
  failed: { trial: number; message: string; observation?: Observation }[];
  /** No machine could be booted: nothing of the campaign can be done. */
  fatal?: string;
  /** Seconds by what was done. */
  timings: Record<string, number>;
}

/** inject/trial/bench.ts, as far as a worker needs it. */
export interface TrialBench {
  warm(): void;
  run(plan: TrialPlan): Observation;
  /** Seconds since it was made, by what it did. */
  timings?(): Record<string, number>;
}

export type OpenBench = (configuration: Configuration) => TrialBench;

export class Runner {
  private readonly open: OpenBench;
  private readonly now: () => number;
  /** By configuration; the one used last is the last. */
  private readonly benches = new Map<string, TrialBench>();

  /** `now` gives milliseconds. */
  constructor(open: OpenBench, now: () => number = () => performance.now()) {
    this.open = open;
    this.now = now;
  }

  /** A job without plans boots the machine. */
  run(job: Job): JobResult {
    const result: JobResult = { done: [], failed: [], timings: {} };
    if (job.plans.length === 0) this.bench(job, result);
    for (const plan of job.plans) {
      const bench = this.bench(job, result);
      if (!bench) break;
      const before = { ...bench.timings?.() };
      const start = this.now();
      try {
        const observation = bench.run(plan);
        const hostSeconds = (this.now() - start) / 1000;
        if (observation.end === 'host-error') {
          this.benches.delete(configurationName(job.configuration));
          result.failed.push({ trial: plan.trial, message: observation.lastLine, observation });
        } else result.done.push({ trial: plan.trial, observation, hostSeconds });
      } catch (error) {
        this.benches.delete(configurationName(job.configuration));
        result.failed.push({ trial: plan.trial, message: messageOf(error) });
      }
      for (const [what, seconds] of Object.entries(bench.timings?.() ?? {}))
        add(result.timings, what, seconds - (before[what] ?? 0));
    }
    return result;
  }

  /** The warm bench of the job's configuration; undefined, and `fatal` is set, if there can be none. */
  private bench(job: Job, result: JobResult): TrialBench | undefined {
    const name = configurationName(job.configuration);
    let bench = this.benches.get(name);
    this.benches.delete(name);
    // First make room: a machine more may be what the host has not.
    for (const key of this.benches.keys()) if (this.benches.size >= job.keep) this.benches.delete(key);
    if (!bench) {
      const start = this.now();
      try {
        bench = this.open(job.configuration);
        bench.warm();
      } catch (error) {
        result.fatal = `${name}: ${messageOf(error)}`;
        return undefined;
      }
      add(result.timings, 'boot', (this.now() - start) / 1000);
    }
    this.benches.set(name, bench);
    return bench;
  }
}

function add(timings: Record<string, number>, what: string, seconds: number): void {
  timings[what] = (timings[what] ?? 0) + seconds;
}

/** One line. */
function messageOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0];
}
