/*
 * The object tracker's tables. One hash table a domain, by the extension's address and the type; one for
 * the whole kernel, by the kernel's address, for objects that kernel functions are called with. All
 * operations are O(1): packets come and go here at the rate of the wire.
 */
#include <asm/system.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/object.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.tracker"

#define KERNEL_HASH 64 /* chains; devices are few */

static struct nooks_object *by_kernel[KERNEL_HASH]; /* interrupts off */

/* The many objects are copies of sk_buffs, 128 bytes apart in a few slabs: neighbours get chains of their own. */
static inline u32 hash(const void *p, u32 size) {
  u32 a = (u32)p;
  return (a >> 7 ^ a >> 17) & (size - 1);
}

static inline struct nooks_object **driver_chain(struct nooks_domain *d, const void *driver) {
  return &d->by_driver[hash(driver, NOOKS_HASH)];
}

void object_link(struct nooks_domain *d, struct nooks_object *o, enum object_type type, void *driver, void *kernel) {
  struct nooks_object **chain = driver_chain(d, driver);
  o->domain = d;
  o->driver = driver;
  o->kernel = kernel;
  o->type = (u8)type;
  o->in_kernel_table = 0;
  o->next = *chain;
  *chain = o;
}

/* What a driver makes when it starts or is configured, not all the time. */
static inline bool is_lasting(const struct nooks_object *o) {
  const u32 passing = 1u << OBJ_TIMER | 1u << OBJ_TASKLET | 1u << OBJ_WORK | 1u << OBJ_WAIT_QUEUE | 1u << OBJ_WAIT;
  return !(passing >> o->type & 1);
}

void object_track(struct nooks_domain *d, struct nooks_object *o, enum object_type type, void *driver, void *kernel) {
  unsigned long flags;
  local_irq_save(flags);
  object_link(d, o, type, driver, kernel);
  list_add(&o->list, &d->objects[type]);
  d->changes += is_lasting(o);
  d->object_count++;
  if (type == OBJ_TIMER) d->timers++;
  irq_restore(flags);
}

void object_track_both(struct nooks_domain *d, struct nooks_object *o, enum object_type type, void *driver,
                       void *kernel) {
  struct nooks_object **chain = &by_kernel[hash(kernel, KERNEL_HASH)];
  unsigned long flags;
  object_track(d, o, type, driver, kernel);
  local_irq_save(flags);
  o->in_kernel_table = 1;
  o->next_kernel = *chain;
  *chain = o;
  irq_restore(flags);
}

static void unlink_kernel(struct nooks_object *o) {
  struct nooks_object **link = &by_kernel[hash(o->kernel, KERNEL_HASH)];
  while (*link != o) link = &(*link)->next_kernel;
  *link = o->next_kernel;
}

struct nooks_object *object_unlink(struct nooks_domain *d, enum object_type type, const void *driver) {
  struct nooks_object **link = driver_chain(d, driver), *o;
  while ((o = *link) && (o->driver != driver || o->type != type)) link = &o->next;
  if (!o) return NULL;
  *link = o->next;
  return o;
}

void object_untrack(struct nooks_object *o) {
  struct nooks_object **link = driver_chain(o->domain, o->driver);
  unsigned long flags;
  local_irq_save(flags);
  while (*link != o) link = &(*link)->next;
  *link = o->next;
  if (o->in_kernel_table) unlink_kernel(o);
  list_del(&o->list);
  o->domain->changes += is_lasting(o);
  o->domain->object_count--;
  if (o->type == OBJ_TIMER) o->domain->timers--;
  irq_restore(flags);
}

void *object_new(u32 size) { return kzalloc(size, GFP_ATOMIC); }

/* As object_new, within the limit of the domain that calls. */
void *object_wanted(struct nooks_domain *d, u32 size) {
  return within_limit(d, LIMIT_OBJECTS, d->object_count + 1) ? object_new(size) : NULL;
}

void object_drop(struct nooks_object *o) {
  object_untrack(o);
  kfree(o);
}

/* Objects of one call are few and on the stack of the task that calls. */
static struct nooks_object *find_in_calls(const void *driver) {
  for (struct xpc_frame *f = xpc_frame(); f; f = f->prev)
    for (struct nooks_object *o = f->call_objects; o; o = o->next)
      if (o->driver == driver) return o;
  return NULL;
}

struct nooks_object *object_find(struct nooks_domain *d, enum object_type type, const void *driver) {
  unsigned long flags;
  if (type == OBJ_CALL) return find_in_calls(driver);
  local_irq_save(flags);
  struct nooks_object *o = *driver_chain(d, driver);
  while (o && (o->driver != driver || o->type != type)) o = o->next;
  irq_restore(flags);
  return o;
}

/* Only process context changes this table, a pointer at a time, so nobody sees a chain half made. */
struct nooks_object *object_of_kernel(enum object_type type, const void *kernel) {
  struct nooks_object *o = by_kernel[hash(kernel, KERNEL_HASH)];
  while (o && (o->kernel != kernel || o->type != type)) o = o->next_kernel;
  return o;
}

struct nooks_object *object_first(struct nooks_domain *d, enum object_type type) {
  struct list_head *list = &d->objects[type];
  return list_empty(list) ? NULL : list_entry(list->next, struct nooks_object, list);
}
