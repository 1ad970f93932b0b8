/*
 * Memory for modules: what they allocate comes from the zone, whether they run in a domain or not, so that
 * isolation does not change where a driver's data lie. Exported under the names that drivers use.
 */
#include <kernel/hooks.h>
#include <linux/module.h>
#include <linux/section.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

__inherit void *driver_kmalloc(size_t size, int gfp) { return kmalloc(size, gfp | __GFP_DRIVER); }
__inherit void *driver_kzalloc(size_t size, int gfp) { return kzalloc(size, gfp | __GFP_DRIVER); }

/* The zone is physically contiguous anyway: a block of it is as good as a mapping, up to 4 MiB. */
void *driver_vmalloc(unsigned long size) {
  return size ? heap_alloc(driver_heap, PAGE_ALIGN(size), GFP_KERNEL) : NULL;
}

__inherit unsigned long driver_get_free_pages(int gfp, unsigned order) {
  return __get_free_pages(gfp | __GFP_DRIVER, order);
}
__inherit unsigned long driver_get_zeroed_page(int gfp) { return get_zeroed_page(gfp | __GFP_DRIVER); }

static kmem_cache_t *driver_cache_create(const char *name, size_t size, size_t offset, unsigned long flags,
                                         void (*ctor)(void *, kmem_cache_t *, unsigned long),
                                         void (*dtor)(void *, kmem_cache_t *, unsigned long)) {
  return kmem_cache_create(name, size, offset, flags | SLAB_DRIVER, ctor, dtor);
}

EXPORT_SYMBOL_AS(kmalloc, driver_kmalloc);
EXPORT_SYMBOL_AS(kzalloc, driver_kzalloc);
EXPORT_SYMBOL_AS(vmalloc, driver_vmalloc);
EXPORT_SYMBOL_AS(__get_free_pages, driver_get_free_pages);
EXPORT_SYMBOL_AS(get_zeroed_page, driver_get_zeroed_page);
EXPORT_SYMBOL_AS(kmem_cache_create, driver_cache_create);
EXPORT_SYMBOL(free_pages);
EXPORT_SYMBOL(vfree);
