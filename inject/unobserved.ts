/** The Observation of a trial that the host could not run or could not end: nothing is known of the guest. */
import type { Observation, TrialPlan } from './model.ts';

/** `message`: what the host says; `at`: cycles at which it gave up, 0 if it never began. */
export function unobserved(plan: TrialPlan, message: string, at = 0, console: string[] = []): Observation {
  return {
    end: 'host-error',
    lastLine: message,
    injectedAt: at,
    endedAt: at,
    instructions: 0,
    packets: 0,
    executedAt: plan.faults.map(() => null),
    notInjected: [],
    firstErrorAt: null,
    firstFailureAt: null,
    events: [],
    wildWrites: [],
    wildWriteCount: 0,
    corruptions: [],
    applications: [],
    kernelAlive: false,
    serviceAlive: false,
    badPackets: 0,
    console,
  };
}
