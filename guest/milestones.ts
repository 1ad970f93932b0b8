/**
 * What the guest says of failures and recoveries: calls of the empty function nooks_event, whose arguments the host
 * reads off the stack (nooks/include/nooks/event.h). Costs the guest nothing that it would not pay without a host.
 */
import type { Session } from './session.ts';

/** In the order of the enum. */
export const MILESTONES = [
  'FAILED',
  'BEGIN',
  'UNWOUND',
  'RELEASED',
  'UNLOADED',
  'LOADED',
  'RESTORED',
  'RECOVERED',
  'GAVE_UP',
  'SHADOW_ACTIVE',
  'SHADOW_PASSIVE',
] as const;

export interface Milestone {
  event: string;
  extension: string;
  detail: number;
}

const NAME_LENGTH = 28;
const ESP = 4;

/** The arguments of nooks_event, at its first instruction. */
export function readMilestone(session: Session): Milestone {
  const { machine } = session;
  const argument = (n: number) => machine.peek32((machine.cpu.r32[ESP] + 4 * n) | 0);
  const kind = argument(1);
  const event = MILESTONES[kind] ?? `EVENT_${kind}`;
  return { event, extension: session.readString(argument(2) | 0, NAME_LENGTH), detail: argument(3) };
}
