/*
 * Network devices, after Linux 2.4's <linux/netdevice.h>.
 *
 * struct net_device is a kernel object. Its first part is what a driver sets or reads; the second part belongs to
 * the network layer and no driver may touch it. Queue and carrier state are changed by functions, not by macros
 * that poke into the struct, and the network layer itself stamps trans_start, so that on its fast paths a driver
 * writes no field of a net_device at all.
 *
 * Contexts: open, stop, do_ioctl, set_mac_address, change_mtu, get_stats and set_multicast_list are called by a
 * process; hard_start_xmit by a process or a softirq with softirqs off, never twice at once for one device;
 * tx_timeout by a timer. None may sleep but open, stop, do_ioctl and change_mtu.
 *
 * Left out: hardware header caches, fast switching, hot-plug events, ingress queues, more than one queue.
 */
#ifndef _LINUX_NETDEVICE_H
#define _LINUX_NETDEVICE_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/timer.h>

#define MAX_ADDR_LEN 8

/* netif_rx() answers. */
#define NET_RX_SUCCESS 0
#define NET_RX_DROP 1

/* skb->pkt_type */
#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3

struct net_device;
struct in_device;

struct net_device_stats {
  unsigned long rx_packets;
  unsigned long tx_packets;
  unsigned long rx_bytes;
  unsigned long tx_bytes;
  unsigned long rx_errors;
  unsigned long tx_errors;
  unsigned long rx_dropped; /* no memory for them */
  unsigned long tx_dropped;
  unsigned long multicast;
  unsigned long collisions;
  unsigned long rx_length_errors;
  unsigned long rx_over_errors;
  unsigned long rx_crc_errors;
  unsigned long rx_frame_errors;
  unsigned long rx_fifo_errors;
  unsigned long rx_missed_errors;
  unsigned long tx_aborted_errors;
  unsigned long tx_carrier_errors;
  unsigned long tx_fifo_errors;
  unsigned long tx_heartbeat_errors;
  unsigned long tx_window_errors;
  unsigned long rx_compressed;
  unsigned long tx_compressed;
};

struct dev_mc_list {
  struct dev_mc_list *next;
  unsigned char dmi_addr[MAX_ADDR_LEN];
  unsigned char dmi_addrlen;
  int dmi_users;
};

/* Bits of net_device.state */
#define LINK_STATE_XOFF 0      /* the driver's ring is full */
#define LINK_STATE_START 1     /* open() succeeded */
#define LINK_STATE_PRESENT 2   /* registered */
#define LINK_STATE_SCHED 3     /* waits in the softirq's output queue */
#define LINK_STATE_NOCARRIER 4 /* no link */

struct net_device {
  /* What a driver sets before register_netdev() or reads. */
  char name[IFNAMSIZ]; /* "eth%d" is numbered by register_netdev() */
  unsigned long base_addr;
  unsigned long mem_start;
  unsigned long mem_end;
  unsigned int irq;
  unsigned short flags; /* IFF_ */
  unsigned short type;  /* ARPHRD_ */
  unsigned int mtu;
  unsigned short hard_header_len;
  unsigned char addr_len;
  unsigned char dev_addr[MAX_ADDR_LEN];
  unsigned char broadcast[MAX_ADDR_LEN];
  unsigned long tx_queue_len; /* packets that the queue discipline holds */
  int watchdog_timeo;     /* jiffies that a stopped queue may stay stopped */
  void *priv;     /* the driver's own, in its own memory */
  struct module *owner;
  struct dev_mc_list *mc_list; /* the kernel's list; a driver only reads it */
  int mc_count;

  int (*open)(struct net_device *dev);
  int (*stop)(struct net_device *dev);
  int (*hard_start_xmit)(struct sk_buff *skb, struct net_device *dev);
  void (*tx_timeout)(struct net_device *dev);
  int (*do_ioctl)(struct net_device *dev, struct ifreq *ifr, int cmd);
  struct net_device_stats *(*get_stats)(struct net_device *dev);
  void (*set_multicast_list)(struct net_device *dev);
  int (*set_mac_address)(struct net_device *dev, void *addr);
  int (*change_mtu)(struct net_device *dev, int new_mtu);
  /* Set by ether_setup(): kernel functions. */
  int (*hard_header)(struct sk_buff *skb, struct net_device *dev, unsigned short type, const void *daddr,
         const void *saddr, unsigned int len);

