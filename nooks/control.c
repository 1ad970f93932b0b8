/*
 * /dev/nooks: the trigger that a user or a program has. Writing "fail NAME" declares the extension NAME
 * failed, and it is recovered as after any other failure. /proc/nooks/NAME does the same (proc.c).
 */
#include <asm/uaccess.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/string.h>
#include <nooks/proc.h>

#define COMMAND "fail "
#define COMMAND_MAX (sizeof COMMAND + MODULE_NAME_LEN)

static ssize_t control_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  char command[COMMAND_MAX];
  (void)file, (void)ppos;
  if (count >= sizeof command) return -EINVAL;
  if (copy_from_user(command, buf, count)) return -EFAULT;
  command[count] = 0;
  if (count && command[count - 1] == '\n') command[count - 1] = 0;
  if (strncmp(command, COMMAND, sizeof COMMAND - 1)) return -EINVAL;
  int err = nooks_user_trigger(command + sizeof COMMAND - 1, TRIGGER_USER);
  return err ? err : (ssize_t)count;
}

static struct file_operations fops = { .write = control_write };

static int control_init(void) {
  int major = register_chrdev(0, "nooks", &fops);
  return major < 0 ? major : 0;
}
__initcall(control_init);
