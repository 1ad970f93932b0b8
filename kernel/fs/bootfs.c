/* /boot/NAME: the Multiboot modules as read-only files. */
#include <asm/uaccess.h>
#include <kernel/boot.h>
#include <kernel/files.h>
#include <linux/errno.h>
#include <linux/kernel.h>

ssize_t read_from_memory(char *buf, size_t count, loff_t *ppos, const void *data, size_t size) {
  if (*ppos >= (loff_t)size) return 0;
  size_t n = min_t(size_t, count, size - (size_t)*ppos);
  if (copy_to_user(buf, (const u8 *)data + *ppos, n)) return -EFAULT;
  *ppos += n;
  return (ssize_t)n;
}

static ssize_t bootfs_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  const struct boot_module *m = file->private_data;
  return read_from_memory(buf, count, ppos, m->data, m->size);
}

static struct file_operations bootfs_fops = { .read = bootfs_read };

int bootfs_open(const char *name, struct file *file) {
  const struct boot_module *m = find_boot_module(name);
  if (!m) return -ENOENT;
  if ((file->f_flags & O_ACCMODE) != O_RDONLY) return -EROFS;
  file->f_op = &bootfs_fops;
  file->private_data = (void *)m;
  return 0;
}
