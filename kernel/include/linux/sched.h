/*
 * Tasks and the scheduler (core/sched.c, core/fork.c). Ring 3 is pre-empted by the clock; ring 0 is
 * not, as in 2.4: kernel code runs until it sleeps, calls schedule, or returns to ring 3.
 */
#ifndef LINUX_SCHED_H
#define LINUX_SCHED_H

#include <asm/memlayout.h>
#include <asm/ptrace.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#define HZ 100 /* clock ticks a second */
extern volatile unsigned long jiffies; /* ticks since boot; wraps */

/* Comparisons that survive the wrap. */
#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) ((long)((a) - (b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)

#define TASK_RUNNING 0
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_ZOMBIE 4

#define MAX_SCHEDULE_TIMEOUT LONG_MAX
#define KSTACK_SIZE 8192u /* bytes, direct map */
#define KSTACK_CANARY 0x57AC6E9Du
#define NR_OPEN 32 /* files a process */

struct mm_struct;
struct file;

struct task_struct {
  u32 esp;            /* entry.S: stack pointer while switched out */
  u32 cr3;            /* entry.S: page directory this task runs under (physical); borrowed if !mm */
  volatile int state; /* TASK_* */
  volatile int need_resched; /* entry.S */
  int kill_signal;    /* entry.S: not 0: dies on its way to ring 3 */
  void *nooks;        /* nooks/'s own state of the task, NULL when it was made; xpc.S */
  int counter;        /* ticks left of the time slice */
  pid_t pid;
  char comm[16];
  u8 *kstack;         /* lowest address of KSTACK_SIZE bytes; begins with KSTACK_CANARY */
  struct mm_struct *mm; /* NULL: kernel thread */
  struct task_struct *parent;
  struct list_head tasks;    /* all tasks, by pid */
  struct list_head run_list; /* runnable, interrupts off */
  wait_queue_head_t wait_chld;
  int exit_code;      /* valid in TASK_ZOMBIE, as waitpid reports it */
  struct file *files[NR_OPEN];
  u32 utime, stime;   /* ticks in ring 3 and ring 0 */
};

extern struct task_struct *current_task; /* one CPU; drivers may read it */
#define current current_task

void schedule(void);                          /* gives up the CPU; process context */
long schedule_timeout(long timeout);          /* jiffies; set the state first; returns what is left */
void set_current_state(int state);
#define __set_current_state set_current_state
int wake_up_process(struct task_struct *task); /* any context */
static inline int signal_pending(const struct task_struct *task) { return task->kill_signal != 0; }
void yield(void);

/* A thread in ring 0. It ends when fn returns. Returns its pid or an error. */
int kernel_thread(int (*fn)(void *), void *arg, const char *name);

#endif
