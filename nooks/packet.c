/*
 * Packets in the tracker. The sk_buff is copied, its data are not: the page that they alone lie in becomes
 * writable in the domain while the packet is the extension's, and read-only when it is given back. Only
 * one entry of the domain's page tables changes; the TLB has none of its entries while the kernel runs.
 */
#include <asm/system.h>
#include <kernel/hooks.h>
#include <linux/slab.h>
#include <nooks/copy.h>
#include <nooks/detect.h>
#include <nooks/object.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.tracker"

/* A record with a copy: a used one, or new. */
static struct nooks_packet *get_record(struct nooks_domain *d) {
  struct nooks_packet *p = NULL;
  unsigned long flags;
  local_irq_save(flags);
  if (!list_empty(&d->free_packets)) {
    p = list_entry(d->free_packets.next, struct nooks_packet, o.list);
    list_del(&p->o.list);
  }
  irq_restore(flags);
  if (p) return p;
  p = object_new(sizeof *p);
  if (!p) return NULL;
  p->copy = heap_alloc(d->heap, sizeof *p->copy, GFP_ATOMIC);
  if (p->copy) return p;
  kfree(p);
  return NULL;
}

static void put_record(struct nooks_domain *d, struct nooks_packet *p) {
  unsigned long flags;
  local_irq_save(flags);
  list_add(&p->o.list, &d->free_packets);
  irq_restore(flags);
}

struct sk_buff *packet_lend(struct nooks_domain *d, struct sk_buff *skb, struct net_device *driver_dev) {
  struct nooks_packet *p = get_record(d);
  if (!p) return NULL;
  packet_to_driver(d, p->copy, skb, driver_dev);
  domain_own(d, skb->head, PAGE_SIZE);
  object_track(d, &p->o, OBJ_SKB, p->copy, skb);
  return p->copy;
}

struct sk_buff *packet_return(struct nooks_object *o) {
  struct nooks_domain *d = o->domain;
  struct sk_buff *skb = o->kernel;
  object_untrack(o);
  domain_disown(d, skb->head, PAGE_SIZE);
  put_record(d, container_of(o, struct nooks_packet, o));
  return skb;
}

bool receive_packet(struct nooks_domain *d, struct sk_buff *copy, int *result) {
  struct nooks_object *o = object_find(d, OBJ_SKB, copy), *dev;
  if (!o) {
    nooks_fail(d, "netif_rx: %p is not a packet of the extension", (void *)copy);
    return false;
  }
  dev = object_find(d, OBJ_NETDEV, copy->dev);
  if (!dev || !packet_from_driver(d, o->kernel, copy)) {
    nooks_fail(d, "netif_rx: packet %p is not sound", (void *)copy);
    return false;
  }
  struct sk_buff *skb = packet_return(o);
  skb->dev = dev->kernel;
  int got = netif_rx(skb);
  if (result) *result = got;
  return true;
}

void packets_free(struct nooks_domain *d) {
  while (!list_empty(&d->free_packets)) {
    struct nooks_packet *p = list_entry(d->free_packets.next, struct nooks_packet, o.list);
    list_del(&p->o.list);
    heap_free(p->copy);
    kfree(p);
  }
}
