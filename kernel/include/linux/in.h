/* IPv4 addresses, ports and protocol numbers as programs see them. */
#ifndef _LINUX_IN_H
#define _LINUX_IN_H

#include <asm/byteorder.h>
#include <linux/types.h>

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_UDP 17

#define INADDR_ANY 0x00000000u
#define INADDR_BROADCAST 0xFFFFFFFFu
#define INADDR_LOOPBACK 0x7F000001u /* host order */

struct in_addr {
  u32 s_addr; /* big endian */
};

struct sockaddr_in {
  u16 sin_family; /* AF_INET */
  u16 sin_port; /* big endian */
  struct in_addr sin_addr;
  unsigned char sin_zero[8];
};

_Static_assert(sizeof(struct sockaddr_in) == 16, "sockaddr_in is as long as sockaddr");

/* Class tests on big-endian addresses. */
#define MULTICAST(x) (((x) & htonl(0xF0000000u)) == htonl(0xE0000000u))
#define LOOPBACK(x) (((x) & htonl(0xFF000000u)) == htonl(0x7F000000u))
#define ZERONET(x) (((x) & htonl(0xFF000000u)) == 0)

#endif
