/*
 * Wrappers of character devices. The kernel has a twin of the extension's file_operations, and the
 * extension a copy of each open file from its open to its release; the inode is an object of one call.
 * A file whose extension has failed answers -EIO from then on.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

/* ---- Files ---- */

/* Both ways: what the extension may change of a file. */
static void file_to_driver(struct nooks_domain *d, struct file *copy, const struct file *file) {
  copy->f_pos = file->f_pos;
  copy->f_flags = file->f_flags;
  copy->private_data = file->private_data;
  count(&d->stats->copied_bytes, 16);
}

static void file_from_driver(struct nooks_domain *d, struct file *file, const struct file *copy) {
  file->f_pos = copy->f_pos;
  file->private_data = copy->private_data;
  count(&d->stats->copied_bytes, 12);
}

/* One allocation in the domain: the file and its inode, as the kernel's struct file has them. */
static struct nooks_object *new_file(struct nooks_domain *d, struct file *file) {
  struct nooks_object *o = object_new(sizeof *o);
  struct file *copy = o ? heap_alloc(d->heap, sizeof *copy, GFP_KERNEL) : NULL;
  if (!copy) {
    kfree(o);
    return NULL;
  }
  memset(copy, 0, sizeof *copy);
  copy->f_count = 1;
  copy->f_inode = file->f_inode;
  file_to_driver(d, copy, file);
  object_track_both(d, o, OBJ_FILE, copy, file);
  return o;
}

static void forget_file(struct nooks_object *o) {
  void *copy = o->driver;
  object_drop(o);
  heap_free(copy);
}

/* ---- The kernel calls the driver ---- */

static struct nooks_chrdev *device_of(const struct file *file) {
  return container_of(file->f_op, struct nooks_chrdev, fops);
}

static int call_open(struct inode *inode, struct file *file) {
  struct nooks_chrdev *c = device_of(file);
  struct nooks_domain *d = c->o.domain;
  struct nooks_object *o = new_file(d, file);
  u32 result = 0;
  (void)inode;
  if (!o) return -ENOMEM;
  struct file *copy = o->driver;
  if (c->open) {
    result = (u32)-EIO;
    nooks_driver_call(d, &result, c->open, 2, &copy->f_inode, copy);
  }
  if (result) forget_file(o);
  else file_from_driver(d, file, copy);
  return (int)result;
}

static int call_release(struct inode *inode, struct file *file) {
  struct nooks_chrdev *c = device_of(file);
  struct nooks_object *o = object_of_kernel(OBJ_FILE, file);
  (void)inode;
  if (!o) return 0;
  struct file *copy = o->driver;
  file_to_driver(o->domain, copy, file);
  if (c->release) nooks_driver_call(o->domain, NULL, c->release, 2, &copy->f_inode, copy);
  forget_file(o);
  return 0;
}

/* read and write; ppos is the copy's f_pos, as it is the file's in the kernel. */
static ssize_t transfer(const void *fn, struct file *file, const void *buf, size_t bytes, loff_t *ppos) {
  struct nooks_object *o = object_of_kernel(OBJ_FILE, file);
  u32 result = (u32)-EIO;
  if (!o) return -EIO;
  struct nooks_domain *d = o->domain;
  struct file *copy = o->driver;
  file_to_driver(d, copy, file);
  if (ppos != &file->f_pos) copy->f_pos = *ppos;
  if (nooks_driver_call(d, &result, fn, 4, copy, buf, bytes, &copy->f_pos)) return -EIO;
  if (ppos != &file->f_pos) {
    *ppos = copy->f_pos;
    copy->f_pos = file->f_pos;
  }
  file_from_driver(d, file, copy);
  return (int)result > (int)bytes ? -EIO : (ssize_t)result;
}

static ssize_t call_read(struct file *file, char *buf, size_t bytes, loff_t *ppos) {
  return transfer(device_of(file)->read, file, buf, bytes, ppos);
}

