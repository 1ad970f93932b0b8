/* /proc/nooks: the domains and their counters. */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <nooks/domain.h>

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

static int proc_init(void) {
  return create_proc_read_entry("nooks", 0444, NULL, read_nooks, NULL) ? 0 : -ENOMEM;
}
__initcall(proc_init);
