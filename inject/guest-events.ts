/** What the guest said of failures and recoveries (guest/milestones.ts), kept. */
import { readMilestone } from '../guest/milestones.ts';
import type { Session } from '../guest/session.ts';
import type { GuestEvent } from './model.ts';

/** A recovery ends with one of these. */
const ENDS: readonly string[] = ['RECOVERED', 'GAVE_UP'];
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
    const { event, extension, detail } = readMilestone(this.session);
    if (event === 'FAILED') this.open.add(extension);
    else if (ENDS.includes(event)) this.open.delete(extension);
    if (this.list.length < MOST) this.list.push({ at: machine.cycles(), event, extension, detail });
  }
}
