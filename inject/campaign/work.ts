/**
 * What is still to be done, in chunks of one configuration. Trials go round by round, so that a campaign that is
 * stopped early has about as many of each configuration; within a round a worker stays with its configuration as long
 * as there is work, because each needs a booted machine of its own.
 */
import { type CampaignSettings, type Configuration, configurationName } from '../model.ts';
import { type Shard, trialKey } from './store.ts';

export interface Chunk {
  configuration: Configuration;
  trials: number[];
  /** A second try, alone, of a trial that a worker did not survive. */
  retry?: boolean;
}

/** Chunks of a configuration in a round. */
const ROUND = 25;

export class Work {
  /** Trials to do in all, and what of them was given out. */
  readonly total: number;
  private readonly rounds: Map<string, Chunk[]>[] = [];
  private readonly retries: Chunk[] = [];

  /** `isDone` says of a trialKey whether it is finished; `batch` is the largest chunk. */
  constructor(
    settings: CampaignSettings,
    shard: Shard | null,
    isDone: (key: string) => boolean,
    batch: number,
  ) {
    const mine = trialsOf(settings, shard);
    let total = 0;
    for (let at = 0; at < mine.length; at += ROUND * batch) {
      const round = new Map<string, Chunk[]>();
      for (const configuration of settings.configurations) {
        const name = configurationName(configuration);
        const open = mine.slice(at, at + ROUND * batch).filter(trial => !isDone(trialKey(name, trial)));
        total += open.length;
        if (open.length) round.set(name, cut(configuration, open, batch));
      }
      if (round.size) this.rounds.push(round);
    }
    this.total = total;
  }

  /** The next chunk, of the named configuration if the round has one; undefined when all is given out. */
  next(configuration?: string): Chunk | undefined {
    const retry = this.retries.shift();
    if (retry) return retry;
    const round = this.rounds[0];
    if (!round) return undefined;
    const name = configuration !== undefined && round.has(configuration) ? configuration : fullest(round);
    const chunks = round.get(name)!;
    const chunk = chunks.shift();
    if (chunks.length === 0) round.delete(name);
    if (round.size === 0) this.rounds.shift();
    return chunk;
  }

  /** Gives these trials out again, each alone and before others. */
  retry(configuration: Configuration, trials: readonly number[]): void {
    for (const trial of trials) this.retries.push({ configuration, trials: [trial], retry: true });
  }
}

/** A campaign's trials, or those of a shard: `i/n` has each n-th. */
export function trialsOf(settings: CampaignSettings, shard: Shard | null): number[] {
  const all = Array.from({ length: settings.trials }, (_, n) => n);
  return shard ? all.filter(n => n % shard.of === shard.index - 1) : all;
}

function cut(configuration: Configuration, trials: number[], batch: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < trials.length; at += batch)
    chunks.push({ configuration, trials: trials.slice(at, at + batch) });
  return chunks;
}

function fullest(round: Map<string, Chunk[]>): string {
  let best = '';
  let most = 0;
  for (const [name, { length }] of round) if (length > most) [best, most] = [name, length];
  return best;
}
