/*
 * User address spaces: areas that say what a process may touch, pages that appear when it does. There is no
 * paging out and no copy on write: fork copies.
 */
#include <asm/pgtable.h>
#include <asm/system.h>
#include <kernel/calls.h>
#include <kernel/process.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define MAP_END (USER_STACK_TOP - USER_STACK_MAX - PAGE_SIZE) /* a guard page below the stack */
#define PROT_MASK (PROT_READ | PROT_WRITE | PROT_EXEC)

struct mm_struct *mm_alloc(void) {
  struct mm_struct *mm = kzalloc(sizeof *mm, GFP_KERNEL);
  if (mm && pgd_alloc(mm)) {
    kfree(mm);
    return NULL;
  }
  return mm;
}

static void unmap_range(struct mm_struct *mm, u32 start, u32 end) {
  for (u32 addr = start; addr < end; addr += PAGE_SIZE) {
    struct page *page = unmap_user_page(mm, addr);
    if (page) __free_page(page);
  }
}

void mm_free(struct mm_struct *mm) {
  while (mm->areas) {
    struct vm_area_struct *area = mm->areas;
    unmap_range(mm, area->start, area->end);
    mm->areas = area->next;
    kfree(area);
  }
  BUG_ON(mm->pages != 0);
  pgd_free(mm);
  kfree(mm);
}

/* ---- Areas ---- */

int mm_add_area(struct mm_struct *mm, u32 start, u32 end, u32 flags) {
  struct vm_area_struct **link = &mm->areas;
  if (start >= end || end > TASK_SIZE || (start | end) & ~PAGE_MASK) return -EINVAL;
  while (*link && (*link)->end <= start) link = &(*link)->next;
  if (*link && (*link)->start < end) return -EEXIST;
  struct vm_area_struct *area = kmalloc(sizeof *area, GFP_KERNEL);
  if (!area) return -ENOMEM;
  *area = (struct vm_area_struct){ *link, start, end, flags };
  *link = area;
  return 0;
}

struct vm_area_struct *mm_find_area(struct mm_struct *mm, u32 addr) {
  struct vm_area_struct *area = mm->areas;
  while (area && area->end <= addr) area = area->next;
  return area && area->start <= addr ? area : NULL;
}

/* ---- Pages ---- */

static int new_page(struct mm_struct *mm, u32 addr, u32 prot) {
  struct page *page = alloc_page(GFP_USER);
  if (!page) return -ENOMEM;
  memset(page_address(page), 0, PAGE_SIZE);
  int err = map_user_page(mm, addr, page, prot & PROT_WRITE ? PTE_W : 0);
  if (err) __free_page(page);
  return err;
}

int mm_fault(struct mm_struct *mm, u32 addr, bool write) {
  struct vm_area_struct *area = mm_find_area(mm, addr);
  if (!area || !(area->flags & (write ? PROT_WRITE : PROT_MASK))) return -EFAULT;
  u32 pte = user_pte(mm, addr & PAGE_MASK);
  if (!pte) return new_page(mm, addr & PAGE_MASK, area->flags);
  if (write && !(pte & PTE_W)) return -EFAULT;
  invlpg(addr); /* a stale TLB entry */
  return 0;
}

int mm_copy_in(struct mm_struct *mm, u32 addr, const void *data, u32 size) {
  const u8 *from = data;
  while (size) {
    struct vm_area_struct *area = mm_find_area(mm, addr);
    u32 n = min(size, PAGE_SIZE - (addr & ~PAGE_MASK));
    if (!area) return -EFAULT;
    if (!user_pte(mm, addr & PAGE_MASK)) {
      int err = new_page(mm, addr & PAGE_MASK, area->flags);
      if (err) return err;
    }
    struct page *page = phys_to_page(user_pte(mm, addr & PAGE_MASK) & PTE_FRAME);
    memcpy((u8 *)page_address(page) + (addr & ~PAGE_MASK), from, n);
    addr += n, from += n, size -= n;
  }
  return 0;
}

int vm_insert_page(unsigned long addr, struct page *page, int writable) {
  struct vm_area_struct *area = mm_find_area(current->mm, addr);
  if (!area || !(area->flags & VM_SHARED) || addr & ~PAGE_MASK || !page->count) return -EINVAL;
  if (user_pte(current->mm, addr)) return -EINVAL;
  get_page(page);
  int err = map_user_page(current->mm, addr, page, writable ? PTE_W : 0);
  if (err) __free_page(page);
  return err;
}

/* ---- fork ---- */

