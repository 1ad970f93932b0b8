/* Sockets; addresses and constants are the kernel's (linux/socket.h, linux/in.h). */
#ifndef SYS_SOCKET_H
#define SYS_SOCKET_H

#include <asm/byteorder.h>
#include <linux/in.h>
#include <linux/socket.h>
#include <linux/types.h>

int socket(int family, int type, int protocol);
int bind(int fd, const struct sockaddr *addr, int length);
int connect(int fd, const struct sockaddr *addr, int length);
int getsockname(int fd, struct sockaddr *addr, int *length);
int setsockopt(int fd, int level, int name, const void *value, int length);
int getsockopt(int fd, int level, int name, void *value, int *length);
ssize_t sendto(int fd, const void *buf, size_t size, unsigned flags, const struct sockaddr *to, int length);
ssize_t recvfrom(int fd, void *buf, size_t size, unsigned flags, struct sockaddr *from, int *length);
ssize_t send(int fd, const void *buf, size_t size, unsigned flags);
ssize_t recv(int fd, void *buf, size_t size, unsigned flags);
int inet_aton(const char *s, struct in_addr *addr);

#endif
