/*
 * ICMP (RFC 792): answers echo requests, says that a port is unreachable. Softirq.
 *
 * Left out: answers longer than one frame, rate limits, errors for sockets (port unreachable is counted only).
 */
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/checksum.h>
#include <net/ip.h>

#define REPLY_HEADROOM (16 + sizeof(struct iphdr) + 15)

static struct sk_buff *reply_alloc(unsigned int length) {
  struct sk_buff *skb = alloc_skb(REPLY_HEADROOM + length + 15, GFP_ATOMIC);

  if (!skb) return NULL;
  skb_reserve(skb, (REPLY_HEADROOM + 15) & ~15u);
  skb_put(skb, length);
  return skb;
}

static void send_reply(struct sk_buff *reply, u32 saddr, u32 daddr) {
  struct icmphdr *icmp = (struct icmphdr *)reply->data;

  icmp->checksum = 0;
  icmp->checksum = csum_fold(csum_partial(icmp, (int)reply->len, 0));
  ip_statistics.icmp_out_msgs++;
  ip_send_reply(reply, saddr, daddr, IPPROTO_ICMP);
}

static void echo(const struct sk_buff *skb) {
  const struct iphdr *iph = skb->nh.iph;
  struct sk_buff *reply = reply_alloc(skb->len);

  if (!reply) return;
  if (skb_copy_bits(skb, 0, reply->data, skb->len)) BUG();
  ((struct icmphdr *)reply->data)->type = ICMP_ECHOREPLY;
  send_reply(reply, inet_addr_is_local(iph->daddr) ? iph->daddr : 0, iph->saddr);
}

static u32 sum_of(const struct sk_buff *skb) {
  u32 sum = csum_partial(skb->data, (int)skb_headlen(skb), 0);
  unsigned int offset = skb_headlen(skb);
  const struct sk_buff *frag;

  for (frag = skb->frag_list; frag; frag = frag->next) {
    sum = csum_block_add(sum, csum_partial(frag->data, (int)frag->len, 0), (int)offset);
    offset += frag->len;
  }
  return sum;
}

int icmp_rcv(struct sk_buff *skb) {
  ip_statistics.icmp_in_msgs++;
  if (skb_headlen(skb) < sizeof(struct icmphdr) || csum_fold(sum_of(skb)))
    ip_statistics.icmp_in_errors++;
  else if (skb->h.icmph->type == ICMP_ECHO && !MULTICAST(skb->nh.iph->daddr))
    echo(skb);
  kfree_skb(skb);
  return 0;
}

/* An error quotes the IP header and the first 8 bytes behind it. Never about a broadcast (RFC 1122, 3.2.2). */
void icmp_send(struct sk_buff *skb, u8 type, u8 code) {
  const struct iphdr *iph = skb->nh.iph;
  unsigned int quote = iph->ihl * 4u + min(8u, skb_headlen(skb));
  struct sk_buff *reply;
  struct icmphdr *icmp;

  if (!inet_addr_is_local(iph->daddr) || skb->pkt_type != PACKET_HOST) return;
  reply = reply_alloc(sizeof(*icmp) + quote);
  if (!reply) return;
  icmp = (struct icmphdr *)reply->data;
  *icmp = (struct icmphdr){ .type = type, .code = code };
  memcpy(icmp + 1, iph, quote);
  send_reply(reply, iph->daddr, iph->saddr);
}
