/**
 * The x87 FPU's registers: eight of 80 bits used as a stack, control, status and tag words, and the pointers to the
 * last instruction and operand. SDM vol. 1, 8.1. All of it lies in the state memory.
 *
 * The tag word is made when it is stored: only "empty" is kept, as in the processor. ES and B follow from status and
 * control word. Left out: nothing architectural; MMX's aliases come with MMX.
 */
import type { State } from '../../state.ts';
import { EXP_MAX, type Operand } from './number.ts';

// Slots; 0–23 are the registers R0 to R7 as low dword, high dword, sign and exponent.
const CONTROL = 24;
const STATUS = 25; // without TOP, ES and B
const TOP = 26;
const EMPTY = 27; // bit n: Rn
const FIP = 28;
const FCS = 29;
const FDP = 30;
const FDS = 31;
const FOP = 32;
const FERR = 33;
const IGNNE = 34;
const LENGTH = 35;

export const C0 = 0x0100;
export const C1 = 0x0200;
export const C2 = 0x0400;
export const C3 = 0x4000;
export const CODES = C0 | C1 | C2 | C3;
const EXCEPTIONS = 0x3f;
const SUMMARY = 0x8080; // ES and B
const STORED = 0x477f | C3;
/** Bit 6 reads as 1; 7 and 13 to 15 as 0. */
const CONTROL_FIXED = 0x0040;
const CONTROL_WRITABLE = 0x1f3f;
const INITIAL_CONTROL = 0x037f;

export class Fpu {
  private readonly r: Int32Array;
  /** FERR# changes: an unmasked exception waits at a waiting instruction while CR0.NE is 0. */
  onFerr: (level: boolean) => void = () => {};

  constructor(state: State) {
    this.r = state.int32('fpu', LENGTH);
  }

  /** After reset (SDM vol. 3, table 9-1): registers hold +0, tagged as such. */
  reset(): void {
    const ferr = this.r[FERR] !== 0;
    this.r.fill(0);
    this.control = CONTROL_FIXED;
    if (ferr) this.onFerr(false);
  }

  /** FNINIT. */
  init(): void {
    this.control = INITIAL_CONTROL;
    this.r[STATUS] = this.r[TOP] = 0;
    this.r[EMPTY] = 0xff;
    this.r.fill(0, FIP, FERR);
    this.settleFerr();
  }

  // ---- words -------------------------------------------------------------------------------------------------

  get control(): number {
    return this.r[CONTROL];
  }
  set control(v: number) {
    this.r[CONTROL] = (v & CONTROL_WRITABLE) | CONTROL_FIXED;
  }

  get top(): number {
    return this.r[TOP];
  }

  /** The status word with TOP, ES and B. */
  get status(): number {
    return this.r[STATUS] | (this.r[TOP] << 11) | (this.pending ? SUMMARY : 0);
  }
  set status(v: number) {
    this.r[STATUS] = v & STORED;
    this.r[TOP] = (v >> 11) & 7;
  }

  /** An unmasked exception waits to be reported. */
  get pending(): boolean {
    return (this.r[STATUS] & ~this.r[CONTROL] & EXCEPTIONS) !== 0;
  }

  /** Takes exceptions (and SF) into the status word, and C1. */
  signal(flags: number, c1: number): void {
    this.r[STATUS] = (this.r[STATUS] & ~C1) | flags | (c1 ? C1 : 0);
  }

  /** Sets the condition codes of `mask` to those in `codes`. */
  setCodes(mask: number, codes: number): void {
    this.r[STATUS] = (this.r[STATUS] & ~mask) | codes;
  }

  clearExceptions(): void {
    this.r[STATUS] &= CODES;
    this.settleFerr();
  }

  /** The tag word: 0 valid, 1 zero, 2 special, 3 empty, R0 in the lowest bits. */
  get tags(): number {
    let word = 0;
    for (let n = 0; n < 8; n++) word |= this.tag(n) << (2 * n);
    return word;
  }
  set tags(word: number) {
    let empty = 0;
    for (let n = 0; n < 8; n++) if (((word >> (2 * n)) & 3) === 3) empty |= 1 << n;
    this.r[EMPTY] = empty;
  }

