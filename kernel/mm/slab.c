/*
 * Slabs (Bonwick 1994), in the form of Linux 2.4: a cache of equal objects over runs of pages, with the free
 * list as an array of indices beside the objects. For zone pages that array is elsewhere in kernel memory, so
 * nothing that a driver can write is ever followed.
 *
 * Freed objects are poisoned, and checked when handed out again: a changed one is reported as a use after
 * free and then used (as in Linux: it may be a driver's fault, and the kernel is not hurt by it).
 */
#include "slab.h"
#include <asm/system.h>
#include <kernel/poison.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/section.h>
#include <linux/string.h>

#define CACHE_LINE 32u
#define ON_SLAB_MAX 512u  /* smaller objects of the kernel's heap keep struct slab with them */
#define WASTE_SHIFT 3     /* a slab may waste an eighth */

/* ---- Geometry ---- */

static u32 objects_in(const struct kmem_cache *cache, unsigned order) {
  u32 bytes = PAGE_SIZE << order;
  if (!cache->on_slab) return bytes / cache->size;
  return (bytes - ALIGN((u32)sizeof(struct slab), CACHE_LINE)) / (cache->size + sizeof(u16));
}

/* Where objects start in a slab's pages. */
static u32 object_offset(const struct kmem_cache *cache, u32 objects) {
  return cache->on_slab ? ALIGN((u32)(sizeof(struct slab) + objects * sizeof(u16)), CACHE_LINE) : 0;
}

static bool wasteful(const struct kmem_cache *cache, unsigned order, u32 objects) {
  u32 bytes = PAGE_SIZE << order;
  return bytes - objects * cache->size > bytes >> WASTE_SHIFT;
}

void cache_setup(struct kmem_cache *cache, struct heap *heap, const char *name, size_t size, u32 align) {
  memset(cache, 0, sizeof *cache);
  strlcpy(cache->name, name, sizeof cache->name);
  cache->heap = heap;
  cache->usable = size;
  cache->size = ALIGN((u32)size, align);
  cache->on_slab = !(heap->gfp & __GFP_DRIVER) && cache->size < ON_SLAB_MAX;
  unsigned order = cache->on_slab ? 0 : get_order(cache->size), most = order + 2;
  u32 n = objects_in(cache, order);
  while (order < most && !cache->on_slab && wasteful(cache, order, n)) n = objects_in(cache, ++order);
  while (object_offset(cache, n) + n * cache->size > PAGE_SIZE << order) n--;
  cache->order = (u8)order;
  cache->objects = (u16)n;
  INIT_LIST_HEAD(&cache->full);
  INIT_LIST_HEAD(&cache->partial);
  INIT_LIST_HEAD(&cache->empty);
}

/* ---- Poison ---- */

static bool poisoned_cache(const struct kmem_cache *cache) { return poison && !cache->ctor; }

static void check_poison(const struct kmem_cache *cache, const u8 *obj) {
  for (u32 i = 0; i < cache->usable; i++) {
    if (obj[i] == POISON_FREE) continue;
    printk(KERN_ERR "slab: %s object %p was written after it was freed (byte %u is %#x)\n", cache->name,
           (const void *)obj, i, obj[i]);
    return;
  }
}

/* ---- Slabs ---- */

static void slab_destroy(struct slab *slab) {
  struct kmem_cache *cache = slab->cache;
  u8 *pages = slab->mem - object_offset(cache, cache->objects);
  if (cache->dtor)
    for (u32 i = 0; i < cache->objects; i++) cache->dtor(slab->mem + i * cache->size, cache, 0);
  list_del(&slab->list);
  heap_pages_free(cache->heap, pages, cache->order);
  if (!cache->on_slab) heap_free(slab);
}

static struct slab *slab_create(struct kmem_cache *cache, int gfp) {
  u32 descriptor = sizeof(struct slab) + cache->objects * sizeof(u16);
  struct slab *slab = NULL;
  if (!cache->on_slab && !(slab = heap_alloc(kernel_heap, descriptor, gfp))) return NULL;
  u8 *pages = heap_pages(cache->heap, cache->order, gfp, PG_SLAB, slab);
  if (!pages) {
    heap_free(slab);
    return NULL;
  }
  if (cache->on_slab) {
    slab = (struct slab *)pages;
    for (u32 i = 0; i < 1u << cache->order; i++) virt_to_page(pages + i * PAGE_SIZE)->slab = slab;
  }
  slab->cache = cache;
  slab->mem = pages + object_offset(cache, cache->objects);
  slab->inuse = 0;
  slab->free = 0;
  for (u32 i = 0; i < cache->objects; i++) {
    slab->bufctl[i] = (u16)(i + 1 == cache->objects ? BUFCTL_END : i + 1);
    if (cache->ctor) cache->ctor(slab->mem + i * cache->size, cache, 0);
  }
  if (poisoned_cache(cache)) memset(slab->mem, POISON_FREE, cache->objects * cache->size);
  list_add(&slab->list, &cache->empty);
  return slab;
}

static struct slab *slab_with_room(struct kmem_cache *cache, int gfp) {
  if (!list_empty(&cache->partial)) return list_entry(cache->partial.next, struct slab, list);
  if (!list_empty(&cache->empty)) return list_entry(cache->empty.next, struct slab, list);
  return slab_create(cache, gfp);
}

