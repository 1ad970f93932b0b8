/**
 * The local APIC of the one processor: an xAPIC, version 14h, as in the Pentium 4 (SDM vol. 3, 8 in the edition of
 * 2003, 10 in the newer ones). It stands between all sources of interrupts and the core: it is the core's interrupt
 * controller, with the 8259's INTR on its pin LINT0 and NMI on LINT1. Messages are delivered at once.
 *
 * While APIC_BASE.EN is clear, the pins are INTR and NMI themselves. So they are from reset until software first
 * enables the APIC or writes LINT0, as on QEMU and Bochs: a BIOS that knows no APIC works, though by the manual LINT0
 * is masked after reset. Interrupts in IRR wait while software has the APIC disabled; fixed ones that arrive then are
 * refused.
 *
 * An interrupt's request to the core and its acknowledge are one step here, so the spurious vector is delivered only
 * when an ExtINT message finds the 8259 without a request, by the 8259 itself. IPIs to others go nowhere. NMI with the
 * shorthand "self", which the manual does not allow, is delivered, as QEMU does.
 *
 * Reads of one or two bytes give that part of the register; writes of less than a dword do nothing, nor do writes to
 * read-only registers. A reserved register sets "illegal register address" in ESR.
 *
 * Left out: SMI (ignored), events for the thermal and performance-counter entries, lowest-priority arbitration (one
 * processor always wins), focus checking (its bit is stored), remote read, x2APIC.
 */
import type { AccessSize, IrqLine, MmioHandler } from '../../bus.ts';
import type { Clock } from '../../clock.ts';
import { ApicBase } from './base.ts';
import { decodeIcr, ICR_WRITABLE, SHORTHAND } from './icr.ts';
import { LocalVectorTable, LVT, LVT_MODE_SHIFT, LVT_PERIODIC, type LvtState } from './lvt.ts';
import { type ApicMessage, DELIVERY } from './message.ts';
import {
  APR,
  CURRENT_COUNT,
  DFR,
  DIVIDE,
  EOI,
  ESR,
  ICR_HIGH,
  ICR_LOW,
  ID,
  INITIAL_COUNT,
  IRR_LAST,
  ISR,
  isReadOnly,
  LDR,
  LVT_FIRST,
  LVT_LAST,
  PPR,
  RRD,
  SVR,
  TPR,
  VERSION,
} from './registers.ts';
import { Requests } from './requests.ts';
import { ApicTimer, type ApicTimerState } from './timer.ts';

/** Version 14h; the highest LVT entry is number 5. */
const VERSION_VALUE = 0x0005_0014;
const DFR_FIXED = 0x0fff_ffff;
const DFR_FLAT = 0xf;
const SVR_ENABLE = 1 << 8;
const SVR_WRITABLE = 0x3ff;
const SVR_RESET = 0xff;
const EVERYBODY = 0xff;
const LOWEST_LEGAL_VECTOR = 16;

/** ESR. */
const SEND_ILLEGAL_VECTOR = 1 << 5;
const RECEIVE_ILLEGAL_VECTOR = 1 << 6;
const ILLEGAL_REGISTER = 1 << 7;

export interface LocalApicOptions {
  clock: Clock;
  /** The clock of the timer in Hz. */
  busHz: number;
  /** The 8259s behind LINT0. */
  pic: { intr(): boolean; acknowledge(): number };
  onNmi: () => void;
  /** An INIT for this processor: at the next head it starts again from reset. */
  onInit: () => void;
  /** EOI of a level-triggered interrupt, for the I/O APICs. */
  onEoi: (vector: number) => void;
  /** The APIC may accept now what it refused before. */
  onReady: () => void;
}

export interface LocalApicState {
  base: [lo: number, hi: number];
  words: number[];
  lvt: LvtState;
  requests: number[][];
  flags: boolean[];
  timer: ApicTimerState;
}

