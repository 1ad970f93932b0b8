/**
 * Breakpoints of the debug registers: DR0–DR3 against addresses (SDM vol. 3, 17.2.1–17.2.5 and 17.3.1). The engine
 * asks before an instruction (fault) and behind it (trap); the MMU and the port instructions tell of accesses.
 *
 * While DR7 enables nothing, nobody asks. LE and GE change nothing, as on the 486 and later. A length of 10b is
 * undefined on these processors: it is 8 bytes here, as on later ones. A data breakpoint sees every access to its
 * linear addresses, implicit ones too (descriptors, TSS, frames), but not the page walker's, and not the frame of
 * the debug exception itself, which would never end. DR6 reports enabled breakpoints only.
 */
import type { Mmu } from '../mmu/mmu.ts';

const EXECUTE = 0;
const WRITE = 1;
const PORT = 2;
const DISABLED = -1;
const ENABLES = 0xff;
/** Bytes by LEN. */
const LENGTH = [1, 2, 8, 4];

export class Breakpoints {
  /** Is any enabled? */
  armed = false;
  /** DR6.B0–B3 of the data and I/O breakpoints met since the last debug exception: a trap is due. */
  hits = 0;
  /** The debug exception being delivered is an instruction breakpoint's: it does not push RF. */
  executing = false;
  private readonly mmu: Mmu;
  private readonly address = new Int32Array(4);
  private readonly length = new Int32Array(4);
  private readonly kind = new Int32Array(4).fill(DISABLED);

  constructor(mmu: Mmu) {
    this.mmu = mmu;
  }

  /** DR0–DR3 or DR7 changed; `dr` holds all eight. */
  update(dr: Int32Array): void {
    const control = dr[7];
    let memory = false;
    this.armed = (control & ENABLES) !== 0;
    for (let n = 0; n < 4; n++) {
      const enabled = (control >> (2 * n)) & 3;
      const type = (control >> (16 + 4 * n)) & 3;
      this.kind[n] = enabled ? type : DISABLED;
      this.length[n] = type === EXECUTE ? 1 : LENGTH[(control >> (18 + 4 * n)) & 3];
      // The low bits of an address that its length does not align are ignored (17.2.5).
      this.address[n] = dr[n] & -this.length[n];
      memory ||= enabled !== 0 && (type & 1) !== 0;
    }
    this.mmu.watchAccesses(memory ? this.access : null);
  }

  /** DR6 bits of the breakpoints on the instruction at `lin`. */
  execute(lin: number): number {
    return this.met(lin, 1, EXECUTE, EXECUTE);
  }

  /** The CPU accessed `size` bytes at `lin`. */
  private readonly access = (lin: number, size: number, write: boolean): void => {
    this.hits |= this.met(lin, size, write ? WRITE : 3, 3);
  };

  /** The CPU accessed an I/O port; only with CR4.DE is there such a breakpoint. */
  port(port: number, size: number): void {
    this.hits |= this.met(port, size, PORT, PORT);
  }

  /** The hits, which are forgotten. */
  take(): number {
    const hits = this.hits;
    this.hits = 0;
    return hits;
  }

  private met(at: number, size: number, kind: number, or: number): number {
    let bits = 0;
    for (let n = 0; n < 4; n++) {
      if (this.kind[n] !== kind && this.kind[n] !== or) continue;
      const first = this.address[n];
      if ((at - first) >>> 0 < this.length[n] || (first - at) >>> 0 < size) bits |= 1 << n;
    }
    return bits;
  }
}
