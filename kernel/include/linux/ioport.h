/* Who owns which ports and device memory (core/resource.c). */
#ifndef LINUX_IOPORT_H
#define LINUX_IOPORT_H

#include <linux/types.h>

struct resource {
  const char *name;
  unsigned long start, end; /* both inclusive */
  unsigned long flags;
  struct resource *next; /* among claimed ones, by start */
};

#define IORESOURCE_IO 0x100
#define IORESOURCE_MEM 0x200
#define IORESOURCE_PREFETCH 0x1000
#define IORESOURCE_BUSY 0x80000000u

/* NULL when the range overlaps a claimed one. The claim may sleep. */
struct resource *request_region(unsigned long start, unsigned long n, const char *name);
void release_region(unsigned long start, unsigned long n);
struct resource *request_mem_region(unsigned long start, unsigned long n, const char *name);
void release_mem_region(unsigned long start, unsigned long n);

#endif
