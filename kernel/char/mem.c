/* /dev/null and /dev/zero. */
#include <asm/uaccess.h>
#include <linux/fs.h>
#include <linux/init.h>

#define NULL_MAJOR 1
#define ZERO_MAJOR 3

static ssize_t null_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  (void)file, (void)buf, (void)count, (void)ppos;
  return 0;
}

static ssize_t null_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  (void)file, (void)buf, (void)ppos;
  return (ssize_t)count;
}

static ssize_t zero_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  (void)file, (void)ppos;
  size_t left = clear_user(buf, count);
  return left == count && count ? -EFAULT : (ssize_t)(count - left);
}

static struct file_operations null_fops = { .read = null_read, .write = null_write };
static struct file_operations zero_fops = { .read = zero_read, .write = null_write };

static int mem_init(void) {
  int err = register_chrdev(NULL_MAJOR, "null", &null_fops);
  return err ? err : register_chrdev(ZERO_MAJOR, "zero", &zero_fops);
}
__initcall(mem_init);
