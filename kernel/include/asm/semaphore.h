/* Sleeping locks. Process context. */
#ifndef ASM_SEMAPHORE_H
#define ASM_SEMAPHORE_H

#include <linux/wait.h>

struct semaphore {
  int count; /* interrupts off */
  wait_queue_head_t wait;
};

#define DECLARE_MUTEX(name) struct semaphore name = { 1, __WAIT_QUEUE_HEAD_INITIALIZER(name.wait) }
static inline void sema_init(struct semaphore *sem, int count) {
  sem->count = count;
  init_waitqueue_head(&sem->wait);
}
#define init_MUTEX(sem) sema_init(sem, 1)
#define init_MUTEX_LOCKED(sem) sema_init(sem, 0)
void down(struct semaphore *sem);
int down_interruptible(struct semaphore *sem); /* 0 or -EINTR */
int down_trylock(struct semaphore *sem);       /* 0 if it was taken */
void up(struct semaphore *sem);                /* any context */

#endif
