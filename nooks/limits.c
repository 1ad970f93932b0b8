/* Limits of resources: the table of defaults, what was changed at run time, and /proc/nooks/limits. */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <asm/memlayout.h>
#include <nooks/detect.h>
#include <nooks/domain.h>
#include <nooks/limits.h>

#pragma clang section text = ".text.recovery"

#define MAX_CHANGES 32
#define HEAP_SHARE 2 /* a domain may have half of the zone: more is a leak */
#define EVERY "*"

static const struct {
  const char *name;
  u32 value;
  enum nooks_trigger trigger;
} rows[LIMITS] = {
#define L(name, text, value, trigger) { text, value, TRIGGER_##trigger },
  NOOKS_LIMITS(L)
#undef L
};

static struct change {
  char extension[MODULE_NAME_LEN];
  enum nooks_limit limit;
  u32 value;
} changes[MAX_CHANGES];
static u32 change_count;

static void apply(struct nooks_domain *d, const struct change *c) {
  if (!strcmp(c->extension, EVERY) || !strcmp(c->extension, d->name)) d->limits[c->limit] = c->value;
}

/* In the order in which they were made: the last one wins. */
void limits_init(struct nooks_domain *d) {
  for (u32 i = 0; i < LIMITS; i++) d->limits[i] = rows[i].value;
  d->limits[LIMIT_MEMORY] = zone_size / HEAP_SHARE;
  d->limits[LIMIT_PACKETS] = min(d->limits[LIMIT_PACKETS], zone_size / HEAP_SHARE >> PAGE_SHIFT); /* a page each */
  for (u32 i = 0; i < change_count; i++) apply(d, &changes[i]);
}

bool within_limit(struct nooks_domain *d, enum nooks_limit limit, u32 amount) {
  if (likely(amount <= d->limits[limit])) return true;
  nooks_fail(d, rows[limit].trigger, "limit: %s %u of %u", rows[limit].name, amount, d->limits[limit]);
  return false;
}

/* ---- At run time ---- */

static struct change *place_for(const char *extension, u32 limit) {
  u32 i = 0;
  while (i < change_count && (changes[i].limit != limit || strcmp(changes[i].extension, extension))) i++;
  if (i == MAX_CHANGES) return NULL;
  struct change c = { .limit = (enum nooks_limit)limit };
  strlcpy(c.extension, extension, sizeof c.extension);
  if (i == change_count) change_count++;
  for (; i + 1 < change_count; i++) changes[i] = changes[i + 1];
  changes[i] = c;
  return &changes[i];
}

static int write_limits(char *line, void *unused) {
  (void)unused;
  char *name = strsep(&line, " "), *limit = strsep(&line, " "), *end;
  u32 i = 0;
  if (!limit || !line || !*line || strlen(name) >= MODULE_NAME_LEN) return -EINVAL;
  while (i < LIMITS && strcmp(rows[i].name, limit)) i++;
  u32 value = simple_strtoul(line, &end, 0);
  if (i == LIMITS || *end) return -EINVAL;
  struct change *c = place_for(name, i);
  if (!c) return -ENOSPC;
  c->value = value;
  for (int n = 0; n < NOOKS_MAX_DOMAINS; n++)
    if (nooks_domains[n]) apply(nooks_domains[n], c);
  return 0;
}

static int read_limits(char *page, char **start, long off, int count, int *eof, void *data) {
  (void)start, (void)off, (void)eof, (void)data;
  int n = snprintf(page, (size_t)count, "extension");
  for (u32 i = 0; i < LIMITS; i++) n += snprintf(page + n, (size_t)(count - n), " %s", rows[i].name);
  n += snprintf(page + n, (size_t)(count - n), "\n");
  for (int k = 0; k < NOOKS_MAX_DOMAINS && n < count; k++) {
    const struct nooks_domain *d = nooks_domains[k];
    if (!d) continue;
    n += snprintf(page + n, (size_t)(count - n), "%s", d->name);
    for (u32 i = 0; i < LIMITS && n < count; i++) n += snprintf(page + n, (size_t)(count - n), " %u", d->limits[i]);
    if (n < count) n += snprintf(page + n, (size_t)(count - n), "\n");
  }
  return min(n, count);
}

static int limits_proc(void) { return proc_create("nooks/limits", read_limits, write_limits, NULL) ? 0 : -ENOMEM; }
__initcall(limits_proc);
