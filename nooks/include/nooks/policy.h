/*
 * Recovery policies: what is done about an extension that has failed. Each is a row of nooks_policies (policy.c); the
 * recovery manager (recovery.c) runs the row that is set for the extension, and knows none by name.
 *
 * Order of the calls for one failure, all but the first in the manager's thread:
 *   failed -> begin -> recover -> (restarted extension: keep for each object, loaded) -> recovered | gave_up.
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

/* One recovery under way; its fields are the manager's thread's. */
struct recovery {
  const struct recovery_policy *policy;
  struct nooks_domain *domain; /* the failed one until it is unloaded, then NULL, then the new one */
  enum nooks_trigger why;
  char name[MODULE_NAME_LEN];
  char args[128];
  u32 count;
  struct recovery_interface interfaces[RECOVERY_INTERFACES];
  void *data; /* the policy's own */
};

struct recovery_policy {
  const char *name;
  u8 number; /* detail of EVENT_BEGIN and EVENT_GAVE_UP: index in nooks_policies */
  /*
   * The extension has just failed: no call goes in, its queues are stopped, its tasks have not unwound. Any context,
   * also in an interrupt and with interrupts off; must not sleep. The manager has not been woken. May be NULL, as all
   * but recover.
   */
  void (*failed)(struct nooks_domain *d);
  /* Tasks may still be in it. */
  void (*begin)(struct recovery *r);
  /* 0: it serves again. < 0: this policy cannot; the manager goes on with `otherwise`, or unloads it if that is NULL. */
  int (*recover)(struct recovery *r);
  /*
   * While objects of the old incarnation are released: true means that the kernel's end of this one stays, and
   * with it the record, which is the policy's from now on (it is untracked; `domain` of it is void).
   */
  bool (*keep)(struct recovery *r, struct nooks_object *o);
  /*
   * The new incarnation's init function has run, r->domain is its domain, and calls go in. To replay configuration.
   * Interfaces that the manager knows of (`interfaces`, those not kept) are set up after it. Non-zero: the recovery failed.
   */
  int (*loaded)(struct recovery *r);
  /* It serves again, all of the old incarnation is freed. */
  void (*recovered)(struct recovery *r);
  /* It stays unloaded, or another policy takes over (`r->policy` is it then). Free what `failed` and `begin` made. */
  void (*gave_up)(struct recovery *r);
  const struct recovery_policy *otherwise; /* when recover fails */
};

extern const struct recovery_policy *const nooks_policies[];
extern const u32 nooks_policy_count;
extern const struct recovery_policy policy_panic, policy_unload, policy_restart, policy_checkpoint, policy_alternate;
extern const struct recovery_policy policy_shadow; /* shadow/; a weak one that only restarts until it is there */

/* The row that is set for this extension now. Any context. */
const struct recovery_policy *policy_of(const char *extension);
const struct recovery_policy *policy_find(const char *name); /* NULL: none of this name */
/* By the agent, a program, or the command line: 0 or an error. "*" sets the row of all that have none of their own. */
int policy_set(const char *extension, const char *policy);

/* The steps of restart, for other policies too (restart.c): it is unloaded, loaded into a new domain and started. */
int recovery_restart(struct recovery *r);

#endif
