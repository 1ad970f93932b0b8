/**
 * What a trial proves: one pure function from what was seen to its outcome. The rules are rows, tried in their order;
 * the first that fits decides. What no row fits is `not classified`, which is counted and shown.
 *
 * The order is from the worst to the most harmless: a machine that died is a crash whatever else happened; memory of
 * the kernel that a driver changed is corruption whatever became of the driver (detecting the driver later does not
 * give the kernel its bytes back); a detected failure is recovered or not; an undetected one is of the lecture notes'
 * failure models, wrong values before missing ones before late ones.
 *
 * Reads of the kernel's memory by the card (`read` of a WildWrite) change nothing and are no corruption; they show as
 * wrong packets, if at all. Writes by DMA are corruption like others; a report shows them apart by `by` and
 * `preventable`.
 */
import type { ApplicationReport, GuestEvent, Observation, Outcome, PolicyName, TrialPlan } from './model.ts';

/** By the number in the details of BEGIN and GAVE_UP: the order of the policies in the model. */
export const POLICIES: readonly PolicyName[] = [
  'panic',
  'unload',
  'restart',
  'shadow',
  'checkpoint',
  'alternate',
];

/**
 * UDP loses datagrams when a queue is full, in a healthy system too: up to this part of them, and a few in any case,
 * are no failure. A recovery may lose more: nobody promised that they arrive.
 */
const NORMAL_LOSS = 0.02;
const NORMAL_LOSSES = 4;

export interface OutcomeRule {
  outcome: Outcome;
  /** What it means that this row fits. */
  means: string;
  fits: (o: Observation, plan: TrialPlan) => boolean;
}

const DEATHS: readonly Observation['end'][] = ['panic', 'triple-fault', 'reset', 'early-exit'];

export const OUTCOME_RULES: readonly OutcomeRule[] = [
  {
    outcome: 'not classified',
    means: 'The emulator itself failed: nothing can be said of the guest.',
    fits: o => o.end === 'host-error',
  },
  {
    outcome: 'crash',
    means: 'The kernel panicked, the machine reset itself or triple-faulted, or init ended early.',
    fits: o => DEATHS.includes(o.end),
  },
  {
    outcome: 'hang',
    means: 'The machine ran on, or halted for good, and the kernel made no progress any more.',
    fits: o => o.end === 'hang' || o.end === 'halted' || !o.kernelAlive,
  },
  {
    outcome: 'kernel corrupted, undetected',
    means: 'The machine ran to the end, with memory changed that is not the driver’s or a structure broken.',
    fits: o => o.wildWriteCount > 0 || o.corruptions.length > 0,
  },
  {
    outcome: 'recovered',
    means: 'Every failure that was detected was recovered, and no application was harmed.',
    fits: o => detected(o) && endsServed(o) && o.applications.every(unharmed),
  },
  {
    outcome: 'recovered, applications harmed',
    means: 'A failure was detected; the driver did not come back, or an application failed over it.',
    fits: detected,
  },
  {
    outcome: 'undetected failure: output',
    means: 'Nothing was detected, and wrong data reached a program or the wire.',
    fits: o => o.badPackets > 0 || o.applications.some(a => a.damaged > 0),
  },
  {
    outcome: 'undetected failure: omission',
    means: 'Nothing was detected, and the service stopped, refused a call, or a program does not go on.',
    fits: o => !o.serviceAlive || o.applications.some(a => a.errors > 0 || !goesOn(a)),
  },
  {
    outcome: 'undetected failure: timing',
    means: 'Nothing was detected, and more was lost or late than in a healthy run.',
    fits: o => o.applications.some(a => a.notes.length > 0 || losesTooMuch(a)),
  },
  {
    outcome: 'not executed',
    means: 'No fault was executed or used, and nothing happened.',
    fits: o => !executed(o) && o.firstErrorAt === null && o.firstFailureAt === null,
  },
  {
    outcome: 'no effect',
    means: 'A fault was executed, and nobody outside the driver could tell; an error may still hide in it.',
    fits: o => executed(o) && o.firstFailureAt === null,
  },
];

/** The outcome of a trial. Pure. */
export function outcomeOf(o: Observation, plan: TrialPlan): Outcome {
  return OUTCOME_RULES.find(rule => rule.fits(o, plan))?.outcome ?? 'not classified';
}

function detected(o: Observation): boolean {
  return o.events.some(e => e.event === 'FAILED');
}

function executed(o: Observation): boolean {
  return o.executedAt.some(at => at !== null);
}

/** The service is there again, or its absence is what the policy asked for. */
function endsServed(o: Observation): boolean {
  const policies = new Map<string, PolicyName>();
  const open = new Set<string>();
  const gone = new Set<string>();
  for (const e of o.events) follow(e, { policies, open, gone });
  const asked = [...gone].every(extension => policies.get(extension) === 'unload');
  return open.size === 0 && asked && (o.serviceAlive || gone.size > 0);
}

interface Following {
  /** Of an extension's first recovery: a storm of restarts may end in another one. */
  policies: Map<string, PolicyName>;
  /** Detected, and not yet dealt with. */
  open: Set<string>;
  /** Unloaded and not back. */
  gone: Set<string>;
}

function follow({ event, extension, detail }: GuestEvent, f: Following): void {
  if (event === 'FAILED') f.open.add(extension);
  else if (event === 'BEGIN') {
    if (!f.policies.has(extension)) f.policies.set(extension, POLICIES[detail] ?? 'restart');
  } else if (event === 'RECOVERED') {
    f.open.delete(extension);
    f.gone.delete(extension);
  } else if (event === 'GAVE_UP') {
    f.open.delete(extension);
    f.gone.add(extension);
  }
}

function unharmed(a: ApplicationReport): boolean {
  return a.errors === 0 && a.damaged === 0 && goesOn(a);
}

/** Alive, and it does something in the last part of the run. */
function goesOn(a: ApplicationReport): boolean {
  return a.alive && a.doneLately > 0;
}

function losesTooMuch(a: ApplicationReport): boolean {
  return a.lost > NORMAL_LOSSES && a.lost > NORMAL_LOSS * (a.done + a.lost);
}
