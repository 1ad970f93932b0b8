/*
 * Wrappers of memory that a device has or shares. A driver may map only device memory of a PCI device that
 * it was offered, and only its own domain gets the mapping.
 */
#include <asm/io.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

#define MAX_CONSISTENT 0x400000u /* bytes */

static struct nooks_memory *memory_of(struct nooks_object *o) { return container_of(o, struct nooks_memory, o); }

static bool in_device(const struct pci_dev *dev, u32 phys, u32 size) {
  for (int bar = 0; bar < DEVICE_COUNT_RESOURCE; bar++) {
    const struct resource *r = &dev->resource[bar];
    if (r->flags & IORESOURCE_MEM && phys >= r->start && phys <= r->end && size - 1 <= r->end - phys) return true;
  }
  return false;
}

static bool own_device_memory(struct nooks_domain *d, u32 phys, u32 size) {
  struct nooks_object *o;
  list_for_each_entry(o, &d->objects[OBJ_PCI_DEV], list)
    if (in_device(o->kernel, phys, size)) return true;
  return false;
}

void *wrap_ioremap(u32 phys, u32 size) {
  struct nooks_domain *d = calling_domain();
  if (!size || !own_device_memory(d, phys, size))
    nooks_bad_call(TRIGGER_ARGUMENT, "ioremap: %#x bytes at %#x belong to no device of the extension", size, phys);
  struct nooks_memory *m = object_wanted(d, sizeof *m);
  void *addr = m ? ioremap(phys, size) : NULL;
  if (!addr || domain_map_device(d, addr, size)) {
    if (addr) iounmap(addr);
    kfree(m);
    return NULL;
  }
  m->size = size;
  object_track(d, &m->o, OBJ_IOREMAP, addr, addr);
  return addr;
}

void wrap_iounmap(void *addr) {
  struct nooks_object *o = object_arg(OBJ_IOREMAP, addr, "iounmap");
  iounmap(addr);
  object_drop(o);
}

void *wrap_pci_alloc_consistent(struct pci_dev *copy, u32 size, dma_addr_t *handle) {
  struct nooks_domain *d = calling_domain();
  struct pci_dev *dev = object_arg(OBJ_PCI_DEV, copy, "pci_alloc_consistent")->kernel;
  writable_arg(handle, sizeof *handle, "pci_alloc_consistent");
  if (size > MAX_CONSISTENT || !within_limit(d, LIMIT_MEMORY, domain_bytes(d) + PAGE_ALIGN(size))) return NULL;
  struct nooks_memory *m = object_wanted(d, sizeof *m);
  void *addr = m ? pci_alloc_consistent(dev, size, &m->handle) : NULL;
  if (!addr) {
    kfree(m);
    return NULL;
  }
  m->size = size;
  *handle = m->handle;
  d->extra_bytes += PAGE_ALIGN(size);
  domain_own(d, addr, size);
  object_track(d, &m->o, OBJ_CONSISTENT, addr, addr);
  return addr;
}

void wrap_pci_free_consistent(struct pci_dev *copy, u32 size, void *addr, dma_addr_t handle) {
  struct pci_dev *dev = object_arg(OBJ_PCI_DEV, copy, "pci_free_consistent")->kernel;
  struct nooks_memory *m = memory_of(object_arg(OBJ_CONSISTENT, addr, "pci_free_consistent"));
  if (m->size != size || m->handle != handle) nooks_bad_call(TRIGGER_ARGUMENT, "pci_free_consistent: %p has another size or handle", addr);
  domain_disown(m->o.domain, addr, size);
  m->o.domain->extra_bytes -= PAGE_ALIGN(size);
  pci_free_consistent(dev, size, addr, handle);
  object_drop(&m->o);
}
