/*
 * Wrappers of network devices, both ways: the functions that a driver calls, and the kernel's side of the
 * functions that the driver gives (nd_*). The extension has a copy of its net_device; the private part
 * behind dev->priv lies in its heap, and the kernel never looks into it.
 */
#include <linux/errno.h>
#include <linux/if.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

#define MAX_PRIVATE 65536

static struct nooks_netdev *netdev_of(struct nooks_object *o) { return container_of(o, struct nooks_netdev, o); }

static struct nooks_netdev *of_kernel(struct net_device *dev) {
  return netdev_of(object_of_kernel(OBJ_NETDEV, dev));
}

/* ---- The kernel calls the driver ---- */

/* The copy is brought up to date before a call, the kernel's object after it. */
static u32 call_method(struct net_device *dev, const void *fn, u32 failed, u32 nargs, u32 arg) {
  struct nooks_netdev *n = of_kernel(dev);
  struct nooks_domain *d = n->o.domain;
  u32 result = failed;
  if (!fn) return failed;
  netdev_to_driver(d, n->o.driver, dev);
  if (nooks_driver_call(d, &result, fn, nargs, n->o.driver, arg)) return failed;
  if (!netdev_from_driver(d, dev, n->o.driver)) nooks_fail(d, TRIGGER_ARGUMENT, "%s: values that make no sense", dev->name);
  return result;
}

static int nd_open(struct net_device *dev) {
  return (int)call_method(dev, of_kernel(dev)->open, (u32)-EIO, 1, 0);
}

static int nd_stop(struct net_device *dev) { return (int)call_method(dev, of_kernel(dev)->stop, 0, 1, 0); }

static void nd_tx_timeout(struct net_device *dev) { call_method(dev, of_kernel(dev)->tx_timeout, 0, 1, 0); }

static void nd_set_multicast_list(struct net_device *dev) {
  call_method(dev, of_kernel(dev)->set_multicast_list, 0, 1, 0);
}

static int nd_change_mtu(struct net_device *dev, int mtu) {
  return (int)call_method(dev, of_kernel(dev)->change_mtu, (u32)-EIO, 2, (u32)mtu);
}

/*
 * The packet path: the copy of the net_device is not brought up to date but for its state, since no driver
 * writes to it here. A driver that has failed takes no more packets until it is back.
 */
static int nd_hard_start_xmit(struct sk_buff *skb, struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  struct nooks_domain *d = n->o.domain;
  struct net_device *copy_dev = n->o.driver;
  struct sk_buff *copy = skb->data_len ? NULL : packet_lend(d, skb, copy_dev);
  u32 refused = 1;
  if (!copy) return 1;
  copy_dev->state = dev->state;
  if (nooks_driver_call(d, &refused, n->hard_start_xmit, 2, copy, copy_dev)) netif_stop_queue(dev);
  if (!refused) {
    d->took = jiffies;
    return 0;
  }
  return packet_return(d, copy) ? 1 : 0; /* 0: it has freed what it refused, there is nothing to send again */
}

/* An object of one call: a copy in the domain's memory, on the task's table while the call lasts. */
static int call_with_block(struct net_device *dev, const void *fn, void *block, u32 bytes, u32 nargs, u32 arg) {
  struct nooks_netdev *n = of_kernel(dev);
  struct nooks_domain *d = n->o.domain;
  struct nooks_object object = { .domain = d, .type = OBJ_CALL, .kernel = block };
  u32 result = (u32)-EIO;
  if (!fn) return -EOPNOTSUPP;
  object.driver = heap_alloc(d->heap, bytes, GFP_KERNEL);
  if (!object.driver) return -ENOMEM;
  netdev_to_driver(d, n->o.driver, dev);
  copy_block(d, object.driver, block, bytes);
  u32 args[3] = { (u32)n->o.driver, (u32)object.driver, arg };
  if (!nooks_driver_call_with(d, &object, &result, fn, nargs, args)) {
    copy_block(d, block, object.driver, bytes);
    if (!netdev_from_driver(d, dev, n->o.driver)) nooks_fail(d, TRIGGER_ARGUMENT, "%s: values that make no sense", dev->name);
  }
  heap_free(object.driver);
  return (int)result;
}

static int nd_do_ioctl(struct net_device *dev, struct ifreq *ifr, int cmd) {
  return call_with_block(dev, of_kernel(dev)->do_ioctl, ifr, sizeof *ifr, 3, (u32)cmd);
}

static int nd_set_mac_address(struct net_device *dev, void *address) {
  struct sockaddr sa = *(struct sockaddr *)address;
  return call_with_block(dev, of_kernel(dev)->set_mac_address, &sa, sizeof sa, 2, 0);
}

