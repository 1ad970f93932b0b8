/* Character devices: a driver registers a name and answers to /dev/NAME and, with minor n, /dev/NAMEn. */
#include <kernel/files.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

#define MAX_MAJOR 64
#define FIRST_DYNAMIC 32
#define DEVICE_NAME_MAX 24

static struct {
  char name[DEVICE_NAME_MAX];
  struct file_operations *fops;
} devices[MAX_MAJOR];

static int major_of(const char *name, size_t length) {
  for (int i = 0; i < MAX_MAJOR; i++)
    if (devices[i].fops && strlen(devices[i].name) == length && !strncmp(devices[i].name, name, length)) return i;
  return -ENXIO;
}

int register_chrdev(unsigned major, const char *name, struct file_operations *fops) {
  bool dynamic = major == 0;
  if (major >= MAX_MAJOR || !fops || strlen(name) >= DEVICE_NAME_MAX) return -EINVAL;
  if (major_of(name, strlen(name)) >= 0) return -EBUSY;
  if (dynamic)
    for (major = FIRST_DYNAMIC; major < MAX_MAJOR && devices[major].fops; major++) continue;
  if (major == MAX_MAJOR || devices[major].fops) return -EBUSY;
  strcpy(devices[major].name, name);
  devices[major].fops = fops;
  return dynamic ? (int)major : 0;
}

int unregister_chrdev(unsigned major, const char *name) {
  if (major >= MAX_MAJOR || !devices[major].fops || strcmp(devices[major].name, name)) return -EINVAL;
  devices[major].fops = NULL;
  return 0;
}

int chrdev_open(const char *name, struct file *file) {
  size_t n = strlen(name);
  unsigned long minor = 0;
  int major = major_of(name, n);
  if (major < 0) {
    while (n && name[n - 1] >= '0' && name[n - 1] <= '9') n--;
    minor = simple_strtoul(name + n, NULL, 10);
    major = name[n] && minor < 256 ? major_of(name, n) : -ENXIO;
  }
  if (major < 0) return -ENOENT;
  file->f_op = devices[major].fops;
  file->f_inode.i_rdev = MKDEV(major, minor);
  return 0;
}

EXPORT_SYMBOL(register_chrdev);
EXPORT_SYMBOL(unregister_chrdev);
