/** What the guest says of failures and recoveries (guest/nooks-events.ts), kept with its times. */
import { NOOKS_EVENT_FUNCTION, RECOVERY_ENDS, readNooksEvent } from '../guest/nooks-events.ts';
import type { Session } from '../guest/session.ts';
import type { GuestEvent } from './model.ts';

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
    this.remove = engine.addHook(session.address(NOOKS_EVENT_FUNCTION), () => this.take());
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
    const { event, extension, detail } = readNooksEvent(this.session);
    if (event === 'FAILED') this.open.add(extension);
    else if (RECOVERY_ENDS.includes(event)) this.open.delete(extension);
    if (this.list.length < MOST)
      this.list.push({ at: this.session.machine.cycles(), event, extension, detail });
  }
}
