/** What a trial proves: one pure function from what was seen to what it means. */
import type { Case } from './cases.ts';
import type { Aftermath, Trial } from './trial.ts';

export type Outcome =
  /** An exception, and nothing changed that is not the driver's. */
  | 'stopped'
  /** Carried out, within the driver's own pages. */
  | 'confined'
  /** Carried out, as is the driver's right. */
  | 'allowed'
  /** Carried out, or stopped after it had changed what is not the driver's. */
  | 'got through'
  /** The driver's right, and refused. */
  | 'refused'
  /** The driver never came to its instruction. */
  | 'not reached';

export interface Verdict {
  outcome: Outcome;
  /** Streams over the other driver ran during and after, and the kernel ended as it was told to. */
  kernelWentOn: boolean;
  /** Its init function ran again after a stop (once, if nothing stopped it) and its interface is up. */
  driverThere: boolean;
  /** The outcome is the one that the case expects, all went on, and no page is open that should not be. */
  good: boolean;
}

/** `recovers`: under this isolation a stopped driver is started again. */
export function judge(which: Case, trial: Trial, recovers: boolean): Verdict {
  const outcome = outcomeOf(which, trial);
  const kernelWentOn = wentOn(trial.aftermath);
  const inits = recovers && outcome === 'stopped' ? 2 : 1;
  const driverThere = trial.aftermath.inits === inits && trial.aftermath.interfaceUp;
  return {
    outcome,
    kernelWentOn,
    driverThere,
    good: outcome === which.expect && kernelWentOn && driverThere && !trial.access?.strayPages.length,
  };
}

function outcomeOf(which: Case, { access }: Trial): Outcome {
  if (!access) return 'not reached';
  const changed = access.damage.length > 0 || access.deviceChanged;
  if (which.expect === 'allowed')
    return access.stop || access.valueRight === false ? 'refused' : changed ? 'got through' : 'allowed';
  if (access.stop) return changed ? 'got through' : 'stopped';
  if (which.expect === 'confined') return changed ? 'got through' : 'confined';
  return 'got through';
}

function wentOn({ end, streams }: Aftermath): boolean {
  return end === 'exit' && streams.during && streams.sent && streams.received;
}
