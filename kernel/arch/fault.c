/*
 * Page faults: pages that a process may have but does not yet, faults of the kernel on user memory that a copy
 * function expects, and everything else, which is a bug of someone.
 */
#include <asm/memlayout.h>
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <kernel/traps.h>
#include <linux/interrupt.h>
#include <linux/sched.h>

/* An instruction that may fault, and where to go on if it does (asm/uaccess.h's copies in uaccess.S). */
struct exception_entry {
  u32 insn, fixup;
};
extern const struct exception_entry __start___ex_table[], __stop___ex_table[];

bool fixup_exception(struct pt_regs *regs) {
  for (const struct exception_entry *e = __start___ex_table; e < __stop___ex_table; e++)
    if (e->insn == regs->eip) {
      regs->eip = e->fixup;
      return true;
    }
  return false;
}

/* Only ring 3 and the kernel's own copies, in process context, may have pages made for them. */
static bool may_fault_in(const struct pt_regs *regs, u32 addr, u32 domain) {
  return addr < TASK_SIZE && current->mm && !domain && !in_interrupt() &&
         (user_mode(regs) || regs->eflags & EFLAGS_IF);
}

void do_page_fault(struct pt_regs *regs, u32 addr, u32 domain) {
  if (may_fault_in(regs, addr, domain) && mm_fault(current->mm, addr, regs->error & PF_WRITE) == 0) return;
  bad_trap(regs, TRAP_PAGE_FAULT, addr, domain);
}
