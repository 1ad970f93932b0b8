/*
 * Triggers: their names, counters and actions. /proc/nooks/triggers shows them; writing "TRIGGER ACTION" changes an
 * action: recover, or error, where there is somebody who can be given one.
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <nooks/trigger.h>

u32 nooks_trigger_counts[TRIGGERS];

const char *const nooks_trigger_names[TRIGGERS] = {
#define T(name, text) text,
  NOOKS_TRIGGERS(T)
#undef T
};

/* Too much memory, objects and timers are refused as if there were none. */
u8 nooks_trigger_actions[TRIGGERS] = {
  [TRIGGER_MEMORY] = ACTION_ERROR,
  [TRIGGER_OBJECTS] = ACTION_ERROR,
  [TRIGGER_TIMERS] = ACTION_ERROR,
};

/* The others end a call that cannot go on. */
static const bool may_be_error[TRIGGERS] = {
  [TRIGGER_ARGUMENT] = true,  [TRIGGER_CONTEXT] = true, [TRIGGER_MEMORY] = true,
  [TRIGGER_OBJECTS] = true,   [TRIGGER_TIMERS] = true,  [TRIGGER_QUEUE] = true, [TRIGGER_HEARTBEAT] = true,
  [TRIGGER_USER] = true,      [TRIGGER_AGENT] = true,
};

static const char *const action_names[] = { [ACTION_RECOVER] = "recover", [ACTION_ERROR] = "error" };

static int write_triggers(char *line, void *unused) {
  (void)unused;
  const char *name = strsep(&line, " ");
  u32 i = 0, action = 0;
  while (i < TRIGGERS && strcmp(nooks_trigger_names[i], name)) i++;
  while (line && action < ARRAY_SIZE(action_names) && strcmp(action_names[action], line)) action++;
  if (i == TRIGGERS || !line || action == ARRAY_SIZE(action_names)) return -EINVAL;
  if (action == ACTION_ERROR && !may_be_error[i]) return -EOPNOTSUPP;
  nooks_trigger_actions[i] = (u8)action;
  return 0;
}

static int read_triggers(char *page, char **start, long off, int count, int *eof, void *data) {
  (void)start, (void)off, (void)eof, (void)data;
  int n = snprintf(page, (size_t)count, "trigger action count\n");
  for (u32 i = 0; i < TRIGGERS && n < count; i++)
    n += snprintf(page + n, (size_t)(count - n), "%s %s %u\n", nooks_trigger_names[i],
                  action_names[nooks_trigger_actions[i]], nooks_trigger_counts[i]);
  return min(n, count);
}

static int trigger_init(void) { return proc_create("nooks/triggers", read_triggers, write_triggers, NULL) ? 0 : -ENOMEM; }
__initcall(trigger_init);
