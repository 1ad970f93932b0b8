/**
 * One counter of an 8254, as a function of the number of its clock pulse.
 *
 * Intel 8254 data sheet (order number 231164), "Mode definitions". Nothing happens between accesses: a counter knows
 * the pulse at which its counting element was loaded, and its value and output at any later pulse follow from
 * that by arithmetic. A write between pulses n and n + 1 takes effect at n + 1, OUT's forced levels at once.
 * Pulses passed to the methods never go back.
 *
 * A count of 1 in modes 2 and 3 is illegal by the data sheet; here OUT then stays high.
 */

/** Control word: the six low bits, which the status byte returns. */
const CONTROL_BCD = 1 << 0;
const CONTROL_RW_LSB = 1 << 4; // least significant byte
const CONTROL_RW_MSB = 2 << 4; // most significant byte
const CONTROL_RW = CONTROL_RW_LSB | CONTROL_RW_MSB;
const CONTROL_KEPT = 0x3f;
/** Status byte of the read-back command, over the control word. */
const STATUS_OUT = 1 << 7; // level of the OUT pin
const STATUS_NULL_COUNT = 1 << 6; // the written count is not yet in the counting element

/** No pulse, no latched value, not held. */
const NONE = -1;

type Mode = 0 | 1 | 2 | 3 | 4 | 5;
const INTERRUPT_ON_TERMINAL_COUNT = 0;
const ONE_SHOT = 1;
const RATE_GENERATOR = 2;
const SQUARE_WAVE = 3;
const SOFTWARE_STROBE = 4;

export interface PitCounterState {
  /** The latest pulse that has been asked about. */
  at: number;
  control: number;
  gate: boolean;
  /** Count register, as written (binary or BCD digits), and whether it is complete since the control word. */
  count: number;
  complete: boolean;
  nullCount: boolean;
  /** With RW = both: the low byte that waits for its high one, or NONE; and whether the next read is the high one. */
  lowByte: number;
  readHigh: boolean;
  /** Pulse at which the count register goes into the counting element; whether because a period or half ends. */
  loadAt: number;
  loadAtEnd: boolean;
  /** Whether OUT's low half begins with that load. */
  loadLow: boolean;
  /** The counting element: its initial value (1..65536) and the pulse of its load; pulses counted if the gate holds. */
  counting: boolean;
  initial: number;
  base: number;
  held: number;
  /** Value of an element that does not count. */
  idle: number;
  /** In the strobe modes: the pulse at which OUT is low. */
  strobeAt: number;
  latchedCount: number;
  latchedStatus: number;
}

function fromBcd(digits: number): number {
  return (digits >> 12) * 1000 + ((digits >> 8) & 15) * 100 + ((digits >> 4) & 15) * 10 + (digits & 15);
}

function toBcd(value: number): number {
  const digit = (weight: number): number => Math.floor(value / weight) % 10;
  return (digit(1000) << 12) | (digit(100) << 8) | (digit(10) << 4) | digit(1);
}

export class PitCounter {
  private s: PitCounterState;

  constructor(gate: boolean) {
    this.s = {
      at: 0,
      control: CONTROL_RW,
      gate,
      count: 0,
      complete: false,
      nullCount: true,
      lowByte: NONE,
      readHigh: false,
      loadAt: NONE,
      loadAtEnd: false,
      loadLow: false,
      counting: false,
      initial: 0x10000,
      base: 0,
      held: NONE,
      idle: 0,
      strobeAt: NONE,
      latchedCount: NONE,
      latchedStatus: NONE,
    };
  }

  /** Control word for this counter (bits 7 and 6 are ignored); stops it until a count is written. */
  writeControl(value: number, pulse: number): void {
    const s = this.sync(pulse);
    s.idle = this.value();
    s.control = value & CONTROL_KEPT;
    s.complete = false;
    s.nullCount = true;
    s.lowByte = NONE;
    s.readHigh = false;
    s.loadAt = NONE;
    s.strobeAt = NONE;
    s.counting = false;
    s.held = NONE;
    s.latchedCount = NONE;
    s.latchedStatus = NONE;
  }

