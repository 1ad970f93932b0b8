/* Virtually contiguous kernel memory, and mappings of device memory (mm/vmalloc.c). */
#ifndef LINUX_VMALLOC_H
#define LINUX_VMALLOC_H

#include <linux/types.h>

void *vmalloc(unsigned long size); /* may sleep; NULL when there is no memory */
void vfree(void *addr);

/*
 * An area of the vmalloc range. `phys` is set for device memory. Nooks reads the list to find out
 * what a domain maps.
 */
struct vm_struct {
  struct vm_struct *next; /* by address */
  u32 addr, size;         /* bytes, without the guard page after it */
  u32 phys;
  u32 flags;
};
#define VM_ALLOC 1
#define VM_IOREMAP 2

struct vm_struct *find_vm_area(const void *addr); /* NULL if no area starts there */

#endif
