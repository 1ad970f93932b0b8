/*
 * Receiving: drivers give packets to netif_rx() in their interrupt handlers; a softirq hands them to the protocols.
 *
 * The backlog is one list of at most netdev_max_backlog packets. The softirq takes at most a budget of them a run,
 * and no longer than one tick, so that a flood of packets cannot keep other softirqs out.
 */
#include <linux/netdevice.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/system.h>

#define NETDEV_BUDGET 300 /* packets a run */

static unsigned int netdev_max_backlog = 300; /* packets, as in 2.4 */
static struct sk_buff_head backlog;
static struct packet_type *packet_types;
struct netif_rx_stats netdev_rx_stat;

/* Declares who gets packets of a protocol. The packet_type stays in use for ever. Boot. */
void dev_add_pack(struct packet_type *pt) {
  pt->next = packet_types;
  packet_types = pt;
}

/* Takes a received packet, with dev, protocol and pkt_type set and data at the network header. Any context. */
int netif_rx(struct sk_buff *skb) {
  unsigned long flags;
  int result = NET_RX_DROP;

  local_irq_save(flags);
  netdev_rx_stat.total++;
  if (backlog.qlen < netdev_max_backlog) {
    skb->dev->last_rx = jiffies;
    __skb_queue_tail(&backlog, skb);
    raise_softirq(NET_RX_SOFTIRQ);
    result = NET_RX_SUCCESS;
  } else {
    netdev_rx_stat.dropped++;
  }
  local_irq_restore(flags);
  if (result == NET_RX_DROP) dev_kfree_skb_any(skb);
  return result;
}

static void deliver(struct sk_buff *skb) {
  struct packet_type *pt = packet_types;

  skb->nh.raw = skb->h.raw = skb->data;
  while (pt && pt->type != skb->protocol) pt = pt->next;
  if (pt) {
    pt->func(skb, skb->dev, pt);
  } else {
    netdev_rx_stat.no_handler++;
    kfree_skb(skb);
  }
}

static void net_rx_action(struct softirq_action *action) {
  unsigned long start = jiffies;
  int budget = NETDEV_BUDGET;
  struct sk_buff *skb;

  (void)action;
  while ((skb = skb_dequeue(&backlog))) {
    deliver(skb);
    if (--budget <= 0 || jiffies - start > 1) {
      netdev_rx_stat.time_squeeze++;
      raise_softirq(NET_RX_SOFTIRQ);
      return;
    }
  }
}

/* Drops what a device that goes away has left in the backlog. */
void dev_flush_backlog(struct net_device *dev) {
  struct sk_buff_head keep;
  struct sk_buff *skb;
  unsigned long flags;

  skb_queue_head_init(&keep);
  local_irq_save(flags);
  while ((skb = __skb_dequeue(&backlog))) {
    if (skb->dev == dev)
      dev_kfree_skb_any(skb);
    else
      __skb_queue_tail(&keep, skb);
  }
  while ((skb = __skb_dequeue(&keep))) __skb_queue_tail(&backlog, skb);
  local_irq_restore(flags);
}

void dev_rx_init(void) {
  skb_queue_head_init(&backlog);
  open_softirq(NET_RX_SOFTIRQ, net_rx_action, NULL);
}

EXPORT_SYMBOL(netif_rx);
