/*
 * Open files and character devices (fs/). There is no disk yet: names are /dev/NAME (registered
 * character devices), /proc/NAME, /boot/NAME (the Multiboot modules, read-only), and /etc/NAME and
 * /tmp/NAME (files in memory).
 */
#ifndef LINUX_FS_H
#define LINUX_FS_H

#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/types.h>

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_ACCMODE 3
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_APPEND 02000
#define O_NONBLOCK 04000

struct module;

struct inode {
  kdev_t i_rdev;
};

struct file {
  struct file_operations *f_op;
  void *private_data;
  loff_t f_pos;
  u32 f_flags;
  u32 f_count;        /* references: descriptors, also those copied by fork */
  struct inode f_inode;
};

/* Process context; `buf` and ioctl's pointers are user addresses (asm/uaccess.h). NULL = not supported. */
struct file_operations {
  struct module *owner;
  int (*open)(struct inode *inode, struct file *file);
  int (*release)(struct inode *inode, struct file *file); /* the last reference is gone */
  ssize_t (*read)(struct file *file, char *buf, size_t count, loff_t *ppos);
  ssize_t (*write)(struct file *file, const char *buf, size_t count, loff_t *ppos);
  int (*ioctl)(struct inode *inode, struct file *file, unsigned cmd, unsigned long arg);
  /* Maps the device into [addr, addr + len), page-aligned, with vm_insert_page (linux/mman.h). */
  int (*mmap)(struct file *file, unsigned long addr, unsigned long len);
};

/*
 * The device answers to /dev/NAME (minor 0) and /dev/NAMEn (minor n). Major 0 asks for any free one,
 * which is returned; otherwise 0 or -EBUSY.
 */
int register_chrdev(unsigned major, const char *name, struct file_operations *fops);
int unregister_chrdev(unsigned major, const char *name);

/* For things that are files without a name, such as sockets. */
int fd_install_new(struct file_operations *f_op, void *private_data, u32 flags); /* fd, -EMFILE, -ENOMEM */
int kernel_open(const char *name, int flags);                               /* fd or error */
struct file *fget(int fd); /* takes a reference; NULL = no such descriptor */
void fput(struct file *file);

#endif
