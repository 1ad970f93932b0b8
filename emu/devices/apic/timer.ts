/**
 * The local APIC's timer: a 32-bit down counter on the processor's bus clock (SDM vol. 3, 10.5.4; 8.5.4 of the 2003
 * edition), one-shot or periodic, behind a divider. The count is computed from the clock whenever it is read.
 *
 * The divider starts with the count: a write of the initial count begins a whole period, and a new divide
 * configuration goes on from the present count with a whole division. Both are ours where the manual is silent. In
 * periodic mode the counter reloads when it reaches 0, so the period is the initial count.
 *
 * Left out: TSC-deadline mode, which is younger.
 */
import type { Clock } from '../../clock.ts';
import { Rate } from '../rate.ts';

const RESET_DIVIDE = 0;

export interface ApicTimerState {
  initial: number;
  divideConfiguration: number;
  periodic: boolean;
  from: number;
  start: number;
}

export class ApicTimer {
  private readonly clock: Clock;
  private readonly rate: Rate;
  private readonly event: number;
  private readonly onExpire: () => void;
  private initial = 0;
  private divideConfiguration = RESET_DIVIDE;
  private periodic = false;
  /** The count at bus clock `start`; 0 while the timer stands. */
  private from = 0;
  private start = 0;

  /** `busHz` in whole Hz. `onExpire` is called each time the count reaches 0, whether masked or not. */
  constructor(clock: Clock, busHz: number, onExpire: () => void) {
    this.clock = clock;
    this.rate = new Rate(clock, busHz);
    this.onExpire = onExpire;
    this.event = clock.register('local APIC timer', () => this.expire());
  }

  get initialCount(): number {
    return this.initial;
  }

  /** Starts a count; 0 stops it. */
  set initialCount(count: number) {
    this.initial = count;
    this.restart(count);
  }

  /** The divide configuration register: bits 3, 1 and 0. */
  get divide(): number {
    return this.divideConfiguration;
  }

  set divide(configuration: number) {
    const count = this.count();
    this.divideConfiguration = configuration & 0b1011;
    this.restart(count);
  }

  /** Takes effect when the running count is through. */
  setPeriodic(on: boolean): void {
    this.periodic = on;
  }

  /** The current count register, now. */
  count(): number {
    const passed = this.from === 0 ? 0 : Math.floor((this.rate.edge() - this.start) / this.divisor());
    if (passed < this.from) return this.from - passed;
    // Expired, but its event has not run yet.
    if (!this.periodic || this.from === 0 || this.initial === 0) return 0;
    return this.initial - ((passed - this.from) % this.initial);
  }

  reset(): void {
    this.initial = 0;
    this.divideConfiguration = RESET_DIVIDE;
    this.periodic = false;
    this.restart(0);
  }

  save(): ApicTimerState {
    const { initial, divideConfiguration, periodic, from, start } = this;
    return { initial, divideConfiguration, periodic, from, start };
  }

  /** The deadline comes with the clock's own state. */
  load(s: ApicTimerState): void {
    this.initial = s.initial;
    this.divideConfiguration = s.divideConfiguration;
    this.periodic = s.periodic;
    this.from = s.from;
    this.start = s.start;
  }

  /** 000 to 110 divide by 2 to 128, 111 by 1. */
  private divisor(): number {
    const d = this.divideConfiguration;
    const code = ((d >> 1) & 4) | (d & 3);
    return 1 << ((code + 1) & 7);
  }

  private restart(count: number): void {
    this.from = count;
    this.start = this.rate.edge();
    this.schedule();
  }

  private schedule(): void {
    if (this.from === 0) this.clock.cancel(this.event);
    else this.clock.schedule(this.event, this.rate.tickOf(this.start + this.from * this.divisor()));
  }

  private expire(): void {
    const end = this.start + this.from * this.divisor();
    this.from = 0;
    if (this.periodic && this.initial !== 0) {
      // Several periods that passed between two heads are one interrupt.
      const period = this.initial * this.divisor();
      this.start = end + Math.floor((this.rate.edge() - end) / period) * period;
      this.from = this.initial;
    }
    this.schedule();
    this.onExpire();
  }
}
