/** What a campaign comes to: plain data, which JSON holds as it is. Times are cycles unless a name says otherwise. */
import type { CampaignSettings, FailureModel, Persistence } from '../model.ts';
import type { Availability, RepairTimes } from './availability.ts';
import type { BreakEven, UsefulWork, WorkCurve } from './breakeven.ts';
import type { Share } from './intervals.ts';
import type { Consequence } from './outcomes.ts';
import type { PairCounts } from './pairs.ts';
import type { Quantiles } from './sample.ts';
import type { Survival } from './survival.ts';
import type { Counts, FollowUp, Reloads } from './tally.ts';

/** Of the JSON: raised when a field changes its meaning or goes. */
export const SUMMARY_VERSION = 1;

export interface SummaryOptions extends Partial<RepairTimes> {
  /** Cycles a second of the profile. */
  clockHz: number;
  /** Activated bundles of faults an hour, each driver; MTTF and its like are of this. */
  faultRate: number;
  /** Without it there is no break-even. */
  usefulWork?: readonly UsefulWork[];
  /** Which failure models each type aims at: the rows of faults/types.ts. */
  models?: Readonly<Record<string, FailureModel | readonly FailureModel[]>>;
  /** Of the intervals of availability and break-even. */
  draws?: number;
  seed?: number;
}

export interface MatrixRow {
  name: string;
  total: number;
  outcomes: Counts;
}

export interface Distribution {
  name: string;
  /** In cycles. */
  quantiles: Quantiles;
  /** Value at the 0th to 100th percentile. */
  curve: number[];
}

export interface TriggerRow {
  trigger: string;
  detections: number;
  latency: Quantiles | null;
  recovery: Quantiles | null;
}

/** Null where nothing was waited for. */
export interface Hidden {
  /** Per fault: from the injection to its first execution. */
  execution: Survival | null;
  /** Per trial: from the first execution of any fault to the first error, detection included. */
  error: Survival | null;
  /** The same to the first failure that anybody could see, detection included. */
  failure: Survival | null;
}

export interface ConfigurationSummary {
  name: string;
  isolated: boolean;
  trials: number;
  outcomes: Counts;
  consequences: Record<Consequence, number>;
  crashes: Share;
  nonFatal: Share;
  /** Trials in which a fault was executed. */
  activated: number;
  /** By type of the fault executed first: each trial counts once. */
  byType: MatrixRow[];
  /** By every type contained: a trial counts once for each. */
  byContainedType: MatrixRow[];
  /** By the failure models that the type executed first aims at; a type may aim at more than one. */
  byModel: MatrixRow[];
  byPersistence: MatrixRow[];
  reloads: Record<Persistence, Reloads>;
  phases: Distribution[];
  triggers: TriggerRow[];
  /** Trials whose first failure was detected. */
  detections: number;
  /** Of them, before anybody outside the driver could see anything. */
  detectedFirst: Share;
  /** Of all failures detected, those that ended in RECOVERED. */
  recoveries: Share;
  gaveUp: number;
  /** Of trials with a failure detected, however they ended: recovered, and no program had anything to complain of. */
  concealed: Share;
  /** Of trials with a failure detected: the streams met no error, got no wrong data, and went on to the end. */
  streamsGoOn: Share;
  hidden: Hidden;
  faults: number;
  notInjected: number;
  /** Injected faults that were not executed before the trial's end. */
  neverExecuted: Share;
  wildWrites: {
    trials: number;
    writes: number;
    /** Trials with a write that page protection could have stopped. */
    preventableTrials: number;
    /** Trials with a DMA into memory that is not the driver's: nothing stops these. */
    dmaTrials: number;
  };
  corrupted: { trials: number; preventable: number };
  effort: {
    hostSeconds: number;
    trialsPerHostSecond: number | null;
    instructions: Quantiles | null;
    packets: Quantiles | null;
    /** From injection to the trial's end. */
    cycles: Quantiles | null;
  };
}

export interface Pairing extends PairCounts {
  configuration: string;
  crashShare: Share;
  nonFatalShare: Share;
  /** Enough native crashes to state a percentage. */
  claimed: boolean;
}

export interface Goal {
  goal: string;
  configuration: string;
  figure: string;
  /** Null: cannot be judged. */
  met: boolean | null;
}

export interface Summary {
  version: typeof SUMMARY_VERSION;
  settings: CampaignSettings;
  clockHz: number;
  faultRate: number;
  repair: RepairTimes;
  draws: number;
  /** Records that were left out: no configuration or trial of these settings, or there already. */
  ignored: { foreign: number; repeated: number };
  configurations: ConfigurationSummary[];
  pairings: Pairing[];
  goals: Goal[];
  availability: Availability[];
  usefulWork: UsefulWork[];
  breakEven: BreakEven[];
  workCurves: WorkCurve[];
  followUps: { concern: string; configuration: string; count: number; kept: FollowUp[] }[];
  nines: { availability: number; downtimeSecondsPerYear: number }[];
}
