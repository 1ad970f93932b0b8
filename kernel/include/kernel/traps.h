/* Traps and interrupts inside the kernel (arch/). */
#ifndef KERNEL_TRAPS_H
#define KERNEL_TRAPS_H

#include <asm/ptrace.h>
#include <linux/types.h>

#define TRAP_DEBUG 1
#define TRAP_NMI 2
#define TRAP_BREAKPOINT 3
#define TRAP_NO_FPU 7
#define TRAP_DOUBLE_FAULT 8
#define TRAP_PAGE_FAULT 14
#define TRAP_MACHINE_CHECK 18
#define TRAP_COUNT 20 /* exceptions that Intel defines up to SSE */

/* Page fault error code (SDM vol. 3, 4.7). */
#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_USER 4u

void gdt_init(void);
void set_kernel_stack(u32 esp0); /* what ring 3 traps to; on each task switch */
void double_fault_init(void);
void idt_init(void);
void irq_init(void);
void irq_end_lost(void);
void time_init(void);
bool clock_square_wave(void); /* the clock ticks by a square wave from now on; false: it cannot */
void timers_init(void);
void softirq_init(void);

void do_irq(struct pt_regs *regs);
void do_page_fault(struct pt_regs *regs, u32 addr, u32 domain);
void do_softirq(void);
void do_timer(struct pt_regs *regs); /* core/timer.c, each tick, interrupts off */
void scheduler_tick(bool user);

/* An exception that nothing can repair: a process dies, a domain is nooks' business, else panic. */
void bad_trap(struct pt_regs *regs, u32 vector, u32 address, u32 domain);
bool fixup_exception(struct pt_regs *regs); /* a copy from or to user memory failed */

void show_regs(const struct pt_regs *regs, u32 vector, u32 address, const char *what);
void dump_frames(u32 ebp); /* the return addresses up the frame pointers */

/* Idle time in cycles, ended at each interrupt entry so that handlers do not count as idle. */
extern u64 idle_cycles, idle_since; /* idle_since 0 = not idle; interrupts off */
extern u32 tsc_khz; /* 0 = no TSC */

#endif
