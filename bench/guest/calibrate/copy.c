/*
 * Memory copy against size: REP MOVSD, and a loop of four loads and four stores. Paging is off. Bandwidth is
 * operations (bytes) over cycles.
 */
#include "kit.h"

static u32 from[MIB / 4] __attribute__((aligned(1 << 20)));
static u32 to[MIB / 4] __attribute__((aligned(1 << 20)));

static u32 copy_rep(u32 words)
{
    u32 cycles;
    void *s = from, *d = to;
    __asm__ volatile("rdtsc; movl %%eax, %%ebx; rep movsl; rdtsc; subl %%ebx, %%eax"
                     : "=a"(cycles), "+S"(s), "+D"(d), "+c"(words)
                     :
                     : "ebx", "edx", "memory", "cc");
    return cycles;
}

#define STEP(at) "movl " at "(%%esi), %%edx; movl %%edx, " at "(%%edi);"

static u32 copy_loop(u32 words)
{
    u32 cycles;
    void *s = from, *d = to;
    u32 n = words / 4;
    __asm__ volatile("rdtsc; movl %%eax, %%ebx\n"
                     "1: " STEP("0") STEP("4") STEP("8") STEP("12")
                     "addl $16, %%esi; addl $16, %%edi; decl %%ecx; jnz 1b\nrdtsc; subl %%ebx, %%eax"
                     : "=a"(cycles), "+S"(s), "+D"(d), "+c"(n)
                     :
                     : "ebx", "edx", "memory", "cc");
    return cycles;
}

static u32 nothing(void)
{
    u32 cycles;
    __asm__ volatile("rdtsc; movl %%eax, %%ebx; rdtsc; subl %%ebx, %%eax" : "=a"(cycles) : : "ebx", "edx");
    return cycles;
}

static void sweep(const char *curve, u32 (*copy)(u32 words))
{
    for (u32 bytes = KIB; bytes <= MIB; bytes *= 2) {
        u32 repeat = bytes < 64 * KIB ? 64 * KIB / bytes : 1;
        u32 cycles = 0;
        for (u32 k = 0; k < 2; k++)
            copy(bytes / 4);
        for (u32 k = 0; k < repeat; k++)
            cycles += copy(bytes / 4) - nothing();
        point(curve, bytes, cycles, bytes * repeat);
    }
}

void calibrate(void)
{
    sweep("copy.rep", copy_rep);
    sweep("copy.loop", copy_loop);
}
