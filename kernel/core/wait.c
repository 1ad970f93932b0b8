/* Wait queues and the semaphores on top of them. */
#include <asm/semaphore.h>
#include <asm/system.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/wait.h>

void add_wait_queue(wait_queue_head_t *q, wait_queue_t *wait) {
  unsigned long flags;
  local_irq_save(flags);
  list_add_tail(&wait->task_list, &q->task_list);
  local_irq_restore(flags);
}

void remove_wait_queue(wait_queue_head_t *q, wait_queue_t *wait) {
  unsigned long flags;
  (void)q;
  local_irq_save(flags);
  list_del_init(&wait->task_list);
  local_irq_restore(flags);
}

void prepare_to_wait(wait_queue_head_t *q, wait_queue_t *wait, int state) {
  unsigned long flags;
  local_irq_save(flags);
  if (list_empty(&wait->task_list)) list_add_tail(&wait->task_list, &q->task_list);
  current->state = state;
  local_irq_restore(flags);
}

void finish_wait(wait_queue_head_t *q, wait_queue_t *wait) {
  current->state = TASK_RUNNING;
  remove_wait_queue(q, wait);
}

void __wake_up(wait_queue_head_t *q, int states) {
  struct list_head *at, *next;
  unsigned long flags;
  local_irq_save(flags);
  list_for_each_safe(at, next, &q->task_list) {
    struct task_struct *task = list_entry(at, wait_queue_t, task_list)->task;
    if (task->state & states) wake_up_process(task);
  }
  local_irq_restore(flags);
}

static long sleep_in(wait_queue_head_t *q, int state, long timeout) {
  DECLARE_WAITQUEUE(wait, current);
  prepare_to_wait(q, &wait, state);
  timeout = schedule_timeout(timeout);
  finish_wait(q, &wait);
  return timeout;
}

void sleep_on(wait_queue_head_t *q) { sleep_in(q, TASK_UNINTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT); }
void interruptible_sleep_on(wait_queue_head_t *q) { sleep_in(q, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT); }
long sleep_on_timeout(wait_queue_head_t *q, long timeout) { return sleep_in(q, TASK_UNINTERRUPTIBLE, timeout); }
long interruptible_sleep_on_timeout(wait_queue_head_t *q, long timeout) { return sleep_in(q, TASK_INTERRUPTIBLE, timeout); }

/* ---- Semaphores ---- */

int down_trylock(struct semaphore *sem) {
  unsigned long flags;
  local_irq_save(flags);
  int taken = sem->count > 0;
  sem->count -= taken;
  local_irq_restore(flags);
  return !taken;
}

void down(struct semaphore *sem) {
  wait_event(sem->wait, down_trylock(sem) == 0);
}

int down_interruptible(struct semaphore *sem) {
  return wait_event_interruptible(sem->wait, down_trylock(sem) == 0) ? -EINTR : 0;
}

void up(struct semaphore *sem) {
  unsigned long flags;
  local_irq_save(flags);
  sem->count++;
  local_irq_restore(flags);
  wake_up(&sem->wait);
}

EXPORT_SYMBOL(add_wait_queue);
EXPORT_SYMBOL(remove_wait_queue);
EXPORT_SYMBOL(prepare_to_wait);
EXPORT_SYMBOL(finish_wait);
EXPORT_SYMBOL(__wake_up);
EXPORT_SYMBOL(sleep_on);
EXPORT_SYMBOL(interruptible_sleep_on);
EXPORT_SYMBOL(sleep_on_timeout);
EXPORT_SYMBOL(interruptible_sleep_on_timeout);
EXPORT_SYMBOL(down);
EXPORT_SYMBOL(down_interruptible);
EXPORT_SYMBOL(down_trylock);
EXPORT_SYMBOL(up);