  private tag(n: number): number {
    if ((this.r[EMPTY] >> n) & 1) return 3;
    const hi = this.r[n * 3 + 1];
    const e = this.r[n * 3 + 2] & EXP_MAX;
    if (e === 0) return (hi | this.r[n * 3]) === 0 ? 1 : 2;
    return e === EXP_MAX || hi >= 0 ? 2 : 0;
  }

  // ---- the stack ---------------------------------------------------------------------------------------------

  /** ST(i) is empty; −1 is the register that a push would use. */
  isEmpty(i: number): boolean {
    return ((this.r[EMPTY] >> ((this.r[TOP] + i) & 7)) & 1) !== 0;
  }

  get(i: number, to: Operand): void {
    const at = ((this.r[TOP] + i) & 7) * 3;
    to.set80(this.r[at + 2], this.r[at + 1], this.r[at]);
  }

  lo(i: number): number {
    return this.r[((this.r[TOP] + i) & 7) * 3];
  }
  hi(i: number): number {
    return this.r[((this.r[TOP] + i) & 7) * 3 + 1];
  }
  se(i: number): number {
    return this.r[((this.r[TOP] + i) & 7) * 3 + 2];
  }

  /** ST(i) becomes this register image, and is not empty. */
  set(i: number, se: number, hi: number, lo: number): void {
    this.setImage(i, se, hi, lo);
    this.r[EMPTY] &= ~(1 << ((this.r[TOP] + i) & 7));
  }

  /** The same without a change of its tag. */
  setImage(i: number, se: number, hi: number, lo: number): void {
    const at = ((this.r[TOP] + i) & 7) * 3;
    this.r[at] = lo;
    this.r[at + 1] = hi;
    this.r[at + 2] = se;
  }

  push(se: number, hi: number, lo: number): void {
    this.rotate(-1);
    this.set(0, se, hi, lo);
  }

  pop(): void {
    this.free(0);
    this.rotate(1);
  }

  free(i: number): void {
    this.r[EMPTY] |= 1 << ((this.r[TOP] + i) & 7);
  }

  /** Moves TOP by `n`. */
  rotate(n: number): void {
    this.r[TOP] = (this.r[TOP] + n) & 7;
  }

  // ---- pointers ----------------------------------------------------------------------------------------------

  /** The last instruction that was not a control one: its address, and the low bits of opcode with ModRM. */
  setInstruction(selector: number, offset: number, opcode: number): void {
    this.r[FCS] = selector;
    this.r[FIP] = offset;
    this.r[FOP] = opcode;
  }
  setData(selector: number, offset: number): void {
    this.r[FDS] = selector;
    this.r[FDP] = offset;
  }
  get fip(): number {
    return this.r[FIP];
  }
  get fcs(): number {
    return this.r[FCS];
  }
  get fop(): number {
    return this.r[FOP];
  }
  get fdp(): number {
    return this.r[FDP];
  }
  get fds(): number {
    return this.r[FDS];
  }

  // ---- FERR# and IGNNE# --------------------------------------------------------------------------------------

  /** IGNNE#: waiting instructions go on in spite of an exception that waits (CR0.NE = 0). */
  get ignne(): boolean {
    return this.r[IGNNE] !== 0;
  }
  set ignne(level: boolean) {
    this.r[IGNNE] = level ? 1 : 0;
  }

  /** A waiting instruction met an exception with CR0.NE clear. */
  assertFerr(): void {
    if (this.r[FERR] !== 0) return;
    this.r[FERR] = 1;
    this.onFerr(true);
  }

  /** FERR# goes when nothing is pending any more. */
  settleFerr(): void {
    if (this.r[FERR] === 0 || this.pending) return;
    this.r[FERR] = 0;
    this.onFerr(false);
  }
}
