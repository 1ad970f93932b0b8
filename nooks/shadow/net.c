/*
 * Shadow drivers of network devices: the log, its passive taps, and what a new incarnation is told.
 *
 * The log's pending packets cost nothing while all is well: they are the object tracker's, which knows what the driver
 * has not freed; a tap only numbers them. Configuration is logged as programs set it, not as the net_device has it, which
 * a failing driver may have spoilt; multicast list and flags are the kernel's own. When the new incarnation registers its
 * device, it is given the net_device that is registered already (it is impersonated), so that address, routes, ARP and
 * sockets stay.
 *
 * A packet may be sent twice: one that was on the wire but not yet freed is sent again (at least once). The pages of
 * pending packets were writable to the failed driver; checksums from end to end find what it ruined. Packets that arrive
 * meanwhile are lost, as on a real wire: no PAUSE frames are sent, since only the device could.
 *
 * Locks: fields change in process context with rtnl held, or by the manager's thread while the shadow is active, when
 * whoever wants more than an answer is suspended; queues with softirqs off.
 */
#include <asm/system.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/policy.h>
#include <nooks/xpc.h>
#include "net.h"

#pragma clang section text = ".text.recovery"

#define MAX_PENDING 4096 /* packets */
#define MAX_SENT 3       /* times that one packet is given to a driver: it may be what the driver fails of */
#define LINK_BITS (1ul << LINK_STATE_XOFF | 1ul << LINK_STATE_NOCARRIER)

/* In sk_buff.cb of a packet that the driver has. */
struct tag {
  struct shadow_net *owner;
  u32 order, sent;
};
_Static_assert(sizeof(struct tag) <= sizeof(((struct sk_buff *)0)->cb), "cb is 24 bytes");

static struct tag *tag_of(struct sk_buff *skb) { return (struct tag *)skb->cb; }
static struct nooks_netdev *record(struct nooks_object *o) { return container_of(o, struct nooks_netdev, o); }

/* ---- Passive ---- */

void shadow_net_sent(struct shadow_net *sn, struct sk_buff *skb) {
  struct tag *tag = tag_of(skb);
  if (tag->owner != sn) *tag = (struct tag){ .owner = sn };
  tag->order = sn->order++;
}

struct net_device_stats *shadow_net_stats(struct shadow_net *sn) {
  const unsigned long *said = (const unsigned long *)&record(sn->s.object)->stats;
  const unsigned long *base = (const unsigned long *)&sn->base;
  unsigned long *told = (unsigned long *)&sn->told;
  if (sn->s.mode != SHADOW_PASSIVE) return &sn->told;
  for (u32 i = 0; i < sizeof sn->told / sizeof *told; i++) told[i] = base[i] + said[i];
  return &sn->told;
}

static void note(struct shadow_net *sn, enum net_method method, u32 a, u32 b) {
  switch (method) {
    case NET_open: sn->open = true; break;
    case NET_stop: sn->open = false; break;
    case NET_do_ioctl: net_ioctl_note(sn, (const struct ifreq *)a, (int)b); break;
    case NET_set_mac_address:
      sn->mac_set = true;
      memcpy(sn->known.dev_addr, ((const struct sockaddr *)a)->sa_data, sn->known.addr_len);
      break;
    case NET_change_mtu:
      sn->mtu_set = true;
      sn->known.mtu = a;
      break;
    default: break;
  }
}

u32 shadow_net_called(struct shadow_net *sn, enum net_method method, u32 result, u32 a, u32 b) {
  if (sn->s.replayer == current_task) return result;
  if (sn->s.mode != SHADOW_PASSIVE) return net_proxy(sn, method, a, b);
  if (method == NET_stop || !result) note(sn, method, a, b);
  return result;
}

