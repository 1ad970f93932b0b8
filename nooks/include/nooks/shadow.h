/*
 * Shadow drivers (Swift and others, "Recovering device drivers", OSDI 2004): one for each device whose driver has the
 * policy `shadow`. While the driver works its shadow is passive: taps in the wrappers tell it what was called and what
 * came back, and it logs what a new incarnation of the driver would have to be told. From the failure until the new
 * incarnation has been told, it is active: taps lead to the shadow only, and it answers for the driver.
 *
 * shadow.c is the part that all classes of drivers share; a class is a row of functions: net.c, with net_proxy.c (what is
 * done for callers) and net_ioctl.c (the log of ioctl calls), is the network's.
 */
#ifndef NOOKS_SHADOW_H
#define NOOKS_SHADOW_H

#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/wait.h>
#include <nooks/object.h>

/* ---- Any class ---- */

enum shadow_mode {
  SHADOW_PASSIVE, /* the driver works */
  SHADOW_ACTIVE,  /* it does not; the kernel's object stays, and calls come to the shadow */
  SHADOW_GONE,    /* it will not come back: callers get errors until the kernel's object is gone too */
};

struct shadow;

struct shadow_class {
  enum object_type type; /* what a driver of the class registers, one a device */
  /* The policy is set, or another one, while the driver has registered `o`. Process context. */
  void (*follow)(struct nooks_object *o);
  void (*leave)(struct nooks_object *o);
  /* Is `o`, which a new incarnation registers, this one's device? */
  bool (*matches)(const struct shadow *s, const struct nooks_object *o);
  /* The driver has failed: leads its taps to the proxies. Any context, interrupts off. */
  void (*activate)(struct shadow *s);
  /* The failed incarnation gives up its record: takes what was pending. Process context; the device is stopped. */
  void (*detach)(struct shadow *s);
  /* Tells the new incarnation what the log says. 0 or an error. Process context. */
  int (*replay)(struct shadow *s);
  /* Leads the taps back to the driver, and gives it what was queued. Soft interrupts off. */
  void (*deactivate)(struct shadow *s);
  /* Unregisters the kernel's object, and frees the shadow. Process context. */
  void (*end)(struct shadow *s);
};

struct shadow {
  struct list_head list; /* of all; changed in process context with interrupts off */
  const struct shadow_class *class;
  char driver[MODULE_NAME_LEN];
  volatile enum shadow_mode mode; /* interrupts off */
  struct nooks_object *object;    /* the driver's end; NULL: it has none at the moment */
  void *kernel;                   /* the kernel's object, which outlives incarnations of the driver */
  struct task_struct *replayer;   /* calls the driver although the shadow is active */
  wait_queue_head_t waiting;      /* suspended callers */
};

void shadow_add(struct shadow *s, const struct shadow_class *class, struct nooks_object *o);
void shadow_remove(struct shadow *s);
/* The active shadow whose device the record's driver is about to register; NULL: none, the device is new. */
struct shadow *shadow_awaiting(const struct shadow_class *class, const struct nooks_object *o);
/* The shadow of a kernel's object, NULL = none. Any context. */
struct shadow *shadow_of(const struct shadow_class *class, const void *kernel);
/*
 * Suspends the caller until the driver is back: 0. -EIO: it is not, for good or in time; -EINTR: the caller was killed;
 * -EBUSY: the caller may not sleep. The caller holds what keeps the kernel's object (the network's: rtnl).
 */
int shadow_suspend(struct shadow *s);
/* The record of an incarnation goes. True: the kernel's object stays. Process context. */
bool shadow_keeps(struct shadow *s);

/* ---- User memory of a caller who is not there: a request that is replayed reads the log's copy instead ---- */

struct shadow_user {
  struct task_struct *task; /* that replays */
  const void *address;      /* the caller's */
  u32 bytes;
  u8 *data;
};
extern struct shadow_user *shadow_user; /* NULL: nobody replays */

/* As copy_from_user and copy_to_user, for a wrapper body that runs for the task that replays. */
u32 shadow_copy_from_user(void *to, const void *from, u32 n);
u32 shadow_copy_to_user(void *to, const void *from, u32 n);
static inline bool shadow_replays(void) { return unlikely(shadow_user) && shadow_user->task == current_task; }

extern const struct shadow_class shadow_net_class; /* shadow/net.c */

/* ---- Network class: the taps of wrappers/netdev.c ---- */

struct shadow_net;

#define NET_METHODS(M)                                                                            \
  M(open) M(stop) M(hard_start_xmit) M(tx_timeout) M(do_ioctl) M(get_stats) M(set_multicast_list) \
  M(set_mac_address) M(change_mtu)

enum net_method {
#define M(method) NET_##method,
  NET_METHODS(M)
#undef M
  NET_METHOD_COUNT
};

/* What the kernel calls in place of the driver's functions: wrappers/netdev.c's, or the shadow's proxies. */
struct net_functions {
#define M(method) __typeof__(((struct net_device *)0)->method) method;
  NET_METHODS(M)
#undef M
};
extern const struct net_functions netdev_functions, net_proxies;

/* Makes the kernel call these functions, as far as the driver has them. Interrupts off when packets may come. */
void netdev_install(const struct nooks_netdev *n, struct net_device *dev, const struct net_functions *f);

/* A call has returned `result`, or the driver failed in it: what its caller gets. Process context or as the method's. */
u32 shadow_net_called(struct shadow_net *sn, enum net_method method, u32 result, u32 a, u32 b);
/* A packet is about to be given to the driver. */
void shadow_net_sent(struct shadow_net *sn, struct sk_buff *skb);
/* Counters that the driver said, in n->stats: those that the kernel gets. */
struct net_device_stats *shadow_net_stats(struct shadow_net *sn);
/* Before a call: the copy's queue and carrier bits stay what the driver made them while the shadow is active. */
void shadow_net_to_driver(const struct shadow_net *sn, struct net_device *copy);
/* Queue or carrier of the copy have changed; false: it is not the kernel's business now. */
bool shadow_net_changed(struct shadow_net *sn, const struct net_device *copy);
/* register_netdev: true if the device is one whose interface is there still, which is its from now on. */
bool shadow_net_register(struct nooks_netdev *n);
/* A device was registered: if its driver's policy says so, it gets a shadow. */
void shadow_net_follow(struct nooks_netdev *n);
void shadow_net_leave(struct nooks_netdev *n); /* the opposite, while it is passive */
/* The record goes, because the driver has failed or is unloaded; true: the kernel's interface stays. */
bool shadow_net_keeps(struct nooks_netdev *n);
/* unregister_netdev: true if the kernel's interface stays. */
bool shadow_net_unregister(struct nooks_netdev *n);

#endif
