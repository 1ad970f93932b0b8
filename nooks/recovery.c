/*
 * The recovery manager: a kernel thread that does with failed extensions what their policies say (policy.h).
 *
 * It never waits for one extension while another could be served: pauses are dates in its list, the agent has a time
 * limit, and whatever runs in a domain is bounded by the watchdogs. A failure during a recovery (the init function
 * fails, or the new incarnation) counts as one more: after some, pauses between tries double, and after more the
 * extension stays unloaded. The figures are policy too (struct recovery_figures).
 */
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/process.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <nooks/detect.h>
#include <nooks/event.h>
#include <nooks/policy.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.recovery"

#define MAX_HISTORY NOOKS_MAX_DOMAINS
#define MAX_PAUSE (10 * HZ)
#define MAX_DOUBLINGS 16

static DECLARE_WAIT_QUEUE_HEAD(work);
static volatile bool wanted;
static struct recovery recoveries[NOOKS_MAX_DOMAINS]; /* the manager's thread; `used` says which */
u32 nooks_recoveries, nooks_given_up;

void recovery_wake(void) {
  wanted = true;
  wake_up(&work);
}

static bool is_live(const struct nooks_domain *d) { return d->module && d->module->state == MODULE_LIVE; }

void recovery_failed(struct nooks_domain *d, enum nooks_trigger why) {
  d->trigger = (u8)why;
  if (is_live(d)) {
    d->policy = policy_of(d->name);
    if (d->policy->failed) d->policy->failed(d);
  }
  recovery_wake();
}

/* ---- How often ---- */

static struct {
  char name[MODULE_NAME_LEN];
  unsigned long last; /* jiffies: of the last failure */
  u32 failures;
} history[MAX_HISTORY];

/* One more; says how many there were without a quiet period. */
static u32 note_failure(const char *name) {
  int i = 0, oldest = 0;
  for (; i < MAX_HISTORY && strcmp(history[i].name, name); i++)
    if (time_before(history[i].last, history[oldest].last)) oldest = i;
  if (i == MAX_HISTORY || time_after(jiffies, history[i].last + policy_figures(name)->period * HZ)) {
    if (i == MAX_HISTORY) i = oldest;
    strlcpy(history[i].name, name, MODULE_NAME_LEN);
    history[i].failures = 0;
  }
  history[i].last = jiffies;
  return ++history[i].failures;
}

/* Jiffies to wait before it is recovered from failure number n. */
static unsigned long pause_before(const struct recovery_figures *f, u32 n) {
  if (n <= f->immediate) return 0;
  u32 doublings = min_t(u32, n - f->immediate - 1, MAX_DOUBLINGS);
  unsigned long pause = (f->pause * HZ + 999) / 1000;
  return pause > MAX_PAUSE >> doublings ? MAX_PAUSE : pause << doublings;
}

static bool too_often(const struct recovery *r) {
  u32 limit = policy_figures(r->name)->limit;
  if (!limit || r->failures <= limit) return false;
  printk(KERN_ERR "nooks: %s failed %u times, it stays unloaded\n", r->name, limit);
  return true;
}

/* ---- Taking a failure up ---- */

static void change_policy(struct recovery *r, const struct recovery_policy *to) {
  const struct recovery_policy *from = r->policy;
  if (to == from) return;
  r->policy = to;
  r->begun = false;
  if (from->gave_up) from->gave_up(r);
  if (r->domain && to->failed) to->failed(r->domain);
}

static struct recovery *free_record(void) {
  for (u32 i = 0; i < ARRAY_SIZE(recoveries); i++)
    if (!recoveries[i].used) return &recoveries[i];
  return NULL;
}

/* An earlier recovery of the same extension has nothing more to do: it is there again. */
static void drop_pending(const char *name) {
  for (u32 i = 0; i < ARRAY_SIZE(recoveries); i++)
    if (recoveries[i].used && !recoveries[i].domain && !strcmp(recoveries[i].name, name)) recoveries[i].used = false;
}

