/*
 * The page tables of a domain: the kernel's, at the same addresses, without the right to write.
 *
 *   user space       not mapped
 *   direct map       the kernel's 4 MiB entries without W and G
 *   vmalloc          own tables: memory read-only; device memory only where the domain itself mapped it
 *   zone             own tables: all readable, writable where the page belongs to the domain
 *   GDT and TSSs     the kernel's own table (asm/memlayout.h says why they may be writable)
 *
 * They follow the kernel's through the notifier of its page-table API. Entries are never global.
 * Accessed and dirty bits of entries that stay are kept.
 */
#include <asm/pgtable.h>
#include <kernel/boot.h>
#include <kernel/hooks.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <nooks/domain.h>

#pragma clang section text = ".text.tracker"

#define ENTRIES 1024u
#define DIRECT_PDE PDE_INDEX(KERNEL_BASE)
#define VMALLOC_PDE PDE_INDEX(VMALLOC_BASE)
#define ZONE_PDE PDE_INDEX(ZONE_BASE)
#define TOP_PDE 1023u

static u32 zone_tables(void) { return zone_size / LARGE_PAGE_SIZE; }
static u32 read_only(u32 entry) { return entry & ~(PTE_W | PTE_G); }

/* ---- The zone ---- */

static inline u32 *zone_entry(struct nooks_domain *d, const void *addr) {
  return &d->zone[((u32)addr - ZONE_BASE) >> PAGE_SHIFT];
}

static void check_zone(const struct nooks_domain *d, const void *addr, u32 bytes) {
  if (!in_zone(addr) || bytes > zone_size - ((u32)addr - ZONE_BASE))
    panic("domain %s: %p is not in the zone", d->name, addr);
}

void domain_own(struct nooks_domain *d, const void *addr, u32 bytes) {
  check_zone(d, addr, bytes);
  struct page *page = virt_to_page(addr);
  u32 *entry = zone_entry(d, addr), *end = entry + PAGE_ALIGN(bytes) / PAGE_SIZE;
  for (; entry < end; entry++, page++) {
    *entry |= PTE_W | PTE_P;
    page->owner = d->id;
  }
}

void domain_disown(struct nooks_domain *d, const void *addr, u32 bytes) {
  check_zone(d, addr, bytes);
  struct page *page = virt_to_page(addr);
  u32 *entry = zone_entry(d, addr), *end = entry + PAGE_ALIGN(bytes) / PAGE_SIZE;
  for (; entry < end; entry++, page++) {
    *entry = (*entry & ~PTE_W) | PTE_P;
    page->owner = PAGE_OWNER_KERNEL;
  }
}

void domain_own_page(struct nooks_domain *d, const void *addr) {
  u32 i = ((u32)addr - ZONE_BASE) >> PAGE_SHIFT;
  d->zone[i] |= PTE_W;
  mem_map[(zone_phys >> PAGE_SHIFT) + i].owner = d->id;
}

void domain_disown_page(struct nooks_domain *d, const void *addr) {
  u32 i = ((u32)addr - ZONE_BASE) >> PAGE_SHIFT;
  d->zone[i] &= ~PTE_W;
  mem_map[(zone_phys >> PAGE_SHIFT) + i].owner = PAGE_OWNER_KERNEL;
}

void domain_hide(struct nooks_domain *d, const void *addr) { *zone_entry(d, addr) &= ~(PTE_P | PTE_W); }

/* ---- vmalloc ---- */

static u32 *vmalloc_entry(struct nooks_domain *d, u32 addr) {
  u32 *table = d->vmalloc_tables[(addr - VMALLOC_BASE) / LARGE_PAGE_SIZE];
  return table ? &table[PTE_INDEX(addr)] : NULL;
}

static u32 *make_vmalloc_entry(struct nooks_domain *d, u32 addr) {
  u32 **table = &d->vmalloc_tables[(addr - VMALLOC_BASE) / LARGE_PAGE_SIZE];
  if (!*table) {
    *table = (u32 *)get_zeroed_page(GFP_ATOMIC);
    if (!*table) return NULL;
    d->pgd[PDE_INDEX(addr)] = virt_to_phys(*table) | PTE_P | PTE_W;
  }
  return &(*table)[PTE_INDEX(addr)];
}

/* Without memory for a table the extension cannot read the mapping, which is an error only if it tries. */
static void vmalloc_changed(struct nooks_domain *d, u32 addr, u32 entry) {
  bool memory = entry & PTE_P && (entry & PTE_FRAME) < ram_end;
  u32 *own = memory ? make_vmalloc_entry(d, addr) : vmalloc_entry(d, addr);
  if (!own) return;
  if (memory || !(entry & PTE_P)) *own = memory ? read_only(entry) : 0;
}

