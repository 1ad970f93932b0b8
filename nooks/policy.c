/*
 * Which recovery policy is set for which extension, and its figures. First from the kernel command line:
 *
 *   recovery=POLICY              for all extensions; `restart` if absent
 *   policy=NAME:POLICY[,...]     for one
 *   alternate=NAME:MODULE[,...]  the other implementation for `alternate`
 *
 * then by whoever writes to /dev/nooks: the recovery agent from its file, or a program (control.c). So recovery needs
 * no agent. A row is never removed, and its words are read in any context.
 */
#include <kernel/boot.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/policy.h>

#pragma clang section text = ".text.recovery"

#define MAX_ROWS 16
#define OPTION_WORD 48

const struct recovery_policy *const nooks_policies[] = {
  &policy_panic, &policy_unload, &policy_restart, &policy_shadow, &policy_checkpoint, &policy_alternate,
};
const u32 nooks_policy_count = ARRAY_SIZE(nooks_policies);

static const struct recovery_figures default_figures = {
  .immediate = 3, .pause = 10, .limit = 10, .period = 60, .checkpoint = 100, .soon = 1000,
};

/* Row 0 is "*". Changed in process context, a word at a time. */
static struct row {
  char name[MODULE_NAME_LEN];
  const struct recovery_policy *policy; /* NULL: row 0's */
  char alternate[MODULE_NAME_LEN];
  struct recovery_figures figures;
} rows[MAX_ROWS] = { { .name = "*", .policy = &policy_restart } };
static u32 row_count = 1;

static struct row *find_row(const char *name) {
  for (u32 i = 0; i < row_count; i++)
    if (!strcmp(rows[i].name, name)) return &rows[i];
  return NULL;
}

/* The row is complete before it counts. NULL: there are too many, or that is no name. */
static struct row *make_row(const char *name) {
  struct row *row = find_row(name);
  if (row || row_count == MAX_ROWS || !*name || strlen(name) >= MODULE_NAME_LEN) return row;
  row = &rows[row_count];
  strcpy(row->name, name);
  row->figures = rows[0].figures;
  row_count++;
  return row;
}

const struct recovery_policy *policy_of(const char *extension) {
  const struct row *row = find_row(extension);
  return row && row->policy ? row->policy : rows[0].policy;
}

const char *policy_alternate_of(const char *extension) {
  const struct row *row = find_row(extension);
  return row ? row->alternate : "";
}

const struct recovery_figures *policy_figures(const char *extension) {
  const struct row *row = find_row(extension);
  return row ? &row->figures : &rows[0].figures;
}

const struct recovery_policy *policy_find(const char *name) {
  for (u32 i = 0; i < nooks_policy_count; i++)
    if (!strcmp(nooks_policies[i]->name, name)) return nooks_policies[i];
  return NULL;
}

/* ---- Changes ---- */

/* What the old row's policy has made for running extensions goes. */
static void unwatch_changed(void) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    if (!d || !d->module) continue;
    for (u32 n = 0; n < nooks_policy_count; n++)
      if (nooks_policies[n]->unwatch && nooks_policies[n] != policy_of(d->name)) nooks_policies[n]->unwatch(d);
  }
}

int policy_set(const char *extension, const char *policy) {
  const struct recovery_policy *found = policy_find(policy);
  struct row *row = found ? make_row(extension) : NULL;
  if (!found) return -EINVAL;
  if (!row) return -ENOSPC;
  row->policy = found;
  unwatch_changed();
  recovery_wake();
  return 0;
}

int policy_set_alternate(const char *extension, const char *module) {
  struct row *row = strlen(module) < MODULE_NAME_LEN ? make_row(extension) : NULL;
  if (!row) return -ENOSPC;
  strcpy(row->alternate, module);
  return 0;
}

/* "*" sets it in all rows. */
int policy_set_figure(const char *extension, const char *name, u32 value) {
  static const struct {
    const char *name;
    u32 offset, max;
  } figures[] = {
    { "immediate", offsetof(struct recovery_figures, immediate), 1000000 },
    { "pause", offsetof(struct recovery_figures, pause), 60000 },
    { "limit", offsetof(struct recovery_figures, limit), 1000000 },
    { "period", offsetof(struct recovery_figures, period), 86400 },
    { "checkpoint", offsetof(struct recovery_figures, checkpoint), 3600000 },
    { "soon", offsetof(struct recovery_figures, soon), 3600000 },
  };
  struct row *row = make_row(extension);
  if (!row) return -ENOSPC;
  for (u32 i = 0; i < ARRAY_SIZE(figures); i++) {
    if (strcmp(figures[i].name, name) || value > figures[i].max) continue;
    for (u32 n = 0; n < row_count; n++)
      if (row == &rows[0] || row == &rows[n]) *(u32 *)((u8 *)&rows[n].figures + figures[i].offset) = value;
    recovery_wake();
    return 0;
  }
  return -EINVAL;
}

/* ---- The command line ---- */

/* NAME:WORD[,NAME:WORD...] */
static void read_pairs(const char *option, int (*set)(const char *, const char *)) {
  const char *list = boot_option(option);
  while (list && *list) {
    char name[OPTION_WORD], *colon;
    const char *comma = strchr(list, ',');
    size_t n = comma ? (size_t)(comma - list) : strlen(list);
    strlcpy(name, list, min_t(size_t, sizeof name, n + 1));
    colon = strchr(name, ':');
    if (colon) *colon = 0;
    if (!colon || set(name, colon + 1)) panic("kernel option %s: %s is not NAME:WORD, or there is no such word", option, name);
    list += n + (comma != NULL);
  }
}

static int policy_init(void) {
  const char *all = boot_option("recovery");
  rows[0].figures = default_figures;
  if (all && policy_set("*", all)) panic("kernel option recovery=%s: there is no such policy", all);
  read_pairs("policy", policy_set);
  read_pairs("alternate", policy_set_alternate);
  return 0;
}
__initcall(policy_init);
