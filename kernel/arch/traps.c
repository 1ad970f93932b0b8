/* Exceptions (SDM vol. 3, chapter 6): the IDT, who handles what, and what is printed when nobody can. */
#include <asm/irq.h>
#include <asm/memlayout.h>
#include <asm/pgtable.h>
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <kernel/traps.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

#define VECTORS 256
#define STUBS 48 /* exceptions and interrupts, from entry.S */
#define GATE_INTERRUPT 0x8E00u
#define GATE_INTERRUPT_USER 0xEE00u
#define GATE_TASK 0x8500u
#define BACKTRACE_MAX 16

extern const u32 trap_vectors[STUBS];
extern const char _kernel_start[], _etext[];
void system_call(void);
void do_trap(struct pt_regs *regs, u32 domain);

u32 domain_cr3, domain_kernel_esp;

static u64 idt[VECTORS] __aligned(8);
static bool oops_panics; /* oops=panic */

/* What each exception is called and, in a process, dies of. */
static const struct {
  const char *name;
  int signal;
} traps[TRAP_COUNT] = {
  { "divide error", SIGFPE },        { "debug", SIGTRAP },
  { "NMI", 0 },                      { "breakpoint", SIGTRAP },
  { "overflow", SIGSEGV },           { "bound range exceeded", SIGSEGV },
  { "invalid opcode", SIGILL },      { "no coprocessor", SIGFPE },
  { "double fault", SIGSEGV },       { "coprocessor segment overrun", SIGFPE },
  { "invalid TSS", SIGSEGV },        { "segment not present", SIGBUS },
  { "stack fault", SIGBUS },         { "general protection", SIGSEGV },
  { "page fault", SIGSEGV },         { "reserved", SIGSEGV },
  { "coprocessor error", SIGFPE },   { "alignment check", SIGBUS },
  { "machine check", SIGBUS },       { "SIMD error", SIGFPE },
};

static u64 gate(u32 selector, u32 offset, u32 type) {
  return (u64)((offset & 0xFFFF0000u) | type) << 32 | selector << 16 | (offset & 0xFFFF);
}

void idt_init(void) {
  struct {
    u16 limit;
    u32 base;
  } __packed idtr = { sizeof idt - 1, (u32)idt };
  for (u32 i = 0; i < STUBS; i++) idt[i] = gate(KERNEL_CS, trap_vectors[i], GATE_INTERRUPT);
  idt[TRAP_BREAKPOINT] = gate(KERNEL_CS, trap_vectors[TRAP_BREAKPOINT], GATE_INTERRUPT_USER);
  idt[TRAP_DOUBLE_FAULT] = gate(DF_TSS_SEL, 0, GATE_TASK);
  idt[SYSCALL_VECTOR] = gate(KERNEL_CS, (u32)system_call, GATE_INTERRUPT_USER);
  __asm__ __volatile__("lidt %0" : : "m"(idtr));
}

static int oops_init(void) {
  const char *mode = boot_option("oops");
  oops_panics = mode && !strcmp(mode, "panic");
  if (mode && !oops_panics && strcmp(mode, "kill")) panic("kernel option oops=%s: kill or panic", mode);
  return 0;
}
__initcall(oops_init);

static const char *trap_name(u32 vector) {
  return vector < TRAP_COUNT ? traps[vector].name : vector == SYSCALL_VECTOR ? "system call in ring 0" : "interrupt";
}

/* ---- Printing ---- */

static void show_address(u32 addr) {
  struct module *mod = module_of_address(addr);
  if (mod) printk(KERN_EMERG "  %08x %s+%#x\n", addr, mod->name, addr - mod->text_start);
  else printk(KERN_EMERG "  %08x\n", addr);
}

static bool is_code(u32 addr) {
  return (addr >= (u32)_kernel_start && addr < (u32)_etext) || module_of_address(addr);
}

/* A frame pointer that can be read without a fault: kernel memory that is mapped. */
static bool readable(u32 addr) {
  return addr >= KERNEL_BASE && addr <= RING0_LIMIT - 8 && !(addr & 3) && pgtable_lookup(kernel_pgd, addr) &&
         pgtable_lookup(kernel_pgd, addr + 7);
}

void dump_frames(u32 ebp) {
  printk(KERN_EMERG "call trace:\n");
  for (int i = 0; i < BACKTRACE_MAX && readable(ebp); i++) {
    u32 next = ((const u32 *)ebp)[0], ret = ((const u32 *)ebp)[1];
    if (!is_code(ret)) break;
    show_address(ret);
    if (next <= ebp) break;
    ebp = next;
  }
}

