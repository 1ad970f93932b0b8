/**
 * The PC's interrupt controllers: two 8259As, the second cascaded on IR2 of the first.
 *
 * Intel 8259A data sheet (order number 231468), with the edge/level control registers of the 82371SB PIIX3
 * (ELCR, ports 0x4D0 and 0x4D1; LTIM in ICW1 is disabled there, and here). Master at 0x20/0x21, slave at
 * 0xA0/0xA1. Requests rise and fall at the tick a device sets its line; there is no settling time.
 *
 * The INT output: it rises with an unmasked request of sufficient priority. A request whose line falls before the
 * acknowledge does not take INT back, so the CPU then gets the default IR7 (data sheet, "Edge and level
 * triggered modes"): spurious IRQ 7, or 15 with IR2 in service. A mask or EOI command evaluates INT anew.
 *
 * Left out: 8080/8085 mode (ICW4 bit 0 clear) and buffered mode, which no PC wires.
 */

import type { IrqLine, PortRange } from '../bus.ts';
import { bytePorts } from './byte-ports.ts';

/** ICW1: initialization command word 1, at A0 = 0. */
const ICW1 = 1 << 4;
const ICW1_IC4 = 1 << 0; // ICW4 needed
const ICW1_SNGL = 1 << 1; // single: no cascade, no ICW3
/** ICW4, at A0 = 1. */
const ICW4_AEOI = 1 << 1; // automatic end of interrupt
const ICW4_SFNM = 1 << 4; // special fully nested mode
/** OCW2: operation command word 2, at A0 = 0 with bits 4 and 3 clear. */
const OCW2_EOI = 1 << 5; // end of interrupt
const OCW2_SL = 1 << 6; // specific level
const OCW2_R = 1 << 7; // rotate
const OCW2_LEVEL = 7;
/** OCW3, at A0 = 0 with bit 3 set. */
const OCW3 = 1 << 3;
const OCW3_RIS = 1 << 0; // read in-service register
const OCW3_RR = 1 << 1; // read register command
const OCW3_P = 1 << 2; // poll command
const OCW3_SMM = 1 << 5; // special mask mode
const OCW3_ESMM = 1 << 6; // enable special mask mode
/** The byte that a poll reads when an interrupt was waiting. */
const POLL_INTERRUPT = 1 << 7;

const CASCADE = 2;
const SPURIOUS_LEVEL = 7;
const NO_LEVEL = -1;
const FLOATING_BUS = 0xff;

const MASTER_COMMAND = 0x20;
const SLAVE_COMMAND = 0xa0;
const ELCR = 0x4d0;
/** Timer, keyboard and cascade stay edge triggered; so do RTC (IRQ 8) and coprocessor (IRQ 13). */
const MASTER_ELCR_MASK = 0xf8;
const SLAVE_ELCR_MASK = 0xde;

/** What the next write at A0 = 1 is. */
type Expecting = 'ocw1' | 'icw2' | 'icw3' | 'icw4';

interface ChipState {
  lines: number;
  edges: number;
  imr: number;
  isr: number;
  elcr: number;
  int: boolean;
  lowest: number;
  base: number;
  icw1: number;
  icw3: number;
  icw4: number;
  expecting: Expecting;
  readIsr: boolean;
  poll: boolean;
  specialMask: boolean;
  rotateOnAeoi: boolean;
}

function powerOn(): ChipState {
  return {
    lines: 0,
    edges: 0,
    imr: 0xff,
    isr: 0,
    elcr: 0,
    int: false,
    lowest: 7,
    base: 0,
    icw1: ICW1_IC4,
    icw3: 0,
    icw4: 0,
    expecting: 'ocw1',
    readIsr: false,
    poll: false,
    specialMask: false,
    rotateOnAeoi: false,
  };
}

/** One 8259A. `onInt` is its INT pin, called on each change. */
class Chip {
  private s = powerOn();
  private readonly isMaster: boolean;
  private readonly onInt: (level: boolean) => void;

  constructor(isMaster: boolean, onInt: (level: boolean) => void) {
    this.isMaster = isMaster;
    this.onInt = onInt;
  }

  /** Interrupt request register: latched edges of lines still high, and high level-triggered lines. */
  get irr(): number {
    return this.s.lines & (this.s.edges | this.s.elcr);
  }

  get imr(): number {
    return this.s.imr;
  }

  get isr(): number {
    return this.s.isr;
  }

  get elcr(): number {
    return this.s.elcr;
  }

  set elcr(value: number) {
    this.s.elcr = value;
    this.evaluate();
  }

  /** Whether ICW3 says that a slave sits on `level`. */
  hasSlave(level: number): boolean {
    return (this.s.icw1 & ICW1_SNGL) === 0 && (this.s.icw3 & (1 << level)) !== 0;
  }

