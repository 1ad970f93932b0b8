/*
 * Context switch against working set, as lmbench's lat_ctx: two processes, each with a page directory, a stack and x
 * KiB of its own, hand the processor to each other; each reads its x KiB in between. Less the same process alone,
 * which switches nothing.
 */
#include "pages.h"

#define BY 32u              /* bytes from load to load */
#define SWITCHES_ 64u
#define MAX_BYTES (256 * KIB)
#define MEMORY (16 * MIB)    /* physical, of the two processes, above the image */

/*
 * What a process is: its stack pointer while it does not run, and its page directory; see switch_to in switch.S. The
 * places of records and stacks in their pages keep them out of the cache sets of the page tables' entries in use.
 */
struct process { u32 esp; u32 cr3; } __attribute__((aligned(64)));

struct { u8 below[0x500]; struct process process[2]; } records __attribute__((aligned(4096)));
u32 stacks[2][1024] __attribute__((aligned(4096)));
u32 run_pair(u32 loads, u32 rounds);
u32 run_alone(u32 loads, u32 rounds);

static u32 directories[2][1024] __attribute__((aligned(4096)));
static u32 tables[2][1024] __attribute__((aligned(4096)));

static void measure(u32 kib)
{
    u32 loads = kib * KIB / BY;
    u32 pair = 0, alone = 0;
    for (int i = 0; i < 2; i++) { /* the first time warms */
        pair = run_pair(loads, SWITCHES_);
        alone = run_alone(loads, SWITCHES_);
        alone = run_alone(loads, SWITCHES_);
    }
    /* The pair worked 2 * SWITCHES_ times and switched as often. */
    point("switch", kib, pair - 2 * alone, 2 * SWITCHES_);
}

void calibrate(void)
{
    static const u16 kib[] = { 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224 };
    for (u32 p = 0; p < 2; p++) {
        map_low(directories[p], 0);
        directories[p][WINDOW >> 22] = (u32)tables[p] | P_ALL;
        for (u32 i = 0; i < MAX_BYTES / PAGE; i++)
            tables[p][FIRST + i] = (MEMORY + p * MAX_BYTES + i * PAGE) | P_ALL;
        records.process[p].cr3 = (u32)directories[p];
    }
    set_cr4(CR4_PSE);
    paging_on(directories[0]);
    for (u32 i = 0; i < sizeof kib / sizeof *kib; i++)
        measure(kib[i]);
}