void show_regs(const struct pt_regs *regs, u32 vector, u32 address, const char *what) {
  bool user = user_mode(regs);
  bool has_stack = user || vector == TRAP_DOUBLE_FAULT;
  u32 esp = has_stack ? regs->esp : (u32)&regs->esp;
  printk(KERN_EMERG "%s: vector %u, error code %#x", what, vector, regs->error);
  if (vector == TRAP_PAGE_FAULT || vector == TRAP_DOUBLE_FAULT) printk(KERN_EMERG ", address %08x", address);
  printk(KERN_EMERG "\n");
  printk(KERN_EMERG "eip %08x cs %04x eflags %08x esp %08x ss %04x\n", regs->eip, regs->cs & 0xFFFF, regs->eflags, esp,
         has_stack ? regs->ss & 0xFFFF : KERNEL_DS);
  printk(KERN_EMERG "eax %08x ebx %08x ecx %08x edx %08x\n", regs->eax, regs->ebx, regs->ecx, regs->edx);
  printk(KERN_EMERG "esi %08x edi %08x ebp %08x cr3 %08x\n", regs->esi, regs->edi, regs->ebp, read_cr3());
  struct module *mod = user ? NULL : module_of_address(regs->eip);
  if (mod) printk(KERN_EMERG "in module %s+%#x\n", mod->name, regs->eip - mod->text_start);
}

/* ---- Handling ---- */

static void kill_process(struct pt_regs *regs, u32 vector, u32 address) {
  int signal = vector < TRAP_COUNT ? traps[vector].signal : SIGSEGV;
  printk(KERN_INFO "%s[%d]: %s at %08x", current->comm, current->pid, trap_name(vector), regs->eip);
  if (vector == TRAP_PAGE_FAULT) printk(KERN_INFO ", address %08x, error code %#x", address, regs->error);
  printk(KERN_INFO "\n");
  if (!current->kill_signal) current->kill_signal = signal;
}

/* As in 2.4, a process that faults in the kernel dies, with whatever it holds; but not where nobody else could go on. */
static bool may_oops(u32 vector) {
  return !oops_panics && vector != TRAP_DOUBLE_FAULT && vector != TRAP_MACHINE_CHECK && !in_interrupt() &&
         current->pid != 0 && current != init_task && !current->nooks;
}

static void oops(void) __noreturn;
static void oops(void) {
  static u32 count;
  printk(KERN_EMERG "Oops %u: %s[%d] is killed\n", ++count, current->comm, current->pid);
  current->kill_signal = SIGSEGV;
  do_exit(SIGSEGV);
}

/* The frame of a trap in a domain lies in its memory: what it says of rings is no concern then. */
void bad_trap(struct pt_regs *regs, u32 vector, u32 address, u32 domain) {
  if (!domain && user_mode(regs)) {
    kill_process(regs, vector, address);
    return;
  }
  if (!domain && fixup_exception(regs)) return;
  if (nooks_fault(regs, vector, address, domain)) return;
  show_regs(regs, vector, address, trap_name(vector));
  dump_frames(regs->ebp);
  if (may_oops(vector)) oops();
  panic("%s in ring 0", trap_name(vector));
}

/*
 * Single steps and breakpoints in the kernel are leftovers of whoever set TF or DR7. As 2.4 does, they are switched
 * off, and what was interrupted goes on. A domain that does so has failed.
 */
static void do_debug(struct pt_regs *regs, u32 domain) {
  write_dr7(0);
  write_dr6(0);
  if (domain || user_mode(regs)) bad_trap(regs, TRAP_DEBUG, 0, domain);
  else regs->eflags &= ~EFLAGS_TF;
}

static void do_nmi(struct pt_regs *regs, u32 domain) {
  static u32 strange;
  if (!nooks_nmi(regs, domain) && !strange++) printk(KERN_WARNING "NMI for a reason that nobody knows\n");
}

/* `domain`: the page directory of the domain that was interrupted, or 0. Interrupts are off, also on return. */
void do_trap(struct pt_regs *regs, u32 domain) {
  u32 vector = regs->orig_eax;
  if (vector >= IRQ_VECTOR && vector < IRQ_VECTOR + NR_IRQS) {
    do_irq(regs);
    if (domain) nooks_interrupted(regs, domain);
    return;
  }
  if (vector == TRAP_NMI) {
    do_nmi(regs, domain);
    return;
  }
  u32 address = vector == TRAP_PAGE_FAULT ? read_cr2() : 0;
  if (regs->eflags & EFLAGS_IF && vector != TRAP_DEBUG) local_irq_enable();
  if (vector == TRAP_PAGE_FAULT) do_page_fault(regs, address, domain);
  else if (vector == TRAP_DEBUG) do_debug(regs, domain);
  else bad_trap(regs, vector, 0, domain);
  local_irq_disable();
}
