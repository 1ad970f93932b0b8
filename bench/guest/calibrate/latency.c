/*
 * Load latency against working set: a chain of pointers through a buffer, each load waiting for the one before it,
 * in order (by stride) and shuffled. Paging is off, so that caches and memory are all there is.
 */
#include "kit.h"

#define LOADS 8192u

static u8 buffer[2 * MIB] __attribute__((aligned(1 << 20)));
static u32 stride;

static u32 at(u32 i) { return (u32)buffer + i * stride; }
static void put(u32 i, u32 value) { *(u32 *)at(i) = value; }

static void measure(const char *curve, u32 bytes, int shuffled)
{
    u32 n = bytes / stride;
    u32 rounds = (n > LOADS ? n : LOADS) / UNROLL;
    /* What the chain's stores left dirty is written back in the first runs. */
    void *start = chain(n, at, put, shuffled);
    point(curve, bytes, chase(start, rounds), rounds * UNROLL);
}

static void sweep(const char *curve, u32 by, int shuffled)
{
    static const u16 kib[] = { 1,  2,  4,  6,   8,   10,  12,  16,  20,  24,  32,
                               48, 64, 96, 128, 192, 256, 320, 384, 512, 768, 1024 };
    stride = by;
    for (u32 i = 0; i < sizeof kib / sizeof *kib; i++)
        measure(curve, kib[i] * KIB, shuffled);
}

void calibrate(void)
{
    sweep("latency.random.128", 128, 1);
    sweep("latency.stride.32", 32, 0);
    sweep("latency.stride.64", 64, 0);
    sweep("latency.stride.128", 128, 0);
    sweep("latency.stride.256", 256, 0);
}
