/*
 * The only way from kernel code to user memory. Process context: a copy may fault pages in.
 * Each returns the number of bytes NOT copied (0 = all); get_user and put_user return 0 or -EFAULT.
 */
#ifndef ASM_UACCESS_H
#define ASM_UACCESS_H

#include <asm/memlayout.h>
#include <linux/errno.h>
#include <linux/types.h>

#define VERIFY_READ 0
#define VERIFY_WRITE 1

/* The range lies below the kernel. Whether it is mapped, only the copy itself finds out. */
static inline int access_ok(int type, const void *addr, unsigned long size) {
  (void)type;
  return (u32)addr <= TASK_SIZE && size <= TASK_SIZE - (u32)addr;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n);
unsigned long copy_from_user(void *to, const void *from, unsigned long n);
unsigned long clear_user(void *to, unsigned long n);
/* Length without the NUL, `max` if there is none within max bytes, or -EFAULT. */
long strncpy_from_user(char *to, const char *from, long max);

#define get_user(x, ptr)                                                    \
  ({                                                                        \
    __typeof__(x) _v;                                                       \
    _Static_assert(sizeof(_v) == sizeof(*(ptr)), "get_user copies one object"); \
    int _err = copy_from_user(&_v, (ptr), sizeof(_v)) ? -EFAULT : 0;        \
    if (!_err) (x) = _v;                                                    \
    _err;                                                                   \
  })
#define put_user(x, ptr)                                                    \
  ({                                                                        \
    __typeof__(*(ptr)) _v = (x);                                            \
    copy_to_user((ptr), &_v, sizeof(_v)) ? -EFAULT : 0;                     \
  })

#endif
