/* A network interface as ioctl(2) sees it. */
#ifndef _LINUX_IF_H
#define _LINUX_IF_H

#include <linux/socket.h>

#define IFNAMSIZ 16

#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_LOOPBACK 0x8
#define IFF_RUNNING 0x40
#define IFF_NOARP 0x80
#define IFF_PROMISC 0x100
#define IFF_ALLMULTI 0x200
#define IFF_MULTICAST 0x1000

struct ifreq {
  char ifr_name[IFNAMSIZ];
  union {
    struct sockaddr ifr_addr;
    struct sockaddr ifr_netmask;
    struct sockaddr ifr_broadaddr;
    struct sockaddr ifr_hwaddr;
    short ifr_flags;
    int ifr_ifindex;
    int ifr_mtu;
    u16 ifr_mii[4]; /* struct mii_ioctl_data */
    char *ifr_data; /* user address */
  };
};

_Static_assert(sizeof(struct ifreq) == 32, "ifreq is 32 bytes");

#endif
