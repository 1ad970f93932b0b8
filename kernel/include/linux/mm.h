/* Pages of physical memory (mm/page_alloc.c). */
#ifndef LINUX_MM_H
#define LINUX_MM_H

#include <asm/memlayout.h>
#include <linux/list.h>
#include <linux/stddef.h>
#include <linux/types.h>

#define GFP_ATOMIC 0x20
#define GFP_KERNEL 0x1f0
#define GFP_USER 0x1f1
#define GFP_DMA 0x01         /* every page here is reachable by a device: no effect */
#define __GFP_DRIVER 0x1000  /* from the zone: a driver may write it */
#define GFP_DRIVER (GFP_ATOMIC | __GFP_DRIVER)

#define PAGE_OWNER_KERNEL 0

/* One for each frame of RAM. A block of 2^order pages is described by its first. */
struct page {
  struct list_head list; /* free list, or its user's */
  u32 count;             /* references; 0 = free */
  u8 order;              /* of the block that starts here, while free or allocated */
  u8 flags;              /* PG_* */
  u16 owner;             /* domain that may write it (zone only), 0 = the kernel */
  void *slab;            /* mm/slab.c: what the page is used for, by PG_SLAB and PG_LARGE */
};

_Static_assert(sizeof(struct page) == 20, "read by the host");
_Static_assert(offsetof(struct page, count) == 8, "read by the host");
_Static_assert(offsetof(struct page, owner) == 14, "read by the host");

#define PG_RESERVED 0x01 /* never in a free list: kernel image, boot modules, holes */
#define PG_BUDDY 0x02    /* heads a free block */
#define PG_ZONE 0x04     /* belongs to the driver zone */
#define PG_SLAB 0x08  /* part of a slab: `slab` is a struct slab */
#define PG_LARGE 0x10 /* part of a large heap object: `slab` is a struct large */

#define MAX_ORDER 10 /* blocks of up to 2^10 pages, 4 MiB */

extern struct page *mem_map; /* indexed by frame number */
extern u32 num_pages;        /* frames of RAM described by mem_map */

struct page *alloc_pages(int gfp, unsigned order);
void __free_pages(struct page *page, unsigned order); /* drops a reference */
#define alloc_page(gfp) alloc_pages(gfp, 0)
#define __free_page(page) __free_pages(page, 0)

/* The same by linear address, 0 when there is no memory. */
unsigned long __get_free_pages(int gfp, unsigned order);
unsigned long get_zeroed_page(int gfp);
void free_pages(unsigned long addr, unsigned order);
#define __get_free_page(gfp) __get_free_pages(gfp, 0)
#define free_page(addr) free_pages(addr, 0)

/* Linear addresses here are of the direct map or the zone; anything else panics. */
struct page *virt_to_page(const void *addr);
void *page_address(const struct page *page); /* in the zone for zone pages, else direct map */
u32 page_to_phys(const struct page *page);
struct page *phys_to_page(u32 phys);
static inline void get_page(struct page *page) { page->count++; }

u32 nr_free_pages(void);      /* direct map */
u32 nr_free_zone_pages(void); /* driver zone */

/* Smallest order whose block holds `size` bytes. */
static inline unsigned get_order(size_t size) {
  unsigned order = 0;
  while ((PAGE_SIZE << order) < size) order++;
  return order;
}

#endif
