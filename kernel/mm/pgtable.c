/*
 * Page tables (SDM vol. 3, 4.3: 32-bit paging). Every change of any page table or directory in the kernel is
 * made in this file, so that the notifier sees all of the kernel's.
 *
 * The kernel's range above the direct map has all its page tables from the start, so directories that share
 * the kernel's entries never need to be told of a new one; only the G bits of the direct map change later.
 *
 * globalpages=auto (default): kernel pages are global until a domain exists, then no more, because a writable
 * global entry would follow a switch into the domain. on and off say it once and for all; `on` with a domain
 * leaves the kernel unprotected and is there to be measured.
 */
#include <asm/pgtable.h>
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/hooks.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mman.h>
#include <linux/string.h>

#define KERNEL_PDE PDE_INDEX(KERNEL_BASE)
#define TABLES_PDE PDE_INDEX(VMALLOC_BASE)                     /* first with 4 KiB pages */
#define ZONE_TABLES_END PDE_INDEX(ZONE_END)
#define TABLE_COUNT (ZONE_TABLES_END - TABLES_PDE)
#define TOP_PDE 1023u
#define CPUID_PGE (1u << 13)
#define ENTRIES 1024u

_Static_assert(VMALLOC_END == ZONE_BASE, "page tables of vmalloc and zone are one array");

extern u32 boot_pgd[];

u32 *kernel_pgd = boot_pgd;
u32 kernel_pgd_phys;
u32 zone_phys, zone_size;
void (*pgtable_notifier)(u32 addr, u32 old_entry, u32 new_entry, int level);

static u32 *tables;    /* page tables of [VMALLOC_BASE, ZONE_END), in a row */
static u32 *top_table; /* of the last 4 MiB: GDT and TSSs */
static u32 global;     /* PTE_G or 0: what kernel entries carry now */
static enum { GLOBAL_AUTO, GLOBAL_ON, GLOBAL_OFF } global_mode;
static LIST_HEAD(all_mms);

static u32 cpuid_features(void) {
  u32 eax = 1, ebx, ecx, edx;
  __asm__ __volatile__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  return edx;
}

static void set_entry(u32 *entry, u32 value, u32 addr, int level) {
  u32 old = *entry;
  *entry = value;
  if (pgtable_notifier && addr >= KERNEL_BASE) pgtable_notifier(addr, old, value, level);
}

static u32 *kernel_pte(u32 addr) {
  if (addr >= VMALLOC_BASE && addr < ZONE_END) return &tables[(addr - VMALLOC_BASE) >> PAGE_SHIFT];
  if (PDE_INDEX(addr) == TOP_PDE) return &top_table[PTE_INDEX(addr)];
  panic("no kernel page table maps %#x", addr);
}

void map_page(u32 addr, u32 phys, u32 flags) {
  u32 *pte = kernel_pte(addr);
  if (*pte & PTE_P) panic("map_page: %#x is mapped already", addr);
  set_entry(pte, (phys & PTE_FRAME) | flags | PTE_P | global, addr, 1);
}

void unmap_page(u32 addr) {
  u32 *pte = kernel_pte(addr);
  if (!(*pte & PTE_P)) panic("unmap_page: %#x is not mapped", addr);
  set_entry(pte, 0, addr, 1);
  invlpg(addr);
}

u32 pgtable_lookup(const u32 *pgd, u32 addr) {
  u32 pde = pgd[PDE_INDEX(addr)];
  if (!(pde & PTE_P)) return 0;
  if (pde & PTE_PS) return (pde & ~(LARGE_PAGE_SIZE - 1)) | (addr & (LARGE_PAGE_SIZE - 1) & PAGE_MASK) | (pde & 0x17F);
  u32 pte = ((u32 *)direct_map(pde & PTE_FRAME))[PTE_INDEX(addr)];
  return pte & PTE_P ? pte : 0;
}

/* ---- The kernel's range ---- */

static void choose_global_mode(void) {
  const char *mode = boot_option("globalpages");
  global_mode = !mode || !strcmp(mode, "auto") ? GLOBAL_AUTO : !strcmp(mode, "on") ? GLOBAL_ON : GLOBAL_OFF;
  if (mode && global_mode == GLOBAL_OFF && strcmp(mode, "off")) panic("kernel option globalpages=%s: auto, on or off", mode);
  if (!(cpuid_features() & CPUID_PGE)) global_mode = GLOBAL_OFF;
  global = global_mode == GLOBAL_OFF ? 0 : PTE_G;
}

static void map_direct(void) {
  for (u32 i = 0; i < DIRECT_MAX / LARGE_PAGE_SIZE; i++) {
    u32 phys = i * LARGE_PAGE_SIZE;
    u32 pde = phys < ram_end ? phys | PTE_PS | PTE_W | PTE_P | global : 0;
    set_entry(&kernel_pgd[KERNEL_PDE + i], pde, KERNEL_BASE + phys, 2);
  }
}

static u32 *new_table(u32 pde, u32 count) {
  u32 phys = boot_alloc(count * PAGE_SIZE, PAGE_SIZE);
  memset(direct_map(phys), 0, count * PAGE_SIZE);
  for (u32 i = 0; i < count; i++)
    set_entry(&kernel_pgd[pde + i], (phys + i * PAGE_SIZE) | PTE_W | PTE_P, (pde + i) << 22, 2);
  return direct_map(phys);
}

