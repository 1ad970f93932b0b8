/**
 * The processor's registers: general ones by size, EFLAGS with its lazy arithmetic part, the conditions, and the
 * plain state that only needs a place (control registers, table registers). SDM vol. 1, 3.4 and vol. 3, 2.
 *
 * Lazy flags. RES holds the last result, sign-extended; AUX its carry vector: bit 31 is CF, bit 30 the carry into
 * the sign (so OF is their XOR), bit 3 AF; bit 0 flips SF and bits 8–15 are XORed into PF's byte, for flag sets
 * that no result has (POPF). ZF is RES = 0. EFLAGS in the state holds the other flags only.
 */
import type { State } from '../state.ts';

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
/** Slots of a segment register start here. */
export const SEGMENTS = 32; // selector, base, limit, attributes for each of ES CS SS DS FS GS LDTR TR
const STATE_LENGTH = 32 + 8 * 4;
/** Where compiled code finds the registers: dwords of the state. */
export const PLACE = {
  esp: ESP,
  eip: EIP,
  result: RES,
  aux: AUX,
  eflags: EFLAGS,
  cr0: CR0,
  cpl: CPL,
  gdtBase: GDT_BASE,
  gdtLimit: GDT_LIMIT,
  idtBase: IDT_BASE,
  idtLimit: IDT_LIMIT,
  segments: SEGMENTS,
} as const;

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
export const STORED = TF | IF | DF | IOPL | NT | RF | VM | AC_FLAG | ID;
/** Every flag that there is. */
export const ALL_FLAGS = ARITHMETIC | STORED;

export const CR0_PE = 1;
export const CR0_MP = 2;
export const CR0_EM = 4;
export const CR0_TS = 8;
export const CR0_ET = 0x10;
export const CR0_NE = 0x20;
export const CR0_WP = 0x1_0000;
export const CR0_AM = 0x4_0000;
export const CR0_NW = 0x2000_0000;
export const CR0_CD = 0x4000_0000;
export const CR0_PG = 0x8000_0000 | 0;
/** CR3's bits that are not reserved: the directory, PCD and PWT. The others are ignored. */
export const CR3_KNOWN = 0xffff_f018 | 0;
export const CR4_TSD = 0x004;
export const CR4_DE = 0x008;
export const CR4_PSE = 0x010;
export const CR4_PGE = 0x080;
export const CR4_PCE = 0x100;

const PARITY = new Uint8Array(256);
for (let i = 0; i < 256; i++) {
  let ones = 0;
  for (let b = i; b; b >>= 1) ones += b & 1;
  PARITY[i] = ones & 1 ? 0 : 1;
}

export class Registers {
  /** All integer state; dwords 0–7 are EAX ECX EDX EBX ESP EBP ESI EDI. */
  readonly r32: Int32Array;
  readonly r16: Uint16Array;
  readonly r8: Uint8Array;
  /**
   * Something happened that a head must look at before the next block: interrupts opened, TF set, a device was
   * touched, a host's hook ran. Set freely; the engine clears it at the head.
   */
  leave = false;

  constructor(state: State) {
    this.r32 = state.int32('cpu', STATE_LENGTH);
    this.r16 = new Uint16Array(this.r32.buffer, this.r32.byteOffset, 32);
    this.r8 = new Uint8Array(this.r32.buffer, this.r32.byteOffset, 32);
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
  get virtual8086(): boolean {
    return (this.r32[EFLAGS] & VM) !== 0;
  }
  /** Selectors are paragraph numbers: real-address or virtual-8086 mode. */
  get paragraphs(): boolean {
    return (this.r32[CR0] & CR0_PE) === 0 || (this.r32[EFLAGS] & VM) !== 0;
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

  /** Stores CR0, CR3, CR4 or CPL; what follows from them is the CPU's affair (see cpu.ts). */
  protected storeCr0(v: number): void {
    this.r32[CR0] = v | CR0_ET;
  }
  protected storeCr3(v: number): void {
    this.r32[CR3] = v;
  }
  protected storeCr4(v: number): void {
    this.r32[CR4] = v;
  }
  protected storeCpl(cpl: number): void {
    this.r32[CPL] = cpl;
  }
  dr(n: number): number {
    return this.r32[DR + n];
  }
  /** DR0 to DR7 as they are stored. */
  protected debugRegisters(): Int32Array {
    return this.r32.subarray(DR, DR + 8);
  }
  protected storeDr(n: number, v: number): void {
    this.r32[DR + n] = v;
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
    const changed = v ^ this.r32[EFLAGS];
    this.setArithmetic(v & ARITHMETIC);
    this.r32[EFLAGS] = v & STORED;
    if (v & (TF | IF | RF)) this.leave = true;
    if (changed & AC_FLAG) this.alignmentChanged();
  }
  /** The flags were changed in the state. */
  flagsChanged(): void {
    this.alignmentChanged();
  }
  /** EFLAGS.AC has changed. */
  protected alignmentChanged(): void {}
  /** The flags that are not arithmetic: TF IF DF IOPL NT RF VM AC ID. */
  get systemFlags(): number {
    return this.r32[EFLAGS];
  }
  /** Sets or clears a flag that is not arithmetic; AC only changes with the whole register. */
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
}
