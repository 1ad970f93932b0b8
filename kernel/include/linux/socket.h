/* Socket addresses, options and flags, as Linux 2.4 on i386 has them. */
#ifndef _LINUX_SOCKET_H
#define _LINUX_SOCKET_H

#include <linux/types.h>

struct sockaddr {
  u16 sa_family;
  char sa_data[14];
};

_Static_assert(sizeof(struct sockaddr) == 16, "sockaddr is 16 bytes");

#define AF_UNSPEC 0
#define AF_INET 2
#define PF_INET AF_INET

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3

#define SOL_SOCKET 1
#define SO_TYPE 3
#define SO_ERROR 4
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_NO_CHECK 11
#define SO_RCVTIMEO 20 /* value: struct timeval's two words, seconds and microseconds; 0 waits for ever */

#define MSG_PEEK 0x02
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40

#endif