static void move(struct slab *slab, struct list_head *to) {
  list_del(&slab->list);
  list_add(&slab->list, to);
}

__inherit void *cache_alloc(struct kmem_cache *cache, int gfp) {
  unsigned long flags;
  local_irq_save(flags);
  struct slab *slab = slab_with_room(cache, gfp);
  if (!slab) {
    local_irq_restore(flags);
    return NULL;
  }
  u32 i = slab->free;
  u8 *obj = slab->mem + i * cache->size;
  slab->free = slab->bufctl[i];
  slab->bufctl[i] = BUFCTL_LIVE;
  slab->inuse++;
  cache->inuse++;
  cache->heap->bytes += cache->size;
  if (slab->free == BUFCTL_END) move(slab, &cache->full);
  else if (slab->inuse == 1) move(slab, &cache->partial);
  local_irq_restore(flags);
  if (poisoned_cache(cache)) {
    check_poison(cache, obj);
    memset(obj, POISON_NEW, cache->usable);
  }
  return obj;
}

bool slab_object(struct slab *slab, const void *p, void **start) {
  u32 i = ((u32)p - (u32)slab->mem) / slab->cache->size;
  if ((const u8 *)p < slab->mem || i >= slab->cache->objects || slab->bufctl[i] != BUFCTL_LIVE) return false;
  *start = slab->mem + i * slab->cache->size;
  return true;
}

/* One empty slab is kept for the next allocation. */
static void slab_emptied(struct slab *slab) {
  struct kmem_cache *cache = slab->cache;
  bool spare = list_empty(&cache->empty);
  move(slab, &cache->empty);
  if (!spare) slab_destroy(slab);
}

__inherit void slab_free(struct slab *slab, void *obj) {
  struct kmem_cache *cache = slab->cache;
  unsigned long flags;
  void *start;
  if (!slab_object(slab, obj, &start) || start != obj)
    panic("slab: %p is freed to %s but is not a live object of it (freed twice?)", obj, cache->name);
  if (poisoned_cache(cache)) memset(obj, POISON_FREE, cache->size);
  local_irq_save(flags);
  u32 i = ((u32)obj - (u32)slab->mem) / cache->size;
  bool was_full = slab->free == BUFCTL_END;
  slab->bufctl[i] = slab->free;
  slab->free = (u16)i;
  slab->inuse--;
  cache->inuse--;
  cache->heap->bytes -= cache->size;
  if (slab->inuse == 0) slab_emptied(slab);
  else if (was_full) move(slab, &cache->partial);
  local_irq_restore(flags);
}

void cache_release(struct kmem_cache *cache) {
  struct list_head *lists[] = { &cache->full, &cache->partial, &cache->empty };
  unsigned long flags;
  local_irq_save(flags);
  cache->heap->bytes -= cache->inuse * cache->size;
  for (u32 i = 0; i < ARRAY_SIZE(lists); i++)
    while (!list_empty(lists[i])) slab_destroy(list_entry(lists[i]->next, struct slab, list));
  local_irq_restore(flags);
}

/* ---- Caches of their own ---- */

struct kmem_cache *heap_cache_create(struct heap *heap, const char *name, size_t size, unsigned long flags,
                                     void (*ctor)(void *, struct kmem_cache *, unsigned long),
                                     void (*dtor)(void *, struct kmem_cache *, unsigned long)) {
  struct kmem_cache *cache = size && size <= KMALLOC_MAX ? kmalloc(sizeof *cache, GFP_KERNEL) : NULL;
  unsigned long irq;
  if (!cache) return NULL;
  cache_setup(cache, heap, name, size, flags & SLAB_HWCACHE_ALIGN ? CACHE_LINE : sizeof(void *));
  cache->ctor = ctor;
  cache->dtor = dtor;
  local_irq_save(irq);
  list_add_tail(&cache->list, &heap->caches);
  local_irq_restore(irq);
  return cache;
}

kmem_cache_t *kmem_cache_create(const char *name, size_t size, size_t offset, unsigned long flags,
                                void (*ctor)(void *, kmem_cache_t *, unsigned long),
                                void (*dtor)(void *, kmem_cache_t *, unsigned long)) {
  (void)offset;
  return heap_cache_create(flags & SLAB_DRIVER ? driver_heap : kernel_heap, name, size, flags, ctor, dtor);
}

int kmem_cache_destroy(kmem_cache_t *cache) {
  unsigned long flags;
  if (cache->inuse) return -EBUSY;
  cache_release(cache);
  local_irq_save(flags);
  list_del(&cache->list);
  local_irq_restore(flags);
  kfree(cache);
  return 0;
}

__inherit void *kmem_cache_alloc(kmem_cache_t *cache, int gfp) { return cache_alloc(cache, gfp); }

__inherit void kmem_cache_free(kmem_cache_t *cache, void *obj) {
  struct page *page = virt_to_page(obj);
  if (!(page->flags & PG_SLAB) || ((struct slab *)page->slab)->cache != cache)
    panic("kmem_cache_free: %p does not belong to %s", obj, cache->name);
  slab_free(page->slab, obj);
}

EXPORT_SYMBOL(kmem_cache_destroy);
EXPORT_SYMBOL(kmem_cache_alloc);
EXPORT_SYMBOL(kmem_cache_free);
