/* Shared by slab.c (objects and slabs) and heap.c (heaps: which cache serves which size). */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include <kernel/hooks.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>

/* A run of pages cut into objects of one cache. Objects are named by index. */
struct slab {
  struct list_head list; /* on one of its cache's three lists */
  struct kmem_cache *cache;
  u8 *mem;   /* object 0 */
  u16 inuse; /* live objects */
  u16 free;  /* first free object, or BUFCTL_END */
  u16 bufctl[]; /* of a free object: the next free one; of a live one: BUFCTL_LIVE */
};
#define BUFCTL_END 0xFFFFu
#define BUFCTL_LIVE 0xFFFEu

/* All fields: interrupts off. */
struct kmem_cache {
  struct list_head list; /* in its heap */
  char name[24];
  struct heap *heap;
  u32 size;      /* bytes from object to object */
  u32 usable;    /* bytes that the user may touch */
  u16 objects;   /* a slab */
  u8 order;      /* of a slab's pages */
  bool on_slab;  /* struct slab lies at the start of its own pages (never in the zone) */
  bool builtin;  /* one of a heap's sizes: not allocated by itself */
  struct list_head full, partial, empty;
  u32 inuse;
  void (*ctor)(void *, struct kmem_cache *, unsigned long);
  void (*dtor)(void *, struct kmem_cache *, unsigned long);
};

/* An object of whole pages. */
struct large {
  struct list_head list; /* in its heap */
  struct heap *heap;
  u8 *mem;
  u32 size; /* bytes of the block */
  u8 order;
};

#define SIZE_COUNT 7 /* 32, 64 ... 2048 bytes; larger objects are whole pages */
#define SIZE_MIN 32u
#define SIZE_MAX (SIZE_MIN << (SIZE_COUNT - 1))

struct heap {
  char name[24];
  int gfp;
  u16 owner;
  void (*pages_changed)(struct heap *heap, void *addr, unsigned pages, bool gained);
  struct kmem_cache sizes[SIZE_COUNT];
  struct list_head caches; /* made by heap_cache_create */
  struct list_head large;
  u32 bytes; /* in live objects */
};

/* The host finds a driver's live objects by these (inject/faults/heap.ts). */
_Static_assert(offsetof(struct slab, mem) == 12 && offsetof(struct slab, bufctl) == 20, "read by the host");
_Static_assert(offsetof(struct kmem_cache, size) == 36 && offsetof(struct kmem_cache, objects) == 44, "read by the host");
_Static_assert(offsetof(struct kmem_cache, full) == 52 && sizeof(struct kmem_cache) == 88, "read by the host");
_Static_assert(offsetof(struct large, mem) == 12 && offsetof(struct large, size) == 16, "read by the host");
_Static_assert(offsetof(struct heap, owner) == 28 && offsetof(struct heap, sizes) == 36, "read by the host");
_Static_assert(offsetof(struct heap, caches) == 652 && offsetof(struct heap, large) == 660, "read by the host");

void *heap_pages(struct heap *heap, unsigned order, int gfp, u8 flag, void *use);
void heap_pages_free(struct heap *heap, void *mem, unsigned order);

void cache_setup(struct kmem_cache *cache, struct heap *heap, const char *name, size_t size, u32 align);
void cache_release(struct kmem_cache *cache); /* all of its slabs, live objects or not */
void *cache_alloc(struct kmem_cache *cache, int gfp);
void slab_free(struct slab *slab, void *obj);
bool slab_object(struct slab *slab, const void *p, void **start); /* false: p is in no live object */

#endif
