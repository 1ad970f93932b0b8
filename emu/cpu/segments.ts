/**
 * Segmented memory: the segment registers' hidden parts, loads and stores through them, supervisor accesses of the
 * processor itself, the stack. SDM vol. 3, 3.4 and 5.3; vol. 1, 6.2.
 */

import type { Accounting } from '../accounting.ts';
import type { MmuHost } from '../mmu/control.ts';
import { CpuFault, GP, SS } from '../mmu/fault.ts';
import { Mmu } from '../mmu/mmu.ts';
import type { Profile } from '../profile/profile.ts';
import type { State } from '../state.ts';
import type { Insn } from './insn.ts';
import { Registers, SEGMENTS } from './registers.ts';

const ESP = 4;

/** Segment registers in the order of their encoding, then the two system ones. */
export const ES_ = 0;
export const CS_ = 1;
export const SS_ = 2;
export const DS_ = 3;
export const FS_ = 4;
export const GS_ = 5;
export const LDTR_ = 6;
export const TR_ = 7;

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

/** Kinds of segments that a shape tells apart. */
export const SHAPES = 16;

export class SegmentedMemory extends Registers {
  readonly mmu: Mmu;
  readonly fault = new CpuFault();
  /** CS.D: default operand and address size is 32. */
  codeBig = true;
  /** One number for what decoding depends on: CS's limit and default size. */
  codeMode = 0;
  /** Highest offset that a read or write through each segment register may reach; -1 sends it to the slow check. */
  private readonly readTop = new Float64Array(8).fill(-1);
  private readonly writeTop = new Float64Array(8).fill(-1);
  private readonly base = new Int32Array(8);
  /** The stack pointer is ESP (B flag of SS set) or SP. */
  private stackBig = true;
  /** Limit of CS, unsigned. */
  private codeLimit = 0;
  /** One number for what compiled code takes for granted of the segments, or -1: too many kinds of them. */
  shape = -1;
  private readonly shapes = new Int32Array(8);
  private readonly known: { base: number; readTop: number; writeTop: number }[] = [];
  /** For compiled code, of the first: base, readTop, writeTop, and 1 if both are offsets. Four dwords each. */
  readonly knownShapes: Int32Array;

  constructor(profile: Profile, state: State, accounting: Accounting, host: MmuHost) {
    super(state);
    this.knownShapes = state.scratch('shapes', 4 * SHAPES);
    this.mmu = new Mmu(profile, state, accounting, this.fault, host);
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
  protected deriveSegment(s: number): void {
    const at = SEGMENTS + s * 4;
    const attributes = this.r32[at + 3];
    const limit = this.r32[at + 2] >>> 0;
    this.base[s] = this.r32[at + 1];
    const usable = (attributes & SEG_P) !== 0 && (attributes & SEG_S) !== 0;
    const code = (attributes & SEG_CODE) !== 0;
    const down = !code && (attributes & SEG_EXPAND_DOWN) !== 0;
    this.readTop[s] = usable && !down && (!code || (attributes & SEG_RW) !== 0) ? limit : -1;
    this.writeTop[s] = usable && !down && !code && (attributes & SEG_RW) !== 0 ? limit : -1;
    this.shapes[s] = this.shapeOf(s);
    this.shape = this.combinedShape();
    if (s === SS_) this.stackBig = (attributes & SEG_DB) !== 0;
    if (s === CS_) {
      this.codeBig = (attributes & SEG_DB) !== 0;
      this.codeLimit = limit;
      this.codeMode = (limit | 0) ^ (this.codeBig ? 0 : 0x5555_5555);
    }
  }

  /** The hidden parts of the segment registers of `mask`, a bit each, were changed in the state. */
  segmentsChanged(mask: number): void {
    for (let s = ES_; s <= TR_; s++) if (mask & (1 << s)) this.deriveSegment(s);
  }

  private shapeOf(s: number): number {
    const [base, readTop, writeTop] = [this.base[s], this.readTop[s], this.writeTop[s]];
    for (let n = 0; n < this.known.length; n++) {
      const k = this.known[n];
      if (k.base === base && k.readTop === readTop && k.writeTop === writeTop) return n;
    }
    const n = this.known.push({ base, readTop, writeTop }) - 1;
    if (n < SHAPES)
      this.knownShapes.set([base, readTop, writeTop, readTop < 0 || writeTop < 0 ? 0 : 1], 4 * n);
    return n;
  }

  private combinedShape(): number {
    let shape = 0;
    for (let s = ES_; s <= GS_; s++) {
      if (this.shapes[s] >= SHAPES) return -1;
      shape = (shape << 4) | this.shapes[s];
    }
    return shape;
  }

  /** What the segments ES to GS are now. */
  segmentTops(): { base: number[]; readTop: number[]; writeTop: number[]; codeLimit: number } {
    return {
      base: [...this.base],
      readTop: [...this.readTop],
      writeTop: [...this.writeTop],
      codeLimit: this.codeLimit,
    };
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

  /**
   * Elements of `size` bytes from `offset` on, upwards or down, that are loads (or stores, `write`) without a fault of the
   * segment and before the address wraps at `top`, the highest there is; 0 leaves it to the slow check.
   */
  elements(s: number, offset: number, size: number, down: boolean, write: boolean, top: number): number {
    const last = Math.min(top, write ? this.writeTop[s] : this.readTop[s]);
    const room = last + 1 - (offset >>> 0);
    if (room < size) return 0;
    return Math.floor(down ? (offset >>> 0) / size + 1 : room / size);
  }

  /**
   * Raises the segment's fault of a load of `size` bytes, then #AC if it is to be aligned to `alignment` bytes and is
   * not; page faults come with the loads.
   */
  checkLoad(s: number, offset: number, size: number, alignment: number): void {
    if ((offset >>> 0) + size - 1 > this.readTop[s]) this.checkSegment(s, offset, size, false);
    this.mmu.checkAlignment((offset + this.base[s]) | 0, alignment);
  }

  /** Raises the faults of a store of `size` bytes, any number up to a page, and does nothing else. */
  probeStore(s: number, offset: number, size: number, alignment = 1): void {
    if ((offset >>> 0) + size - 1 > this.writeTop[s]) this.checkSegment(s, offset, size, true);
    if (alignment > 1) this.mmu.checkAlignment((offset + this.base[s]) | 0, alignment);
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

  // ---- code --------------------------------------------------------------------------------------------------

  /** #GP(0) if `target` lies beyond the limit of CS. */
  checkTarget(target: number): void {
    if (target >>> 0 > this.codeLimit) throw this.fault.set(GP, 0);
  }

  /** The same for a near call, which first needs `size` bytes of stack to push to (SDM vol. 2, CALL). */
  checkCall(target: number, size: number): void {
    if (target >>> 0 <= this.codeLimit) return;
    const top = (this.stackTop - size) | 0;
    this.probeStore(SS_, this.stackBig ? top : top & 0xffff, size);
    throw this.fault.set(GP, 0);
  }
}
