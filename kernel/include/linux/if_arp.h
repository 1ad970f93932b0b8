/* ARP (RFC 826) for IPv4 over Ethernet. */
#ifndef _LINUX_IF_ARP_H
#define _LINUX_IF_ARP_H

#include <linux/if_ether.h>

#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772

#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2

/* All fields big endian. The four addresses are part of it, since we only speak IPv4 over Ethernet. */
struct arphdr {
  u16 ar_hrd;
  u16 ar_pro;
  unsigned char ar_hln;
  unsigned char ar_pln;
  u16 ar_op;
  unsigned char ar_sha[ETH_ALEN];
  u32 ar_sip;
  unsigned char ar_tha[ETH_ALEN];
  u32 ar_tip;
} __attribute__((packed));

_Static_assert(sizeof(struct arphdr) == 28, "ARP for IPv4 over Ethernet is 28 bytes");

#endif