static struct net_device_stats *nd_get_stats(struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  struct nooks_domain *d = n->o.domain;
  u32 stats = 0;
  if (n->get_stats && !nooks_driver_call(d, &stats, n->get_stats, 1, n->o.driver) && stats) {
    if (domain_can_read(d, (void *)stats, sizeof n->stats)) copy_block(d, &n->stats, (void *)stats, sizeof n->stats);
    else nooks_fail(d, TRIGGER_ARGUMENT, "get_stats returned %#x", stats);
  }
  return &n->stats; /* of a failed driver: what it last said */
}

/* ---- The driver calls the kernel ---- */

#define METHODS(M)                                                                                              \
  M(open) M(stop) M(hard_start_xmit) M(tx_timeout) M(do_ioctl) M(get_stats) M(set_multicast_list) \
  M(set_mac_address) M(change_mtu)

/* Function pointers that cross are replaced: the kernel calls ours, which call the driver's. */
static void replace_methods(struct nooks_netdev *n, struct net_device *dev, const struct net_device *copy) {
#define M(method)                                                                                \
  n->method = copy->method ? code_arg((const void *)copy->method, "register_netdev") : NULL; \
  dev->method = n->method ? nd_##method : NULL;
  METHODS(M)
#undef M
}

static struct net_device *new_copy(struct nooks_domain *d, const struct net_device *dev, int sizeof_priv) {
  struct net_device *copy = heap_alloc(d->heap, sizeof *copy, GFP_KERNEL);
  void *priv = sizeof_priv ? heap_alloc(d->heap, (u32)sizeof_priv, GFP_KERNEL) : NULL;
  if (!copy || (sizeof_priv && !priv)) {
    heap_free(copy);
    heap_free(priv);
    return NULL;
  }
  memset(copy, 0, sizeof *copy);
  netdev_to_driver(d, copy, dev);
  copy->hard_header = dev->hard_header;
  if (priv) memset(priv, 0, (u32)sizeof_priv);
  copy->priv = priv;
  return copy;
}

struct net_device *wrap_alloc_etherdev(int sizeof_priv) {
  struct nooks_domain *d = calling_domain();
  if (sizeof_priv < 0 || sizeof_priv > MAX_PRIVATE) nooks_bad_call(TRIGGER_ARGUMENT, "alloc_etherdev: %d bytes", sizeof_priv);
  struct nooks_netdev *n = object_wanted(d, sizeof *n);
  struct net_device *dev = n ? alloc_etherdev(0) : NULL;
  struct net_device *copy = dev ? new_copy(d, dev, sizeof_priv) : NULL;
  if (!copy) {
    if (dev) free_netdev(dev);
    kfree(n);
    return NULL;
  }
  dev->owner = d->module;
  object_track_both(d, &n->o, OBJ_NETDEV, copy, dev);
  return copy;
}

void wrap_free_netdev(struct net_device *copy) {
  struct nooks_netdev *n = netdev_of(object_arg(OBJ_NETDEV, copy, "free_netdev"));
  struct net_device *dev = n->o.kernel;
  struct heap *heap;
  void *start;
  size_t size;
  if (n->registered) nooks_bad_call(TRIGGER_ARGUMENT, "free_netdev: %s is registered", dev->name);
  if (copy->priv && heap_object(copy->priv, &heap, &start, &size) && heap == n->o.domain->heap && start == copy->priv)
    heap_free(copy->priv);
  object_drop(&n->o);
  heap_free(copy);
  free_netdev(dev);
}

int wrap_register_netdev(struct net_device *copy) {
  struct nooks_netdev *n = netdev_of(object_arg(OBJ_NETDEV, copy, "register_netdev"));
  struct net_device *dev = n->o.kernel;
  if (n->registered) nooks_bad_call(TRIGGER_ARGUMENT, "register_netdev: %s is registered already", dev->name);
  replace_methods(n, dev, copy);
  memcpy(dev->name, copy->name, IFNAMSIZ);
  dev->name[IFNAMSIZ - 1] = 0;
  if (!netdev_from_driver(n->o.domain, dev, copy)) nooks_bad_call(TRIGGER_ARGUMENT, "register_netdev: values that make no sense");
  int err = register_netdev(dev);
  n->registered = !err;
  netdev_to_driver(n->o.domain, copy, dev);
  return err;
}

void wrap_unregister_netdev(struct net_device *copy) {
  struct nooks_netdev *n = netdev_of(object_arg(OBJ_NETDEV, copy, "unregister_netdev"));
  if (!n->registered) nooks_bad_call(TRIGGER_ARGUMENT, "unregister_netdev: %s is not registered", copy->name);
  n->registered = false;
  unregister_netdev(n->o.kernel);
  netdev_to_driver(n->o.domain, copy, n->o.kernel);
}

void wrap_netdev_changed(struct net_device *copy) {
  struct nooks_object *o = object_arg(OBJ_NETDEV, copy, "netif_*");
  netdev_state_from_driver(o->kernel, copy);
}
