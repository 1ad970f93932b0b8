/**
 * What kind of memory an address is: the PAT and the MTRRs (SDM vol. 3, 11.11 and 11.12), and CR0.CD.
 *
 * The timing model knows two kinds. Write-back, write-through and write-protected memory goes through the caches as
 * the profile's write policy says; uncacheable and write-combining memory bypasses them, each access by itself. The
 * registers keep what is written, whatever the model makes of it. With CR0.CD set everything is uncacheable at once,
 * hits too. Not modelled: the types that the walker's own accesses would have by PCD and PWT of CR3 and PDEs, and
 * the order that uncacheable accesses keep.
 */
/** A 64-bit register in two words. */
export interface MsrValue {
  lo: number;
  hi: number;
}

const UC = 0;
const WC = 1;
const WT = 4;
const WP = 5;
const WB = 6;
/** Uncacheable, unless an MTRR says write-combining; PAT only. */
const UC_MINUS = 7;

const MTRR_TYPES = new Set([UC, WC, WT, WP, WB]);
const PAT_TYPES = new Set([...MTRR_TYPES, UC_MINUS]);
/** As bits by type. */
const UNCACHED = (1 << UC) | (1 << WC) | (1 << UC_MINUS);

export const MTRR_CAP = 0xfe;
export const MTRR_VARIABLE = 0x200; // base and mask of range 0, of range 1 and so on
export const MTRR_FIXED = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];
export const PAT = 0x277;
export const MTRR_DEFAULT = 0x2ff;
export const VARIABLE_RANGES = 8;

/** MTRRcap: the number of variable ranges, FIX, and WC is a type. */
const CAPABILITIES = VARIABLE_RANGES | 0x100 | 0x400;
const DEFAULT_KNOWN = 0xcff; // type, FE, E
const FIXED_ENABLE = 0x400;
const ENABLE = 0x800;
const MASK_VALID = 0x800;
/** Bits 32–35 of a physical address, in a register's high word. */
const HIGH_BITS = 0xf;
const PAT_AT_RESET: MsrValue = { lo: 0x0007_0406, hi: 0x0007_0406 };

const MIB = 1 << 20;
const FOUR_GIB = 2 ** 32;

function bytesOf(v: MsrValue): number[] {
  return [v.lo, v.hi].flatMap(word => [0, 8, 16, 24].map(shift => (word >>> shift) & 0xff));
}

function fill(type: number): MsrValue {
  const word = Math.imul(type, 0x0101_0101);
  return { lo: word, hi: word };
}

export class MemoryTypes {
  /** Every register but MTRRcap, by number. */
  private readonly registers = new Map<number, MsrValue>();
  /** CR0.CD. */
  cacheDisabled = false;
  /** Is PAT entry n an uncached type? */
  private readonly patUncached = new Uint8Array(8);
  /** Type of each page below 1 MiB by the fixed ranges. */
  private readonly fixed = new Uint8Array(256);
  /** Physical addresses in [plainFrom, plainTo) are known to be write-back. */
  private plainFrom = 0;
  private plainTo = 0;

  constructor() {
    this.asFirmwareLeavesIt();
  }

  /** The hardware's reset state: the MTRRs are off, so that nothing is cached until firmware sets them. */
  reset(): void {
    this.registers.clear();
    for (let n = 0; n < 2 * VARIABLE_RANGES; n++) this.registers.set(MTRR_VARIABLE + n, { lo: 0, hi: 0 });
    for (const n of [...MTRR_FIXED, MTRR_DEFAULT]) this.registers.set(n, { lo: 0, hi: 0 });
    this.registers.set(PAT, PAT_AT_RESET);
    this.derive();
  }

  /** Memory is write-back; uncached are the display's window below 1 MiB and devices from 2 GiB on. */
  asFirmwareLeavesIt(): void {
    this.reset();
    for (const n of MTRR_FIXED) this.registers.set(n, fill(n === 0x259 ? UC : n >= 0x268 ? WP : WB));
    this.registers.set(MTRR_VARIABLE, { lo: 0x8000_0000 | UC, hi: 0 });
    this.registers.set(MTRR_VARIABLE + 1, { lo: 0x8000_0000 | MASK_VALID | 0, hi: HIGH_BITS });
    this.registers.set(MTRR_DEFAULT, { lo: ENABLE | FIXED_ENABLE | WB, hi: 0 });
    this.derive();
  }

  read(register: number): MsrValue {
    if (register === MTRR_CAP) return { lo: CAPABILITIES, hi: 0 };
    return this.registers.get(register)!;
  }

