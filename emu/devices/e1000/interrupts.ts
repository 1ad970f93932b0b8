/**
 * Interrupt causes, masks and throttling (manual 3.5 and 13.4.17 to 13.4.21), and the delay timers of both
 * directions (3.2.7, 3.4.3).
 *
 * INTA is a level: high while ICR & IMS is not 0 and the throttle has let it rise. ITR counts 256 ns units from one
 * assertion to the next possible one; 0 turns it off. Reading ICR clears it, so does writing ones to it.
 */

import type { IrqLine } from '../../bus.ts';
import { type Clock, NEVER } from '../../clock.ts';
import { CAUSE_MASK, REG, type RegisterFile, type RegisterRow } from './registers.ts';

export class Interrupts {
  private readonly clock: Clock;
  private readonly registers: RegisterFile;
  private readonly irq: IrqLine;
  private readonly throttle: number;
  private asserted = false;
  private lastAssertion = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, name: string, registers: RegisterFile, irq: IrqLine) {
    this.clock = clock;
    this.registers = registers;
    this.irq = irq;
    this.throttle = clock.register(`${name} ITR`, now => this.update(now));
  }

  rows(): RegisterRow[] {
    return [
      { at: REG.ICR, name: 'ICR', read: () => this.takeCauses(), put: value => this.clear(value) },
      { at: REG.ITR, name: 'ITR', writable: 0xffff, wrote: () => this.update(this.clock.now()) },
      { at: REG.ICS, name: 'ICS', read: () => 0, put: value => this.raise(value) },
      { at: REG.IMS, name: 'IMS', put: value => this.mask(this.registers.get(REG.IMS) | value) },
      {
        at: REG.IMC,
        name: 'IMC',
        read: () => 0,
        put: value => this.mask(this.registers.get(REG.IMS) & ~value),
      },
    ];
  }

  /** Sets bits of ICR. */
  raise(causes: number): void {
    this.registers.set(REG.ICR, (this.registers.get(REG.ICR) | causes) & CAUSE_MASK);
    this.update(this.clock.now());
  }

  /** After the registers were reset. */
  reset(): void {
    this.lastAssertion = Number.NEGATIVE_INFINITY;
    this.update(this.clock.now());
  }

  save(): unknown {
    return {
      asserted: this.asserted,
      lastAssertion: this.lastAssertion === Number.NEGATIVE_INFINITY ? null : this.lastAssertion,
    };
  }

  load(state: unknown): void {
    const saved = state as { asserted: boolean; lastAssertion: number | null };
    this.asserted = saved.asserted;
    this.lastAssertion = saved.lastAssertion ?? Number.NEGATIVE_INFINITY;
  }

  private takeCauses(): number {
    const causes = this.registers.get(REG.ICR);
    this.registers.set(REG.ICR, 0);
    this.update(this.clock.now());
    return causes;
  }

  private clear(causes: number): void {
    this.registers.set(REG.ICR, this.registers.get(REG.ICR) & ~causes);
    this.update(this.clock.now());
  }

  private mask(value: number): void {
    this.registers.set(REG.IMS, value & CAUSE_MASK);
    this.update(this.clock.now());
  }

  /** Brings the line in step with causes, masks and throttle. */
  private update(now: number): void {
    const pending = (this.registers.get(REG.ICR) & this.registers.get(REG.IMS)) !== 0;
    if (!pending) {
      this.clock.cancel(this.throttle);
      if (this.asserted) this.irq.set(false);
      this.asserted = false;
      return;
    }
    if (this.asserted) return;
    const allowedAt = this.lastAssertion + this.interval();
    this.clock.schedule(this.throttle, now < allowedAt ? allowedAt : NEVER);
    if (now < allowedAt) return;
    this.asserted = true;
    this.lastAssertion = now;
    this.irq.set(true);
  }

  private interval(): number {
    return Math.ceil((this.registers.get(REG.ITR) * 256 * this.clock.ticksPerSecond) / 1e9);
  }
}

/**
 * A packet timer that each packet restarts, under an absolute timer that only the first starts. Units are
 * 1.024 microseconds. With a packet delay of 0 the interrupt comes at once; an absolute delay of 0 is off.
 */
export class DelayTimer {
  private readonly clock: Clock;
  private readonly event: number;
  private absolute = NEVER;

  constructor(clock: Clock, name: string, expired: () => void) {
    this.clock = clock;
    this.event = clock.register(name, () => {
      this.absolute = NEVER;
      expired();
    });
  }

  /** A packet is done at tick `now`. Returns true when its interrupt shall not wait. */
  packet(now: number, packetDelay: number, absoluteDelay: number): boolean {
    if (packetDelay === 0) return true;
    if (this.absolute === NEVER && absoluteDelay !== 0) this.absolute = now + this.ticks(absoluteDelay);
    this.clock.schedule(this.event, Math.min(this.absolute, now + this.ticks(packetDelay)));
    return false;
  }

  /** The interrupt has come by another way. */
  stop(): void {
    this.absolute = NEVER;
    this.clock.cancel(this.event);
  }

  save(): number | null {
    return this.absolute === NEVER ? null : this.absolute;
  }

  load(state: unknown): void {
    this.absolute = (state as number | null) ?? NEVER;
  }

  private ticks(units: number): number {
    return Math.ceil((units * 1024 * this.clock.ticksPerSecond) / 1e9);
  }
}
