/*
 * Cost of branches that cannot be foreseen. `branch.conditional`: a branch that is taken with probability x / 256 by
 * a random generator, less one that never is. `branch.indirect`: a jump whose target alternates, less one whose
 * target stays; x is 0.
 */
#include "kit.h"

#define BRANCHES (64u * KIB)
#define JUMPS 4096u

/* The generator in EBX; the branch goes to the next instruction either way. */
static u32 conditional(u32 threshold)
{
    u32 cycles, p = 12345;
    TIMED(cycles, BRANCHES, "imull $1664525, %%ebx, %%ebx; addl $1013904223, %%ebx; cmpl %%edi, %%ebx; jb 2f\n2:", p,
          threshold);
    return cycles;
}

/* EBX is the target now, EDI what turns it into the next one. */
static u32 indirect(int alternates)
{
    u32 cycles;
    u32 n = JUMPS;
    __asm__ volatile("movl $3f, %%ebx; movl $4f, %%edi; xorl %%ebx, %%edi; testl %%edx, %%edx; jnz 1f; xorl %%edi, %%edi\n"
                     "1: rdtsc; movl %%eax, %%esi\n"
                     "2: jmp *%%ebx\n"
                     "3: xorl %%edi, %%ebx; decl %%ecx; jnz 2b; jmp 5f\n"
                     "4: xorl %%edi, %%ebx; decl %%ecx; jnz 2b\n"
                     "5: rdtsc; subl %%esi, %%eax"
                     : "=a"(cycles), "+c"(n), "+d"(alternates)
                     :
                     : "ebx", "esi", "edi", "memory", "cc");
    return cycles;
}

void calibrate(void)
{
    conditional(0);
    for (u32 x = 16; x <= 240; x += 16) {
        u32 own = conditional(0);
        conditional(x << 24);
        point("branch.conditional", x, conditional(x << 24) - own, BRANCHES);
    }
    indirect(0);
    indirect(1);
    u32 own = indirect(0);
    point("branch.indirect", 0, indirect(1) - own, JUMPS);
}
