/* File descriptors, and the system calls on them. A name's first part says who opens it. */
#include <asm/uaccess.h>
#include <kernel/calls.h>
#include <kernel/files.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define NAME_MAX 64

static const struct {
  const char *prefix;
  int (*open)(const char *name, struct file *file); /* sets f_op and what it needs */
} mounts[] = {
  { "/dev/", chrdev_open },
  { "/proc/", proc_open },
  { "/boot/", bootfs_open },
  { "/etc/", ramfs_open_etc },
  { "/tmp/", ramfs_open_tmp },
};

/* ---- Descriptors ---- */

static int free_fd(void) {
  for (int fd = 0; fd < NR_OPEN; fd++)
    if (!current->files[fd]) return fd;
  return -EMFILE;
}

static struct file *new_file(u32 flags) {
  struct file *file = kzalloc(sizeof *file, GFP_KERNEL);
  if (!file) return NULL;
  file->f_flags = flags;
  file->f_count = 1;
  return file;
}

int fd_install_new(struct file_operations *f_op, void *private_data, u32 flags) {
  int fd = free_fd();
  struct file *file = fd >= 0 ? new_file(flags) : NULL;
  if (fd < 0) return fd;
  if (!file) return -ENOMEM;
  file->f_op = f_op;
  file->private_data = private_data;
  if (f_op->owner) __module_get(f_op->owner);
  current->files[fd] = file;
  return fd;
}

struct file *fget(int fd) {
  if ((u32)fd >= NR_OPEN || !current->files[fd]) return NULL;
  current->files[fd]->f_count++;
  return current->files[fd];
}

void fput(struct file *file) {
  BUG_ON(file->f_count == 0);
  if (--file->f_count) return;
  if (file->f_op->release) file->f_op->release(&file->f_inode, file);
  if (file->f_op->owner) __module_put(file->f_op->owner);
  kfree(file);
}

int kernel_open(const char *name, int flags) {
  int fd = free_fd(), err = -ENOENT;
  if (fd < 0) return fd;
  struct file *file = new_file((u32)flags);
  if (!file) return -ENOMEM;
  for (u32 i = 0; i < ARRAY_SIZE(mounts); i++) {
    size_t n = strlen(mounts[i].prefix);
    if (!strncmp(name, mounts[i].prefix, n)) err = mounts[i].open(name + n, file);
  }
  if (!err && file->f_op->owner) __module_get(file->f_op->owner);
  if (!err && file->f_op->open && (err = file->f_op->open(&file->f_inode, file)) && file->f_op->owner)
    __module_put(file->f_op->owner);
  if (err) {
    kfree(file);
    return err;
  }
  current->files[fd] = file;
  return fd;
}

/* ---- System calls ---- */

long sys_open(const char *user_name, int flags) {
  char name[NAME_MAX];
  long n = strncpy_from_user(name, user_name, sizeof name);
  if (n < 0) return n;
  return n < (long)sizeof name ? kernel_open(name, flags) : -ENAMETOOLONG;
}

long sys_close(int fd) {
  struct file *file = fget(fd);
  if (!file) return -EBADF;
  current->files[fd] = NULL;
  fput(file);
  fput(file);
  return 0;
}

long sys_read(int fd, char *buf, size_t count) {
  struct file *file = fget(fd);
  long n = -EINVAL;
  if (!file) return -EBADF;
  if ((file->f_flags & O_ACCMODE) == O_WRONLY) n = -EBADF;
  else if (!access_ok(VERIFY_WRITE, buf, count)) n = -EFAULT;
  else if (file->f_op->read) n = file->f_op->read(file, buf, min_t(size_t, count, INT_MAX), &file->f_pos);
  fput(file);
  return n;
}

long sys_write(int fd, const char *buf, size_t count) {
  struct file *file = fget(fd);
  long n = -EINVAL;
  if (!file) return -EBADF;
  if ((file->f_flags & O_ACCMODE) == O_RDONLY) n = -EBADF;
  else if (!access_ok(VERIFY_READ, buf, count)) n = -EFAULT;
  else if (file->f_op->write) n = file->f_op->write(file, buf, min_t(size_t, count, INT_MAX), &file->f_pos);
  fput(file);
  return n;
}

long sys_lseek(int fd, long offset, int whence) {
  struct file *file = fget(fd);
  long result = -EINVAL;
  if (!file) return -EBADF;
  loff_t at = offset + (whence == 1 ? file->f_pos : 0);
  if (!file->f_op->read || file->f_op->write) result = -ESPIPE;
  else if ((whence == 0 || whence == 1) && at >= 0 && at <= INT_MAX) result = (long)(file->f_pos = at);
  fput(file);
  return result;
}

long sys_dup(int fd) {
  int copy = free_fd();
  if (copy < 0) return copy;
  struct file *file = fget(fd);
  if (!file) return -EBADF;
  current->files[copy] = file;
  return copy;
}

long sys_ioctl(int fd, unsigned cmd, unsigned long arg) {
  struct file *file = fget(fd);
  if (!file) return -EBADF;
  long n = file->f_op->ioctl ? file->f_op->ioctl(&file->f_inode, file, cmd, arg) : -ENOTTY;
  fput(file);
  return n;
}
