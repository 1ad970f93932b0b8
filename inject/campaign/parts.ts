/** What a campaign is made of, as the command line sees it: machinery.ts has the real ones. */
import type { Saved } from '../../emu/bus.ts';
import type { Session } from '../../guest/session.ts';
import type {
  CampaignSettings,
  Configuration,
  FailureModel,
  FaultTypeName,
  Observation,
  Outcome,
  TrialPlan,
} from '../model.ts';
import type { TrialWorker } from './run.ts';
import type { Campaign, TrialBench } from './runner.ts';

/** Of a row of faults/types.ts. */
export interface FaultTypeText {
  name: FaultTypeName;
  model: FailureModel;
  /** What is done, in words. */
  mutation: string;
}

/** A bench that can also be stopped in a trial, for the debugger. */
export interface ReplayBench extends TrialBench {
  readonly session: Session;
  /** Restores the warm machine and runs it through the injection. */
  beginUnjudged(plan: TrialPlan): void;
  /** What of the trial that was begun lies outside the machine. */
  hostState(): Saved;
}

export interface Parts {
  types: readonly FaultTypeText[];
  /** The plan of each trial. Throws a GuestError for a driver that no faults can be planned for. */
  planner(campaign: Campaign): (trial: number) => TrialPlan;
  judge(observation: Observation, plan: TrialPlan): Outcome;
  openBench(campaign: Campaign, configuration: Configuration): ReplayBench;
  /** `trialSeconds`: of the host, that a trial may take. */
  openWorker(campaign: Campaign, trialSeconds?: number): TrialWorker;
  /** Packets and cycles that each trial runs at least, unless the user says otherwise. */
  minimum: Pick<CampaignSettings, 'minimumPackets' | 'minimumCycles'>;
}

/** Gives the parts when they are needed: they load the emulator. */
export type LoadParts = () => Promise<Parts>;
