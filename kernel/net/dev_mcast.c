/* The list of link-layer group addresses of a device. It is the kernel's; drivers only read it. Softirqs off. */
#include <linux/netdevice.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Has the driver load the list into the device. */
void dev_mc_upload(struct net_device *dev) {
  if (!(dev->flags & IFF_UP) || !dev->set_multicast_list || !netif_device_present(dev)) return;
  local_bh_disable();
  dev->set_multicast_list(dev);
  local_bh_enable();
}

static struct dev_mc_list **find(struct net_device *dev, const void *addr, int alen) {
  struct dev_mc_list **p = &dev->mc_list;

  while (*p && ((*p)->dmi_addrlen != alen || memcmp((*p)->dmi_addr, addr, alen))) p = &(*p)->next;
  return p;
}

int dev_mc_add(struct net_device *dev, const void *addr, int alen) {
  struct dev_mc_list **p, *entry;

  if (alen <= 0 || alen > MAX_ADDR_LEN || !(*(const unsigned char *)addr & 1)) return -EINVAL;
  p = find(dev, addr, alen);
  if (*p) {
    (*p)->dmi_users++;
    return 0;
  }
  entry = kzalloc(sizeof(*entry), GFP_ATOMIC);
  if (!entry) return -ENOMEM;
  memcpy(entry->dmi_addr, addr, alen);
  entry->dmi_addrlen = (unsigned char)alen;
  entry->dmi_users = 1;
  *p = entry;
  dev->mc_count++;
  dev_mc_upload(dev);
  return 0;
}

int dev_mc_delete(struct net_device *dev, const void *addr, int alen) {
  struct dev_mc_list **p = find(dev, addr, alen), *entry = *p;

  if (!entry) return -ENOENT;
  if (--entry->dmi_users) return 0;
  *p = entry->next;
  kfree(entry);
  dev->mc_count--;
  dev_mc_upload(dev);
  return 0;
}

void dev_mc_discard(struct net_device *dev) {
  struct dev_mc_list *entry;

  while ((entry = dev->mc_list)) {
    dev->mc_list = entry->next;
    kfree(entry);
  }
  dev->mc_count = 0;
}
