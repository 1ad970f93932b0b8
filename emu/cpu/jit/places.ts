/**
 * Where things are within the tables that compiled code shares with the MMU: slots of the front tables (mmu/mmu.ts and, for
 * code, mmu/walker.ts), the page that instructions come from, registers. In bytes, but for masks and shifts.
 */
import { FRONT } from '../../mmu/control.ts';

/** Slots of the front table for each privilege, less one; log2 of a slot; a bank. */
export const FRONT_MASK = FRONT - 1;
export const SLOT_SHIFT = 4;
export const BANK_BYTES = FRONT << SLOT_SHIFT;
/** Of a slot: the tag for loads comes first, then that for stores, physical less linear address, the stamp's address. */
export const FRONT_WRITE = 4;
export const FRONT_DELTA = 8;
export const FRONT_STAMP = 12;

/** Of Walker.fetching. */
export const FETCH_PAGE = 0;
export const FETCH_USER = 4;
export const FETCH_DELTA = 8;
export const FETCH_UNCACHED = 12;

/** Of the registers (registers.ts). */
export const EIP_AT = 9 * 4;
export const EFLAGS_AT = 12 * 4;
