/**
 * The real-time clock and its battery-backed memory: an MC146818 with 128 bytes.
 *
 * Motorola MC146818A data sheet (1984); ports 0x70/0x71, the NMI mask in bit 7 of 0x70 and the CMOS bytes are
 * the IBM PC/AT's, the extended-memory bytes those of PC BIOSes. The time starts from a date given as an
 * option and runs on the machine's clock, so two runs see the same time. The time registers are what the
 * data sheet says they are: bytes in RAM, counted up once a second in the format that register B names.
 *
 * Left out: daylight saving (the DSE bit is kept), the square wave, and crystals other than 32.768 kHz (such
 * settings of DV stop the clock). The century byte (0x32) is counted up too, which a BIOS does on a real PC.
 */

import type { IrqLine, PortRange } from '../bus.ts';
import type { Clock } from '../clock.ts';
import { bytePorts } from './byte-ports.ts';
import { Rate } from './rate.ts';

const CRYSTAL_HZ = 32_768;
/** The divider's first second after a divider reset ends half a second early. */
const DIVIDER_RESTART = CRYSTAL_HZ / 2;
/** UIP rises 244 us before the update cycle, which takes 1984 us: 8 and 65 edges. */
const UPDATE_IN_PROGRESS = 8 + 65;

const INDEX = 0x70;
const NMI_MASK = 1 << 7;

/** Registers and CMOS bytes. */
const SECONDS = 0x00;
const SECONDS_ALARM = 0x01;
const MINUTES = 0x02;
const MINUTES_ALARM = 0x03;
const HOURS = 0x04;
const HOURS_ALARM = 0x05;
const DAY_OF_WEEK = 0x06; // 1 is Sunday
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const CENTURY = 0x32;
const EQUIPMENT = 0x14;
const BASE_MEMORY = 0x15; // KiB, two bytes
const EXTENDED_MEMORY = [0x17, 0x30]; // KiB above 1 MiB, two bytes each, at most 65535
const HIGH_MEMORY = 0x34; // 64 KiB blocks above 16 MiB, two bytes
const CHECKSUM_FIRST = 0x10;
const CHECKSUM_LAST = 0x2d;
const CHECKSUM = 0x2e; // high byte first

/** Register A. */
const A_UIP = 1 << 7; // update in progress
const A_DV = 7 << 4; // divider select
const A_DV_RUN = 2 << 4; // 32.768 kHz
const A_DV_RESET = 6 << 4; // divider held in reset (110 and 111)
const A_RS = 15; // rate select
/** Register B. */
const B_SET = 1 << 7; // no updates while the program sets the time
const B_PIE = 1 << 6; // periodic interrupt enable
const B_AIE = 1 << 5; // alarm interrupt enable
const B_UIE = 1 << 4; // update-ended interrupt enable
const B_DM = 1 << 2; // data mode: binary, not BCD
const B_24 = 1 << 1; // 24 hours
/** Register C: flags in the places of their enable bits. */
const C_IRQF = 1 << 7; // interrupt request
const C_PF = B_PIE;
const C_AF = B_AIE;
const C_UF = B_UIE;
/** Register D. */
const D_VRT = 1 << 7; // valid RAM and time

const HOUR_PM = 0x80;
/** Alarm bytes from here on match anything. */
const ALARM_ANY = 0xc0;
/** Coprocessor present, as every Pentium's BIOS says. */
const EQUIPMENT_COPROCESSOR = 1 << 1;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export interface RtcDate {
  /** 0..9999. */
  year: number;
  /** 1..12. */
  month: number;
  day: number;
  hours: number;
  minutes: number;
  seconds: number;
}

export interface RtcOptions {
  irq: IrqLine;
  /** The time at tick 0. */
  start: RtcDate;
  /** RAM in bytes, for the memory-size bytes. */
  memory: number;
}

export interface RtcState {
  ram: number[];
  index: number;
  /** Edge of the crystal from which seconds are counted, and how many seconds since have been seen. */
  origin: number;
  updates: number;
  /** Edge up to which periodic ticks have been looked at. */
  periodicFrom: number;
}

function leap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** 1 (Sunday) to 7, by Sakamoto's rule. */
function dayOfWeek(year: number, month: number, day: number): number {
  const y = month < 3 ? year - 1 : year;
  const shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month - 1];
  return ((y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + shift + day) % 7) + 1;
}

export class Rtc {
  private readonly clock: Clock;
  private readonly rate: Rate;
  private readonly irq: IrqLine;
  private readonly event: number;
  private readonly ram = new Uint8Array(128);
  private index = REGISTER_D;
  private nmiMask = false;
  private origin = 0;
  private updates = 0;
  private periodicFrom = 0;

