/*
 * What a shadow does for the kernel while a network driver is away: a row a method. Whoever sends sees no error but the
 * flow control of a slow device; whoever sets something sleeps until the driver is back and has done it; whoever asks
 * gets what was said last.
 *
 * A request in which the driver fails is given to the next incarnation too, but not for ever: it may be the cause.
 */
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include "net.h"

#pragma clang section text = ".text.recovery"

#define MAX_QUEUED 512 /* packets: more than a socket's buffer lets out; then the device's own queue fills */
#define MAX_AGAIN 3    /* times that a request is given to a driver */

enum proxy_action {
  PROXY_ANSWER,  /* from the log; else suspend */
  PROXY_SUSPEND, /* the caller, until the driver is back and does it. In an interrupt: busy */
  PROXY_QUEUE,   /* and say success */
  PROXY_DROP,    /* nothing is lost, or nothing that may not be */
};

static const struct {
  enum proxy_action action;
  u32 failed; /* what the caller gets when the driver does not come back */
} rows[NET_METHOD_COUNT] = {
  [NET_open] = { PROXY_SUSPEND, (u32)-EIO },
  [NET_stop] = { PROXY_SUSPEND, 0 }, /* it is silent */
  [NET_hard_start_xmit] = { PROXY_QUEUE, 0 },
  [NET_tx_timeout] = { PROXY_DROP, 0 }, /* being recovered is all that could be asked for */
  [NET_do_ioctl] = { PROXY_ANSWER, (u32)-EIO },
  [NET_get_stats] = { PROXY_ANSWER, 0 },
  [NET_set_multicast_list] = { PROXY_DROP, 0 }, /* list and flags are the kernel's and loaded at the end */
  [NET_set_mac_address] = { PROXY_SUSPEND, (u32)-EIO },
  [NET_change_mtu] = { PROXY_SUSPEND, (u32)-EIO },
};

static u32 call(struct net_device *dev, enum net_method method, u32 a, u32 b) {
  switch (method) {
    case NET_open: return dev->open ? (u32)dev->open(dev) : 0;
    case NET_stop: return dev->stop ? (u32)dev->stop(dev) : 0;
    case NET_do_ioctl: return dev->do_ioctl ? (u32)dev->do_ioctl(dev, (struct ifreq *)a, (int)b) : (u32)-EOPNOTSUPP;
    case NET_set_mac_address: return dev->set_mac_address ? (u32)dev->set_mac_address(dev, (void *)a) : (u32)-EOPNOTSUPP;
    case NET_change_mtu: return dev->change_mtu ? (u32)dev->change_mtu(dev, (int)a) : (u32)-EOPNOTSUPP;
    default: return 0;
  }
}

/* The second and third time the call comes here again from within itself. */
static u32 suspend(struct shadow_net *sn, enum net_method method, u32 a, u32 b) {
  struct net_device *dev = dev_of(sn);
  if (sn->again >= MAX_AGAIN) return rows[method].failed;
  int err = shadow_suspend(&sn->s);
  if (err) {
    if (method == NET_stop) sn->open = false;
    return err == -EIO ? rows[method].failed : (u32)err;
  }
  sn->again++;
  u32 result = call(dev, method, a, b);
  sn->again--;
  return result;
}

/* Softirqs off. */
static u32 enqueue(struct shadow_net *sn, struct sk_buff *skb) {
  if (sn->s.mode == SHADOW_GONE) {
    dev_kfree_skb_any(skb);
    return 0;
  }
  if (sn->queue.qlen >= MAX_QUEUED) {
    netif_stop_queue(dev_of(sn));
    return 1;
  }
  __skb_queue_tail(&sn->queue, skb);
  return 0;
}

static bool answer(struct shadow_net *sn, enum net_method method, u32 a, u32 b, u32 *result) {
  if (method == NET_do_ioctl) return net_ioctl_answer(sn, (struct ifreq *)a, (int)b, result);
  *result = (u32)&sn->told;
  return true;
}

u32 net_proxy(struct shadow_net *sn, enum net_method method, u32 a, u32 b) {
  u32 result;
  switch (rows[method].action) {
    case PROXY_ANSWER: return answer(sn, method, a, b, &result) ? result : suspend(sn, method, a, b);
    case PROXY_SUSPEND: return suspend(sn, method, a, b);
    case PROXY_QUEUE: return enqueue(sn, (struct sk_buff *)a);
    case PROXY_DROP: break;
  }
  return 0;
}

static u32 proxy(struct net_device *dev, enum net_method method, u32 a, u32 b) {
  return net_proxy(net_of(shadow_of(&shadow_net_class, dev)), method, a, b);
}

static int proxy_open(struct net_device *dev) { return (int)proxy(dev, NET_open, 0, 0); }
static int proxy_stop(struct net_device *dev) { return (int)proxy(dev, NET_stop, 0, 0); }
static int proxy_xmit(struct sk_buff *skb, struct net_device *dev) {
  return (int)proxy(dev, NET_hard_start_xmit, (u32)skb, 0);
}
static void proxy_tx_timeout(struct net_device *dev) { proxy(dev, NET_tx_timeout, 0, 0); }
static int proxy_ioctl(struct net_device *dev, struct ifreq *ifr, int cmd) {
  return (int)proxy(dev, NET_do_ioctl, (u32)ifr, (u32)cmd);
}
static struct net_device_stats *proxy_get_stats(struct net_device *dev) {
  return (struct net_device_stats *)proxy(dev, NET_get_stats, 0, 0);
}
static void proxy_set_multicast_list(struct net_device *dev) { proxy(dev, NET_set_multicast_list, 0, 0); }
static int proxy_set_mac_address(struct net_device *dev, void *a) {
  return (int)proxy(dev, NET_set_mac_address, (u32)a, 0);
}
static int proxy_change_mtu(struct net_device *dev, int mtu) { return (int)proxy(dev, NET_change_mtu, (u32)mtu, 0); }

const struct net_functions net_proxies = {
  .open = proxy_open, .stop = proxy_stop, .hard_start_xmit = proxy_xmit, .tx_timeout = proxy_tx_timeout,
  .do_ioctl = proxy_ioctl, .get_stats = proxy_get_stats, .set_multicast_list = proxy_set_multicast_list,
  .set_mac_address = proxy_set_mac_address, .change_mtu = proxy_change_mtu,
};
