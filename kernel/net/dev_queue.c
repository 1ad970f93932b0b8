/*
 * Sending: the FIFO queue discipline of each device, the queue's flow control by drivers, the transmit watchdog,
 * and the softirq that continues stopped queues and frees sent packets.
 *
 * hard_start_xmit is called with softirqs off and never while it is already running for the same device
 * (xmit_active). The queue itself is only touched with softirqs off.
 */
#include <linux/netdevice.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/bitops.h>
#include <asm/system.h>

#define WATCHDOG_DEFAULT (5 * HZ)

/* Interrupts off: drivers' interrupt handlers add to both. */
static struct net_device *output_queue;
static struct sk_buff *completion_queue;

/* Has the transmit softirq look at the device's queue. Any context. */
void __netif_schedule(struct net_device *dev) {
  unsigned long flags;

  if (test_and_set_bit(LINK_STATE_SCHED, &dev->state)) return;
  local_irq_save(flags);
  dev->next_sched = output_queue;
  output_queue = dev;
  raise_softirq(NET_TX_SOFTIRQ);
  local_irq_restore(flags);
}

void netif_start_queue(struct net_device *dev) {
  clear_bit(LINK_STATE_XOFF, &dev->state);
}

/* The driver can take no packet: hard_start_xmit is not called until netif_wake_queue(). */
void netif_stop_queue(struct net_device *dev) {
  set_bit(LINK_STATE_XOFF, &dev->state);
}

void netif_wake_queue(struct net_device *dev) {
  if (test_and_clear_bit(LINK_STATE_XOFF, &dev->state)) __netif_schedule(dev);
}

void netif_carrier_on(struct net_device *dev) {
  clear_bit(LINK_STATE_NOCARRIER, &dev->state);
}

void netif_carrier_off(struct net_device *dev) {
  set_bit(LINK_STATE_NOCARRIER, &dev->state);
}

/* Frees a packet from an interrupt handler: its destructor runs in the softirq. */
void dev_kfree_skb_irq(struct sk_buff *skb) {
  unsigned long flags;

  if (!atomic_dec_and_test(&skb->users)) return;
  local_irq_save(flags);
  skb->next = completion_queue;
  completion_queue = skb;
  raise_softirq(NET_TX_SOFTIRQ);
  local_irq_restore(flags);
}

void dev_kfree_skb_any(struct sk_buff *skb) {
  if (in_irq() || irqs_disabled())
    dev_kfree_skb_irq(skb);
  else
    kfree_skb(skb);
}

/* Gives the driver one packet. 0 when it took it. */
static int xmit_one(struct net_device *dev, struct sk_buff *skb) {
  int refused = dev->hard_start_xmit(skb, dev);

  if (!refused) dev->trans_start = jiffies;
  return refused;
}

/* Gives the driver packets for as long as it takes them. Softirqs off. */
void qdisc_run(struct net_device *dev) {
  struct sk_buff *skb;

  if (dev->xmit_active) return;
  dev->xmit_active = 1;
  while (!netif_queue_stopped(dev) && (skb = __skb_dequeue(&dev->queue))) {
    if (xmit_one(dev, skb)) {
      __skb_queue_head(&dev->queue, skb);
      if (!netif_queue_stopped(dev)) __netif_schedule(dev);
      break;
    }
  }
  dev->xmit_active = 0;
}

/* Queues a complete frame on skb->dev and starts sending; frees it when that cannot be. Not with interrupts off. */
int dev_queue_xmit(struct sk_buff *skb) {
  struct net_device *dev = skb->dev;
  int result = 0;

  local_bh_disable();
  if (!netif_running(dev)) {
    result = -ENETDOWN;
  } else if (!dev->tx_queue_len) { /* a device without a queue, such as loopback */
    result = xmit_one(dev, skb) ? -ENOBUFS : 0;
  } else if (dev->queue.qlen >= dev->tx_queue_len) {
    dev->queue_drops++;
    result = -ENOBUFS;
  } else {
    __skb_queue_tail(&dev->queue, skb);
    qdisc_run(dev);
  }
  if (result) kfree_skb(skb);
  local_bh_enable();
  return result;
}

static void free_completed(void) {
  struct sk_buff *skb, *next;

  local_irq_disable();
  skb = completion_queue;
  completion_queue = NULL;
  local_irq_enable();
  for (; skb; skb = next) {
    next = skb->next;
    skb->next = NULL;
    __kfree_skb(skb);
  }
}

static void net_tx_action(struct softirq_action *action) {
  struct net_device *dev, *next;

  (void)action;
  free_completed();
  local_irq_disable();
  dev = output_queue;
  output_queue = NULL;
  local_irq_enable();
  for (; dev; dev = next) {
    next = dev->next_sched;
    clear_bit(LINK_STATE_SCHED, &dev->state);
    if (netif_running(dev)) qdisc_run(dev);
  }
}

/* Takes the device out of the softirq's queue before it goes away. */
static void unschedule(struct net_device *dev) {
  struct net_device **p;
  unsigned long flags;

  local_irq_save(flags);
  for (p = &output_queue; *p; p = &(*p)->next_sched) {
    if (*p == dev) {
      *p = dev->next_sched;
      clear_bit(LINK_STATE_SCHED, &dev->state);
      break;
    }
  }
  local_irq_restore(flags);
}

/* A queue that stays stopped with a link up means that the device has lost packets or interrupts. */
static void dev_watchdog(unsigned long arg) {
  struct net_device *dev = (struct net_device *)arg;

  if (!netif_running(dev) || !netif_device_present(dev)) return;
  if (netif_carrier_ok(dev) && netif_queue_stopped(dev) &&
      (long)(jiffies - dev->trans_start) > dev->watchdog_timeo) {
    printk(KERN_INFO "NETDEV WATCHDOG: %s: transmit timed out\n", dev->name);
    dev->tx_timeout(dev);
  }
  mod_timer(&dev->watchdog_timer, jiffies + dev->watchdog_timeo);
}

void sch_init(struct net_device *dev) {
  skb_queue_head_init(&dev->queue);
  init_timer(&dev->watchdog_timer);
  dev->watchdog_timer.function = dev_watchdog;
  dev->watchdog_timer.data = (unsigned long)dev;
}

void dev_activate(struct net_device *dev) {
  dev->trans_start = jiffies;
  if (!dev->tx_timeout) return;
  if (dev->watchdog_timeo <= 0) dev->watchdog_timeo = WATCHDOG_DEFAULT;
  mod_timer(&dev->watchdog_timer, jiffies + dev->watchdog_timeo);
}

/* Stops sending and drops what waits. Process context. */
void dev_deactivate(struct net_device *dev) {
  del_timer_sync(&dev->watchdog_timer);
  local_bh_disable();
  netif_stop_queue(dev);
  skb_queue_purge(&dev->queue);
  unschedule(dev);
  local_bh_enable();
}

void dev_queue_init(void) {
  open_softirq(NET_TX_SOFTIRQ, net_tx_action, NULL);
}

EXPORT_SYMBOL(netif_start_queue);
EXPORT_SYMBOL(netif_stop_queue);
EXPORT_SYMBOL(netif_wake_queue);
EXPORT_SYMBOL(netif_carrier_on);
EXPORT_SYMBOL(netif_carrier_off);
EXPORT_SYMBOL(dev_kfree_skb_irq);
EXPORT_SYMBOL(dev_kfree_skb_any);
