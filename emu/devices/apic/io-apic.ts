/**
 * The I/O APIC: Intel 82093AA (data sheet 290566), 24 pins, registers behind an index at FEC00000h.
 *
 * A pin's line is its electrical level, high for "asserted" by a device; an entry whose polarity is active low sees
 * the contrary. An edge on a masked pin is lost. A level is sent until it is accepted (remote IRR), and again after the
 * EOI of its vector while it lasts. A message that no processor takes stays pending (delivery status) for a
 * level, and is lost for an edge. Changing an entry to edge-triggered clears its remote IRR, as Linux relies on.
 *
 * IOREGSEL takes accesses of any size; IOWIN only dwords, and gives 0 to others. Left out: arbitration on the
 * serial bus, and the EOI register of later versions.
 */
import type { AccessSize, IrqLine, MmioHandler } from '../../bus.ts';
import { type ApicMessage, DELIVERY } from './message.ts';

export const IO_APIC_ADDRESS = 0xfec0_0000;
export const IO_APIC_VERSION = 0x11;
const PINS = 24;

const IOREGSEL = 0x00;
const IOWIN = 0x10;

/** Registers by index. */
const ID = 0x00;
const VERSION = 0x01;
const ARBITRATION = 0x02;
const TABLE = 0x10;

/** A redirection entry's low dword. */
const MODE_SHIFT = 8;
const LOGICAL = 1 << 11;
const PENDING = 1 << 12; // delivery status
const LOW = 1 << 13;
const REMOTE_IRR = 1 << 14;
const LEVEL = 1 << 15;
const MASKED = 1 << 16;
const WRITABLE = 0x1_afff;

export interface IoApicState {
  id: number;
  select: number;
  low: number[];
  high: number[];
  inputs: boolean[];
  levels: boolean[];
}

export class IoApic implements MmioHandler {
  private readonly send: (message: ApicMessage) => boolean;
  private id = 0;
  private select = 0;
  private readonly low: number[] = Array(PINS).fill(MASKED);
  private readonly high: number[] = Array(PINS).fill(0);
  /** Level of each pin. */
  private readonly levels: boolean[] = Array(PINS).fill(false);
  /** Level of each input handed out by `line`, and the pin it is wired to. */
  private inputs: boolean[] = [];
  private readonly wiring: number[] = [];

  /** `send` puts a message on the bus; false when nobody accepted it. */
  constructor(send: (message: ApicMessage) => boolean) {
    this.send = send;
  }

  /** A new input of a pin, 0 to 23. Inputs of the same pin are wired together: it is high while any of them is. */
  line(pin: number): IrqLine {
    if (!Number.isInteger(pin) || pin < 0 || pin >= PINS) throw new RangeError(`no I/O APIC pin ${pin}`);
    const input = this.inputs.push(false) - 1;
    this.wiring.push(pin);
    return {
      set: level => {
        if (this.inputs[input] === level) return;
        this.inputs[input] = level;
        this.setPin(pin, level || this.inputs.some((on, i) => on && this.wiring[i] === pin));
      },
    };
  }

  /** EOI of a level-triggered vector, from a local APIC. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < PINS; pin++) {
      if (!(this.low[pin] & REMOTE_IRR) || (this.low[pin] & 0xff) !== vector) continue;
      this.low[pin] &= ~REMOTE_IRR;
      this.offerLevel(pin);
    }
  }

  /** Sends again the levels that nobody took. */
  retry(): void {
    for (let pin = 0; pin < PINS; pin++) if (this.low[pin] & PENDING) this.offerLevel(pin);
  }

  /** Whether a pin could bring an NMI or INIT. */
  pinsMayWake(): boolean {
    return this.low.some(entry => {
      const mode = modeOf(entry);
      return !(entry & MASKED) && (mode === DELIVERY.nmi || mode === DELIVERY.init);
    });
  }

  reset(): void {
    this.id = this.select = 0;
    this.low.fill(MASKED);
    this.high.fill(0);
  }

  /** As a BIOS leaves it: with an ID that differs from the processor's (MP specification, 3.6.6). */
  setId(id: number): void {
    this.id = id & 0xf;
  }

  readMmio(offset: number, size: AccessSize): number {
    if (offset === IOREGSEL) return this.select;
    return offset === IOWIN && size === 4 ? this.read(this.select) : 0;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (offset === IOREGSEL) this.select = value & 0xff;
    else if (offset === IOWIN && size === 4) this.write(this.select, value);
  }

  private read(index: number): number {
    const entry = index - TABLE;
    if (entry >= 0 && entry < 2 * PINS) return (entry & 1 ? this.high : this.low)[entry >> 1] >>> 0;
    if (index === ID || index === ARBITRATION) return this.id << 24;
    return index === VERSION ? ((PINS - 1) << 16) | IO_APIC_VERSION : 0;
  }

  private write(index: number, value: number): void {
    const entry = index - TABLE;
    if (index === ID) this.setId(value >>> 24);
    if (entry < 0 || entry >= 2 * PINS) return;
    const pin = entry >> 1;
    if (entry & 1) this.high[pin] = (value & 0xff00_0000) >>> 0;
    else this.writeEntry(pin, value & WRITABLE);
    this.offerLevel(pin);
  }

  private writeEntry(pin: number, value: number): void {
    const kept = value & LEVEL ? this.low[pin] & REMOTE_IRR : 0;
    this.low[pin] = value | kept;
  }

  private setPin(pin: number, level: boolean): void {
    if (this.levels[pin] === level) return;
    this.levels[pin] = level;
    const entry = this.low[pin];
    if (isLevel(entry)) this.offerLevel(pin);
    else if (!(entry & MASKED) && this.isActive(pin)) this.send(this.message(pin));
  }

  private isActive(pin: number): boolean {
    return this.levels[pin] !== ((this.low[pin] & LOW) !== 0);
  }

  /** Sends a level-triggered pin's message if it is due, and keeps remote IRR and delivery status. */
  private offerLevel(pin: number): void {
    this.low[pin] &= ~PENDING;
    const entry = this.low[pin];
    if (!isLevel(entry) || entry & (MASKED | REMOTE_IRR) || !this.isActive(pin)) return;
    this.low[pin] |= this.send(this.message(pin)) ? REMOTE_IRR : PENDING;
  }

  private message(pin: number): ApicMessage {
    const entry = this.low[pin];
    return {
      destination: this.high[pin] >>> 24,
      logical: (entry & LOGICAL) !== 0,
      mode: modeOf(entry),
      vector: entry & 0xff,
      level: isLevel(entry),
    };
  }

  save(): IoApicState {
    return {
      id: this.id,
      select: this.select,
      low: this.low.slice(),
      high: this.high.slice(),
      inputs: this.inputs.slice(),
      levels: this.levels.slice(),
    };
  }

  load(s: IoApicState): void {
    if (s.inputs.length !== this.inputs.length)
      throw new Error('snapshot of another machine: I/O APIC lines differ');
    this.id = s.id;
    this.select = s.select;
    this.low.splice(0, PINS, ...s.low);
    this.high.splice(0, PINS, ...s.high);
    this.levels.splice(0, PINS, ...s.levels);
    this.inputs = s.inputs.slice();
  }
}

function modeOf(entry: number): number {
  return (entry >> MODE_SHIFT) & 7;
}

/** Only fixed and lowest-priority entries can be level-triggered; the others are edges, whatever bit 15 says. */
function isLevel(entry: number): boolean {
  return (entry & LEVEL) !== 0 && modeOf(entry) <= DELIVERY.lowestPriority;
}
