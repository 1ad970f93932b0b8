/* PCI configuration space by mechanism 1 (PCI Local Bus Specification 2.2, 3.2.2.3.2). */
#include <asm/io.h>
#include <asm/system.h>
#include <linux/module.h>
#include <linux/pci.h>

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA 0xCFC
#define CONFIG_ENABLE 0x80000000u

static void select(const struct pci_dev *dev, int where) {
  outl(CONFIG_ENABLE | (u32)dev->bus << 16 | (u32)dev->devfn << 8 | ((u32)where & 0xFC), CONFIG_ADDRESS);
}

/* The address port is shared state: interrupts off around each access. */
#define CONFIG_ACCESS(dev, where, width, access)                \
  do {                                                          \
    unsigned long flags;                                        \
    if ((where) < 0 || (where) > 255 || (where) & ((width) - 1)) return -EINVAL; \
    local_irq_save(flags);                                      \
    select(dev, where);                                         \
    access;                                                     \
    local_irq_restore(flags);                                   \
    return 0;                                                   \
  } while (0)

int pci_read_config_byte(struct pci_dev *dev, int where, u8 *value) {
  CONFIG_ACCESS(dev, where, 1, *value = inb((u16)(CONFIG_DATA + (where & 3))));
}
int pci_read_config_word(struct pci_dev *dev, int where, u16 *value) {
  CONFIG_ACCESS(dev, where, 2, *value = inw((u16)(CONFIG_DATA + (where & 2))));
}
int pci_read_config_dword(struct pci_dev *dev, int where, u32 *value) {
  CONFIG_ACCESS(dev, where, 4, *value = inl(CONFIG_DATA));
}
int pci_write_config_byte(struct pci_dev *dev, int where, u8 value) {
  CONFIG_ACCESS(dev, where, 1, outb(value, (u16)(CONFIG_DATA + (where & 3))));
}
int pci_write_config_word(struct pci_dev *dev, int where, u16 value) {
  CONFIG_ACCESS(dev, where, 2, outw(value, (u16)(CONFIG_DATA + (where & 2))));
}
int pci_write_config_dword(struct pci_dev *dev, int where, u32 value) {
  CONFIG_ACCESS(dev, where, 4, outl(value, CONFIG_DATA));
}

EXPORT_SYMBOL(pci_read_config_byte);
EXPORT_SYMBOL(pci_read_config_word);
EXPORT_SYMBOL(pci_read_config_dword);
EXPORT_SYMBOL(pci_write_config_byte);
EXPORT_SYMBOL(pci_write_config_word);
EXPORT_SYMBOL(pci_write_config_dword);
