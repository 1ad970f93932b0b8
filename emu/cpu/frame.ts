/**
 * A stack that is not yet the processor's, or whose pushes must all succeed or none: checked, probed and only
 * then written. Used by exception delivery, far calls and task switches. SDM vol. 3, 5.8.5 (stack switching) and
 * 6.12.1 (frames).
 */
import { SS, TS } from '../mmu/fault.ts';
import type { Cpu } from './cpu.ts';
import { checkStackSegment, Descriptor, install, selectorError } from './descriptors.ts';
import { SEG_DB, SEG_EXPAND_DOWN, SS_, TR_ } from './segments.ts';

const LONGEST = 6 + 31; // the longest frame: a call gate with 31 parameters

export class Frame {
  private readonly values = new Int32Array(LONGEST);
  private count = 0;
  private size = 4;
  private base = 0;
  private limit = 0;
  private big = true;
  private down = false;
  private start = 0;
  private switched = false;
  private user = false;
  private error = 0;
  private readonly segment = new Descriptor();
  /** Stack pointer after the pushes; valid after `check`. */
  top = 0;

  /** Pushes of `size` bytes onto the current stack, with the current privilege. */
  onCurrentStack(c: Cpu, size: number): void {
    const attributes = c.segmentAttributes(SS_);
    this.begin(c.segmentBase(SS_), c.segmentLimit(SS_), attributes, c.stackTop, size);
    this.switched = false;
    this.user = c.cpl === 3;
    this.error = 0;
  }

  /** Pushes onto the stack that the TSS holds for ring `dpl`; checks it (#TS, #SS). */
  onInnerStack(c: Cpu, dpl: number, size: number): void {
    const wide = (c.segmentAttributes(TR_) & 0x800) !== 0;
    const at = wide ? dpl * 8 + 4 : dpl * 4 + 2;
    if (at + (wide ? 5 : 3) > c.segmentLimit(TR_)) c.raise(TS, selectorError(c.selector(TR_)));
    const tss = c.segmentBase(TR_) + at;
    const esp = wide ? c.systemRead32(tss) : c.systemRead16(tss);
    const ss = c.systemRead16(tss + (wide ? 4 : 2));
    const d = this.segment;
    checkStackSegment(c, ss, dpl, TS, d);
    this.begin(d.base, d.limit, d.hi, esp, size);
    this.switched = true;
    this.user = dpl === 3;
    this.error = selectorError(ss);
  }

  add(v: number): void {
    this.values[this.count++] = v;
  }

  /** Raises what any of the pushes would raise: #SS for the segment's limit, #PF. Nothing is written. */
  check(c: Cpu): void {
    let top = this.start;
    const user = c.mmu.isUser;
    for (let k = 0; k < this.count; k++) {
      top = this.below(top);
      if (!this.inside(top)) c.raise(SS, this.error);
    }
    this.top = top;
    c.mmu.setUser(this.user);
    try {
      top = this.start;
      for (let k = 0; k < this.count; k++) {
        top = this.below(top);
        c.mmu.probeWrite((this.base + top) | 0, this.size);
      }
    } finally {
      c.mmu.setUser(user);
    }
  }

  /** Writes the frame. Still changes no register, so that even a fault here (none is left) would be precise. */
  write(c: Cpu): void {
    const user = c.mmu.isUser;
    c.mmu.setUser(this.user);
    try {
      let top = this.start;
      for (let k = 0; k < this.count; k++) {
        top = this.below(top);
        const lin = (this.base + top) | 0;
        if (this.size === 4) c.mmu.write32(lin, this.values[k]);
        else c.mmu.write16(lin, this.values[k] & 0xffff);
      }
    } finally {
      c.mmu.setUser(user);
    }
  }

  /** Linear address of the `k`th dword (or word) above the top. */
  linear(k: number): number {
    return (this.base + this.top + k * this.size) | 0;
  }

  /** Makes it the processor's stack: SS if it was switched, and the stack pointer. */
  commit(c: Cpu): void {
    if (this.switched) {
      install(c, SS_, this.segment);
      // A 16-bit stack leaves the upper half of ESP as it was.
      if (this.big) c.esp = this.top;
      else c.esp = (c.esp & ~0xffff) | this.top;
    } else c.setStackTop(this.top);
  }

  private begin(base: number, limit: number, attributes: number, top: number, size: number): void {
    this.base = base;
    this.limit = limit;
    this.big = (attributes & SEG_DB) !== 0;
    this.down = (attributes & SEG_EXPAND_DOWN) !== 0;
    this.start = this.big ? top : top & 0xffff;
    this.size = size;
    this.count = 0;
  }

  private below(top: number): number {
    return this.big ? (top - this.size) | 0 : (top - this.size) & 0xffff;
  }

  private inside(top: number): boolean {
    const first = top >>> 0;
    const last = first + this.size - 1;
    if (this.down) return first > this.limit && last <= (this.big ? 0xffff_ffff : 0xffff);
    return last <= this.limit;
  }
}
