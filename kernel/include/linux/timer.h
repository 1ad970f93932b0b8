/* Kernel timers (core/timer.c): a function called once in soft-interrupt context, at a jiffy. */
#ifndef LINUX_TIMER_H
#define LINUX_TIMER_H

#include <linux/sched.h>

struct timer_list {
  struct list_head list; /* pending while list.next is not NULL; interrupts off */
  unsigned long expires; /* jiffies */
  unsigned long data;
  void (*function)(unsigned long data);
};

static inline void init_timer(struct timer_list *timer) {
  timer->list.next = timer->list.prev = NULL;
}
static inline int timer_pending(const struct timer_list *timer) { return timer->list.next != NULL; }

/* Any context. Timers with the same expiry run in the order in which they were added. */
void add_timer(struct timer_list *timer); /* must not be pending */
int mod_timer(struct timer_list *timer, unsigned long expires); /* 1 if it was pending */
int del_timer(struct timer_list *timer);                        /* 1 if it was pending */
int del_timer_sync(struct timer_list *timer);                   /* and is not running either */

#endif