/* What a program asked for is no failure of the extension. */
static void decide(struct recovery *r) {
  const struct recovery_policy *choice = r->domain->wish;
  r->domain->wish = NULL;
  if (choice) {
    change_policy(r, choice);
    return;
  }
  r->failures = note_failure(r->name);
  choice = too_often(r) ? &policy_unload : agent_decision(r);
  if (choice && r->domain) change_policy(r, choice);
  r->not_before = jiffies + (choice == &policy_unload ? 0 : pause_before(policy_figures(r->name), r->failures));
}

static bool take_up(struct nooks_domain *d) {
  struct recovery *r;
  drop_pending(d->name);
  if (!(r = free_record())) return false; /* some other is done first */
  *r = (struct recovery){ .used = true, .domain = d, .policy = d->policy, .why = d->trigger, .start = rdtsc(),
                          .not_before = jiffies };
  d->recovery = r;
  strlcpy(r->name, d->name, sizeof r->name);
  strlcpy(r->load, d->name, sizeof r->load);
  strlcpy(r->args, d->args, sizeof r->args);
  decide(r);
  if (r->domain) wake_sleepers(r->domain); /* they need not wait for the pause */
  else r->used = false;
  return true;
}

/* A module that fails while it is being loaded is cleared away by the loader. */
static struct nooks_domain *next_failed(void) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    if (d && d->state == DOMAIN_FAILED && is_live(d) && !d->recovery) return d;
  }
  return NULL;
}

void recovery_cancel(struct nooks_domain *d) {
  struct recovery *r = d->recovery;
  for (u32 i = 0; i < nooks_policy_count; i++)
    if (nooks_policies[i]->unwatch) nooks_policies[i]->unwatch(d);
  if (r && r->running) return;
  if (d->policy && d->policy->gave_up) {
    struct recovery gone = { .policy = d->policy, .domain = d };
    strlcpy(gone.name, d->name, sizeof gone.name);
    d->policy->gave_up(r ? r : &gone);
  }
  d->policy = NULL;
  d->recovery = NULL;
  if (!r) return;
  r->domain = NULL;
  r->used = false;
}

u32 recovery_pending(void) {
  u32 n = next_failed() != NULL;
  for (u32 i = 0; i < ARRAY_SIZE(recoveries); i++) n += recoveries[i].used;
  return n;
}

/* ---- Recovering ---- */

static void gave_up(struct recovery *r) {
  if (r->policy->gave_up) r->policy->gave_up(r);
  nooks_given_up++;
  nooks_event(EVENT_GAVE_UP, r->name, r->policy->number);
  printk(KERN_ERR "nooks: %s stays unloaded\n", r->name);
}

static void finished(struct recovery *r) {
  struct nooks_domain *d = r->domain;
  r->used = false;
  if (!d) {
    gave_up(r);
    return;
  }
  d->recovery = NULL;
  if (d->state != DOMAIN_RUNNING) return; /* it has failed again: another failure */
  d->policy = NULL;
  if (r->policy->recovered) r->policy->recovered(r);
  d->stats->recoveries++;
  nooks_recoveries++;
  nooks_event(EVENT_RECOVERED, r->name, 0);
  printk(KERN_WARNING "nooks: %s restarted after %u kilocycles (%s)\n", r->name, (u32)((rdtsc() - r->start) >> 10),
         r->policy->name);
}

/* It may be loaded or not. */
static void try_again(struct recovery *r, int err) {
  printk(KERN_ERR "nooks: %s: %s does not work: %d\n", r->name, r->policy->name, err);
  if (r->policy->otherwise) {
    change_policy(r, r->policy->otherwise);
    return;
  }
  r->failures = note_failure(r->name);
  if (!too_often(r)) {
    r->not_before = jiffies + pause_before(policy_figures(r->name), r->failures);
    return;
  }
  change_policy(r, &policy_unload);
}