static int fork_page(struct mm_struct *to, const struct mm_struct *from, u32 addr, u32 flags) {
  u32 pte = user_pte(from, addr);
  if (!pte) return 0;
  struct page *old = phys_to_page(pte & PTE_FRAME), *page = old;
  if (flags & VM_SHARED) {
    get_page(page);
  } else {
    page = alloc_page(GFP_USER);
    if (!page) return -ENOMEM;
    memcpy(page_address(page), page_address(old), PAGE_SIZE);
  }
  int err = map_user_page(to, addr, page, pte & PTE_W);
  if (err) __free_page(page);
  return err;
}

static int fork_area(struct mm_struct *to, const struct mm_struct *from, const struct vm_area_struct *area) {
  int err = mm_add_area(to, area->start, area->end, area->flags);
  for (u32 addr = area->start; addr < area->end && !err; addr += PAGE_SIZE) err = fork_page(to, from, addr, area->flags);
  return err;
}

struct mm_struct *mm_fork(struct mm_struct *from) {
  struct mm_struct *to = mm_alloc();
  if (!to) return NULL;
  to->brk_start = from->brk_start;
  to->brk = from->brk;
  for (struct vm_area_struct *area = from->areas; area; area = area->next)
    if (fork_area(to, from, area)) {
      mm_free(to);
      return NULL;
    }
  return to;
}

/* ---- System calls ---- */

/* Cuts [start, end) out of an area; what is left before and after it stays. */
static int cut_area(struct mm_struct *mm, struct vm_area_struct **link, u32 start, u32 end) {
  struct vm_area_struct *area = *link;
  u32 old_end = area->end, flags = area->flags;
  start = max(start, area->start);
  end = min(end, area->end);
  if (start == area->start && end == old_end) {
    *link = area->next;
    kfree(area);
  } else if (start == area->start) {
    area->start = end;
  } else {
    area->end = start;
    int err = end < old_end ? mm_add_area(mm, end, old_end, flags) : 0;
    if (err) {
      area->end = old_end;
      return err;
    }
  }
  unmap_range(mm, start, end);
  return 0;
}

static int do_munmap(struct mm_struct *mm, u32 start, u32 end) {
  struct vm_area_struct **link = &mm->areas;
  while (*link && (*link)->start < end) {
    u32 at = (*link)->start;
    int err = (*link)->end > start ? cut_area(mm, link, start, end) : 0;
    if (err) return err;
    if (*link && (*link)->start == at) link = &(*link)->next;
  }
  return 0;
}

long sys_munmap(u32 addr, u32 length) {
  length = PAGE_ALIGN(length);
  if (addr & ~PAGE_MASK || !length || addr > TASK_SIZE || length > TASK_SIZE - addr) return -EINVAL;
  return do_munmap(current->mm, addr, addr + length);
}

/* First gap that is large enough, 0 if there is none. */
static u32 find_gap(struct mm_struct *mm, u32 length) {
  u32 addr = USER_MMAP_BASE;
  for (struct vm_area_struct *area = mm->areas; area; area = area->next) {
    if (area->end <= addr) continue;
    if (area->start >= addr && area->start - addr >= length) break;
    addr = area->end;
  }
  return addr < MAP_END && length <= MAP_END - addr ? addr : 0;
}

/* `addr` is a wish that is not heard. Files are mapped by their device, anonymous memory is private. */
long sys_mmap2(u32 addr, u32 length, u32 prot, u32 flags, int fd, u32 page_offset) {
  struct mm_struct *mm = current->mm;
  struct file *file = NULL;
  (void)addr, (void)page_offset;
  if (!length || length > MAP_END - USER_MMAP_BASE || prot & ~PROT_MASK) return -EINVAL;
  length = PAGE_ALIGN(length);
  if (!(flags & MAP_ANONYMOUS)) {
    if (!(file = fget(fd))) return -EBADF;
    if (!file->f_op->mmap) {
      fput(file);
      return -ENODEV;
    }
  }
  long result = -ENOMEM;
  addr = find_gap(mm, length);
  if (addr) result = mm_add_area(mm, addr, addr + length, prot | (file ? VM_SHARED : 0));
  if (!result && file && (result = file->f_op->mmap(file, addr, length))) do_munmap(mm, addr, addr + length);
  if (file) fput(file);
  return result ? result : (long)addr;
}

/* Returns the new end, or the old one when it cannot be moved there. */
long sys_brk(u32 end) {
  struct mm_struct *mm = current->mm;
  u32 old = PAGE_ALIGN(mm->brk), new = PAGE_ALIGN(end);
  if (end < mm->brk_start || end > USER_MMAP_BASE) return (long)mm->brk;
  if (new > old && mm_add_area(mm, old, new, PROT_READ | PROT_WRITE)) return (long)mm->brk;
  if (new < old && do_munmap(mm, new, old)) return (long)mm->brk;
  mm->brk = end;
  return (long)end;
}

EXPORT_SYMBOL(vm_insert_page);
