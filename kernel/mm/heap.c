/*
 * Heaps: kmalloc for one owner. Small objects come from seven caches of powers of two, larger ones are whole
 * blocks of pages. Each heap has pages of its own, so that a page belongs to one owner.
 */
#include "slab.h"
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/poison.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/section.h>
#include <linux/string.h>

static struct heap kernel_heap_store;
struct heap *kernel_heap = &kernel_heap_store, *driver_heap;

static void heap_setup(struct heap *heap, const char *name, int gfp, u16 owner) {
  memset(heap, 0, sizeof *heap);
  strlcpy(heap->name, name, sizeof heap->name);
  heap->gfp = gfp;
  heap->owner = owner;
  INIT_LIST_HEAD(&heap->caches);
  INIT_LIST_HEAD(&heap->large);
  for (u32 i = 0; i < SIZE_COUNT; i++) {
    char cache_name[24];
    snprintf(cache_name, sizeof cache_name, "%.12s-%u", name, SIZE_MIN << i);
    cache_setup(&heap->sizes[i], heap, cache_name, SIZE_MIN << i, SIZE_MIN);
    heap->sizes[i].builtin = true;
  }
}

/* Pages of the heap, each marked with what it is used for. */
__inherit void *heap_pages(struct heap *heap, unsigned order, int gfp, u8 flag, void *use) {
  struct page *page = alloc_pages(gfp | heap->gfp, order);
  if (!page) return NULL;
  for (u32 i = 0; i < 1u << order; i++) {
    page[i].flags |= flag;
    page[i].slab = use;
    page[i].owner = heap->owner;
  }
  if (heap->pages_changed) heap->pages_changed(heap, page_address(page), 1u << order, true);
  return page_address(page);
}

__inherit void heap_pages_free(struct heap *heap, void *mem, unsigned order) {
  struct page *page = virt_to_page(mem);
  if (heap->pages_changed) heap->pages_changed(heap, mem, 1u << order, false);
  for (u32 i = 0; i < 1u << order; i++) {
    page[i].flags &= (u8) ~(PG_SLAB | PG_LARGE);
    page[i].slab = NULL;
    page[i].owner = PAGE_OWNER_KERNEL;
  }
  __free_pages(page, order);
}

static void *large_alloc(struct heap *heap, size_t size, int gfp) {
  unsigned order = get_order(size);
  struct large *large = order <= MAX_ORDER ? heap_alloc(kernel_heap, sizeof *large, gfp) : NULL;
  unsigned long flags;
  if (!large) return NULL;
  local_irq_save(flags);
  large->heap = heap;
  large->order = (u8)order;
  large->size = PAGE_SIZE << order;
  large->mem = heap_pages(heap, order, gfp, PG_LARGE, large);
  if (large->mem) {
    list_add(&large->list, &heap->large);
    heap->bytes += large->size;
  }
  local_irq_restore(flags);
  if (!large->mem) {
    heap_free(large);
    return NULL;
  }
  if (poison) memset(large->mem, POISON_NEW, large->size);
  return large->mem;
}

static void large_free(struct large *large, const void *p) {
  unsigned long flags;
  if (p != large->mem) panic("kfree: %p is inside the object at %p", p, (void *)large->mem);
  local_irq_save(flags);
  list_del(&large->list);
  large->heap->bytes -= large->size;
  heap_pages_free(large->heap, large->mem, large->order);
  local_irq_restore(flags);
  heap_free(large);
}

static struct kmem_cache *cache_for(struct heap *heap, size_t size) {
  u32 i = size <= SIZE_MIN ? 0 : 32 - (u32)__builtin_clz((u32)(size - 1) / SIZE_MIN);
  return &heap->sizes[i];
}

__inherit void *heap_alloc(struct heap *heap, size_t size, int gfp) {
  return size <= SIZE_MAX ? cache_alloc(cache_for(heap, size), gfp) : large_alloc(heap, size, gfp);
}

__inherit void heap_free(const void *p) {
  if (!p) return;
  struct page *page = virt_to_page(p);
  if (page->flags & PG_SLAB) slab_free(page->slab, (void *)p);
  else if (page->flags & PG_LARGE) large_free(page->slab, p);
  else panic("kfree: %p was not allocated by kmalloc (or freed twice)", p);
}

bool heap_object(const void *p, struct heap **heap, void **start, size_t *size) {
  if (!in_zone(p) && (u32)p - KERNEL_BASE >= ram_end) return false;
  struct page *page = virt_to_page(p);
  if (page->flags & PG_SLAB) {
    struct slab *slab = page->slab;
    if (!slab_object(slab, p, start)) return false;
    *heap = slab->cache->heap;
    *size = slab->cache->usable;
    return true;
  }
  if (!(page->flags & PG_LARGE)) return false;
  struct large *large = page->slab;
  *heap = large->heap;
  *start = large->mem;
  *size = large->size;
  return true;
}

struct heap *heap_of_page(const void *addr) {
  struct page *page = virt_to_page(addr);
  if (page->flags & PG_SLAB) return ((struct slab *)page->slab)->cache->heap;
  return page->flags & PG_LARGE ? ((struct large *)page->slab)->heap : NULL;
}

u16 heap_owner(const struct heap *heap) { return heap->owner; }
void heap_set_owner(struct heap *heap, u16 owner) { heap->owner = owner; }
u32 heap_bytes(const struct heap *heap) { return heap->bytes; }

struct heap *heap_create(const char *name, int gfp, u16 owner,
                         void (*pages_changed)(struct heap *, void *, unsigned, bool)) {
  struct heap *heap = kmalloc(sizeof *heap, GFP_KERNEL);
  if (!heap) return NULL;
  heap_setup(heap, name, gfp, owner);
  heap->pages_changed = pages_changed;
  return heap;
}

void heap_destroy(struct heap *heap) {
  BUG_ON(heap == kernel_heap || heap == driver_heap);
  while (!list_empty(&heap->large)) heap_free(list_entry(heap->large.next, struct large, list)->mem);
  while (!list_empty(&heap->caches)) {
    struct kmem_cache *cache = list_entry(heap->caches.next, struct kmem_cache, list);
    cache_release(cache);
    list_del(&cache->list);
    kfree(cache);
  }
  for (u32 i = 0; i < SIZE_COUNT; i++) cache_release(&heap->sizes[i]);
  kfree(heap);
}

/* ---- kmalloc ---- */

__inherit void *kmalloc(size_t size, int gfp) {
  if (size > KMALLOC_MAX) return NULL;
  return heap_alloc(gfp & __GFP_DRIVER ? driver_heap : kernel_heap, size, gfp);
}

__inherit void *kzalloc(size_t size, int gfp) {
  void *p = kmalloc(size, gfp);
  return p ? memset(p, 0, size) : NULL;
}

__inherit void kfree(const void *p) { heap_free(p); }

size_t ksize(const void *p) {
  struct heap *heap;
  void *start;
  size_t size;
  return heap_object(p, &heap, &start, &size) ? size - (size_t)((const u8 *)p - (u8 *)start) : 0;
}

void heap_init(void) {
  heap_setup(kernel_heap, "kernel", 0, PAGE_OWNER_KERNEL);
  driver_heap = heap_create("driver", __GFP_DRIVER, PAGE_OWNER_KERNEL, NULL);
}

EXPORT_SYMBOL(kfree);
EXPORT_SYMBOL(ksize);
