/* The ICMP header (RFC 792) as far as echo and destination unreachable need it. All fields big endian. */
#ifndef _LINUX_ICMP_H
#define _LINUX_ICMP_H

#include <linux/types.h>

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11

#define ICMP_PORT_UNREACH 3 /* code of ICMP_DEST_UNREACH */

struct icmphdr {
  u8 type;
  u8 code;
  u16 checksum;
  u32 un; /* identifier and sequence number of an echo */
};

_Static_assert(sizeof(struct icmphdr) == 8, "ICMP header is 8 bytes");

#endif