export class LocalApic implements MmioHandler {
  /** Where the 8259's INTR and the board's NMI go in. */
  readonly lint0: IrqLine = { set: level => this.setPin(0, level) };
  readonly lint1: IrqLine = { set: level => this.setPin(1, level) };
  private readonly options: LocalApicOptions;
  private readonly timer: ApicTimer;
  private readonly requests = new Requests();
  private readonly lvt = new LocalVectorTable();
  private readonly apicBase = new ApicBase();
  private id = 0;
  private ldr = 0;
  private dfr = DFR_FLAT;
  private svr = SVR_RESET;
  private icrLow = 0;
  private icrHigh = 0;
  private esr = 0;
  /** Errors since ESR was last written. */
  private errors = 0;
  /** The pins reach the core past the APIC: see the header. */
  private untouched = true;
  /** An ExtINT message of an I/O APIC waits for the core. */
  private extInt = false;
  /** Derived: a vector of IRR may go to the core; INTR passes to it. */
  private requested = false;
  private transparent = true;

  constructor(options: LocalApicOptions) {
    this.options = options;
    this.timer = new ApicTimer(options.clock, options.busHz, () => this.raise(LVT.timer));
  }

  // ---- the core's side ---------------------------------------------------------------------------------------------

  /** INTR as the core sees it. */
  intr(): boolean {
    return this.requested || this.extInt || (this.transparent && this.options.pic.intr());
  }

  /** The vector that the core takes, which goes in service; the 8259's where none of ours may be taken. */
  acknowledge(): number {
    if (!this.requested) {
      this.extInt = false;
      return this.options.pic.acknowledge();
    }
    const vector = this.requests.take();
    this.update();
    return vector;
  }

  /** Whether the 8259's INTR on LINT0 could bring an NMI or INIT. */
  lint0MayWake(): boolean {
    return this.lvt.delivers(LVT.lint0, DELIVERY.nmi) || this.lvt.delivers(LVT.lint0, DELIVERY.init);
  }

  /** APIC_BASE in two words. */
  base(): { lo: number; hi: number } {
    return this.apicBase.get();
  }

  /** WRMSR to APIC_BASE, reserved bits checked. BSP stays; disabling resets all but the ID. */
  setBase(lo: number, hi: number): void {
    this.apicBase.set(lo, hi);
    if (!this.enabled) this.initialize();
    this.update();
  }

  /** APIC_BASE.EN. */
  get enabled(): boolean {
    return this.apicBase.enabled;
  }

  /** Physical address of the registers; -1 where nothing can reach them (disabled, or above 4 GiB). */
  get address(): number {
    return this.apicBase.address;
  }

  get initialId(): number {
    return 0;
  }

  /** Power-up and RESET. */
  reset(): void {
    this.apicBase.reset();
    this.id = this.initialId;
    this.initialize();
  }

  /** INIT: as power-up, but for the ID (and APIC_BASE, which is the core's). */
  initialize(): void {
    this.timer.reset();
    this.requests.clear();
    this.lvt.clear();
    this.ldr = this.icrLow = this.icrHigh = this.esr = this.errors = 0;
    this.dfr = DFR_FLAT;
    this.svr = SVR_RESET;
    this.extInt = false;
    this.untouched = true;
    this.update();
  }

  /** As a BIOS leaves it (MP specification, 3.6.2.2, virtual wire): enabled, LINT0 ExtINT, LINT1 NMI. */
  virtualWire(): void {
    this.write(SVR, SVR_ENABLE | SVR_RESET);
    this.write(LVT_FIRST + LVT.lint0, DELIVERY.extInt << LVT_MODE_SHIFT);
    this.write(LVT_FIRST + LVT.lint1, DELIVERY.nmi << LVT_MODE_SHIFT);
  }

  // ---- messages ----------------------------------------------------------------------------------------------------

  /** A message on the APIC bus. False when this APIC is not its destination or cannot take it. */
  receive(m: ApicMessage): boolean {
    if (!this.enabled || !this.isDestination(m.destination, m.logical)) return false;
    return this.take(m.mode, m.vector, m.level);
  }

