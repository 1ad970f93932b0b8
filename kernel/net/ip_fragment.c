/*
 * IPv4 reassembly (RFC 791, 3.2). Fragments of a datagram are kept in the order of their offsets; when the last hole
 * is filled they are chained to the first one's frag_list, without a copy.
 *
 * Limits: a datagram is given up IPFRAG_TIME after its first fragment; when unfinished datagrams hold more than
 * IPFRAG_HIGH bytes of truesize, the oldest ones go until IPFRAG_LOW is reached. A fragment that repeats an earlier
 * one exactly is dropped; any other overlap is an attack or an error and drops the whole datagram (2.4 trims).
 *
 * Everything here runs with softirqs off.
 */
#include <net/ip.h>
#include <linux/in.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>

#define IPFRAG_TIME (30 * HZ)
#define IPFRAG_HIGH (256 * 1024) /* bytes, 2.4's defaults */
#define IPFRAG_LOW (192 * 1024)
#define IPQ_HASH 64
#define MAX_DATAGRAM 65535u

/* An unfinished datagram. */
struct ipq {
  struct ipq *next;
  struct list_head age; /* oldest first */
  u32 saddr, daddr;
  u16 id;
  u8 protocol;
  u8 last_seen;      /* len is known */
  unsigned int len;  /* of the payload: known, or where the fragments so far end */
  unsigned int meat; /* bytes of payload that are here */
  struct sk_buff *fragments, *tail;
  struct timer_list timer;
};

/* In a fragment's cb. */
struct ipfrag_cb {
  unsigned int offset; /* bytes */
};
#define FRAG_OFFSET(skb) (((struct ipfrag_cb *)(skb)->cb)->offset)

static struct ipq *table[IPQ_HASH];
static LIST_HEAD(by_age);
static kmem_cache_t *ipq_cache;
unsigned int ip_frag_mem;

static unsigned int hash(const struct iphdr *iph) {
  u32 h = iph->saddr ^ iph->daddr ^ iph->id ^ iph->protocol;

  h ^= h >> 16;
  return (h ^ h >> 8) & (IPQ_HASH - 1);
}

/* Takes the datagram out of the table. Its fragments are the caller's. */
static void unlink_ipq(struct ipq *q, unsigned int bucket) {
  struct ipq **p = &table[bucket];
  struct sk_buff *skb;

  while (*p != q) p = &(*p)->next;
  *p = q->next;
  list_del(&q->age);
  del_timer(&q->timer);
  for (skb = q->fragments; skb; skb = skb->next) ip_frag_mem -= skb->truesize;
}

static unsigned int bucket_of(const struct ipq *q) {
  struct iphdr key = { .saddr = q->saddr, .daddr = q->daddr, .id = q->id, .protocol = q->protocol };

  return hash(&key);
}

static void give_up(struct ipq *q) {
  struct sk_buff *skb, *next;

  unlink_ipq(q, bucket_of(q));
  for (skb = q->fragments; skb; skb = next) {
    next = skb->next;
    skb->next = NULL;
    kfree_skb(skb);
  }
  kmem_cache_free(ipq_cache, q);
  ip_statistics.reasm_fails++;
}

static void expired(unsigned long data) {
  ip_statistics.reasm_timeout++;
  give_up((struct ipq *)data);
}

static void evict(void) {
  while (ip_frag_mem > IPFRAG_LOW && !list_empty(&by_age)) give_up(list_entry(by_age.next, struct ipq, age));
}

static struct ipq *create(const struct iphdr *iph, unsigned int bucket) {
  struct ipq *q = kmem_cache_alloc(ipq_cache, GFP_ATOMIC);

  if (!q) return NULL;
  *q = (struct ipq){ .saddr = iph->saddr, .daddr = iph->daddr, .id = iph->id, .protocol = iph->protocol };
  init_timer(&q->timer);
  q->timer.function = expired;
  q->timer.data = (unsigned long)q;
  q->timer.expires = jiffies + IPFRAG_TIME;
  add_timer(&q->timer);
  list_add_tail(&q->age, &by_age);
  q->next = table[bucket];
  table[bucket] = q;
  return q;
}

