/*
 * The vmalloc range: virtually contiguous kernel memory, and device memory (ioremap), first fit, with an
 * unmapped guard page after each area. Process context.
 */
#include <asm/io.h>
#include <asm/pgtable.h>
#include <kernel/boot.h>
#include <kernel/hooks.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static struct vm_struct *areas;

static struct vm_struct *get_area(u32 size, u32 flags) {
  struct vm_struct *area = kmalloc(sizeof *area, GFP_KERNEL), **link = &areas;
  u32 addr = VMALLOC_BASE;
  if (!area) return NULL;
  for (; *link && (*link)->addr - addr < size + PAGE_SIZE; link = &(*link)->next)
    addr = (*link)->addr + (*link)->size + PAGE_SIZE;
  if (addr >= VMALLOC_END || VMALLOC_END - addr < size + PAGE_SIZE) {
    kfree(area);
    return NULL;
  }
  *area = (struct vm_struct){ .next = *link, .addr = addr, .size = size, .flags = flags };
  return *link = area;
}

struct vm_struct *find_vm_area(const void *addr) {
  struct vm_struct *area = areas;
  while (area && area->addr != (u32)addr) area = area->next;
  return area;
}

u32 vmalloc_used_end(void) {
  u32 end = VMALLOC_BASE;
  for (const struct vm_struct *area = areas; area; area = area->next) end = area->addr + area->size;
  return end;
}

static void unlink_area(struct vm_struct *area) {
  struct vm_struct **link = &areas;
  while (*link != area) link = &(*link)->next;
  *link = area->next;
  kfree(area);
}

/* Frees the first `size` bytes of the area and the area itself. */
static void release_area(struct vm_struct *area, u32 size) {
  for (u32 addr = area->addr; addr < area->addr + size; addr += PAGE_SIZE) {
    struct page *page = area->flags & VM_ALLOC ? phys_to_page(pgtable_lookup(kernel_pgd, addr) & PTE_FRAME) : NULL;
    unmap_page(addr);
    if (page) __free_page(page);
  }
  unlink_area(area);
}

void *vmalloc(unsigned long size) {
  size = PAGE_ALIGN(size);
  struct vm_struct *area = size ? get_area(size, VM_ALLOC) : NULL;
  if (!area) return NULL;
  for (u32 offset = 0; offset < size; offset += PAGE_SIZE) {
    struct page *page = alloc_page(GFP_KERNEL);
    if (!page) {
      release_area(area, offset);
      return NULL;
    }
    map_page(area->addr + offset, page_to_phys(page), PTE_W);
  }
  return (void *)area->addr;
}

/* Also for what a driver's vmalloc returned, which is a block of the zone. */
void vfree(void *addr) {
  if (!addr) return;
  if (in_zone(addr)) {
    kfree(addr);
    return;
  }
  struct vm_struct *area = find_vm_area(addr);
  if (!area || !(area->flags & VM_ALLOC)) panic("vfree: %p was not allocated by vmalloc", addr);
  release_area(area, area->size);
}

void *ioremap(unsigned long phys, unsigned long size) {
  u32 offset = phys & ~PAGE_MASK, first = phys & PAGE_MASK;
  if (!size || phys + size - 1 < phys || phys < ram_end || size > VMALLOC_END - VMALLOC_BASE) return NULL;
  size = PAGE_ALIGN(offset + size);
  struct vm_struct *area = get_area(size, VM_IOREMAP);
  if (!area) return NULL;
  area->phys = first;
  for (u32 at = 0; at < size; at += PAGE_SIZE) map_page(area->addr + at, first + at, PTE_W | PTE_PCD | PTE_PWT);
  return (void *)(area->addr + offset);
}

void iounmap(void *addr) {
  struct vm_struct *area = find_vm_area((void *)((u32)addr & PAGE_MASK));
  if (!area || !(area->flags & VM_IOREMAP)) panic("iounmap: %p was not mapped by ioremap", addr);
  release_area(area, area->size);
}

EXPORT_SYMBOL(ioremap);
EXPORT_SYMBOL(iounmap);
