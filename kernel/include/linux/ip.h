/* The IPv4 header (RFC 791). All fields big endian. */
#ifndef _LINUX_IP_H
#define _LINUX_IP_H

#include <linux/types.h>

#define IPVERSION 4
#define IPDEFTTL 64
#define MAX_IPOPTLEN 40

#define IP_CE 0x8000   /* reserved */
#define IP_DF 0x4000   /* don't fragment */
#define IP_MF 0x2000   /* more fragments follow */
#define IP_OFFSET 0x1FFF  /* offset in units of 8 bytes */

struct iphdr {
  u8 ihl : 4; /* header length in words of 4 bytes */
  u8 version : 4;
  u8 tos;
  u16 tot_len;
  u16 id;
  u16 frag_off;
  u8 ttl;
  u8 protocol;
  u16 check;
  u32 saddr;
  u32 daddr;
};

_Static_assert(sizeof(struct iphdr) == 20, "IPv4 header without options is 20 bytes");

#endif
