/* /proc: text that a function writes when the file is opened; some files take lines. */
#include <asm/system.h>
#include <asm/uaccess.h>
#include <kernel/boot.h>
#include <kernel/files.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <kernel/traps.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PROC_NAME_MAX 40
#define LINE_MAX 128 /* bytes of a line that is written */

struct proc_dir_entry {
  struct list_head list;
  char name[PROC_NAME_MAX];
  read_proc_t *read;
  write_line_t *write;
  void *data;
};

/* An open file's text, and who takes its lines. */
struct proc_text {
  write_line_t *write;
  void *data;
  u32 length;
  char text[];
};
#define TEXT_MAX (PAGE_SIZE - sizeof(struct proc_text))

static LIST_HEAD(entries);

static struct proc_dir_entry *find_entry(const char *name) {
  struct proc_dir_entry *e;
  list_for_each_entry(e, &entries, list)
    if (!strcmp(e->name, name)) return e;
  return NULL;
}

struct proc_dir_entry *create_proc_read_entry(const char *name, mode_t mode, struct proc_dir_entry *parent,
                                              read_proc_t *read_proc, void *data) {
  (void)mode, (void)parent;
  return proc_create(name, read_proc, NULL, data);
}

struct proc_dir_entry *proc_create(const char *name, read_proc_t *read, write_line_t *write, void *data) {
  if (strlen(name) >= PROC_NAME_MAX || find_entry(name)) return NULL;
  struct proc_dir_entry *e = kmalloc(sizeof *e, GFP_KERNEL);
  if (!e) return NULL;
  strcpy(e->name, name);
  e->read = read;
  e->write = write;
  e->data = data;
  list_add_tail(&e->list, &entries);
  return e;
}

void remove_proc_entry(const char *name, struct proc_dir_entry *parent) {
  struct proc_dir_entry *e = find_entry(name);
  (void)parent;
  if (!e) return;
  list_del(&e->list);
  kfree(e);
}

static ssize_t proc_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  const struct proc_text *t = file->private_data;
  return read_from_memory(buf, count, ppos, t->text, t->length);
}

static ssize_t proc_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  const struct proc_text *t = file->private_data;
  char line[LINE_MAX];
  (void)ppos;
  if (count >= sizeof line) return -EINVAL;
  if (copy_from_user(line, buf, count)) return -EFAULT;
  line[count] = 0;
  if (count && line[count - 1] == '\n') line[count - 1] = 0;
  int err = t->write(line, t->data);
  return err ? err : (ssize_t)count;
}

static int proc_release(struct inode *inode, struct file *file) {
  (void)inode;
  kfree(file->private_data);
  return 0;
}

static struct file_operations read_fops = { .read = proc_read, .release = proc_release };
static struct file_operations write_fops = { .read = proc_read, .write = proc_write, .release = proc_release };

int proc_open(const char *name, struct file *file) {
  struct proc_dir_entry *e = find_entry(name);
  if (!e) return -ENOENT;
  if ((file->f_flags & O_ACCMODE) != O_RDONLY && !e->write) return -EACCES;
  struct proc_text *t = kmalloc(sizeof *t + TEXT_MAX, GFP_KERNEL);
  char *start = NULL;
  int eof = 0;
  if (!t) return -ENOMEM;
  t->write = e->write;
  t->data = e->data;
  int n = e->read(t->text, &start, 0, (int)TEXT_MAX, &eof, e->data);
  t->length = n < 0 ? 0 : min_t(u32, (u32)n, TEXT_MAX);
  file->private_data = t;
  file->f_op = e->write ? &write_fops : &read_fops;
  return 0;
}

/* ---- The kernel's own files ---- */

extern u32 context_switches;
#define READ_PROC(fn) static int fn(char *page, char **start, long off, int count, int *eof, void *data)
#define UNUSED_ARGS (void)start, (void)off, (void)eof, (void)data

/* Time in ticks by mode as in Linux, then in TSC cycles: idle is what was spent in HLT. */
READ_PROC(read_stat) {
  UNUSED_ARGS;
  unsigned long flags;
  u32 user = 0, system = 0;
  struct task_struct *task;
  list_for_each_entry(task, &all_tasks, tasks) user += task->utime, system += task->stime;
  local_irq_save(flags);
  u64 now = tsc_khz ? rdtsc() : 0, idle = idle_cycles;
  local_irq_restore(flags);
  return snprintf(page, (size_t)count,
                  "cpu %u 0 %u %u\nctxt %u\nprocesses %d\njiffies %lu\ntsc_khz %u\ncycles %llu\nidle_cycles %llu\n", user,
                  system, idle_task.stime, context_switches, task_count, jiffies, tsc_khz, now, idle);
}

READ_PROC(read_meminfo) {
  UNUSED_ARGS;
  return snprintf(page, (size_t)count,
                  "MemTotal: %u kB\nMemFree: %u kB\nZoneTotal: %u kB\nZoneFree: %u kB\nKernelHeap: %u B\nDriverHeap: %u B\n",
                  ram_end >> 10, nr_free_pages() * 4, zone_size >> 10, nr_free_zone_pages() * 4, heap_bytes(kernel_heap),
                  heap_bytes(driver_heap));
}

READ_PROC(read_modules) {
  UNUSED_ARGS;
  int n = 0;
  for (struct module *m = module_list; m && n < count; m = m->next)
    n += snprintf(page + n, (size_t)(count - n), "%s %u %d %#x domain %u\n", m->name, m->size, m->use_count, m->base,
                  m->domain_id);
  return n;
}

READ_PROC(read_tasks) {
  UNUSED_ARGS;
  static const char states[] = "RSDDZ";
  struct task_struct *task;
  int n = 0;
  list_for_each_entry(task, &all_tasks, tasks) {
    if (n < count)
      n += snprintf(page + n, (size_t)(count - n), "%d %c %s\n", task->pid, states[task->state], task->comm);
  }
  return n;
}

READ_PROC(read_uptime) {
  UNUSED_ARGS;
  return snprintf(page, (size_t)count, "%lu.%02lu\n", jiffies / HZ, jiffies % HZ * (100 / HZ));
}

READ_PROC(read_version) {
  UNUSED_ARGS;
  return snprintf(page, (size_t)count, "nooks86\n");
}

static int proc_files_init(void) {
  static const struct {
    const char *name;
    read_proc_t *read;
  } files[] = {
    { "stat", read_stat },   { "meminfo", read_meminfo }, { "modules", read_modules },
    { "tasks", read_tasks }, { "uptime", read_uptime },   { "version", read_version },
  };
  for (u32 i = 0; i < ARRAY_SIZE(files); i++)
    if (!create_proc_read_entry(files[i].name, 0444, NULL, files[i].read, NULL)) return -ENOMEM;
  return 0;
}
__initcall(proc_files_init);

EXPORT_SYMBOL(create_proc_read_entry);
EXPORT_SYMBOL(remove_proc_entry);
