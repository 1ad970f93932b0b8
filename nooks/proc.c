/*
 * /proc/nooks: the domains and their counters. /proc/nooks/NAME, for each extension: its state, and a user's trigger:
 * writing "restart" declares it failed, and it is recovered as after any other failure ("agent": so says the agent).
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <kernel/hooks.h>
#include <nooks/detect.h>
#include <nooks/domain.h>
#include <nooks/proc.h>

static const char *state_name(int state) {
  return state == DOMAIN_RUNNING ? "running" : state == DOMAIN_FAILED ? "failed" : "dying";
}

static int read_nooks(char *page, char **start, long off, int count, int *eof, void *data) {
  (void)start, (void)off, (void)eof, (void)data;
  int n = snprintf(page, (size_t)count, "domain extension state to-kernel to-driver deferred copied failures recoveries\n");
  for (int i = 0; i < NOOKS_MAX_DOMAINS && n < count; i++) {
    const struct nooks_domain *d = nooks_domains[i];
    const struct nooks_stats *s = &nooks_stats[i];
    if (!d) continue;
    n += snprintf(page + n, (size_t)(count - n), "%u %s %s %llu %llu %llu %llu %llu %llu\n", d->id, d->name,
                  state_name(d->state), s->to_kernel, s->to_driver, s->deferred, s->copied_bytes, s->failures,
                  s->recoveries);
  }
  return n < count ? n : count;
}

/* ---- One extension ---- */

int nooks_user_trigger(const char *name, enum nooks_trigger why) {
  struct nooks_domain *d = domain_find(name);
  if (!d) return -ESRCH;
  nooks_fail(d, why, why == TRIGGER_AGENT ? "the agent says so" : "a program says so");
  return nooks_trigger_actions[why] == ACTION_ERROR ? -EPERM : 0;
}

/* Names outlive their domains, for files that are still open. */
static char names[2 * NOOKS_MAX_DOMAINS][MODULE_NAME_LEN];

static int write_extension(char *line, void *name) {
  if (!strcmp(line, "restart")) return nooks_user_trigger(name, TRIGGER_USER);
  if (!strcmp(line, "agent")) return nooks_user_trigger(name, TRIGGER_AGENT);
  return -EINVAL;
}

static int read_extension(char *page, char **start, long off, int count, int *eof, void *name) {
  (void)start, (void)off, (void)eof;
  int n = 0;
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    const struct nooks_domain *d = nooks_domains[i];
    if (!d || !d->module || strcmp(d->name, name)) continue;
    n = snprintf(page, (size_t)count,
                 "state %s\nmemory %u\nobjects %u\ntimers %u\npackets %u\nstacks %u\n",
                 state_name(d->state), domain_bytes(d), d->object_count, d->timers, d->packets, d->stack_count);
  }
  return min(n, count);
}

static void file_name(char *to, u32 size, const struct nooks_domain *d) { snprintf(to, size, "nooks/%s", d->name); }

static char *name_place(const char *name) {
  for (u32 i = 0; i < ARRAY_SIZE(names); i++)
    if (!strcmp(names[i], name)) return names[i];
  return NULL;
}

/* The file is the name's, so it stays while one domain takes over from another. Without memory there is none. */
void nooks_proc_add(const struct nooks_domain *d) {
  char file[MODULE_NAME_LEN + 8], *name = name_place(d->name);
  if (!name) name = name_place("");
  if (!name) return;
  strlcpy(name, d->name, MODULE_NAME_LEN);
  file_name(file, sizeof file, d);
  proc_create(file, read_extension, write_extension, name);
}

void nooks_proc_remove(const struct nooks_domain *d) {
  char file[MODULE_NAME_LEN + 8];
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++)
    if (nooks_domains[i] && nooks_domains[i] != d && !strcmp(nooks_domains[i]->name, d->name)) return;
  file_name(file, sizeof file, d);
  remove_proc_entry(file, NULL);
}

static int proc_init(void) {
  return create_proc_read_entry("nooks", 0444, NULL, read_nooks, NULL) ? 0 : -ENOMEM;
}
__initcall(proc_init);
