/*
 * IPv4 addresses of devices, the routes that follow from them, one default gateway, and their configuration from
 * the kernel command line: ip=ADDRESS/PREFIX[:GATEWAY][,ADDRESS/PREFIX...], the first for eth0 and so on. A device that registers later, such as a reloaded driver's, gets its address then.
 *
 * Changes in process context with rtnl held; softirqs only read.
 */
#include <net/ip.h>
#include <kernel/boot.h>
#include <linux/errno.h>
#include <linux/inet.h>
#include <linux/interrupt.h>
#include <linux/net.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sockios.h>
#include <linux/string.h>
#include <asm/uaccess.h>

static u32 default_gateway;
static int autoconfig_wanted;

static u32 prefix_mask(unsigned int prefix) {
  return prefix ? htonl(~0u << (32 - prefix)) : 0;
}

/* The mask of an address that came without one (RFC 791 classes). */
static u32 class_mask(u32 address) {
  u32 host = ntohl(address);

  return htonl(host < 0x80000000u ? 0xFF000000u : host < 0xC0000000u ? 0xFFFF0000u : 0xFFFFFF00u);
}

/* Gives the device its only address; 0 takes it away. */
int inet_set_address(struct net_device *dev, u32 address, u32 mask) {
  struct in_device *in = dev->ip_ptr;

  if (!address) {
    inet_forget_device(dev);
    return 0;
  }
  if (MULTICAST(address) || address == INADDR_BROADCAST) return -EINVAL;
  if (!in) {
    in = kzalloc(sizeof(*in), GFP_KERNEL);
    if (!in) return -ENOMEM;
  }
  in->address = address;
  in->mask = mask;
  in->broadcast = address | ~mask;
  dev->ip_ptr = in;
  return 0;
}

void inet_forget_device(struct net_device *dev) {
  struct in_device *in = dev->ip_ptr;

  local_bh_disable();
  dev->ip_ptr = NULL;
  local_bh_enable();
  kfree(in);
}

int inet_addr_is_local(u32 address) {
  struct net_device *dev;

  if (LOOPBACK(address)) return 1;
  for (dev = dev_base; dev; dev = dev->next)
    if (dev->ip_ptr && dev->ip_ptr->address == address) return 1;
  return 0;
}

int inet_addr_is_broadcast(const struct net_device *dev, u32 address) {
  const struct in_device *in = dev->ip_ptr;

  return address == INADDR_BROADCAST || (in && in->mask != INADDR_BROADCAST && address == in->broadcast);
}

static struct net_device *on_link(u32 address) {
  struct net_device *dev;

  for (dev = dev_base; dev; dev = dev->next)
    if (dev->ip_ptr && netif_running(dev) && !((dev->ip_ptr->address ^ address) & dev->ip_ptr->mask)) return dev;
  return NULL;
}

/* The first device that can broadcast, for 255.255.255.255. */
static struct net_device *broadcast_device(void) {
  struct net_device *dev = dev_base;

  while (dev && !(dev->ip_ptr && netif_running(dev) && (dev->flags & IFF_BROADCAST))) dev = dev->next;
  return dev;
}

int ip_route_output(struct route *rt, u32 daddr) {
  rt->gateway = daddr;
  if (inet_addr_is_local(daddr)) {
    rt->dev = dev_get_by_name("lo");
    rt->saddr = daddr;
    return rt->dev && netif_running(rt->dev) ? 0 : -ENETUNREACH;
  }
  rt->dev = daddr == INADDR_BROADCAST ? broadcast_device() : on_link(daddr);
  if (!rt->dev && default_gateway) {
    rt->gateway = default_gateway;
    rt->dev = on_link(default_gateway);
  }
  if (!rt->dev) {
    ip_statistics.out_no_routes++;
    return -ENETUNREACH;
  }
  rt->saddr = rt->dev->ip_ptr->address;
  return 0;
}

static void set_sockaddr(struct sockaddr *sa, u32 address) {
  struct sockaddr_in *sin = (struct sockaddr_in *)sa;

  memset(sin, 0, sizeof(*sin));
  sin->sin_family = AF_INET;
  sin->sin_addr.s_addr = address;
}

static int inet_ifsioc(struct net_device *dev, struct ifreq *ifr, unsigned int cmd) {
  const struct sockaddr_in *given = (const struct sockaddr_in *)&ifr->ifr_addr;
  struct in_device *in = dev->ip_ptr;

  if ((cmd == SIOCSIFADDR || cmd == SIOCSIFNETMASK) && given->sin_family != AF_INET) return -EINVAL;
  if (cmd == SIOCSIFADDR) return inet_set_address(dev, given->sin_addr.s_addr, class_mask(given->sin_addr.s_addr));
  if (!in) return -EADDRNOTAVAIL;
  switch (cmd) {
    case SIOCGIFADDR: set_sockaddr(&ifr->ifr_addr, in->address); return 0;
    case SIOCGIFBRDADDR: set_sockaddr(&ifr->ifr_broadaddr, in->broadcast); return 0;
    case SIOCGIFNETMASK: set_sockaddr(&ifr->ifr_netmask, in->mask); return 0;
    case SIOCSIFNETMASK: return inet_set_address(dev, in->address, given->sin_addr.s_addr);
    default: return -ENOTTY;
  }
}

