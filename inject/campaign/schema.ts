/**
 * The shapes of what a results file holds as JSON, checked when it is read: a file may come from anywhere. The plan's
 * own shape is faults/schema.ts. What a shape does not name is kept: a replay needs it. The types are model.ts's; the compiler checks that both say the same.
 */
import { z } from 'zod';
import { planSchema } from '../faults/schema.ts';
import type { CampaignSettings, Observation, TrialPlan } from '../model.ts';
import { CampaignError } from './error.ts';
import { MAX_FAULTS, MAX_TRIALS } from './settings.ts';

const cycle = z.number().nonnegative();
const count = z.number().int().nonnegative();
/** The difference of two readings of what the guest may have ruined in between. */
const difference = z.number().int();

const GUEST_EVENT = z.looseObject({
  at: cycle,
  event: z.string(),
  extension: z.string(),
  detail: z.number(),
});

const WILD_WRITE = z.looseObject({
  at: cycle,
  eip: z.number(),
  where: z.string(),
  linear: z.number(),
  physical: z.number(),
  bytes: count,
  target: z.string(),
  by: z.enum(['driver code', 'domain', 'dma']),
  preventable: z.boolean(),
});

const APPLICATION = z.looseObject({
  name: z.string(),
  alive: z.boolean(),
  errors: difference,
  damaged: difference,
  duplicated: difference,
  done: difference,
  doneLately: difference,
  lost: difference,
  notes: z.array(z.string()),
});

export const OBSERVATION = z.looseObject({
  end: z.enum(['complete', 'panic', 'triple-fault', 'reset', 'halted', 'hang', 'early-exit', 'host-error']),
  lastLine: z.string(),
  injectedAt: cycle,
  endedAt: cycle,
  instructions: count,
  packets: count,
  executedAt: z.array(cycle.nullable()),
  notInjected: z.array(count),
  firstErrorAt: cycle.nullable(),
  firstFailureAt: cycle.nullable(),
  events: z.array(GUEST_EVENT),
  wildWrites: z.array(WILD_WRITE),
  wildWriteCount: count,
  corruptions: z.array(z.looseObject({ structure: z.string(), what: z.string() })),
  applications: z.array(APPLICATION),
  kernelAlive: z.boolean(),
  serviceAlive: z.boolean(),
  badPackets: count,
  console: z.array(z.string()),
}) satisfies z.ZodType<Observation>;

export const SETTINGS = z.looseObject({
  driver: z.string(),
  trials: count.min(1).max(MAX_TRIALS),
  faultsPerTrial: count.min(1).max(MAX_FAULTS),
  configurations: z
    .array(
      z.looseObject({
        isolation: z.enum(['none', 'nooks']),
        policy: z.enum(['panic', 'unload', 'restart', 'shadow', 'checkpoint', 'alternate']).nullable(),
      }),
    )
    .min(1),
  persistence: z.enum(['transient', 'deterministic']),
  distribution: z.enum(['uniform', 'field']),
  types: z.array(z.string()),
  seed: count,
  profile: z.string(),
  minimumPackets: count,
  minimumCycles: count,
  build: z.string(),
});

const TIMINGS = z.record(z.string(), z.number().nonnegative());

/** The value of a stored JSON text. Throws a CampaignError that begins with `what`. */
function parsed(schema: z.ZodType, text: unknown, what: string): unknown {
  try {
    return schema.parse(JSON.parse(String(text)));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const why = issue ? `${issue.path.join('.') || 'value'}: ${issue.message}` : 'no JSON';
    throw new CampaignError(`${what} cannot be read (${why})`);
  }
}

export const parseObservation = (text: unknown, what: string) =>
  parsed(OBSERVATION, text, what) as Observation;
export const parsePlan = (text: unknown, what: string) => parsed(planSchema, text, what) as TrialPlan;
export const parseSettings = (text: unknown, what: string) =>
  parsed(SETTINGS, text, what) as CampaignSettings;
export const parseTimings = (text: unknown, what: string) =>
  parsed(TIMINGS, text, what) as Record<string, number>;