  /** A byte of the count, by the control word's RW. */
  writeCount(byte: number, pulse: number): void {
    const s = this.sync(pulse);
    switch (s.control & CONTROL_RW) {
      case CONTROL_RW_LSB:
        s.count = byte;
        break;
      case CONTROL_RW_MSB:
        s.count = byte << 8;
        break;
      default:
        if (s.lowByte === NONE) {
          this.writeLow(byte);
          return;
        }
        s.count = s.lowByte | (byte << 8);
        s.lowByte = NONE;
    }
    s.complete = true;
    s.nullCount = true;
    this.planLoad();
  }

  /** The GATE pin. */
  setGate(level: boolean, pulse: number): void {
    const s = this.sync(pulse);
    if (level === s.gate) return;
    s.gate = level;
    if (level) this.gateRises();
    else this.gateFalls();
  }

  /** Next byte of a latched status, a latched count or the live count, in that order. */
  readCount(pulse: number): number {
    const s = this.sync(pulse);
    if (s.latchedStatus !== NONE) {
      const status = s.latchedStatus;
      s.latchedStatus = NONE;
      return status;
    }
    const value = s.latchedCount !== NONE ? s.latchedCount : this.digits();
    const rw = s.control & CONTROL_RW;
    const high = rw === CONTROL_RW_MSB || (rw === CONTROL_RW && s.readHigh);
    if (rw === CONTROL_RW) s.readHigh = !s.readHigh;
    if (!s.readHigh) s.latchedCount = NONE;
    return (high ? value >> 8 : value) & 0xff;
  }

  /** Counter latch command; the second before a read is ignored. */
  latchCount(pulse: number): void {
    const s = this.sync(pulse);
    if (s.latchedCount === NONE) s.latchedCount = this.digits();
  }

  latchStatus(pulse: number): void {
    const s = this.sync(pulse);
    if (s.latchedStatus !== NONE) return;
    s.latchedStatus = (this.out() ? STATUS_OUT : 0) | (s.nullCount ? STATUS_NULL_COUNT : 0) | s.control;
  }

  /** The OUT pin. */
  output(pulse: number): boolean {
    this.sync(pulse);
    return this.out();
  }

  /** Whole periods since the load, in the periodic modes. */
  periods(pulse: number): number {
    const s = this.sync(pulse);
    if (!s.counting || s.held !== NONE || !this.periodic()) return 0;
    return Math.floor((s.at - s.base) / s.initial);
  }

  /** The next pulse, after the latest asked about, at which OUT may change by itself; Infinity if none. */
  nextChange(): number {
    const s = this.s;
    const change = s.counting ? this.changeAfter(s.at) : Number.POSITIVE_INFINITY;
    return s.loadAt !== NONE && s.loadAt <= change ? s.loadAt : change;
  }

  save(): PitCounterState {
    return { ...this.s };
  }

  load(state: PitCounterState): void {
    this.s = { ...state };
  }

  private mode(): Mode {
    const bits = (this.s.control >> 1) & 7;
    return (bits > 5 ? bits & 3 : bits) as Mode;
  }

  private periodic(): boolean {
    const mode = this.mode();
    return mode === RATE_GENERATOR || mode === SQUARE_WAVE;
  }

  /** In modes 1 and 5 the gate only triggers; in the others its low level holds the count. */
  private gateTriggersOnly(): boolean {
    const mode = this.mode();
    return mode !== INTERRUPT_ON_TERMINAL_COUNT && mode !== SOFTWARE_STROBE && !this.periodic();
  }

  private sync(pulse: number): PitCounterState {
    const s = this.s;
    if (s.loadAt !== NONE && s.loadAt <= pulse) this.loadElement();
    if (pulse > s.at) s.at = pulse;
    return s;
  }

  /** First of two bytes: it waits for the second, and in mode 0 stops the count with OUT low. */
  private writeLow(byte: number): void {
    const s = this.s;
    s.lowByte = byte;
    if (this.mode() !== INTERRUPT_ON_TERMINAL_COUNT) return;
    s.idle = this.value();
    s.counting = false;
    s.held = NONE;
    s.loadAt = NONE;
  }

  /** When a complete count goes into the counting element: at once, at a period's end, or at a trigger. */
  private planLoad(): void {
    const s = this.s;
    if (this.gateTriggersOnly()) return;
    if (this.periodic() && s.counting) {
      if (s.held !== NONE || s.loadAt !== NONE) return;
      const phase = (s.at - s.base) % s.initial;
      const half = Math.ceil(s.initial / 2);
      s.loadLow = this.mode() === SQUARE_WAVE && phase < half;
      s.loadAt = s.at - phase + (s.loadLow ? half : s.initial);
      s.loadAtEnd = true;
    } else this.loadNext();
  }

