/**
 * The serial port: a 16550A with its FIFOs.
 *
 * National PC16550D data sheet (1995). A character takes its time: start, data, parity and stop bits at 1.8432 MHz
 * / (16 * divisor), sent from THR or the transmit FIFO and received at the same rate, so that a host that
 * injects a whole line does not overrun the guest faster than a real line would. The board ANDs INTR with
 * the OUT2 pin before it drives the IRQ (IBM PC/AT technical reference). The modem lines are in uart-modem.ts.
 *
 * A divisor of 0 is undefined by the data sheet and acts as 1. Left out: DMA mode (RXRDY, TXRDY pins), sending of
 * a break to the host, and the transmit interrupt's delay by one character in FIFO mode.
 */

import type { IrqLine, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';
import { Rate } from './rate.ts';
import { ModemLines, type ModemState } from './uart-modem.ts';

const CRYSTAL_HZ = 1_843_200;
const FIFO_SIZE = 16;
/** Characters of silence after which a FIFO below its trigger level interrupts. */
const TIMEOUT_CHARACTERS = 4;

/** Register offsets; DLAB puts the divisor latch over the first two. */
const DATA = 0; // receiver buffer (RBR), transmitter holding (THR), divisor latch low (DLL)
const INTERRUPT_ENABLE = 1; // IER, divisor latch high (DLM)
const INTERRUPT_IDENT = 2; // IIR; written: FIFO control (FCR)
const LINE_CONTROL = 3; // LCR
const MODEM_CONTROL = 4; // MCR
const LINE_STATUS = 5; // LSR
const MODEM_STATUS = 6; // MSR
const SCRATCH = 7; // SCR

/** IER. */
const IER_ERBFI = 1 << 0; // received data available
const IER_ETBEI = 1 << 1; // transmitter holding register empty
const IER_ELSI = 1 << 2; // receiver line status
const IER_EDSSI = 1 << 3; // modem status
/** IIR: which interrupt, highest priority first. */
const IIR_NONE = 0x01;
const IIR_LINE_STATUS = 0x06;
const IIR_DATA = 0x04;
const IIR_TIMEOUT = 0x0c;
const IIR_THR_EMPTY = 0x02;
const IIR_MODEM_STATUS = 0x00;
const IIR_FIFOS = 0xc0; // FIFOs enabled
/** FCR. */
const FCR_ENABLE = 1 << 0;
const FCR_RESET_RECEIVER = 1 << 1;
const FCR_RESET_TRANSMITTER = 1 << 2;
const FCR_KEPT = 0xc9;
const TRIGGER_LEVELS = [1, 4, 8, 14];
/** LCR. */
const LCR_STOP_BITS = 1 << 2; // two stop bits (one and a half with five data bits)
const LCR_PARITY = 1 << 3;
const LCR_DLAB = 1 << 7; // divisor latch access bit
/** LSR. */
const LSR_DR = 1 << 0; // data ready
const LSR_OE = 1 << 1; // overrun error
const LSR_PE = 1 << 2; // parity error
const LSR_FE = 1 << 3; // framing error
const LSR_BI = 1 << 4; // break
const LSR_THRE = 1 << 5; // transmitter holding register empty
const LSR_TEMT = 1 << 6; // transmitter empty
const LSR_FIFO_ERROR = 1 << 7;
const LSR_CHARACTER_ERRORS = LSR_PE | LSR_FE | LSR_BI;
const LSR_ERRORS = LSR_CHARACTER_ERRORS | LSR_OE;

/** 9600 baud, as a BIOS leaves it. */
const BIOS_DIVISOR = 12;
const NO_EDGE = -1;

export interface UartOptions {
  /** First of the eight ports: 0x3F8 is COM1. */
  base: number;
  irq: IrqLine;
  /** Gets each character when its last bit has left. */
  onTransmit?: (byte: number) => void;
  name?: string;
}

interface Registers {
  ier: number;
  fcr: number;
  lcr: number;
  scr: number;
  divisor: number;
  errors: number;
  thrEmptyPending: boolean;
  timeoutPending: boolean;
  /** Received characters, oldest first: the byte with its error bits from bit 8 up. */
  received: number[];
  /** The receiver buffer after it has been read. */
  lastReceived: number;
  /** THR or transmit FIFO, oldest first, and the shift register. */
  holding: number[];
  shifting: number;
  sendEnd: number;
  /** Characters on the wire towards us, and the crystal's edge at which the first has arrived. */
  wire: number[];
  wireEnd: number;
  timeoutEnd: number;
}

export interface UartState extends Registers {
  modem: ModemState;
}

export class Uart {
  private readonly options: UartOptions;
  private readonly clock: Clock;
  private readonly rate: Rate;
  private readonly sendEvent: number;
  private readonly wireEvent: number;
  private readonly timeoutEvent: number;
  private readonly modem = new ModemLines();
  private s: Registers;

  constructor(clock: Clock, options: UartOptions) {
    const name = options.name ?? 'uart';
    this.options = options;
    this.clock = clock;
    this.rate = new Rate(clock, CRYSTAL_HZ);
    this.sendEvent = clock.register(`${name} sent`, () => this.sent());
    this.wireEvent = clock.register(`${name} arrived`, () => this.arrived());
    this.timeoutEvent = clock.register(`${name} time-out`, () => this.timedOut());
    this.s = {
      ier: 0,
      fcr: 0,
      lcr: 0,
      scr: 0,
      divisor: BIOS_DIVISOR,
      errors: 0,
      thrEmptyPending: false,
      timeoutPending: false,
      received: [],
      lastReceived: 0,
      holding: [],
      shifting: NO_EDGE,
      sendEnd: 0,
      wire: [],
      wireEnd: NO_EDGE,
      timeoutEnd: NO_EDGE,
    };
  }

  ports(): PortRange[] {
    return [
      {
        first: this.options.base,
        count: 8,
        bus: 'isa',
        name: this.options.name ?? 'uart',
        handler: bytePorts(this),
      },
    ];
  }

  /**
   * The far end sends `byte` (0..255): it arrives one character time from now, or behind what is already on the
   * wire. `errors` are LSR bits that come with it (parity 0x04, framing 0x08, break 0x10).
   */
  receive(byte: number, errors = 0): void {
    this.s.wire.push((byte & 0xff) | ((errors & LSR_CHARACTER_ERRORS) << 8));
    if (this.s.wireEnd === NO_EDGE) this.startWire(this.rate.edge());
  }

  /** The far end's modem lines, as MSR bits 7..4 (DCD, RI, DSR, CTS). All but RI are up at reset. */
  setModem(levels: number): void {
    this.modem.setFar(levels);
    this.drive();
  }

  readByte(port: number): number {
    const divisorLatch = (this.s.lcr & LCR_DLAB) !== 0;
    switch (port - this.options.base) {
      case DATA:
        return divisorLatch ? this.s.divisor & 0xff : this.readData();
      case INTERRUPT_ENABLE:
        return divisorLatch ? this.s.divisor >> 8 : this.s.ier;
      case INTERRUPT_IDENT:
        return this.readInterruptIdent();
      case LINE_CONTROL:
        return this.s.lcr;
      case MODEM_CONTROL:
        return this.modem.control;
      case LINE_STATUS:
        return this.readLineStatus();
      case MODEM_STATUS:
        return this.readModemStatus();
      default:
        return this.s.scr;
    }
  }

  writeByte(port: number, value: number): void {
    const s = this.s;
    const divisorLatch = (s.lcr & LCR_DLAB) !== 0;
    switch (port - this.options.base) {
      case DATA:
        if (divisorLatch) s.divisor = (s.divisor & 0xff00) | value;
        else this.transmit(value);
        break;
      case INTERRUPT_ENABLE:
        if (divisorLatch) s.divisor = (s.divisor & 0xff) | (value << 8);
        else this.writeInterruptEnable(value & 0x0f);
        break;
      case INTERRUPT_IDENT:
        this.writeFifoControl(value);
        break;
      case LINE_CONTROL:
        s.lcr = value;
        break;
      case MODEM_CONTROL:
        this.modem.control = value;
        break;
      case SCRATCH:
        s.scr = value;
        break;
    }
    this.drive();
  }

  save(): UartState {
    return { ...copyOf(this.s), modem: this.modem.save() };
  }

  load(state: UartState): void {
    const { modem, ...registers } = state;
    this.s = copyOf(registers);
    this.modem.load(modem);
  }

  private fifos(): boolean {
    return (this.s.fcr & FCR_ENABLE) !== 0;
  }

  private dataBits(): number {
    return 5 + (this.s.lcr & 3);
  }

  /** One character on the line, in edges of the crystal (16 * divisor a bit; stop bits come in halves). */
  private characterTime(): number {
    const { lcr, divisor } = this.s;
    const halfStops = (lcr & LCR_STOP_BITS) === 0 ? 2 : this.dataBits() === 5 ? 3 : 4;
    const halfBits = 2 * (1 + this.dataBits() + (lcr & LCR_PARITY ? 1 : 0)) + halfStops;
    return 8 * (divisor || 1) * halfBits;
  }

  // Transmitter

  private transmit(value: number): void {
    const s = this.s;
    s.thrEmptyPending = false;
    // A full FIFO loses the character; a full holding register is overwritten.
    if (!this.fifos()) s.holding = [value];
    else if (s.holding.length < FIFO_SIZE) s.holding.push(value);
    if (s.shifting === NO_EDGE) this.shift(this.rate.edge());
  }

  /** Oldest waiting character into the shift register, at crystal edge `from`. */
  private shift(from: number): void {
    const s = this.s;
    s.shifting = s.holding.shift() ?? NO_EDGE;
    if (s.shifting === NO_EDGE) return;
    s.sendEnd = from + this.characterTime();
    this.clock.schedule(this.sendEvent, this.rate.tickOf(s.sendEnd));
    if (s.holding.length === 0) s.thrEmptyPending = true;
  }

  private sent(): void {
    const s = this.s;
    const byte = s.shifting & ((1 << this.dataBits()) - 1);
    this.shift(s.sendEnd);
    if (this.modem.looped) this.accept(byte);
    else this.options.onTransmit?.(byte);
    this.drive();
  }

  // Receiver

  private startWire(from: number): void {
    this.s.wireEnd = from + this.characterTime();
    this.clock.schedule(this.wireEvent, this.rate.tickOf(this.s.wireEnd));
  }

  private arrived(): void {
    const s = this.s;
    const character = s.wire.shift();
    const end = s.wireEnd;
    s.wireEnd = NO_EDGE;
    if (s.wire.length > 0) this.startWire(end);
    // In loopback the receiver is cut off from its pin.
    if (character !== undefined && !this.modem.looped) this.accept(character);
    this.drive();
  }

  /** A character is complete in the receiver's shift register. */
  private accept(character: number): void {
    const s = this.s;
    if (!this.fifos()) {
      if (s.received.length > 0) s.errors |= LSR_OE;
      s.received = [character];
      s.errors |= character >> 8;
    } else if (s.received.length === FIFO_SIZE) {
      s.errors |= LSR_OE;
    } else if (s.received.push(character) === 1) s.errors |= character >> 8;
    this.restartTimeout();
  }

  private readData(): number {
    const s = this.s;
    const character = s.received.shift();
    if (character === undefined) return s.lastReceived;
    s.lastReceived = character & 0xff;
    // The errors of the character that now comes to the top show themselves.
    if (s.received.length > 0) s.errors |= s.received[0] >> 8;
    s.timeoutPending = false;
    this.restartTimeout();
    this.drive();
    return s.lastReceived;
  }

  private restartTimeout(): void {
    const s = this.s;
    if (!this.fifos() || s.received.length === 0) {
      this.clock.cancel(this.timeoutEvent);
      s.timeoutEnd = NO_EDGE;
      return;
    }
    s.timeoutEnd = this.rate.edge() + TIMEOUT_CHARACTERS * this.characterTime();
    this.clock.schedule(this.timeoutEvent, this.rate.tickOf(s.timeoutEnd));
  }

  private timedOut(): void {
    this.s.timeoutEnd = NO_EDGE;
    this.s.timeoutPending = true;
    this.drive();
  }

  // Registers

  private writeInterruptEnable(value: number): void {
    const s = this.s;
    // Enabling it with an empty THR interrupts at once.
    if (value & ~s.ier & IER_ETBEI && s.holding.length === 0) s.thrEmptyPending = true;
    s.ier = value;
  }

  private writeFifoControl(value: number): void {
    const s = this.s;
    const toggled = ((value ^ s.fcr) & FCR_ENABLE) !== 0;
    if (toggled || value & FCR_RESET_RECEIVER) this.clearReceiver();
    if (toggled || value & FCR_RESET_TRANSMITTER) {
      s.holding = [];
      s.thrEmptyPending = true;
    }
    // The other bits only take when the enable bit is written with them.
    s.fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
  }

  private clearReceiver(): void {
    this.s.received = [];
    this.s.errors &= ~LSR_CHARACTER_ERRORS;
    this.s.timeoutPending = false;
    this.s.timeoutEnd = NO_EDGE;
    this.clock.cancel(this.timeoutEvent);
  }

  /** Highest-priority pending interrupt, as IIR names it. */
  private pending(): number {
    const { ier, errors, received, timeoutPending, thrEmptyPending } = this.s;
    const trigger = this.fifos() ? TRIGGER_LEVELS[this.s.fcr >> 6] : 1;
    if (ier & IER_ELSI && errors & LSR_ERRORS) return IIR_LINE_STATUS;
    if (ier & IER_ERBFI && received.length >= trigger) return IIR_DATA;
    if (ier & IER_ERBFI && timeoutPending) return IIR_TIMEOUT;
    if (ier & IER_ETBEI && thrEmptyPending) return IIR_THR_EMPTY;
    if (ier & IER_EDSSI && this.modem.changed) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  private readInterruptIdent(): number {
    const pending = this.pending();
    // Reading IIR acknowledges the transmitter's interrupt, if that is what it says.
    if (pending === IIR_THR_EMPTY) this.s.thrEmptyPending = false;
    this.drive();
    return pending | (this.fifos() ? IIR_FIFOS : 0);
  }

  private readLineStatus(): number {
    const s = this.s;
    let status = s.errors;
    if (s.received.length > 0) status |= LSR_DR;
    if (s.holding.length === 0) status |= LSR_THRE;
    if (s.holding.length === 0 && s.shifting === NO_EDGE) status |= LSR_TEMT;
    if (this.fifos() && (s.errors & LSR_CHARACTER_ERRORS || s.received.some((c, i) => i > 0 && c >> 8)))
      status |= LSR_FIFO_ERROR;
    s.errors = 0;
    this.drive();
    return status;
  }

  private readModemStatus(): number {
    const status = this.modem.readStatus();
    this.drive();
    return status;
  }

  /** INTR through the board's OUT2 gate. */
  private drive(): void {
    this.options.irq.set(this.modem.gate && this.pending() !== IIR_NONE);
  }
}

function copyOf(s: Registers): Registers {
  return { ...s, received: s.received.slice(), holding: s.holding.slice(), wire: s.wire.slice() };
}
