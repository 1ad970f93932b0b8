/**
 * Milestones of a failure and its recovery as the kernel tells them (nooks/include/nooks/event.h): calls of the empty
 * function nooks_event, whose arguments a host reads off the stack. Costs the guest nothing that it would not pay
 * without a host.
 */
import type { Session } from './session.ts';

/** In the order of the kernel's enum. */
export const NOOKS_EVENTS = [
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

/** A recovery ends with one of these. */
export const RECOVERY_ENDS: readonly string[] = ['RECOVERED', 'GAVE_UP'];

/** Its address is where to look. */
export const NOOKS_EVENT_FUNCTION = 'nooks_event';

export interface NooksEvent {
  /** A name of NOOKS_EVENTS, or `EVENT_` and a number that has none. */
  event: string;
  /** The extension's name. */
  extension: string;
  /** What it means depends on the event: a trigger, a policy's number, tasks. */
  detail: number;
}

const NAME_LENGTH = 28;
const ESP = 4;

/** The event that the guest tells now; for a hook at the entry of nooks_event. */
export function readNooksEvent(session: Session): NooksEvent {
  const { machine } = session;
  const argument = (n: number) => machine.peek32((machine.cpu.r32[ESP] + 4 * n) | 0);
  const kind = argument(1);
  return {
    event: NOOKS_EVENTS[kind] ?? `EVENT_${kind}`,
    extension: session.readString(argument(2) | 0, NAME_LENGTH),
    detail: argument(3),
  };
}
