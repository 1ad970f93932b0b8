/*
 * Wrappers of PCI drivers and devices. A driver sees copies of the devices that it was offered (probe) and
 * no others; the kernel has a twin of its pci_driver, whose probe and remove call the driver's.
 */
#include <linux/errno.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

#define MAX_IDS 256
#define BAR_FIRST 0x10u /* base address registers in the configuration space */
#define BAR_END 0x28u
#define ROM_BAR 0x30u

static struct nooks_pci_driver *pci_driver_of(struct nooks_object *o) {
  return container_of(o, struct nooks_pci_driver, o);
}

static struct pci_dev *device_arg(const struct pci_dev *copy, const char *function) {
  return object_arg(OBJ_PCI_DEV, copy, function)->kernel;
}

/* What the kernel changed in the device is seen in the copy. */
static void refresh(struct pci_dev *copy, const struct pci_dev *dev) { pci_dev_to_driver(calling_domain(), copy, dev); }

/* ---- The kernel calls the driver ---- */

static void forget_device(struct nooks_object *o) {
  void *copy = o->driver;
  object_drop(o);
  heap_free(copy);
}

static int driver_probe(struct pci_dev *dev, const struct pci_device_id *id) {
  struct nooks_pci_driver *driver = container_of(dev->driver, struct nooks_pci_driver, driver);
  struct nooks_domain *d = driver->o.domain;
  struct nooks_object *o = object_new(sizeof *o);
  struct pci_dev *copy = heap_alloc(d->heap, sizeof *copy, GFP_KERNEL);
  u32 result = (u32)-EIO;
  if (!o || !copy) {
    kfree(o);
    heap_free(copy);
    return -ENOMEM;
  }
  pci_dev_to_driver(d, copy, dev);
  object_track_both(d, o, OBJ_PCI_DEV, copy, dev);
  /* On a failure of the extension the recovery releases the device with everything else. */
  if (!nooks_driver_call(d, &result, driver->probe, 2, copy, id) && (int)result < 0) forget_device(o);
  return (int)result;
}

static void driver_remove(struct pci_dev *dev) {
  struct nooks_pci_driver *driver = container_of(dev->driver, struct nooks_pci_driver, driver);
  struct nooks_object *o = object_of_kernel(OBJ_PCI_DEV, dev);
  if (!o) return;
  if (driver->remove) nooks_driver_call(driver->o.domain, NULL, driver->remove, 1, o->driver);
  forget_device(o);
}

/* ---- The driver calls the kernel ---- */

/* With the entry that ends it. The twin has a copy: the driver could change its own while the kernel reads it. */
static u32 count_ids(const struct pci_device_id *id) {
  for (u32 n = 1;; id++, n++) {
    readable_arg(id, sizeof *id, "pci_register_driver");
    if (!id->vendor && !id->subvendor && !id->class_mask) return n;
    if (n == MAX_IDS) nooks_bad_call(TRIGGER_ARGUMENT, "pci_register_driver: a table of devices without end");
  }
}

static struct nooks_pci_driver *new_twin(struct pci_driver *own) {
  readable_arg(own, sizeof *own, "pci_register_driver");
  u32 ids = count_ids(own->id_table);
  if (object_find(calling_domain(), OBJ_PCI_DRIVER, own))
    nooks_bad_call(TRIGGER_ARGUMENT, "pci_register_driver: %p is registered already", (void *)own);
  char name[sizeof ((struct nooks_pci_driver *)0)->name];
  string_arg(name, own->name, sizeof name, "pci_register_driver");
  const void *probe = code_arg((const void *)own->probe, "pci_register_driver");
  const void *remove = own->remove ? code_arg((const void *)own->remove, "pci_register_driver") : NULL;
  struct nooks_pci_driver *driver = object_wanted(calling_domain(), sizeof *driver + ids * sizeof driver->ids[0]);
  if (!driver) return NULL;
  memcpy(driver->ids, own->id_table, ids * sizeof driver->ids[0]);
  memset(&driver->ids[ids - 1], 0, sizeof driver->ids[0]);
  memcpy(driver->name, name, sizeof name);
  driver->probe = probe;
  driver->remove = remove;
  driver->driver = (struct pci_driver){
    .name = driver->name, .id_table = driver->ids, .probe = driver_probe, .remove = driver_remove,
  };
  object_track(calling_domain(), &driver->o, OBJ_PCI_DRIVER, own, &driver->driver);
  return driver;
}

