/**
 * The local vector table: what the local APIC's own sources raise, and how, with the levels of the pins LINT0 and LINT1
 * that two of its entries describe (SDM vol. 3, 10.5.1; 8.5.1 of the 2003 edition). Entries are numbered in the order
 * of their addresses. What becomes of an interrupt is local-apic.ts's affair.
 */
import { DELIVERY } from './message.ts';

export const LVT = { timer: 0, thermal: 1, performance: 2, lint0: 3, lint1: 4, error: 5 } as const;

export const LVT_MODE_SHIFT = 8;
/** LINT0 and LINT1: the pin is active low; a level was accepted and awaits its EOI; level-triggered. */
const LVT_LOW = 1 << 13;
const LVT_REMOTE_IRR = 1 << 14;
const LVT_LEVEL = 1 << 15;
const LVT_MASKED = 1 << 16;
export const LVT_PERIODIC = 1 << 17;

const VECTOR = 0xff;
const MODE = 7 << LVT_MODE_SHIFT;
const LINT = VECTOR | MODE | LVT_LOW | LVT_LEVEL | LVT_MASKED;

/** The bits of each entry that software writes. Delivery is at once, so delivery status (bit 12) is always idle. */
const LVT_WRITABLE: readonly number[] = [
  VECTOR | LVT_MASKED | LVT_PERIODIC,
  VECTOR | MODE | LVT_MASKED,
  VECTOR | MODE | LVT_MASKED,
  LINT,
  LINT,
  VECTOR | LVT_MASKED,
];

export interface LvtState {
  entries: number[];
  pins: boolean[];
}

export class LocalVectorTable {
  private readonly entries: number[] = LVT_WRITABLE.map(() => LVT_MASKED);
  private readonly pins = [false, false];

  /** Reset: all is masked. The pins are the board's. */
  clear(): void {
    this.entries.fill(LVT_MASKED);
  }

  /** Software disabled the APIC. */
  maskAll(): void {
    for (let n = 0; n < this.entries.length; n++) this.entries[n] |= LVT_MASKED;
  }

  read(entry: number): number {
    return this.entries[entry];
  }

  /** While software has the APIC disabled (`masked`), an entry cannot be unmasked. */
  write(entry: number, value: number, masked: boolean): void {
    const kept = this.entries[entry] & LVT_REMOTE_IRR;
    this.entries[entry] = (value & LVT_WRITABLE[entry]) | kept | (masked ? LVT_MASKED : 0);
    if (!this.isLevel(entry)) this.setRemoteIrr(entry, false);
  }

  vector(entry: number): number {
    return this.entries[entry] & VECTOR;
  }

  /** Timer and error entries have no mode: theirs reads 0, fixed. */
  mode(entry: number): number {
    return (this.entries[entry] & MODE) >> LVT_MODE_SHIFT;
  }

  isMasked(entry: number): boolean {
    return (this.entries[entry] & LVT_MASKED) !== 0;
  }

  /** Whether the entry lets a source through, in this mode. */
  delivers(entry: number, mode: number): boolean {
    return !this.isMasked(entry) && this.mode(entry) === mode;
  }

  /** The new level of pin LINT`n`; false if it is the old one. */
  setPin(n: number, level: boolean): boolean {
    if (this.pins[n] === level) return false;
    this.pins[n] = level;
    return true;
  }

  /** Is the pin of this entry, LINT0's or LINT1's, at the level that asks? */
  isActive(entry: number): boolean {
    return this.pins[entry - LVT.lint0] !== ((this.entries[entry] & LVT_LOW) !== 0);
  }

  /** Only fixed interrupts can be level-triggered; the other modes have a trigger of their own. */
  isLevel(entry: number): boolean {
    return (this.entries[entry] & LVT_LEVEL) !== 0 && this.mode(entry) === DELIVERY.fixed;
  }

  /** A level-triggered pin that is active asks again until remote IRR is set. */
  asks(entry: number): boolean {
    if (this.entries[entry] & (LVT_MASKED | LVT_REMOTE_IRR)) return false;
    return this.isLevel(entry) && this.isActive(entry);
  }

  setRemoteIrr(entry: number, on: boolean): void {
    if (on) this.entries[entry] |= LVT_REMOTE_IRR;
    else this.entries[entry] &= ~LVT_REMOTE_IRR;
  }

  save(): LvtState {
    return { entries: this.entries.slice(), pins: this.pins.slice() };
  }

  load(s: LvtState): void {
    this.entries.splice(0, this.entries.length, ...s.entries);
    [this.pins[0], this.pins[1]] = s.pins;
  }
}