  /* The network layer's own. */
  struct net_device *next;
  int ifindex;
  unsigned long state;    /* LINK_STATE_ bits, changed atomically */
  unsigned long trans_start; /* jiffies of the last packet that the driver took */
  unsigned long last_rx;    /* jiffies of the last packet that it gave */
  unsigned long arp_answered; /* jiffies of the last answer to an ARP request of ours */
  int promiscuity;
  int xmit_active; /* hard_start_xmit is running: packets queue up behind it */
  struct timer_list watchdog_timer;
  struct sk_buff_head queue; /* the FIFO queue discipline */
  unsigned long queue_drops;
  struct net_device *next_sched; /* in the softirq's output queue */
  struct in_device *ip_ptr;
  atomic_t refcnt; /* who may use it while they sleep; free_netdev() waits for none, the last one frees */
  int dead;        /* free_netdev() was called */
};

/* Allocates a net_device and, apart from it, sizeof_priv zeroed bytes in the zone at dev->priv; sets up Ethernet. */
struct net_device *alloc_etherdev(int sizeof_priv);
void free_netdev(struct net_device *dev);
int register_netdev(struct net_device *dev);
void unregister_netdev(struct net_device *dev);

int dev_open(struct net_device *dev);
int dev_close(struct net_device *dev);
int dev_change_flags(struct net_device *dev, unsigned int flags);
int dev_set_mtu(struct net_device *dev, int mtu);
int dev_ioctl(unsigned int cmd, void *user_ifreq);
struct net_device *dev_get_by_name(const char *name);
struct net_device *dev_get_by_index(int ifindex);
void dev_put(struct net_device *dev);
void dev_mc_upload(struct net_device *dev);
int dev_mc_add(struct net_device *dev, const void *addr, int alen);
int dev_mc_delete(struct net_device *dev, const void *addr, int alen);
void dev_mc_discard(struct net_device *dev);
extern struct net_device *dev_base;

int dev_queue_xmit(struct sk_buff *skb);
int netif_rx(struct sk_buff *skb);
void dev_kfree_skb_irq(struct sk_buff *skb);
void dev_kfree_skb_any(struct sk_buff *skb);

void netif_start_queue(struct net_device *dev);
void netif_stop_queue(struct net_device *dev);
void netif_wake_queue(struct net_device *dev);
void netif_carrier_on(struct net_device *dev);
void netif_carrier_off(struct net_device *dev);

static inline void dev_hold(struct net_device *dev) {
  atomic_inc(&dev->refcnt);
}

static inline int netif_queue_stopped(const struct net_device *dev) {
  return (dev->state >> LINK_STATE_XOFF) & 1;
}

static inline int netif_running(const struct net_device *dev) {
  return (dev->state >> LINK_STATE_START) & 1;
}

static inline int netif_device_present(const struct net_device *dev) {
  return (dev->state >> LINK_STATE_PRESENT) & 1;
}

static inline int netif_carrier_ok(const struct net_device *dev) {
  return !((dev->state >> LINK_STATE_NOCARRIER) & 1);
}

/* Between the parts of kernel/net. */
void dev_queue_init(void);
void dev_rx_init(void);
void loopback_init(void);
void dev_flush_backlog(struct net_device *dev);
void sch_init(struct net_device *dev);
void dev_activate(struct net_device *dev);
void dev_deactivate(struct net_device *dev);
void qdisc_run(struct net_device *dev);
void __netif_schedule(struct net_device *dev);

struct packet_type {
  unsigned short type; /* big endian */
  int (*func)(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt);
  struct packet_type *next;
};
void dev_add_pack(struct packet_type *pt);

/* What the softirqs did, and what they had to drop. */
struct netif_rx_stats {
  unsigned int total;
  unsigned int dropped;    /* backlog full */
  unsigned int time_squeeze; /* budget used up */
  unsigned int no_handler;
};
extern struct netif_rx_stats netdev_rx_stat;

#endif
