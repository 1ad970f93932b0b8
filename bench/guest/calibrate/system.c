/*
 * Entries, returns and MOV CR3. `cr3.flushed` and `cr3.global`: MOV CR3 and then one load in each of x pages, less
 * the same without MOV CR3; the pages and the code are global in the second. `trap.*`: a null system call from ring
 * 3 by INT 0x80 and IRET, by SYSENTER and SYSEXIT; INT 0x80 and IRET in ring 0; a page fault from ring 3 whose
 * handler steps over the load. `entry.*` and `return.*`: the two ways of each apart, by RDTSC in the handler. x is 0
 * for all of these.
 */
#include "pages.h"

#define ROUNDS_ 512u
#define TRAPS 1024u

extern u32 gdt[];
u32 tss[26];
u32 saved_esp;
void user_enter(void (*user)(void), u32 *esp);
void trap_null(void), trap_exit(void), trap_fault(void), sysenter_null(void);
void trap_stamped(void), trap_fault_stamped(void);
struct stamps;
void stamp_nothing(u32 n, struct stamps *sums), stamp_int(u32 n, struct stamps *sums);
void stamp_sysenter(u32 n, struct stamps *sums), stamp_fault(u32 n, struct stamps *sums);

static u32 idt[256][2] __attribute__((aligned(8)));
static u32 directory[1024] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));
static u8 frames[32][PAGE] __attribute__((aligned(4096)));
static u32 ustack[1024] __attribute__((aligned(4096)));

static u32 page_at(u32 i) { return WINDOW + (FIRST + i) * PAGE + i * 64; }
static void put(u32 i, u32 value) { *(u32 *)page_at(i) = value; }

/* One round is `first`, then a chain through `pages` pages; EBP counts the pages, ESI has the CR3. */
#define SWITCHES(cycles, first, start, pages)                                                                 \
    __asm__ volatile("pushl %%ebp; movl %%eax, %%ebp; rdtsc; pushl %%eax; movl %%cr3, %%esi\n"                 \
                     "1: " first "\nmovl %%ebp, %%edx; testl %%edx, %%edx; jz 3f\n"                            \
                     "2: movl (%%ebx), %%ebx; decl %%edx; jnz 2b\n"                                            \
                     "3: decl %%ecx; jnz 1b\nrdtsc; popl %%edx; subl %%edx, %%eax; popl %%ebp"                 \
                     : "=a"(cycles), "+b"(p_), "+c"(n_)                                                        \
                     : "a"(pages)                                                                              \
                     : "edx", "esi", "memory", "cc")

static u32 switches(int with, void *start, u32 pages)
{
    void *p_ = start;
    u32 n_ = ROUNDS_, cycles;
    if (with)
        SWITCHES(cycles, "movl %%esi, %%cr3", p_, pages);
    else
        SWITCHES(cycles, "", p_, pages);
    return cycles;
}

static void cr3(const char *curve, u32 bits)
{
    map_low(directory, bits);
    for (u32 i = 0; i < 32; i++)
        table[FIRST + i] = (u32)frames[i] | P_ALL | bits;
    /* PGE off and on again drops the global entries of before. */
    set_cr4(CR4_PSE);
    set_cr4(CR4_PSE | (bits ? CR4_PGE : 0));
    for (u32 pages = 0; pages <= 32; pages += 4) {
        void *start = pages ? chain(pages, page_at, put, 0) : (void *)0;
        u32 cycles = 0, own = 0;
        for (int i = 0; i < 2; i++) {
            own = switches(0, start, pages);
            cycles = switches(1, start, pages);
        }
        point(curve, pages, cycles - own, ROUNDS_);
    }
}

static void gate(u32 vector, void (*handler)(void), u32 dpl)
{
    u32 a = (u32)handler;
    idt[vector][0] = (0x08u << 16) | (a & 0xFFFF);
    idt[vector][1] = (a & 0xFFFF0000u) | 0x8E00u | dpl << 13;
}

static u32 int_cycles, int0_cycles, enter_cycles, fault_cycles, invlpg_cycles;

