/*
 * Packet buffers, after Linux 2.4's <linux/skbuff.h>.
 *
 * struct sk_buff is a kernel object from a slab; a driver may never write the kernel's copy. Its data lie in ONE
 * page of the zone that belongs to no other buffer, so that page protection can hand a packet to a driver and
 * take it back (page-granular ownership: at most SKB_MAX_DATA bytes a buffer). 2.4 puts skb_shared_info behind the
 * data; here frag_list is in struct sk_buff, because the data page is writable by a driver.
 *
 * Left out: page fragments (nr_frags), clones, dst_entry, netfilter.
 *
 * Locks: a list's lock is taken with interrupts off, since interrupt handlers queue packets. The functions with
 * two leading underscores want the caller to hold the list's lock or to own the list alone.
 */
#ifndef _LINUX_SKBUFF_H
#define _LINUX_SKBUFF_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/spinlock.h>
#include <asm/atomic.h>

#define SKB_DATA_ALIGN(x) (((x) + 31u) & ~31u)
#define SKB_MAX_DATA 4096u /* one page of the zone */
#define SKB_HEADROOM 16    /* what dev_alloc_skb() reserves */

/* ip_summed: is the checksum of the payload known? */
#define CHECKSUM_NONE 0
#define CHECKSUM_HW 1
#define CHECKSUM_UNNECESSARY 2

struct sock;
struct net_device;
struct sk_buff;
struct iphdr;
struct udphdr;
struct icmphdr;
struct arphdr;
struct ethhdr;

struct sk_buff_head {
  /* The first two fields as in struct sk_buff. */
  struct sk_buff *next;
  struct sk_buff *prev;
  u32 qlen;
  spinlock_t lock;
};

struct sk_buff {
  struct sk_buff *next;
  struct sk_buff *prev;
  struct sk_buff_head *list; /* the list we are on, or NULL */
  struct sock *sk;    /* whose memory account is charged */
  struct net_device *dev;    /* sent by or received from */
  union {
    struct udphdr *uh;
    struct icmphdr *icmph;
    unsigned char *raw;
  } h; /* transport header */
  union {
    struct iphdr *iph;
    struct arphdr *arph;
    unsigned char *raw;
  } nh; /* network header */
  union {
    struct ethhdr *ethernet;
    unsigned char *raw;
  } mac; /* link header */
  unsigned int len;      /* bytes from data, and of every buffer on frag_list */
  unsigned int data_len; /* those of frag_list alone */
  unsigned int csum;     /* one's complement sum, not yet folded, of the payload */
  unsigned int truesize; /* what the socket's account is charged, bytes */
  unsigned char *head;   /* start of the page-sized buffer */
  unsigned char *data;   /* start of the packet */
  unsigned char *tail;   /* its end */
  unsigned char *end;    /* end of the buffer */
  atomic_t users;
  unsigned char ip_summed;
  unsigned char pkt_type; /* PACKET_HOST and so on */
  unsigned short protocol; /* big endian */
  struct sk_buff *frag_list; /* further buffers of a reassembled datagram */
  void (*destructor)(struct sk_buff *skb);
  unsigned char cb[24]; /* private to the layer that has the packet */
};

/* kernel/net/skbuff.c: all may be called in any context; allocation from interrupts wants GFP_ATOMIC. */
struct sk_buff *alloc_skb(unsigned int size, int gfp);
struct sk_buff *dev_alloc_skb(unsigned int length);
void __kfree_skb(struct sk_buff *skb);
void kfree_skb(struct sk_buff *skb);
struct sk_buff *skb_copy(const struct sk_buff *skb, int gfp);
int skb_copy_bits(const struct sk_buff *skb, unsigned int offset, void *to, unsigned int len);
void skb_over_panic(struct sk_buff *skb, unsigned int len, void *here);
void skb_under_panic(struct sk_buff *skb, unsigned int len, void *here);
void skb_init(void);

/* Buffers in use now, for leak checks. */
extern unsigned int skb_count;

void skb_queue_head_init(struct sk_buff_head *list);
void skb_queue_head(struct sk_buff_head *list, struct sk_buff *skb);
void skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb);
struct sk_buff *skb_dequeue(struct sk_buff_head *list);
void skb_queue_purge(struct sk_buff_head *list);

#define dev_kfree_skb(skb) kfree_skb(skb)

static inline struct sk_buff *skb_get(struct sk_buff *skb) {
  atomic_inc(&skb->users);
  return skb;
}

static inline int skb_queue_empty(const struct sk_buff_head *list) {
  return list->next == (const struct sk_buff *)list;
}

static inline u32 skb_queue_len(const struct sk_buff_head *list) {
  return list->qlen;
}

static inline void __skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb) {
  struct sk_buff *head = (struct sk_buff *)list, *prev = head->prev;

  skb->list = list;
  skb->next = head;
  skb->prev = prev;
  prev->next = skb;
  head->prev = skb;
  list->qlen++;
}

static inline void __skb_queue_head(struct sk_buff_head *list, struct sk_buff *skb) {
  struct sk_buff *head = (struct sk_buff *)list, *next = head->next;

  skb->list = list;
  skb->prev = head;
  skb->next = next;
  next->prev = skb;
  head->next = skb;
  list->qlen++;
}

static inline struct sk_buff *skb_peek(struct sk_buff_head *list) {
  return skb_queue_empty(list) ? NULL : list->next;
}

static inline void __skb_unlink(struct sk_buff *skb, struct sk_buff_head *list) {
  skb->next->prev = skb->prev;
  skb->prev->next = skb->next;
  skb->next = skb->prev = NULL;
  skb->list = NULL;
  list->qlen--;
}

static inline struct sk_buff *__skb_dequeue(struct sk_buff_head *list) {
  struct sk_buff *skb = skb_peek(list);

  if (skb)
    __skb_unlink(skb, list);
  return skb;
}

/*
 * These four change only the sk_buff that they are given, so that a driver in a domain works on its own copy of
 * it without a crossing; what it did is read back when it gives the packet to the kernel.
 */
static inline unsigned char *skb_put(struct sk_buff *skb, unsigned int len) {
  unsigned char *old_tail = skb->tail;

  skb->tail += len;
  skb->len += len;
  if (skb->tail > skb->end)
    skb_over_panic(skb, len, __builtin_return_address(0));
  return old_tail;
}

static inline unsigned char *skb_push(struct sk_buff *skb, unsigned int len) {
  skb->data -= len;
  skb->len += len;
  if (skb->data < skb->head)
    skb_under_panic(skb, len, __builtin_return_address(0));
  return skb->data;
}

static inline unsigned char *skb_pull(struct sk_buff *skb, unsigned int len) {
  if (len > skb->len - skb->data_len)
    return NULL;
  skb->len -= len;
  return skb->data += len;
}

static inline void skb_reserve(struct sk_buff *skb, unsigned int len) {
  skb->data += len;
  skb->tail += len;
}

static inline unsigned int skb_headroom(const struct sk_buff *skb) {
  return (unsigned int)(skb->data - skb->head);
}

static inline unsigned int skb_tailroom(const struct sk_buff *skb) {
  return (unsigned int)(skb->end - skb->tail);
}

/* Bytes from data to tail: skb->len without the buffers of frag_list. */
static inline unsigned int skb_headlen(const struct sk_buff *skb) {
  return skb->len - skb->data_len;
}

static inline void skb_trim(struct sk_buff *skb, unsigned int len) {
  if (skb->len > len && !skb->data_len) {
    skb->len = len;
    skb->tail = skb->data + len;
  }
}

#endif
