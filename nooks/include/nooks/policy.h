/*
 * Recovery policies: what is done about an extension that has failed. Each is a row of nooks_policies (policy.c); the
 * recovery manager (recovery.c) runs the row that is set for the extension, and knows none by name.
 *
 * Order of the calls for one failure, all but the first in the manager's thread:
 *   failed -> begin -> recover -> (restarted extension: keep for each object, loaded) -> recovered | gave_up.
 * If the new incarnation fails before `recovered`, it is another failure: failed and begin come again.
 */
#ifndef NOOKS_POLICY_H
#define NOOKS_POLICY_H

#include <linux/if.h>
#include <nooks/domain.h>
#include <nooks/trigger.h>

#define RECOVERY_INTERFACES 4

struct nooks_object;

/* What of a network interface must survive its driver. */
struct recovery_interface {
  char name[IFNAMSIZ];
  u16 flags;
  u32 address, mask; /* 0 = none */
  u8 hardware[6];    /* for another implementation of the driver */
};

/* One failure that is being recovered from. Its fields are the manager's thread's. */
struct recovery {
  const struct recovery_policy *policy;
  struct nooks_domain *domain; /* the failed one until it is unloaded, then NULL, then the new one */
  enum nooks_trigger why;
  char name[MODULE_NAME_LEN]; /* that failed */
  char args[128];             /* it was loaded with */
  char load[MODULE_NAME_LEN]; /* module to load in its place: itself, but for `alternate` */
  u32 count;
  struct recovery_interface interfaces[RECOVERY_INTERFACES];
  void *data; /* the policy's own */
  /* The manager's. */
  bool used, running, begun;
  unsigned long not_before; /* jiffies */
  u32 failures;             /* of this extension within the period, this one included */
  u64 start;                /* TSC */
};

struct recovery_policy {
  const char *name;
  u8 number; /* detail of EVENT_BEGIN and EVENT_GAVE_UP: index in nooks_policies */
  /*
   * The extension has just failed: no call goes in, its queues are stopped, its tasks have not unwound. Any context,
   * also in an interrupt and with interrupts off; must not sleep. The manager has not been woken. Not called for an
   * extension that fails in its init function: its loader clears it away. May be NULL, as all but recover.
   */
  void (*failed)(struct nooks_domain *d);
  /* Tasks may still be in it. */
  void (*begin)(struct recovery *r);
  /*
   * 0: it serves again (domain is its domain), or is to stay unloaded (domain is NULL). < 0: this policy cannot; the
   * manager goes on with `otherwise`, or without that tries the same again after a pause, until there were too many.
   */
  int (*recover)(struct recovery *r);
  /*
   * While objects of the old incarnation are released: true means that the kernel's end of this one stays, and
   * with it the record, which is the policy's from now on (the tracker drops it; `domain` of it is void).
   */
  bool (*keep)(struct recovery *r, struct nooks_object *o);
  /*
   * The new incarnation's init function has run, r->domain is its domain, and calls go in. To replay configuration.
   * Interfaces that the manager knows of and that are not kept are set up after it. Non-zero: the recovery failed.
   */
  int (*loaded)(struct recovery *r);
  /* It serves again, all of the old incarnation is freed. */
  void (*recovered)(struct recovery *r);
  /* It stays unloaded, or another policy takes over (r->policy is it then). Free what `failed` and `begin` made. */
  void (*gave_up)(struct recovery *r);
  /*
   * While an extension for which this row is set runs: called in the manager's thread; returns after how many
   * jiffies it wants to be called again. `unwatch`: the extension is about to be unloaded, or another row is set.
   */
  u32 (*watch)(struct nooks_domain *d);
  void (*unwatch)(struct nooks_domain *d);
  const struct recovery_policy *otherwise; /* when recover fails */
};

extern const struct recovery_policy *const nooks_policies[];
extern const u32 nooks_policy_count;
extern const struct recovery_policy policy_panic, policy_unload, policy_restart, policy_checkpoint, policy_alternate;
extern const struct recovery_policy policy_shadow; /* shadow/shadow.c */

/* How restart storms end, and other figures that are policy. */
struct recovery_figures {
  u32 immediate;  /* failures within the period that are recovered from at once */
  u32 pause;      /* ms before the next one; doubles with each further failure */
  u32 limit;      /* failures within the period after which it stays unloaded; 0 = never */
  u32 period;     /* seconds without a failure after which counting begins anew */
  u32 checkpoint; /* ms between two checkpoints */
  u32 soon;       /* ms after going back to one in which a failure means that it was no good */
};

/* What is set for this extension now, or else for "*". Any context. */
const struct recovery_policy *policy_of(const char *extension);
const char *policy_alternate_of(const char *extension); /* "" = none */
const struct recovery_figures *policy_figures(const char *extension);
const struct recovery_policy *policy_find(const char *name); /* NULL: none of this name */
/* By the agent, a program, or the command line: 0 or an error. Process context. */
int policy_set(const char *extension, const char *policy);
int policy_set_alternate(const char *extension, const char *module);
int policy_set_figure(const char *extension, const char *name, u32 value);

/* The steps of restart, for other policies too (restart.c): it is unloaded, r->load is loaded and started. */
int recovery_restart(struct recovery *r);
void recovery_save_interfaces(struct recovery *r);

/* recovery.c */
void recovery_wake(void);
/* The recovery manager's totals since boot, for programs and the host. */
extern u32 nooks_recoveries, nooks_given_up;
/* A failed extension is unloaded by somebody else. Process context. */
void recovery_cancel(struct nooks_domain *d);
u32 recovery_pending(void); /* failures that are not recovered from yet */

/* control.c: what the agent says to do; NULL = nothing, in time. May sleep. */
const struct recovery_policy *agent_decision(const struct recovery *r);

#endif
