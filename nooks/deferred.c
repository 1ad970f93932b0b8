/*
 * Deferred XPC. The upper half runs in the domain, on its copies and its queue; the lower half in the
 * kernel, at the next crossing: any wrapper call, or the return of the call into the extension (so at the
 * latest when its interrupt handler returns).
 *
 * Queue and carrier of a net_device are bits of the copy's state, which the extension changes; what the
 * kernel is told of is the object, and the difference is made good then (copy.c). Only the extension
 * changes these bits while its device is up, so the copies agree again after each return.
 */
#include <asm/bitops.h>
#include <asm/system.h>
#include <kernel/boot.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/copy.h>
#include <nooks/deferred.h>
#include <nooks/detect.h>
#include <nooks/object.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.xpc"

static bool deferred = true;

static int deferred_init(void) {
  deferred = !boot_option_is("deferred", "off");
  return 0;
}
__initcall(deferred_init);

/* ---- In the domain ---- */

int nooks_stub_netif_rx(struct sk_buff *skb); /* stubs.S: the crossing itself */
void nooks_stub_netdev_changed(struct net_device *dev);

static inline struct nooks_queue *own_queue(void) { return calling_domain()->queue; }

int nooks_netif_rx(struct sk_buff *skb) {
  struct nooks_queue *q = own_queue();
  unsigned long flags;
  if (!deferred || q->packets >= QUEUE_PACKETS) return nooks_stub_netif_rx(skb);
  local_irq_save(flags);
  q->packet[q->packets++] = skb;
  irq_restore(flags);
  return NET_RX_SUCCESS;
}

static void changed(struct net_device *dev) {
  struct nooks_queue *q = own_queue();
  unsigned long flags;
  u32 n = q->objects;
  if (n && n <= QUEUE_OBJECTS && q->object[n - 1] == dev) return;
  if (!deferred || n >= QUEUE_OBJECTS) {
    nooks_stub_netdev_changed(dev);
    return;
  }
  local_irq_save(flags);
  q->object[q->objects++] = dev;
  irq_restore(flags);
}

void nooks_netif_start_queue(struct net_device *dev) {
  clear_bit(LINK_STATE_XOFF, &dev->state);
  changed(dev);
}
void nooks_netif_stop_queue(struct net_device *dev) {
  set_bit(LINK_STATE_XOFF, &dev->state);
  changed(dev);
}
void nooks_netif_wake_queue(struct net_device *dev) {
  if (test_and_clear_bit(LINK_STATE_XOFF, &dev->state)) changed(dev);
}
void nooks_netif_carrier_on(struct net_device *dev) {
  clear_bit(LINK_STATE_NOCARRIER, &dev->state);
  changed(dev);
}
void nooks_netif_carrier_off(struct net_device *dev) {
  set_bit(LINK_STATE_NOCARRIER, &dev->state);
  changed(dev);
}

/* ---- In the kernel ---- */

/* Takes what is queued; an interrupt may queue more meanwhile, which is delivered when it returns. */
static u32 take(u32 *count, void *from, void *to, u32 most) {
  unsigned long flags;
  local_irq_save(flags);
  u32 n = *count;
  if (n <= most) memcpy(to, from, n * sizeof(void *));
  *count = 0;
  irq_restore(flags);
  return n;
}

static void deliver_packets(struct nooks_domain *d) {
  struct sk_buff *packet[QUEUE_PACKETS];
  u32 n = take(&d->queue->packets, d->queue->packet, packet, QUEUE_PACKETS);
  if (n > QUEUE_PACKETS) {
    nooks_fail(d, TRIGGER_QUEUE, "queue of packets is corrupt");
    return;
  }
  count(&d->stats->deferred, n);
  for (u32 i = 0; i < n; i++)
    if (!receive_packet(d, packet[i], NULL)) return;
}

static void deliver_objects(struct nooks_domain *d) {
  struct net_device *object[QUEUE_OBJECTS];
  u32 n = take(&d->queue->objects, d->queue->object, object, QUEUE_OBJECTS);
  if (n > QUEUE_OBJECTS) {
    nooks_fail(d, TRIGGER_QUEUE, "queue of changed objects is corrupt");
    return;
  }
  count(&d->stats->deferred, n);
  for (u32 i = 0; i < n; i++) {
    struct nooks_object *o = object_find(d, OBJ_NETDEV, object[i]);
    if (!o) {
      nooks_fail(d, TRIGGER_ARGUMENT, "a changed net_device %p is none", (void *)object[i]);
      return;
    }
    netdev_changed(o);
  }
}

void nooks_deliver(struct nooks_domain *d) {
  if (d->queue->packets) deliver_packets(d);
  if (d->queue->objects && d->state == DOMAIN_RUNNING) deliver_objects(d);
}
