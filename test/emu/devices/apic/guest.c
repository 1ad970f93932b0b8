/* What the local APIC and the I/O APIC do, line by line on COM1: only what is the same on every correct PC with one
 * processor, so no times. Runs as a Multiboot image on our machine and on QEMU (apic-qemu.test.ts). */
#include "rt.h"

typedef volatile u32 vu32;

#define LAPIC(reg) (*(vu32 *)(0xfee00000u + (reg)))
#define ID 0x020
#define VERSION 0x030
#define TPR 0x080
#define PPR 0x0a0
#define EOI 0x0b0
#define LDR 0x0d0
#define DFR 0x0e0
#define SVR 0x0f0
#define ISR(v) (0x100 + ((v) / 32) * 16)
#define IRR(v) (0x200 + ((v) / 32) * 16)
#define ICR 0x300
#define ICR_DEST 0x310
#define LVT_TIMER 0x320
#define LVT_LINT0 0x350
#define LVT_LINT1 0x360
#define LVT_ERROR 0x370
#define INITIAL 0x380
#define CURRENT 0x390
#define DIVIDE 0x3e0
#define MASKED 0x10000u
#define PERIODIC 0x20000u
#define EXTINT 0x700u
#define NMI_MODE 0x400u

#define SELF 0x40000u
#define ALL 0x80000u
#define OTHERS 0xc0000u
#define ASSERT 0x4000u
#define LOGICAL 0x800u

#define PIC_BASE 0x20
#define TIMER_PIN 2
#define UART_PIN 4
#define NIC_PIN 11
#define QUIET 1000000u /* cycles in which nothing of the timer may come: several of its periods */

extern u32 stubs[256];
void (*handler[256])(u32 vector);
static volatile u32 count[256];
static u64 idt[256];

static void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }

