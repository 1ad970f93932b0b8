/*
 * Deferred XPC (deferred.c): calls whose result nobody waits for are queued in the domain, without a
 * crossing, and made when something else crosses. Two queues: packets for the kernel, and kernel objects
 * whose copies the extension changed. deferred=off makes each its own crossing, to measure it.
 */
#ifndef NOOKS_DEFERRED_H
#define NOOKS_DEFERRED_H

#include <linux/netdevice.h>
#include <nooks/domain.h>

#define QUEUE_PACKETS 32 /* then a crossing of its own */
#define QUEUE_OBJECTS 8

/* In the domain's memory, written by it: the kernel believes nothing in it. */
struct nooks_queue {
  u32 packets;
  u32 objects;
  struct sk_buff *packet[QUEUE_PACKETS];
  struct net_device *object[QUEUE_OBJECTS];
};

/* Makes the queued calls. Kernel's side, any context, interrupts on or off. */
void nooks_deliver(struct nooks_domain *d);

/* The domain's side, bound to the names of netif_rx and so on. */
int nooks_netif_rx(struct sk_buff *skb);
void nooks_netif_start_queue(struct net_device *dev);
void nooks_netif_stop_queue(struct net_device *dev);
void nooks_netif_wake_queue(struct net_device *dev);
void nooks_netif_carrier_on(struct net_device *dev);
void nooks_netif_carrier_off(struct net_device *dev);

#endif
