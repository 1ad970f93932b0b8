/**
 * The interrupts that a local APIC has accepted: waiting in IRR, in service in ISR, with TMR for the level-triggered
 * ones; and the priorities that follow (SDM vol. 3, 10.8.3 and 10.8.4; 8.8.3 of the 2003 edition). The class of a
 * vector is its high four bits.
 */
import { VectorSet } from './vector-set.ts';

const CLASS = 0xf0;

export class Requests {
  /** Task priority register. */
  tpr = 0;
  private readonly irr = new VectorSet();
  private readonly isr = new VectorSet();
  private readonly tmr = new VectorSet();

  add(vector: number, level: boolean): void {
    this.irr.set(vector, true);
    this.tmr.set(vector, level);
  }

  /** Whether the highest vector that waits may interrupt: its class is above PPR's. */
  pending(): boolean {
    return this.irr.highest() >> 4 > this.processorPriority() >> 4;
  }

  /** Puts the highest waiting vector in service. */
  take(): number {
    const vector = this.irr.highest();
    this.irr.set(vector, false);
    this.isr.set(vector, true);
    return vector;
  }

  /** Ends the highest vector in service and returns it; -1 when there is none. */
  end(): number {
    const vector = this.isr.highest();
    if (vector >= 0) this.isr.set(vector, false);
    return vector;
  }

  isLevel(vector: number): boolean {
    return this.tmr.has(vector);
  }

  /** PPR. */
  processorPriority(): number {
    const serving = Math.max(0, this.isr.highest()) & CLASS;
    return (this.tpr & CLASS) >= serving ? this.tpr : serving;
  }

  /** APR. */
  arbitrationPriority(): number {
    const serving = Math.max(0, this.isr.highest()) & CLASS;
    const waiting = Math.max(0, this.irr.highest()) & CLASS;
    const task = this.tpr & CLASS;
    return task >= waiting && task > serving ? this.tpr : Math.max(task, serving, waiting);
  }

  /** Register `n` of 24: eight of ISR, of TMR, of IRR. */
  word(n: number): number {
    return this.sets()[n >> 3].word(n & 7);
  }

  clear(): void {
    this.tpr = 0;
    for (const set of this.sets()) set.clear();
  }

  save(): number[][] {
    return [[this.tpr], ...this.sets().map(set => set.save())];
  }

  load(state: number[][]): void {
    this.tpr = state[0][0];
    this.sets().forEach((set, n) => {
      set.load(state[n + 1]);
    });
  }

  private sets(): VectorSet[] {
    return [this.isr, this.tmr, this.irr];
  }
}