void shadow_net_follow(struct nooks_netdev *n) {
  struct net_device *dev = n->o.kernel;
  if (n->shadow || !n->registered || policy_of(n->o.domain->name) != &policy_shadow) return;
  struct shadow_net *sn = kzalloc(sizeof *sn, GFP_KERNEL);
  if (!sn) return;
  netdev_copy_settings(&sn->known, dev);
  sn->open = dev->flags & IFF_UP;
  sn->told = n->stats;
  skb_queue_head_init(&sn->pending);
  skb_queue_head_init(&sn->queue);
  INIT_LIST_HEAD(&sn->ioctls);
  shadow_add(&sn->s, &shadow_net_class, &n->o);
  n->shadow = sn;
}

static void forget(struct shadow_net *sn) {
  shadow_remove(&sn->s);
  net_ioctl_forget(sn);
  skb_queue_purge(&sn->pending);
  skb_queue_purge(&sn->queue);
  if (sn->spare) free_netdev(sn->spare);
  kfree(sn);
}

void shadow_net_leave(struct nooks_netdev *n) {
  struct shadow_net *sn = n->shadow;
  if (!sn || sn->s.mode != SHADOW_PASSIVE) return;
  n->shadow = NULL;
  forget(sn);
}

static void follow(struct nooks_object *o) { shadow_net_follow(record(o)); }
static void leave(struct nooks_object *o) { shadow_net_leave(record(o)); }

/* ---- From passive to active ---- */

static void activate(struct shadow *s) {
  struct shadow_net *sn = net_of(s);
  sn->base = sn->told;
  netdev_install(record(s->object), s->kernel, &net_proxies);
  if (sn->open) netif_wake_queue(s->kernel); /* else it stays stopped until open has succeeded */
}

/* Sorted by the number that the tap gave. */
static void keep_pending(struct shadow_net *sn, struct sk_buff *skb) {
  struct sk_buff *at = sn->pending.prev, *head = (struct sk_buff *)&sn->pending;
  struct tag *tag = tag_of(skb);
  if (++tag->sent >= MAX_SENT || sn->pending.qlen >= MAX_PENDING) {
    dev_kfree_skb_any(skb);
    return;
  }
  while (at != head && (int)(tag_of(at)->order - tag->order) > 0) at = at->prev;
  skb->list = &sn->pending;
  skb->prev = at;
  skb->next = at->next;
  at->next->prev = skb;
  at->next = skb;
  sn->pending.qlen++;
}

static void detach(struct shadow *s) {
  struct shadow_net *sn = net_of(s);
  struct nooks_domain *d = s->object->domain;
  for (u32 i = 0; i < NOOKS_HASH; i++) {
    struct nooks_object *o = d->by_driver[i], *next;
    for (; o; o = next) {
      next = o->next;
      if (o->type == OBJ_SKB && tag_of(o->kernel)->owner == sn) keep_pending(sn, packet_return(d, o->driver));
    }
  }
  dev_of(sn)->owner = NULL;
  if (sn->spare) free_netdev(sn->spare);
  sn->spare = NULL;
}

bool shadow_net_keeps(struct nooks_netdev *n) {
  if (!n->shadow) return false;
  if (shadow_keeps(&n->shadow->s)) return true;
  shadow_net_leave(n);
  return false;
}

/* ---- From active to passive ---- */

/* The same registers and line: the same device. */
static bool matches(const struct shadow *s, const struct nooks_object *o) {
  const struct shadow_net *sn = container_of(s, struct shadow_net, s);
  const struct net_device *dev = o->kernel;
  return dev->base_addr == sn->known.base_addr && dev->irq == sn->known.irq;
}

bool shadow_net_register(struct nooks_netdev *n) {
  struct shadow *s = shadow_awaiting(&shadow_net_class, &n->o);
  if (!s) return false;
  struct shadow_net *sn = net_of(s);
  struct net_device *dev = dev_of(sn);
  sn->spare = n->o.kernel;
  object_untrack(&n->o);
  object_track_both(n->o.domain, &n->o, OBJ_NETDEV, n->o.driver, dev);
  netdev_copy_settings(dev, &sn->known);
  dev->owner = n->o.domain->module;
  memset(&n->stats, 0, sizeof n->stats);
  sn->link = 0;
  s->object = &n->o;
  n->shadow = sn;
  return true;
}

