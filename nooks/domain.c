/*
 * Protection domains: making and unmaking. One domain holds one extension (a module): its page tables
 * (pages.c), its heap in the zone, its stacks (stack.c), its queue of deferred calls, and what the object
 * tracker knows of it.
 */
#include <asm/pgtable.h>
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/hooks.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <nooks/deferred.h>
#include <nooks/domain.h>
#include <nooks/object.h>
#include <nooks/proc.h>

_Static_assert(offsetof(struct nooks_domain, heap) == 280, "read by the host");

struct nooks_domain *nooks_domains[NOOKS_MAX_DOMAINS];
struct nooks_stats nooks_stats[NOOKS_MAX_DOMAINS];
bool nooks_isolation;

static int domain_count;

u32 domain_bytes(const struct nooks_domain *d) { return d->extra_bytes + (d->heap ? heap_bytes(d->heap) : 0); }

struct nooks_domain *domain_of_cr3(u32 cr3) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++)
    if (nooks_domains[i] && nooks_domains[i]->cr3 == cr3) return nooks_domains[i];
  return NULL;
}

/* The heap tells which pages it has; a domain finds itself by the heap's owner. */
static void heap_pages_changed(struct heap *heap, void *addr, unsigned pages, bool gained) {
  struct nooks_domain *d = nooks_domains[heap_owner(heap) - 1];
  if (gained) domain_own(d, addr, pages << PAGE_SHIFT);
  else domain_disown(d, addr, pages << PAGE_SHIFT);
}

struct nooks_domain *domain_find(const char *name) {
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++) {
    struct nooks_domain *d = nooks_domains[i];
    if (d && d->module && !strcmp(d->name, name)) return d;
  }
  return NULL;
}

/* Who had a number last: an extension that comes back has its number, and so its counters, again. */
static char last_name[NOOKS_MAX_DOMAINS][MODULE_NAME_LEN];

static int free_id(const char *name) {
  int free = 0, unused = 0;
  for (int i = NOOKS_MAX_DOMAINS; i--;) {
    if (nooks_domains[i]) continue;
    if (!strcmp(last_name[i], name)) return i + 1;
    free = i + 1;
    if (!last_name[i][0]) unused = i + 1;
  }
  return unused ? unused : free;
}

/* A domain counts, and its tables are kept in step, from the moment that it is in the array. */
static void enlist(struct nooks_domain *d) {
  nooks_domains[d->id - 1] = d;
  nooks_proc_add(d);
  pgtable_notifier = nooks_page_changed;
  pgtable_set_domains(++domain_count);
}

static void delist(struct nooks_domain *d) {
  nooks_proc_remove(d);
  nooks_domains[d->id - 1] = NULL;
  pgtable_set_domains(--domain_count);
}

static void init_fields(struct nooks_domain *d, int id, const char *name) {
  memset(d, 0, sizeof *d);
  d->id = (u16)id;
  d->state = DOMAIN_RUNNING;
  d->stats = &nooks_stats[id - 1];
  strlcpy(d->name, name, sizeof d->name);
  d->took = d->freed = jiffies;
  limits_init(d);
  for (int i = 0; i < OBJ_TYPES; i++) INIT_LIST_HEAD(&d->objects[i]);
}

struct nooks_domain *domain_create(const char *name) {
  int id = free_id(name);
  struct nooks_domain *d = id ? kmalloc(sizeof *d, GFP_KERNEL) : NULL;
  if (!d) return NULL;
  init_fields(d, id, name);
  if (domain_tables_init(d)) {
    kfree(d);
    return NULL;
  }
  strlcpy(last_name[id - 1], name, MODULE_NAME_LEN);
  enlist(d);
  d->heap = heap_create(name, __GFP_DRIVER, d->id, heap_pages_changed);
  d->queue = d->heap ? heap_alloc(d->heap, sizeof *d->queue, GFP_KERNEL) : NULL;
  if (!d->queue) {
    domain_destroy(d);
    return NULL;
  }
  memset(d->queue, 0, sizeof *d->queue);
  return d;
}

/* Nothing runs in it, and all tracked objects are released. */
void domain_destroy(struct nooks_domain *d) {
  d->state = DOMAIN_DYING;
  packets_free(d);
  if (d->heap) heap_destroy(d->heap);
  stacks_free(d);
  delist(d);
  domain_tables_free(d);
  kfree(d);
}

/* Nothing runs in it, nor with its memory. Without a free number it keeps its own. */
void domain_linger(struct nooks_domain *d) {
  int id = free_id("");
  unsigned long flags;
  if (!id) return;
  local_irq_save(flags);
  for (u32 i = 0; i < zone_size >> PAGE_SHIFT; i++)
    if (d->zone[i] & PTE_W) mem_map[(zone_phys >> PAGE_SHIFT) + i].owner = (u16)id;
  heap_set_owner(d->heap, (u16)id);
  nooks_domains[d->id - 1] = NULL;
  nooks_domains[id - 1] = d;
  d->id = (u16)id;
  local_irq_restore(flags);
}

void domain_bury(struct nooks_domain *d) {
  d->recovery = NULL;
  release_device_memory(d);
  domain_destroy(d);
}

static int nooks_init(void) {
  const char *mode = boot_option("isolation");
  nooks_isolation = mode && !strcmp(mode, "nooks");
  if (mode && !nooks_isolation && strcmp(mode, "none")) panic("kernel option isolation=%s: none or nooks", mode);
  return 0;
}
__initcall(nooks_init);
