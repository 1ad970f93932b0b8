/* Memory that devices see. A bus address is a physical address, and DMA is coherent with the caches. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/section.h>
#include <linux/string.h>

void *pci_alloc_consistent(struct pci_dev *dev, size_t size, dma_addr_t *handle) {
  (void)dev;
  void *addr = size ? (void *)__get_free_pages(GFP_DRIVER, get_order(size)) : NULL;
  if (!addr) return NULL;
  memset(addr, 0, PAGE_SIZE << get_order(size));
  *handle = virt_to_phys(addr);
  return addr;
}

void pci_free_consistent(struct pci_dev *dev, size_t size, void *addr, dma_addr_t handle) {
  (void)dev, (void)handle;
  free_pages((unsigned long)addr, get_order(size));
}

dma_addr_t pci_map_single(struct pci_dev *dev, void *addr, size_t size, int direction) {
  (void)dev, (void)size, (void)direction;
  return virt_to_phys(addr);
}

void pci_unmap_single(struct pci_dev *dev, dma_addr_t handle, size_t size, int direction) {
  (void)dev, (void)handle, (void)size, (void)direction;
}

void pci_dma_sync_single(struct pci_dev *dev, dma_addr_t handle, size_t size, int direction) {
  (void)dev, (void)handle, (void)size, (void)direction;
}

EXPORT_SYMBOL(pci_alloc_consistent);
EXPORT_SYMBOL(pci_free_consistent);
EXPORT_SYMBOL(pci_map_single);
EXPORT_SYMBOL(pci_unmap_single);
EXPORT_SYMBOL(pci_dma_sync_single);
