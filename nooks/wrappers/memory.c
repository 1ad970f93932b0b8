/* Wrappers of memory: the domain's own heap, whole pages of the zone, and user memory, which is not mapped here. */
#include <asm/uaccess.h>
#include <kernel/hooks.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

#define HEAP_SHARE 2 /* a domain's heap may have half of the zone: more is a leak */

static void *allocate(size_t size) {
  struct nooks_domain *d = calling_domain();
  if (heap_bytes(d->heap) > zone_size / HEAP_SHARE) return NULL;
  d->changes++;
  return heap_alloc(d->heap, size, GFP_ATOMIC);
}

static void release(const void *p, const char *function) {
  struct heap *heap;
  void *start;
  size_t size;
  if (!p) return;
  if (!heap_object(p, &heap, &start, &size) || heap != calling_domain()->heap || start != p)
    nooks_bad_call(TRIGGER_ARGUMENT, "%s: %p is no live object of the extension's heap", function, p);
  calling_domain()->changes++;
  heap_free(p);
}

void *wrap_kmalloc(u32 size, int gfp) {
  (void)gfp;
  return size > KMALLOC_MAX ? NULL : allocate(size);
}

void *wrap_kzalloc(u32 size, int gfp) {
  void *p = wrap_kmalloc(size, gfp);
  return p ? memset(p, 0, size) : NULL;
}

void wrap_kfree(const void *p) { release(p, "kfree"); }

u32 wrap_ksize(const void *p) { return ksize(p); }

void *wrap_vmalloc(u32 size) { return size && size < zone_size ? allocate(PAGE_ALIGN(size)) : NULL; }
void wrap_vfree(const void *p) { release(p, "vfree"); }

/* ---- Pages ---- */

u32 wrap___get_free_pages(int gfp, u32 order) {
  struct nooks_domain *d = calling_domain();
  struct nooks_memory *m = order <= MAX_ORDER ? object_new(sizeof *m) : NULL;
  u32 addr = m ? __get_free_pages(GFP_DRIVER, order) : 0;
  (void)gfp;
  if (!addr) {
    kfree(m);
    return 0;
  }
  m->size = order;
  domain_own(d, (void *)addr, PAGE_SIZE << order);
  object_track(d, &m->o, OBJ_PAGES, (void *)addr, (void *)addr);
  return addr;
}

u32 wrap_get_zeroed_page(int gfp) {
  u32 addr = wrap___get_free_pages(gfp, 0);
  if (addr) memset((void *)addr, 0, PAGE_SIZE);
  return addr;
}

void wrap_free_pages(u32 addr, u32 order) {
  if (!addr) return;
  struct nooks_memory *m = container_of(object_arg(OBJ_PAGES, (void *)addr, "free_pages"), struct nooks_memory, o);
  if (m->size != order) nooks_bad_call(TRIGGER_ARGUMENT, "free_pages: %#x is a block of order %u, not %u", addr, m->size, order);
  domain_disown(m->o.domain, (void *)addr, PAGE_SIZE << order);
  free_pages(addr, order);
  object_drop(&m->o);
}

/* ---- Caches: of the domain's heap. Constructors would be calls into the domain for each object: refused ---- */

kmem_cache_t *wrap_kmem_cache_create(const char *name, u32 size, u32 offset, u32 flags, const void *ctor,
                                     const void *dtor) {
  struct nooks_domain *d = calling_domain();
  char copy[24];
  (void)offset;
  string_arg(copy, name, sizeof copy, "kmem_cache_create");
  if (ctor || dtor) nooks_bad_call(TRIGGER_ARGUMENT, "kmem_cache_create: %s has a constructor", copy);
  if (!size || size > PAGE_SIZE) return NULL;
  struct nooks_object *o = object_new(sizeof *o);
  kmem_cache_t *cache = o ? heap_cache_create(d->heap, copy, size, flags, NULL, NULL) : NULL;
  if (!cache) {
    kfree(o);
    return NULL;
  }
  object_track(d, o, OBJ_CACHE, cache, cache); /* the kernel's address, as a handle */
  return cache;
}

int wrap_kmem_cache_destroy(kmem_cache_t *cache) {
  struct nooks_object *o = object_arg(OBJ_CACHE, cache, "kmem_cache_destroy");
  int err = kmem_cache_destroy(cache);
  if (!err) object_drop(o);
  return err;
}

void *wrap_kmem_cache_alloc(kmem_cache_t *cache, int gfp) {
  object_arg(OBJ_CACHE, cache, "kmem_cache_alloc");
  calling_domain()->changes++;
  return kmem_cache_alloc(cache, gfp & GFP_KERNEL);
}

void wrap_kmem_cache_free(kmem_cache_t *cache, void *p) {
  object_arg(OBJ_CACHE, cache, "kmem_cache_free");
  release(p, "kmem_cache_free");
}

/* ---- User memory: the kernel copies, as user space is not mapped in a domain ---- */

u32 wrap_copy_to_user(void *to, const void *from, u32 n) {
  readable_arg(from, n, "copy_to_user");
  return copy_to_user(to, from, n);
}

u32 wrap_copy_from_user(void *to, const void *from, u32 n) {
  writable_arg(to, n, "copy_from_user");
  return copy_from_user(to, from, n);
}

u32 wrap_clear_user(void *to, u32 n) { return clear_user(to, n); }
