/*
 * The page allocator: binary buddies (Knuth, TAOCP 1, 2.5), one pool for the direct map and one for the
 * driver zone. A block of 2^order pages is aligned to its size within the pool.
 *
 * Context: any; the pools are changed with interrupts off. Freed pages are filled with POISON_FREE unless
 * booted with poison=off.
 */
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/poison.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/section.h>
#include <linux/slab.h>
#include <linux/string.h>

struct pool {
  u32 base; /* first frame number */
  u32 end;
  u32 free; /* pages */
  struct list_head blocks[MAX_ORDER + 1];
};

struct page *mem_map;
u32 num_pages;
bool poison = true;

static struct pool normal_pool, zone_pool;

static struct pool *pool_of(const struct page *page) {
  return page->flags & PG_ZONE ? &zone_pool : &normal_pool;
}

static inline u32 frame_of(const struct page *page) { return (u32)(page - mem_map); }

static void push_block(struct pool *pool, struct page *page, unsigned order) {
  page->order = (u8)order;
  page->flags |= PG_BUDDY;
  list_add(&page->list, &pool->blocks[order]);
}

static void pop_block(struct page *page) {
  page->flags &= (u8)~PG_BUDDY;
  list_del(&page->list);
}

/* The other half of the block of twice the size, NULL if it is not free as a whole. */
static struct page *find_buddy(struct pool *pool, struct page *page, unsigned order) {
  u32 frame = pool->base + ((frame_of(page) - pool->base) ^ 1u << order);
  if (frame >= pool->end) return NULL;
  struct page *buddy = &mem_map[frame];
  return buddy->flags & PG_BUDDY && buddy->order == order ? buddy : NULL;
}

static void free_block(struct pool *pool, struct page *page, unsigned order) {
  struct page *buddy;
  pool->free += 1u << order;
  for (; order < MAX_ORDER && (buddy = find_buddy(pool, page, order)); order++) {
    pop_block(buddy);
    if (buddy < page) page = buddy;
  }
  push_block(pool, page, order);
}

static struct page *take_block(struct pool *pool, unsigned order) {
  unsigned found = order;
  while (found <= MAX_ORDER && list_empty(&pool->blocks[found])) found++;
  if (found > MAX_ORDER) return NULL;
  struct page *page = list_entry(pool->blocks[found].next, struct page, list);
  pop_block(page);
  while (found > order) {
    found--;
    push_block(pool, page + (1u << found), found);
  }
  pool->free -= 1u << order;
  page->order = (u8)order;
  return page;
}

__inherit struct page *alloc_pages(int gfp, unsigned order) {
  unsigned long flags;
  if (order > MAX_ORDER) return NULL;
  local_irq_save(flags);
  struct page *page = take_block(gfp & __GFP_DRIVER ? &zone_pool : &normal_pool, order);
  local_irq_restore(flags);
  if (!page) return NULL;
  if (page->count) panic("page %#x is free but has %u references", page_to_phys(page), page->count);
  page->count = 1;
  page->slab = NULL;
  page->owner = PAGE_OWNER_KERNEL;
  return page;
}

__inherit void __free_pages(struct page *page, unsigned order) {
  unsigned long flags;
  if (page->flags & (PG_RESERVED | PG_BUDDY) || !page->count) panic("page %#x is freed but not in use", page_to_phys(page));
  if (page->order != order) panic("page %#x is freed as a block of order %u, not %u", page_to_phys(page), order, page->order);
  if (page->count > 1) {
    page->count--;
    return;
  }
  if (poison) memset(page_address(page), POISON_FREE, PAGE_SIZE << order);
  local_irq_save(flags);
  page->count = 0;
  free_block(pool_of(page), page, order);
  local_irq_restore(flags);
}

__inherit unsigned long __get_free_pages(int gfp, unsigned order) {
  struct page *page = alloc_pages(gfp, order);
  return page ? (unsigned long)page_address(page) : 0;
}

__inherit unsigned long get_zeroed_page(int gfp) {
  unsigned long addr = __get_free_pages(gfp, 0);
  if (addr) memset((void *)addr, 0, PAGE_SIZE);
  return addr;
}

__inherit void free_pages(unsigned long addr, unsigned order) {
  if (addr) __free_pages(virt_to_page((void *)addr), order);
}

u32 nr_free_pages(void) { return normal_pool.free; }
u32 nr_free_zone_pages(void) { return zone_pool.free; }

/* ---- Addresses ---- */

__inherit u32 virt_to_phys(const volatile void *addr) {
  u32 a = (u32)addr;
  if (a - ZONE_BASE < zone_size) return a - ZONE_BASE + zone_phys;
  if (a - KERNEL_BASE < ram_end) return a - KERNEL_BASE;
  panic("virt_to_phys: %#x is neither in the direct map nor in the zone", a);
}

__inherit void *phys_to_virt(u32 phys) {
  return phys - zone_phys < zone_size ? (void *)(ZONE_BASE + (phys - zone_phys)) : direct_map(phys);
}

__inherit struct page *phys_to_page(u32 phys) {
  if (phys >> PAGE_SHIFT >= num_pages) panic("phys_to_page: %#x is not memory", phys);
  return &mem_map[phys >> PAGE_SHIFT];
}

__inherit struct page *virt_to_page(const void *addr) { return phys_to_page(virt_to_phys(addr)); }
__inherit u32 page_to_phys(const struct page *page) { return frame_of(page) << PAGE_SHIFT; }
__inherit void *page_address(const struct page *page) { return phys_to_virt(page_to_phys(page)); }

/* ---- Boot ---- */

static void pool_init(struct pool *pool, u32 base, u32 end) {
  pool->base = base;
  pool->end = end;
  for (unsigned i = 0; i <= MAX_ORDER; i++) INIT_LIST_HEAD(&pool->blocks[i]);
}

/* Highest first: a block is taken from the front of its list, so low memory goes out first. */
void page_alloc_init(void) {
  num_pages = ram_end >> PAGE_SHIFT;
  u32 bytes = num_pages * sizeof(struct page);
  mem_map = memset(direct_map(boot_alloc(bytes, PAGE_SIZE)), 0, bytes);
  u32 zone_first = zone_phys >> PAGE_SHIFT, zone_last = (zone_phys + zone_size) >> PAGE_SHIFT;
  poison = !boot_option_is("poison", "off");
  pool_init(&normal_pool, 0, num_pages);
  pool_init(&zone_pool, zone_first, zone_last);
  for (u32 i = num_pages; i-- > 0;) {
    struct page *page = &mem_map[i];
    if (i >= zone_first && i < zone_last) {
      page->flags = PG_ZONE;
      free_block(&zone_pool, page, 0);
    } else if (boot_reserved(i << PAGE_SHIFT)) {
      page->flags = PG_RESERVED;
      page->count = 1;
    } else {
      free_block(&normal_pool, page, 0);
    }
  }
}

EXPORT_SYMBOL(zone_size);
EXPORT_SYMBOL(virt_to_page);
EXPORT_SYMBOL(virt_to_phys);
EXPORT_SYMBOL(phys_to_virt);