static u32 inl(u16 port)
{
    u32 v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static void cli(void) { __asm__ volatile("cli" ::: "memory"); }
static void sti(void) { __asm__ volatile("sti; nop" ::: "memory"); }

static u64 rdtsc(void)
{
    u64 v;
    __asm__ volatile("rdtsc" : "=A"(v));
    return v;
}

static u32 features(void)
{
    u32 a = 1, b, c, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d;
}

static u64 rdmsr(u32 n)
{
    u64 v;
    __asm__ volatile("rdmsr" : "=A"(v) : "c"(n));
    return v;
}

static void wrmsr(u32 n, u64 v) { __asm__ volatile("wrmsr" : : "A"(v), "c"(n) : "memory"); }

/* ---- output ------------------------------------------------------------------------------------------------------ */

static void putc(char c)
{
    while (!(inb(0x3fd) & 0x20)) ;
    outb(0x3f8, (u8)c);
}

static void puts(const char *s)
{
    while (*s) putc(*s++);
}

static void hex(u32 v)
{
    int shift = 28;
    while (shift > 0 && !(v >> shift)) shift -= 4;
    for (; shift >= 0; shift -= 4) putc("0123456789abcdef"[(v >> shift) & 15]);
}

/* "name value" or "name value value value" */
static void say(const char *name, u32 v)
{
    puts(name);
    putc(' ');
    hex(v);
    putc('\n');
}

static void say3(const char *name, u32 a, u32 b, u32 c)
{
    puts(name);
    putc(' ');
    hex(a);
    putc(' ');
    hex(b);
    putc(' ');
    hex(c);
    putc('\n');
}

/* ---- interrupts -------------------------------------------------------------------------------------------------- */

void on_interrupt(u32 vector)
{
    count[vector]++;
    if (handler[vector]) handler[vector](vector);
}

static void eoi(u32 vector) { (void)vector; LAPIC(EOI) = 0; }

static void set_gate(u32 v)
{
    idt[v] = ((u64)(stubs[v] & 0xffff0000u) << 32) | 0x8e0000000000ull | 0x80000ull | (stubs[v] & 0xffff);
}

/* Runs with interrupts on until vector `v` has come `n` times in all. */
static void until(u32 v, u32 n)
{
    for (;;) {
        cli();
        if (count[v] >= n) return;
        __asm__ volatile("sti; hlt" ::: "memory");
    }
}

/* How often `v` comes in a while with interrupts on. */
static u32 meanwhile(u32 v)
{
    u32 before = count[v];
    u64 end = rdtsc() + QUIET;
    sti();
    while (rdtsc() < end) ;
    cli();
    return count[v] - before;
}

/* The same while the APIC's timer runs: earlier events of other devices have come before its interrupt does. */
static u32 until_timer(u32 v)
{
    u32 before = count[v];
    LAPIC(DIVIDE) = 0xb;
    LAPIC(LVT_TIMER) = 0x31;
    LAPIC(INITIAL) = 2000000; /* several periods of the PIT at any bus clock up to 1 GHz */
    until(0x31, count[0x31] + 1);
    return count[v] - before;
}

static void ipi(u32 destination, u32 low)
{
    LAPIC(ICR_DEST) = destination << 24;
    LAPIC(ICR) = low;
}

static void window(void)
{
    sti();
    __asm__ volatile("nop; nop");
    cli();
}

/* A border of basic blocks or two, where an NMI comes. */
static void settle(void) { __asm__ volatile("jmp 1f; 1: jmp 1f; 1: nop" ::: "memory"); }

/* ---- the rest of the board --------------------------------------------------------------------------------------- */

/* 8259s at vectors 20h and 28h, automatic EOI, only `irq` unmasked (none: 16). */
static void pic(u32 irq)
{
    u32 mask = ~(1u << irq);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    outb(0x20, 0x11), outb(0x21, PIC_BASE), outb(0x21, 4), outb(0x21, 3);
    outb(0xa0, 0x11), outb(0xa1, PIC_BASE + 8), outb(0xa1, 2), outb(0xa1, 3);
    outb(0x21, mask & 0xff);
    outb(0xa1, (mask >> 8) & 0xff);
}

static void pit(u8 mode, u32 divisor)
{
    outb(0x43, 0x30 | mode << 1);
    outb(0x40, divisor & 0xff);
    outb(0x40, divisor >> 8);
}

/* Rate generator at about 5 kHz. */
static void pit_periodic(void) { pit(2, 240); }

/* Mode 0: OUT is low, rises after the count, once, and stays high. QEMU lowers it with the count only. */
static void pit_low(void) { pit(0, 0); }
static void pit_once(void) { pit(0, 240); }

static u32 io_read(u32 index)
{
    *(vu32 *)0xfec00000 = index;
    return *(vu32 *)0xfec00010;
}

static void io_write(u32 index, u32 v)
{
    *(vu32 *)0xfec00000 = index;
    *(vu32 *)0xfec00010 = v;
}

static void redirect(u32 pin, u32 destination, u32 low)
{
    io_write(0x10 + 2 * pin, MASKED);
    io_write(0x11 + 2 * pin, destination << 24);
    io_write(0x10 + 2 * pin, low);
}

/* ---- what is tried ----------------------------------------------------------------------------------------------- */

static void registers(void)
{
    say("cpuid.apic", (features() >> 9) & 1);
    say("apic_base", (u32)rdmsr(0x1b));
    say("id", LAPIC(ID));
    say("version", LAPIC(VERSION));
    LAPIC(SVR) = 0x1ff;
    say("svr", LAPIC(SVR));
    LAPIC(LDR) = 0x12345678;
    say("ldr", LAPIC(LDR));
    LAPIC(DFR) = 0;
    say("dfr cluster", LAPIC(DFR));
    LAPIC(DFR) = 0xffffffff;
    say("dfr flat", LAPIC(DFR));
    LAPIC(TPR) = 0x35;
    say("tpr", LAPIC(TPR));
    say("ppr", LAPIC(PPR));
    LAPIC(TPR) = 0;
    LAPIC(LVT_TIMER) = MASKED | PERIODIC | 0x31;
    say("lvt timer", LAPIC(LVT_TIMER));
    LAPIC(LVT_LINT1) = MASKED | NMI_MODE;
    say("lvt lint1", LAPIC(LVT_LINT1));
    LAPIC(LVT_ERROR) = MASKED | 0xfe;
    say("lvt error", LAPIC(LVT_ERROR));
    LAPIC(DIVIDE) = 0xb;
    say("divide", LAPIC(DIVIDE));
    LAPIC(INITIAL) = 0;
    say("initial", LAPIC(INITIAL));
    say("current", LAPIC(CURRENT));
    LAPIC(ICR_DEST) = 0x55000000;
    say("icr high", LAPIC(ICR_DEST));
}

/* In service: the class and PPR. */
static void look(u32 v)
{
    say3("  in service: isr irr ppr", LAPIC(ISR(v)), LAPIC(IRR(v)), LAPIC(PPR));
    LAPIC(EOI) = 0;
}

static void self_ipis(void)
{
    handler[0x51] = handler[0x61] = handler[0x71] = look;
    ipi(0, SELF | 0x51);
    say3("pending: isr irr ppr", LAPIC(ISR(0x51)), LAPIC(IRR(0x51)), LAPIC(PPR));
    say("icr", LAPIC(ICR) & 0xcefff);
    window();
    say3("done: isr irr ppr", LAPIC(ISR(0x51)), LAPIC(IRR(0x51)), LAPIC(PPR));
    puts("three at once\n");
    ipi(0, SELF | 0x61);
    ipi(0, SELF | 0x51);
    ipi(0, SELF | 0x71);
    ipi(0, SELF | 0x71);
    window();
    say3("counts", count[0x51], count[0x61], count[0x71]);
    puts("behind TPR 60\n");
    LAPIC(TPR) = 0x60;
    ipi(0, SELF | 0x61);
    ipi(0, SELF | 0x71);
    window();
    say3("counts", count[0x51], count[0x61], count[0x71]);
    LAPIC(TPR) = 0x5f;
    window();
    say3("counts with TPR 5f", count[0x51], count[0x61], count[0x71]);
    LAPIC(TPR) = 0;
}

/* Interrupts of the same class wait, one of a higher class nests. */
static void outer(u32 v)
{
    (void)v;
    ipi(0, SELF | 0x4f);
    ipi(0, SELF | 0x81);
    window();
    say3("  outer: 4f 81 ppr", count[0x4f], count[0x81], LAPIC(PPR));
    LAPIC(EOI) = 0;
    window();
    say3("  after EOI: 4f 81 ppr", count[0x4f], count[0x81], LAPIC(PPR));
}

static void inner(u32 v)
{
    say3("  inner: isr4x isr8x ppr", LAPIC(ISR(0x41)), LAPIC(ISR(v)), LAPIC(PPR));
    LAPIC(EOI) = 0;
    say3("  one EOI: isr4x isr8x ppr", LAPIC(ISR(0x41)), LAPIC(ISR(v)), LAPIC(PPR));
}

static void nesting(void)
{
    puts("nesting\n");
    handler[0x41] = outer;
    handler[0x81] = inner;
    handler[0x4f] = eoi;
    ipi(0, SELF | 0x41);
    window();
    say3("isr4x isr8x ppr", LAPIC(ISR(0x41)), LAPIC(ISR(0x81)), LAPIC(PPR));
    LAPIC(EOI) = 0; /* with nothing in service */
    say("eoi of nothing", LAPIC(PPR));
}

static void sent(const char *name, u32 destination, u32 low)
{
    u32 before = count[0x90];
    ipi(destination, low | 0x90);
    window();
    say(name, count[0x90] - before);
}

static void destinations(void)
{
    handler[0x90] = eoi;
    sent("to self", 0x77, SELF);
    sent("to all", 0x77, ALL);
    sent("to others", 0, OTHERS);
    sent("physical 0", 0, 0);
    sent("physical 1", 1, 0);
    sent("physical ff", 0xff, 0);
    LAPIC(LDR) = 0x04000000;
    sent("flat 04", 0x04, LOGICAL);
    sent("flat fb", 0xfb, LOGICAL);
    sent("flat ff", 0xff, LOGICAL);
    sent("lowest priority 04", 0x04, LOGICAL | 0x100);
    LAPIC(DFR) = 0x0fffffff;
    LAPIC(LDR) = 0x32000000;
    sent("cluster 32", 0x32, LOGICAL);
    sent("cluster 3f", 0x3f, LOGICAL);
    sent("cluster 3d", 0x3d, LOGICAL);
    sent("cluster 22", 0x22, LOGICAL);
    LAPIC(DFR) = 0xffffffff;
    LAPIC(LDR) = 0x01000000;
}

static u32 nesting_nmi, deepest, depth;

/* The first NMI sends another, which must wait for IRET. */
static void on_nmi(u32 v)
{
    if (++depth > deepest) deepest = depth;
    if (nesting_nmi) {
        nesting_nmi = 0;
        ipi(0, NMI_MODE | ASSERT);
        settle();
        say("  still one NMI", count[v]);
    }
    depth--;
}

static void nmis(void)
{
    handler[2] = on_nmi;
    nesting_nmi = 1;
    ipi(0, NMI_MODE | ASSERT);
    settle();
    say3("NMIs, deepest, isr", count[2], deepest, LAPIC(ISR(2)));
    ipi(0, NMI_MODE | ASSERT | SELF);
    settle();
    say("NMI with shorthand self", count[2]);
    ipi(0, NMI_MODE | ASSERT | OTHERS);
    settle();
    say("NMI to others", count[2]);
    ipi(0, 0x200 | ASSERT); /* SMI is not seen */
    ipi(0, 0x608 | ASSERT); /* startup: nobody waits for one */
    ipi(0, 0x508 | 0x8000); /* INIT, level de-assert */
    settle();
    say("still here", count[2]);
}

static void timer(void)
{
    handler[0x31] = eoi;
    LAPIC(DIVIDE) = 0xb; /* by 1 */
    LAPIC(LVT_TIMER) = 0x31;
    LAPIC(INITIAL) = 50000;
    until(0x31, 1);
    say3("one-shot: count, current, more", count[0x31], LAPIC(CURRENT), meanwhile(0x31));
    LAPIC(DIVIDE) = 0; /* by 2 */
    LAPIC(LVT_TIMER) = PERIODIC | 0x31;
    LAPIC(INITIAL) = 20000;
    until(0x31, 4);
    u32 now = LAPIC(CURRENT);
    say("periodic: within", now > 0 && now <= 20000);
    LAPIC(LVT_TIMER) = PERIODIC | MASKED | 0x31;
    u32 masked = count[0x31];
    window();
    masked = count[0x31]; /* one may have been waiting */
    meanwhile(0x31);
    say("masked: more", count[0x31] - masked);
    now = LAPIC(CURRENT);
    say("masked: counts", now > 0 && now <= 20000);
    LAPIC(INITIAL) = 0;
    say("stopped", LAPIC(CURRENT));
    LAPIC(DIVIDE) = 0xa; /* by 128 */
    LAPIC(LVT_TIMER) = MASKED | 0x31;
    LAPIC(INITIAL) = 0xffffffff;
    u32 first = LAPIC(CURRENT);
    meanwhile(0x31);
    say("counts down", LAPIC(CURRENT) < first);
    LAPIC(INITIAL) = 0;
}

static void lint0(void)
{
    handler[PIC_BASE] = 0;
    LAPIC(LVT_LINT0) = EXTINT;
    pic(0);
    pit_periodic();
    until(PIC_BASE, 3);
    say("ExtINT: isr", LAPIC(ISR(PIC_BASE)));
    LAPIC(TPR) = 0xff;
    until(PIC_BASE, 6);
    puts("ExtINT passes TPR\n");
    LAPIC(TPR) = 0;
    pic(16); /* QEMU loses its way when LINT0 is masked while INTR is high */
    LAPIC(LVT_LINT0) = MASKED | EXTINT;
    pic(0);
    say("masked LINT0", until_timer(PIC_BASE));
    LAPIC(LVT_LINT0) = EXTINT;
    until(PIC_BASE, count[PIC_BASE] + 2);
    puts("unmasked LINT0\n");

    pic(16);
    pit_low();
    handler[0x46] = eoi;
    LAPIC(LVT_LINT0) = 0x46;
    pic(0);
    pit_once();
    until(0x46, 1);
    say("fixed LINT0: 46, 8259's", count[0x46]);
    pic(16);
    pit_low();
    LAPIC(LVT_LINT0) = NMI_MODE;
    u32 before = count[2];
    pic(0);
    pit_once();
    while (count[2] == before) __asm__ volatile("hlt"); /* interrupts are off */
    puts("NMI through LINT0 ends HLT with interrupts off\n");
    LAPIC(LVT_LINT0) = MASKED | EXTINT;
    pic(16);
    pit_low();
}

static u32 levels, in_service[4], remote_irr[4];

static u32 remote(u32 pin) { return io_read(0x10 + 2 * pin) >> 14 & 1; }

/* COM1 asks until its interrupts are turned off, the third time. Nothing is printed meanwhile. */
static void on_level(u32 v)
{
    u32 n = levels++ & 3;
    in_service[n] = LAPIC(ISR(v)) >> (v & 31) & 1;
    remote_irr[n] = remote(UART_PIN);
    if (levels >= 3) outb(0x3f9, 0);
    LAPIC(EOI) = 0;
}

static void io_apic(void)
{
    say("I/O APIC entries", io_read(1) >> 16 & 0xff);
    io_write(0, 0x03000000);
    say("I/O APIC id", io_read(0));
    say("entry after reset", io_read(0x10 + 2 * 20));
    redirect(20, 0x5a, MASKED | 0xa9ab);
    say3("entry", io_read(0x10 + 2 * 20), io_read(0x11 + 2 * 20), io_read(0x10 + 2 * 21));
    redirect(20, 0, MASKED);

    handler[0xa1] = eoi;
    redirect(TIMER_PIN, 0, 0xa1);
    pit_periodic();
    until(0xa1, 3);
    puts("edges through pin 2\n");
    say("masked", (redirect(TIMER_PIN, 0, MASKED | 0xa1), window(), until_timer(0xa1)));
    redirect(TIMER_PIN, 3, 0xa1);
    say("to APIC 3", until_timer(0xa1));
    redirect(TIMER_PIN, 0x01, LOGICAL | 0xa1);
    until(0xa1, count[0xa1] + 2);
    puts("to logical 01\n");
    redirect(TIMER_PIN, 0x02, LOGICAL | 0xa1);
    window();
    say("to logical 02", until_timer(0xa1));
    redirect(TIMER_PIN, 0x01, LOGICAL | 0x100 | 0xa1);
    until(0xa1, count[0xa1] + 2);
    puts("lowest priority\n");

    u32 before = count[2];
    redirect(TIMER_PIN, 0, NMI_MODE);
    while (count[2] < before + 3) __asm__ volatile("hlt");
    puts("NMIs through pin 2\n");
    redirect(TIMER_PIN, 0, MASKED);

    pit_low();
    before = count[0xa1];
    pit_once();
    until_timer(0xa1);
    redirect(TIMER_PIN, 0, 0xa1);
    say("edge on a masked pin", until_timer(0xa1));
    redirect(TIMER_PIN, 0, MASKED);

    handler[0xb1] = on_level;
    redirect(UART_PIN, 0, 0x8000 | 0xb1);
    while (!(inb(0x3fd) & 0x40)) ;
    outb(0x3f9, 2); /* transmitter empty: it is */
    u32 pending = LAPIC(IRR(0xb1)) >> 17 & 1, unacknowledged = remote(UART_PIN);
    until(0xb1, 3);
    u32 more = until_timer(0xb1);
    say3("level: pending, remote irr, more", pending, unacknowledged, more);
    for (u32 n = 0; n < 3; n++) say3("level: n, isr, remote irr", n, in_service[n], remote_irr[n]);
    say("level: remote irr", remote(UART_PIN));
    redirect(UART_PIN, 0, MASKED);
}

static u32 config(u32 reg)
{
    outl(0xcf8, 0x80000000u | 3 << 11 | reg);
    return inl(0xcfc);
}

static vu32 *nic;
static u32 asked, nic_irr[2];

/* Reading ICR, the second time only, takes the request back. */
static void on_nic(u32 v)
{
    (void)v;
    if (asked < 2) nic_irr[asked] = remote(NIC_PIN);
    if (++asked == 2) (void)nic[0xc0 / 4];
    LAPIC(EOI) = 0;
}

/* PCI device 3's INTA#, an 82540EM that is asked for an interrupt by ICS. */
static void pci_line(void)
{
    say("nic", config(0));
    nic = (vu32 *)(config(0x10) & ~15u);
    say("nic line", config(0x3c) & 0xff);
    outl(0xcf8, 0x80000000u | 3 << 11 | 4);
    outl(0xcfc, 3); /* I/O, memory */
    nic[0xd8 / 4] = ~0u; /* IMC */
    (void)nic[0xc0 / 4];
    handler[0xc1] = on_nic;
    redirect(NIC_PIN, 0, 0x8000 | 0xc1);
    nic[0xd0 / 4] = 4; /* IMS: link status */
    nic[0xc8 / 4] = 4; /* ICS */
    until(0xc1, 2);
    u32 more = until_timer(0xc1);
    say3("nic: remote irr, more", nic_irr[0], nic_irr[1], more);
    nic[0xd8 / 4] = ~0u;
    redirect(NIC_PIN, 0, MASKED);
}

/* Last, for QEMU does not enable it again. */
static void disable(void)
{
    LAPIC(LVT_LINT0) = EXTINT; /* where QEMU still looks */
    wrmsr(0x1b, rdmsr(0x1b) & ~0x800ull);
    say("disabled: cpuid.apic", (features() >> 9) & 1);
    say("disabled: apic_base", (u32)rdmsr(0x1b));
    pic(0);
    pit_periodic();
    until(PIC_BASE, count[PIC_BASE] + 3);
    puts("8259 without APIC\n");
}

static const char *const unexpected = "unexpected vector";

void rt_main(void)
{
    struct { u16 limit; u32 base; } __attribute__((packed)) idtr = { sizeof(idt) - 1, (u32)idt };
    outb(0x3fb, 0x83), outb(0x3f8, 1), outb(0x3f9, 0), outb(0x3fb, 3), outb(0x3fa, 7);
    outb(0x3fc, 0xb); /* OUT2 lets its interrupts out */
    for (u32 v = 0; v < 256; v++) set_gate(v);
    __asm__ volatile("lidt %0" : : "m"(idtr));
    pic(16);
    pit_low();
    registers();
    self_ipis();
    nesting();
    destinations();
    nmis();
    timer();
    lint0();
    io_apic();
    pci_line();
    disable();
    static const u8 known[] = { 2, PIC_BASE, 0x31, 0x41, 0x46, 0x4f, 0x51, 0x61, 0x71, 0x81, 0x90, 0xa1, 0xb1, 0xc1 };
    for (u32 v = 0, k = 0; v < 256; v++) {
        if (k < sizeof(known) && known[k] == v) k++;
        else if (count[v]) say(unexpected, v);
    }
    puts("end\n");
    outb(0xf4, 0);
    for (;;) __asm__ volatile("cli; hlt");
}
