/*
 * /etc/NAME and /tmp/NAME: files in memory, lost when the machine stops, as Linux's ramfs. One flat directory each; a
 * file grows to RAMFS_FILE_MAX and there are RAMFS_FILES at most, so programs cannot eat the kernel's memory. Each
 * Multiboot module whose name ends in `.conf` is there from the start as /etc/NAME.
 *
 * Left out: directories, links, permissions, times, seeking in an open file that can be written (open it again), and holes.
 * A file that was removed while open keeps its contents until it is closed, as it should.
 */
#include <asm/uaccess.h>
#include <kernel/boot.h>
#include <kernel/calls.h>
#include <kernel/files.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>

#define RAMFS_FILES 32
#define RAMFS_NAME_MAX 40 /* with the directory and the NUL */
#define RAMFS_FILE_MAX 65536u

/* Process context; ring 0 is not pre-empted, and copying from user memory does not sleep. */
struct ram_file {
  struct list_head list;
  char name[RAMFS_NAME_MAX]; /* "etc/NAME"; "" = removed */
  u32 users; /* open files */
  u32 size;  /* bytes */
  u32 room;  /* bytes that data has */
  u8 *data;
};

static LIST_HEAD(files);
static u32 file_count;

static struct ram_file *find_file(const char *name) {
  struct ram_file *f;
  list_for_each_entry(f, &files, list)
    if (!strcmp(f->name, name)) return f;
  return NULL;
}

static struct ram_file *make_file(const char *name, int *err) {
  struct ram_file *f = NULL;
  *err = -ENOSPC;
  if (file_count == RAMFS_FILES) return NULL;
  f = kzalloc(sizeof *f, GFP_KERNEL);
  *err = -ENOMEM;
  if (!f) return NULL;
  strcpy(f->name, name);
  list_add_tail(&f->list, &files);
  file_count++;
  return f;
}

/* Nobody can open it any more, and nobody has. */
static void free_file(struct ram_file *f) {
  list_del(&f->list);
  file_count--;
  kfree(f->data);
  kfree(f);
}

static int make_room(struct ram_file *f, u32 size) {
  u32 room = f->room ? f->room : 256;
  if (size > RAMFS_FILE_MAX) return -ENOSPC;
  while (room < size) room *= 2;
  if (room == f->room) return 0;
  u8 *data = kmalloc(room, GFP_KERNEL);
  if (!data) return -ENOMEM;
  memcpy(data, f->data, f->size);
  kfree(f->data);
  f->data = data;
  f->room = room;
  return 0;
}

static ssize_t ramfs_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  const struct ram_file *f = file->private_data;
  return read_from_memory(buf, count, ppos, f->data, f->size);
}

static ssize_t ramfs_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  struct ram_file *f = file->private_data;
  u32 at = file->f_flags & O_APPEND || *ppos > (loff_t)f->size ? f->size : (u32)*ppos;
  count = min_t(size_t, count, RAMFS_FILE_MAX - at);
  if (!count) return -ENOSPC;
  int err = make_room(f, at + count);
  if (err) return err;
  if (copy_from_user(f->data + at, buf, count)) return -EFAULT;
  *ppos = (loff_t)(at + count);
  if (at + count > f->size) f->size = at + count;
  return (ssize_t)count;
}

static int ramfs_release(struct inode *inode, struct file *file) {
  struct ram_file *f = file->private_data;
  (void)inode;
  if (!--f->users && !f->name[0]) free_file(f);
  return 0;
}

static struct file_operations ramfs_fops = { .read = ramfs_read, .write = ramfs_write, .release = ramfs_release };

static int open_file(const char *name, struct file *file) {
  struct ram_file *f = find_file(name);
  int err = -ENOENT;
  const char *last = strchr(name, '/') + 1;
  if (!*last || strchr(last, '/')) return -ENOENT;
  if (strlen(name) >= RAMFS_NAME_MAX) return -ENAMETOOLONG;
  if (!f && file->f_flags & O_CREAT) f = make_file(name, &err);
  if (!f) return err;
  if (file->f_flags & O_TRUNC && (file->f_flags & O_ACCMODE) != O_RDONLY) f->size = 0;
  f->users++;
  file->f_op = &ramfs_fops;
  file->private_data = f;
  return 0;
}

/* fs/file.c has cut the mount's name off: put the directory's back. */
#define OPEN(directory)                                                    \
  int ramfs_open_##directory(const char *name, struct file *file) {        \
    char full[64 + sizeof #directory];                                     \
    snprintf(full, sizeof full, #directory "/%s", name);                   \
    return open_file(full, file);                                          \
  }
OPEN(etc)
OPEN(tmp)

long sys_unlink(const char *user_name) {
  char name[RAMFS_NAME_MAX + 1];
  long n = strncpy_from_user(name, user_name, sizeof name);
  if (n < 0) return n;
  if (n == (long)sizeof name || name[0] != '/') return -ENOENT;
  struct ram_file *f = find_file(name + 1);
  if (!f) return -ENOENT;
  f->name[0] = 0;
  if (!f->users) free_file(f);
  return 0;
}

/* ---- What is there from the start ---- */

static int from_module(const struct boot_module *m) {
  char name[BOOT_NAME_MAX + 4];
  int err;
  if (m->size > RAMFS_FILE_MAX || strlen(m->name) + 4 >= RAMFS_NAME_MAX) return -E2BIG;
  snprintf(name, sizeof name, "etc/%s", m->name);
  struct ram_file *f = make_file(name, &err);
  if (f && m->size) err = make_room(f, m->size);
  if (!f || !f->data) return f && !m->size ? 0 : err;
  memcpy(f->data, m->data, m->size);
  f->size = m->size;
  return 0;
}

static int ramfs_init(void) {
  for (u32 i = 0; i < boot_module_count; i++) {
    size_t n = strlen(boot_modules[i].name);
    if (n <= 5 || strcmp(boot_modules[i].name + n - 5, ".conf")) continue;
    int err = from_module(&boot_modules[i]);
    if (err) printk(KERN_ERR "ramfs: %s does not become a file: %d\n", boot_modules[i].name, err);
  }
  return 0;
}
__initcall(ramfs_init);
