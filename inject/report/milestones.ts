/**
 * From fault to recovery: the moments that a trial's Observation holds, as durations in cycles. The guest names its own
 * by nooks_event (nooks/include/nooks/event.h); the others were seen from outside.
 */
import type { GuestEvent, Observation } from '../model.ts';

/** nooks/include/nooks/trigger.h, by number: the detail of FAILED. */
export const TRIGGERS = [
  'exception',
  'stack',
  'argument',
  'context',
  'panic',
  'memory',
  'objects',
  'timers',
  'queue',
  'time',
  'irq-off',
  'storm',
  'heartbeat',
  'user',
  'agent',
] as const;

/** Names of durations, in the order of time. */
export const PHASES = [
  'injection → first execution',
  'first execution → first error',
  'first error → first failure',
  'first failure → detection',
  'detection → manager',
  'manager → unwound',
  'unwound → released',
  'released → unloaded',
  'unloaded → loaded',
  'loaded → restored',
  'restored → recovered',
  // The sums that have names of their own.
  'first execution → detection',
  'first error → detection',
  'detection → recovered',
] as const;
export type Phase = (typeof PHASES)[number];

/** The guest's milestones of one recovery, each with the phase that it ends. */
const STAGES: readonly { event: string; phase: Phase }[] = [
  { event: 'BEGIN', phase: 'detection → manager' },
  { event: 'UNWOUND', phase: 'manager → unwound' },
  { event: 'RELEASED', phase: 'unwound → released' },
  { event: 'UNLOADED', phase: 'released → unloaded' },
  { event: 'LOADED', phase: 'unloaded → loaded' },
  { event: 'RESTORED', phase: 'loaded → restored' },
  { event: 'RECOVERED', phase: 'restored → recovered' },
];

export interface Recovery {
  trigger: string;
  failedAt: number;
  /** Null: the trial ended first, the manager gave up, or it failed again on the way. */
  recoveredAt: number | null;
  gaveUp: boolean;
  /** Cycles of each phase whose two ends were seen. */
  phases: [Phase, number][];
}

export interface Timeline {
  /** First execution of any of the faults; null = none was executed. */
  executedAt: number | null;
  detectedAt: number | null;
  /** Of the whole trial, up to the first detection. */
  before: [Phase, number][];
  recoveries: Recovery[];
  /** Cycles without service, from the first failure (or detection) to the event RECOVERED, over all that ended. */
  outage: number;
}

export function triggerName(detail: number): string {
  return TRIGGERS[detail] ?? `number ${detail}`;
}

export function firstExecution(o: Observation): { at: number; fault: number } | null {
  let first: { at: number; fault: number } | null = null;
  o.executedAt.forEach((at, fault) => {
    if (at !== null && (first === null || at < first.at)) first = { at, fault };
  });
  return first;
}

export function timelineOf(o: Observation): Timeline {
  const recoveries = recoveriesOf(o.events.filter(e => e.at >= o.injectedAt));
  const executedAt = firstExecution(o)?.at ?? null;
  const detectedAt = recoveries.length ? recoveries[0].failedAt : null;
  const before: [Phase, number][] = [];
  const between = (phase: Phase, from: number | null, to: number | null) => {
    if (from !== null && to !== null && to >= from) before.push([phase, to - from]);
  };
  between('injection → first execution', o.injectedAt, executedAt);
  between('first execution → first error', executedAt, o.firstErrorAt);
  between('first error → first failure', o.firstErrorAt, o.firstFailureAt);
  between('first failure → detection', o.firstFailureAt, detectedAt);
  between('first execution → detection', executedAt, detectedAt);
  between('first error → detection', o.firstErrorAt, detectedAt);
  return { executedAt, detectedAt, before, recoveries, outage: outageOf(o, recoveries) };
}

/** A failure during a recovery, which has no RECOVERED of its own, begins no new outage: the next RECOVERED ends both. */
function outageOf(o: Observation, recoveries: readonly Recovery[]): number {
  let sum = 0;
  let since: number | null = null;
  recoveries.forEach((r, n) => {
    const seen = n === 0 && o.firstFailureAt !== null ? Math.min(o.firstFailureAt, r.failedAt) : r.failedAt;
    since ??= seen;
    if (r.recoveredAt === null) return;
    sum += r.recoveredAt - since;
    since = null;
  });
  return sum;
}

/** One for each FAILED; an extension's later events belong to its last one. */
function recoveriesOf(events: readonly GuestEvent[]): Recovery[] {
  const all: Recovery[] = [];
  const open = new Map<string, { recovery: Recovery; last: number; stage: number }>();
  for (const e of events) {
    const kind = e.event.toUpperCase();
    if (kind === 'FAILED') {
      const recovery: Recovery = {
        trigger: triggerName(e.detail),
        failedAt: e.at,
        recoveredAt: null,
        gaveUp: false,
        phases: [],
      };
      all.push(recovery);
      open.set(e.extension, { recovery, last: e.at, stage: -1 });
      continue;
    }
    const current = open.get(e.extension);
    if (!current) continue;
    const { recovery } = current;
    const stage = STAGES.findIndex(s => s.event === kind);
    // A stage left out (a policy without it) leaves its neighbours' phases unknown, not longer.
    if (stage === current.stage + 1) recovery.phases.push([STAGES[stage].phase, e.at - current.last]);
    if (stage >= 0) Object.assign(current, { last: e.at, stage });
    if (kind === 'RECOVERED') {
      recovery.recoveredAt = e.at;
      recovery.phases.push(['detection → recovered', e.at - recovery.failedAt]);
    }
    if (kind === 'GAVE_UP') recovery.gaveUp = true;
    if (kind === 'RECOVERED' || kind === 'GAVE_UP') open.delete(e.extension);
  }
  return all;
}
