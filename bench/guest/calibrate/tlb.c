/*
 * TLB reach and the cost of a walk. `tlb.4k` and `tlb.4m`: a shuffled chain with one load in each of n pages, each
 * in a cache line of its own, so that the data stay in L1 while the TLB is what overflows. `tlb.walk`: pages whose
 * table entries lie 256 bytes apart, so that the entries leave L1, then L2; all pages are one frame, so that the
 * data never do.
 */
#include "pages.h"

#define LINE 64u
#define LOADS 8192u
#define MAX_PAGES 256u
#define APART 64u           /* pages between two pages of tlb.walk: 256 bytes of page table */
#define MAX_WALKS 4096u
#define BIG_FRAME (32 * MIB) /* physical, above the image */

static u32 directory[1024] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));
static u32 tables[256][1024] __attribute__((aligned(1 << 20)));
static u8 frames[MAX_PAGES][PAGE] __attribute__((aligned(4096)));
static u32 frame[1024] __attribute__((aligned(4096)));

static u32 small_at(u32 i) { return WINDOW + (FIRST + i) * PAGE + i * LINE % PAGE; }
static void put(u32 at, u32 value) { *(u32 *)at = value; }
static void put_small(u32 i, u32 value) { put(small_at(i), value); }

static u32 big_at(u32 i) { return WINDOW + i * BIG_PAGE + i * LINE; }
static void put_big(u32 i, u32 value) { put(big_at(i), value); }

static void reach(const char *curve, u32 (*at)(u32), void (*store)(u32, u32))
{
    static const u16 pages[] = { 2,  4,  6,  8,  12, 16, 24, 32, 40,  48,  56,
                                 60, 64, 68, 72, 80, 88, 96, 104, 112, 128, 160, 192, 256 };
    for (u32 i = 0; i < sizeof pages / sizeof *pages; i++) {
        u32 n = pages[i];
        u32 rounds = LOADS / UNROLL;
        set_cr3(directory);
        void *start = chain(n, at, store, 1);
        point(curve, n, chase(start, rounds), rounds * UNROLL);
    }
}

/* One pass over n pages; each holds the distance to the next, so that the address depends on the load before. */
static u32 pass(u32 n)
{
    u32 p = WINDOW, cycles;
    TIMED(cycles, n / UNROLL, REPEAT16("addl (%%ebx), %%ebx"), p, 0);
    return cycles;
}

static void walks(void)
{
    static const u16 pages[] = { 96, 128, 256, 384, 512, 768, 1024, 1280, 1536, 2048, 3072, 4096 };
    for (u32 t = 0; t < 256; t++) {
        directory[(WINDOW >> 22) + t] = (u32)tables[t] | P_ALL;
        for (u32 i = 0; i < 1024; i++)
            tables[t][i] = (u32)frame | P_ALL;
    }
    frame[0] = APART * PAGE;
    set_cr3(directory);
    for (u32 i = 0; i < sizeof pages / sizeof *pages; i++) {
        u32 n = pages[i];
        u32 repeat = n < 1024 ? 4096 / n : 2;
        u32 own = idle(n / UNROLL);
        u32 cycles = 0;
        pass(n);
        pass(n);
        for (u32 k = 0; k < repeat; k++)
            cycles += pass(n) - own;
        point("tlb.walk", n, cycles, n * repeat);
    }
}

void calibrate(void)
{
    set_cr4(CR4_PSE);
    map_low(directory, 0);
    directory[WINDOW >> 22] = (u32)table | P_ALL;
    for (u32 i = 0; i < MAX_PAGES; i++)
        table[FIRST + i] = (u32)frames[i] | P_ALL;
    paging_on(directory);
    reach("tlb.4k", small_at, put_small);
    for (u32 i = 0; i < MAX_PAGES; i++)
        directory[(WINDOW >> 22) + i] = BIG_FRAME | P_ALL | P_PS;
    reach("tlb.4m", big_at, put_big);
    walks();
}
