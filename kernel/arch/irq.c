/*
 * Interrupts through the two 8259A controllers (Intel 231468). A line is masked and acknowledged before its
 * handlers run and unmasked after, so handlers may run with interrupts on.
 */
#include <asm/io.h>
#include <asm/irq.h>
#include <asm/system.h>
#include <kernel/traps.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

#define PIC1_CMD 0x20
#define PIC1_DATA 0x21
#define PIC2_CMD 0xA0
#define PIC2_DATA 0xA1
#define ICW1_INIT_ICW4 0x11
#define ICW4_8086 0x01
#define OCW2_SPECIFIC_EOI 0x60
#define OCW3_READ_ISR 0x0B

struct irqaction {
  void (*handler)(int, void *, struct pt_regs *);
  void *dev_id;
  unsigned long flags;
  const char *name;
  struct irqaction *next;
};

/* All fields: interrupts off. */
static struct irq_line {
  struct irqaction *actions;
  u32 depth; /* of disable_irq */
  u32 count; /* since boot */
} lines[NR_IRQS];

static u16 mask = 0xFFFF & ~(1u << IRQ_CASCADE);
static u32 irq_depth; /* handlers that are running, nested */
static u32 spurious;

static void write_mask(unsigned irq) {
  if (irq < 8) outb((u8)mask, PIC1_DATA);
  else outb((u8)(mask >> 8), PIC2_DATA);
}

static void mask_line(unsigned irq) {
  mask |= (u16)(1u << irq);
  write_mask(irq);
}

static void unmask_line(unsigned irq) {
  mask &= (u16) ~(1u << irq);
  write_mask(irq);
}

static void eoi(unsigned irq) {
  if (irq >= 8) {
    outb(OCW2_SPECIFIC_EOI | (irq & 7), PIC2_CMD);
    irq = IRQ_CASCADE;
  }
  outb((u8)(OCW2_SPECIFIC_EOI | irq), PIC1_CMD);
}

/* A request that went away is delivered as line 7 of its controller, without an in-service bit. */
static bool is_spurious(unsigned irq) {
  if ((irq & 7) != 7) return false;
  u16 port = irq < 8 ? PIC1_CMD : PIC2_CMD;
  outb(OCW3_READ_ISR, port);
  if (inb(port) & 0x80) return false;
  if (irq >= 8) outb(OCW2_SPECIFIC_EOI | IRQ_CASCADE, PIC1_CMD);
  spurious++;
  return true;
}

void irq_init(void) {
  outb(ICW1_INIT_ICW4, PIC1_CMD);
  outb(IRQ_VECTOR, PIC1_DATA);
  outb(1 << IRQ_CASCADE, PIC1_DATA);
  outb(ICW4_8086, PIC1_DATA);
  outb(ICW1_INIT_ICW4, PIC2_CMD);
  outb(IRQ_VECTOR + 8, PIC2_DATA);
  outb(IRQ_CASCADE, PIC2_DATA);
  outb(ICW4_8086, PIC2_DATA);
  write_mask(0);
  write_mask(8);
}

static void run_handlers(unsigned irq, struct pt_regs *regs) {
  struct irqaction *action = lines[irq].actions, *next;
  if (action && !(action->flags & SA_INTERRUPT)) local_irq_enable();
  for (; action; action = next) {
    next = action->next;
    action->handler((int)irq, action->dev_id, regs);
  }
  local_irq_disable();
}

static void end_idle(void) {
  if (!idle_since) return;
  idle_cycles += rdtsc() - idle_since;
  idle_since = 0;
}

/* Called with interrupts off; returns so. */
void do_irq(struct pt_regs *regs) {
  unsigned irq = regs->orig_eax - IRQ_VECTOR;
  end_idle();
  if (is_spurious(irq)) return;
  mask_line(irq);
  eoi(irq);
  lines[irq].count++;
  irq_depth++;
  run_handlers(irq, regs);
  irq_depth--;
  if (!lines[irq].depth && lines[irq].actions) unmask_line(irq);
  if (!in_interrupt()) do_softirq();
}

/*
 * For nooks/: ends interrupts that were accepted while no frame could be pushed (a domain's ruined stack, found
 * by the double fault). do_irq acknowledges first of all, so whatever is in service elsewhere was lost. A line
 * that is still asserted comes again. Interrupts off.
 */
