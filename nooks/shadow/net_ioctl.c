/*
 * The log of a network device's ioctl calls. Those that set something are replayed, in their order; those that ask for
 * something are answered from their last answers. A row says which are which, and how much memory of the caller's belongs
 * to one. Others, such as restarting negotiation, are deeds, not settings: neither logged nor replayed, their callers wait.
 *
 * Bounded: a device has at most MAX_LOGGED entries, and without memory a call is not logged.
 */
#include <asm/uaccess.h>
#include <linux/errno.h>
#include <linux/ethtool.h>
#include <linux/kernel.h>
#include <linux/mii.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sockios.h>
#include <linux/string.h>
#include "net.h"

#pragma clang section text = ".text.recovery"

#define MAX_LOGGED 72 /* both kinds of 32 registers, and the rest */

struct request {
  int cmd;
  u32 sub;   /* first word of the caller's memory, when it has some */
  bool sets;
  u16 bytes; /* of the caller's memory behind ifr_data; 0 = all is in the ifreq */
};

static const struct request requests[] = {
  { SIOCGMIIPHY, 0, false, 0 },
  { SIOCGMIIREG, 0, false, 0 },
  { SIOCSMIIREG, 0, true, 0 },
  { SIOCETHTOOL, ETHTOOL_GSET, false, sizeof(struct ethtool_cmd) },
  { SIOCETHTOOL, ETHTOOL_SSET, true, sizeof(struct ethtool_cmd) },
  { SIOCETHTOOL, ETHTOOL_GDRVINFO, false, sizeof(struct ethtool_drvinfo) },
  { SIOCETHTOOL, ETHTOOL_GLINK, false, sizeof(struct ethtool_value) },
};

struct logged {
  struct list_head list;
  const struct request *request;
  struct ifreq ifr;
  u8 data[];
};

static const struct mii_ioctl_data *mii(const struct ifreq *ifr) { return (const struct mii_ioctl_data *)ifr->ifr_mii; }

static const struct request *find_request(const struct ifreq *ifr, int cmd) {
  u32 sub = 0;
  if (cmd == SIOCETHTOOL && copy_from_user(&sub, ifr->ifr_data, sizeof sub)) return NULL;
  for (u32 i = 0; i < ARRAY_SIZE(requests); i++)
    if (requests[i].cmd == cmd && requests[i].sub == sub) return &requests[i];
  return NULL;
}

static bool same(const struct logged *l, const struct request *request, const struct ifreq *ifr) {
  if (l->request != request) return false;
  if (request->cmd != SIOCGMIIREG && request->cmd != SIOCSMIIREG) return true;
  return mii(&l->ifr)->reg_num == mii(ifr)->reg_num && mii(&l->ifr)->phy_id == mii(ifr)->phy_id;
}

static struct logged *find_logged(struct shadow_net *sn, const struct request *request, const struct ifreq *ifr) {
  struct logged *l;
  list_for_each_entry(l, &sn->ioctls, list)
    if (same(l, request, ifr)) return l;
  return NULL;
}

static void drop(struct shadow_net *sn, struct logged *l) {
  list_del(&l->list);
  sn->ioctl_count--;
  kfree(l);
}

/* What was answered before something was set may not be so any more. */
static void drop_answers(struct shadow_net *sn) {
  struct logged *l, *next;
  list_for_each_entry_safe(l, next, &sn->ioctls, list)
    if (!l->request->sets) drop(sn, l);
}

/* Bits that make the PHY do something once, and then clear themselves. */
static void keep_settings_only(struct ifreq *ifr) {
  struct mii_ioctl_data *data = (struct mii_ioctl_data *)ifr->ifr_mii;
  if (data->reg_num == MII_BMCR) data->val_in &= (u16)~(BMCR_RESET | BMCR_ANRESTART);
}

void net_ioctl_note(struct shadow_net *sn, const struct ifreq *ifr, int cmd) {
  const struct request *request = find_request(ifr, cmd);
  struct logged *l;
  if (!request) return;
  if (request->sets) drop_answers(sn);
  if ((l = find_logged(sn, request, ifr))) drop(sn, l);
  if (sn->ioctl_count >= MAX_LOGGED || !(l = kmalloc(sizeof *l + request->bytes, GFP_KERNEL))) return;
  l->request = request;
  l->ifr = *ifr;
  if (request->cmd == SIOCSMIIREG) keep_settings_only(&l->ifr);
  if (request->bytes && copy_from_user(l->data, ifr->ifr_data, request->bytes)) {
    kfree(l);
    return;
  }
  list_add_tail(&l->list, &sn->ioctls);
  sn->ioctl_count++;
}

bool net_ioctl_answer(struct shadow_net *sn, struct ifreq *ifr, int cmd, u32 *result) {
  const struct request *request = find_request(ifr, cmd);
  const struct logged *l = request && !request->sets ? find_logged(sn, request, ifr) : NULL;
  if (!l) return false;
  *result = 0;
  if (!request->bytes) memcpy(ifr->ifr_mii, l->ifr.ifr_mii, sizeof ifr->ifr_mii);
  else if (copy_to_user(ifr->ifr_data, l->data, request->bytes)) *result = (u32)-EFAULT;
  return true;
}

/* A setting that the new incarnation refuses is reported; the rest is better than nothing. */
void net_ioctl_replay(struct shadow_net *sn) {
  struct net_device *dev = dev_of(sn);
  struct logged *l;
  list_for_each_entry(l, &sn->ioctls, list) {
    if (!l->request->sets) continue;
    struct ifreq ifr = l->ifr;
    struct shadow_user user = {
      .task = current_task, .address = ifr.ifr_data, .bytes = l->request->bytes, .data = l->data,
    };
    shadow_user = &user;
    int err = netdev_functions.do_ioctl(dev, &ifr, l->request->cmd);
    shadow_user = NULL;
    if (err) printk(KERN_WARNING "shadow: %s: ioctl %#x is refused: %d\n", dev->name, l->request->cmd, err);
  }
}

void net_ioctl_forget(struct shadow_net *sn) {
  struct logged *l, *next;
  list_for_each_entry_safe(l, next, &sn->ioctls, list) drop(sn, l);
}
