/**
 * The processor's state and its elementary operations: registers, lazy flags, segmented loads and stores, the
 * stack, privilege. What instructions do with them is in exec/; delivery of exceptions in exceptions.ts; fetch,
 * decode and the clock in engine.ts. SDM vol. 1, 3.4 and vol. 3, 2–3.
 *
 * Lazy flags. RES holds the last result, sign-extended; AUX its carry vector: bit 31 is CF, bit 30 the carry into
 * the sign (so OF is their XOR), bit 3 AF; bit 0 flips SF and bits 8–15 are XORed into PF's byte, for flag sets
 * that no result has (POPF). ZF is RES = 0. EFLAGS in the state holds the other flags only.
 */
import { type Accounting, CAUSE } from '../accounting.ts';
import type { AccessSize, BusKind } from '../bus.ts';
import { type Clock, TICKS_PER_CYCLE } from '../clock.ts';
import { CpuFault, GP, SS } from '../mmu/fault.ts';
import { Mmu, type MmuHost } from '../mmu/mmu.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import { Breakpoints } from './breakpoints.ts';
import { type SystemCosts, systemCosts } from './costs.ts';
import type { Insn } from './insn.ts';
import { Predictor } from './predictor.ts';
import { type RepCosts, repCosts } from './rep.ts';

const MISPREDICT = CAUSE.mispredict;

// Slots of the state array; 0–7 are the general registers, 8 always reads 0.
const ESP = 4;
const EIP = 9;
const RES = 10;
const AUX = 11;
const EFLAGS = 12;
const CR0 = 13;
const CR2 = 14;
const CR3 = 15;
const CR4 = 16;
const CPL = 17;
const DR = 18; // eight of them
const GDT_BASE = 26;
const GDT_LIMIT = 27;
const IDT_BASE = 28;
const IDT_LIMIT = 29;
const SEGMENTS = 32; // selector, base, limit, attributes for each of ES CS SS DS FS GS LDTR TR
const STATE_LENGTH = 32 + 8 * 4;

/** Segment registers in the order of their encoding, then the two system ones. */
export const ES_ = 0;
export const CS_ = 1;
export const SS_ = 2;
export const DS_ = 3;
export const FS_ = 4;
export const GS_ = 5;
export const LDTR_ = 6;
export const TR_ = 7;

export const CF = 0x001;
export const PF = 0x004;
export const AF = 0x010;
export const ZF = 0x040;
export const SF = 0x080;
export const TF = 0x100;
export const IF = 0x200;
export const DF = 0x400;
export const OF = 0x800;
export const IOPL = 0x3000;
export const NT = 0x4000;
export const RF = 0x1_0000;
export const VM = 0x2_0000;
export const AC_FLAG = 0x4_0000;
export const ID = 0x20_0000;
const ARITHMETIC = CF | PF | AF | ZF | SF | OF;
const STORED = TF | IF | DF | IOPL | NT | RF | VM | AC_FLAG | ID;

export const CR0_PE = 1;
export const CR0_MP = 2;
export const CR0_EM = 4;
export const CR0_TS = 8;
export const CR0_ET = 0x10;
export const CR0_NE = 0x20;
export const CR0_WP = 0x1_0000;
export const CR0_AM = 0x4_0000;
export const CR0_PG = 0x8000_0000 | 0;
export const CR4_TSD = 0x004;
export const CR4_DE = 0x008;
export const CR4_PSE = 0x010;
export const CR4_PGE = 0x080;
export const CR4_PCE = 0x100;

/** Attribute word of a loaded segment: the descriptor's second dword (access byte, G, D/B, AVL). */
export const SEG_TYPE_SHIFT = 8;
export const SEG_S = 0x1000; // code or data (not system)
export const SEG_DPL_SHIFT = 13;
export const SEG_P = 0x8000;
export const SEG_DB = 0x40_0000;
export const SEG_G = 0x80_0000;
export const SEG_CODE = 0x800;
export const SEG_EXPAND_DOWN = 0x400; // data; conforming for code
export const SEG_RW = 0x200; // writable data, readable code
export const SEG_ACCESSED = 0x100;

const PARITY = new Uint8Array(256);
for (let i = 0; i < 256; i++) {
  let ones = 0;
  for (let b = i; b; b >>= 1) ones += b & 1;
  PARITY[i] = ones & 1 ? 0 : 1;
}

/** How an event reached its handler: it decides privilege checks, the pushed RF and the EXT bit of error codes. */
export type EventKind = 'fault' | 'trap' | 'software' | 'external';

