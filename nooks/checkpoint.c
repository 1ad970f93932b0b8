/*
 * The policy `checkpoint`: while an extension runs, all memory that it alone writes (module data, heap, pages, memory
 * shared with its device) is copied every now and then at a quiet point, when no call is in it; after a failure it
 * gets the memory of the last one back and goes on in its domain. Its interfaces stay registered, with their addresses.
 *
 * What is done after a failure, in this order: its tasks unwind; its timers, tasklets, works and waiters are dropped;
 * memory is copied back; the packets that it had are replaced by empty ones under the same addresses; calls go in again; timers that were pending are armed; for each interface that is up, in
 * order: the driver's stop(), then bus mastering and interrupt lines on, the driver's open(), set_multicast_list().
 * The driver's stop() and open() are what resets the device, so nothing of the device is in a checkpoint.
 *
 * It does not work, and the extension is restarted, when there is no checkpoint yet, when the set of its objects has
 * changed since the last one (allocations, mappings, handlers, open files; packets and timers may), or when it failed
 * again soon after it was put back: the fault was older than the checkpoint, or is in the text, which
 * is not copied. Settings made by ioctl since the last checkpoint are lost.
 */
#include <kernel/hooks.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/deferred.h>
#include <nooks/detect.h>
#include <nooks/event.h>
#include <nooks/object.h>
#include <nooks/policy.h>

#pragma clang section text = ".text.recovery"

#define MAX_PAGES 1024u   /* 4 MiB */
#define MAX_PACKETS 1024u
#define MAX_TIMERS 64u
#define MAX_DEVICES 8u
#define TRIES 3

/* The manager's thread, but it is freed by whoever unloads the extension. */
struct checkpoint {
  bool valid, restored_once;
  unsigned long taken, restored; /* jiffies */
  u32 changes;                   /* the domain's then */
  u32 up;                        /* interfaces that were, a bit each, newest first */
  u32 pages, copies;             /* copies: those that are allocated */
  u32 packets, timers;
  void *timer[MAX_TIMERS];       /* the extension's addresses */
  void *packet[MAX_PACKETS];
  struct {
    void *page, *copy;
  } page[MAX_PAGES];
};

/* ---- Which memory ---- */

static bool add_page(struct checkpoint *c, void *page) {
  if (c->pages == MAX_PAGES) return false;
  if (c->pages == c->copies) {
    void *copy = (void *)__get_free_page(GFP_KERNEL);
    if (!copy) return false;
    c->page[c->copies++].copy = copy;
  }
  c->page[c->pages++].page = page;
  return true;
}

static bool add_range(struct checkpoint *c, u32 from, u32 bytes) {
  for (u32 at = from; at < from + bytes; at += PAGE_SIZE)
    if (!add_page(c, (void *)at)) return false;
  return true;
}

static bool add_objects(struct checkpoint *c, struct nooks_domain *d, enum object_type type) {
  struct nooks_memory *m;
  list_for_each_entry(m, &d->objects[type], o.list)
    if (!add_range(c, (u32)m->o.kernel, type == OBJ_PAGES ? PAGE_SIZE << m->size : PAGE_ALIGN(m->size))) return false;
  return true;
}

static bool own_heap_page(const struct nooks_domain *d, u32 addr) {
  return domain_writes_page(d, addr) && heap_of_page((void *)addr) == d->heap;
}

static bool list_pages(struct checkpoint *c, struct nooks_domain *d) {
  const struct module *mod = d->module;
  c->pages = 0;
  for (u32 at = ZONE_BASE; at < ZONE_BASE + zone_size; at += PAGE_SIZE)
    if (own_heap_page(d, at) && !add_page(c, (void *)at)) return false;
  return add_range(c, mod->ro_end, mod->base + mod->size - mod->ro_end) && add_objects(c, d, OBJ_PAGES) &&
         add_objects(c, d, OBJ_CONSISTENT);
}

/* ---- Taking one ---- */

static u32 interfaces_up(struct nooks_domain *d) {
  struct nooks_object *o;
  u32 up = 0, bit = 1;
  list_for_each_entry(o, &d->objects[OBJ_NETDEV], list) {
    if (((struct net_device *)o->kernel)->flags & IFF_UP) up |= bit;
    bit <<= 1;
  }
  return up;
}

/* No task is in it; interrupts come and go, and are seen by the counter of calls. */
static bool is_quiet(struct nooks_domain *d) {
  return !calls_inside(d) && !object_first(d, OBJ_WORK) && !object_first(d, OBJ_WAIT) &&
         !object_first(d, OBJ_WAIT_QUEUE) && !d->queue->packets && !d->queue->objects;
}

static bool list_timers(struct checkpoint *c, struct nooks_domain *d) {
  struct nooks_object *o;
  c->timers = 0;
  list_for_each_entry(o, &d->objects[OBJ_TIMER], list) {
    if (c->timers == MAX_TIMERS) return false;
    c->timer[c->timers++] = o->driver;
  }
  return true;
}

