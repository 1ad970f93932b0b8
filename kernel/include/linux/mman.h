/* User address spaces (mm/mmap.c). */
#ifndef LINUX_MMAN_H
#define LINUX_MMAN_H

#include <linux/list.h>
#include <linux/types.h>

#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_ANONYMOUS 0x20

struct page;

struct vm_area_struct {
  struct vm_area_struct *next; /* by address, not overlapping */
  u32 start, end;              /* page-aligned */
  u32 flags;                   /* PROT_*, VM_* */
};
#define VM_GROWSDOWN 0x100 /* the stack */
#define VM_SHARED 0x200    /* pages of a device: fork shares them */

struct mm_struct {
  u32 *pgd;     /* direct map */
  u32 pgd_phys; /* what CR3 holds */
  struct vm_area_struct *areas;
  u32 brk_start, brk;
  u32 pages; /* resident */
  struct list_head all; /* every page directory, for changes of kernel entries */
};

/* For file_operations.mmap: takes a reference on the page. 0, -EINVAL or -ENOMEM. */
int vm_insert_page(unsigned long addr, struct page *page, int writable);

#endif
