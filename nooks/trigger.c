/* Triggers: their names and counters. */
#include <nooks/trigger.h>

u32 nooks_trigger_counts[TRIGGERS];

const char *const nooks_trigger_names[TRIGGERS] = {
#define T(name, text) text,
  NOOKS_TRIGGERS(T)
#undef T
};
