/**
 * What the guest says of failures and recoveries: calls of the empty function nooks_event, whose arguments the host
 * reads off the stack (nooks/include/nooks/event.h). Costs the guest nothing that it would not pay without a host.
 */
import type { Session } from '../guest/session.ts';
import type { GuestEvent } from './model.ts';

/** In the order of the enum. */
const EVENTS = [
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
const ENDS: readonly string[] = ['RECOVERED', 'GAVE_UP'];
const NAME_LENGTH = 28;
const ESP = 4;
/** Kept, so that a storm of recoveries does not fill the record. */
const MOST = 1000;

export class GuestEvents {
  readonly list: GuestEvent[] = [];
  private readonly session: Session;
  private readonly remove: () => void;
  private readonly open = new Set<string>();

  constructor(session: Session) {
    this.session = session;
    const { engine } = session.machine;
    this.remove = engine.addHook(session.address('nooks_event'), () => this.take());
  }

  /** A failure was detected, and its recovery has not ended. */
  get underWay(): boolean {
    return this.open.size > 0;
  }

  /** As after construction. */
  clear(): void {
    this.list.length = 0;
    this.open.clear();
  }

  dispose(): void {
    this.remove();
  }

  private take(): void {
    const { machine } = this.session;
    const argument = (n: number) => machine.peek32((machine.cpu.r32[ESP] + 4 * n) | 0);
    const kind = argument(1);
    const event = EVENTS[kind] ?? `EVENT_${kind}`;
    const extension = this.session.readString(argument(2) | 0, NAME_LENGTH);
    if (event === 'FAILED') this.open.add(extension);
    else if (ENDS.includes(event)) this.open.delete(extension);
    if (this.list.length < MOST)
      this.list.push({ at: machine.cycles(), event, extension, detail: argument(3) });
  }
}
