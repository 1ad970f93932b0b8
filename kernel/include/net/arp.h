/* Who has this IPv4 address? (RFC 826) */
#ifndef _NET_ARP_H
#define _NET_ARP_H

#include <linux/netdevice.h>

void arp_init(void);
/*
 * Sends skb, whose data starts at the network header, to `next_hop` on skb->dev: at once when the address is
 * known, or after an answer came. Frees it in any case. Softirqs off or in a softirq not needed: takes care itself.
 */
int arp_output(struct sk_buff *skb, u32 next_hop);
/* Asks the neighbour on dev that answered last whether it is still there. False: there is none. Softirq. */
bool arp_ask(struct net_device *dev);
/* Forgets what was learned on dev, or everything with NULL. */
void arp_forget(struct net_device *dev);

#endif