/** The I/O ports, as IN, OUT, INS and OUTS see them. Values are unsigned, in the low `size` bytes. */
export interface PortBus {
  readPort(port: number, size: AccessSize): number;
  writePort(port: number, size: AccessSize, value: number): void;
  /** Which bus an access to `port` goes over; it decides the cost. */
  busOf(port: number): BusKind;
}

export class Cpu {
  /** All integer state; dwords 0–7 are EAX ECX EDX EBX ESP EBP ESI EDI. */
  readonly r32: Int32Array;
  readonly r16: Uint16Array;
  readonly r8: Uint8Array;
  readonly mmu: Mmu;
  readonly accounting: Accounting;
  readonly clock: Clock;
  readonly fault: CpuFault;
  readonly profile: Profile;
  /** Model-specific registers by number; see msr.ts. */
  readonly msrs = new Map<number, { lo: number; hi: number }>();

  /** Highest offset that a read or write through each segment register may reach; -1 sends it to the slow check. */
  private readonly readTop = new Float64Array(8).fill(-1);
  private readonly writeTop = new Float64Array(8).fill(-1);
  private readonly base: Int32Array;
  /** The stack pointer is ESP (B flag of SS set) or SP. */
  private stackBig = true;
  /** CS.D: default operand and address size is 32. */
  codeBig = true;
  private inShadow = false;
  private isHalted = false;
  private isShutdown = false;
  /**
   * Something happened that a head must look at before the next block: interrupts opened, TF set, a device was
   * touched, a host's hook ran. Set freely; the engine clears it at the head.
   */
  leave = false;
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
  /** Hooks for tools; they see, and change nothing. After an event reached its handler; after IRET. */
  onDeliver: ((vector: number, error: number, kind: EventKind, returnEip: number) => void) | null = null;
  onReturn: (() => void) | null = null;
  /** The guest asked for something that this model lacks (an unknown MSR); each number is told once. */
  onUnknown: ((what: 'msr', number: number) => void) | null = null;
  /** Unknown MSRs that were told about; not part of the machine's state. */
  readonly unknownMsrs = new Set<number>();
  readonly predictor: Predictor;
  readonly breakpoints: Breakpoints;
  /** Debug exceptions wait until the next instruction is done (MOV SS, POP SS); `shadow` is set then too. */
  debugShadow = false;
  /** Ticks of a mispredicted branch. */
  readonly mispredictTicks: number;
  readonly rep: RepCosts;
  /** EIP of a REP instruction that has more rounds to do, or -1; and the fraction of a tick it carries. */
  repEip = -1;
  repFraction = 0;
  /** One number for what decoding depends on: CS's limit and default size. */
  codeMode = 0;
  /** Limit of CS, unsigned. */
  private codeLimit = 0;

  constructor(profile: Profile, state: State, accounting: Accounting, clock: Clock, host: MmuHost) {
    this.profile = profile;
    this.r32 = state.int32('cpu', STATE_LENGTH);
    this.r16 = new Uint16Array(this.r32.buffer, this.r32.byteOffset, 32);
    this.r8 = new Uint8Array(this.r32.buffer, this.r32.byteOffset, 32);
    this.base = new Int32Array(8);
    this.fault = new CpuFault();
    this.accounting = accounting;
    this.clock = clock;
    this.predictor = new Predictor(profile, state);
    this.mispredictTicks = profile.timing ? profile.predictor.mispredict.value * TICKS_PER_CYCLE : 0;
    this.rep = repCosts(profile);
    this.costs = systemCosts(profile);
    this.mmu = new Mmu(profile, state, accounting, this.fault, host);
    this.breakpoints = new Breakpoints(this.mmu);
    this.resetState();
  }

