/* Wrappers of interrupts. The kernel's handler is ours, which calls the extension's in its domain. */
#include <linux/errno.h>
#include <kernel/traps.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

/*
 * A storm: interrupts one after the other in one tick of the clock, between which neither the code that they
 * interrupt, nor the idle task, nor the extension (a call of the kernel, or a packet) gets on. False: it has failed.
 */
static bool calm(struct nooks_irq *i, const struct pt_regs *regs) {
  const struct nooks_stats *s = i->o.domain->stats;
  u32 idle = (u32)idle_cycles, progress = (u32)s->to_kernel + (u32)s->deferred;
  if (likely(i->eip != regs->eip || i->frame != (u32)regs || i->tick != jiffies || i->idle != idle ||
             i->progress != progress)) {
    i->eip = regs->eip;
    i->frame = (u32)regs;
    i->tick = jiffies;
    i->idle = idle;
    i->progress = progress;
    i->same = 0;
    return true;
  }
  return within_limit(i->o.domain, LIMIT_STORM, ++i->same);
}

static void handle(int irq, void *data, struct pt_regs *regs) {
  struct nooks_irq *i = data;
  if (unlikely(!calm(i, regs))) return;
  nooks_driver_call(i->o.domain, NULL, i->handler, 3, irq, i->o.driver, regs);
}

static struct nooks_irq *find_irq(struct nooks_domain *d, unsigned irq, const void *dev_id) {
  struct nooks_irq *i;
  list_for_each_entry(i, &d->objects[OBJ_IRQ], o.list)
    if (i->irq == irq && i->o.driver == dev_id) return i;
  return NULL;
}

int wrap_request_irq(unsigned irq, const void *handler, u32 flags, const char *name, void *dev_id) {
  struct nooks_domain *d = calling_domain();
  code_arg(handler, "request_irq");
  if (flags & SA_SHIRQ && !dev_id) return -EINVAL;
  char copy[IFNAMSIZ];
  string_arg(copy, name, sizeof copy, "request_irq");
  struct nooks_irq *i = object_wanted(d, sizeof *i);
  if (!i) return -ENOMEM;
  i->irq = irq;
  i->handler = handler;
  memcpy(i->name, copy, sizeof copy);
  release_line_to(d, irq);
  /* It may come at once. */
  object_track(d, &i->o, OBJ_IRQ, dev_id, i);
  int err = request_irq(irq, handle, flags, i->name, i);
  if (err) object_drop(&i->o);
  return err;
}

void wrap_free_irq(unsigned irq, void *dev_id) {
  struct nooks_irq *i = find_irq(calling_domain(), irq, dev_id);
  if (!i) nooks_bad_call(TRIGGER_ARGUMENT, "free_irq: interrupt %u with %p is not the extension's", irq, dev_id);
  while (i->disabled) i->disabled--, enable_irq(irq);
  free_irq(irq, i);
  object_drop(&i->o);
}

/* Only lines that the extension has a handler on; what it disables is counted, and undone when it goes. */
static struct nooks_irq *own_line(unsigned irq, const char *function) {
  struct nooks_irq *i;
  list_for_each_entry(i, &calling_domain()->objects[OBJ_IRQ], o.list)
    if (i->irq == irq) return i;
  nooks_bad_call(TRIGGER_ARGUMENT, "%s: interrupt %u is not the extension's", function, irq);
}

static void disable(struct nooks_irq *i) {
  i->disabled++;
  disable_irq(i->irq);
}

void wrap_disable_irq(unsigned irq) { disable(own_line(irq, "disable_irq")); }
void wrap_disable_irq_nosync(unsigned irq) { disable(own_line(irq, "disable_irq_nosync")); }

void wrap_enable_irq(unsigned irq) {
  struct nooks_irq *i = own_line(irq, "enable_irq");
  if (!i->disabled) nooks_bad_call(TRIGGER_ARGUMENT, "enable_irq: interrupt %u is not disabled", irq);
  i->disabled--;
  enable_irq(irq);
}

void wrap_synchronize_irq(void) { synchronize_irq(); }
