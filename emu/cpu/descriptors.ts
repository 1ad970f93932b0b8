/**
 * Segment descriptors: reading them from the GDT or LDT, and loading the segment registers, LDTR and TR with every
 * check that the manual asks for. SDM vol. 3, 3.4 (descriptors), 3.5 (system types), 5.2–5.6 (checks) and 5.7
 * (stack segments). Descriptor tables are read and written as supervisor accesses that no segment limit binds.
 *
 * Nothing here changes a register before the last check and the last memory access are done; the accessed bit of
 * a descriptor may be set by a load that a later check refuses, as on the real processor.
 * Segments without descriptors: realmode.ts.
 */
import { GP, NP, SS, TS } from '../mmu/fault.ts';
import type { Cpu } from './cpu.ts';
import { loadParagraph } from './realmode.ts';
import {
  CS_,
  DS_,
  ES_,
  FS_,
  GS_,
  LDTR_,
  SEG_ACCESSED,
  SEG_CODE,
  SEG_EXPAND_DOWN,
  SEG_G,
  SEG_P,
  SEG_RW,
  SEG_S,
  SS_,
  TR_,
} from './segments.ts';

/** System descriptor types (SDM vol. 3, table 3-2). */
export const TSS16 = 1;
export const LDT = 2;
export const CALL_GATE16 = 4;
export const TASK_GATE = 5;
export const INTERRUPT_GATE16 = 6;
export const TRAP_GATE16 = 7;
export const TSS32 = 9;
export const CALL_GATE32 = 12;
export const INTERRUPT_GATE32 = 14;
export const TRAP_GATE32 = 15;
/** Bit of a TSS's type, and of its descriptor's second dword: this task is running or nested. */
export const BUSY = 2;
const BUSY_BIT = BUSY << 8;

/** The part of a selector that error codes carry: index and table (SDM vol. 3, 6.13). */
export function selectorError(selector: number): number {
  return selector & 0xfffc;
}

export function isNull(selector: number): boolean {
  return (selector & 0xfffc) === 0;
}

/** One descriptor as read from its table, or the parts of a gate. Reused: a delivery allocates nothing. */
export class Descriptor {
  selector = 0;
  /** Linear address of its 8 bytes. */
  address = 0;
  lo = 0;
  hi = 0;

  /** Type field without S: for code and data bit 3 is code, 2 expand-down or conforming, 1 writable or readable. */
  get type(): number {
    return (this.hi >>> 8) & 15;
  }
  get isSystem(): boolean {
    return (this.hi & SEG_S) === 0;
  }
  get present(): boolean {
    return (this.hi & SEG_P) !== 0;
  }
  get dpl(): number {
    return (this.hi >>> 13) & 3;
  }
  get isCode(): boolean {
    return (this.hi & (SEG_S | SEG_CODE)) === (SEG_S | SEG_CODE);
  }
  get isConforming(): boolean {
    return (this.hi & SEG_EXPAND_DOWN) !== 0;
  }
  get isWritableData(): boolean {
    return (this.hi & (SEG_S | SEG_CODE | SEG_RW)) === (SEG_S | SEG_RW);
  }
  /** Data, or code that may be read. */
  get isReadable(): boolean {
    return (this.hi & SEG_S) !== 0 && ((this.hi & SEG_CODE) === 0 || (this.hi & SEG_RW) !== 0);
  }
  get base(): number {
    return (this.lo >>> 16) | ((this.hi & 0xff) << 16) | (this.hi & 0xff00_0000);
  }
  /** Limit in bytes, unsigned. */
  get limit(): number {
    const limit = (this.lo & 0xffff) | (this.hi & 0xf_0000);
    return this.hi & SEG_G ? ((limit << 12) | 0xfff) >>> 0 : limit;
  }
  /** Of a gate: its target's selector, and its offset (16-bit gates have 16 bits of it). */
  get gateSelector(): number {
    return this.lo >>> 16;
  }
  get gateOffset(): number {
    return this.type & 8 ? (this.lo & 0xffff) | (this.hi & 0xffff_0000) : this.lo & 0xffff;
  }

  read(c: Cpu, address: number): void {
    this.address = address | 0;
    this.lo = c.systemRead32(address);
    this.hi = c.systemRead32(address + 4);
  }
}

/** Reads the descriptor that `selector` names; false if that is outside its table. */
export function lookUpDescriptor(c: Cpu, selector: number, d: Descriptor): boolean {
  const local = (selector & 4) !== 0;
  const index = selector & 0xfff8;
  if (index + 7 > (local ? c.segmentLimit(LDTR_) : c.gdtLimit)) return false;
  d.selector = selector;
  d.read(c, (local ? c.segmentBase(LDTR_) : c.gdtBase) + index);
  return true;
}

/** Reads the descriptor that `selector` names; outside its table: fault `vector` with the selector. */
export function readDescriptor(c: Cpu, selector: number, vector: number, d: Descriptor): void {
  if (!lookUpDescriptor(c, selector, d)) c.raise(vector, selectorError(selector));
}

/** Sets the accessed bit in the table, by a write only if it is clear. */
export function markAccessed(c: Cpu, d: Descriptor): void {
  if (d.hi & SEG_ACCESSED) return;
  c.systemWrite32(d.address + 4, d.hi | SEG_ACCESSED);
  d.hi |= SEG_ACCESSED;
}

/** Sets or clears the busy bit of a TSS descriptor in the GDT. */
export function writeBusy(c: Cpu, d: Descriptor, busy: boolean): void {
  d.hi = busy ? d.hi | BUSY_BIT : d.hi & ~BUSY_BIT;
  c.systemWrite32(d.address + 4, d.hi);
}

