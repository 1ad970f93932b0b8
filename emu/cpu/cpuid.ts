/**
 * CPUID: what the processor says of itself (SDM vol. 2, CPUID). Vendor, signature, brand and the cache and TLB
 * descriptors come from the profile; the feature bits say what this model does, and nothing else: no MMX,
 * SSE, PAE or machine check. The APIC's bit follows APIC_BASE.EN.
 */
import type { Profile } from '../profile/profile.ts';

const FEATURES =
  (1 << 0) | // FPU: x87 on the chip
  (1 << 2) | // DE: debugging extensions
  (1 << 3) | // PSE: 4 MiB pages
  (1 << 4) | // TSC
  (1 << 5) | // MSR
  (1 << 8) | // CX8: CMPXCHG8B
  (1 << 11) | // SEP: SYSENTER and SYSEXIT
  (1 << 12) | // MTRR
  (1 << 13) | // PGE: global pages
  (1 << 15) | // CMOV
  (1 << 16) | // PAT
  (1 << 17); // PSE-36: 4 MiB pages with 36 bits of physical address

const APIC = 1 << 9;

const HIGHEST = 2;
const EXTENDED = 0x8000_0000;
const HIGHEST_EXTENDED = 0x8000_0004;
const BRAND_LENGTH = 48;

/** EAX, EBX, ECX and EDX. */
export type Leaf = readonly [number, number, number, number];

const NOTHING: Leaf = [0, 0, 0, 0];

function word(text: string, at: number): number {
  let v = 0;
  for (let k = 0; k < 4; k++) v |= (at + k < text.length ? text.charCodeAt(at + k) & 0xff : 0) << (8 * k);
  return v;
}

/** What CPUID says of the local APIC. */
export interface ApicPresence {
  readonly enabled: boolean;
  readonly initialId: number;
}

/** The leaf that EAX = `leaf` (int32) asks for; beyond the highest basic one, that one's data. */
export function cpuid(p: Profile, leaf: number, apic: ApicPresence | null = null): Leaf {
  const n = leaf >>> 0;
  const { vendor, signature, brand, descriptors } = p.cpuid;
  if (n === 0) return [HIGHEST, word(vendor, 0), word(vendor, 8), word(vendor, 4)];
  if (n === 1)
    return [signature.value, (apic?.initialId ?? 0) << 24, 0, FEATURES | (apic?.enabled ? APIC : 0)];
  if (n === EXTENDED) return [HIGHEST_EXTENDED | 0, 0, 0, 0];
  if (n === EXTENDED + 1) return NOTHING;
  if (n > EXTENDED && n <= HIGHEST_EXTENDED) {
    const text = brand.slice(0, BRAND_LENGTH - 1);
    const at = (n - EXTENDED - 2) * 16;
    return [word(text, at), word(text, at + 4), word(text, at + 8), word(text, at + 12)];
  }
  return descriptors;
}