static void run(struct recovery *r) {
  r->running = true;
  if (!r->begun) {
    r->begun = true;
    nooks_event(EVENT_BEGIN, r->name, r->policy->number);
    if (r->domain && !r->count) recovery_save_interfaces(r);
    if (r->policy->begin) r->policy->begin(r);
  }
  int err = r->policy->recover(r);
  r->running = false;
  if (err == -EEXIST || (err == -ENOENT && !r->domain)) { /* somebody else has loaded or unloaded it */
    r->used = false;
    if (r->policy->gave_up) r->policy->gave_up(r);
  } else if (err) {
    try_again(r, err);
  } else {
    finished(r);
  }
}

/* ---- The thread ---- */

static struct recovery *next_due(void) {
  for (u32 i = 0; i < ARRAY_SIZE(recoveries); i++)
    if (recoveries[i].used && time_after_eq(jiffies, recoveries[i].not_before)) return &recoveries[i];
  return NULL;
}

/* Jiffies until something is to be done. */
static long time_to_sleep(void) {
  long least = MAX_SCHEDULE_TIMEOUT;
  for (u32 i = 0; i < ARRAY_SIZE(recoveries); i++)
    if (recoveries[i].used) least = min_t(long, least, (long)(recoveries[i].not_before - jiffies));
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    if (!d || d->state != DOMAIN_RUNNING || !is_live(d)) continue;
    const struct recovery_policy *p = policy_of(d->name);
    if (p->watch) least = min_t(long, least, (long)p->watch(d));
  }
  return least;
}

static void sleep_until_wanted(void) {
  DECLARE_WAITQUEUE(wait, current);
  long time = time_to_sleep();
  prepare_to_wait(&work, &wait, TASK_UNINTERRUPTIBLE);
  if (!wanted && time > 0) schedule_timeout(time);
  finish_wait(&work, &wait);
  wanted = false;
}

static int recovery_thread(void *unused) {
  struct nooks_domain *d;
  struct recovery *r;
  (void)unused;
  for (;;) {
    sleep_until_wanted();
    while ((d = next_failed()) && take_up(d)) continue;
    while ((r = next_due())) run(r);
  }
  return 0;
}

static int recovery_init(void) {
  int pid = nooks_isolation ? kernel_thread(recovery_thread, NULL, "nooksd") : 0;
  return pid < 0 ? pid : 0;
}
__initcall(recovery_init);

/* ---- Unwinding ---- */

static bool inside(const struct task_struct *task, const struct nooks_domain *d) {
  for (const struct xpc_frame *f = task->nooks; f; f = f->prev)
    if (f->domain == d) return true;
  return false;
}

u32 calls_inside(const struct nooks_domain *d) {
  const struct task_struct *task;
  u32 count = 0;
  list_for_each_entry(task, &all_tasks, tasks) count += inside(task, d);
  return count;
}

/*
 * Tasks that sleep in the kernel on behalf of the extension: awake, they find that it is gone. Also those that
 * sleep uninterruptibly: whoever waits in this kernel looks at what it waits for again.
 */
u32 wake_sleepers(struct nooks_domain *d) {
  struct task_struct *task;
  u32 count = 0;
  list_for_each_entry(task, &all_tasks, tasks) {
    if (!inside(task, d)) continue;
    count++;
    if (task->state == TASK_INTERRUPTIBLE || task->state == TASK_UNINTERRUPTIBLE) wake_up_process(task);
  }
  return count;
}

/* Tasks that wait in the kernel for the extension give up when they come back; says how many there were. */
u32 wait_for_calls(struct nooks_domain *d) {
  u32 inside = 0, left;
  for (u32 ticks = 1; (left = wake_sleepers(d)); ticks++) {
    if (ticks == 1) inside = left;
    if (ticks % (5 * HZ) == 0) printk(KERN_WARNING "nooks: %s: tasks are still in it\n", d->name);
    set_current_state(TASK_UNINTERRUPTIBLE);
    schedule_timeout(1);
  }
  return inside;
}
