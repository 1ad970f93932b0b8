/** What a plan may hold when it comes from a results file: checked before anything is done with it. */
import { z } from 'zod';
import type { TrialPlan } from '../model.ts';
import { FAULT_TYPE_NAMES } from './types.ts';

const uint32 = z.int().min(0).max(0xffff_ffff);
const byte = z.int().min(0).max(0xff);
const text = z.string().max(4096);
/** More faults, or bytes of one, than any plan has. */
const MAX_FAULTS = 1000;
const MAX_PATCH = 64;

const patchSchema = z.strictObject({
  offset: uint32,
  mask: byte,
  value: byte,
  flip: z.literal(true).optional(),
});

export const faultSchema = z.strictObject({
  type: z.enum(FAULT_TYPE_NAMES as [string, ...string[]]),
  section: text.optional(),
  offset: uint32.optional(),
  symbol: text.optional(),
  before: text.optional(),
  after: text.optional(),
  patch: z.array(patchSchema).max(MAX_PATCH).optional(),
  parameters: z.record(z.string().max(64), uint32).optional(),
});

export const planSchema = z.strictObject({
  driver: z.string().min(1).max(64),
  trial: z.int().min(0),
  seed: uint32,
  persistence: z.enum(['transient', 'deterministic']),
  delay: z.int().min(0),
  faults: z.array(faultSchema).max(MAX_FAULTS),
});

/** The plan in a piece of JSON, or a string that says in one line what is wrong with it. */
export function readPlan(json: string): TrialPlan | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return 'not JSON';
  }
  const result = planSchema.safeParse(value);
  if (result.success) return result.data as TrialPlan;
  const { path, message } = result.error.issues[0];
  return `${path.join('.') || 'plan'}: ${message}`;
}