/* A quarter of the memory, or `zone=` MiB; whole blocks of the page allocator. */
static void map_zone(void) {
  u32 wanted = boot_option_u32("zone", ram_end >> 22) << 20;
  zone_size = min_t(u32, wanted, ZONE_MAX) & ~(LARGE_PAGE_SIZE - 1);
  if (!zone_size) panic("the driver zone needs at least 4 MiB");
  zone_phys = boot_alloc(zone_size, LARGE_PAGE_SIZE);
  for (u32 offset = 0; offset < zone_size; offset += PAGE_SIZE) map_page(ZONE_BASE + offset, zone_phys + offset, PTE_W);
}

void pgtable_init(void) {
  kernel_pgd_phys = (u32)kernel_pgd - KERNEL_BASE;
  choose_global_mode();
  map_direct();
  tables = new_table(TABLES_PDE, TABLE_COUNT);
  top_table = new_table(TOP_PDE, 1);
  map_zone();
  if (global) write_cr4(read_cr4() | CR4_PGE);
  write_cr3(kernel_pgd_phys);
}

static u32 with_global(u32 entry) {
  return entry & PTE_P ? (entry & ~PTE_G) | global : entry;
}

/* Sets or clears G everywhere, then drops all global entries from the TLBs (CR4.PGE, SDM vol. 3, 4.10.4.1). */
static void set_global(u32 bit) {
  struct mm_struct *mm;
  if (bit == global) return;
  global = bit;
  for (u32 i = KERNEL_PDE; i < TABLES_PDE; i++) {
    u32 pde = with_global(kernel_pgd[i]);
    if (pde == kernel_pgd[i]) continue;
    set_entry(&kernel_pgd[i], pde, i << 22, 2);
    list_for_each_entry(mm, &all_mms, all) mm->pgd[i] = pde;
  }
  for (u32 i = 0; i < TABLE_COUNT * ENTRIES; i++) {
    u32 pte = with_global(tables[i]);
    if (pte != tables[i]) set_entry(&tables[i], pte, VMALLOC_BASE + (i << PAGE_SHIFT), 1);
  }
  for (u32 i = 0; i < ENTRIES; i++) {
    u32 pte = with_global(top_table[i]);
    if (pte != top_table[i]) set_entry(&top_table[i], pte, (TOP_PDE << 22) + (i << PAGE_SHIFT), 1);
  }
  write_cr4(read_cr4() & ~CR4_PGE);
  if (global) write_cr4(read_cr4() | CR4_PGE);
  write_cr3(read_cr3());
}

void pgtable_set_domains(int count) {
  if (global_mode == GLOBAL_AUTO) set_global(count ? 0 : PTE_G);
}

/* ---- Address spaces of processes ---- */

int pgd_alloc(struct mm_struct *mm) {
  mm->pgd = (u32 *)get_zeroed_page(GFP_KERNEL);
  if (!mm->pgd) return -ENOMEM;
  memcpy(mm->pgd + KERNEL_PDE, kernel_pgd + KERNEL_PDE, (ENTRIES - KERNEL_PDE) * sizeof(u32));
  mm->pgd_phys = virt_to_phys(mm->pgd);
  list_add_tail(&mm->all, &all_mms);
  return 0;
}

void pgd_free(struct mm_struct *mm) {
  list_del(&mm->all);
  for (u32 i = 0; i < KERNEL_PDE; i++)
    if (mm->pgd[i] & PTE_P) free_page((unsigned long)direct_map(mm->pgd[i] & PTE_FRAME));
  free_page((unsigned long)mm->pgd);
}

static u32 *find_user_pte(const struct mm_struct *mm, u32 addr) {
  u32 pde = mm->pgd[PDE_INDEX(addr)];
  return pde & PTE_P ? (u32 *)direct_map(pde & PTE_FRAME) + PTE_INDEX(addr) : NULL;
}

int map_user_page(struct mm_struct *mm, u32 addr, struct page *page, u32 flags) {
  BUG_ON(addr >= TASK_SIZE);
  u32 *pte = find_user_pte(mm, addr);
  if (!pte) {
    u32 *table = (u32 *)get_zeroed_page(GFP_KERNEL);
    if (!table) return -ENOMEM;
    mm->pgd[PDE_INDEX(addr)] = virt_to_phys(table) | PTE_U | PTE_W | PTE_P;
    pte = table + PTE_INDEX(addr);
  }
  if (*pte & PTE_P) panic("map_user_page: %#x is mapped already", addr);
  *pte = page_to_phys(page) | PTE_U | PTE_P | flags;
  mm->pages++;
  return 0;
}

struct page *unmap_user_page(struct mm_struct *mm, u32 addr) {
  u32 *pte = find_user_pte(mm, addr);
  if (!pte || !(*pte & PTE_P)) return NULL;
  struct page *page = phys_to_page(*pte & PTE_FRAME);
  *pte = 0;
  mm->pages--;
  if (read_cr3() == mm->pgd_phys) invlpg(addr);
  return page;
}

u32 user_pte(const struct mm_struct *mm, u32 addr) {
  const u32 *pte = find_user_pte(mm, addr);
  return pte && *pte & PTE_P ? *pte : 0;
}
