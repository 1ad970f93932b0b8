/** What a campaign has come to so far: outcomes by configuration, and the speed of this session. */
import type { Outcome, TrialRecord } from '../model.ts';

export class Tally {
  /** Trials in each configuration. */
  readonly trials: number;
  /** Outcomes by configuration, in the campaign's order. */
  readonly outcomes: ReadonlyMap<string, Map<Outcome, number>>;
  /** Trials that this session did, and its seconds. */
  session = 0;
  seconds = 0;

  /** `finished` holds outcomes by trialKey. */
  constructor(
    configurations: readonly string[],
    trials: number,
    finished: ReadonlyMap<string, Outcome> = new Map(),
  ) {
    this.trials = trials;
    this.outcomes = new Map(configurations.map(name => [name, new Map()]));
    for (const [key, outcome] of finished) this.count(key.slice(0, key.lastIndexOf(':')), outcome);
  }

  add(records: readonly TrialRecord[], seconds: number): void {
    for (const r of records) this.count(r.configuration, r.outcome);
    this.session += records.length;
    this.seconds = seconds;
  }

  total(): number {
    return this.trials * this.outcomes.size;
  }

  done(configuration?: string): number {
    const maps =
      configuration === undefined ? [...this.outcomes.values()] : [this.outcomes.get(configuration)];
    return maps.reduce((sum, map) => sum + [...(map?.values() ?? [])].reduce((a, b) => a + b, 0), 0);
  }

  /** Trials a second in this session. */
  rate(): number {
    return this.seconds > 0 ? this.session / this.seconds : 0;
  }

  secondsLeft(): number | undefined {
    return this.rate() > 0 ? (this.total() - this.done()) / this.rate() : undefined;
  }

  private count(configuration: string, outcome: Outcome): void {
    const map = this.outcomes.get(configuration);
    map?.set(outcome, (map.get(outcome) ?? 0) + 1);
  }
}