  /** As a slave: the number that ICW3 gave it. */
  slaveId(): number {
    return this.s.icw3 & 7;
  }

  setLine(level: number, high: boolean): void {
    const bit = 1 << level;
    if (high === ((this.s.lines & bit) !== 0)) return;
    if (high) {
      this.s.lines |= bit;
      this.s.edges |= bit;
      if (!this.s.int) this.evaluate();
    } else {
      this.s.lines &= ~bit;
      this.s.edges &= ~bit;
    }
  }

  /** The two INTA pulses: puts the winning level in service and returns it, or NO_LEVEL for a default IR7. */
  acknowledge(): number {
    const level = this.candidate();
    if (level !== NO_LEVEL) {
      this.s.edges &= ~(1 << level);
      if (this.s.icw4 & ICW4_AEOI) {
        if (this.s.rotateOnAeoi) this.s.lowest = level;
      } else this.s.isr |= 1 << level;
    }
    this.setInt(false);
    this.evaluate();
    return level;
  }

  vector(level: number): number {
    return this.s.base | (level === NO_LEVEL ? SPURIOUS_LEVEL : level);
  }

  readCommand(): number {
    if (this.s.poll) return this.readPoll();
    return this.s.readIsr ? this.s.isr : this.irr;
  }

  readData(): number {
    return this.s.poll ? this.readPoll() : this.s.imr;
  }

  writeCommand(value: number): void {
    if (value & ICW1) this.initialize(value);
    else if (value & OCW3) this.writeOcw3(value);
    else this.writeOcw2(value);
    this.evaluate();
  }

  writeData(value: number): void {
    const needsIcw4 = (this.s.icw1 & ICW1_IC4) !== 0;
    switch (this.s.expecting) {
      case 'ocw1':
        this.s.imr = value;
        break;
      case 'icw2':
        this.s.base = value & 0xf8;
        this.s.expecting = (this.s.icw1 & ICW1_SNGL) === 0 ? 'icw3' : needsIcw4 ? 'icw4' : 'ocw1';
        break;
      case 'icw3':
        this.s.icw3 = value;
        this.s.expecting = needsIcw4 ? 'icw4' : 'ocw1';
        break;
      case 'icw4':
        this.s.icw4 = value;
        this.s.expecting = 'ocw1';
        break;
    }
    this.evaluate();
  }

  save(): ChipState {
    return { ...this.s };
  }

  load(state: ChipState): void {
    this.s = { ...state };
  }

  /** ICW1 clears IMR and the edge latches, restores priorities and leaves the special modes. */
  private initialize(value: number): void {
    const { lines, elcr, base, icw3, int } = this.s;
    this.s = { ...powerOn(), lines, elcr, base, icw3, int, imr: 0, icw1: value, expecting: 'icw2' };
  }

  private writeOcw2(value: number): void {
    const level = value & OCW2_LEVEL;
    const specific = (value & OCW2_SL) !== 0;
    const rotate = (value & OCW2_R) !== 0;
    if ((value & OCW2_EOI) === 0) {
      if (!specific) this.s.rotateOnAeoi = rotate;
      else if (rotate) this.s.lowest = level;
      return;
    }
    const ended = specific ? level : this.highest(this.blocking());
    if (ended === NO_LEVEL) return;
    this.s.isr &= ~(1 << ended);
    if (rotate) this.s.lowest = ended;
  }

  private writeOcw3(value: number): void {
    if (value & OCW3_ESMM) this.s.specialMask = (value & OCW3_SMM) !== 0;
    if (value & OCW3_P) this.s.poll = true;
    else if (value & OCW3_RR) this.s.readIsr = (value & OCW3_RIS) !== 0;
  }

  /** The read after a poll command is an acknowledge that names the level. */
  private readPoll(): number {
    this.s.poll = false;
    const level = this.acknowledge();
    return level === NO_LEVEL ? 0 : POLL_INTERRUPT | level;
  }

  /** In-service levels that hold back others: in special mask mode a masked one does not. */
  private blocking(): number {
    return this.s.specialMask ? this.s.isr & ~this.s.imr : this.s.isr;
  }

  /** Priority of `level` now: 0 is the highest. */
  private rank(level: number): number {
    return (level - this.s.lowest - 1) & 7;
  }

  private highest(levels: number): number {
    for (let i = 1; i <= 8; i++) {
      const level = (this.s.lowest + i) & 7;
      if (levels & (1 << level)) return level;
    }
    return NO_LEVEL;
  }

