/* Ethernet: building and taking off headers, and the defaults of an Ethernet device. */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#define ETHER_TX_QUEUE_LEN 100 /* packets, 2.4's default */

/* Puts the header before skb->data; daddr NULL leaves the destination to be filled in. Returns its length. */
int eth_header(struct sk_buff *skb, struct net_device *dev, unsigned short type, const void *daddr,
               const void *saddr, unsigned int len) {
  struct ethhdr *eth = (struct ethhdr *)skb_push(skb, ETH_HLEN);

  (void)len;
  eth->h_proto = htons(type);
  memcpy(eth->h_source, saddr ? saddr : dev->dev_addr, ETH_ALEN);
  if (daddr)
    memcpy(eth->h_dest, daddr, ETH_ALEN);
  else
    memset(eth->h_dest, 0, ETH_ALEN);
  return ETH_HLEN;
}

unsigned short eth_type_trans(struct sk_buff *skb, struct net_device *dev) {
  struct ethhdr *eth = (struct ethhdr *)skb->data;

  skb->mac.raw = skb->data;
  if (!skb_pull(skb, ETH_HLEN)) return htons(ETH_P_802_3); /* a runt: nobody takes that protocol */
  if (eth->h_dest[0] & 1)
    skb->pkt_type = memcmp(eth->h_dest, dev->broadcast, ETH_ALEN) ? PACKET_MULTICAST : PACKET_BROADCAST;
  else
    skb->pkt_type = memcmp(eth->h_dest, dev->dev_addr, ETH_ALEN) ? PACKET_OTHERHOST : PACKET_HOST;
  return ntohs(eth->h_proto) >= 1536 ? eth->h_proto : htons(ETH_P_802_3);
}

void ether_setup(struct net_device *dev) {
  dev->type = ARPHRD_ETHER;
  dev->mtu = ETH_DATA_LEN;
  dev->hard_header_len = ETH_HLEN;
  dev->addr_len = ETH_ALEN;
  dev->tx_queue_len = ETHER_TX_QUEUE_LEN;
  dev->flags = IFF_BROADCAST | IFF_MULTICAST;
  dev->hard_header = eth_header;
  memset(dev->broadcast, 0xFF, ETH_ALEN);
}

EXPORT_SYMBOL(ether_setup);
EXPORT_SYMBOL(eth_type_trans);
