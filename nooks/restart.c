/*
 * Restart, the paper's order of steps: interrupts of its devices are off and no call goes in since the failure was
 * detected (detect.c). The tasks in it unwind; its devices stop; what they cannot touch is released; the module is
 * unloaded, loaded into a new domain and started; only then, its device having been reset, interrupt lines, packets and
 * consistent memory of the old incarnation are freed (release.c), with its heap and its domain.
 *
 * Here too are the policies that are less than restart, panic and unload, and more: alternate, which loads another
 * implementation in its place, as a recovery block does (Randell 1975). Its module's parameters are those it was given
 * at boot. Interfaces come back under their names with flags, IPv4 and hardware addresses; programs keep their sockets.
 *
 * Left out: the module's own static data could be a target of DMA too, and is freed with the module.
 */
#include <kernel/hooks.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <net/ip.h>
#include <nooks/event.h>
#include <nooks/object.h>
#include <nooks/policy.h>

#pragma clang section text = ".text.recovery"

/* ---- Interfaces ---- */

static void save_interface(struct recovery *r, const struct net_device *dev) {
  struct recovery_interface *i = &r->interfaces[r->count++];
  memcpy(i->name, dev->name, IFNAMSIZ);
  memcpy(i->hardware, dev->dev_addr, sizeof i->hardware);
  i->flags = dev->flags;
  i->address = dev->ip_ptr ? dev->ip_ptr->address : 0;
  i->mask = dev->ip_ptr ? dev->ip_ptr->mask : 0;
}

/* The oldest first: that is the order in which a driver finds its devices. */
void recovery_save_interfaces(struct recovery *r) {
  const struct list_head *list = &r->domain->objects[OBJ_NETDEV];
  r->count = 0;
  for (const struct list_head *at = list->prev; at != list && r->count < RECOVERY_INTERFACES; at = at->prev) {
    const struct nooks_netdev *n = list_entry(at, struct nooks_netdev, o.list);
    if (n->registered) save_interface(r, n->o.kernel);
  }
}

static int restore_hardware_address(struct net_device *dev, const u8 *address) {
  struct sockaddr sa = { .sa_family = dev->type };
  if (!memcmp(dev->dev_addr, address, 6) || !dev->set_mac_address) return 0;
  memcpy(sa.sa_data, address, 6);
  return dev->set_mac_address(dev, &sa);
}

static int restore_interface(const struct recovery_interface *i) {
  int err = 0;
  rtnl_lock();
  struct net_device *dev = dev_get_by_name(i->name);
  if (dev) {
    err = restore_hardware_address(dev, i->hardware);
    if (!err && i->address && !dev->ip_ptr) err = inet_set_address(dev, i->address, i->mask);
    if (!err) err = dev_change_flags(dev, i->flags);
  }
  rtnl_unlock();
  if (!dev) err = -ENODEV;
  if (err) printk(KERN_ERR "nooks: interface %s does not come back: %d\n", i->name, err);
  return err;
}

/* ---- Restart ---- */

static int unload(struct recovery *r) {
  struct nooks_domain *d = r->domain;
  if (!d) return 0;
  int err = unload_module(r->name, true);
  r->domain = NULL;
  return err;
}

static int load(struct recovery *r) {
  const char *args = strcmp(r->load, r->name) ? NULL : r->args;
  int err = load_module(r->load, args);
  if (err) return err == -ENOENT ? -ENXIO : err; /* no such module */
  r->domain = domain_find(r->load);
  return r->domain ? 0 : -ENOENT; /* somebody has unloaded it at once */
}

/* An interface that does not come back for the driver's own reasons is reported, but the driver serves. */
static int start(struct recovery *r) {
  int err = r->policy->loaded ? r->policy->loaded(r) : 0;
  for (u32 i = 0; !err && i < r->count; i++) restore_interface(&r->interfaces[i]);
  if (!err) nooks_event(EVENT_RESTORED, r->name, 0);
  return err;
}

int recovery_restart(struct recovery *r) {
  struct nooks_domain *old = r->domain;
  if (old) strlcpy(old->heir, r->load, sizeof old->heir);
  int err = unload(r);
  if (!err) err = load(r);
  if (err == -ENOMEM && old) { /* or no number for another domain */
    domain_bury(old);
    old = NULL;
    err = load(r);
  }
  if (!err) {
    nooks_event(EVENT_LOADED, r->name, 0);
    err = start(r);
  }
  if (old) domain_bury(old);
  return err;
}

static int restart(struct recovery *r) {
  strlcpy(r->load, r->name, sizeof r->load);
  return recovery_restart(r);
}

const struct recovery_policy policy_restart = { .name = "restart", .number = 2, .recover = restart };

/* ---- The others ---- */

static int alternate(struct recovery *r) {
  const char *module = policy_alternate_of(r->name);
  if (!*module) return -ENOENT;
  strlcpy(r->load, module, sizeof r->load);
  return recovery_restart(r);
}

const struct recovery_policy policy_alternate = {
  .name = "alternate", .number = 5, .recover = alternate, .otherwise = &policy_restart,
};

static int only_unload(struct recovery *r) { return unload(r); }

const struct recovery_policy policy_unload = { .name = "unload", .number = 1, .recover = only_unload };

/* What a kernel without isolation would do, more or less; at once, before anything else is touched. */
static void give_in(struct nooks_domain *d) {
  panic("%s failed, and its recovery policy is panic", d->name);
}

static int not_reached(struct recovery *r) {
  give_in(r->domain);
  return 0;
}

const struct recovery_policy policy_panic = { .name = "panic", .number = 0, .failed = give_in, .recover = not_reached };
