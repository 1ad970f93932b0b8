/* Kernel timers: a list sorted by expiry, run by the clock's soft interrupt. */
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/traps.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/timer.h>

volatile unsigned long jiffies;

static LIST_HEAD(timers); /* by expiry, then in the order of add_timer; interrupts off */

static void insert(struct timer_list *timer) {
  struct list_head *at = timers.prev; /* most timers are later than those already here */
  while (at != &timers && time_after(list_entry(at, struct timer_list, list)->expires, timer->expires)) at = at->prev;
  list_add(&timer->list, at);
}

static int detach(struct timer_list *timer) {
  if (!timer_pending(timer)) return 0;
  list_del(&timer->list);
  init_timer(timer);
  return 1;
}

void add_timer(struct timer_list *timer) {
  unsigned long flags;
  local_irq_save(flags);
  if (timer_pending(timer)) panic("add_timer: %p is pending already", (void *)timer);
  insert(timer);
  local_irq_restore(flags);
}

int mod_timer(struct timer_list *timer, unsigned long expires) {
  unsigned long flags;
  local_irq_save(flags);
  int was = detach(timer);
  timer->expires = expires;
  insert(timer);
  local_irq_restore(flags);
  return was;
}

int del_timer(struct timer_list *timer) {
  unsigned long flags;
  local_irq_save(flags);
  int was = detach(timer);
  local_irq_restore(flags);
  return was;
}

/* On one CPU a timer function ends before anyone can ask. */
int del_timer_sync(struct timer_list *timer) { return del_timer(timer); }

static void run_timers(struct softirq_action *unused) {
  (void)unused;
  local_irq_disable();
  while (!list_empty(&timers)) {
    struct timer_list *timer = list_entry(timers.next, struct timer_list, list);
    if (time_after(timer->expires, jiffies)) break;
    void (*function)(unsigned long) = timer->function;
    unsigned long data = timer->data;
    detach(timer);
    local_irq_enable();
    function(data);
    local_irq_disable();
  }
  local_irq_enable();
}

void timers_init(void) { open_softirq(TIMER_SOFTIRQ, run_timers, NULL); }

/* The clock's interrupt, HZ times a second. */
void do_timer(struct pt_regs *regs) {
  jiffies++;
  scheduler_tick(user_mode(regs));
  nooks_tick(regs);
  if (!list_empty(&timers) && time_after_eq(jiffies, list_entry(timers.next, struct timer_list, list)->expires))
    __cpu_raise_softirq(TIMER_SOFTIRQ);
}

EXPORT_SYMBOL(jiffies);
EXPORT_SYMBOL(add_timer);
EXPORT_SYMBOL(mod_timer);
EXPORT_SYMBOL(del_timer);
EXPORT_SYMBOL(del_timer_sync);
