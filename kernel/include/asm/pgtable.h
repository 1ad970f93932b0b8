/* Page tables (mm/pgtable.c): the only way to change one. */
#ifndef ASM_PGTABLE_H
#define ASM_PGTABLE_H

#include <asm/page.h>

#define PTE_P 0x001u   /* present */
#define PTE_W 0x002u   /* writable */
#define PTE_U 0x004u   /* user */
#define PTE_PWT 0x008u /* write-through */
#define PTE_PCD 0x010u /* cache disabled */
#define PTE_A 0x020u
#define PTE_D 0x040u
#define PTE_PS 0x080u  /* directory entry: a 4 MiB page */
#define PTE_G 0x100u   /* global: survives MOV CR3 */
#define PTE_FRAME 0xFFFFF000u

#define PDE_INDEX(addr) ((u32)(addr) >> 22)
#define PTE_INDEX(addr) ((u32)(addr) >> 12 & 1023)

#ifndef __ASSEMBLER__
#include <linux/types.h>

struct mm_struct;
struct page;

void pgtable_init(void);

/* Kernel range, 4 KiB pages of vmalloc, ioremap and zone. G is added as globalpages= says. */
void map_page(u32 addr, u32 phys, u32 flags);
void unmap_page(u32 addr);

/* User range of one address space. The page's reference passes to the mapping. 0 or -ENOMEM. */
int map_user_page(struct mm_struct *mm, u32 addr, struct page *page, u32 flags);
struct page *unmap_user_page(struct mm_struct *mm, u32 addr); /* with its reference; NULL = none */
u32 user_pte(const struct mm_struct *mm, u32 addr);           /* 0 = no page */

/* A directory with the kernel's entries and an empty user range. */
int pgd_alloc(struct mm_struct *mm);
void pgd_free(struct mm_struct *mm); /* and the page tables; the pages are gone already */
#endif

#endif
