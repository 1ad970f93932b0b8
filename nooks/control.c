/*
 * /dev/nooks: how user mode has a say in recovery. One command a write:
 *
 *   fail NAME                   the extension NAME counts as failed; /proc/nooks/NAME does the same (proc.c)
 *   restart NAME                it is restarted, by the policy of that name; no failure
 *   policy NAME POLICY          sets its recovery policy; NAME may be *
 *   alternate NAME MODULE       sets what its policy `alternate` loads
 *   figure NAME WORD NUMBER     sets a figure: immediate, pause, limit, period, checkpoint, soon (policy.h)
 *   recover NAME POLICY         the agent's decision about the failure that it was told of
 *
 * Whoever has it open for reading is the recovery agent; there is one at most. A read waits for a failure and
 * returns a line `failed NAME TRIGGER COUNT`, COUNT being the failures without a quiet period, or after half a second
 * `tick`, so that the agent looks at its file. The recovery manager waits for the decision for the kernel option
 * agent=MS, 20 by default; without one in time, or without an agent, the policy that is set for the extension holds.
 */
#include <asm/uaccess.h>
#include <kernel/boot.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <nooks/detect.h>
#include <nooks/policy.h>
#include <nooks/proc.h>

#pragma clang section text = ".text.recovery"

#define COMMAND_MAX 96
#define WORDS_MAX 4
#define LINE_MAX 80
#define TICK (HZ / 2)
#define DEFAULT_PATIENCE 20 /* ms */

/* ---- The agent. Process context. ---- */

static struct file *agent; /* NULL: there is none */
static DECLARE_WAIT_QUEUE_HEAD(agent_wait);   /* the agent, for a question */
static DECLARE_WAIT_QUEUE_HEAD(manager_wait); /* the manager, for the answer */

/* One failure at a time: the manager is one thread. */
static struct {
  const struct recovery *about; /* NULL: none is asked */
  bool told;
  const struct recovery_policy *answer;
} question;

/* Sleeps on q for at most `ticks`, or until woken. */
static long nap(wait_queue_head_t *q, int state, long ticks) {
  DECLARE_WAITQUEUE(wait, current);
  prepare_to_wait(q, &wait, state);
  ticks = schedule_timeout(ticks);
  finish_wait(q, &wait);
  return ticks;
}

const struct recovery_policy *agent_decision(const struct recovery *r) {
  long left = (long)((boot_option_u32("agent", DEFAULT_PATIENCE) * HZ + 999) / 1000) + 1; /* part of a tick is gone */
  if (!agent) return NULL;
  question.about = r;
  question.told = false;
  question.answer = NULL;
  wake_up(&agent_wait);
  while (left > 0 && agent && !question.answer && r->used) left = nap(&manager_wait, TASK_UNINTERRUPTIBLE, left);
  question.about = NULL;
  if (agent && !question.answer) printk(KERN_WARNING "nooks: the recovery agent is silent\n");
  return question.answer;
}

static int question_line(char *line) {
  const struct recovery *r = question.about;
  if (!r || question.told) return 0;
  question.told = true;
  return snprintf(line, LINE_MAX, "failed %s %s %u\n", r->name, nooks_trigger_names[r->why], r->failures);
}

static ssize_t control_read(struct file *file, char *buf, size_t count, loff_t *ppos) {
  char line[LINE_MAX];
  int n;
  (void)file, (void)ppos;
  if (count < LINE_MAX) return -EINVAL;
  for (long left = TICK; !(n = question_line(line)); left = nap(&agent_wait, TASK_INTERRUPTIBLE, left)) {
    if (signal_pending(current)) return -EINTR;
    if (left > 0) continue;
    n = snprintf(line, LINE_MAX, "tick\n");
    break;
  }
  return copy_to_user(buf, line, (u32)n) ? -EFAULT : n;
}

static int control_open(struct inode *inode, struct file *file) {
  (void)inode;
  if ((file->f_flags & O_ACCMODE) == O_WRONLY) return 0;
  if (agent) return -EBUSY;
  agent = file;
  return 0;
}

