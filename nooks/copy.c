/*
 * Call by value-result, field by field: what an extension may read is copied to it, what it may set is
 * copied back. Pointers into a packet are checked against the kernel's own idea of its buffer.
 */
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/copy.h>

#pragma clang section text = ".text.copy"

#define COPIED(bytes) count(&d->stats->copied_bytes, (bytes))

/* Fields of a sk_buff that go both ways, in bytes. */
#define PACKET_BYTES 52u

void packet_to_driver(struct nooks_domain *d, struct sk_buff *copy, const struct sk_buff *skb,
                                 struct net_device *dev) {
  copy->next = copy->prev = NULL;
  copy->list = NULL;
  copy->sk = NULL;
  copy->dev = dev;
  copy->h.raw = skb->h.raw;
  copy->nh.raw = skb->nh.raw;
  copy->mac.raw = skb->mac.raw;
  copy->len = skb->len;
  copy->data_len = skb->data_len;
  copy->csum = skb->csum;
  copy->truesize = skb->truesize;
  copy->head = skb->head;
  copy->data = skb->data;
  copy->tail = skb->tail;
  copy->end = skb->end;
  copy->users.counter = 1;
  copy->ip_summed = skb->ip_summed;
  copy->pkt_type = skb->pkt_type;
  copy->protocol = skb->protocol;
  copy->frag_list = NULL;
  copy->destructor = NULL;
  COPIED(PACKET_BYTES);
}

static bool sound(const struct sk_buff *skb, const struct sk_buff *copy) {
  return copy->data >= skb->head && copy->data <= copy->tail && copy->tail <= skb->end &&
         copy->len == (u32)(copy->tail - copy->data) && copy->mac.raw >= skb->head && copy->mac.raw <= skb->end;
}

bool packet_from_driver(struct nooks_domain *d, struct sk_buff *skb, const struct sk_buff *copy) {
  if (!sound(skb, copy)) return false;
  skb->data = copy->data;
  skb->tail = copy->tail;
  skb->len = copy->len;
  skb->data_len = 0;
  skb->mac.raw = copy->mac.raw;
  skb->csum = copy->csum;
  skb->ip_summed = copy->ip_summed;
  skb->pkt_type = copy->pkt_type;
  skb->protocol = copy->protocol;
  COPIED(28);
  return true;
}

/* The fields that a driver may set at any time, from `base_addr` to `watchdog_timeo`. */
#define SETTABLE_FIRST (offsetof(struct net_device, base_addr))
#define SETTABLE_BYTES (offsetof(struct net_device, priv) - SETTABLE_FIRST)
#define MAX_HARD_HEADER 32 /* bytes */
#define MAX_QUEUE 10000    /* packets */

void netdev_to_driver(struct nooks_domain *d, struct net_device *copy, const struct net_device *dev) {
  memcpy(copy->name, dev->name, IFNAMSIZ);
  memcpy(&copy->base_addr, &dev->base_addr, SETTABLE_BYTES);
  copy->owner = dev->owner;
  copy->mc_list = dev->mc_list;
  copy->mc_count = dev->mc_count;
  copy->ifindex = dev->ifindex;
  copy->state = dev->state;
  COPIED(SETTABLE_BYTES + IFNAMSIZ + 20);
}

void netdev_copy_settings(struct net_device *to, const struct net_device *from) {
  const unsigned int kernels = IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_RUNNING; /* the network layer's flags */
  unsigned int flags = to->flags;
  memcpy(&to->base_addr, &from->base_addr, SETTABLE_BYTES);
  to->flags = (unsigned short)((flags & kernels) | (from->flags & ~kernels));
}

bool netdev_from_driver(struct nooks_domain *d, struct net_device *dev, const struct net_device *copy) {
  if (copy->type != ARPHRD_ETHER || copy->addr_len != ETH_ALEN || copy->hard_header_len < ETH_HLEN ||
      copy->hard_header_len > MAX_HARD_HEADER || copy->tx_queue_len > MAX_QUEUE || copy->mtu < 68 ||
      copy->mtu > SKB_MAX_DATA - 2 * MAX_HARD_HEADER)
    return false;
  netdev_copy_settings(dev, copy);
  COPIED(SETTABLE_BYTES);
  return true;
}

void netdev_state_from_driver(struct net_device *dev, struct net_device *copy) {
  unsigned long change = dev->state ^ copy->state;
  if (change & 1ul << LINK_STATE_NOCARRIER) {
    if (copy->state & 1ul << LINK_STATE_NOCARRIER) netif_carrier_off(dev);
    else netif_carrier_on(dev);
  }
  if (change & 1ul << LINK_STATE_XOFF) {
    if (copy->state & 1ul << LINK_STATE_XOFF) netif_stop_queue(dev);
    else netif_wake_queue(dev);
  }
}

void pci_dev_to_driver(struct nooks_domain *d, struct pci_dev *copy, const struct pci_dev *dev) {
  memcpy(copy, dev, sizeof *copy);
  copy->driver = NULL;
  COPIED(sizeof *copy);
}

void copy_block(struct nooks_domain *d, void *to, const void *from, u32 bytes) {
  memcpy(to, from, bytes);
  COPIED(bytes);
}
