/* The loopback device: what is sent on it has been received. */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ip.h>
#include <asm/byteorder.h>

static struct net_device loopback_dev;
static struct net_device_stats loopback_stats;

static int loopback_xmit(struct sk_buff *skb, struct net_device *dev) {
  struct sk_buff *copy = skb;

  /* A packet of a socket stays on its sender's account until the receiver is done with it: copy it instead. */
  if (skb->sk) {
    copy = skb_copy(skb, GFP_ATOMIC);
    kfree_skb(skb);
    if (!copy) {
      loopback_stats.tx_dropped++;
      return 0;
    }
  }
  loopback_stats.tx_packets++;
  loopback_stats.tx_bytes += copy->len;
  loopback_stats.rx_packets++;
  loopback_stats.rx_bytes += copy->len;
  copy->dev = dev;
  copy->protocol = eth_type_trans(copy, dev);
  copy->ip_summed = CHECKSUM_UNNECESSARY;
  netif_rx(copy);
  return 0;
}

static struct net_device_stats *loopback_get_stats(struct net_device *dev) {
  (void)dev;
  return &loopback_stats;
}

void loopback_init(void) {
  struct net_device *dev = &loopback_dev;

  ether_setup(dev);
  strcpy(dev->name, "lo");
  dev->type = ARPHRD_LOOPBACK;
  dev->flags = IFF_LOOPBACK | IFF_NOARP;
  dev->tx_queue_len = 0;
  dev->hard_start_xmit = loopback_xmit;
  dev->get_stats = loopback_get_stats;
  if (register_netdev(dev) || inet_set_address(dev, htonl(0x7F000001), htonl(0xFF000000)) || dev_open(dev))
    panic("loopback_init: cannot register lo");
}
