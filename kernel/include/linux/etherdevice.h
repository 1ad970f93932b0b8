/* What Ethernet drivers share. */
#ifndef _LINUX_ETHERDEVICE_H
#define _LINUX_ETHERDEVICE_H

#include <linux/if_ether.h>
#include <linux/netdevice.h>

void ether_setup(struct net_device *dev);

/*
 * Takes the Ethernet header off a received packet and returns its protocol (big endian) for skb->protocol; sets
 * skb->mac and skb->pkt_type. Reads the packet and dev->dev_addr, writes only *skb.
 */
unsigned short eth_type_trans(struct sk_buff *skb, struct net_device *dev);

int eth_header(struct sk_buff *skb, struct net_device *dev, unsigned short type, const void *daddr,
         const void *saddr, unsigned int len);

/* 1 when this can be a station's own address: not zero and not a group address. */
static inline int is_valid_ether_addr(const unsigned char *a) {
  return !(a[0] & 1) && (a[0] | a[1] | a[2] | a[3] | a[4] | a[5]);
}

#endif
