/*
 * Deferred work in interrupt context: soft interrupts, and tasklets on top of them. They run after the last
 * handler has returned, with interrupts on, never inside each other.
 */
#include <asm/bitops.h>
#include <asm/system.h>
#include <kernel/traps.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/section.h>

#define TASKLET_SCHEDULED 0 /* bits of tasklet_struct.state */
#define TASKLET_RUNNING 1
#define MAX_ROUNDS 10 /* then wait for the next interrupt: devices must not starve processes */

static struct softirq_action actions[NR_SOFTIRQS];
static u32 pending;  /* a bit each; interrupts off */
static u32 bh_count; /* soft interrupts running or forbidden */

int in_interrupt(void) { return in_irq() || bh_count; }
int interrupts_nest(void) { return in_irq() > 1 || bh_count; }

void open_softirq(int nr, void (*action)(struct softirq_action *), void *data) {
  actions[nr].data = data;
  actions[nr].action = action;
}

void __cpu_raise_softirq(int nr) { set_bit(nr, &pending); }

/* From process context the work is done on the way out of the next interrupt or local_bh_enable, or now. */
void raise_softirq(int nr) {
  unsigned long flags;
  local_irq_save(flags);
  __cpu_raise_softirq(nr);
  if (!in_interrupt() && flags & EFLAGS_IF) do_softirq();
  local_irq_restore(flags);
}

static void run_pending(u32 work) {
  for (u32 nr = 0; nr < NR_SOFTIRQS; nr++)
    if (work >> nr & 1 && actions[nr].action) actions[nr].action(&actions[nr]);
}

/* Interrupts are off, and must be so again on return. */
void do_softirq(void) {
  if (bh_count) return;
  bh_count++;
  for (int round = 0; pending && round < MAX_ROUNDS; round++) {
    u32 work = pending;
    pending = 0;
    local_irq_enable();
    run_pending(work);
    local_irq_disable();
  }
  bh_count--;
}

__inherit void local_bh_disable(void) {
  bh_count++;
  barrier();
}

__inherit void local_bh_enable(void) {
  barrier();
  BUG_ON(!bh_count);
  if (--bh_count || !pending || in_irq()) return;
  unsigned long flags;
  local_irq_save(flags);
  do_softirq();
  local_irq_restore(flags);
}

/* ---- Tasklets ---- */

struct tasklet_list {
  struct tasklet_struct *first, **last;
};
static struct tasklet_list normal_list = { NULL, &normal_list.first }, high_list = { NULL, &high_list.first };

static void tasklet_queue(struct tasklet_struct *t, struct tasklet_list *list, int softirq) {
  unsigned long flags;
  local_irq_save(flags);
  t->next = NULL;
  *list->last = t;
  list->last = &t->next;
  __cpu_raise_softirq(softirq);
  local_irq_restore(flags);
}

static void schedule_on(struct tasklet_struct *t, struct tasklet_list *list, int softirq) {
  if (test_and_set_bit(TASKLET_SCHEDULED, &t->state)) return;
  tasklet_queue(t, list, softirq);
  if (!in_interrupt() && !irqs_disabled()) raise_softirq(softirq);
}

void tasklet_schedule(struct tasklet_struct *t) { schedule_on(t, &normal_list, TASKLET_SOFTIRQ); }
void tasklet_hi_schedule(struct tasklet_struct *t) { schedule_on(t, &high_list, HI_SOFTIRQ); }

/* A disabled tasklet stays queued, without asking for attention; tasklet_enable does that. */
static void run_tasklets(struct softirq_action *action) {
  struct tasklet_list *list = action->data;
  local_irq_disable();
  struct tasklet_struct *t = list->first, *next;
  list->first = NULL;
  list->last = &list->first;
  local_irq_enable();
  for (; t; t = next) {
    next = t->next;
    if (t->count) {
      local_irq_disable();
      t->next = NULL;
      *list->last = t;
      list->last = &t->next;
      local_irq_enable();
      continue;
    }
    set_bit(TASKLET_RUNNING, &t->state);
    clear_bit(TASKLET_SCHEDULED, &t->state);
    t->func(t->data);
    clear_bit(TASKLET_RUNNING, &t->state);
  }
}

void tasklet_init(struct tasklet_struct *t, void (*func)(unsigned long), unsigned long data) {
  *t = (struct tasklet_struct){ NULL, 0, 0, func, data };
}

void tasklet_disable(struct tasklet_struct *t) { t->count++; }

void tasklet_enable(struct tasklet_struct *t) {
  BUG_ON(t->count == 0);
  if (--t->count == 0 && test_bit(TASKLET_SCHEDULED, &t->state)) {
    __cpu_raise_softirq(TASKLET_SOFTIRQ);
    raise_softirq(HI_SOFTIRQ);
  }
}

static bool unqueue(struct tasklet_struct *t, struct tasklet_list *list) {
  struct tasklet_struct **link = &list->first;
  while (*link && *link != t) link = &(*link)->next;
  if (!*link) return false;
  *link = t->next;
  if (list->last == &t->next) list->last = link;
  return true;
}

/* On one CPU it cannot be running while we are, unless we are it. */
void tasklet_kill(struct tasklet_struct *t) {
  unsigned long flags;
  local_irq_save(flags);
  if (test_bit(TASKLET_SCHEDULED, &t->state) && !unqueue(t, &normal_list)) unqueue(t, &high_list);
  clear_bit(TASKLET_SCHEDULED, &t->state);
  local_irq_restore(flags);
}

void softirq_init(void) {
  open_softirq(TASKLET_SOFTIRQ, run_tasklets, &normal_list);
  open_softirq(HI_SOFTIRQ, run_tasklets, &high_list);
}

EXPORT_SYMBOL(in_interrupt);
EXPORT_SYMBOL(in_irq);
EXPORT_SYMBOL(local_bh_disable);
EXPORT_SYMBOL(local_bh_enable);
EXPORT_SYMBOL(tasklet_init);
EXPORT_SYMBOL(tasklet_schedule);
EXPORT_SYMBOL(tasklet_hi_schedule);
EXPORT_SYMBOL(tasklet_disable);
EXPORT_SYMBOL(tasklet_enable);
EXPORT_SYMBOL(tasklet_kill);
