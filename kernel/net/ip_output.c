/*
 * IPv4 output: builds datagrams, in fragments when they exceed the device's MTU.
 *
 * As in 2.4 the fragments of a datagram are built and sent last one first: a transport protocol sums the payload
 * while it copies it, and its header, in the first fragment, needs the sum of all.
 */
#include <net/ip.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/slab.h>
#include <net/arp.h>
#include <net/checksum.h>

#define MAX_PAYLOAD (65535u - sizeof(struct iphdr))

static u16 next_id;

static unsigned int link_header_room(const struct net_device *dev) {
  return (dev->hard_header_len + 15u) & ~15u;
}

/* Writes the header before skb->data; tot_len follows from skb->len. */
static void push_header(struct sk_buff *skb, u16 id, u16 frag_off, u32 saddr, u32 daddr, u8 protocol) {
  struct iphdr *iph = (struct iphdr *)skb_push(skb, sizeof(*iph));

  iph->version = IPVERSION;
  iph->ihl = 5;
  iph->tos = 0;
  iph->tot_len = htons((u16)skb->len);
  iph->id = htons(id);
  iph->frag_off = htons(frag_off);
  iph->ttl = IPDEFTTL;
  iph->protocol = protocol;
  iph->check = 0;
  iph->saddr = saddr;
  iph->daddr = daddr;
  iph->check = ip_fast_csum(iph, 5);
  skb->nh.iph = iph;
  skb->protocol = htons(ETH_P_IP);
}

/* One packet with `length` bytes from `offset` of what getfrag gives, charged to sk. NULL and *err on failure. */
static struct sk_buff *build(struct sock *sk, ip_getfrag_t getfrag, const void *frag, unsigned int offset,
                             unsigned int length, struct net_device *dev, int noblock, int *err) {
  unsigned int room = link_header_room(dev) + sizeof(struct iphdr);
  struct sk_buff *skb = sock_alloc_send_skb(sk, room + length + 15, noblock, err);

  if (!skb) return NULL;
  skb_reserve(skb, room);
  skb->dev = dev;
  skb->h.raw = skb_put(skb, length);
  *err = getfrag(frag, (char *)skb->h.raw, offset, length);
  if (!*err) return skb;
  kfree_skb(skb);
  return NULL;
}

int ip_build_xmit(struct sock *sk, ip_getfrag_t getfrag, const void *frag, unsigned int length,
                  const struct route *rt, u32 saddr, u32 daddr, u8 protocol, int noblock) {
  unsigned int room = rt->dev->mtu - sizeof(struct iphdr);
  unsigned int step = length <= room ? MAX_PAYLOAD + 1 : room & ~7u;
  unsigned int offset = (length ? (length - 1) / step : 0) * step;
  u16 id = next_id++, more = 0;
  int err;

  if (length > MAX_PAYLOAD) return -EMSGSIZE;
  ip_statistics.out_requests++;
  for (;; offset -= step) {
    struct sk_buff *skb = build(sk, getfrag, frag, offset, min(length - offset, step), rt->dev, noblock, &err);

    if (!skb) return err;
    /* The process may have slept: the device may be gone. */
    if (!netif_running(rt->dev)) {
      kfree_skb(skb);
      return -ENETDOWN;
    }
    push_header(skb, id, (u16)(offset / 8 | more), saddr, daddr, protocol);
    if (more || offset) ip_statistics.frag_creates++;
    err = arp_output(skb, rt->gateway);
    if (err || !offset) return err;
    more = IP_MF;
  }
}

int ip_send_reply(struct sk_buff *skb, u32 saddr, u32 daddr, u8 protocol) {
  struct route rt;
  int err = ip_route_output(&rt, daddr);

  if (!err && skb->len + sizeof(struct iphdr) > rt.dev->mtu) err = -EMSGSIZE;
  if (err) {
    kfree_skb(skb);
    return err;
  }
  ip_statistics.out_requests++;
  skb->dev = rt.dev;
  push_header(skb, next_id++, 0, saddr ? saddr : rt.saddr, daddr, protocol);
  return arp_output(skb, rt.gateway);
}