  /** The level that an acknowledge would serve now. */
  private candidate(): number {
    const request = this.highest(this.irr & ~this.s.imr);
    if (request === NO_LEVEL) return NO_LEVEL;
    let blocking = this.blocking();
    // Special fully nested mode: a slave in service may interrupt again with a higher request of its own.
    if (this.isMaster && this.s.icw4 & ICW4_SFNM && this.hasSlave(request)) blocking &= ~(1 << request);
    const served = this.highest(blocking);
    return served === NO_LEVEL || this.rank(request) < this.rank(served) ? request : NO_LEVEL;
  }

  private evaluate(): void {
    // Until the initialization sequence is through, the chip asks for nothing.
    this.setInt(this.s.expecting === 'ocw1' && this.candidate() !== NO_LEVEL);
  }

  private setInt(level: boolean): void {
    if (level === this.s.int) return;
    this.s.int = level;
    this.onInt(level);
  }
}

/** What the debugger shows of one chip. */
export interface PicView {
  irr: number;
  imr: number;
  isr: number;
  elcr: number;
}

export interface PicState {
  intr: boolean;
  inputs: boolean[];
  master: ChipState;
  slave: ChipState;
}

export class Pic {
  private intrPin = false;
  private readonly onIntr: (level: boolean) => void;
  private readonly master: Chip = new Chip(true, level => {
    this.intrPin = level;
    this.onIntr(level);
  });
  private readonly slave: Chip = new Chip(false, level => this.master.setLine(CASCADE, level));
  /** Level of each input handed out by `line`, and the IRQ it is wired to. */
  private inputs: boolean[] = [];
  private readonly wiring: number[] = [];

  /** `onIntr` is called on each change of INTR. */
  constructor(onIntr: (level: boolean) => void = () => {}) {
    this.onIntr = onIntr;
  }

  /** INTR: the CPU looks at this at every head. */
  intr(): boolean {
    return this.intrPin;
  }

  /**
   * A new input of IRQ `irq` (0..15, not 2). Inputs of the same IRQ are wired together: it is high while any of
   * them is (PCI devices that share one).
   */
  line(irq: number): IrqLine {
    if (!Number.isInteger(irq) || irq < 0 || irq > 15 || irq === CASCADE)
      throw new RangeError(`IRQ ${irq} is not an input of a PC's interrupt controllers`);
    const input = this.inputs.push(false) - 1;
    this.wiring.push(irq);
    return {
      set: (level: boolean): void => {
        if (this.inputs[input] === level) return;
        this.inputs[input] = level;
        const high = level || this.inputs.some((on, i) => on && this.wiring[i] === irq);
        if (irq < 8) this.master.setLine(irq, high);
        else this.slave.setLine(irq - 8, high);
      },
    };
  }

  /** The CPU's interrupt acknowledge: the vector (0..255). Without a request it is the default IR7. */
  acknowledge(): number {
    const level = this.master.acknowledge();
    if (level !== CASCADE || !this.master.hasSlave(CASCADE)) return this.master.vector(level);
    if (this.slave.slaveId() !== CASCADE) return FLOATING_BUS;
    return this.slave.vector(this.slave.acknowledge());
  }

  ports(): PortRange[] {
    const handler = bytePorts(this);
    return [
      { first: MASTER_COMMAND, count: 2, bus: 'isa', name: 'pic-master', handler },
      { first: SLAVE_COMMAND, count: 2, bus: 'isa', name: 'pic-slave', handler },
      { first: ELCR, count: 2, bus: 'isa', name: 'elcr', handler },
    ];
  }

  readByte(port: number): number {
    if (port === ELCR) return this.master.elcr;
    if (port === ELCR + 1) return this.slave.elcr;
    const chip = port < SLAVE_COMMAND ? this.master : this.slave;
    return port & 1 ? chip.readData() : chip.readCommand();
  }

  writeByte(port: number, value: number): void {
    const chip = port < SLAVE_COMMAND ? this.master : this.slave;
    if (port === ELCR) this.master.elcr = value & MASTER_ELCR_MASK;
    else if (port === ELCR + 1) this.slave.elcr = value & SLAVE_ELCR_MASK;
    else if (port & 1) chip.writeData(value);
    else chip.writeCommand(value);
  }

  /** Registers without the side effects of reading them. */
  view(): { master: PicView; slave: PicView } {
    const of = (chip: Chip): PicView => ({ irr: chip.irr, imr: chip.imr, isr: chip.isr, elcr: chip.elcr });
    return { master: of(this.master), slave: of(this.slave) };
  }

  save(): PicState {
    return {
      intr: this.intrPin,
      inputs: this.inputs.slice(),
      master: this.master.save(),
      slave: this.slave.save(),
    };
  }

  load(state: PicState): void {
    if (state.inputs.length !== this.inputs.length)
      throw new Error('snapshot of another machine: IRQ lines differ');
    this.intrPin = state.intr;
    this.inputs = state.inputs.slice();
    this.master.load(state.master);
    this.slave.load(state.slave);
  }
}
