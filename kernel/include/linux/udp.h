/* The UDP header (RFC 768). All fields big endian; a check of 0 means that the sender made none. */
#ifndef _LINUX_UDP_H
#define _LINUX_UDP_H

#include <linux/types.h>

struct udphdr {
  u16 source;
  u16 dest;
  u16 len; /* header and payload, bytes */
  u16 check;
};

_Static_assert(sizeof(struct udphdr) == 8, "UDP header is 8 bytes");

#endif
