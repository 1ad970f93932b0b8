/*
 * Milestones of a failure and its recovery, in their order, for the host: nooks_event is empty, and the host watches its
 * address and reads its arguments. Costs a call each.
 */
#ifndef NOOKS_EVENT_H
#define NOOKS_EVENT_H

#include <nooks/domain.h>

/* E(name, what `detail` is): the order is the host's (inject/guest-events.ts). */
#define NOOKS_EVENTS(E)                                                   \
  E(FAILED, "enum nooks_trigger")    /* detected; no further call goes in */ \
  E(BEGIN, "policy number")          /* the recovery manager takes it up */  \
  E(UNWOUND, "tasks that were in it")                                     \
  E(RELEASED, "0")                   /* objects the device cannot touch */   \
  E(UNLOADED, "0")                                                        \
  E(LOADED, "0")                     /* its init function has run again */   \
  E(RESTORED, "0")                   /* interfaces have their state again */ \
  E(RECOVERED, "0")                  /* the extension serves again */        \
  E(GAVE_UP, "policy number")        /* it stays unloaded */                 \
  E(SHADOW_ACTIVE, "0")              /* a shadow driver answers for it */    \
  E(SHADOW_PASSIVE, "0")

enum nooks_event_kind {
#define E(name, detail) EVENT_##name,
  NOOKS_EVENTS(E)
#undef E
  EVENTS
};

/* `name`: the extension's, which may have no domain at the moment. Any context. */
void nooks_event(u32 kind, const char *name, u32 detail);

#endif