  constructor(clock: Clock, options: RtcOptions) {
    this.clock = clock;
    this.rate = new Rate(clock, CRYSTAL_HZ);
    this.irq = options.irq;
    this.event = clock.register('rtc', () => this.refresh());
    // As a BIOS leaves it: 1024 Hz, 24 hours, BCD.
    this.ram[REGISTER_A] = A_DV_RUN | 6;
    this.ram[REGISTER_B] = B_24;
    this.setDate(options.start);
    this.setMemorySize(options.memory);
    this.schedule();
  }

  ports(): PortRange[] {
    return [{ first: INDEX, count: 2, bus: 'isa', name: 'rtc', handler: bytePorts(this) }];
  }

  /** Bit 7 of port 0x70: NMIs do not reach the CPU. */
  nmiMasked(): boolean {
    return this.nmiMask;
  }

  readByte(port: number): number {
    // The index register is write-only.
    if (port === INDEX) return 0xff;
    this.refresh();
    switch (this.index) {
      case REGISTER_A:
        return this.ram[REGISTER_A] | (this.updating() ? A_UIP : 0);
      case REGISTER_C:
        return this.readFlags();
      case REGISTER_D:
        return D_VRT;
      default:
        return this.ram[this.index];
    }
  }

  writeByte(port: number, value: number): void {
    if (port === INDEX) {
      this.index = value & ~NMI_MASK;
      this.nmiMask = (value & NMI_MASK) !== 0;
      return;
    }
    this.refresh();
    if (this.index === REGISTER_A) this.writeA(value & ~A_UIP);
    else if (this.index === REGISTER_B) this.writeB(value);
    else if (this.index !== REGISTER_C && this.index !== REGISTER_D) this.ram[this.index] = value;
    this.refresh();
  }

  /** CMOS byte `index` (0..127) without side effects. */
  peek(index: number): number {
    return this.ram[index & 0x7f];
  }

  save(): RtcState {
    const { origin, updates, periodicFrom } = this;
    const index = this.index | (this.nmiMask ? NMI_MASK : 0);
    return { ram: Array.from(this.ram), index, origin, updates, periodicFrom };
  }

  load(state: RtcState): void {
    this.ram.set(state.ram);
    this.index = state.index & ~NMI_MASK;
    this.nmiMask = (state.index & NMI_MASK) !== 0;
    this.origin = state.origin;
    this.updates = state.updates;
    this.periodicFrom = state.periodicFrom;
  }

  private setDate(date: RtcDate): void {
    const { year, month, day, hours, minutes, seconds } = date;
    const fields: [number, number][] = [
      [SECONDS, seconds],
      [MINUTES, minutes],
      [HOURS, hours],
      [DAY_OF_WEEK, dayOfWeek(year, month, day)],
      [DAY_OF_MONTH, day],
      [MONTH, month],
      [YEAR, year % 100],
      [CENTURY, Math.floor(year / 100)],
    ];
    for (const [register, value] of fields) this.ram[register] = this.encode(value);
  }

  private setMemorySize(bytes: number): void {
    const extended = Math.min(Math.max(0, Math.floor(bytes / 1024) - 1024), 0xffff);
    const high = Math.min(Math.max(0, Math.floor((bytes - 0x100_0000) / 0x1_0000)), 0xffff);
    this.ram[EQUIPMENT] = EQUIPMENT_COPROCESSOR;
    this.putWord(BASE_MEMORY, 640);
    for (const at of EXTENDED_MEMORY) this.putWord(at, extended);
    this.putWord(HIGH_MEMORY, high);
    let sum = 0;
    for (let i = CHECKSUM_FIRST; i <= CHECKSUM_LAST; i++) sum += this.ram[i];
    this.ram[CHECKSUM] = sum >> 8;
    this.ram[CHECKSUM + 1] = sum;
  }

  private putWord(at: number, value: number): void {
    this.ram[at] = value;
    this.ram[at + 1] = value >> 8;
  }

  // Time

  private running(): boolean {
    return (this.ram[REGISTER_A] & A_DV) === A_DV_RUN;
  }

  private setting(): boolean {
    return (this.ram[REGISTER_B] & B_SET) !== 0;
  }

  /** Edge of the crystal at which the next update ends. */
  private nextUpdate(): number {
    return this.origin + (this.updates + 1) * CRYSTAL_HZ;
  }

  private updating(): boolean {
    return this.running() && !this.setting() && this.rate.edge() >= this.nextUpdate() - UPDATE_IN_PROGRESS;
  }

  /** Brings time and flags up to now, drives the IRQ and schedules what comes next. */
  private refresh(): void {
    const edge = this.rate.edge();
    while (this.running() && this.nextUpdate() <= edge) {
      this.updates++;
      if (!this.setting()) this.update();
    }
    const period = this.period();
    if (period > 0 && this.ticksAt(edge, period) > this.ticksAt(this.periodicFrom, period))
      this.ram[REGISTER_C] |= C_PF;
    this.periodicFrom = edge;
    this.drive();
    this.schedule();
  }

