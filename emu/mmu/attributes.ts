/** Attributes of a page of RAM (Mmu.attributes): why an access to it must not take the fast part. */

/** Holds decoded code. */
export const PAGE_CODE = 1;
/** Stores are told of (watches.ts). */
export const PAGE_WATCHED = 2;
/** Reads as RAM, and writes vanish: a shadow of ROM. */
export const PAGE_ROM = 4;
/** Not RAM at all: accesses go to the memory-mapped range there. */
export const PAGE_HOLE = 8;
/** Loads are told of. */
export const PAGE_READ = 16;