static int control_release(struct inode *inode, struct file *file) {
  (void)inode;
  if (agent != file) return 0;
  agent = NULL;
  wake_up(&manager_wait);
  return 0;
}

/* ---- Commands: words[0] is the command ---- */

static int do_fail(char **words) {
  return nooks_user_trigger(words[1], TRIGGER_USER);
}

static int do_restart(char **words) {
  struct nooks_domain *d = domain_find(words[1]);
  if (!d) return -ESRCH;
  if (d->state != DOMAIN_RUNNING) return -EBUSY;
  d->wish = &policy_restart;
  nooks_fail(d, TRIGGER_USER, "a program wants it restarted");
  return 0;
}

static int do_policy(char **words) { return policy_set(words[1], words[2]); }
static int do_alternate(char **words) { return policy_set_alternate(words[1], words[2]); }

static int do_figure(char **words) {
  char *end;
  u32 value = simple_strtoul(words[3], &end, 10);
  return *end || end == words[3] ? -EINVAL : policy_set_figure(words[1], words[2], value);
}

/* An answer that comes too late, or to another question, changes nothing. */
static int do_recover(char **words) {
  const struct recovery_policy *p = policy_find(words[2]);
  if (!p) return -EINVAL;
  if (!question.about || strcmp(question.about->name, words[1])) return -ESRCH;
  question.answer = p;
  wake_up(&manager_wait);
  return 0;
}

static const struct {
  const char *name;
  int words;
  int (*fn)(char **words);
} commands[] = {
  { "fail", 2, do_fail },           { "restart", 2, do_restart }, { "policy", 3, do_policy },
  { "alternate", 3, do_alternate }, { "figure", 4, do_figure },   { "recover", 3, do_recover },
};

/* Cuts the line at spaces; says how many words there are, one more than WORDS_MAX if too many. */
static int split(char *line, char **words) {
  int n = 0;
  while (*line && n <= WORDS_MAX) {
    while (*line == ' ' || *line == '\n') *line++ = 0;
    if (*line && n++ < WORDS_MAX) words[n - 1] = line;
    while (*line && *line != ' ' && *line != '\n') line++;
  }
  return n;
}

static ssize_t control_write(struct file *file, const char *buf, size_t count, loff_t *ppos) {
  char command[COMMAND_MAX], *words[WORDS_MAX];
  (void)file, (void)ppos;
  if (count >= sizeof command) return -EINVAL;
  if (copy_from_user(command, buf, count)) return -EFAULT;
  command[count] = 0;
  int n = split(command, words);
  for (u32 i = 0; n && i < ARRAY_SIZE(commands); i++) {
    if (strcmp(words[0], commands[i].name)) continue;
    int err = n == commands[i].words ? commands[i].fn(words) : -EINVAL;
    return err ? err : (ssize_t)count;
  }
  return -EINVAL;
}

static struct file_operations fops = {
  .open = control_open, .release = control_release, .read = control_read, .write = control_write,
};

/* ---- /proc/nooks_recovery ---- */

static int read_recovery(char *page, char **start, long off, int count, int *eof, void *data) {
  (void)start, (void)off, (void)eof, (void)data;
  int n = snprintf(page, (size_t)count, "recoveries %u\ngiven_up %u\npending %u\nagent %u\n", nooks_recoveries,
                   nooks_given_up, recovery_pending(), agent != NULL);
  for (int i = 0; i < NOOKS_MAX_DOMAINS && n < count; i++) {
    const struct nooks_domain *d = nooks_domains[i];
    if (d && d->module) n += snprintf(page + n, (size_t)(count - n), "%s %s\n", d->name, policy_of(d->name)->name);
  }
  return n < count ? n : count;
}

static int control_init(void) {
  int major = register_chrdev(0, "nooks", &fops);
  if (major < 0) return major;
  return create_proc_read_entry("nooks_recovery", 0444, NULL, read_recovery, NULL) ? 0 : -ENOMEM;
}
__initcall(control_init);