/* struct rtentry's first fields, as SIOCADDRT passes it. */
struct rtentry_head {
  unsigned long rt_pad1;
  struct sockaddr rt_dst, rt_gateway, rt_genmask;
};

static int add_route(const void *user) {
  struct rtentry_head rt;
  const struct sockaddr_in *dst = (const struct sockaddr_in *)&rt.rt_dst;
  const struct sockaddr_in *gateway = (const struct sockaddr_in *)&rt.rt_gateway;

  if (copy_from_user(&rt, user, sizeof(rt))) return -EFAULT;
  if (dst->sin_addr.s_addr || gateway->sin_family != AF_INET) return -EINVAL;
  default_gateway = gateway->sin_addr.s_addr;
  return 0;
}

int devinet_ioctl(unsigned int cmd, void *user_ifreq) {
  struct ifreq ifr;
  struct net_device *dev;
  int err;

  if (cmd == SIOCADDRT) return add_route(user_ifreq);
  if (copy_from_user(&ifr, user_ifreq, sizeof(ifr))) return -EFAULT;
  ifr.ifr_name[IFNAMSIZ - 1] = 0;
  dev = dev_get_by_name(ifr.ifr_name);
  if (!dev) return -ENODEV;
  err = inet_ifsioc(dev, &ifr, cmd);
  if (err) return err;
  return copy_to_user(user_ifreq, &ifr, sizeof(ifr)) ? -EFAULT : 0;
}

int in_aton(const char *text, u32 *address, const char **end) {
  unsigned char *out = (unsigned char *)address;
  int i;

  for (i = 0; i < 4; i++) {
    char *stop;
    unsigned long byte;

    if (*text < '0' || *text > '9') return 0;
    byte = simple_strtoul(text, &stop, 10);
    if (byte > 255 || stop - text > 3 || (i < 3 && *stop != '.')) return 0;
    out[i] = (unsigned char)byte;
    text = stop + (i < 3);
  }
  if (end) *end = text;
  return 1;
}

/* Reads "ADDRESS/PREFIX[:GATEWAY]" and gives dev that, unless it has an address. 0 if the text makes no sense. */
static int configure(struct net_device *dev, const char *text) {
  u32 address, gateway = 0;
  unsigned long prefix;
  char *end;
  int err;

  if (!in_aton(text, &address, &text) || *text != '/') return 0;
  prefix = simple_strtoul(text + 1, &end, 10);
  text = end;
  if (prefix < 1 || prefix > 32) return 0;
  if (*text == ':' && !in_aton(text + 1, &gateway, &text)) return 0;
  if (*text && *text != ',') return 0;
  if (dev->ip_ptr) return 1;
  if (gateway) default_gateway = gateway;
  err = inet_set_address(dev, address, prefix_mask(prefix));
  if (!err) err = dev_open(dev);
  if (err)
    printk(KERN_ERR "ip: cannot configure %s: error %d\n", dev->name, -err);
  else
    printk(KERN_INFO "ip: %s is %d.%d.%d.%d/%lu\n", dev->name, NIPQUAD(address), prefix);
  return 1;
}

/* The Nth address is for ethN, whether that device is there or not. */
static void configure_all(void) {
  const char *text = boot_option("ip");
  char name[IFNAMSIZ];
  int n;

  for (n = 0; text && *text; n++) {
    struct net_device *dev;

    snprintf(name, sizeof(name), "eth%d", n);
    dev = dev_get_by_name(name);
    if (dev && !configure(dev, text)) {
      printk(KERN_ERR "ip: cannot read ip=%s\n", boot_option("ip"));
      return;
    }
    text = strchr(text, ',');
    if (text) text++;
  }
}

/* Configures what was not yet. Process context. */
void ip_auto_config(void) {
  if (!autoconfig_wanted) return;
  rtnl_lock();
  autoconfig_wanted = 0;
  configure_all();
  rtnl_unlock();
}

static void autoconfig_work(void *unused) {
  (void)unused;
  ip_auto_config();
}

static struct tq_struct autoconfig_task = { .routine = autoconfig_work };

/* A device has registered: configure it soon, outside its driver's initialisation. */
void ip_auto_config_later(void) {
  autoconfig_wanted = 1;
  if (!autoconfig_task.list.next) INIT_LIST_HEAD(&autoconfig_task.list);
  schedule_task(&autoconfig_task);
}
