/**
 * The machine's only clock and its event queue.
 *
 * Time is an integer count of ticks, four to a cycle of the CPU (a Pentium 4 adds in half a cycle), kept as a
 * double in the machine's state memory: exact up to 2^53 ticks, about 15 days at 1.7 GHz. Only the accounting
 * moves it (see emu/accounting.ts). An event is registered once, at construction, and has at most one deadline;
 * so the whole queue is one array of numbers, and a snapshot of it is a copy. Events due at the same tick run in
 * the order of their registration.
 */

export const TICKS_PER_CYCLE = 4;

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY;

/** What an event gets when it is due; `now` is the exact time in ticks, at or after its deadline. */
export type EventHandler = (now: number) => void;

export class Clock {
  /** Ticks in one second of guest time. */
  readonly ticksPerSecond: number;
  private readonly time: Float64Array;
  private readonly handlers: EventHandler[] = [];
  private readonly names: string[] = [];
  private deadlines: number[] = [];
  private nextDeadline = NEVER;

  /** `hz` is the CPU's clock in Hz; `time` a one-element array that holds the ticks (in the state memory). */
  constructor(hz: number, time: Float64Array = new Float64Array(1)) {
    this.ticksPerSecond = hz * TICKS_PER_CYCLE;
    this.time = time;
  }

  /** Exact time in ticks since reset. */
  now(): number {
    return this.time[0];
  }

  /** Ticks of `seconds` of guest time, rounded up to whole ticks. */
  ticksOf(seconds: number): number {
    return Math.ceil(seconds * this.ticksPerSecond);
  }

  /** Declares an event; call once for each, in the device's constructor. Returns its id. */
  register(name: string, handler: EventHandler): number {
    this.handlers.push(handler);
    this.names.push(name);
    this.deadlines.push(NEVER);
    return this.handlers.length - 1;
  }

  /** Sets the event's only deadline to tick `at` (a past tick means: at the next head). */
  schedule(id: number, at: number): void {
    this.deadlines[id] = at;
    this.recompute();
  }

  cancel(id: number): void {
    this.schedule(id, NEVER);
  }

  /** The event's deadline in ticks, or NEVER. */
  deadline(id: number): number {
    return this.deadlines[id];
  }

  /** The earliest deadline in ticks, or NEVER. */
  next(): number {
    return this.nextDeadline;
  }

  /** Runs every event that is due now, earliest deadline first. */
  runDue(): void {
    const now = this.time[0];
    while (this.nextDeadline <= now) {
      let due = 0;
      for (let i = 1; i < this.deadlines.length; i++) if (this.deadlines[i] < this.deadlines[due]) due = i;
      this.deadlines[due] = NEVER;
      this.recompute();
      this.handlers[due](now);
    }
  }

  /** Names and deadlines of what is pending, for the debugger. */
  pending(): { name: string; at: number }[] {
    return this.names
      .map((name, i) => ({ name, at: this.deadlines[i] }))
      .filter(e => e.at !== NEVER)
      .sort((a, b) => a.at - b.at);
  }

  save(): number[] {
    return this.deadlines.slice();
  }

  load(deadlines: number[]): void {
    if (deadlines.length !== this.handlers.length)
      throw new Error('snapshot of another machine: events differ');
    this.deadlines = deadlines.slice();
    this.recompute();
  }

  private recompute(): void {
    let next = NEVER;
    for (const d of this.deadlines) if (d < next) next = d;
    this.nextDeadline = next;
  }
}
