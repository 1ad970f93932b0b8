/*
 * kmalloc and object caches (mm/slab.c).
 *
 * Two heaps stand behind them: the kernel's in the direct map, and drivers' in the zone
 * (asm/memlayout.h). A module's import of `kmalloc` is bound to driver_kmalloc, so whatever a driver
 * allocates lies in the zone, with isolation or without; kernel code asks for it with GFP_DRIVER.
 * kfree takes objects of either.
 *
 * Context: GFP_ATOMIC anywhere; GFP_KERNEL is the same today, but may sleep one day.
 * Freed objects are filled with POISON_FREE and checked when allocated again, unless booted with
 * poison=off.
 */
#ifndef LINUX_SLAB_H
#define LINUX_SLAB_H

#include <linux/types.h>
#include <linux/mm.h>

#define KMALLOC_MAX (128 * 1024) /* bytes */
#define POISON_FREE 0x6b         /* a freed object's bytes */
#define POISON_NEW 0x5a          /* a newly allocated object's bytes, when poison is on */

void *kmalloc(size_t size, int gfp); /* NULL when there is no memory or size > KMALLOC_MAX */
void kfree(const void *p);           /* kfree(NULL) does nothing; a double free panics */
size_t ksize(const void *p);         /* usable bytes of an object from kmalloc */
void *kzalloc(size_t size, int gfp);

typedef struct kmem_cache kmem_cache_t;

#define SLAB_HWCACHE_ALIGN 0x2000u /* align objects to cache lines */
#define SLAB_DRIVER 0x10000u       /* objects from the zone */

/* Constructor and destructor may be NULL. Returns NULL when there is no memory. */
kmem_cache_t *kmem_cache_create(const char *name, size_t size, size_t offset, unsigned long flags,
                                void (*ctor)(void *, kmem_cache_t *, unsigned long),
                                void (*dtor)(void *, kmem_cache_t *, unsigned long));
int kmem_cache_destroy(kmem_cache_t *cache); /* non-zero if objects are still in use */
void *kmem_cache_alloc(kmem_cache_t *cache, int gfp);
void kmem_cache_free(kmem_cache_t *cache, void *obj);

#endif
