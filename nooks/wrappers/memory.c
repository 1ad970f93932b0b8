/* Wrappers of memory: the domain's own heap, whole pages of the zone, and user memory, which is not mapped here. */
#include <asm/uaccess.h>
#include <kernel/hooks.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/shadow.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

/* What an allocation really takes is at most twice its size, and that only up to a page. */
static void *allocate(size_t size) {
  struct nooks_domain *d = calling_domain();
  if (!within_limit(d, LIMIT_MEMORY, domain_bytes(d) + size)) return NULL;
  d->changes++;
  return heap_alloc(d->heap, size, GFP_ATOMIC);
}

/* What the kernel keeps in the extension's heap, which it alone frees: copies of its objects, the queue. */
static bool is_copy(struct nooks_domain *d, const void *p) {
  static const enum object_type copied[] = { OBJ_NETDEV, OBJ_SKB, OBJ_PCI_DEV, OBJ_FILE, OBJ_CALL };
  for (u32 i = 0; i < ARRAY_SIZE(copied); i++)
    if (object_find(d, copied[i], p)) return true;
  return p == d->queue || packet_spare(d, p);
}

static void own_object(const void *p, const char *function) {
  struct nooks_domain *d = calling_domain();
  struct heap *heap;
  void *start;
  size_t size;
  if (!heap_object(p, &heap, &start, &size) || heap != d->heap || start != p || is_copy(d, p))
    nooks_bad_call(TRIGGER_ARGUMENT, "%s: %p is no live object of the extension's heap", function, p);
}

static void release(const void *p, const char *function) {
  if (!p) return;
  own_object(p, function);
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

u32 wrap_ksize(const void *p) {
  own_object(p, "ksize");
  return ksize(p);
}

void *wrap_vmalloc(u32 size) { return size && size < zone_size ? allocate(PAGE_ALIGN(size)) : NULL; }
void wrap_vfree(const void *p) { release(p, "vfree"); }

/* ---- Pages ---- */

u32 wrap___get_free_pages(int gfp, u32 order) {
  struct nooks_domain *d = calling_domain();
  bool room = order <= MAX_ORDER && within_limit(d, LIMIT_MEMORY, domain_bytes(d) + (PAGE_SIZE << order));
  struct nooks_memory *m = room ? object_wanted(d, sizeof *m) : NULL;
  u32 addr = m ? __get_free_pages(GFP_DRIVER, order) : 0;
  (void)gfp;
  if (!addr) {
    kfree(m);
    return 0;
  }
  m->size = order;
  d->extra_bytes += PAGE_SIZE << order;
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
  m->o.domain->extra_bytes -= PAGE_SIZE << order;
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
  struct nooks_object *o = object_wanted(d, sizeof *o);
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
  struct nooks_domain *d = calling_domain();
  object_arg(OBJ_CACHE, cache, "kmem_cache_alloc");
  if (!within_limit(d, LIMIT_MEMORY, domain_bytes(d))) return NULL;
  d->changes++;
  return kmem_cache_alloc(cache, gfp & GFP_KERNEL);
}

void wrap_kmem_cache_free(kmem_cache_t *cache, void *p) {
  object_arg(OBJ_CACHE, cache, "kmem_cache_free");
  release(p, "kmem_cache_free");
}

/* ---- User memory: the kernel copies, as user space is not mapped in a domain ---- */

u32 wrap_copy_to_user(void *to, const void *from, u32 n) {
  readable_arg(from, n, "copy_to_user");
  return shadow_replays() ? shadow_copy_to_user(to, from, n) : copy_to_user(to, from, n);
}

u32 wrap_copy_from_user(void *to, const void *from, u32 n) {
  writable_arg(to, n, "copy_from_user");
  return shadow_replays() ? shadow_copy_from_user(to, from, n) : copy_from_user(to, from, n);
}

u32 wrap_clear_user(void *to, u32 n) { return clear_user(to, n); }