  /** False, with nothing changed, for a reserved bit or type and for a register that cannot be written. */
  write(register: number, lo: number, hi: number): boolean {
    const v = { lo, hi };
    if (!this.registers.has(register) || !this.valid(register, v)) return false;
    this.registers.set(register, v);
    this.derive();
    return true;
  }

  private valid(register: number, v: MsrValue): boolean {
    if (register === PAT) return bytesOf(v).every(type => PAT_TYPES.has(type));
    if (register === MTRR_DEFAULT)
      return (v.lo & ~DEFAULT_KNOWN) === 0 && v.hi === 0 && MTRR_TYPES.has(v.lo & 0xff);
    if (MTRR_FIXED.includes(register)) return bytesOf(v).every(type => MTRR_TYPES.has(type));
    if (v.hi & ~HIGH_BITS) return false;
    const isMask = (register & 1) !== 0;
    return isMask ? (v.lo & 0x7ff) === 0 : (v.lo & 0xf00) === 0 && MTRR_TYPES.has(v.lo & 0xff);
  }

  /** Does an access to `pa` (int32) through PAT entry `index` (PAT, PCD and PWT as bits 2 to 0) bypass the caches? */
  uncached(pa: number, index: number): boolean {
    return this.patUncached[index] !== 0 || this.uncachedByRange(pa);
  }

  /** The same by the MTRRs and CR0.CD alone, as with paging off. */
  uncachedByRange(pa: number): boolean {
    const at = pa >>> 0;
    if (this.cacheDisabled) return true;
    if (at >= this.plainFrom && at < this.plainTo) return false;
    return ((UNCACHED >> this.typeOf(at)) & 1) !== 0;
  }

  /** Physical addresses in [from, to) are cached whenever a TLB entry has no attributes, and with paging off. */
  plain(): { from: number; to: number } {
    const none = this.cacheDisabled || this.patUncached[0] !== 0;
    return { from: this.plainFrom, to: none ? this.plainFrom : this.plainTo };
  }

  /** The MTRRs' type of a physical address (unsigned). */
  typeOf(pa: number): number {
    const { lo: control } = this.registers.get(MTRR_DEFAULT)!;
    if (!(control & ENABLE)) return UC;
    if (control & FIXED_ENABLE && pa < MIB) return this.fixed[pa >>> 12];
    let found = -1;
    for (let n = 0; n < VARIABLE_RANGES; n++) {
      const base = this.registers.get(MTRR_VARIABLE + 2 * n)!;
      const mask = this.registers.get(MTRR_VARIABLE + 2 * n + 1)!;
      if (!(mask.lo & MASK_VALID) || (mask.hi & base.hi) !== 0) continue;
      if (((pa ^ base.lo) & mask.lo & ~0xfff) !== 0) continue;
      found = found < 0 ? base.lo & 0xff : overlap(found, base.lo & 0xff);
    }
    return found < 0 ? control & 0xff : found;
  }

  private derive(): void {
    bytesOf(this.registers.get(PAT)!).forEach((type, n) => {
      this.patUncached[n] = (UNCACHED >> type) & 1;
    });
    // 64 KiB ranges up to 512 KiB, 16 KiB ones up to 768 KiB, then 4 KiB ones.
    let page = 0;
    for (const register of MTRR_FIXED)
      for (const type of bytesOf(this.registers.get(register)!)) {
        const pages = page < 0x80 ? 16 : page < 0xc0 ? 4 : 1;
        this.fixed.fill(type, page, page + pages);
        page += pages;
      }
    const { lo: control } = this.registers.get(MTRR_DEFAULT)!;
    this.plainFrom = control & FIXED_ENABLE ? MIB : 0;
    this.plainTo = (control & ENABLE) !== 0 && (control & 0xff) === WB ? FOUR_GIB : 0;
    for (let n = 0; n < VARIABLE_RANGES; n++) {
      const base = this.registers.get(MTRR_VARIABLE + 2 * n)!;
      const mask = this.registers.get(MTRR_VARIABLE + 2 * n + 1)!;
      if (mask.lo & MASK_VALID && (base.lo & 0xff) !== WB)
        this.plainTo = Math.min(this.plainTo, (base.lo & mask.lo & ~0xfff) >>> 0);
    }
  }

  save(): [number, MsrValue][] {
    return [...this.registers].map(([n, v]) => [n, { ...v }]);
  }

  load(registers: readonly [number, MsrValue][]): void {
    this.registers.clear();
    for (const [n, v] of registers) this.registers.set(n, { ...v });
    this.derive();
  }
}

/** The type where two variable ranges overlap (SDM vol. 3, 11.11.4.1): UC wins, WT beats WB, others are undefined. */
function overlap(a: number, b: number): number {
  if (a === b) return a;
  return Math.min(a, b) === WT && Math.max(a, b) === WB ? WT : UC;
}
