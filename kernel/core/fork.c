/* Making tasks: fork for processes, kernel_thread for the kernel's own. */
#include <asm/system.h>
#include <kernel/calls.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define KSTACK_ORDER 1

_Static_assert(KSTACK_SIZE == PAGE_SIZE << KSTACK_ORDER, "a kernel stack is a block of pages");

struct task_struct *init_task;
int task_count;
static pid_t next_pid = INIT_PID + 1;

struct task_struct *find_task(pid_t pid) {
  struct task_struct *task;
  list_for_each_entry(task, &all_tasks, tasks)
    if (task->pid == pid) return task;
  return NULL;
}

struct pt_regs *task_regs(struct task_struct *task) {
  return (struct pt_regs *)(task->kstack + KSTACK_SIZE) - 1;
}

static pid_t new_pid(void) {
  do {
    if (++next_pid <= INIT_PID) next_pid = INIT_PID + 1;
  } while (find_task(next_pid));
  return next_pid;
}

/* What switch_to takes off a stack. */
struct switch_frame {
  u32 edi, esi, ebx, ebp, eip;
};

static struct task_struct *new_task(const char *name, pid_t pid) {
  if (task_count >= NR_TASKS) return NULL;
  struct task_struct *task = kzalloc(sizeof *task, GFP_KERNEL);
  u8 *kstack = task ? (u8 *)__get_free_pages(GFP_KERNEL, KSTACK_ORDER) : NULL;
  if (!kstack) {
    kfree(task);
    return NULL;
  }
  task->kstack = kstack;
  *(u32 *)kstack = KSTACK_CANARY;
  task->pid = pid;
  strlcpy(task->comm, name, sizeof task->comm);
  INIT_LIST_HEAD(&task->run_list);
  init_waitqueue_head(&task->wait_chld);
  return task;
}

static void start_at(struct task_struct *task, struct switch_frame frame) {
  struct switch_frame *f = (struct switch_frame *)task_regs(task) - 1;
  *f = frame;
  task->esp = (u32)f;
}

static pid_t publish(struct task_struct *task) {
  list_add_tail(&task->tasks, &all_tasks);
  task_count++;
  wake_up_new(task);
  return task->pid;
}

/* Unlinks and frees; it runs on its own stack no more. */
void release_task(struct task_struct *task) {
  nooks_task_exit(task);
  list_del(&task->tasks);
  task_count--;
  free_pages((unsigned long)task->kstack, KSTACK_ORDER);
  kfree(task);
}

static struct task_struct *new_thread(int (*fn)(void *), void *arg, const char *name, pid_t pid) {
  struct task_struct *task = new_task(name, pid);
  if (!task) return NULL;
  task->cr3 = kernel_pgd_phys;
  start_at(task, (struct switch_frame){ .ebx = (u32)fn, .esi = (u32)arg, .eip = (u32)kernel_thread_start });
  return task;
}

int kernel_thread(int (*fn)(void *), void *arg, const char *name) {
  struct task_struct *task = new_thread(fn, arg, name, new_pid());
  return task ? publish(task) : -ENOMEM;
}

void spawn_init(int (*fn)(void *)) {
  init_task = new_thread(fn, NULL, "init", INIT_PID);
  if (!init_task) panic("no memory for init");
  publish(init_task);
}

static void copy_files(struct task_struct *task) {
  for (int fd = 0; fd < NR_OPEN; fd++)
    if ((task->files[fd] = current->files[fd])) task->files[fd]->f_count++;
}

long sys_fork(void) {
  struct task_struct *task = new_task(current->comm, new_pid());
  if (!task) return -EAGAIN;
  task->mm = mm_fork(current->mm);
  if (!task->mm) {
    free_pages((unsigned long)task->kstack, KSTACK_ORDER);
    kfree(task);
    return -ENOMEM;
  }
  task->cr3 = task->mm->pgd_phys;
  task->parent = current;
  copy_files(task);
  *task_regs(task) = *task_regs(current);
  task_regs(task)->eax = 0;
  start_at(task, (struct switch_frame){ .eip = (u32)ret_from_fork });
  return publish(task);
}

EXPORT_SYMBOL(kernel_thread);
