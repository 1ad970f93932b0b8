/*
 * What can make an extension count as failed. Each has a counter and an action (trigger.c); /proc/nooks/triggers
 * shows both. The host reads nooks_trigger_counts by its symbol, and names come from here by nooks_trigger_names.
 */
#ifndef NOOKS_TRIGGER_H
#define NOOKS_TRIGGER_H

#include <linux/types.h>

/* T(name, what it says): the order is what the host and the counters use. */
#define NOOKS_TRIGGERS(T)                                              \
  T(EXCEPTION, "exception")     /* a processor exception in the domain */ \
  T(STACK, "stack")             /* its stack is full or ruined */        \
  T(ARGUMENT, "argument")       /* a bad argument to a wrapper */        \
  T(CONTEXT, "context")         /* a call that may sleep, where it may not */ \
  T(PANIC, "panic")             /* it called panic or BUG */             \
  T(MEMORY, "memory")           /* limits: bytes, objects, timers, ... */ \
  T(OBJECTS, "objects")                                                \
  T(TIMERS, "timers")                                                  \
  T(QUEUE, "queue")             /* a queue too long or corrupt */        \
  T(TIME, "time")               /* too long in one call */               \
  T(IRQ_OFF, "irq-off")         /* too long with interrupts off */       \
  T(STORM, "storm")             /* interrupts without end */             \
  T(HEARTBEAT, "heartbeat")     /* its service has stopped */            \
  T(USER, "user")               /* a user or program says so */          \
  T(AGENT, "agent")             /* the recovery agent says so */

enum nooks_trigger {
#define T(name, text) TRIGGER_##name,
  NOOKS_TRIGGERS(T)
#undef T
  TRIGGERS
};

/* What is done: the extension has failed and is recovered, or whoever asked gets an error and it goes on. */
enum nooks_action { ACTION_RECOVER, ACTION_ERROR };

extern u32 nooks_trigger_counts[TRIGGERS];
extern u8 nooks_trigger_actions[TRIGGERS]; /* enum nooks_action; written by /proc/nooks/triggers */
extern const char *const nooks_trigger_names[TRIGGERS];

#endif