  private loadNext(): void {
    this.s.loadAt = this.s.at + 1;
    this.s.loadAtEnd = false;
    this.s.loadLow = false;
  }

  private gateRises(): void {
    const s = this.s;
    if (this.periodic() || this.gateTriggersOnly()) {
      if (s.complete) this.loadNext();
    } else if (s.held !== NONE) {
      s.base = s.at - s.held;
      if (s.held < s.initial) s.strobeAt = s.base + s.initial;
      s.held = NONE;
    }
  }

  private gateFalls(): void {
    const s = this.s;
    if (this.gateTriggersOnly()) return;
    if (s.counting && s.held === NONE) s.held = s.at - s.base;
    // A strobe that has begun still ends with the next pulse.
    if (s.strobeAt > s.at) s.strobeAt = NONE;
    if (s.loadAt !== NONE && s.loadAtEnd) s.loadAt = NONE;
  }

  /** Count register into counting element, at pulse `loadAt`. */
  private loadElement(): void {
    const s = this.s;
    const written = s.control & CONTROL_BCD ? fromBcd(s.count) : s.count;
    s.initial = written === 0 ? this.modulus() : written;
    s.base = s.loadLow ? s.loadAt - Math.ceil(s.initial / 2) : s.loadAt;
    s.held = s.gate || this.gateTriggersOnly() ? NONE : 0;
    s.strobeAt = s.held === NONE ? s.base + s.initial : NONE;
    s.counting = true;
    s.nullCount = false;
    s.loadAt = NONE;
    s.loadLow = false;
  }

  private modulus(): number {
    return this.s.control & CONTROL_BCD ? 10_000 : 0x10000;
  }

  /** The count as the bus sees it, binary or BCD digits. */
  private digits(): number {
    return this.s.control & CONTROL_BCD ? toBcd(this.value()) : this.value();
  }

  /** The counting element now, below its modulus. */
  private value(): number {
    const s = this.s;
    if (!s.counting) return s.idle;
    const elapsed = s.held === NONE ? s.at - s.base : s.held;
    const modulus = this.modulus();
    const phase = elapsed % s.initial;
    switch (this.mode()) {
      case RATE_GENERATOR:
        return (s.initial - phase) % modulus;
      case SQUARE_WAVE: {
        // By twos, from an even number: an odd count is loaded less one and gives the high half one pulse more.
        const half = Math.ceil(s.initial / 2);
        const steps = phase < half ? phase : phase - half;
        return ((s.initial & ~1) - 2 * steps) % modulus;
      }
      default:
        return (modulus + ((s.initial - elapsed) % modulus)) % modulus;
    }
  }

  private out(): boolean {
    const s = this.s;
    const mode = this.mode();
    if (!s.counting) return mode !== INTERRUPT_ON_TERMINAL_COUNT;
    if (this.periodic() && (s.held !== NONE || !s.gate || s.initial === 1)) return true;
    const elapsed = s.held === NONE ? s.at - s.base : s.held;
    switch (mode) {
      case INTERRUPT_ON_TERMINAL_COUNT:
      case ONE_SHOT:
        return elapsed >= s.initial;
      case RATE_GENERATOR:
        return elapsed % s.initial !== s.initial - 1;
      case SQUARE_WAVE:
        return elapsed % s.initial < Math.ceil(s.initial / 2);
      default:
        return s.at !== s.strobeAt;
    }
  }

  /** The pulse after `pulse` at which the element as it is changes OUT; Infinity if never. */
  private changeAfter(pulse: number): number {
    const { initial, base, held, strobeAt } = this.s;
    if (this.mode() >= SOFTWARE_STROBE) {
      if (strobeAt > pulse) return strobeAt;
      return strobeAt === pulse ? pulse + 1 : Number.POSITIVE_INFINITY;
    }
    if (held !== NONE) return Number.POSITIVE_INFINITY;
    const elapsed = pulse - base;
    if (!this.periodic()) return elapsed < initial ? base + initial : Number.POSITIVE_INFINITY;
    if (initial === 1) return Number.POSITIVE_INFINITY;
    const phase = elapsed % initial;
    const fall = this.mode() === RATE_GENERATOR ? initial - 1 : Math.ceil(initial / 2);
    return pulse - phase + (phase < fall ? fall : initial);
  }
}
