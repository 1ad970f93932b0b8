/* The socket layer's entry points (kernel/net/socket.c). */
#ifndef _LINUX_NET_H
#define _LINUX_NET_H

#include <linux/types.h>

/* socketcall(2): args is a user address of up to six words. Process context. */
long sys_socketcall(int call, unsigned long *args);

long sys_socket(int family, int type, int protocol);
long sys_bind(int fd, const void *addr, int addrlen);
long sys_connect(int fd, const void *addr, int addrlen);
long sys_getsockname(int fd, void *addr, int *addrlen);
long sys_sendto(int fd, const void *buf, size_t len, unsigned int flags, const void *addr, int addrlen);
long sys_recvfrom(int fd, void *buf, size_t len, unsigned int flags, void *addr, int *addrlen);
long sys_setsockopt(int fd, int level, int name, const void *value, int len);
long sys_getsockopt(int fd, int level, int name, void *value, int *len);

/*
 * Gives the devices the addresses of the kernel command line, ip=ADDRESS/PREFIX[:GATEWAY] for the first Ethernet
 * device, and opens them. Process context; may be called again (after a driver was reloaded).
 */
void ip_auto_config(void);

/* The same, soon, in process context; for register_netdev(). */
void ip_auto_config_later(void);

#endif
