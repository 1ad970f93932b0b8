/*
 * Shadow drivers: what does not depend on the class. The list of all shadows, their modes, callers that are suspended
 * until the driver is back, and the policy's row by which the recovery manager starts and stops them.
 *
 * A further class is a row of functions (struct shadow_class) and its taps. Sound would log the open files of a device,
 * its format and rate and the place in the ring of samples, answer queries from that, say that samples were played
 * (drop) and suspend those who read; IDE would log partitions' geometry and transfer modes, keep requests that the driver
 * has (they are in the kernel's queue with their buffers, so nothing needs to be copied) and give them again, in their
 * order, and suspend ioctl calls. Both may sleep, so neither needs more than is here.
 *
 * Left out: a class whose driver keeps state that the kernel never sees go by (a file system has contents).
 */
#include <asm/system.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <nooks/event.h>
#include <nooks/policy.h>
#include <nooks/shadow.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.recovery"

/* A caller is suspended for at most so long: if ever it waits for somebody who waits for it, this ends it. */
#define SUSPEND_LIMIT (10 * HZ)

static LIST_HEAD(shadows);

/* ---- The list ---- */

void shadow_add(struct shadow *s, const struct shadow_class *class, struct nooks_object *o) {
  unsigned long flags;
  s->class = class;
  s->mode = SHADOW_PASSIVE;
  s->object = o;
  s->kernel = o->kernel;
  strlcpy(s->driver, o->domain->name, sizeof s->driver);
  init_waitqueue_head(&s->waiting);
  local_irq_save(flags);
  list_add_tail(&s->list, &shadows);
  irq_restore(flags);
}

void shadow_remove(struct shadow *s) {
  unsigned long flags;
  local_irq_save(flags);
  list_del(&s->list);
  irq_restore(flags);
}

struct shadow *shadow_awaiting(const struct shadow_class *class, const struct nooks_object *o) {
  struct shadow *s;
  list_for_each_entry(s, &shadows, list)
    if (s->class == class && s->mode == SHADOW_ACTIVE && !s->object && !strcmp(s->driver, o->domain->name) &&
        class->matches(s, o))
      return s;
  return NULL;
}

struct shadow *shadow_of(const struct shadow_class *class, const void *kernel) {
  struct shadow *s;
  list_for_each_entry(s, &shadows, list)
    if (s->class == class && s->kernel == kernel) return s;
  return NULL;
}

static struct shadow *next_active(const char *driver) {
  struct shadow *s;
  list_for_each_entry(s, &shadows, list)
    if (s->mode != SHADOW_PASSIVE && !strcmp(s->driver, driver)) return s;
  return NULL;
}

/* ---- Callers ---- */

int shadow_suspend(struct shadow *s) {
  unsigned long end = jiffies + SUSPEND_LIMIT;
  DECLARE_WAITQUEUE(wait, current_task);
  int err = 0;
  if (in_interrupt() || s->replayer == current_task) return -EBUSY;
  for (;;) {
    prepare_to_wait(&s->waiting, &wait, TASK_INTERRUPTIBLE);
    if (s->mode == SHADOW_PASSIVE) break;
    if (s->mode == SHADOW_GONE || time_after_eq(jiffies, end)) err = -EIO;
    else if (signal_pending(current_task)) err = -EINTR;
    if (err) break;
    schedule_timeout((long)(end - jiffies));
  }
  finish_wait(&s->waiting, &wait);
  return err;
}

struct shadow_user *shadow_user;

static bool in_log(const void *address, u32 n) {
  u32 offset = (u32)address - (u32)shadow_user->address;
  return offset <= shadow_user->bytes && n <= shadow_user->bytes - offset;
}

u32 shadow_copy_from_user(void *to, const void *from, u32 n) {
  if (!in_log(from, n)) return n;
  memcpy(to, shadow_user->data + ((u32)from - (u32)shadow_user->address), n);
  return 0;
}

/* Answers of a request that is replayed: its caller has had them. */
u32 shadow_copy_to_user(void *to, const void *from, u32 n) {
  (void)from;
  return in_log(to, n) ? 0 : n;
}

/* ---- Modes ---- */

static void shadow_failed(struct nooks_domain *d) {
  struct shadow *s;
  unsigned long flags;
  bool any = false;
  local_irq_save(flags);
  list_for_each_entry(s, &shadows, list) {
    if (s->mode != SHADOW_PASSIVE || !s->object || s->object->domain != d) continue;
    s->mode = SHADOW_ACTIVE;
    s->class->activate(s);
    any = true;
  }
  irq_restore(flags);
  if (any) nooks_event(EVENT_SHADOW_ACTIVE, d->name, 0);
}

bool shadow_keeps(struct shadow *s) {
  if (s->mode != SHADOW_ACTIVE) return false;
  s->class->detach(s);
  s->object = NULL;
  return true;
}

/* Passive, unless the driver has failed again by now. */
static int make_passive(struct shadow *s) {
  unsigned long flags;
  int err = -EIO;
  local_bh_disable();
  local_irq_save(flags);
  if (s->object && s->object->domain->state == DOMAIN_RUNNING) {
    s->mode = SHADOW_PASSIVE;
    s->class->deactivate(s);
    err = 0;
  }
  irq_restore(flags);
  local_bh_enable();
  if (!err) wake_up(&s->waiting);
  return err;
}

static int restore(struct shadow *s) {
  if (!s->object) {
    printk(KERN_ERR "shadow: %s does not register its device again\n", s->driver);
    return -ENODEV;
  }
  s->replayer = current_task;
  int err = s->class->replay(s);
  s->replayer = NULL;
  return err ? err : make_passive(s);
}

static int shadow_restart(struct recovery *r) {
  strlcpy(r->load, r->name, sizeof r->load);
  return recovery_restart(r);
}

/* Interfaces that stay need not be set up again; what programs do meanwhile would be undone. */
static void shadow_begin(struct recovery *r) {
  if (next_active(r->name)) r->count = 0;
}

/* A failure from now on belongs to this recovery, which is tried again. */
static int shadow_loaded(struct recovery *r) {
  struct shadow *s;
  int err = 0;
  r->domain->recovery = r;
  while (!err && (s = next_active(r->name))) err = restore(s);
  if (!err) nooks_event(EVENT_SHADOW_PASSIVE, r->name, 0);
  return err;
}

static void shadow_gave_up(struct recovery *r) {
  struct shadow *s;
  while ((s = next_active(r->name))) {
    s->mode = SHADOW_GONE;
    wake_up(&s->waiting);
    s->class->end(s);
  }
}

static const struct shadow_class *const classes[] = { &shadow_net_class };

static void each_object(struct nooks_domain *d, bool follow) {
  for (u32 i = 0; i < ARRAY_SIZE(classes); i++) {
    struct nooks_object *o;
    list_for_each_entry(o, &d->objects[classes[i]->type], list) {
      if (follow) classes[i]->follow(o);
      else classes[i]->leave(o);
    }
  }
}

/* Once is enough: what is registered later finds its shadow by itself. */
static u32 watch(struct nooks_domain *d) {
  each_object(d, true);
  return LONG_MAX;
}

static void unwatch(struct nooks_domain *d) { each_object(d, false); }

const struct recovery_policy policy_shadow = {
  .name = "shadow",
  .number = 3,
  .begin = shadow_begin,
  .watch = watch,
  .unwatch = unwatch,
  .failed = shadow_failed,
  .recover = shadow_restart,
  .loaded = shadow_loaded,
  .gave_up = shadow_gave_up,
};
