/*
 * What an extension may use (limits.c). Each limit is a row with a default; /proc/nooks/limits shows them, and
 * writing "NAME LIMIT VALUE" changes one for an extension, now and after each reload, or for all with the name "*".
 */
#ifndef NOOKS_LIMITS_H
#define NOOKS_LIMITS_H

#include <linux/types.h>
#include <nooks/trigger.h>

/* L(name, what it is called, default, trigger): memory's default 0 is half of the zone. */
#define NOOKS_LIMITS(L)                                                             \
  L(MEMORY, "memory", 0, MEMORY)             /* bytes of heap, pages, and shared with devices */ \
  L(OBJECTS, "objects", 4096, OBJECTS)       /* tracked objects but packets */      \
  L(TIMERS, "timers", 64, TIMERS)            /* pending */                          \
  L(PACKETS, "packets", 2048, QUEUE)         /* that it holds; at most half of the zone */ \
  L(TIME, "time", 100000, TIME)              /* us: one call, in process context */ \
  L(IRQ_TIME, "irq-time", 20000, TIME)       /* us: one call, where none may sleep */ \
  L(IRQ_OFF, "irq-off", 10000, IRQ_OFF)      /* us: on end with interrupts off */   \
  L(STORM, "storm", 400, STORM)              /* interrupts in a tick, with nothing in between */ \
  L(TRANSMIT, "transmit", 50000, HEARTBEAT)  /* us: packets sent and none completed; 0: not watched */ \
  L(SILENCE, "silence", 500000, HEARTBEAT)   /* us: nothing received, then a neighbour is asked; 0: never */

enum nooks_limit {
#define L(name, text, value, trigger) LIMIT_##name,
  NOOKS_LIMITS(L)
#undef L
  LIMITS
};

struct nooks_domain;

void limits_init(struct nooks_domain *d);
/*
 * Counts the trigger if `amount` is more than the limit; by the trigger's action the extension has failed then, or the
 * caller just refuses. True: within. Any context.
 */
bool within_limit(struct nooks_domain *d, enum nooks_limit limit, u32 amount);

#endif
