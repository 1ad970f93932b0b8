/* Spinlocks on one CPU: taking a held lock can never succeed, so it is a bug and not a wait. */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/section.h>
#include <linux/spinlock.h>

__inherit void spin_lock(spinlock_t *lock) {
  if (unlikely(lock->locked)) panic("spinlock %p taken twice by %p", (void *)lock, __builtin_return_address(0));
  lock->locked = 1;
}

__inherit void spin_unlock(spinlock_t *lock) {
  if (unlikely(!lock->locked)) panic("spinlock %p released but not held by %p", (void *)lock, __builtin_return_address(0));
  lock->locked = 0;
}

__inherit int spin_trylock(spinlock_t *lock) {
  if (lock->locked) return 0;
  lock->locked = 1;
  return 1;
}

__inherit void spin_lock_bh(spinlock_t *lock) {
  local_bh_disable();
  spin_lock(lock);
}

__inherit void spin_unlock_bh(spinlock_t *lock) {
  spin_unlock(lock);
  local_bh_enable();
}

EXPORT_SYMBOL(spin_lock);
EXPORT_SYMBOL(spin_unlock);
EXPORT_SYMBOL(spin_trylock);
EXPORT_SYMBOL(spin_lock_bh);
EXPORT_SYMBOL(spin_unlock_bh);