int domain_map_device(struct nooks_domain *d, const void *addr, u32 bytes) {
  u32 at = (u32)addr & PAGE_MASK, end = PAGE_ALIGN((u32)addr + bytes);
  for (; at < end; at += PAGE_SIZE) {
    u32 *entry = make_vmalloc_entry(d, at);
    if (!entry) return -ENOMEM;
    *entry = pgtable_lookup(kernel_pgd, at) & ~PTE_G;
  }
  return 0;
}

/* ---- In step with the kernel ---- */

static void entry_changed(struct nooks_domain *d, u32 addr, u32 entry, int level) {
  if (level == 2) {
    if (addr < VMALLOC_BASE) d->pgd[PDE_INDEX(addr)] = read_only(entry);
  } else if (addr >= VMALLOC_BASE && addr < VMALLOC_END) {
    vmalloc_changed(d, addr, entry);
  }
  /* Entries of the zone only change their G bit, those of the top table are shared. */
}

void nooks_page_changed(u32 addr, u32 old_entry, u32 new_entry, int level) {
  if (!((old_entry ^ new_entry) & ~PTE_G)) return;
  for (int i = 0; i < NOOKS_MAX_DOMAINS; i++)
    if (nooks_domains[i]) entry_changed(nooks_domains[i], addr, new_entry, level);
}

/* ---- Making and unmaking ---- */

static void copy_directory(struct nooks_domain *d) {
  for (u32 i = DIRECT_PDE; i < VMALLOC_PDE; i++) d->pgd[i] = read_only(kernel_pgd[i]);
  for (u32 i = 0; i < zone_tables(); i++)
    d->pgd[ZONE_PDE + i] = virt_to_phys(d->zone + i * ENTRIES) | PTE_P | PTE_W;
  d->pgd[TOP_PDE] = kernel_pgd[TOP_PDE];
}

static void copy_zone(struct nooks_domain *d) {
  for (u32 i = 0; i < zone_size >> PAGE_SHIFT; i++) d->zone[i] = (zone_phys + (i << PAGE_SHIFT)) | PTE_P;
}

static void copy_vmalloc(struct nooks_domain *d) {
  for (u32 pde = VMALLOC_PDE; pde << 22 < vmalloc_used_end(); pde++) {
    const u32 *table = direct_map(kernel_pgd[pde] & PTE_FRAME);
    for (u32 i = 0; i < ENTRIES; i++)
      if (table[i] & PTE_P) vmalloc_changed(d, pde << 22 | i << PAGE_SHIFT, table[i]);
  }
}

int domain_tables_init(struct nooks_domain *d) {
  d->zone_order = get_order(zone_tables() * PAGE_SIZE);
  d->pgd = (u32 *)get_zeroed_page(GFP_KERNEL);
  d->zone = (u32 *)__get_free_pages(GFP_KERNEL, d->zone_order);
  if (!d->pgd || !d->zone) {
    domain_tables_free(d);
    return -ENOMEM;
  }
  d->cr3 = virt_to_phys(d->pgd);
  copy_directory(d);
  copy_zone(d);
  copy_vmalloc(d);
  return 0;
}

void domain_tables_free(struct nooks_domain *d) {
  for (u32 i = 0; i < VMALLOC_TABLES; i++) free_page((unsigned long)d->vmalloc_tables[i]);
  free_pages((unsigned long)d->zone, d->zone_order);
  free_page((unsigned long)d->pgd);
}

/* ---- Checks ---- */

bool domain_can_read(const struct nooks_domain *d, const void *addr, u32 bytes) {
  u32 at = (u32)addr, end = at + bytes;
  if (!bytes) return true;
  if (end < at || end - 1 > RING0_LIMIT) return false;
  for (at &= PAGE_MASK; at < end; at += PAGE_SIZE)
    if (!pgtable_lookup(d->pgd, at)) return false;
  return true;
}

bool domain_can_write(const struct nooks_domain *d, const void *addr, u32 bytes) {
  u32 at = (u32)addr, end = at + bytes;
  if (!bytes) return true;
  if (end < at || !in_zone(addr) || !in_zone((void *)(end - 1))) return false;
  for (at &= PAGE_MASK; at < end; at += PAGE_SIZE)
    if (!domain_writes_page(d, at)) return false;
  return true;
}