bool shadow_net_unregister(struct nooks_netdev *n) {
  struct shadow_net *sn = n->shadow;
  if (sn && sn->s.mode == SHADOW_ACTIVE && sn->spare) { /* the new incarnation thinks better of it */
    object_untrack(&n->o);
    object_track_both(n->o.domain, &n->o, OBJ_NETDEV, n->o.driver, sn->spare);
    sn->spare = NULL;
    sn->s.object = NULL;
    n->shadow = NULL;
    return true;
  }
  shadow_net_leave(n);
  return false;
}

void shadow_net_to_driver(const struct shadow_net *sn, struct net_device *copy) {
  if (sn->s.mode != SHADOW_PASSIVE) copy->state = (copy->state & ~LINK_BITS) | sn->link;
}

bool shadow_net_changed(struct shadow_net *sn, const struct net_device *copy) {
  if (sn->s.mode == SHADOW_PASSIVE) return true;
  sn->link = copy->state & LINK_BITS;
  return false;
}

/* The link settles while nothing else goes on, and the filters are loaded last: they may have changed meanwhile. */
static int replay(struct shadow *s) {
  struct shadow_net *sn = net_of(s);
  struct net_device *dev = s->kernel;
  const struct nooks_netdev *n = record(s->object);
  struct sockaddr address = { .sa_family = dev->type };
  u32 mtu = sn->known.mtu;
  int err = 0;
  memcpy(address.sa_data, sn->known.dev_addr, sn->known.addr_len);
  if (sn->mac_set && n->set_mac_address) err = netdev_functions.set_mac_address(dev, &address);
  if (!err && sn->mtu_set && n->change_mtu) err = netdev_functions.change_mtu(dev, (int)mtu);
  if (!err && sn->open && n->open) err = netdev_functions.open(dev);
  if (err) return err;
  net_ioctl_replay(sn);
  if (!sn->open || !n->set_multicast_list) return 0;
  local_bh_disable();
  netdev_functions.set_multicast_list(dev);
  local_bh_enable();
  return 0;
}

/* In front of what waits in the device's queue: it is older. */
static void requeue(struct shadow_net *sn, struct sk_buff_head *list) {
  struct net_device *dev = dev_of(sn);
  struct sk_buff *skb;
  while (!skb_queue_empty(list)) {
    skb = list->prev;
    __skb_unlink(skb, list);
    if (sn->open && netif_running(dev)) __skb_queue_head(&dev->queue, skb);
    else dev_kfree_skb_irq(skb);
  }
}

static void deactivate(struct shadow *s) {
  struct shadow_net *sn = net_of(s);
  struct nooks_netdev *n = record(s->object);
  struct net_device *dev = s->kernel, *copy = n->o.driver;
  netdev_install(n, dev, &netdev_functions);
  requeue(sn, &sn->queue);
  requeue(sn, &sn->pending);
  if (sn->open) {
    copy->state = (dev->state & ~LINK_BITS) | sn->link;
    netdev_state_from_driver(dev, copy);
    dev->trans_start = jiffies;
    if (!netif_queue_stopped(dev)) __netif_schedule(dev);
  }
  free_netdev(sn->spare);
  sn->spare = NULL;
}

/* ---- The driver does not come back ---- */

static void end(struct shadow *s) {
  struct shadow_net *sn = net_of(s);
  struct net_device *dev = s->kernel;
  if (s->object) { /* it is loaded: whoever unloads it unregisters the interface too */
    netif_stop_queue(dev);
    netdev_install(record(s->object), dev, &netdev_functions);
    record(s->object)->shadow = NULL;
  } else {
    unregister_netdev(dev);
    free_netdev(dev);
  }
  forget(sn);
}

const struct shadow_class shadow_net_class = {
  .type = OBJ_NETDEV, .follow = follow, .leave = leave, .matches = matches, .activate = activate, .detach = detach,
  .replay = replay, .deactivate = deactivate, .end = end,
};