static ssize_t call_write(struct file *file, const char *buf, size_t bytes, loff_t *ppos) {
  return transfer(device_of(file)->write, file, buf, bytes, ppos);
}

static int call_ioctl(struct inode *inode, struct file *file, unsigned cmd, unsigned long arg) {
  struct nooks_object *o = object_of_kernel(OBJ_FILE, file);
  u32 result = (u32)-EIO;
  (void)inode;
  if (!o) return -EIO;
  struct nooks_domain *d = o->domain;
  struct file *copy = o->driver;
  file_to_driver(d, copy, file);
  if (nooks_driver_call(d, &result, device_of(file)->ioctl, 4, &copy->f_inode, copy, cmd, arg)) return -EIO;
  file_from_driver(d, file, copy);
  return (int)result;
}

/* ---- Files of an extension that is gone ---- */

static ssize_t dead_read(struct file *file, char *buf, size_t bytes, loff_t *ppos) {
  (void)file, (void)buf, (void)bytes, (void)ppos;
  return -EIO;
}
static ssize_t dead_write(struct file *file, const char *buf, size_t bytes, loff_t *ppos) {
  (void)file, (void)buf, (void)bytes, (void)ppos;
  return -EIO;
}
static int dead_ioctl(struct inode *inode, struct file *file, unsigned cmd, unsigned long arg) {
  (void)inode, (void)file, (void)cmd, (void)arg;
  return -EIO;
}
static struct file_operations dead_fops = { .read = dead_read, .write = dead_write, .ioctl = dead_ioctl };

void release_file(struct nooks_object *o) {
  struct file *file = o->kernel;
  file->f_op = &dead_fops;
  file->private_data = NULL;
}

void release_chrdev(struct nooks_object *o) {
  struct nooks_chrdev *c = container_of(o, struct nooks_chrdev, o);
  unregister_chrdev(c->major, c->name);
}

/* ---- The driver calls the kernel ---- */

/* All is checked on a record of the stack, so that a bad argument leaves nothing behind. */
#define METHOD(method) \
  r.method = own->method ? code_arg((const void *)own->method, "register_chrdev") : NULL; \
  if (r.method) r.fops.method = call_##method

int wrap_register_chrdev(unsigned major, const char *name, struct file_operations *own) {
  struct nooks_domain *d = calling_domain();
  readable_arg(own, sizeof *own, "register_chrdev");
  if (object_find(d, OBJ_CHRDEV, own)) return -EBUSY;
  struct nooks_chrdev r = { .major = major };
  string_arg(r.name, name, sizeof r.name, "register_chrdev");
  METHOD(open);
  METHOD(release);
  METHOD(read);
  METHOD(write);
  METHOD(ioctl);
  r.fops.open = call_open;
  r.fops.release = call_release;
  r.fops.owner = own->owner ? d->module : NULL;
  struct nooks_chrdev *c = object_wanted(d, sizeof *c);
  if (!c) return -ENOMEM;
  *c = r;
  int err = register_chrdev(major, c->name, &c->fops);
  if (err < 0) {
    kfree(c);
    return err;
  }
  if (!major) c->major = (unsigned)err;
  object_track(d, &c->o, OBJ_CHRDEV, own, &c->fops);
  return err;
}

/* Open files would call functions that go away. */
static void forget_files(struct nooks_chrdev *c) {
  struct nooks_object *o, *next;
  list_for_each_entry_safe(o, next, &c->o.domain->objects[OBJ_FILE], list) {
    struct file *file = o->kernel;
    if (file->f_op != &c->fops) continue;
    release_file(o);
    forget_file(o);
  }
}

int wrap_unregister_chrdev(unsigned major, const char *name) {
  struct nooks_chrdev *c;
  (void)name;
  list_for_each_entry(c, &calling_domain()->objects[OBJ_CHRDEV], o.list) {
    if (c->major != major) continue;
    forget_files(c);
    int err = unregister_chrdev(major, c->name);
    object_drop(&c->o);
    return err;
  }
  return -EINVAL;
}