void irq_end_lost(void) {
  outb(OCW3_READ_ISR, PIC1_CMD);
  outb(OCW3_READ_ISR, PIC2_CMD);
  u32 lost = inb(PIC1_CMD) | (u32)inb(PIC2_CMD) << 8;
  for (unsigned irq = 0; irq < NR_IRQS; irq++)
    if (lost >> irq & 1 && irq != IRQ_CASCADE) eoi(irq);
}

int in_irq(void) { return (int)irq_depth; }

/* ---- For drivers ---- */

int request_irq(unsigned irq, void (*handler)(int, void *, struct pt_regs *), unsigned long flags, const char *name,
                void *dev_id) {
  unsigned long irqs;
  if (irq >= NR_IRQS || irq == IRQ_CASCADE || !handler) return -EINVAL;
  if (flags & SA_SHIRQ && !dev_id) return -EINVAL;
  struct irqaction *action = kmalloc(sizeof *action, GFP_KERNEL), **link;
  if (!action) return -ENOMEM;
  *action = (struct irqaction){ handler, dev_id, flags, name, NULL };
  local_irq_save(irqs);
  struct irq_line *line = &lines[irq];
  if (line->actions && !(line->actions->flags & flags & SA_SHIRQ)) {
    local_irq_restore(irqs);
    kfree(action);
    return -EBUSY;
  }
  for (link = &line->actions; *link; link = &(*link)->next) continue;
  *link = action;
  if (line->actions == action) {
    line->depth = 0;
    unmask_line(irq);
  }
  local_irq_restore(irqs);
  return 0;
}

void free_irq(unsigned irq, void *dev_id) {
  unsigned long flags;
  if (irq >= NR_IRQS) return;
  local_irq_save(flags);
  struct irqaction **link = &lines[irq].actions, *action;
  while (*link && (*link)->dev_id != dev_id) link = &(*link)->next;
  action = *link;
  if (action) *link = action->next;
  if (!lines[irq].actions) mask_line(irq);
  local_irq_restore(flags);
  if (!action) printk(KERN_ERR "free_irq: nobody with %p has IRQ %u\n", dev_id, irq);
  kfree(action);
}

void disable_irq(unsigned irq) {
  unsigned long flags;
  if (irq >= NR_IRQS) return;
  local_irq_save(flags);
  if (lines[irq].depth++ == 0) mask_line(irq);
  local_irq_restore(flags);
}

/* On one CPU a handler runs to its end before anyone can ask. */
void disable_irq_nosync(unsigned irq) { disable_irq(irq); }
void synchronize_irq(void) {}

void enable_irq(unsigned irq) {
  unsigned long flags;
  if (irq >= NR_IRQS) return;
  local_irq_save(flags);
  if (lines[irq].depth == 0) printk(KERN_WARNING "enable_irq(%u) without disable_irq\n", irq);
  else if (--lines[irq].depth == 0 && lines[irq].actions) unmask_line(irq);
  local_irq_restore(flags);
}

static int read_interrupts(char *page, char **start, long off, int count, int *eof, void *data) {
  (void)start, (void)off, (void)eof, (void)data;
  int n = 0;
  for (unsigned i = 0; i < NR_IRQS; i++) {
    if (!lines[i].actions) continue;
    n += snprintf(page + n, (size_t)(count - n), "%3u: %10u  XT-PIC ", i, lines[i].count);
    for (struct irqaction *a = lines[i].actions; a; a = a->next)
      n += snprintf(page + n, (size_t)(count - n), " %s%s", a->name, a->next ? "," : "\n");
  }
  return n + snprintf(page + n, (size_t)(count - n), "ERR: %10u\n", spurious);
}

static int irq_proc_init(void) {
  return create_proc_read_entry("interrupts", 0444, NULL, read_interrupts, NULL) ? 0 : -ENOMEM;
}
__initcall(irq_proc_init);

EXPORT_SYMBOL(request_irq);
EXPORT_SYMBOL(free_irq);
EXPORT_SYMBOL(disable_irq);
EXPORT_SYMBOL(disable_irq_nosync);
EXPORT_SYMBOL(enable_irq);
EXPORT_SYMBOL(synchronize_irq);
