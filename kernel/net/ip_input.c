/* IPv4 input (RFC 791): checks, reassembly, and hand-over to the transport protocols. Softirq. */
#include <net/ip.h>
#include <linux/in.h>
#include <net/checksum.h>

struct ip_mib ip_statistics;

static int accepted(const struct net_device *dev, u32 daddr) {
  return inet_addr_is_local(daddr) || inet_addr_is_broadcast(dev, daddr) || MULTICAST(daddr);
}

/* The header is there, right, and not longer than the packet. Cuts what padding follows the datagram. */
static int header_ok(struct sk_buff *skb) {
  const struct iphdr *iph = skb->nh.iph;
  unsigned int total;

  if (skb->len < sizeof(*iph) || iph->version != IPVERSION || iph->ihl < 5) return 0;
  if (skb->len < iph->ihl * 4u || ip_fast_csum(iph, iph->ihl)) return 0;
  total = ntohs(iph->tot_len);
  if (total > skb->len || total < iph->ihl * 4u) return 0;
  skb_trim(skb, total);
  return 1;
}

static int deliver(struct sk_buff *skb) {
  ip_statistics.in_delivers++;
  switch (skb->nh.iph->protocol) {
    case IPPROTO_UDP: return udp_rcv(skb);
    case IPPROTO_ICMP: return icmp_rcv(skb);
  }
  ip_statistics.in_unknown_protos++;
  kfree_skb(skb);
  return 0;
}

int ip_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt) {
  const struct iphdr *iph = skb->nh.iph;

  (void)pt;
  ip_statistics.in_receives++;
  if (skb->pkt_type == PACKET_OTHERHOST) goto drop;
  if (!header_ok(skb)) {
    ip_statistics.in_hdr_errors++;
    goto drop;
  }
  if (!accepted(dev, iph->daddr)) {
    ip_statistics.in_addr_errors++;
    goto drop;
  }
  skb_pull(skb, iph->ihl * 4u);
  skb->h.raw = skb->data;
  if (iph->frag_off & htons(IP_MF | IP_OFFSET)) {
    skb = ip_defrag(skb);
    if (!skb) return 0;
  }
  return deliver(skb);
drop:
  kfree_skb(skb);
  return 0;
}
