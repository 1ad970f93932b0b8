/*
 * Double faults, by a task gate: the #DF task has its own stack and page directory, so it runs whatever became
 * of the interrupted stack. It either repairs the interrupted task (nooks) and returns to it, or panics.
 */
#include <asm/memlayout.h>
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/offsets.h>
#include <kernel/traps.h>
#include <kernel/tss.h>
#include <linux/kernel.h>
#include <linux/sched.h>

u8 df_stack[DF_STACK_SIZE] __aligned(16); /* entry.S */
void double_fault_entry(void); /* entry.S */
void do_double_fault(u32 domain);

void double_fault_init(void) {
  struct tss *tss = double_fault_tss();
  tss->cr3 = kernel_pgd_phys;
  tss->eip = (u32)double_fault_entry;
  tss->eflags = 2;
  tss->esp = tss->esp0 = (u32)df_stack + DF_STACK_SIZE;
  tss->cs = KERNEL_CS;
  tss->ss = tss->ss0 = tss->ds = tss->es = KERNEL_DS;
  tss->iomap = sizeof(struct tss);
}

static void regs_from_tss(struct pt_regs *regs, const struct tss *t) {
  *regs = (struct pt_regs){ t->ebx, t->ecx, t->edx, t->esi, t->edi, t->ebp, t->eax, t->ds, t->es,
                            TRAP_DOUBLE_FAULT, 0, t->eip, t->cs, t->eflags, t->esp, t->ss };
}

static void regs_to_tss(struct tss *t, const struct pt_regs *regs) {
  t->ebx = regs->ebx, t->ecx = regs->ecx, t->edx = regs->edx, t->esi = regs->esi, t->edi = regs->edi;
  t->ebp = regs->ebp, t->eax = regs->eax, t->ds = regs->ds, t->es = regs->es;
  t->eip = regs->eip, t->cs = regs->cs, t->eflags = regs->eflags, t->esp = regs->esp, t->ss = regs->ss;
}

/* `domain`: as in do_trap. Returning ends in IRET, which switches back to the interrupted task. */
void do_double_fault(u32 domain) {
  struct tss *main = main_tss();
  u32 address = read_cr2();
  u32 cr3 = current->cr3;
  struct pt_regs regs;
  regs_from_tss(&regs, main);
  if (!nooks_double_fault(&regs, domain)) {
    show_regs(&regs, TRAP_DOUBLE_FAULT, address, "double fault");
    panic("double fault in ring %u", regs.cs & 3);
  }
  regs_to_tss(main, &regs);
  main->cr3 = cr3;
}
