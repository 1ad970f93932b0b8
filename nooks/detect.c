/*
 * Detection: what all triggers lead to, and those that the processor has: exceptions in a domain, and double
 * faults (a stack that is full or ruined). Whatever ran in the domain is unwound to the XPC that called it.
 * Bad arguments are reported by wrapper bodies, the rest by limits.c, watchdog.c, storm.c, heartbeat.c, proc.c.
 *
 * What cannot be detected: a domain is in ring 0, so CLI, STI, HLT, IN, OUT, LGDT, LIDT, LTR, MOV to CR0, CR3, CR4 and
 * DRs, WRMSR, INVD do what they do. A page directory or IDT of garbage ends in a triple fault. CLI and HLT the
 * watchdog's NMI ends; CR0.WP, and DR7 with what it sets off, are put right when they are met.
 */
#include <asm/memlayout.h>
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/traps.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <nooks/detect.h>
#include <nooks/event.h>
#include <nooks/object.h>
#include <nooks/wrapper.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.recovery"

#define MESSAGE_MAX 160
#define MAX_REFUSALS 10 /* that are said, a second */

void nooks_unwound(void); /* xpc.S */

/* Its devices read and write no memory any more: a descriptor may be as wrong as the code that wrote it. */
static void stop_masters(struct nooks_domain *d) {
  struct nooks_object *o;
  u32 bit = 1;
  list_for_each_entry(o, &d->objects[OBJ_PCI_DEV], list) {
    u16 command = 0;
    pci_read_config_word(o->kernel, PCI_COMMAND, &command);
    if (command & PCI_COMMAND_MASTER) d->masters |= bit;
    pci_disable_device(o->kernel);
    bit <<= 1;
  }
}

/* No interrupt of its devices reaches it any more: one that stays asserted would come for ever. */
static void silence(struct nooks_domain *d) {
  struct nooks_irq *i;
  list_for_each_entry(i, &d->objects[OBJ_IRQ], o.list) {
    if (d->handlers & 1u << i->irq) continue;
    d->handlers |= 1u << i->irq;
    disable_irq(i->irq);
  }
}

/* Packets wait in the queues until the extension is back. */
static void stop_queues(struct nooks_domain *d) {
  struct nooks_object *o;
  list_for_each_entry(o, &d->objects[OBJ_NETDEV], list) netif_stop_queue(o->kernel);
}

/* A trigger whose action is to return an error: counted and said, and that is all. */
static bool only_refused(const struct nooks_domain *d, enum nooks_trigger why, const char *message) {
  if (nooks_trigger_actions[why] != ACTION_ERROR) return false;
  static unsigned long since;
  static u32 said;
  nooks_trigger_counts[why]++;
  if (time_after(jiffies, since + HZ)) {
    since = jiffies;
    said = 0;
  }
  if (d->state == DOMAIN_RUNNING && said++ < MAX_REFUSALS) printk(KERN_WARNING "nooks: %s refused: %s\n", d->name, message);
  return true;
}

static void fail(struct nooks_domain *d, enum nooks_trigger why, const char *message) {
  unsigned long flags;
  if (only_refused(d, why, message)) return;
  local_irq_save(flags);
  bool first = d->state == DOMAIN_RUNNING;
  if (first) {
    d->state = DOMAIN_FAILED;
    silence(d);
    stop_masters(d);
  }
  irq_restore(flags);
  if (!first) return;
  d->stats->failures++;
  nooks_trigger_counts[why]++;
  nooks_event(EVENT_FAILED, d->name, why);
  printk(KERN_ERR "nooks: %s failed: %s\n", d->name, message);
  stop_queues(d);
  recovery_failed(d, why);
}

void nooks_fail(struct nooks_domain *d, enum nooks_trigger why, const char *fmt, ...) {
  char message[MESSAGE_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  fail(d, why, message);
}

void nooks_bad_call(enum nooks_trigger why, const char *fmt, ...) {
  char message[MESSAGE_MAX];
  va_list args;
  va_start(args, fmt);
  vsnprintf(message, sizeof message, fmt, args);
  va_end(args);
  struct xpc_frame *f = xpc_frame();
  fail(f->domain, why, message);
  if (f->domain->state != DOMAIN_RUNNING) nooks_unwind(f);
  f->domain_esp = 0;
  nooks_refuse(f);
}

static const char *exception_name(u32 vector) {
  switch (vector) {
    case 0: return "divide error";
    case TRAP_DEBUG: return "debug exception";
    case TRAP_BREAKPOINT: return "breakpoint";
    case 4: return "overflow";
    case 5: return "bound range exceeded";
    case 6: return "invalid opcode";
    case TRAP_NO_FPU: return "no coprocessor";
    case 10: return "invalid TSS";
    case 11: return "segment not present";
    case 12: return "stack fault";
    case 13: return "general protection";
    case TRAP_DOUBLE_FAULT: return "double fault";
    case TRAP_PAGE_FAULT: return "page fault";
    case 17: return "alignment check";
    default: return "exception";
  }
}

static void report(struct nooks_domain *d, const struct pt_regs *regs, u32 vector, u32 address) {
  const struct module *mod = module_of_address(regs->eip);
  char message[MESSAGE_MAX];
  int n = snprintf(message, sizeof message, "%s (vector %u, error code %#x) at %08x", exception_name(vector), vector,
                   regs->error, regs->eip);
  if (mod) n += snprintf(message + n, sizeof message - (u32)n, " (%s+%#x)", mod->name, regs->eip - mod->text_start);
  if (vector == TRAP_PAGE_FAULT || vector == TRAP_DOUBLE_FAULT)
    snprintf(message + n, sizeof message - (u32)n, ", address %08x", address);
  fail(d, vector == TRAP_DOUBLE_FAULT ? TRIGGER_STACK : TRIGGER_EXCEPTION, message);
}

/* The newest call into the domain whose directory was loaded is the one that ran. */
struct xpc_frame *running_frame(u32 cr3) {
  struct xpc_frame *f = xpc_frame();
  return f && f->domain->cr3 == cr3 && !f->domain_esp ? f : NULL;
}

int nooks_fault(struct pt_regs *regs, u32 vector, u32 address, u32 domain) {
  struct xpc_frame *f = domain ? running_frame(domain) : NULL;
  if (!f) return 0;
  report(f->domain, regs, vector, address);
  nooks_unwind(f);
}

int nooks_double_fault(struct pt_regs *regs, u32 domain) {
  struct xpc_frame *f = domain ? running_frame(domain) : NULL;
  if (!f) return 0;
  report(f->domain, regs, TRAP_DOUBLE_FAULT, read_cr2());
  irq_end_lost();
  regs->eip = (u32)nooks_unwound;
  regs->cs = KERNEL_CS;
  regs->ds = regs->es = regs->ss = KERNEL_DS;
  regs->esp = f->kernel_esp;
  regs->eflags = 2;
  return 1;
}

void nooks_task_exit(struct task_struct *task) {
  if (task->nooks) panic("task %d ends inside an extension procedure call", task->pid);
}
