/*
 * The scheduler: round robin in time slices. A task that is woken asks for the CPU at the next return to ring
 * 3; ring 0 is never pre-empted.
 */
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/offsets.h>
#include <kernel/process.h>
#include <kernel/traps.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timer.h>

#define TIME_SLICE 6 /* ticks, 60 ms: Linux 2.4's default at HZ 100 */

_Static_assert(offsetof(struct task_struct, esp) == TASK_ESP, "entry.S");
_Static_assert(offsetof(struct task_struct, cr3) == TASK_CR3, "entry.S");
_Static_assert(offsetof(struct task_struct, need_resched) == TASK_NEED_RESCHED, "entry.S");
_Static_assert(offsetof(struct task_struct, kill_signal) == TASK_KILL_SIGNAL, "entry.S");
_Static_assert(offsetof(struct task_struct, nooks) == TASK_NOOKS, "nooks/xpc.S");

extern u8 boot_stack[];
void schedule_tail(void);
void cpu_idle(void) __noreturn;

struct task_struct idle_task = { .comm = "idle" };
struct task_struct *current_task = &idle_task;
LIST_HEAD(all_tasks);
u32 context_switches;

static LIST_HEAD(run_queue);            /* runnable tasks but idle, the current one too; interrupts off */
static struct task_struct *buried_task; /* exited, nobody waits for it, its stack was in use until the switch */

void sched_init(void) {
  idle_task.kstack = boot_stack;
  idle_task.cr3 = kernel_pgd_phys;
  *(u32 *)boot_stack = KSTACK_CANARY;
  init_waitqueue_head(&idle_task.wait_chld);
  INIT_LIST_HEAD(&idle_task.run_list);
  set_kernel_stack((u32)boot_stack + KSTACK_SIZE);
}

/* Runs on the new task's stack, interrupts off, after each switch. */
void schedule_tail(void) {
  if (!buried_task) return;
  struct task_struct *task = buried_task;
  buried_task = NULL;
  release_task(task);
}

static void context_switch(struct task_struct *prev, struct task_struct *next) {
  if (*(u32 *)prev->kstack != KSTACK_CANARY) panic("kernel stack of %d (%s) overflowed", prev->pid, prev->comm);
  context_switches++;
  current_task = next;
  set_kernel_stack((u32)next->kstack + KSTACK_SIZE);
  if (!next->mm) next->cr3 = prev->cr3; /* a kernel thread lives in whatever is loaded */
  else if (next->cr3 != prev->cr3) write_cr3(next->cr3);
  switch_to(prev, next);
  schedule_tail();
}

static struct task_struct *pick_next(void) {
  return list_empty(&run_queue) ? &idle_task : list_entry(run_queue.next, struct task_struct, run_list);
}

void schedule(void) {
  struct task_struct *prev = current, *next;
  unsigned long flags;
  if (in_interrupt()) panic("schedule in interrupt context");
  if (domain_cr3) panic("schedule inside a domain");
  local_irq_save(flags);
  prev->need_resched = 0;
  if (prev->state == TASK_INTERRUPTIBLE && signal_pending(prev)) prev->state = TASK_RUNNING;
  if (prev != &idle_task) {
    list_del_init(&prev->run_list);
    if (prev->state == TASK_RUNNING) list_add_tail(&prev->run_list, &run_queue);
  }
  next = pick_next();
  if (next->counter <= 0) next->counter = TIME_SLICE;
  if (next != prev) context_switch(prev, next);
  local_irq_restore(flags);
}

int wake_up_process(struct task_struct *task) {
  unsigned long flags;
  local_irq_save(flags);
  bool sleeping = task->state == TASK_INTERRUPTIBLE || task->state == TASK_UNINTERRUPTIBLE;
  if (sleeping) {
    task->state = TASK_RUNNING;
    if (list_empty(&task->run_list)) list_add_tail(&task->run_list, &run_queue);
    current->need_resched = 1;
  }
  local_irq_restore(flags);
  return sleeping;
}

void set_current_state(int state) { current->state = state; }

void wake_up_new(struct task_struct *task) {
  task->state = TASK_UNINTERRUPTIBLE;
  wake_up_process(task);
}

/* For a task that nobody will wait for; it is about to call schedule for the last time. */
void bury(struct task_struct *task) { buried_task = task; }

/* To the end of the queue. */
void yield(void) { schedule(); }

void scheduler_tick(bool user) {
  struct task_struct *task = current;
  if (user) task->utime++;
  else task->stime++;
  if (task != &idle_task && --task->counter <= 0) task->need_resched = 1;
}

void return_to_user(struct pt_regs *regs) {
  (void)regs;
  while (current->kill_signal || current->need_resched) {
    if (current->kill_signal) do_exit(current->kill_signal);
    schedule();
  }
}

/* The boot stack's last job. HLT is reached with interrupts off and STI just before: no wake-up is lost. */
void cpu_idle(void) {
  for (;;) {
    local_irq_disable();
    do_softirq();
    if (list_empty(&run_queue)) {
      u64 now = tsc_khz ? rdtsc() : 0;
      if (idle_since) idle_cycles += now - idle_since; /* woken by an NMI, which is no interrupt's end of idleness */
      idle_since = now;
      __asm__ __volatile__("sti; hlt" : : : "memory");
    } else {
      schedule();
      local_irq_enable();
    }
  }
}

/* ---- Sleeping for a time ---- */

static void process_timeout(unsigned long task) { wake_up_process((struct task_struct *)task); }

long schedule_timeout(long timeout) {
  struct timer_list timer;
  if (timeout == MAX_SCHEDULE_TIMEOUT) {
    schedule();
    return timeout;
  }
  if (timeout < 0) panic("schedule_timeout(%ld)", timeout);
  unsigned long end = jiffies + (unsigned long)timeout;
  init_timer(&timer);
  timer.expires = end;
  timer.data = (unsigned long)current;
  timer.function = process_timeout;
  add_timer(&timer);
  schedule();
  del_timer_sync(&timer);
  long left = (long)(end - jiffies);
  return left < 0 ? 0 : left;
}

EXPORT_SYMBOL(current_task);
EXPORT_SYMBOL(schedule);
EXPORT_SYMBOL(schedule_timeout);
EXPORT_SYMBOL(set_current_state);
EXPORT_SYMBOL(wake_up_process);
EXPORT_SYMBOL(yield);