static struct ipq *find_or_create(const struct iphdr *iph, unsigned int bucket) {
  struct ipq *q = table[bucket];

  while (q && (q->id != iph->id || q->saddr != iph->saddr || q->daddr != iph->daddr || q->protocol != iph->protocol))
    q = q->next;
  return q ? q : create(iph, bucket);
}

/* What a fragment says of the datagram's length: 0 when it fits what is known, else the datagram is bad. */
static int check_length(struct ipq *q, unsigned int end, int more) {
  if (more) {
    if (q->last_seen && end > q->len) return -1;
    if (end > q->len) q->len = end;
    return 0;
  }
  if (end < q->len || (q->last_seen && end != q->len)) return -1;
  q->last_seen = 1;
  q->len = end;
  return 0;
}

enum placed { PLACED, DUPLICATE, OVERLAP };

/* Puts the fragment in its place. In order and in reverse order, the usual cases, this is one comparison. */
static enum placed place(struct ipq *q, struct sk_buff *skb) {
  unsigned int offset = FRAG_OFFSET(skb), end = offset + skb->len;
  struct sk_buff *before = NULL, *after = q->fragments;

  if (q->tail && FRAG_OFFSET(q->tail) < offset) {
    before = q->tail;
    after = NULL;
  }
  while (after && FRAG_OFFSET(after) < offset) {
    before = after;
    after = after->next;
  }
  if (after && FRAG_OFFSET(after) == offset && after->len == skb->len) return DUPLICATE;
  if (before && FRAG_OFFSET(before) + before->len > offset) return OVERLAP;
  if (after && FRAG_OFFSET(after) < end) return OVERLAP;
  skb->next = after;
  if (before)
    before->next = skb;
  else
    q->fragments = skb;
  if (!after) q->tail = skb;
  return PLACED;
}

/* All is here: chain the fragments to the first. */
static struct sk_buff *reassemble(struct ipq *q, unsigned int bucket) {
  struct sk_buff *head = q->fragments, *skb;
  struct iphdr *iph = head->nh.iph;

  unlink_ipq(q, bucket);
  head->frag_list = head->next;
  head->next = NULL;
  for (skb = head->frag_list; skb; skb = skb->next) {
    head->truesize += skb->truesize;
    head->data_len += skb->len;
  }
  head->len += head->data_len;
  head->ip_summed = CHECKSUM_NONE;
  iph->frag_off = 0;
  iph->tot_len = htons((u16)(head->len + iph->ihl * 4u));
  kmem_cache_free(ipq_cache, q);
  ip_statistics.reasm_oks++;
  return head;
}

/* skb's data starts behind the IP header at skb->nh. */
struct sk_buff *ip_defrag(struct sk_buff *skb) {
  const struct iphdr *iph = skb->nh.iph;
  unsigned int field = ntohs(iph->frag_off), offset = (field & IP_OFFSET) * 8;
  int more = (field & IP_MF) != 0;
  unsigned int bucket = hash(iph);
  struct ipq *q;

  ip_statistics.reasm_reqds++;
  if (!skb->len || (more && (skb->len & 7)) || offset + skb->len + iph->ihl * 4u > MAX_DATAGRAM) goto bad_fragment;
  if (ip_frag_mem > IPFRAG_HIGH) evict();
  q = find_or_create(iph, bucket);
  if (!q) goto bad_fragment;
  FRAG_OFFSET(skb) = offset;
  if (check_length(q, offset + skb->len, more)) goto bad_datagram;
  switch (place(q, skb)) {
    case DUPLICATE: goto bad_fragment;
    case OVERLAP: goto bad_datagram;
    case PLACED: break;
  }
  skb->dev = NULL;
  q->meat += skb->len;
  ip_frag_mem += skb->truesize;
  return q->last_seen && q->meat == q->len ? reassemble(q, bucket) : NULL;

bad_datagram:
  give_up(q);
bad_fragment:
  ip_statistics.reasm_fails++;
  kfree_skb(skb);
  return NULL;
}

void ip_frag_init(void) {
  ipq_cache = kmem_cache_create("ip_fragment", sizeof(struct ipq), 0, 0, NULL, NULL);
  if (!ipq_cache) panic("ip_frag_init: no memory for the cache");
}
