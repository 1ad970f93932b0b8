#include "kit.h"

#define MAX_CHAIN (64u * KIB)

static void put_char(char c)
{
    while (!(inb(0x3FD) & 0x20))
        ;
    outb(0x3F8, (u8)c);
}

static void put_text(const char *s)
{
    while (*s)
        put_char(*s++);
}

static void put_number(u32 v)
{
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        put_char(digits[--n]);
}

void point(const char *curve, u32 x, u32 cycles, u32 operations)
{
    static const char *last;
    if (curve != last) {
        put_text("CURVE ");
        put_text(curve);
        put_char('\n');
        last = curve;
    }
    put_number(x);
    put_char(' ');
    put_number(cycles);
    put_char(' ');
    put_number(operations);
    put_char('\n');
}

u32 idle(u32 rounds)
{
    u32 cycles, p = 0;
    for (int i = 0; i < 2; i++) /* the first time fetches the code and trains the predictor */
        TIMED(cycles, rounds, "", p, 0);
    return cycles;
}

/* Times that the loop runs; the last counts. */
#define RUNS 3u

u32 chase(void *p, u32 rounds)
{
    u32 cycles, runs = (RUNS - 1) << 24 | rounds;
    __asm__ volatile("0: movl %%edi, %%ecx; andl $0xffffff, %%ecx\n"
                     "rdtsc; movl %%eax, %%esi\n"
                     "1: " REPEAT16("movl (%%ebx), %%ebx") "\ndecl %%ecx; jnz 1b\n"
                     "rdtsc; subl %%esi, %%eax\n"
                     "subl $0x1000000, %%edi; jns 0b"
                     : "=&a"(cycles), "+b"(p), "+D"(runs)
                     :
                     : "ecx", "edx", "esi", "memory", "cc");
    u32 own = idle(rounds);
    return cycles > own ? cycles - own : 0;
}

static u32 order[MAX_CHAIN];

void *chain(u32 n, u32 (*at)(u32 i), void (*put)(u32 i, u32 value), int shuffled)
{
    u32 seed = 2463534242u;
    for (u32 i = 0; i < n; i++)
        order[i] = i;
    for (u32 i = n - 1; shuffled && i > 0; i--) {
        u32 j = (u32)(((u64)lcg(&seed) * (i + 1)) >> 32);
        u32 t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (u32 i = 0; i < n; i++)
        put(order[i], at(order[i + 1 < n ? i + 1 : 0]));
    return (void *)at(order[0]);
}

void rt_main(void)
{
    outb(0x3F9, 0x00);
    outb(0x3FB, 0x80);
    outb(0x3F8, 0x01);
    outb(0x3F9, 0x00);
    outb(0x3FB, 0x03);
    outb(0x3FA, 0x07);
    calibrate();
    put_text("END\n");
    outb(0xF4, 0x00);
    for (;;)
        __asm__ volatile("cli; hlt");
}
