/**
 * APIC_BASE, MSR 1Bh (SDM vol. 3, 10.4.4; 8.4.4 of the 2003 edition): where the local APIC's registers are and whether
 * there is a local APIC at all. The one processor is the bootstrap processor, so BSP is always set.
 */

const BSP = 1 << 8;
const ENABLE = 1 << 11;
const ADDRESS = 0xffff_f000;
const AT_RESET = 0xfee0_0000;

export class ApicBase {
  private lo = AT_RESET | ENABLE | BSP;
  private hi = 0;

  reset(): void {
    this.set(AT_RESET | ENABLE, 0);
  }

  /** In two words. */
  get(): { lo: number; hi: number } {
    return { lo: this.lo | 0, hi: this.hi };
  }

  /** WRMSR, its reserved bits checked. */
  set(lo: number, hi: number): void {
    this.lo = ((lo & (ADDRESS | ENABLE)) | BSP) >>> 0;
    this.hi = hi;
  }

  /** EN. */
  get enabled(): boolean {
    return (this.lo & ENABLE) !== 0;
  }

  /** Physical address of the registers; -1 where nothing can reach them (disabled, or above 4 GiB). */
  get address(): number {
    return this.enabled && this.hi === 0 ? (this.lo & ADDRESS) >>> 0 : -1;
  }

  save(): [lo: number, hi: number] {
    return [this.lo, this.hi];
  }

  load(state: readonly [lo: number, hi: number]): void {
    [this.lo, this.hi] = state;
  }
}