  /** What the processor holds after reset, except that we start in flat 32-bit protected mode, as Multiboot leaves it. */
  resetState(): void {
    this.r32.fill(0);
    this.r32[CR0] = CR0_PE | CR0_ET;
    this.r32[DR + 6] = 0xffff0ff0 | 0;
    this.setDr(7, 0x400);
    this.r32[IDT_LIMIT] = 0;
    for (let s = 0; s < 6; s++)
      this.setSegment(s, s === CS_ ? 8 : 16, 0, 0xffff_ffff, s === CS_ ? 0xcf9b00 : 0xcf9300);
    this.setSegment(LDTR_, 0, 0, 0, 0);
    this.setSegment(TR_, 0, 0, 0xffff, 0x8b00);
    this.setPrivilege(0);
    this.updateControl();
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

  // ---- plain state -------------------------------------------------------------------------------------------

  get eip(): number {
    return this.r32[EIP];
  }
  set eip(v: number) {
    this.r32[EIP] = v;
  }
  get esp(): number {
    return this.r32[ESP];
  }
  set esp(v: number) {
    this.r32[ESP] = v;
  }
  get cpl(): number {
    return this.r32[CPL];
  }
  get cr0(): number {
    return this.r32[CR0];
  }
  get cr2(): number {
    return this.r32[CR2];
  }
  set cr2(v: number) {
    this.r32[CR2] = v;
  }
  get cr3(): number {
    return this.r32[CR3];
  }
  get cr4(): number {
    return this.r32[CR4];
  }
  dr(n: number): number {
    return this.r32[DR + n];
  }
  setDr(n: number, v: number): void {
    this.r32[DR + n] = v;
    if (n !== 6) this.breakpoints.update(this.r32.subarray(DR, DR + 8));
  }
  get gdtBase(): number {
    return this.r32[GDT_BASE];
  }
  get gdtLimit(): number {
    return this.r32[GDT_LIMIT];
  }
  get idtBase(): number {
    return this.r32[IDT_BASE];
  }
  get idtLimit(): number {
    return this.r32[IDT_LIMIT];
  }
  setGdt(base: number, limit: number): void {
    this.r32[GDT_BASE] = base;
    this.r32[GDT_LIMIT] = limit;
  }
  setIdt(base: number, limit: number): void {
    this.r32[IDT_BASE] = base;
    this.r32[IDT_LIMIT] = limit;
  }

  get protectedMode(): boolean {
    return (this.r32[CR0] & CR0_PE) !== 0;
  }
  get iopl(): number {
    return (this.r32[EFLAGS] & IOPL) >> 12;
  }
  get interruptsOn(): boolean {
    return (this.r32[EFLAGS] & IF) !== 0;
  }
  get directionDown(): boolean {
    return (this.r32[EFLAGS] & DF) !== 0;
  }
  get trapFlag(): boolean {
    return (this.r32[EFLAGS] & TF) !== 0;
  }

  /** Sets CPL and with it the privilege of every data access. */
  setPrivilege(cpl: number): void {
    this.r32[CPL] = cpl;
    this.mmu.setUser(cpl === 3);
  }

  setCr0(v: number): void {
    this.r32[CR0] = v | CR0_ET;
    this.updateControl();
  }

  setCr4(v: number): void {
    this.r32[CR4] = v;
    this.updateControl();
  }

  /** Loads CR3 and flushes what is not global. The ticks are charged by the instruction or task switch. */
  setCr3(v: number): void {
    this.r32[CR3] = v;
    this.mmu.loadDirectory(v);
  }

  private updateControl(): void {
    const cr0 = this.r32[CR0];
    const cr4 = this.r32[CR4];
    this.mmu.setControl(
      (cr0 & CR0_PG) !== 0,
      (cr0 & CR0_WP) !== 0,
      (cr4 & CR4_PSE) !== 0,
      (cr4 & CR4_PGE) !== 0,
    );
  }

  // ---- segments ----------------------------------------------------------------------------------------------

  selector(s: number): number {
    return this.r32[SEGMENTS + s * 4];
  }
  segmentBase(s: number): number {
    return this.base[s];
  }
  /** Highest valid offset (or, for expand-down, highest invalid one), unsigned. */
  segmentLimit(s: number): number {
    return this.r32[SEGMENTS + s * 4 + 2] >>> 0;
  }
  /** The descriptor's second dword as loaded; 0 for a null segment. */
  segmentAttributes(s: number): number {
    return this.r32[SEGMENTS + s * 4 + 3];
  }

  /** Loads a segment register's hidden part; `limit` in bytes (granularity applied). No checks, no memory access. */
  setSegment(s: number, selector: number, base: number, limit: number, attributes: number): void {
    const at = SEGMENTS + s * 4;
    this.r32[at] = selector;
    this.r32[at + 1] = base;
    this.r32[at + 2] = limit | 0;
    this.r32[at + 3] = attributes;
    this.deriveSegment(s);
  }

  /** Recomputes what is derived from the hidden part (after setSegment or a loaded snapshot). */
  private deriveSegment(s: number): void {
    const at = SEGMENTS + s * 4;
    const attributes = this.r32[at + 3];
    const limit = this.r32[at + 2] >>> 0;
    this.base[s] = this.r32[at + 1];
    const usable = (attributes & SEG_P) !== 0 && (attributes & SEG_S) !== 0;
    const code = (attributes & SEG_CODE) !== 0;
    const down = !code && (attributes & SEG_EXPAND_DOWN) !== 0;
    this.readTop[s] = usable && !down && (!code || (attributes & SEG_RW) !== 0) ? limit : -1;
    this.writeTop[s] = usable && !down && !code && (attributes & SEG_RW) !== 0 ? limit : -1;
    if (s === SS_) this.stackBig = (attributes & SEG_DB) !== 0;
    if (s === CS_) {
      this.codeBig = (attributes & SEG_DB) !== 0;
      this.codeLimit = limit;
      this.codeMode = (limit | 0) ^ (this.codeBig ? 0 : 0x5555_5555);
    }
  }

  get bigStack(): boolean {
    return this.stackBig;
  }

  /** Slow check of an access that the fast one refused; returns if it is allowed, else throws #GP(0) or #SS(0). */
  private checkSegment(s: number, offset: number, size: number, write: boolean): void {
    const attributes = this.segmentAttributes(s);
    const limit = this.segmentLimit(s);
    const last = (offset >>> 0) + size - 1;
    const code = (attributes & SEG_CODE) !== 0;
    let ok = (attributes & SEG_P) !== 0 && (attributes & SEG_S) !== 0;
    if (write) ok &&= !code && (attributes & SEG_RW) !== 0;
    else ok &&= !code || (attributes & SEG_RW) !== 0;
    if (ok && !code && attributes & SEG_EXPAND_DOWN)
      ok = offset >>> 0 > limit && last <= (attributes & SEG_DB ? 0xffff_ffff : 0xffff);
    else ok &&= last <= limit;
    if (!ok) throw this.fault.set(s === SS_ ? SS : GP, 0);
  }

  // ---- loads and stores --------------------------------------------------------------------------------------

  /** The memory operand's offset in its segment. */
  ea(i: Insn): number {
    const a = (this.r32[i.base] + (this.r32[i.index] << i.scale) + i.disp) | 0;
    return i.a32 ? a : a & 0xffff;
  }

  load8(s: number, offset: number): number {
    if (offset >>> 0 > this.readTop[s]) this.checkSegment(s, offset, 1, false);
    return this.mmu.read8((offset + this.base[s]) | 0);
  }
  load16(s: number, offset: number): number {
    if ((offset >>> 0) + 1 > this.readTop[s]) this.checkSegment(s, offset, 2, false);
    return this.mmu.read16((offset + this.base[s]) | 0);
  }
  load32(s: number, offset: number): number {
    if ((offset >>> 0) + 3 > this.readTop[s]) this.checkSegment(s, offset, 4, false);
    return this.mmu.read32((offset + this.base[s]) | 0);
  }
  store8(s: number, offset: number, v: number): void {
    if (offset >>> 0 > this.writeTop[s]) this.checkSegment(s, offset, 1, true);
    this.mmu.write8((offset + this.base[s]) | 0, v);
  }
  store16(s: number, offset: number, v: number): void {
    if ((offset >>> 0) + 1 > this.writeTop[s]) this.checkSegment(s, offset, 2, true);
    this.mmu.write16((offset + this.base[s]) | 0, v);
  }
  store32(s: number, offset: number, v: number): void {
    if ((offset >>> 0) + 3 > this.writeTop[s]) this.checkSegment(s, offset, 4, true);
    this.mmu.write32((offset + this.base[s]) | 0, v);
  }

  /** A load of `size` bytes: zero-extended for 1 and 2, int32 for 4. */
  load(s: number, offset: number, size: number): number {
    return size === 4 ? this.load32(s, offset) : size === 1 ? this.load8(s, offset) : this.load16(s, offset);
  }
  store(s: number, offset: number, size: number, v: number): void {
    if (size === 4) this.store32(s, offset, v);
    else if (size === 1) this.store8(s, offset, v);
    else this.store16(s, offset, v);
  }
  /** A load whose operand is going to be written: raises the write's faults first, so that nothing is half done. */
  loadForWrite(s: number, offset: number, size: number): number {
    if ((offset >>> 0) + size - 1 > this.writeTop[s]) this.checkSegment(s, offset, size, true);
    this.mmu.probeWrite((offset + this.base[s]) | 0, size);
    return this.load(s, offset, size);
  }

  /** Raises the faults of a store of `size` bytes, any number up to a page, and does nothing else. */
  probeStore(s: number, offset: number, size: number): void {
    if ((offset >>> 0) + size - 1 > this.writeTop[s]) this.checkSegment(s, offset, size, true);
    this.mmu.probeWrite((offset + this.base[s]) | 0, size);
  }

  /** Descriptor tables, TSS and gates: supervisor accesses whatever the CPL, by linear address. */
  systemRead32(lin: number): number {
    const user = this.mmu.isUser;
    this.mmu.setUser(false);
    try {
      return this.mmu.read32(lin | 0);
    } finally {
      this.mmu.setUser(user);
    }
  }
  systemRead16(lin: number): number {
    const user = this.mmu.isUser;
    this.mmu.setUser(false);
    try {
      return this.mmu.read16(lin | 0);
    } finally {
      this.mmu.setUser(user);
    }
  }
  systemWrite32(lin: number, v: number): void {
    const user = this.mmu.isUser;
    this.mmu.setUser(false);
    try {
      this.mmu.write32(lin | 0, v);
    } finally {
      this.mmu.setUser(user);
    }
  }
  systemWrite16(lin: number, v: number): void {
    const user = this.mmu.isUser;
    this.mmu.setUser(false);
    try {
      this.mmu.write16(lin | 0, v);
    } finally {
      this.mmu.setUser(user);
    }
  }

  /** Raises the page fault of a system write of `size` bytes, up to a page. */
  systemProbeWrite(lin: number, size: number): void {
    const user = this.mmu.isUser;
    this.mmu.setUser(false);
    try {
      this.mmu.probeWrite(lin | 0, size);
    } finally {
      this.mmu.setUser(user);
    }
  }

  // ---- general registers by size -----------------------------------------------------------------------------

  /** Register by index into the view of `size` (see insn.ts): zero-extended for 1 and 2, int32 for 4. */
  getReg(index: number, size: number): number {
    return size === 4 ? this.r32[index] : size === 1 ? this.r8[index] : this.r16[index];
  }
  setReg(index: number, size: number, v: number): void {
    if (size === 4) this.r32[index] = v;
    else if (size === 1) this.r8[index] = v;
    else this.r16[index] = v;
  }

  // ---- stack -------------------------------------------------------------------------------------------------

  /** Offset of the stack's top within SS. */
  get stackTop(): number {
    return this.stackBig ? this.r32[ESP] : this.r16[ESP * 2];
  }
  /** Sets ESP or SP, by SS.B. */
  setStackTop(v: number): void {
    if (this.stackBig) this.r32[ESP] = v;
    else this.r16[ESP * 2] = v;
  }
  push32(v: number): void {
    const top = this.stackBig ? (this.r32[ESP] - 4) | 0 : (this.r16[ESP * 2] - 4) & 0xffff;
    this.store32(SS_, top, v);
    this.setStackTop(top);
  }
  push16(v: number): void {
    const top = this.stackBig ? (this.r32[ESP] - 2) | 0 : (this.r16[ESP * 2] - 2) & 0xffff;
    this.store16(SS_, top, v);
    this.setStackTop(top);
  }
  pop32(): number {
    const top = this.stackTop;
    const v = this.load32(SS_, top);
    this.setStackTop((top + 4) | 0);
    return v;
  }
  pop16(): number {
    const top = this.stackTop;
    const v = this.load16(SS_, top);
    this.setStackTop((top + 2) | 0);
    return v;
  }
  push(v: number, o32: boolean): void {
    if (o32) this.push32(v);
    else this.push16(v);
  }
  pop(o32: boolean): number {
    return o32 ? this.pop32() : this.pop16();
  }

  // ---- flags -------------------------------------------------------------------------------------------------

  /** Sets the arithmetic flags from a result (sign-extended) and its carry vector; see the header. */
  setLazy(result: number, aux: number): void {
    this.r32[RES] = result;
    this.r32[AUX] = aux;
  }
  get cf(): number {
    return this.r32[AUX] >>> 31;
  }
  get of(): number {
    return (this.r32[AUX] ^ (this.r32[AUX] << 1)) >>> 31;
  }
  get af(): number {
    return (this.r32[AUX] >>> 3) & 1;
  }
  get zf(): number {
    return this.r32[RES] === 0 ? 1 : 0;
  }
  get sf(): number {
    return (this.r32[RES] >>> 31) ^ (this.r32[AUX] & 1);
  }
  get pf(): number {
    return PARITY[(this.r32[RES] ^ (this.r32[AUX] >>> 8)) & 0xff];
  }
  /** Sets CF alone; OF and the rest keep their values. */
  setCf(cf: number): void {
    const aux = this.r32[AUX];
    const of = (aux ^ (aux << 1)) >>> 31;
    this.r32[AUX] = (aux & 0x3fff_ffff) | (cf << 31) | ((cf ^ of) << 30);
  }
  setCfOf(cf: number, of: number): void {
    this.r32[AUX] = (this.r32[AUX] & 0x3fff_ffff) | (cf << 31) | ((cf ^ of) << 30);
  }
  setZf(zf: number): void {
    const eflags = this.eflags;
    this.setArithmetic(zf ? eflags | ZF : eflags & ~ZF);
  }
  /** Sets all six arithmetic flags from an EFLAGS image. */
  setArithmetic(f: number): void {
    const cf = f & 1;
    const of = (f >>> 11) & 1;
    this.r32[RES] = f & ZF ? 0 : 0x100;
    this.r32[AUX] =
      (cf << 31) | ((cf ^ of) << 30) | (f & AF ? 8 : 0) | (f & SF ? 1 : 0) | (f & PF ? 0 : 0x100);
  }
  /** The whole register. */
  get eflags(): number {
    return (
      this.r32[EFLAGS] |
      2 |
      this.cf |
      (this.pf << 2) |
      (this.af << 4) |
      (this.zf << 6) |
      (this.sf << 7) |
      (this.of << 11)
    );
  }
  set eflags(v: number) {
    this.setArithmetic(v & ARITHMETIC);
    this.r32[EFLAGS] = v & STORED;
    if (v & (TF | IF | RF)) this.leave = true;
  }
  /** The flags that are not arithmetic: TF IF DF IOPL NT RF VM AC ID. */
  get systemFlags(): number {
    return this.r32[EFLAGS];
  }
  setSystemFlag(bit: number, on: boolean): void {
    if (on) this.r32[EFLAGS] |= bit;
    else this.r32[EFLAGS] &= ~bit;
  }

  /** The condition of Jcc, SETcc and CMOVcc by its number (SDM vol. 2, appendix B.1.4.7). */
  condition(cc: number): boolean {
    const r = this.r32;
    switch (cc) {
      case 0:
        return this.of !== 0;
      case 1:
        return this.of === 0;
      case 2:
        return r[AUX] < 0;
      case 3:
        return r[AUX] >= 0;
      case 4:
        return r[RES] === 0;
      case 5:
        return r[RES] !== 0;
      case 6:
        return r[AUX] < 0 || r[RES] === 0;
      case 7:
        return r[AUX] >= 0 && r[RES] !== 0;
      case 8:
        return this.sf !== 0;
      case 9:
        return this.sf === 0;
      case 10:
        return this.pf !== 0;
      case 11:
        return this.pf === 0;
      case 12:
        return this.sf !== this.of;
      case 13:
        return this.sf === this.of;
      case 14:
        return r[RES] === 0 || this.sf !== this.of;
      default:
        return r[RES] !== 0 && this.sf === this.of;
    }
  }

  // ---- faults ------------------------------------------------------------------------------------------------

  /** #GP(0) if `target` lies beyond the limit of CS. */
  checkTarget(target: number): void {
    if (target >>> 0 > this.codeLimit) throw this.fault.set(GP, 0);
  }

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
    if (this.r32[CPL] !== 0) throw this.fault.set(GP, 0);
  }

  /** #GP(0) unless CPL ≤ IOPL. */
  requireIopl(): void {
    if (this.r32[CPL] > this.iopl) throw this.fault.set(GP, 0);
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
      rep: number[];
      predictor: number[];
      msrs: [number, { lo: number; hi: number }][];
    };
    this.mmu.load(s.mmu);
    this.shadow = s.shadow;
    this.debugShadow = s.debug[0] === 1;
    this.breakpoints.hits = s.debug[1];
    this.breakpoints.update(this.r32.subarray(DR, DR + 8));
    this.halted = s.halted;
    this.shutdown = s.shutdown;
    this.nmiBlocked = s.nmiBlocked;
    this.instructions = s.instructions;
    [this.repEip, this.repFraction] = s.rep;
    this.predictor.load(s.predictor);
    this.msrs.clear();
    for (const [k, v] of s.msrs) this.msrs.set(k, { ...v });
    for (let i = 0; i < 8; i++) this.deriveSegment(i);
    this.leave = true;
  }
}
