/*
 * Finds the devices of bus 0 and sizes their base address registers (PCI 2.2, 6.2.5.1). Where no firmware has
 * assigned addresses (a Multiboot loader without a BIOS), they are assigned here, in device order.
 *
 * Left out: bridges to further buses; 64-bit BARs above 4 GiB.
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/pci.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

#define BAR_IO 1u
#define BAR_64 4u
#define BAR_PREFETCH 8u
#define BAR_IO_MASK 0xFFFFFFFCu
#define BAR_MEM_MASK 0xFFFFFFF0u
#define HEADER_MULTI 0x80
#define HEADER_NORMAL 0
#define SLOTS 32
#define MEM_WINDOW 0xE0000000u /* physical; only used where firmware did nothing */
#define MEM_WINDOW_END 0xFEC00000u /* the I/O APIC */
#define IO_WINDOW 0xC000u
#define IO_WINDOW_END 0x10000u

LIST_HEAD(pci_devices);
static u32 next_mem = MEM_WINDOW, next_io = IO_WINDOW;

static u32 bar_size(struct pci_dev *dev, int where, u32 mask) {
  u32 old, size;
  pci_read_config_dword(dev, where, &old);
  pci_write_config_dword(dev, where, ~0u);
  pci_read_config_dword(dev, where, &size);
  pci_write_config_dword(dev, where, old);
  size &= mask;
  return size & -size;
}

static u32 assign(u32 *next, u32 end, u32 size) {
  u32 start = ALIGN(*next, size);
  if (start < *next || start >= end || size > end - start) return 0;
  *next = start + size;
  return start;
}

/* Returns how many registers the BAR takes. */
static int read_bar(struct pci_dev *dev, int bar) {
  int where = PCI_BASE_ADDRESS_0 + 4 * bar;
  struct resource *r = &dev->resource[bar];
  u32 value;
  pci_read_config_dword(dev, where, &value);
  bool io = value & BAR_IO;
  u32 mask = io ? BAR_IO_MASK : BAR_MEM_MASK, size = bar_size(dev, where, mask);
  int registers = !io && (value & 6) == BAR_64 ? 2 : 1;
  if (!size) return registers;
  if (io) size &= 0xFFFF; /* the upper half may read as zeros or ones */
  u32 start = value & mask;
  if (!start) {
    start = io ? assign(&next_io, IO_WINDOW_END, size) : assign(&next_mem, MEM_WINDOW_END, size);
    pci_write_config_dword(dev, where, start);
  }
  *r = (struct resource){ dev->slot_name, start, start + size - 1,
                          (io ? IORESOURCE_IO : IORESOURCE_MEM) | (!io && value & BAR_PREFETCH ? IORESOURCE_PREFETCH : 0),
                          NULL };
  return registers;
}

static void read_device(struct pci_dev *dev) {
  u32 class;
  u8 line;
  snprintf(dev->slot_name, sizeof dev->slot_name, "%02x:%02x.%u", dev->bus, PCI_SLOT(dev->devfn), PCI_FUNC(dev->devfn));
  pci_read_config_word(dev, PCI_DEVICE_ID, &dev->device);
  pci_read_config_dword(dev, PCI_CLASS_REVISION, &class);
  dev->class = class >> 8;
  dev->revision = (u8)class;
  dev->dma_mask = 0xFFFFFFFFu;
  pci_read_config_byte(dev, PCI_INTERRUPT_LINE, &line);
  dev->irq = line == 0xFF ? 0 : line;
  snprintf(dev->name, sizeof dev->name, "PCI device %04x:%04x", dev->vendor, dev->device);
  if ((dev->hdr_type & ~HEADER_MULTI) != HEADER_NORMAL) return;
  pci_read_config_word(dev, PCI_SUBSYSTEM_VENDOR_ID, &dev->subsystem_vendor);
  pci_read_config_word(dev, PCI_SUBSYSTEM_ID, &dev->subsystem_device);
  for (int bar = 0; bar < DEVICE_COUNT_RESOURCE;) bar += read_bar(dev, bar);
}

/* Returns the header type, or -1 if no device answers. */
static int scan(unsigned devfn) {
  struct pci_dev probe = { .devfn = (u8)devfn };
  pci_read_config_word(&probe, PCI_VENDOR_ID, &probe.vendor);
  if (probe.vendor == 0xFFFF || !probe.vendor) return -1;
  pci_read_config_byte(&probe, PCI_HEADER_TYPE, &probe.hdr_type);
  struct pci_dev *dev = kmalloc(sizeof *dev, GFP_KERNEL);
  if (!dev) return -1;
  *dev = probe;
  read_device(dev);
  list_add_tail(&dev->global_list, &pci_devices);
  printk(KERN_DEBUG "pci %s %04x:%04x class %06x irq %u\n", dev->slot_name, dev->vendor, dev->device, dev->class, dev->irq);
  return dev->hdr_type;
}

static int read_pci(char *page, char **start, long off, int count, int *eof, void *data) {
  struct pci_dev *dev;
  int n = 0;
  (void)start, (void)off, (void)eof, (void)data;
  pci_for_each_dev(dev) {
    if (n >= count) break;
    n += snprintf(page + n, (size_t)(count - n), "%s %04x:%04x class %06x irq %u %s\n", dev->slot_name, dev->vendor,
                  dev->device, dev->class, dev->irq, dev->driver ? dev->driver->name : "-");
  }
  return n;
}

static int pci_init(void) {
  for (unsigned slot = 0; slot < SLOTS; slot++) {
    int header = scan(PCI_DEVFN(slot, 0));
    if (header < 0 || !(header & HEADER_MULTI)) continue;
    for (unsigned func = 1; func < 8; func++) scan(PCI_DEVFN(slot, func));
  }
  return create_proc_read_entry("pci", 0444, NULL, read_pci, NULL) ? 0 : -ENOMEM;
}
__initcall(pci_init);
