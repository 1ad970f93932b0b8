/* PCI devices and drivers (drivers of Linux 2.4's interface; pci/pci.c). */
#ifndef LINUX_PCI_H
#define LINUX_PCI_H

#include <asm/io.h>
#include <linux/errno.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/types.h>

#define PCI_VENDOR_ID 0x00
#define PCI_DEVICE_ID 0x02
#define PCI_COMMAND 0x04
#define PCI_COMMAND_IO 0x1
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4
#define PCI_COMMAND_INVALIDATE 0x10
#define PCI_STATUS 0x06
#define PCI_REVISION_ID 0x08
#define PCI_CLASS_REVISION 0x08
#define PCI_CLASS_PROG 0x09
#define PCI_CLASS_DEVICE 0x0a
#define PCI_CACHE_LINE_SIZE 0x0c
#define PCI_LATENCY_TIMER 0x0d
#define PCI_HEADER_TYPE 0x0e
#define PCI_BASE_ADDRESS_0 0x10
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c
#define PCI_SUBSYSTEM_ID 0x2e
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_INTERRUPT_PIN 0x3d

#define PCI_CLASS_NETWORK_ETHERNET 0x0200
#define PCI_VENDOR_ID_INTEL 0x8086

#define PCI_ANY_ID (~0u)
#define PCI_DEVFN(slot, func) (((slot) & 0x1f) << 3 | ((func) & 7))
#define PCI_SLOT(devfn) ((devfn) >> 3 & 0x1f)
#define PCI_FUNC(devfn) ((devfn) & 7)

#define DEVICE_COUNT_RESOURCE 6

struct pci_device_id {
  unsigned vendor, device, subvendor, subdevice;
  unsigned class, class_mask;
  unsigned long driver_data;
};

struct pci_driver;

struct pci_dev {
  struct list_head global_list;
  u8 bus;
  u8 devfn;
  u8 hdr_type;
  u8 revision;
  u16 vendor, device;
  u16 subsystem_vendor, subsystem_device;
  u32 class; /* base, sub, prog-if: three bytes */
  unsigned irq;
  struct resource resource[DEVICE_COUNT_RESOURCE];
  u64 dma_mask;
  struct pci_driver *driver; /* bound */
  void *driver_data;
  char slot_name[8]; /* bus:slot.func */
  char name[40];
};

struct pci_driver {
  struct list_head node;
  char *name;
  const struct pci_device_id *id_table; /* ends in an all-zero entry */
  int (*probe)(struct pci_dev *dev, const struct pci_device_id *id); /* 0: it is mine */
  void (*remove)(struct pci_dev *dev);
  int (*suspend)(struct pci_dev *dev, u32 state);
  int (*resume)(struct pci_dev *dev);
};

/* Probes every unbound device that matches; returns how many were bound, or an error. */
int pci_register_driver(struct pci_driver *driver);
void pci_unregister_driver(struct pci_driver *driver); /* calls remove for each bound device */
int pci_module_init(struct pci_driver *driver);        /* 0, or -ENODEV when nothing was bound */

struct pci_dev *pci_find_device(unsigned vendor, unsigned device, const struct pci_dev *from);
struct pci_dev *pci_find_slot(unsigned bus, unsigned devfn);
extern struct list_head pci_devices;
#define pci_for_each_dev(dev) list_for_each_entry(dev, &pci_devices, global_list)

int pci_read_config_byte(struct pci_dev *dev, int where, u8 *value);
int pci_read_config_word(struct pci_dev *dev, int where, u16 *value);
int pci_read_config_dword(struct pci_dev *dev, int where, u32 *value);
int pci_write_config_byte(struct pci_dev *dev, int where, u8 value);
int pci_write_config_word(struct pci_dev *dev, int where, u16 value);
int pci_write_config_dword(struct pci_dev *dev, int where, u32 value);

int pci_enable_device(struct pci_dev *dev);
void pci_disable_device(struct pci_dev *dev);
void pci_set_master(struct pci_dev *dev);
int pci_set_dma_mask(struct pci_dev *dev, u64 mask);
int pci_request_regions(struct pci_dev *dev, char *name);
void pci_release_regions(struct pci_dev *dev);

/* These only read, so they stay macros. */
#define pci_resource_start(dev, bar) ((dev)->resource[bar].start)
#define pci_resource_end(dev, bar) ((dev)->resource[bar].end)
#define pci_resource_flags(dev, bar) ((dev)->resource[bar].flags)
#define pci_resource_len(dev, bar)                                                     \
  (pci_resource_start(dev, bar) == 0 && pci_resource_end(dev, bar) == 0                \
       ? 0                                                                             \
       : pci_resource_end(dev, bar) - pci_resource_start(dev, bar) + 1)

/* They reach into the device's record, so they are calls. */
void *pci_get_drvdata(struct pci_dev *dev);
void pci_set_drvdata(struct pci_dev *dev, void *data);

/*
 * Memory that the device and the CPU both see. Coherent memory comes from the zone, whole pages,
 * zeroed. A streaming mapping is of direct-map or zone memory; caches are coherent with DMA here, so
 * mapping only translates.
 */
#define PCI_DMA_BIDIRECTIONAL 0
#define PCI_DMA_TODEVICE 1
#define PCI_DMA_FROMDEVICE 2
void *pci_alloc_consistent(struct pci_dev *dev, size_t size, dma_addr_t *handle);
void pci_free_consistent(struct pci_dev *dev, size_t size, void *addr, dma_addr_t handle);
dma_addr_t pci_map_single(struct pci_dev *dev, void *addr, size_t size, int direction);
void pci_unmap_single(struct pci_dev *dev, dma_addr_t handle, size_t size, int direction);
void pci_dma_sync_single(struct pci_dev *dev, dma_addr_t handle, size_t size, int direction);

#endif
