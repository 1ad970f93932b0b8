/*
 * ARP (RFC 826): a cache of link addresses of IPv4 neighbours, and packets that wait for one.
 *
 * A neighbour is asked for once a second, ARP_PROBES times; then the packets that wait are dropped. What was learned
 * is used for ARP_REACHABLE; after that it is used on while the neighbour is asked again, as 2.4's NUD states do.
 * 2.4 lets three packets wait, and so loses the head of a burst; here ARP_QUEUE_MAX do, more than a sender's socket
 * buffer holds.
 *
 * Everything here runs with softirqs off.
 */
#include <net/arp.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <net/ip.h>
#include <asm/byteorder.h>

#define ARP_HASH 16
#define ARP_MAX_ENTRIES 128
#define ARP_QUEUE_MAX 512
#define ARP_PROBES 3
#define ARP_REACHABLE (60 * HZ)

struct neighbour {
  struct neighbour *next;
  struct net_device *dev;
  u32 address; /* big endian */
  unsigned char ha[ETH_ALEN];
  u8 known;  /* ha is valid */
  u8 probes; /* requests sent since the last answer */
  unsigned long confirmed, asked; /* jiffies */
  struct sk_buff_head waiting;
};

static struct neighbour *table[ARP_HASH];
static int entries;
static struct timer_list arp_timer;

static unsigned int hash(u32 address) {
  return (address >> 24 ^ address >> 16) & (ARP_HASH - 1);
}

static struct neighbour *lookup(const struct net_device *dev, u32 address) {
  struct neighbour *n = table[hash(address)];

  while (n && (n->address != address || n->dev != dev)) n = n->next;
  return n;
}

static void forget(struct neighbour **p) {
  struct neighbour *n = *p;

  *p = n->next;
  entries--;
  skb_queue_purge(&n->waiting);
  kfree(n);
}

/* Makes room when the table is full: the entry confirmed longest ago goes. */
static void evict_oldest(void) {
  struct neighbour **p, **oldest = NULL;
  int i;

  for (i = 0; i < ARP_HASH; i++)
    for (p = &table[i]; *p; p = &(*p)->next)
      if (!oldest || (long)((*p)->confirmed - (*oldest)->confirmed) < 0) oldest = p;
  if (oldest) forget(oldest);
}

static struct neighbour *create(struct net_device *dev, u32 address) {
  struct neighbour *n;

  if (entries >= ARP_MAX_ENTRIES) evict_oldest();
  n = kzalloc(sizeof(*n), GFP_ATOMIC);
  if (!n) return NULL;
  n->dev = dev;
  n->address = address;
  n->confirmed = jiffies;
  skb_queue_head_init(&n->waiting);
  n->next = table[hash(address)];
  table[hash(address)] = n;
  entries++;
  return n;
}

static void arp_send(int op, struct net_device *dev, u32 tip, const unsigned char *tha) {
  struct sk_buff *skb;
  struct arphdr *arp;

  if (!dev->ip_ptr) return;
  skb = alloc_skb(dev->hard_header_len + sizeof(*arp) + 15, GFP_ATOMIC);
  if (!skb) return;
  skb_reserve(skb, (dev->hard_header_len + 15) & ~15);
  arp = (struct arphdr *)skb_put(skb, sizeof(*arp));
  arp->ar_hrd = htons(ARPHRD_ETHER);
  arp->ar_pro = htons(ETH_P_IP);
  arp->ar_hln = ETH_ALEN;
  arp->ar_pln = 4;
  arp->ar_op = htons(op);
  memcpy(arp->ar_sha, dev->dev_addr, ETH_ALEN);
  arp->ar_sip = dev->ip_ptr->address;
  if (tha)
    memcpy(arp->ar_tha, tha, ETH_ALEN);
  else
    memset(arp->ar_tha, 0, ETH_ALEN);
  arp->ar_tip = tip;
  skb->dev = dev;
  skb->protocol = htons(ETH_P_ARP);
  dev->hard_header(skb, dev, ETH_P_ARP, tha ? tha : dev->broadcast, dev->dev_addr, skb->len);
  dev_queue_xmit(skb);
}

static void probe(struct neighbour *n) {
  n->asked = jiffies;
  n->probes++;
  arp_send(ARPOP_REQUEST, n->dev, n->address, NULL);
  if (!timer_pending(&arp_timer)) mod_timer(&arp_timer, jiffies + HZ);
}

static void transmit(struct sk_buff *skb, struct net_device *dev, const void *ha) {
  dev->hard_header(skb, dev, ntohs(skb->protocol), ha, dev->dev_addr, skb->len);
  dev_queue_xmit(skb);
}