  private isDestination(destination: number, logical: boolean): boolean {
    if (destination === EVERYBODY) return true;
    if (!logical) return destination === this.id;
    if (this.dfr === DFR_FLAT) return (destination & this.ldr) !== 0;
    return destination >> 4 === this.ldr >> 4 && (destination & this.ldr & 0xf) !== 0;
  }

  private take(mode: number, vector: number, level: boolean): boolean {
    switch (mode) {
      case DELIVERY.fixed:
      case DELIVERY.lowestPriority:
        return this.accept(vector, level);
      case DELIVERY.nmi:
        this.options.onNmi();
        return true;
      case DELIVERY.init:
        this.initialize();
        this.options.onInit();
        return true;
      case DELIVERY.extInt:
        this.extInt = true;
        return true;
      default:
        // SMI, and a startup IPI for a processor that does not wait for one.
        return true;
    }
  }

  private accept(vector: number, level: boolean): boolean {
    if (!(this.svr & SVR_ENABLE)) return false;
    if (vector < LOWEST_LEGAL_VECTOR) {
      this.error(RECEIVE_ILLEGAL_VECTOR);
      return true;
    }
    this.requests.add(vector, level);
    this.update();
    return true;
  }

  /** Writing the low half of ICR sends it. */
  private sendIpi(): void {
    const ipi = decodeIcr(this.icrLow, this.icrHigh);
    if (!ipi) return;
    const { mode, vector, shorthand } = ipi;
    const carriesVector = mode === DELIVERY.fixed || mode === DELIVERY.lowestPriority;
    if (carriesVector && vector < LOWEST_LEGAL_VECTOR) return this.error(SEND_ILLEGAL_VECTOR);
    const toSelf =
      shorthand === SHORTHAND.self ||
      shorthand === SHORTHAND.all ||
      (shorthand === SHORTHAND.none && this.isDestination(ipi.destination, ipi.logical));
    if (toSelf && mode !== DELIVERY.extInt) this.take(mode, vector, false);
  }

  // ---- local sources -----------------------------------------------------------------------------------------------

  /** An edge of a local source. */
  private raise(entry: number): void {
    if (this.lvt.isMasked(entry)) return;
    const mode = this.lvt.mode(entry);
    // INTR itself is looked at in intr().
    if (mode !== DELIVERY.extInt) this.take(mode, this.lvt.vector(entry), false);
  }

  private setPin(n: number, level: boolean): void {
    if (!this.lvt.setPin(n, level)) return;
    if (this.untouched || !this.enabled) {
      if (n === 1 && level) this.options.onNmi();
      return;
    }
    const entry = LVT.lint0 + n;
    if (this.lvt.isLevel(entry)) this.offerLevel(entry);
    else if (this.lvt.isActive(entry)) this.raise(entry);
  }

  private offerLevel(entry: number): void {
    if (this.untouched || !this.enabled || !this.lvt.asks(entry)) return;
    if (this.accept(this.lvt.vector(entry), true)) this.lvt.setRemoteIrr(entry, true);
  }

  private error(bit: number): void {
    if (this.errors & bit) return;
    this.errors |= bit;
    this.raise(LVT.error);
  }

  private endOfInterrupt(): void {
    const vector = this.requests.end();
    this.update();
    if (vector < 0 || !this.requests.isLevel(vector)) return;
    for (const entry of [LVT.lint0, LVT.lint1])
      if (this.lvt.vector(entry) === vector) {
        this.lvt.setRemoteIrr(entry, false);
        this.offerLevel(entry);
      }
    this.options.onEoi(vector);
  }

  private update(): void {
    const on = this.enabled && (this.svr & SVR_ENABLE) !== 0;
    this.requested = on && this.requests.pending();
    const wired = this.lvt.delivers(LVT.lint0, DELIVERY.extInt);
    this.transparent = !this.enabled || this.untouched || wired;
  }

  // ---- registers ---------------------------------------------------------------------------------------------------

  readMmio(offset: number, size: AccessSize): number {
    const value = offset & 0xc ? 0 : this.read(offset >> 4);
    const part = value >>> (8 * (offset & 3));
    return size === 4 ? part : size === 2 ? part & 0xffff : part & 0xff;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    if (size === 4 && (offset & 0xf) === 0) this.write(offset >> 4, value);
  }