/** Loads the hidden part of segment register `s`. `rpl` replaces the selector's. */
export function install(c: Cpu, s: number, d: Descriptor, rpl = d.selector & 3): void {
  c.setSegment(s, (d.selector & ~3) | rpl, d.base, d.limit, d.hi);
}

/** Makes segment register `s` unusable, keeping a null selector. */
export function installNull(c: Cpu, s: number, selector: number): void {
  c.setSegment(s, selector, 0, 0, 0);
}

const scratch = new Descriptor();

/** ES, DS, FS or GS. `vector` is #GP, or #TS in a task switch. */
export function loadDataSegment(c: Cpu, s: number, selector: number, vector = GP): void {
  if (isNull(selector)) return installNull(c, s, selector);
  const d = scratch;
  readDescriptor(c, selector, vector, d);
  const error = selectorError(selector);
  if (!d.isReadable) c.raise(vector, error);
  if (!(d.isCode && d.isConforming) && Math.max(selector & 3, c.cpl) > d.dpl) c.raise(vector, error);
  if (!d.present) c.raise(NP, error);
  markAccessed(c, d);
  install(c, s, d);
}

/**
 * Checks a stack segment for privilege `cpl` and reads its descriptor into `d`. `vector` is #GP, or #TS for stacks
 * that come from a TSS.
 */
export function checkStackSegment(
  c: Cpu,
  selector: number,
  cpl: number,
  vector: number,
  d: Descriptor,
): void {
  if (isNull(selector)) c.raise(vector, 0);
  readDescriptor(c, selector, vector, d);
  const error = selectorError(selector);
  if ((selector & 3) !== cpl || !d.isWritableData || d.dpl !== cpl) c.raise(vector, error);
  if (!d.present) c.raise(SS, error);
  markAccessed(c, d);
}

export function loadStackSegment(c: Cpu, selector: number): void {
  checkStackSegment(c, selector, c.cpl, GP, scratch);
  install(c, SS_, scratch);
}

/** MOV, POP and LxS: any segment register but CS. */
export function loadSegment(c: Cpu, s: number, selector: number): void {
  if (c.paragraphs) return loadParagraph(c, s, selector);
  if (s === SS_) loadStackSegment(c, selector);
  else loadDataSegment(c, s, selector);
}

/**
 * After a return to an outer ring: data segments that it may not use become null (SDM vol. 3, 5.8.6), and a null
 * selector loses its RPL, as on silicon (it then reads as 0 instead of 1 to 3).
 */
export function dropInnerSegments(c: Cpu): void {
  for (const s of DATA_SEGMENTS) {
    const attributes = c.segmentAttributes(s);
    const conforming = (attributes & (SEG_CODE | SEG_EXPAND_DOWN)) === (SEG_CODE | SEG_EXPAND_DOWN);
    if (!conforming && ((attributes >>> 13) & 3) < c.cpl) installNull(c, s, 0);
  }
}
const DATA_SEGMENTS = [ES_, DS_, FS_, GS_] as const;

/** LLDT. `vector` is #GP; in a task switch every failure is #TS, an absent one too. */
export function loadLdt(c: Cpu, selector: number, vector = GP): void {
  if (isNull(selector)) return installNull(c, LDTR_, selector);
  const error = selectorError(selector);
  if (selector & 4) c.raise(vector, error);
  readDescriptor(c, selector, vector, scratch);
  if (!scratch.isSystem || scratch.type !== LDT) c.raise(vector, error);
  if (!scratch.present) c.raise(vector === TS ? TS : NP, error);
  install(c, LDTR_, scratch);
}

/** LTR: the descriptor of an available TSS, which becomes busy. */
export function loadTaskRegister(c: Cpu, selector: number): void {
  if (isNull(selector)) c.raise(GP, 0);
  readTss(c, selector, GP, scratch);
  if (scratch.type & BUSY) c.raise(GP, selectorError(selector));
  if (!scratch.present) c.raise(NP, selectorError(selector));
  writeBusy(c, scratch, true);
  install(c, TR_, scratch);
}

/** Reads the descriptor of a TSS, busy or not: it must be in the GDT. */
export function readTss(c: Cpu, selector: number, vector: number, d: Descriptor): void {
  if (selector & 4) c.raise(vector, selectorError(selector));
  readDescriptor(c, selector, vector, d);
  const type = d.type & ~BUSY;
  if (!d.isSystem || (type !== TSS16 && type !== TSS32)) c.raise(vector, selectorError(selector));
}

/**
 * Checks a code segment as the target of a return (IRET, RETF): its privilege becomes the selector's RPL, which
 * must not be more than the current one (SDM vol. 3, 5.8.6).
 */
export function checkReturnCode(c: Cpu, selector: number, d: Descriptor): void {
  if (isNull(selector)) c.raise(GP, 0);
  readDescriptor(c, selector, GP, d);
  const rpl = selector & 3;
  const error = selectorError(selector);
  if (!d.isCode || rpl < c.cpl || (d.isConforming ? d.dpl > rpl : d.dpl !== rpl)) c.raise(GP, error);
  if (!d.present) c.raise(NP, error);
}

/** Loads CS after its checks, with `cpl` as its RPL, and sets that privilege. */
export function enterCode(c: Cpu, d: Descriptor, cpl: number): void {
  install(c, CS_, d, cpl);
  c.setPrivilege(cpl);
  c.leave = true;
}