static bool copy_out(struct checkpoint *c, struct nooks_domain *d) {
  if (!list_pages(c, d) || !list_timers(c, d)) return false;
  c->packets = packets_list(d, c->packet, MAX_PACKETS);
  if (c->packets > MAX_PACKETS) return false;
  for (u32 i = 0; i < c->pages; i++) memcpy(c->page[i].copy, c->page[i].page, PAGE_SIZE);
  c->up = interfaces_up(d);
  c->changes = d->changes;
  return true;
}

/* Whatever runs in it or changes its memory begins with a call into it, which an interrupt may make meanwhile. */
static bool take(struct checkpoint *c, struct nooks_domain *d) {
  c->valid = false;
  for (int i = 0; i < TRIES; i++) {
    u64 calls = d->stats->to_driver;
    if (!is_quiet(d) || !copy_out(c, d)) return false;
    if (calls != d->stats->to_driver || d->state != DOMAIN_RUNNING) continue;
    c->taken = jiffies;
    return c->valid = true;
  }
  return false;
}

static u32 watch(struct nooks_domain *d) {
  unsigned long period = max(policy_figures(d->name)->checkpoint * HZ / 1000, 1u);
  struct checkpoint *c = d->checkpoint;
  if (!c) c = d->checkpoint = kzalloc(sizeof *c, GFP_KERNEL);
  if (!c) return HZ;
  if (c->valid && c->changes == d->changes && time_before(jiffies, c->taken + period))
    return (u32)(c->taken + period - jiffies);
  return take(c, d) ? (u32)period : 1;
}

static void unwatch(struct nooks_domain *d) {
  struct checkpoint *c = d->checkpoint;
  d->checkpoint = NULL;
  for (u32 i = 0; c && i < c->copies; i++) free_page((unsigned long)c->page[i].copy);
  kfree(c);
}

/* ---- Going back to one ---- */

static bool usable(const struct nooks_domain *d) {
  const struct checkpoint *c = d->checkpoint;
  if (!c || !c->valid || c->changes != d->changes || c->up != interfaces_up((struct nooks_domain *)d)) return false;
  return !c->restored_once || time_after_eq(jiffies, c->restored + policy_figures(d->name)->soon * HZ / 1000);
}

/* A page that the heap has given back since is not its own any more. */
static void copy_in(struct checkpoint *c, struct nooks_domain *d) {
  for (u32 i = 0; i < c->pages; i++)
    if (domain_writes_page(d, (u32)c->page[i].page)) memcpy(c->page[i].page, c->page[i].copy, PAGE_SIZE);
  memset(d->queue, 0, sizeof *d->queue);
}

/* Those that were when it failed (detect.c). */
static void start_masters(struct nooks_domain *d) {
  struct nooks_object *o;
  u32 bit = 1;
  list_for_each_entry(o, &d->objects[OBJ_PCI_DEV], list) {
    if (d->masters & bit) pci_set_master(o->kernel);
    bit <<= 1;
  }
  d->masters = 0;
}

static void enable_lines(struct nooks_domain *d) {
  for (unsigned irq = 0; irq < 32; irq++)
    if (d->handlers & 1u << irq) enable_irq(irq);
  d->handlers = 0;
}

/* The kernel's idea of the interface stays up all the time. rtnl is held. */
static int reopen(struct nooks_domain *d) {
  struct net_device *up[MAX_DEVICES];
  struct nooks_object *o;
  u32 count = 0;
  int err = 0;
  list_for_each_entry(o, &d->objects[OBJ_NETDEV], list) {
    struct net_device *dev = o->kernel;
    if (dev->flags & IFF_UP && count < MAX_DEVICES) up[count++] = dev;
  }
  for (u32 i = 0; !err && i < count; i++) err = up[i]->stop(up[i]);
  start_masters(d);
  enable_lines(d);
  for (u32 i = 0; !err && i < count; i++) {
    err = up[i]->open(up[i]);
    if (!err) dev_mc_upload(up[i]);
  }
  return err ? err : d->state == DOMAIN_RUNNING ? 0 : -EIO;
}

static int put_back(struct nooks_domain *d) {
  struct checkpoint *c = d->checkpoint;
  c->restored = jiffies;
  c->restored_once = true;
  release_transient(d);
  copy_in(c, d);
  int err = packets_replace(d, c->packet, c->packets);
  d->state = DOMAIN_RUNNING;
  for (u32 i = 0; i < c->timers && !err; i++) err = timer_rearm(d, c->timer[i], jiffies + HZ / 10);
  if (err) return err;
  rtnl_lock();
  err = reopen(d);
  rtnl_unlock();
  return err;
}

static int recover(struct recovery *r) {
  struct nooks_domain *d = r->domain;
  if (!d || !usable(d)) return -EAGAIN;
  struct module *mod = d->module;
  __module_get(mod); /* it is not unloaded meanwhile */
  nooks_event(EVENT_UNWOUND, d->name, wait_for_calls(d));
  int err = put_back(d);
  __module_put(mod);
  if (!err) nooks_event(EVENT_RESTORED, r->name, 0);
  return err;
}

const struct recovery_policy policy_checkpoint = {
  .name = "checkpoint", .number = 4, .recover = recover, .watch = watch, .unwatch = unwatch, .otherwise = &policy_restart,
};
