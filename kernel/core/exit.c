/* The end of a task, and waiting for it. Signals exist only as reasons to die. */
#include <asm/system.h>
#include <asm/uaccess.h>
#include <kernel/calls.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#define WNOHANG 1
#define KILLED_EXIT_CODE 128 /* plus the signal: what a shell would report */

static void close_files(void) {
  for (int fd = 0; fd < NR_OPEN; fd++) {
    struct file *file = current->files[fd];
    current->files[fd] = NULL;
    if (file) fput(file);
  }
}

static void drop_mm(void) {
  struct mm_struct *mm = current->mm;
  if (!mm) return;
  current->cr3 = kernel_pgd_phys;
  write_cr3(kernel_pgd_phys);
  current->mm = NULL;
  mm_free(mm);
}

/* Orphans become init's; those of init that are dead already are of no interest to anyone else. */
static void reparent_children(void) {
  struct task_struct *task;
  list_for_each_entry(task, &all_tasks, tasks)
    if (task->parent == current) {
      task->parent = init_task;
      wake_up(&init_task->wait_chld);
    }
}

static void end_run(int status) __noreturn;
static void end_run(int status) {
  int signal = status & 0x7f;
  if (signal) printk(KERN_INFO "init was killed by signal %d\n", signal);
  machine_exit(signal ? (u32)(KILLED_EXIT_CODE + signal) : (u32)status >> 8 & 0xff);
}

void do_exit(int status) {
  local_irq_enable();
  if (current->pid == 0) panic("the idle task ends");
  close_files();
  if (current == init_task) end_run(status);
  drop_mm();
  reparent_children();
  current->exit_code = status;
  local_irq_disable();
  current->state = TASK_ZOMBIE;
  if (current->parent) wake_up(&current->parent->wait_chld);
  else bury(current);
  schedule();
  panic("a dead task runs");
}

long sys_exit(int code) { do_exit(EXIT_CODE(code)); }

static bool matches(const struct task_struct *task, pid_t pid) {
  return task->parent == current && (pid == -1 || task->pid == pid);
}

/* A dead child that matches, or NULL; `any` says whether there is a child that does. */
static struct task_struct *find_zombie(pid_t pid, bool *any) {
  struct task_struct *task;
  *any = false;
  list_for_each_entry(task, &all_tasks, tasks) {
    if (!matches(task, pid)) continue;
    *any = true;
    if (task->state == TASK_ZOMBIE) return task;
  }
  return NULL;
}

long sys_waitpid(pid_t pid, int *status, int options) {
  struct task_struct *child;
  bool any;
  if (pid != -1 && pid <= 0) return -EINVAL;
  for (;;) {
    int err = 0;
    child = find_zombie(pid, &any);
    if (child) break;
    if (!any) return -ECHILD;
    if (options & WNOHANG) return 0;
    err = wait_event_interruptible(current->wait_chld, find_zombie(pid, &any) || !any);
    if (err) return err;
  }
  if (status && put_user(child->exit_code, status)) return -EFAULT;
  pid = child->pid;
  release_task(child);
  return pid;
}

long sys_kill(pid_t pid, int signal) {
  struct task_struct *task = pid > 0 ? find_task(pid) : NULL;
  if (!task || task->state == TASK_ZOMBIE) return -ESRCH;
  if (signal < 0 || signal > 31) return -EINVAL;
  if (!task->mm) return -EPERM;
  if (signal == 0) return 0;
  task->kill_signal = signal;
  if (task->state == TASK_INTERRUPTIBLE) wake_up_process(task);
  return 0;
}