/* Cycles of TRAPS times `body`, less `without`. Run twice, so that code and stacks are warm. */
#define MEASURE(result, body, without)                                                                        \
    do {                                                                                                      \
        u32 with_ = 0, less_ = 0, p_ = WINDOW;                                                                \
        for (int i_ = 0; i_ < 2; i_++) {                                                                      \
            TIMED(with_, TRAPS, body, p_, 0);                                                                 \
            TIMED(less_, TRAPS, without, p_, 0);                                                              \
        }                                                                                                     \
        result = with_ - less_;                                                                               \
    } while (0)

/* SYSENTER saves nothing: the caller's ECX is kept in EDI, EDX is the address to return to. */
#define ENTER_ARGS "movl %%ecx, %%edi; movl %%esp, %%ecx; movl $2f, %%edx"

/* Ways in and out apart, TRAPS times by `run`; less RDTSC and what else `run` does without a trap. */
struct stamps { u32 in, out; };
static struct stamps int_stamps, int0_stamps, enter_stamps, fault_stamps;

static void stamp(struct stamps *result, void (*run)(u32 n, struct stamps *sums))
{
    struct stamps with, without;
    for (int i = 0; i < 2; i++) {
        run(TRAPS, &with);
        stamp_nothing(TRAPS, &without);
    }
    result->in = with.in - without.in;
    result->out = with.out - without.out;
}

static void user(void)
{
    MEASURE(int_cycles, "int $0x80", "");
    MEASURE(enter_cycles, ENTER_ARGS "; sysenter\n2: movl %%edi, %%ecx", ENTER_ARGS "\n2: movl %%edi, %%ecx");
    MEASURE(fault_cycles, "movl (%%ebx), %%edx", ""); /* two bytes: trap_fault steps over them */
    stamp(&int_stamps, stamp_int);
    stamp(&enter_stamps, stamp_sysenter);
    gate(14, trap_fault_stamped, 0);
    stamp(&fault_stamps, stamp_fault);
    __asm__ volatile("int $0x81");
}

static void wrmsr(u32 msr, u32 v) { __asm__ volatile("wrmsr" : : "c"(msr), "a"(v), "d"(0)); }

void calibrate(void)
{
    static u32 kstack[64] __attribute__((aligned(4096)));
    u32 t = (u32)tss;
    set_cr4(CR4_PSE);
    map_low(directory, 0);
    directory[WINDOW >> 22] = (u32)table | P_ALL;
    paging_on(directory);
    cr3("cr3.flushed", 0);
    cr3("cr3.global", P_G);

    gate(0x80, trap_null, 3);
    gate(0x81, trap_exit, 3);
    gate(0x82, trap_stamped, 3);
    gate(14, trap_fault, 0);
    struct { u16 limit; u32 base; } __attribute__((packed)) ip = { sizeof idt - 1, (u32)idt };
    __asm__ volatile("lidt %0" : : "m"(ip));
    tss[2] = 0x10;
    tss[25] = sizeof tss << 16;
    gdt[10] = (t << 16) | (sizeof tss - 1);
    gdt[11] = (t & 0xFF000000u) | 0x8900u | ((t >> 16) & 0xFF);
    __asm__ volatile("ltr %w0" : : "r"(0x28));
    wrmsr(0x174, 0x08);
    wrmsr(0x175, (u32)(kstack + 64));
    wrmsr(0x176, (u32)sysenter_null);
    MEASURE(invlpg_cycles, "invlpg (%%ebx)", "");
    MEASURE(int0_cycles, "int $0x80", "");
    stamp(&int0_stamps, stamp_int);
    user_enter(user, ustack + 1024);
    point("trap.int", 0, int_cycles, TRAPS);
    point("trap.sysenter", 0, enter_cycles, TRAPS);
    point("trap.fault", 0, fault_cycles, TRAPS);
    point("trap.int.ring0", 0, int0_cycles, TRAPS);
    point("entry.int", 0, int_stamps.in, TRAPS);
    point("return.iret", 0, int_stamps.out, TRAPS);
    point("return.iret.ring0", 0, int0_stamps.out, TRAPS);
    point("entry.sysenter", 0, enter_stamps.in, TRAPS);
    point("return.sysexit", 0, enter_stamps.out, TRAPS);
    point("entry.fault", 0, fault_stamps.in, TRAPS);
    point("invlpg", 0, invlpg_cycles, TRAPS);
}
