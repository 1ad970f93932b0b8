/* Processes inside the kernel (core/fork.c, exec.c, exit.c, sched.c). */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <asm/ptrace.h>
#include <linux/mman.h>
#include <linux/sched.h>

/* Signals exist only as reasons to die, with Linux's numbers. */
#define SIGINT 2
#define SIGILL 4
#define SIGTRAP 5
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15

#define INIT_PID 1
#define NR_TASKS 256

struct boot_module;

extern struct task_struct *init_task, idle_task;
extern struct list_head all_tasks;
extern int task_count;

struct task_struct *find_task(pid_t pid);
void spawn_init(int (*fn)(void *)); /* pid 1 */
int exec_init(const struct boot_module *m);
void wake_up_new(struct task_struct *task);
void release_task(struct task_struct *task); /* frees a zombie */
void bury(struct task_struct *task);         /* the same, after the next switch */
void do_exit(int status) __noreturn;         /* status as waitpid reports it */
#define EXIT_CODE(code) (((code) & 0xff) << 8)

struct pt_regs *task_regs(struct task_struct *task); /* where ring 3 will go on */
void return_to_user(struct pt_regs *regs);           /* entry.S, before IRET to ring 3, interrupts off */
void switch_to(struct task_struct *prev, struct task_struct *next);
void ret_from_fork(void);
void kernel_thread_start(void);
void enter_user(struct pt_regs *regs) __noreturn;

/* Programs (core/exec.c): replaces the current address space. 0, or an error with the old one intact. */
struct exec_args {
  char *strings; /* argc strings, each with its NUL */
  u32 length;
  int argc;
};
int do_exec(const struct boot_module *m, const struct exec_args *args, struct pt_regs *regs);

/* Address spaces (mm/mmap.c). */
struct mm_struct *mm_alloc(void);
void mm_free(struct mm_struct *mm);
struct mm_struct *mm_fork(struct mm_struct *mm);
int mm_add_area(struct mm_struct *mm, u32 start, u32 end, u32 flags);
struct vm_area_struct *mm_find_area(struct mm_struct *mm, u32 addr); /* that holds addr */
/* Makes the page at addr present; `write` if it will be written. 0 or -EFAULT, -ENOMEM. */
int mm_fault(struct mm_struct *mm, u32 addr, bool write);
int mm_copy_in(struct mm_struct *mm, u32 addr, const void *data, u32 size); /* before it runs */

#endif