  private read(n: number): number {
    if (n >= ISR && n <= IRR_LAST) return this.requests.word(n - ISR);
    if (n >= LVT_FIRST && n <= LVT_LAST) return this.lvt.read(n - LVT_FIRST);
    switch (n) {
      case ID:
        return (this.id << 24) >>> 0;
      case VERSION:
        return VERSION_VALUE;
      case TPR:
        return this.requests.tpr;
      case APR:
        return this.requests.arbitrationPriority();
      case PPR:
        return this.requests.processorPriority();
      case LDR:
        return (this.ldr << 24) >>> 0;
      case DFR:
        return ((this.dfr << 28) | DFR_FIXED) >>> 0;
      case SVR:
        return this.svr;
      case ESR:
        return this.esr;
      case ICR_LOW:
        return this.icrLow;
      case ICR_HIGH:
        return this.icrHigh;
      case INITIAL_COUNT:
        return this.timer.initialCount;
      case CURRENT_COUNT:
        return this.timer.count();
      case DIVIDE:
        return this.timer.divide;
      case EOI:
      case RRD:
        return 0;
      default:
        this.error(ILLEGAL_REGISTER);
        return 0;
    }
  }

  private write(n: number, value: number): void {
    if (n >= LVT_FIRST && n <= LVT_LAST) return this.writeLvt(n - LVT_FIRST, value);
    switch (n) {
      case ID:
        this.id = value >>> 24;
        return this.options.onReady();
      case TPR:
        this.requests.tpr = value & 0xff;
        return this.update();
      case EOI:
        return this.endOfInterrupt();
      case LDR:
        this.ldr = value >>> 24;
        return this.options.onReady();
      case DFR:
        this.dfr = value >>> 28;
        return this.options.onReady();
      case SVR:
        return this.writeSpurious(value & SVR_WRITABLE);
      case ESR:
        this.esr = this.errors;
        this.errors = 0;
        return;
      case ICR_LOW:
        this.icrLow = value & ICR_WRITABLE;
        return this.sendIpi();
      case ICR_HIGH:
        this.icrHigh = (value & 0xff00_0000) >>> 0;
        return;
      case INITIAL_COUNT:
        this.timer.initialCount = value;
        return;
      case DIVIDE:
        this.timer.divide = value;
        return;
      default:
        if (!isReadOnly(n)) this.error(ILLEGAL_REGISTER);
    }
  }

  private writeSpurious(value: number): void {
    this.svr = value;
    if (value & SVR_ENABLE) this.untouched = false;
    else this.lvt.maskAll();
    this.update();
    this.options.onReady();
  }

  private writeLvt(entry: number, value: number): void {
    this.lvt.write(entry, value, !(this.svr & SVR_ENABLE));
    if (entry === LVT.timer) this.timer.setPeriodic((value & LVT_PERIODIC) !== 0);
    if (entry === LVT.lint0) this.untouched = false;
    if (entry === LVT.lint0 || entry === LVT.lint1) this.offerLevel(entry);
    this.update();
  }

  // ---- snapshots ---------------------------------------------------------------------------------------------------

  save(): LocalApicState {
    const { id, ldr, dfr, svr, icrLow, icrHigh, esr, errors } = this;
    return {
      base: this.apicBase.save(),
      words: [id, ldr, dfr, svr, icrLow, icrHigh, esr, errors],
      lvt: this.lvt.save(),
      requests: this.requests.save(),
      flags: [this.untouched, this.extInt],
      timer: this.timer.save(),
    };
  }

  load(s: LocalApicState): void {
    this.apicBase.load(s.base);
    [this.id, this.ldr, this.dfr, this.svr, this.icrLow, this.icrHigh, this.esr, this.errors] = s.words;
    this.lvt.load(s.lvt);
    this.requests.load(s.requests);
    [this.untouched, this.extInt] = s.flags;
    this.timer.load(s.timer);
    this.update();
  }
}
