/*
 * The list of network devices: registration, up and down, and the ioctl calls that concern a device and not its
 * address (those are in devinet.c). Process context; rtnl is held while a device changes.
 */
#include <linux/netdevice.h>
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sockios.h>
#include <linux/string.h>
#include <net/arp.h>
#include <net/ip.h>
#include <asm/bitops.h>
#include <asm/uaccess.h>

#define NAME_LIMIT 100 /* eth0 to eth99 */
#define MIN_MTU 68     /* RFC 791: every host takes datagrams of 68 bytes */

struct net_device *dev_base;
DECLARE_MUTEX(rtnl_sem);
static int last_ifindex;

struct net_device *dev_get_by_name(const char *name) {
  struct net_device *dev = dev_base;

  while (dev && strncmp(dev->name, name, IFNAMSIZ)) dev = dev->next;
  return dev;
}

struct net_device *dev_get_by_index(int ifindex) {
  struct net_device *dev = dev_base;

  while (dev && dev->ifindex != ifindex) dev = dev->next;
  return dev;
}

/* An Ethernet device that is not registered yet; "%d" in its name becomes the lowest free number. */
struct net_device *alloc_etherdev(int sizeof_priv) {
  struct net_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

  if (!dev) return NULL;
  if (sizeof_priv) {
    dev->priv = kzalloc(sizeof_priv, GFP_KERNEL | __GFP_DRIVER);
    if (!dev->priv) {
      kfree(dev);
      return NULL;
    }
  }
  ether_setup(dev);
  strcpy(dev->name, "eth%d");
  return dev;
}

void free_netdev(struct net_device *dev) {
  BUG_ON(netif_device_present(dev));
  kfree(dev->priv);
  dev->priv = NULL;
  dev->dead = 1;
  if (!atomic_read(&dev->refcnt)) kfree(dev);
}

void dev_put(struct net_device *dev) {
  if (atomic_dec_and_test(&dev->refcnt) && dev->dead) kfree(dev);
}

static int alloc_name(struct net_device *dev) {
  char name[IFNAMSIZ];
  int i;

  if (!strchr(dev->name, '%')) return dev_get_by_name(dev->name) ? -EEXIST : 0;
  for (i = 0; i < NAME_LIMIT; i++) {
    /* Never a driver's text as a format. */
    if (strcmp(dev->name, "eth%d")) return -EINVAL;
    snprintf(name, sizeof(name), "eth%d", i);
    if (!dev_get_by_name(name)) {
      strcpy(dev->name, name);
      return 0;
    }
  }
  return -ENFILE;
}

static int register_netdevice(struct net_device *dev) {
  struct net_device **p = &dev_base;
  int err;

  if (!dev->hard_start_xmit || netif_device_present(dev)) return -EINVAL;
  dev->name[IFNAMSIZ - 1] = 0;
  err = alloc_name(dev);
  if (err) return err;
  sch_init(dev);
  dev->ifindex = ++last_ifindex;
  set_bit(LINK_STATE_PRESENT, &dev->state);
  while (*p) p = &(*p)->next;
  dev->next = NULL;
  *p = dev;
  return 0;
}

/* Makes a device known. It stays down until dev_open(), which the kernel command line may ask for. */
int register_netdev(struct net_device *dev) {
  int err;

  rtnl_lock();
  err = register_netdevice(dev);
  rtnl_unlock();
  if (!err) ip_auto_config_later();
  return err;
}

static void unregister_netdevice(struct net_device *dev) {
  struct net_device **p = &dev_base;

  dev_close(dev);
  while (*p && *p != dev) p = &(*p)->next;
  if (!*p) {
    printk(KERN_ERR "unregister_netdev: %s is not registered\n", dev->name);
    return;
  }
  *p = dev->next;
  clear_bit(LINK_STATE_PRESENT, &dev->state);
  inet_forget_device(dev);
  arp_forget(dev);
  dev_mc_discard(dev);
}

/* Closes the device and forgets it; on return no function of its driver will be called. */
void unregister_netdev(struct net_device *dev) {
  rtnl_lock();
  unregister_netdevice(dev);
  rtnl_unlock();
}

int dev_open(struct net_device *dev) {
  int err = 0;

  if (dev->flags & IFF_UP) return 0;
  if (!netif_device_present(dev)) return -ENODEV;
  set_bit(LINK_STATE_START, &dev->state);
  if (dev->open) err = dev->open(dev);
  if (err) {
    clear_bit(LINK_STATE_START, &dev->state);
    return err;
  }
  dev->flags |= IFF_UP;
  dev_mc_upload(dev);
  dev_activate(dev);
  return 0;
}

