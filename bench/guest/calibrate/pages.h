/* Page tables for the calibration programs: 4 MiB pages map the first 64 MiB one to one, a window is theirs. */
#ifndef PAGES_H
#define PAGES_H
#include "kit.h"
#include "../paging.h"

#define P_A 0x020u
#define P_D 0x040u
#define P_PS 0x080u
#define P_G 0x100u
/* Accessed and dirty from the start: the walker writes nothing. */
#define P_ALL (P_P | P_W | P_U | P_A | P_D)

#define PAGE 4096u
#define BIG_PAGE (4u * MIB)

/* Where the window starts: its directory entries and those of the first 64 MiB lie in different sets. */
#define WINDOW 0x60000000u
/* Page tables of the window begin with this entry, so that their lines and the first data lines are apart too. */
#define FIRST 256u

static inline void set_cr4(u32 v) { __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory"); }
#define CR4_PSE 0x10u
#define CR4_PGE 0x80u

/* Maps the first 64 MiB; `bits` is 0 or P_G. */
static inline void map_low(u32 *directory, u32 bits)
{
    for (u32 i = 0; i < 16; i++)
        directory[i] = (i * BIG_PAGE) | P_ALL | P_PS | bits;
}
#endif
