/* Shadow drivers of network devices: what net.c, net_proxy.c and net_ioctl.c share. */
#ifndef SHADOW_NET_H
#define SHADOW_NET_H

#include <linux/if.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <nooks/shadow.h>

struct shadow_net {
  struct shadow s;          /* s.object: the driver's struct nooks_netdev; s.kernel: the net_device */
  struct net_device *spare; /* what the new incarnation made for itself; it has s.kernel instead while it lasts */
  struct net_device known;  /* its settings (copy.h) are the log's: as registered, then as programs set them */
  bool mac_set, mtu_set;    /* by a program */
  bool open;                /* open succeeded */
  u8 again;                 /* how often the request under way was lost; requests hold rtnl, so there is one */
  unsigned long link;       /* queue and carrier bits as the new incarnation made them, while active */
  struct net_device_stats told, base; /* last said to the kernel; of earlier incarnations */
  u32 order;                      /* of the packets given to the driver; softirqs off */
  struct sk_buff_head pending;    /* taken back from a failed driver, oldest first */
  struct sk_buff_head queue;      /* sent while it was away */
  struct list_head ioctls;        /* net_ioctl.c, oldest first; rtnl */
  u32 ioctl_count;
};

static inline struct shadow_net *net_of(struct shadow *s) { return container_of(s, struct shadow_net, s); }
static inline struct net_device *dev_of(const struct shadow_net *sn) { return sn->s.kernel; }

/* net_ioctl.c. Process context, rtnl held or nobody else there. */
void net_ioctl_note(struct shadow_net *sn, const struct ifreq *ifr, int cmd);
/* True: *result is the log's answer. */
bool net_ioctl_answer(struct shadow_net *sn, struct ifreq *ifr, int cmd, u32 *result);
void net_ioctl_replay(struct shadow_net *sn);
void net_ioctl_forget(struct shadow_net *sn);

/* net_proxy.c: a call that came while the shadow is active, or was lost in the driver. */
u32 net_proxy(struct shadow_net *sn, enum net_method method, u32 a, u32 b);

#endif
