/*
 * Spinlocks. On one CPU they are what interrupts-off means; each also records that it is held, so
 * that taking it twice panics instead of hanging. Real functions in region `inherit`: they touch
 * nothing but the caller's lock, so a domain calls them directly.
 */
#ifndef LINUX_SPINLOCK_H
#define LINUX_SPINLOCK_H

#include <asm/system.h>

typedef struct {
  volatile u32 locked;
} spinlock_t;

#define SPIN_LOCK_UNLOCKED ((spinlock_t){ 0 })
#define spin_lock_init(lock) ((void)((lock)->locked = 0))

void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
int spin_trylock(spinlock_t *lock); /* non-zero if it was taken */
#define spin_is_locked(lock) ((lock)->locked != 0)

#define spin_lock_irqsave(lock, flags) do { local_irq_save(flags); spin_lock(lock); } while (0)
#define spin_unlock_irqrestore(lock, flags) do { spin_unlock(lock); local_irq_restore(flags); } while (0)
#define spin_lock_irq(lock) do { local_irq_disable(); spin_lock(lock); } while (0)
#define spin_unlock_irq(lock) do { spin_unlock(lock); local_irq_enable(); } while (0)

/* linux/interrupt.h has local_bh_disable and local_bh_enable. */
void spin_lock_bh(spinlock_t *lock);
void spin_unlock_bh(spinlock_t *lock);

#endif
