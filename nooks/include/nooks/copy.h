/*
 * Call by value-result (copy.c): the kernel's object and the extension's copy are brought in step before
 * and after a call. Bytes are counted in the domain's statistics.
 */
#ifndef NOOKS_COPY_H
#define NOOKS_COPY_H

#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/skbuff.h>
#include <nooks/domain.h>

void packet_to_driver(struct nooks_domain *d, struct sk_buff *copy, const struct sk_buff *skb, struct net_device *dev);
/* False, and nothing changed, if the copy's pointers do not fit the buffer. */
bool packet_from_driver(struct nooks_domain *d, struct sk_buff *skb, const struct sk_buff *copy);

/* What a driver may set, and what it only reads. Functions are wrappers/netdev.c's business. */
void netdev_to_driver(struct nooks_domain *d, struct net_device *copy, const struct net_device *dev);
/* False, and nothing changed, if a value makes no sense. */
bool netdev_from_driver(struct nooks_domain *d, struct net_device *dev, const struct net_device *copy);
/* The settings, all but the network layer's own flags, from one to the other: what a driver may set. */
void netdev_copy_settings(struct net_device *to, const struct net_device *from);
/* Queue and carrier: makes the kernel's state what the extension made its copy's. */
void netdev_state_from_driver(struct net_device *dev, struct net_device *copy);

void pci_dev_to_driver(struct nooks_domain *d, struct pci_dev *copy, const struct pci_dev *dev);

/* A plain block, one way or the other; the extension's side was checked. */
void copy_block(struct nooks_domain *d, void *to, const void *from, u32 bytes);

#endif
