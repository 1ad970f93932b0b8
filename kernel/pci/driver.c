/* PCI drivers: which driver has which device, and what a driver does with its device. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>

static LIST_HEAD(drivers);

static bool id_matches(const struct pci_device_id *id, const struct pci_dev *dev) {
  return (id->vendor == PCI_ANY_ID || id->vendor == dev->vendor) &&
         (id->device == PCI_ANY_ID || id->device == dev->device) &&
         (id->subvendor == PCI_ANY_ID || id->subvendor == dev->subsystem_vendor) &&
         (id->subdevice == PCI_ANY_ID || id->subdevice == dev->subsystem_device) &&
         !((id->class ^ dev->class) & id->class_mask);
}

static const struct pci_device_id *match(const struct pci_driver *driver, const struct pci_dev *dev) {
  const struct pci_device_id *id = driver->id_table;
  for (; id && (id->vendor || id->subvendor || id->class_mask); id++)
    if (id_matches(id, dev)) return id;
  return NULL;
}

/* The device is the driver's while probe runs, so that probe may ask. */
static bool probe_one(struct pci_driver *driver, struct pci_dev *dev) {
  const struct pci_device_id *id = dev->driver ? NULL : match(driver, dev);
  if (!id || !driver->probe) return false;
  dev->driver = driver;
  if (driver->probe(dev, id) >= 0) return true;
  dev->driver = NULL;
  return false;
}

int pci_register_driver(struct pci_driver *driver) {
  struct pci_dev *dev;
  int bound = 0;
  list_add_tail(&driver->node, &drivers);
  pci_for_each_dev(dev) bound += probe_one(driver, dev);
  return bound;
}

void pci_unregister_driver(struct pci_driver *driver) {
  struct pci_dev *dev;
  list_del(&driver->node);
  pci_for_each_dev(dev) {
    if (dev->driver != driver) continue;
    if (driver->remove) driver->remove(dev);
    dev->driver = NULL;
    dev->driver_data = NULL;
  }
}

int pci_module_init(struct pci_driver *driver) {
  int bound = pci_register_driver(driver);
  if (bound > 0) return 0;
  pci_unregister_driver(driver);
  return bound < 0 ? bound : -ENODEV;
}

struct pci_dev *pci_find_device(unsigned vendor, unsigned device, const struct pci_dev *from) {
  struct list_head *at = from ? from->global_list.next : pci_devices.next;
  for (; at != &pci_devices; at = at->next) {
    struct pci_dev *dev = list_entry(at, struct pci_dev, global_list);
    if ((vendor == PCI_ANY_ID || dev->vendor == vendor) && (device == PCI_ANY_ID || dev->device == device)) return dev;
  }
  return NULL;
}

struct pci_dev *pci_find_slot(unsigned bus, unsigned devfn) {
  struct pci_dev *dev;
  pci_for_each_dev(dev)
    if (dev->bus == bus && dev->devfn == devfn) return dev;
  return NULL;
}

/* ---- What a driver does with its device ---- */

static void change_command(struct pci_dev *dev, u16 clear, u16 set) {
  u16 command;
  pci_read_config_word(dev, PCI_COMMAND, &command);
  u16 wanted = (u16)((command & ~clear) | set);
  if (wanted != command) pci_write_config_word(dev, PCI_COMMAND, wanted);
}

int pci_enable_device(struct pci_dev *dev) {
  u16 set = 0;
  for (int bar = 0; bar < DEVICE_COUNT_RESOURCE; bar++) {
    struct resource *r = &dev->resource[bar];
    if (!r->flags) continue;
    if (!r->start) return -EINVAL; /* no address could be found for it */
    set |= r->flags & IORESOURCE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
  }
  change_command(dev, 0, set);
  return 0;
}

void pci_disable_device(struct pci_dev *dev) { change_command(dev, PCI_COMMAND_MASTER, 0); }
void pci_set_master(struct pci_dev *dev) { change_command(dev, 0, PCI_COMMAND_MASTER); }

int pci_set_dma_mask(struct pci_dev *dev, u64 mask) {
  if (mask < 0xFFFFFFu) return -EIO;
  dev->dma_mask = mask;
  return 0;
}

static struct resource *claim_bar(struct resource *r, const char *name) {
  unsigned long n = r->end - r->start + 1;
  return r->flags & IORESOURCE_IO ? request_region(r->start, n, name) : request_mem_region(r->start, n, name);
}

static void release_bar(struct resource *r) {
  unsigned long n = r->end - r->start + 1;
  if (!r->flags) return;
  if (r->flags & IORESOURCE_IO) release_region(r->start, n);
  else release_mem_region(r->start, n);
}

int pci_request_regions(struct pci_dev *dev, char *name) {
  for (int bar = 0; bar < DEVICE_COUNT_RESOURCE; bar++) {
    if (!dev->resource[bar].flags || claim_bar(&dev->resource[bar], name)) continue;
    while (bar--) release_bar(&dev->resource[bar]);
    return -EBUSY;
  }
  return 0;
}

void pci_release_regions(struct pci_dev *dev) {
  for (int bar = 0; bar < DEVICE_COUNT_RESOURCE; bar++) release_bar(&dev->resource[bar]);
}

void *pci_get_drvdata(struct pci_dev *dev) { return dev->driver_data; }
void pci_set_drvdata(struct pci_dev *dev, void *data) { dev->driver_data = data; }

EXPORT_SYMBOL(pci_devices);
EXPORT_SYMBOL(pci_register_driver);
EXPORT_SYMBOL(pci_unregister_driver);
EXPORT_SYMBOL(pci_module_init);
EXPORT_SYMBOL(pci_find_device);
EXPORT_SYMBOL(pci_find_slot);
EXPORT_SYMBOL(pci_enable_device);
EXPORT_SYMBOL(pci_disable_device);
EXPORT_SYMBOL(pci_set_master);
EXPORT_SYMBOL(pci_set_dma_mask);
EXPORT_SYMBOL(pci_request_regions);
EXPORT_SYMBOL(pci_release_regions);
EXPORT_SYMBOL(pci_get_drvdata);
EXPORT_SYMBOL(pci_set_drvdata);
