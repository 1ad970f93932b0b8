/**
 * The local vector table: what the local APIC's own sources raise, and how (SDM vol. 3, 10.5.1; 8.5.1 of the 2003
 * edition). Rows in the order of their addresses.
 */

export const LVT = { timer: 0, thermal: 1, performance: 2, lint0: 3, lint1: 4, error: 5 } as const;

export const LVT_MODE_SHIFT = 8;
/** LINT0 and LINT1: the pin is active low; a level was accepted and awaits its EOI; level-triggered. */
export const LVT_LOW = 1 << 13;
export const LVT_REMOTE_IRR = 1 << 14;
export const LVT_LEVEL = 1 << 15;
export const LVT_MASKED = 1 << 16;
export const LVT_PERIODIC = 1 << 17;

const VECTOR = 0xff;
const MODE = 7 << LVT_MODE_SHIFT;
const LINT = VECTOR | MODE | LVT_LOW | LVT_LEVEL | LVT_MASKED;

/** The bits of each entry that software writes. Delivery is at once, so delivery status (bit 12) is always idle. */
export const LVT_WRITABLE: readonly number[] = [
  VECTOR | LVT_MASKED | LVT_PERIODIC,
  VECTOR | MODE | LVT_MASKED,
  VECTOR | MODE | LVT_MASKED,
  LINT,
  LINT,
  VECTOR | LVT_MASKED,
];
