/* Copies between user memory and packets that sum what they copy. Process context. */
#include <net/checksum.h>
#include <linux/errno.h>
#include <asm/uaccess.h>

u32 csum_and_copy_from_user(const void *user_src, void *dst, int len, u32 sum, int *err) {
  if (access_ok(VERIFY_READ, user_src, len)) return csum_partial_copy_generic(user_src, dst, len, sum, err);
  *err = -EFAULT;
  return sum;
}

u32 csum_and_copy_to_user(const void *src, void *user_dst, int len, u32 sum, int *err) {
  if (access_ok(VERIFY_WRITE, user_dst, len)) return csum_partial_copy_generic(src, user_dst, len, sum, err);
  *err = -EFAULT;
  return sum;
}