int dev_close(struct net_device *dev) {
  if (!(dev->flags & IFF_UP)) return 0;
  dev_deactivate(dev);
  clear_bit(LINK_STATE_START, &dev->state);
  if (dev->stop) dev->stop(dev);
  dev->flags &= ~IFF_UP;
  dev_flush_backlog(dev);
  arp_forget(dev);
  return 0;
}

/* Flags that a program may set: up, promiscuous, all multicasts. */
int dev_change_flags(struct net_device *dev, unsigned int flags) {
  const unsigned int settable = IFF_PROMISC | IFF_ALLMULTI;
  unsigned int old = dev->flags;
  int err = 0;

  dev->flags = (dev->flags & ~settable) | (flags & settable);
  if ((old ^ flags) & IFF_UP)
    err = flags & IFF_UP ? dev_open(dev) : dev_close(dev);
  else if ((old ^ dev->flags) & settable)
    dev_mc_upload(dev);
  return err;
}

int dev_set_mtu(struct net_device *dev, int mtu) {
  if (mtu < MIN_MTU) return -EINVAL;
  if (dev->change_mtu) return dev->change_mtu(dev, mtu);
  if (mtu > ETH_DATA_LEN) return -EINVAL;
  dev->mtu = mtu;
  return 0;
}

static int set_mac_address(struct net_device *dev, struct sockaddr *address) {
  if (!dev->set_mac_address) return -EOPNOTSUPP;
  if (address->sa_family != dev->type) return -EINVAL;
  return dev->set_mac_address(dev, address);
}

/* The driver's counters, and what its queue had to drop. */
static int copy_stats(struct net_device *dev, struct ifreq *ifr) {
  const struct net_device_stats *counted = dev->get_stats ? dev->get_stats(dev) : NULL;
  struct net_device_stats stats;

  if (!counted) return -EOPNOTSUPP;
  stats = *counted;
  stats.tx_dropped += dev->queue_drops;
  return copy_to_user(ifr->ifr_data, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static unsigned int visible_flags(const struct net_device *dev) {
  return dev->flags | (netif_running(dev) && netif_carrier_ok(dev) ? IFF_RUNNING : 0);
}

static int dev_ifsioc(struct net_device *dev, struct ifreq *ifr, unsigned int cmd) {
  switch (cmd) {
    case SIOCGIFFLAGS: ifr->ifr_flags = (short)visible_flags(dev); return 0;
    case SIOCSIFFLAGS: return dev_change_flags(dev, (unsigned short)ifr->ifr_flags);
    case SIOCGIFMTU: ifr->ifr_mtu = dev->mtu; return 0;
    case SIOCSIFMTU: return dev_set_mtu(dev, ifr->ifr_mtu);
    case SIOCGIFINDEX: ifr->ifr_ifindex = dev->ifindex; return 0;
    case SIOCGIFHWADDR:
      ifr->ifr_hwaddr.sa_family = dev->type;
      memcpy(ifr->ifr_hwaddr.sa_data, dev->dev_addr, dev->addr_len);
      return 0;
    case SIOCSIFHWADDR: return set_mac_address(dev, &ifr->ifr_hwaddr);
    case SIOCADDMULTI: return dev_mc_add(dev, ifr->ifr_hwaddr.sa_data, dev->addr_len);
    case SIOCDELMULTI: return dev_mc_delete(dev, ifr->ifr_hwaddr.sa_data, dev->addr_len);
    case SIOCGIFSTATS: return copy_stats(dev, ifr);
    case SIOCETHTOOL:
    case SIOCGMIIPHY:
    case SIOCGMIIREG:
    case SIOCSMIIREG: return dev->do_ioctl ? dev->do_ioctl(dev, ifr, cmd) : -EOPNOTSUPP;
    default: return -ENOTTY;
  }
}

/* The ioctl of a socket that concerns a device: the request is copied in, and out again when it succeeded. */
int dev_ioctl(unsigned int cmd, void *user_ifreq) {
  struct ifreq ifr;
  struct net_device *dev;
  int err;

  if (copy_from_user(&ifr, user_ifreq, sizeof(ifr))) return -EFAULT;
  ifr.ifr_name[IFNAMSIZ - 1] = 0;
  if (cmd == SIOCGIFNAME) {
    dev = dev_get_by_index(ifr.ifr_ifindex);
    if (!dev) return -ENODEV;
    strcpy(ifr.ifr_name, dev->name);
    err = 0;
  } else {
    dev = dev_get_by_name(ifr.ifr_name);
    if (!dev) return -ENODEV;
    err = dev_ifsioc(dev, &ifr, cmd);
  }
  if (err) return err;
  return copy_to_user(user_ifreq, &ifr, sizeof(ifr)) ? -EFAULT : 0;
}

EXPORT_SYMBOL(alloc_etherdev);
EXPORT_SYMBOL(free_netdev);
EXPORT_SYMBOL(register_netdev);
EXPORT_SYMBOL(unregister_netdev);
