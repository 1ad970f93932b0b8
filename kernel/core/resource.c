/* Claims on ports and device memory: two sorted lists. */
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct resource *ports, *memory;

static struct resource *claim(struct resource **link, unsigned long start, unsigned long n, const char *name,
                              unsigned long type) {
  unsigned long end = start + n - 1;
  if (!n || end < start) return NULL;
  while (*link && (*link)->end < start) link = &(*link)->next;
  if (*link && (*link)->start <= end) return NULL;
  struct resource *r = kmalloc(sizeof *r, GFP_KERNEL);
  if (!r) return NULL;
  *r = (struct resource){ name, start, end, type | IORESOURCE_BUSY, *link };
  return *link = r;
}

static void release(struct resource **link, unsigned long start, unsigned long n) {
  while (*link && (*link)->start != start) link = &(*link)->next;
  struct resource *r = *link;
  if (!r || r->end != start + n - 1) {
    printk(KERN_WARNING "release of %#lx+%#lx, which nobody claimed\n", start, n);
    return;
  }
  *link = r->next;
  kfree(r);
}

struct resource *request_region(unsigned long start, unsigned long n, const char *name) {
  return claim(&ports, start, n, name, IORESOURCE_IO);
}
struct resource *request_mem_region(unsigned long start, unsigned long n, const char *name) {
  return claim(&memory, start, n, name, IORESOURCE_MEM);
}
void release_region(unsigned long start, unsigned long n) { release(&ports, start, n); }
void release_mem_region(unsigned long start, unsigned long n) { release(&memory, start, n); }

EXPORT_SYMBOL(request_region);
EXPORT_SYMBOL(request_mem_region);
EXPORT_SYMBOL(release_region);
EXPORT_SYMBOL(release_mem_region);
