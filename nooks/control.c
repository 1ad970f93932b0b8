/*
 * /dev/nooks: the trigger that a user or a program has. Writing "fail NAME" declares the extension NAME
 * failed, and the recovery manager restarts it as after any other failure.
 */
#include <asm/uaccess.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/string.h>
#include <nooks/detect.h>
#include <nooks/domain.h>

#define COMMAND "fail "
#define COMMAND_MAX (sizeof COMMAND + MODULE_NAME_LEN)

static struct nooks_domain *find_domain(const char *name) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++)
    if (nooks_domains[i] && !strcmp(nooks_domains[i]->name, name)) return nooks_domains[i];
  return NULL;
}

static ssize_t control_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  char command[COMMAND_MAX];
  struct nooks_domain *d;
  (void)file, (void)ppos;
  if (count >= sizeof command) return -EINVAL;
  if (copy_from_user(command, buf, count)) return -EFAULT;
  command[count] = 0;
  if (count && command[count - 1] == '\n') command[count - 1] = 0;
  if (strncmp(command, COMMAND, sizeof COMMAND - 1)) return -EINVAL;
  d = find_domain(command + sizeof COMMAND - 1);
  if (!d) return -ESRCH;
  nooks_fail(d, TRIGGER_USER, "a program says so");
  return (ssize_t)count;
}

static struct file_operations fops = { .write = control_write };

static int control_init(void) {
  int major = register_chrdev(0, "nooks", &fops);
  return major < 0 ? major : 0;
}
__initcall(control_init);
