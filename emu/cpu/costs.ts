/**
 * What the processor's own procedures cost, in ticks: a profile's `system` and `io` figures, converted once. A
 * profile without timing makes them all zero. The instructions that start them have their issue cost apart.
 */
import { TICKS_PER_CYCLE } from '../clock.ts';
import type { Profile } from '../profile/profile.ts';

export interface SystemCosts {
  readonly exceptionEntry: number;
  readonly pageFaultEntry: number;
  readonly taskSwitch: number;
  readonly iretOuterRing: number;
  readonly iretSameRing: number;
  readonly tlbFlush: number;
  readonly invlpg: number;
  /** A port access on the ISA bus, and on PCI as a read and as a write. */
  readonly isaPort: number;
  readonly pciPortRead: number;
  readonly pciPortWrite: number;
}

export function systemCosts(p: Profile): SystemCosts {
  const cycles = (v: number) => (p.timing ? v * TICKS_PER_CYCLE : 0);
  const ns = (v: number) => (p.timing ? Math.round((v * p.clockHz.value * TICKS_PER_CYCLE) / 1e9) : 0);
  const s = p.system;
  return {
    exceptionEntry: cycles(s.exceptionEntry.value),
    pageFaultEntry: cycles(s.pageFaultEntry.value),
    taskSwitch: cycles(s.taskSwitch.value),
    iretOuterRing: cycles(s.iretOuterRing.value),
    iretSameRing: cycles(s.iretSameRing.value),
    tlbFlush: cycles(s.tlbFlush.value),
    invlpg: cycles(s.invlpg.value),
    isaPort: ns(p.io.isaNs.value),
    pciPortRead: ns(p.io.pciReadNs.value),
    pciPortWrite: ns(p.io.pciWriteNs.value),
  };
}
