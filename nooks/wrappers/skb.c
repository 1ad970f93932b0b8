/*
 * Wrappers of packet buffers. A packet is the extension's from hard_start_xmit or an allocation until it
 * is freed or given to netif_rx.
 */
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <nooks/copy.h>
#include <nooks/wrapper.h>

#pragma clang section text = ".text.wrapper"

static struct sk_buff *lend_new(struct sk_buff *skb) {
  struct sk_buff *copy = skb ? packet_lend(calling_domain(), skb, NULL) : NULL;
  if (skb && !copy) kfree_skb(skb);
  return copy;
}

struct sk_buff *wrap_alloc_skb(u32 size, int gfp) {
  return size <= SKB_MAX_DATA ? lend_new(alloc_skb(size, gfp & GFP_KERNEL)) : NULL;
}

struct sk_buff *wrap_dev_alloc_skb(u32 length) {
  return length <= SKB_MAX_DATA ? lend_new(dev_alloc_skb(length)) : NULL;
}

static struct sk_buff *take_back(struct sk_buff *copy, const char *function) {
  struct sk_buff *skb = packet_return(calling_domain(), copy);
  calling_domain()->freed = jiffies;
  if (unlikely(!skb)) nooks_bad_call(TRIGGER_ARGUMENT, "%s: %p is not a live packet of the extension", function, (void *)copy);
  return skb;
}

/* In whatever context: a packet that is freed in an interrupt may not run its destructor there. */
void wrap_kfree_skb(struct sk_buff *copy) { dev_kfree_skb_any(take_back(copy, "kfree_skb")); }
void wrap___kfree_skb(struct sk_buff *copy) { dev_kfree_skb_any(take_back(copy, "__kfree_skb")); }
void wrap_dev_kfree_skb_irq(struct sk_buff *copy) { dev_kfree_skb_irq(take_back(copy, "dev_kfree_skb_irq")); }
void wrap_dev_kfree_skb_any(struct sk_buff *copy) { dev_kfree_skb_any(take_back(copy, "dev_kfree_skb_any")); }

int wrap_netif_rx(struct sk_buff *copy) {
  int result = NET_RX_DROP;
  receive_packet(calling_domain(), copy, &result);
  return result;
}

void wrap_skb_over_panic(struct sk_buff *copy, u32 len, void *here) {
  nooks_bad_call(TRIGGER_PANIC, "skb_put: %u bytes past the end of packet %p, at %p", len, (void *)copy, here);
}

void wrap_skb_under_panic(struct sk_buff *copy, u32 len, void *here) {
  nooks_bad_call(TRIGGER_PANIC, "skb_push: %u bytes before the start of packet %p, at %p", len, (void *)copy, here);
}