/* Once a second while an answer is missing. */
static void arp_tick(unsigned long unused) {
  struct neighbour **p;
  int i, unanswered = 0;

  (void)unused;
  for (i = 0; i < ARP_HASH; i++) {
    for (p = &table[i]; *p;) {
      struct neighbour *n = *p;

      if (n->probes >= ARP_PROBES) {
        forget(p);
        continue;
      }
      if (n->probes && !n->known) probe(n);
      if (n->probes) unanswered = 1;
      p = &n->next;
    }
  }
  if (unanswered) mod_timer(&arp_timer, jiffies + HZ);
}

static void update(struct neighbour *n, const unsigned char *ha) {
  struct sk_buff *skb;

  memcpy(n->ha, ha, ETH_ALEN);
  n->known = 1;
  n->probes = 0;
  n->confirmed = jiffies;
  while ((skb = skb_dequeue(&n->waiting))) transmit(skb, n->dev, n->ha);
}

static int resolve_and_send(struct sk_buff *skb, struct net_device *dev, u32 next_hop) {
  struct neighbour *n = lookup(dev, next_hop);

  if (!n && !(n = create(dev, next_hop))) {
    kfree_skb(skb);
    return -ENOBUFS;
  }
  if (n->known) {
    if (jiffies - n->confirmed > ARP_REACHABLE && (!n->probes || jiffies - n->asked > HZ)) probe(n);
    transmit(skb, dev, n->ha);
    return 0;
  }
  if (skb_queue_len(&n->waiting) >= ARP_QUEUE_MAX) {
    kfree_skb(skb);
    return -ENOBUFS;
  }
  skb_queue_tail(&n->waiting, skb);
  if (!n->probes) probe(n);
  return 0;
}

int arp_output(struct sk_buff *skb, u32 next_hop) {
  struct net_device *dev = skb->dev;
  int err = 0;

  local_bh_disable();
  if (dev->flags & IFF_NOARP)
    transmit(skb, dev, dev->dev_addr);
  else if (inet_addr_is_broadcast(dev, next_hop))
    transmit(skb, dev, dev->broadcast);
  else
    err = resolve_and_send(skb, dev, next_hop);
  local_bh_enable();
  return err;
}

void arp_forget(struct net_device *dev) {
  struct neighbour **p;
  int i;

  local_bh_disable();
  for (i = 0; i < ARP_HASH; i++)
    for (p = &table[i]; *p;)
      if (!dev || (*p)->dev == dev)
        forget(p);
      else
        p = &(*p)->next;
  local_bh_enable();
}

static int well_formed(const struct sk_buff *skb, const struct arphdr *arp) {
  return skb_headlen(skb) >= sizeof(*arp) && arp->ar_hrd == htons(ARPHRD_ETHER) &&
         arp->ar_pro == htons(ETH_P_IP) && arp->ar_hln == ETH_ALEN && arp->ar_pln == 4 &&
         is_valid_ether_addr(arp->ar_sha);
}

/* RFC 826's algorithm: update who is known, learn who asks for us, answer. */
static int arp_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt) {
  struct arphdr *arp = skb->nh.arph;
  struct neighbour *n;

  (void)pt;
  if (!(dev->flags & IFF_NOARP) && dev->ip_ptr && skb->pkt_type != PACKET_OTHERHOST && well_formed(skb, arp)) {
    int for_us = arp->ar_tip == dev->ip_ptr->address;

    n = lookup(dev, arp->ar_sip);
    if (!n && for_us && arp->ar_op == htons(ARPOP_REQUEST) && arp->ar_sip) n = create(dev, arp->ar_sip);
    if (n) update(n, arp->ar_sha);
    if (n && arp->ar_op == htons(ARPOP_REPLY)) dev->arp_answered = jiffies;
    if (for_us && arp->ar_op == htons(ARPOP_REQUEST)) arp_send(ARPOP_REPLY, dev, arp->ar_sip, arp->ar_sha);
  }
  kfree_skb(skb);
  return 0;
}

/* Of those that are known the one heard last, else one that is being looked for. */
static struct neighbour *whom_to_ask(const struct net_device *dev) {
  struct neighbour *n, *best = NULL;
  int i;

  for (i = 0; i < ARP_HASH; i++)
    for (n = table[i]; n; n = n->next)
      if (n->dev == dev && (!best || n->known > best->known ||
                            (n->known == best->known && (long)(n->confirmed - best->confirmed) > 0)))
        best = n;
  return best;
}

bool arp_ask(struct net_device *dev) {
  struct neighbour *n = whom_to_ask(dev);

  if (!n) return false;
  arp_send(ARPOP_REQUEST, dev, n->address, n->known ? n->ha : NULL);
  return true;
}

static struct packet_type arp_packet_type = { .type = __constant_htons(ETH_P_ARP), .func = arp_rcv };

void arp_init(void) {
  init_timer(&arp_timer);
  arp_timer.function = arp_tick;
  dev_add_pack(&arp_packet_type);
}
