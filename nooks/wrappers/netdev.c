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
#include <nooks/shadow.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

#define MAX_PRIVATE 65536

static struct nooks_netdev *netdev_of(struct nooks_object *o) { return container_of(o, struct nooks_netdev, o); }

static struct nooks_netdev *of_kernel(struct net_device *dev) {
  return netdev_of(object_of_kernel(OBJ_NETDEV, dev));
}

/* ---- The kernel calls the driver ---- */

static void to_driver(const struct nooks_netdev *n, const struct net_device *dev) {
  netdev_to_driver(n->o.domain, n->o.driver, dev);
  if (unlikely(n->shadow)) shadow_net_to_driver(n->shadow, n->o.driver);
}

/* The copy is brought up to date before a call, the kernel's object after it. */
static u32 call_method(struct nooks_netdev *n, const void *fn, u32 failed, u32 nargs, u32 arg) {
  struct net_device *dev = n->o.kernel;
  struct nooks_domain *d = n->o.domain;
  u32 result = failed;
  if (!fn) return failed;
  to_driver(n, dev);
  if (nooks_driver_call(d, &result, fn, nargs, n->o.driver, arg)) return failed;
  if (!netdev_from_driver(d, dev, n->o.driver)) nooks_fail(d, TRIGGER_ARGUMENT, "%s: values that make no sense", dev->name);
  return result;
}

/* A shadow driver, if there is one, is told; when the driver has failed, it answers. The record is not used after it. */
static u32 called(struct shadow_net *shadow, enum net_method method, u32 result, u32 a, u32 b) {
  return unlikely(shadow) ? shadow_net_called(shadow, method, result, a, b) : result;
}

static int nd_open(struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  struct shadow_net *shadow = n->shadow;
  return (int)called(shadow, NET_open, call_method(n, n->open, (u32)-EIO, 1, 0), 0, 0);
}

static int nd_stop(struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  struct shadow_net *shadow = n->shadow;
  return (int)called(shadow, NET_stop, call_method(n, n->stop, 0, 1, 0), 0, 0);
}

static void nd_tx_timeout(struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  call_method(n, n->tx_timeout, 0, 1, 0);
}

static void nd_set_multicast_list(struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  call_method(n, n->set_multicast_list, 0, 1, 0);
}

static int nd_change_mtu(struct net_device *dev, int mtu) {
  struct nooks_netdev *n = of_kernel(dev);
  struct shadow_net *shadow = n->shadow;
  u32 result = call_method(n, n->change_mtu, (u32)-EIO, 2, (u32)mtu);
  return (int)called(shadow, NET_change_mtu, result, (u32)mtu, 0);
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
  if (unlikely(n->shadow)) shadow_net_sent(n->shadow, skb);
  if (nooks_driver_call(d, &refused, n->hard_start_xmit, 2, copy, copy_dev) && !n->shadow) netif_stop_queue(dev);
  if (!refused) {
    d->took = jiffies;
    return 0;
  }
  return packet_return(d, copy) ? 1 : 0; /* 0: it has freed what it refused, there is nothing to send again */
}

/* An object of one call: a copy in the domain's memory, on the task's table while the call lasts. */
static int call_with_block(struct nooks_netdev *n, const void *fn, void *block, u32 bytes, u32 nargs, u32 arg) {
  struct net_device *dev = n->o.kernel;
  struct nooks_domain *d = n->o.domain;
  struct nooks_object object = { .domain = d, .type = OBJ_CALL, .kernel = block };
  u32 result = (u32)-EIO;
  if (!fn) return -EOPNOTSUPP;
  object.driver = heap_alloc(d->heap, bytes, GFP_KERNEL);
  if (!object.driver) return -ENOMEM;
  to_driver(n, dev);
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
  struct nooks_netdev *n = of_kernel(dev);
  struct shadow_net *shadow = n->shadow;
  int result = call_with_block(n, n->do_ioctl, ifr, sizeof *ifr, 3, (u32)cmd);
  return (int)called(shadow, NET_do_ioctl, (u32)result, (u32)ifr, (u32)cmd);
}

static int nd_set_mac_address(struct net_device *dev, void *address) {
  struct sockaddr sa = *(struct sockaddr *)address;
  struct nooks_netdev *n = of_kernel(dev);
  struct shadow_net *shadow = n->shadow;
  int result = call_with_block(n, n->set_mac_address, &sa, sizeof sa, 2, 0);
  return (int)called(shadow, NET_set_mac_address, (u32)result, (u32)address, 0);
}

static struct net_device_stats *nd_get_stats(struct net_device *dev) {
  struct nooks_netdev *n = of_kernel(dev);
  struct nooks_domain *d = n->o.domain;
  u32 stats = 0;
  if (n->get_stats && !nooks_driver_call(d, &stats, n->get_stats, 1, n->o.driver) && stats) {
    if (domain_can_read(d, (void *)stats, sizeof n->stats)) copy_block(d, &n->stats, (void *)stats, sizeof n->stats);
    else nooks_fail(d, TRIGGER_ARGUMENT, "get_stats returned %#x", stats);
  }
  if (unlikely(n->shadow)) return shadow_net_stats(n->shadow);
  return &n->stats; /* of a failed driver: what it last said */
}

#define M(method) .method = nd_##method,
const struct net_functions netdev_functions = { NET_METHODS(M) };
#undef M

void netdev_install(const struct nooks_netdev *n, struct net_device *dev, const struct net_functions *f) {
#define M(method) dev->method = n->method ? f->method : NULL;
  NET_METHODS(M)
#undef M
}

/* ---- The driver calls the kernel ---- */

/* Function pointers that cross are replaced: the kernel calls ours, which call the driver's. */
static void replace_methods(struct nooks_netdev *n, struct net_device *dev, const struct net_device *copy) {
#define M(method) n->method = copy->method ? code_arg((const void *)copy->method, "register_netdev") : NULL;
  NET_METHODS(M)
#undef M
  netdev_install(n, dev, &netdev_functions);
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
  int err = shadow_net_register(n) ? 0 : register_netdev(dev);
  n->registered = !err;
  netdev_to_driver(n->o.domain, copy, n->o.kernel);
  if (n->registered && !n->shadow) shadow_net_follow(n);
  return err;
}

void wrap_unregister_netdev(struct net_device *copy) {
  struct nooks_netdev *n = netdev_of(object_arg(OBJ_NETDEV, copy, "unregister_netdev"));
  if (!n->registered) nooks_bad_call(TRIGGER_ARGUMENT, "unregister_netdev: %s is not registered", copy->name);
  n->registered = false;
  if (shadow_net_unregister(n)) return;
  unregister_netdev(n->o.kernel);
  netdev_to_driver(n->o.domain, copy, n->o.kernel);
}

void netdev_changed(struct nooks_object *o) {
  struct shadow_net *shadow = netdev_of(o)->shadow;
  if (unlikely(shadow) && !shadow_net_changed(shadow, o->driver)) return;
  netdev_state_from_driver(o->kernel, o->driver);
}

void wrap_netdev_changed(struct net_device *copy) {
  netdev_changed(object_arg(OBJ_NETDEV, copy, "netif_*"));
}
