#ifndef SYS_MMAN_H
#define SYS_MMAN_H

#include <linux/types.h>

#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 0x20
#define MAP_FAILED ((void *)-1)
void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset); /* addr is ignored */
int munmap(void *addr, size_t length);

#endif
