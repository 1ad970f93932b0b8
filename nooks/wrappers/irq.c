/* Wrappers of interrupts. The kernel's handler is ours, which calls the extension's in its domain. */
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/string.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

static void handle(int irq, void *data, struct pt_regs *regs) {
  struct nooks_irq *i = data;
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
  struct nooks_irq *i = object_new(sizeof *i);
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
  free_irq(irq, i);
  object_drop(&i->o);
}

/* Only lines that the extension has a handler on. */
static unsigned own_line(unsigned irq, const char *function) {
  struct nooks_irq *i;
  list_for_each_entry(i, &calling_domain()->objects[OBJ_IRQ], o.list)
    if (i->irq == irq) return irq;
  nooks_bad_call(TRIGGER_ARGUMENT, "%s: interrupt %u is not the extension's", function, irq);
}

void wrap_disable_irq(unsigned irq) { disable_irq(own_line(irq, "disable_irq")); }
void wrap_disable_irq_nosync(unsigned irq) { disable_irq_nosync(own_line(irq, "disable_irq_nosync")); }
void wrap_enable_irq(unsigned irq) { enable_irq(own_line(irq, "enable_irq")); }
void wrap_synchronize_irq(void) { synchronize_irq(); }
