/* Ethernet frames: IEEE 802.3 sizes and the EtherTypes that we speak. */
#ifndef _LINUX_IF_ETHER_H
#define _LINUX_IF_ETHER_H

#include <linux/types.h>

#define ETH_ALEN 6      /* bytes of an address */
#define ETH_HLEN 14      /* bytes of the header */
#define ETH_ZLEN 60      /* shortest frame without its FCS */
#define ETH_DATA_LEN 1500    /* longest payload */
#define ETH_FRAME_LEN 1514   /* longest frame without its FCS */
#define ETH_FCS_LEN 4

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_802_3 0x0001 /* a length instead of a type: not handled */

struct ethhdr {
  unsigned char h_dest[ETH_ALEN];
  unsigned char h_source[ETH_ALEN];
  u16 h_proto; /* big endian */
} __attribute__((packed));

_Static_assert(sizeof(struct ethhdr) == ETH_HLEN, "Ethernet header is 14 bytes");

#endif
