/*
 * Packets in the tracker. The sk_buff is copied, its data are not: the page that they alone lie in becomes
 * writable in the domain while the packet is the extension's, and read-only when it is given back. Only
 * one entry of the domain's page tables changes; the TLB has none of its entries while the kernel runs.
 */
#include <asm/system.h>
#include <linux/errno.h>
#include <kernel/hooks.h>
#include <linux/slab.h>
#include <nooks/copy.h>
#include <nooks/detect.h>
#include <nooks/object.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.tracker"

#define MAX_FRAME 1514 /* bytes */

/* Interrupts off. */
static struct nooks_packet *used_record(struct nooks_domain *d) {
  struct nooks_packet *p = d->free_packets;
  if (p) d->free_packets = (struct nooks_packet *)p->o.next;
  return p;
}

static void keep_record(struct nooks_domain *d, struct nooks_packet *p) {
  p->o.next = &d->free_packets->o;
  d->free_packets = p;
}

/* Records are used again, so there are as many as packets were held at one time: this is where a hoard shows. */
static struct nooks_packet *new_record(struct nooks_domain *d) {
  struct nooks_packet *p = within_limit(d, LIMIT_PACKETS, d->packets + 1) ? object_new(sizeof *p) : NULL;
  if (!p) return NULL;
  p->copy = heap_alloc(d->heap, sizeof *p->copy, GFP_ATOMIC);
  if (p->copy) {
    d->packets++;
    return p;
  }
  kfree(p);
  return NULL;
}

/* The extension does not know the copy's address yet, so the order does not matter. */
struct sk_buff *packet_lend(struct nooks_domain *d, struct sk_buff *skb, struct net_device *driver_dev) {
  unsigned long flags;
  local_irq_save(flags);
  struct nooks_packet *p = used_record(d);
  if (unlikely(!p)) p = new_record(d);
  if (likely(p)) object_link(d, &p->o, OBJ_SKB, p->copy, skb);
  irq_restore(flags);
  if (unlikely(!p)) return NULL;
  p->given = driver_dev ? jiffies | 1 : 0;
  packet_to_driver(d, p->copy, skb, driver_dev);
  domain_own_page(d, skb->head);
  return p->copy;
}

struct sk_buff *packet_return(struct nooks_domain *d, const struct sk_buff *copy) {
  struct sk_buff *skb = NULL;
  unsigned long flags;
  local_irq_save(flags);
  struct nooks_object *o = object_unlink(d, OBJ_SKB, copy);
  if (o) {
    skb = o->kernel;
    keep_record(d, container_of(o, struct nooks_packet, o));
  }
  irq_restore(flags);
  if (o) domain_disown_page(d, skb->head);
  return skb;
}

bool packet_overdue(const struct nooks_domain *d, unsigned long ticks) {
  for (u32 i = 0; i < NOOKS_HASH; i++)
    for (const struct nooks_object *o = d->by_driver[i]; o; o = o->next) {
      unsigned long given = o->type == OBJ_SKB ? container_of(o, struct nooks_packet, o)->given : 0;
      if (given && (long)(jiffies - given) >= (long)ticks) return true;
    }
  return false;
}

static bool unsound(struct nooks_domain *d, struct sk_buff *skb, const struct sk_buff *copy) {
  dev_kfree_skb_any(skb);
  nooks_fail(d, TRIGGER_ARGUMENT, "netif_rx: packet %p is not sound", (const void *)copy);
  return false;
}

bool receive_packet(struct nooks_domain *d, struct sk_buff *copy, int *result) {
  struct sk_buff *skb = packet_return(d, copy);
  if (unlikely(!skb)) {
    nooks_fail(d, TRIGGER_ARGUMENT, "netif_rx: %p is not a live packet of the extension", (void *)copy);
    return false;
  }
  struct nooks_object *dev = object_find(d, OBJ_NETDEV, copy->dev);
  if (unlikely(!dev || !packet_from_driver(d, skb, copy))) return unsound(d, skb, copy);
  skb->dev = dev->kernel;
  int got = NET_RX_DROP;
  if (likely(netif_running(skb->dev))) got = netif_rx(skb);
  else dev_kfree_skb_any(skb); /* the backlog is not searched again for packets of a device that is down */
  if (result) *result = got;
  return true;
}

/* All that the extension still has: packets are on no list, so that they cost less while they come and go. */
void packets_release(struct nooks_domain *d) {
  for (u32 i = 0; i < NOOKS_HASH; i++) {
    struct nooks_object *o = d->by_driver[i], *next;
    for (; o; o = next) {
      next = o->next;
      if (o->type == OBJ_SKB) dev_kfree_skb_any(packet_return(d, o->driver));
    }
  }
}

/* Their addresses in the domain; says how many there are, also if that is more than `most`. */
u32 packets_list(struct nooks_domain *d, void **addresses, u32 most) {
  u32 count = 0;
  for (u32 i = 0; i < NOOKS_HASH; i++)
    for (const struct nooks_object *o = d->by_driver[i]; o; o = o->next)
      if (o->type == OBJ_SKB && count++ < most) addresses[count - 1] = o->driver;
  return count;
}

/* The spare record of this copy becomes the next one that is used. */
static bool choose_record(struct nooks_domain *d, const void *copy) {
  struct nooks_packet *p = d->free_packets, *before = NULL;
  for (; p && p->copy != copy; p = (struct nooks_packet *)p->o.next) before = p;
  if (!p) return false;
  if (before) {
    before->o.next = p->o.next;
    keep_record(d, p);
  }
  return true;
}

/* Copies never go away while the domain lives, so those of the past are spare or in use. No call goes in. */
int packets_replace(struct nooks_domain *d, void *const *addresses, u32 count) {
  packets_release(d);
  for (u32 i = 0; i < count; i++) {
    struct sk_buff *skb = choose_record(d, addresses[i]) ? dev_alloc_skb(MAX_FRAME) : NULL;
    if (!skb) return -ENOMEM;
    if (!packet_lend(d, skb, NULL)) {
      kfree_skb(skb);
      return -ENOMEM;
    }
  }
  return 0;
}

bool packet_spare(struct nooks_domain *d, const void *copy) {
  unsigned long flags;
  local_irq_save(flags);
  const struct nooks_packet *p = d->free_packets;
  while (p && p->copy != copy) p = (const struct nooks_packet *)p->o.next;
  irq_restore(flags);
  return p;
}

void packets_free(struct nooks_domain *d) {
  struct nooks_packet *p;
  while ((p = used_record(d))) {
    heap_free(p->copy);
    kfree(p);
  }
}
