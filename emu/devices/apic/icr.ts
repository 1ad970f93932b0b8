/** The interrupt command register, by which software sends an IPI (SDM vol. 3, 10.6.1; 8.6.1 of the 2003 edition). */
import { DELIVERY } from './message.ts';

/** What of the low half software writes. Delivery is at once, so delivery status (bit 12) is always idle. */
export const ICR_WRITABLE = 0xc_cfff;
const ASSERT = 1 << 14;
const LOGICAL = 1 << 11;

/** Destination shorthand. */
export const SHORTHAND = { none: 0, self: 1, all: 2, others: 3 } as const;

export interface Ipi {
  vector: number;
  mode: number;
  shorthand: number;
  destination: number;
  logical: boolean;
}

/** What the halves, the low one within ICR_WRITABLE, say; null for what goes nowhere. */
export function decodeIcr(low: number, high: number): Ipi | null {
  const mode = (low >> 8) & 7;
  // An INIT level de-assert only resets arbitration IDs, and this APIC has none.
  if (mode === DELIVERY.init && !(low & ASSERT)) return null;
  return {
    ...{ vector: low & 0xff, mode, shorthand: low >> 18 },
    ...{ destination: high >>> 24, logical: (low & LOGICAL) !== 0 },
  };
}
