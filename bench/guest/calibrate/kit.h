/*
 * What all calibration programs share: serial output, RDTSC around a loop, a chain of pointers. A program defines
 * `calibrate()`, which measures and calls `point()`; the kit ends the run.
 */
#ifndef KIT_H
#define KIT_H
#include "../rt.h"

#define KIB 1024u
#define MIB (1024u * KIB)
/* Loads (or branches, ...) that the body of a timed loop repeats, so that the loop itself weighs little. */
#define UNROLL 16

void calibrate(void);

/* Prints "x cycles operations", below "CURVE name" where the curve is another: `operations` took `cycles` together. */
void point(const char *curve, u32 x, u32 cycles, u32 operations);

/*
 * Cycles of `rounds` times `body`, RDTSC and the loop included. `p` (EBX) is the body's to use and to change; EDI
 * holds `arg`; EAX, EDX and EBP are not the body's.
 */
#define TIMED(cycles, rounds, body, p, arg)                                                                   \
    do {                                                                                                      \
        u32 n_ = (rounds), a_ = (u32)(arg);                                                                   \
        __asm__ volatile("rdtsc; movl %%eax, %%esi\n1: " body "\ndecl %%ecx; jnz 1b\nrdtsc; subl %%esi, %%eax" \
                         : "=&a"(cycles), "+b"(p), "+c"(n_), "+D"(a_)                                         \
                         :                                                                                    \
                         : "esi", "edx", "memory", "cc");                                                     \
    } while (0)

#define REPEAT16(insn) ".rept 16\n" insn "\n.endr"

/* Cycles of the same loop with nothing in it: what a timed loop's own cost is. */
u32 idle(u32 rounds);

/*
 * Cycles of `rounds` * UNROLL dependent loads that follow the chain from `p` on, the loop's own taken off. The same
 * loop runs several times before, with no access to any other data in between; rounds are below 2^24.
 */
u32 chase(void *p, u32 rounds);

/*
 * Makes a cycle of the `n` places `at(i)`, each holding the address of the next, in the order of i or shuffled (one
 * cycle through all of them, the same each time). Returns where to start.
 */
void *chain(u32 n, u32 (*at)(u32 i), void (*put)(u32 i, u32 value), int shuffled);

#endif