int wrap_pci_register_driver(struct pci_driver *own) {
  struct nooks_pci_driver *driver = new_twin(own);
  return driver ? pci_register_driver(&driver->driver) : -ENOMEM;
}

int wrap_pci_module_init(struct pci_driver *own) {
  struct nooks_pci_driver *driver = new_twin(own);
  int err = driver ? pci_module_init(&driver->driver) : -ENOMEM;
  if (err && driver) object_drop(&driver->o);
  return err;
}

void wrap_pci_unregister_driver(struct pci_driver *own) {
  struct nooks_pci_driver *driver = pci_driver_of(object_arg(OBJ_PCI_DRIVER, own, "pci_unregister_driver"));
  pci_unregister_driver(&driver->driver);
  object_drop(&driver->o);
}

int wrap_pci_enable_device(struct pci_dev *copy) {
  struct pci_dev *dev = device_arg(copy, "pci_enable_device");
  int err = pci_enable_device(dev);
  refresh(copy, dev);
  return err;
}

void wrap_pci_disable_device(struct pci_dev *copy) { pci_disable_device(device_arg(copy, "pci_disable_device")); }
void wrap_pci_set_master(struct pci_dev *copy) { pci_set_master(device_arg(copy, "pci_set_master")); }

int wrap_pci_set_dma_mask(struct pci_dev *copy, u32 low, u32 high) {
  struct pci_dev *dev = device_arg(copy, "pci_set_dma_mask");
  int err = pci_set_dma_mask(dev, (u64)high << 32 | low);
  copy->dma_mask = dev->dma_mask;
  return err;
}

/* The claim bears the name of the driver, in the kernel's memory. */
int wrap_pci_request_regions(struct pci_dev *copy, const char *name) {
  struct pci_dev *dev = device_arg(copy, "pci_request_regions");
  struct nooks_domain *d = calling_domain();
  readable_arg(name, 1, "pci_request_regions");
  if (object_find(d, OBJ_REGIONS, copy)) return -EBUSY;
  struct nooks_object *o = object_new(sizeof *o);
  if (!o) return -ENOMEM;
  int err = pci_request_regions(dev, d->name);
  if (err) kfree(o);
  else object_track(d, o, OBJ_REGIONS, copy, dev);
  return err;
}

void wrap_pci_release_regions(struct pci_dev *copy) {
  struct nooks_object *o = object_arg(OBJ_REGIONS, copy, "pci_release_regions");
  pci_release_regions(o->kernel);
  object_drop(o);
}

void *wrap_pci_get_drvdata(struct pci_dev *copy) { return pci_get_drvdata(device_arg(copy, "pci_get_drvdata")); }

void wrap_pci_set_drvdata(struct pci_dev *copy, void *data) {
  pci_set_drvdata(device_arg(copy, "pci_set_drvdata"), data);
  copy->driver_data = data;
}

/* Where the device answers is the kernel's business: a base address could be put over memory of others. */
static void config_arg(int where, u32 bytes) {
  u32 at = (u32)where;
  if ((at < BAR_END && at + bytes > BAR_FIRST) || (at < ROM_BAR + 4 && at + bytes > ROM_BAR))
    nooks_bad_call(TRIGGER_ARGUMENT, "pci_write_config: base address register at %#x", at);
}

#define CONFIG(width, type)                                                               \
  int wrap_pci_read_config_##width(struct pci_dev *copy, int where, type *value) {        \
    struct pci_dev *dev = device_arg(copy, "pci_read_config_" #width);                    \
    writable_arg(value, sizeof *value, "pci_read_config_" #width);                        \
    return pci_read_config_##width(dev, where, value);                                    \
  }                                                                                       \
  int wrap_pci_write_config_##width(struct pci_dev *copy, int where, u32 value) {         \
    struct pci_dev *dev = device_arg(copy, "pci_write_config_" #width);                   \
    config_arg(where, sizeof(type));                                                      \
    return pci_write_config_##width(dev, where, (type)value);                             \
  }
CONFIG(byte, u8)
CONFIG(word, u16)
CONFIG(dword, u32)
