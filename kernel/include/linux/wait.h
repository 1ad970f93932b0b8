/*
 * Wait queues (core/wait.c). The macros of Linux 2.4 that wrote the current task's state are calls
 * here, so that a domain can go through a wrapper.
 */
#ifndef LINUX_WAIT_H
#define LINUX_WAIT_H

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/spinlock.h>

struct task_struct;

typedef struct __wait_queue_head {
  struct list_head task_list; /* interrupts off */
} wait_queue_head_t;

typedef struct __wait_queue {
  struct task_struct *task;
  struct list_head task_list;
} wait_queue_t;

#define __WAIT_QUEUE_HEAD_INITIALIZER(name) { LIST_HEAD_INIT((name).task_list) }
#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name = __WAIT_QUEUE_HEAD_INITIALIZER(name)
#define DECLARE_WAITQUEUE(name, tsk) wait_queue_t name = { (tsk), LIST_HEAD_INIT(name.task_list) }
static inline void init_waitqueue_head(wait_queue_head_t *q) { INIT_LIST_HEAD(&q->task_list); }
static inline int waitqueue_active(wait_queue_head_t *q) { return !list_empty(&q->task_list); }

void add_wait_queue(wait_queue_head_t *q, wait_queue_t *wait);
void remove_wait_queue(wait_queue_head_t *q, wait_queue_t *wait);
/* Queues (once) and sets the current task's state; finish_wait undoes both. */
void prepare_to_wait(wait_queue_head_t *q, wait_queue_t *wait, int state);
void finish_wait(wait_queue_head_t *q, wait_queue_t *wait);

void __wake_up(wait_queue_head_t *q, int states);    /* any context; wakes all that match */
#define wake_up(q) __wake_up((q), TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define wake_up_interruptible(q) __wake_up((q), TASK_INTERRUPTIBLE)

void sleep_on(wait_queue_head_t *q);
void interruptible_sleep_on(wait_queue_head_t *q);
long sleep_on_timeout(wait_queue_head_t *q, long timeout); /* jiffies; returns what is left */
long interruptible_sleep_on_timeout(wait_queue_head_t *q, long timeout);

/* Sleep until cond holds. Whoever makes it true calls wake_up afterwards. */
#define wait_event(q, cond)                                    \
  do {                                                         \
    DECLARE_WAITQUEUE(_wait, current);                         \
    for (;;) {                                                 \
      prepare_to_wait(&(q), &_wait, TASK_UNINTERRUPTIBLE);     \
      if (cond) break;                                         \
      schedule();                                              \
    }                                                          \
    finish_wait(&(q), &_wait);                                 \
  } while (0)

/* The same, but ends with -ERESTARTSYS when the task is killed. */
#define wait_event_interruptible(q, cond)                      \
  ({                                                           \
    int _ret = 0;                                              \
    DECLARE_WAITQUEUE(_wait, current);                         \
    for (;;) {                                                 \
      prepare_to_wait(&(q), &_wait, TASK_INTERRUPTIBLE);       \
      if (cond) break;                                         \
      if (signal_pending(current)) { _ret = -ERESTARTSYS; break; } \
      schedule();                                              \
    }                                                          \
    finish_wait(&(q), &_wait);                                 \
    _ret;                                                      \
  })

#endif

#include <linux/sched.h> /* the macros above need current and schedule */
