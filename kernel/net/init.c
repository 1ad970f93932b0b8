/* Brings the network layer up: at boot, before the first driver. */
#include <linux/net.h>
#include <linux/init.h>
#include <linux/netdevice.h>
#include <net/arp.h>
#include <net/ip.h>
#include <asm/byteorder.h>

static struct packet_type ip_packet_type = { .type = __constant_htons(ETH_P_IP), .func = ip_rcv };

static int net_initcall(void) {
  skb_init();
  dev_rx_init();
  dev_queue_init();
  ip_frag_init();
  arp_init();
  dev_add_pack(&ip_packet_type);
  loopback_init();
  return 0;
}
__initcall(net_initcall);
