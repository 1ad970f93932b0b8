/* Socket addresses and the numbers of the socket system calls, as Linux 2.4 on i386 has them. */
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

/* First argument of socketcall(2); the second points to the call's own arguments in user memory. */
#define SYS_SOCKET 1
#define SYS_BIND 2
#define SYS_CONNECT 3
#define SYS_GETSOCKNAME 6
#define SYS_SEND 9
#define SYS_RECV 10
#define SYS_SENDTO 11
#define SYS_RECVFROM 12
#define SYS_SHUTDOWN 13
#define SYS_SETSOCKOPT 14
#define SYS_GETSOCKOPT 15

#endif
