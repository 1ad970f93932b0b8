/* keventd: runs queued functions in process context. */
#include <asm/system.h>
#include <kernel/boot.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>

static LIST_HEAD(queue); /* interrupts off */
static bool running;     /* a function that is no longer in the queue */
static DECLARE_WAIT_QUEUE_HEAD(work_wait);
static DECLARE_WAIT_QUEUE_HEAD(done_wait);

int schedule_task(struct tq_struct *task) {
  unsigned long flags;
  local_irq_save(flags);
  bool queued = task->sync != 0;
  if (!queued) {
    task->sync = 1;
    list_add_tail(&task->list, &queue);
    wake_up(&work_wait);
  }
  local_irq_restore(flags);
  return !queued;
}

/* The entry is free for queueing again before its function runs. */
static bool run_one(void) {
  local_irq_disable();
  if (list_empty(&queue)) {
    local_irq_enable();
    return false;
  }
  struct tq_struct *task = list_entry(queue.next, struct tq_struct, list);
  void (*routine)(void *) = task->routine;
  void *data = task->data;
  list_del(&task->list);
  task->sync = 0;
  running = true;
  local_irq_enable();
  routine(data);
  running = false;
  return true;
}

static int keventd(void *unused) {
  (void)unused;
  for (;;) {
    wait_event(work_wait, !list_empty(&queue));
    while (run_one()) continue;
    wake_up(&done_wait);
  }
}

void flush_scheduled_tasks(void) { wait_event(done_wait, list_empty(&queue) && !running); }

void keventd_init(void) {
  if (kernel_thread(keventd, NULL, "keventd") < 0) panic("no memory for keventd");
}

EXPORT_SYMBOL(schedule_task);
EXPORT_SYMBOL(flush_scheduled_tasks);
