/* Offsets into C structures that entry.S and nooks/xpc.S use; core/sched.c asserts them. */
#ifndef KERNEL_OFFSETS_H
#define KERNEL_OFFSETS_H

#define TASK_ESP 0
#define TASK_CR3 4
#define TASK_NEED_RESCHED 12
#define TASK_KILL_SIGNAL 16
#define TASK_NOOKS 20

#define DF_STACK_SIZE 8192 /* bytes */

#endif
