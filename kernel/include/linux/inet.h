/* Addresses as text. */
#ifndef _LINUX_INET_H
#define _LINUX_INET_H

#include <linux/types.h>

/* Reads "a.b.c.d"; returns 1 and the big-endian address, or 0. *end (may be NULL) is the first byte not read. */
int in_aton(const char *text, u32 *address, const char **end);

/* For printk: "%d.%d.%d.%d". */
#define NIPQUAD(addr) \
  ((const unsigned char *)&(addr))[0], ((const unsigned char *)&(addr))[1], \
  ((const unsigned char *)&(addr))[2], ((const unsigned char *)&(addr))[3]

#endif
