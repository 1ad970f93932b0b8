/* Copies between user memory and packets that sum what they copy. Process context. */
#include <net/checksum.h>
#include <linux/errno.h>
#include <asm/uaccess.h>

u32 csum_and_copy_from_user(const void *user_src, void *dst, int len, u32 sum, int *err) {
  if (copy_from_user(dst, user_src, len)) {
    *err = -EFAULT;
    return sum;
  }
  return csum_partial(dst, len, sum);
}

u32 csum_and_copy_to_user(const void *src, void *user_dst, int len, u32 sum, int *err) {
  sum = csum_partial(src, len, sum);
  if (copy_to_user(user_dst, src, len)) *err = -EFAULT;
  return sum;
}
