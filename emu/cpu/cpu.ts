/**
 * The processor: registers (registers.ts) and segmented memory (segments.ts), put together with privilege, control
 * registers, prediction, debug registers, hooks and snapshots. What instructions do is in exec/; delivery of
 * exceptions in exceptions.ts; fetch, decode and the clock in engine.ts. SDM vol. 3, 2.
 */
import { type Accounting, CAUSE } from '../accounting.ts';
import type { AccessSize, BusKind } from '../bus.ts';
import { type Clock, TICKS_PER_CYCLE } from '../clock.ts';
import type { MmuHost } from '../mmu/control.ts';
import { GP } from '../mmu/fault.ts';
import type { Probes } from '../probe.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { Breakpoints } from './breakpoints.ts';
import { type SystemCosts, systemCosts } from './costs.ts';
import type { ApicPresence } from './cpuid.ts';
import { Fpu } from './fpu/fpu.ts';
import type { Insn } from './insn.ts';
import { Predictor } from './predictor.ts';
import { AC_FLAG, CR0_AM, CR0_CD, CR0_NW, CR0_PE, CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from './registers.ts';
import { type RepCosts, repCosts } from './rep.ts';
import { RUN, Runs } from './runs.ts';
import { CS_, LDTR_, SegmentedMemory, TR_ } from './segments.ts';

const MISPREDICT = CAUSE.mispredict;
const REP_EIP = RUN.eip;
const REP_FRACTION = RUN.fraction;
// Of registers.ts.
const EIP = 9;
const EDX = 2;
/** Type and DPL of a descriptor; present, writable, accessed data. */
const CS_TYPE = 0x7f00;
const REAL_CODE = 0x9300;

/** The I/O ports, as IN, OUT, INS and OUTS see them. Values are unsigned, in the low `size` bytes. */
export interface PortBus {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
  /** Which bus an access to `port` goes over; it decides the cost. */
  busOf(port: number): BusKind;
}

/** The local APIC as the core sees it: CPUID's bit and the MSR APIC_BASE. */
export interface CoreApic extends ApicPresence {
  base(): { lo: number; hi: number };
  /** WRMSR; reserved bits were checked. The registers move, appear or vanish. */
  setBase(lo: number, hi: number): void;
}

export class Cpu extends SegmentedMemory {
  readonly accounting: Accounting;
  readonly clock: Clock;
  readonly profile: Profile;
  /** Model-specific registers by number; see msr.ts. */
  readonly msrs = new Map<number, { lo: number; hi: number }>();

  private inShadow = false;
  private isHalted = false;
  private isShutdown = false;
  /** Exceptions and interrupts delivered since reset; tells the engine that an instruction ended in one. */
  deliveries = 0;
  /** Retired instructions since reset, up to the block that runs; `retiredInBlock` adds those of the block itself. */
  instructions = 0;
  retiredInBlock: () => number = () => 0;
  /** An NMI is being handled: the next one waits for IRET (SDM vol. 3, 6.7.1). */
  nmiBlocked = false;
  /** A task switch has passed its commit point: faults now belong to the new task, at `eip`. Valid within one delivery. */
  taskSwitched = false;
  /** What the processor's own procedures cost, in ticks. */
  readonly costs: SystemCosts;
  /** The I/O ports; null reads all ones. */
  ports: PortBus | null = null;
  /** The local APIC; null where there is none. */
  apic: CoreApic | null = null;
  /** The guest asked for something that this model lacks (an unknown MSR); each number is told once. */
  onUnknown: ((what: 'msr', number: number) => void) | null = null;
  /** Unknown MSRs that were told about; not part of the machine's state. */
  readonly unknownMsrs = new Set<number>();
  /** The tools that listen. */
  readonly probes: Probes;
  readonly fpu: Fpu;
  readonly predictor: Predictor;
  readonly breakpoints: Breakpoints;
  /** Debug exceptions wait until the next instruction is done (MOV SS, POP SS); `shadow` is set then too. */
  debugShadow = false;
  /** Ticks of a mispredicted branch. */
  readonly mispredictTicks: number;
  readonly rep: RepCosts;
  /** EIP of a REP instruction that has more rounds to do, or -1; and the fraction of a tick it carries. */
  get repEip(): number {
    return this.runs.cells[REP_EIP];
  }
  set repEip(eip: number) {
    this.runs.cells[REP_EIP] = eip;
  }
  get repFraction(): number {
    return this.runs.cells[REP_FRACTION];
  }
  set repFraction(fraction: number) {
    this.runs.cells[REP_FRACTION] = fraction;
  }
  readonly runs: Runs;
  /** Issue ticks, up to the running instruction's, that are not charged yet: of the engine. */
  issue: { due: number } = { due: 0 };
  /** The tick from which a head has work to do, while nothing but the clock and `leave` can give it any; else -1. */
  headAt = -1;

  constructor(profile: Profile, state: State, accounting: Accounting, clock: Clock, host: MmuHost) {
    super(profile, state, accounting, host);
    this.profile = profile;
    this.probes = this.mmu.probes;
    this.accounting = accounting;
    this.clock = clock;
    this.predictor = new Predictor(profile, state);
    this.fpu = new Fpu(state);
    this.mispredictTicks = profile.timing ? profile.predictor.mispredict.value * TICKS_PER_CYCLE : 0;
    this.rep = repCosts(profile);
    this.costs = systemCosts(profile);
    this.breakpoints = new Breakpoints(this.mmu);
    this.runs = new Runs(this, state);
    this.startProtected();
  }

  /**
   * Power-up and reset (SDM vol. 3, table 9-1): real-address mode at F000:FFF0, with the base of CS in the last
   * 64 KiB below 4 GiB. MSRs, counters and RAM keep what they hold, as after INIT.
   */
  reset(): void {
    this.initial(CR0_CD | CR0_NW);
    for (let s = 0; s < 6; s++) this.setSegment(s, 0, 0, 0xffff, 0x9300);
    this.setSegment(CS_, 0xf000, 0xffff_0000 | 0, 0xffff, 0x9300);
    this.setIdt(0, 0xffff);
    this.setGdt(0, 0xffff);
    this.r32[EDX] = this.profile.cpuid.signature.value;
    this.eip = 0xfff0;
  }

  /** As a Multiboot loader leaves the processor: flat 32-bit protected mode. The descriptors are in no table. */
  startProtected(): void {
    this.initial(CR0_PE);
    for (let s = 0; s < 6; s++)
      this.setSegment(s, s === CS_ ? 8 : 16, 0, 0xffff_ffff, s === CS_ ? 0xcf9b00 : 0xcf9300);
    this.setSegment(LDTR_, 0, 0, 0, 0);
  }

  private initial(cr0: number): void {
    this.r32.fill(0);
    this.fpu.reset();
    this.eflags = 2;
    this.setCr3(0);
    this.storeCr4(0);
    this.setCr0(cr0);
    this.setDr(6, 0xffff0ff0 | 0);
    this.setDr(7, 0x400);
    this.setSegment(LDTR_, 0, 0, 0xffff, 0x8200);
    this.setSegment(TR_, 0, 0, 0xffff, 0x8b00);
    this.setPrivilege(0);
    this.shadow = this.debugShadow = this.halted = this.shutdown = this.nmiBlocked = false;
    this.repEip = -1;
    this.breakpoints.hits = 0;
  }

  /** Set by instructions that hold interrupts off until the next one is done (STI, MOV SS, POP SS). */
  get shadow(): boolean {
    return this.inShadow;
  }
  set shadow(on: boolean) {
    this.inShadow = on;
    this.leave = true;
  }
  /** HLT was executed; the engine waits for an interrupt. */
  get halted(): boolean {
    return this.isHalted;
  }
  set halted(on: boolean) {
    this.isHalted = on;
    this.leave = true;
  }
  /** A triple fault, or a reset that a device asked for: the machine's end. */
  get shutdown(): boolean {
    return this.isShutdown;
  }
  set shutdown(on: boolean) {
    this.isShutdown = on;
    this.leave = true;
  }

  /** Stores a debug register and puts the breakpoints that follow from it in force. */
  setDr(n: number, v: number): void {
    this.storeDr(n, v);
    if (n !== 6) this.breakpoints.update(this.debugRegisters());
  }

  /** Sets CPL and with it the privilege of every data access. */
  setPrivilege(cpl: number): void {
    this.storeCpl(cpl);
    this.mmu.setUser(cpl === 3);
  }

  /** Real-address mode is at CPL 0, and its CS may be written to, as a data segment (SDM vol. 3, 20.1.1). */
  setCr0(v: number): void {
    const leaves = this.protectedMode && !(v & CR0_PE);
    this.storeCr0(v);
    this.updateControl();
    if (!leaves) return;
    this.setPrivilege(0);
    const code = (this.segmentAttributes(CS_) & ~CS_TYPE) | REAL_CODE;
    this.setSegment(CS_, this.selector(CS_), this.segmentBase(CS_), this.segmentLimit(CS_), code);
  }

  setCr4(v: number): void {
    this.storeCr4(v);
    this.updateControl();
  }

  /** Loads CR3 and flushes what is not global. The ticks are charged by the instruction or task switch. */
  setCr3(v: number): void {
    const from = this.cr3;
    this.storeCr3(v);
    this.mmu.loadDirectory(v);
    for (const tell of this.probes.directoryLoaded) tell(from, this.cr3);
  }

  private updateControl(): void {
    const { cr0, cr4 } = this;
    this.mmu.setControl(
      (cr0 & CR0_PG) !== 0,
      (cr0 & CR0_WP) !== 0,
      (cr4 & CR4_PSE) !== 0,
      (cr4 & CR4_PGE) !== 0,
    );
    this.mmu.setCacheDisable((cr0 & CR0_CD) !== 0);
    this.alignmentChanged();
  }

  protected override alignmentChanged(): void {
    this.mmu.setAlignmentCheck((this.cr0 & CR0_AM) !== 0 && (this.systemFlags & AC_FLAG) !== 0);
  }

  // ---- faults ------------------------------------------------------------------------------------------------
  /** A near jump. */
  jump(target: number): void {
    this.checkTarget(target);
    this.r32[EIP] = target;
  }

  /** A conditional branch to i.imm (the target, computed by the decoder), and what its prediction costs. */
  branch(i: Insn, taken: boolean): void {
    if (taken) this.jump(i.imm);
    else this.r32[EIP] = i.next;
    if (this.predictor.conditional(i.eip, taken)) this.mispredicted();
  }

  mispredicted(): void {
    this.charge(MISPREDICT, this.mispredictTicks);
  }

  /** Throws exception `vector` with `error` (-1: the vector pushes none). */
  raise(vector: number, error = -1): never {
    throw this.fault.set(vector, error);
  }

  /** #GP(0) unless CPL is 0. */
  requireRing0(): void {
    if (this.cpl !== 0) throw this.fault.set(GP, 0);
  }

  /** #GP(0) unless CPL ≤ IOPL. */
  requireIopl(): void {
    if (this.cpl > this.iopl) throw this.fault.set(GP, 0);
  }

  /** Charges `ticks` of `cause` now, after what the engine has issued so far. */
  charge(cause: number, ticks: number): void {
    this.mmu.sync();
    this.accounting.charge(cause, ticks);
  }

  // ---- snapshots ---------------------------------------------------------------------------------------------

  saveState(): unknown {
    return {
      mmu: this.mmu.save(),
      shadow: this.shadow,
      debug: [this.debugShadow ? 1 : 0, this.breakpoints.hits],
      halted: this.halted,
      shutdown: this.shutdown,
      nmiBlocked: this.nmiBlocked,
      instructions: this.instructions,
      deliveries: this.deliveries,
      rep: [this.repEip, this.repFraction],
      predictor: this.predictor.save(),
      msrs: [...this.msrs],
    };
  }

  /** After the state memory was copied back. */
  loadState(state: unknown): void {
    const s = state as {
      mmu: unknown;
      shadow: boolean;
      debug: number[];
      halted: boolean;
      shutdown: boolean;
      nmiBlocked: boolean;
      instructions: number;
      deliveries: number;
      rep: number[];
      predictor: number[];
      msrs: [number, { lo: number; hi: number }][];
    };
    this.mmu.load(s.mmu);
    this.shadow = s.shadow;
    this.debugShadow = s.debug[0] === 1;
    this.breakpoints.hits = s.debug[1];
    this.breakpoints.update(this.debugRegisters());
    this.halted = s.halted;
    this.shutdown = s.shutdown;
    this.nmiBlocked = s.nmiBlocked;
    this.instructions = s.instructions;
    this.deliveries = s.deliveries;
    [this.repEip, this.repFraction] = s.rep;
    this.predictor.load(s.predictor);
    this.msrs.clear();
    for (const [k, v] of s.msrs) this.msrs.set(k, { ...v });
    for (let i = 0; i < 8; i++) this.deriveSegment(i);
    this.alignmentChanged();
    this.leave = true;
  }
}