  private update(): void {
    this.count();
    this.ram[REGISTER_C] |= C_UF;
    const matches = (time: number, alarm: number): boolean =>
      this.ram[alarm] >= ALARM_ANY || this.ram[alarm] === this.ram[time];
    if (matches(SECONDS, SECONDS_ALARM) && matches(MINUTES, MINUTES_ALARM) && matches(HOURS, HOURS_ALARM))
      this.ram[REGISTER_C] |= C_AF;
  }

  /** One second on, through seconds, minutes, hours, day, month, year and century. */
  private count(): void {
    if (!this.wrap(SECONDS, 59, 0) || !this.wrap(MINUTES, 59, 0) || !this.countHour()) return;
    this.wrap(DAY_OF_WEEK, 7, 1);
    if (!this.wrap(DAY_OF_MONTH, this.daysInMonth(), 1) || !this.wrap(MONTH, 12, 1)) return;
    if (this.wrap(YEAR, 99, 0)) this.wrap(CENTURY, 99, 0);
  }

  private daysInMonth(): number {
    const month = this.decode(this.ram[MONTH]);
    const year = this.decode(this.ram[CENTURY]) * 100 + this.decode(this.ram[YEAR]);
    return month === 2 && leap(year) ? 29 : (DAYS[month - 1] ?? 31);
  }

  /** Counts a register up; true when it passed `last` and began again at `first`. */
  private wrap(register: number, last: number, first: number): boolean {
    const value = this.decode(this.ram[register]);
    this.ram[register] = this.encode(value >= last ? first : value + 1);
    return value >= last;
  }

  /** True at midnight. In 12-hour mode the order is 12, 1, ... 11, with bit 7 for the afternoon. */
  private countHour(): boolean {
    if (this.ram[REGISTER_B] & B_24) return this.wrap(HOURS, 23, 0);
    const pm = this.ram[HOURS] & HOUR_PM;
    const hour = this.decode(this.ram[HOURS] & ~HOUR_PM);
    const next = hour >= 12 ? 1 : hour + 1;
    const half = next === 12 ? pm ^ HOUR_PM : pm;
    this.ram[HOURS] = this.encode(next) | half;
    return next === 12 && half === 0;
  }

  private encode(value: number): number {
    return this.ram[REGISTER_B] & B_DM ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  private decode(byte: number): number {
    return this.ram[REGISTER_B] & B_DM ? byte : (byte >> 4) * 10 + (byte & 15);
  }

  // Periodic interrupt

  /** Edges between periodic ticks; 0 when there are none. */
  private period(): number {
    const select = this.ram[REGISTER_A] & A_RS;
    if (select === 0 || !this.running()) return 0;
    // The two shortest taps of a 32.768 kHz chain are taken by rates 256 and 128 Hz.
    return select < 3 ? 1 << (select + 6) : 1 << (select - 1);
  }

  private ticksAt(edge: number, period: number): number {
    return Math.floor((edge - this.origin) / period);
  }

  // Registers

  private writeA(value: number): void {
    const wasHeld = (this.ram[REGISTER_A] & A_DV_RESET) === A_DV_RESET;
    const wasRunning = this.running();
    this.ram[REGISTER_A] = value;
    const edge = this.rate.edge();
    if (this.running() && !wasRunning) {
      this.origin = edge - (wasHeld ? DIVIDER_RESTART : 0);
      this.updates = 0;
    }
    this.periodicFrom = edge;
  }

  /** SET clears UIE, as the data sheet has it. */
  private writeB(value: number): void {
    this.ram[REGISTER_B] = value & B_SET ? value & ~B_UIE : value;
  }

  /** Register C is cleared by its reading. */
  private readFlags(): number {
    const flags = this.ram[REGISTER_C];
    const irqf = flags & this.ram[REGISTER_B] & (C_PF | C_AF | C_UF) ? C_IRQF : 0;
    this.ram[REGISTER_C] = 0;
    this.drive();
    this.schedule();
    return flags | irqf;
  }

  private drive(): void {
    this.irq.set((this.ram[REGISTER_C] & this.ram[REGISTER_B] & (C_PF | C_AF | C_UF)) !== 0);
  }

  /** The next update always is an event; a periodic tick only if it can raise the IRQ. */
  private schedule(): void {
    let next = this.running() ? this.nextUpdate() : Number.POSITIVE_INFINITY;
    const period = this.period();
    if (period > 0 && this.ram[REGISTER_B] & B_PIE && (this.ram[REGISTER_C] & C_PF) === 0) {
      const tick = this.origin + (this.ticksAt(this.periodicFrom, period) + 1) * period;
      next = Math.min(next, tick);
    }
    if (next === Number.POSITIVE_INFINITY) this.clock.cancel(this.event);
    else this.clock.schedule(this.event, this.rate.tickOf(next));
  }
}
