/*
 * Packet buffers: allocation, freeing, copying and queues (see <linux/skbuff.h>).
 *
 * A buffer is one page of the zone. Free pages are kept on a small stack of pointers in kernel memory, last in
 * first out: the buddy allocator would split and merge its blocks for every packet, and a page just freed is
 * still in the cache. The stack is not linked through the pages, since drivers can write those.
 */
#include <linux/skbuff.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/system.h>

#define PAGE_POOL_MAX 512 /* pages */

static kmem_cache_t *skb_cache;
static unsigned char *page_pool[PAGE_POOL_MAX];
static unsigned int page_pool_count; /* interrupts off */

unsigned int skb_count;

void skb_init(void) {
  skb_cache = kmem_cache_create("skbuff_head_cache", sizeof(struct sk_buff), 0, SLAB_HWCACHE_ALIGN, NULL, NULL);
  if (!skb_cache) panic("skb_init: no memory for the sk_buff cache");
}

static unsigned char *data_page_alloc(int gfp) {
  unsigned char *page = NULL;
  unsigned long flags;

  local_irq_save(flags);
  if (page_pool_count) page = page_pool[--page_pool_count];
  local_irq_restore(flags);
  return page ? page : (unsigned char *)__get_free_page(gfp | __GFP_DRIVER);
}

static void data_page_free(unsigned char *page) {
  unsigned long flags;

  local_irq_save(flags);
  if (page_pool_count < PAGE_POOL_MAX) {
    page_pool[page_pool_count++] = page;
    page = NULL;
  }
  local_irq_restore(flags);
  if (page) free_page((unsigned long)page);
}

/* A buffer with room for `size` bytes, at most SKB_MAX_DATA; NULL without memory. */
struct sk_buff *alloc_skb(unsigned int size, int gfp) {
  struct sk_buff *skb;
  unsigned char *data;
  unsigned long flags;

  size = SKB_DATA_ALIGN(size);
  if (size > SKB_MAX_DATA) return NULL;
  skb = kmem_cache_alloc(skb_cache, gfp);
  if (!skb) return NULL;
  data = data_page_alloc(gfp);
  if (!data) {
    kmem_cache_free(skb_cache, skb);
    return NULL;
  }
  memset(skb, 0, sizeof(*skb));
  atomic_set(&skb->users, 1);
  skb->head = skb->data = skb->tail = data;
  skb->end = data + size;
  skb->truesize = size + sizeof(*skb);
  local_irq_save(flags);
  skb_count++;
  local_irq_restore(flags);
  return skb;
}

/* For a driver's receive ring: any context, SKB_HEADROOM bytes reserved in front. */
struct sk_buff *dev_alloc_skb(unsigned int length) {
  struct sk_buff *skb = alloc_skb(length + SKB_HEADROOM, GFP_ATOMIC);

  if (skb) skb_reserve(skb, SKB_HEADROOM);
  return skb;
}

/* Frees a buffer whose last user has gone, its fragments too. */
void __kfree_skb(struct sk_buff *skb) {
  struct sk_buff *frag, *next;
  unsigned long flags;

  if (skb->list) panic("skb_free: packet %p is still on a list", skb);
  if (skb->destructor) skb->destructor(skb);
  for (frag = skb->frag_list; frag; frag = next) {
    next = frag->next;
    frag->next = NULL;
    kfree_skb(frag);
  }
  data_page_free(skb->head);
  skb->head = NULL;
  kmem_cache_free(skb_cache, skb);
  local_irq_save(flags);
  skb_count--;
  local_irq_restore(flags);
}

/* Drops a reference. Not in an interrupt handler when the packet has a destructor: dev_kfree_skb_irq() then. */
void kfree_skb(struct sk_buff *skb) {
  if (atomic_read(&skb->users) == 1 || atomic_dec_and_test(&skb->users)) __kfree_skb(skb);
}

/* Copies `len` bytes from `offset` of the packet, whatever buffers hold them. -EFAULT past its end. */
int skb_copy_bits(const struct sk_buff *skb, unsigned int offset, void *to, unsigned int len) {
  const struct sk_buff *part = skb;
  unsigned int room = skb_headlen(skb);
  unsigned char *out = to;

  if (offset > skb->len || len > skb->len - offset) return -EFAULT;
  while (len) {
    if (offset < room) {
      unsigned int n = min(len, room - offset);

      memcpy(out, part->data + offset, n);
      out += n;
      len -= n;
      offset += n;
    }
    offset -= room;
    part = part == skb ? skb->frag_list : part->next;
    if (part) room = part->len;
  }
  return 0;
}

/* A private copy in one buffer, without owner; NULL without memory or when it does not fit. */
struct sk_buff *skb_copy(const struct sk_buff *skb, int gfp) {
  unsigned int headroom = skb_headroom(skb);
  struct sk_buff *copy = alloc_skb(headroom + skb->len, gfp);

  if (!copy) return NULL;
  skb_reserve(copy, headroom);
  if (skb_copy_bits(skb, 0, skb_put(copy, skb->len), skb->len)) BUG();
  copy->dev = skb->dev;
  copy->csum = skb->csum;
  copy->ip_summed = skb->ip_summed;
  copy->pkt_type = skb->pkt_type;
  copy->protocol = skb->protocol;
  memcpy(copy->cb, skb->cb, sizeof(copy->cb));
  if (skb->h.raw) copy->h.raw = copy->data + (skb->h.raw - skb->data);
  if (skb->nh.raw) copy->nh.raw = copy->data + (skb->nh.raw - skb->data);
  if (skb->mac.raw) copy->mac.raw = copy->data + (skb->mac.raw - skb->data);
  return copy;
}

void skb_over_panic(struct sk_buff *skb, unsigned int len, void *here) {
  panic("skb_put: %u bytes past the end of packet %p (len %u), called from %p", len, skb, skb->len, here);
}

void skb_under_panic(struct sk_buff *skb, unsigned int len, void *here) {
  panic("skb_push: %u bytes before the start of packet %p (len %u), called from %p", len, skb, skb->len, here);
}

void skb_queue_head_init(struct sk_buff_head *list) {
  spin_lock_init(&list->lock);
  list->next = list->prev = (struct sk_buff *)list;
  list->qlen = 0;
}

void skb_queue_head(struct sk_buff_head *list, struct sk_buff *skb) {
  unsigned long flags;

  spin_lock_irqsave(&list->lock, flags);
  __skb_queue_head(list, skb);
  spin_unlock_irqrestore(&list->lock, flags);
}

void skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb) {
  unsigned long flags;

  spin_lock_irqsave(&list->lock, flags);
  __skb_queue_tail(list, skb);
  spin_unlock_irqrestore(&list->lock, flags);
}

struct sk_buff *skb_dequeue(struct sk_buff_head *list) {
  struct sk_buff *skb;
  unsigned long flags;

  spin_lock_irqsave(&list->lock, flags);
  skb = __skb_dequeue(list);
  spin_unlock_irqrestore(&list->lock, flags);
  return skb;
}

void skb_queue_purge(struct sk_buff_head *list) {
  struct sk_buff *skb;

  while ((skb = skb_dequeue(list))) kfree_skb(skb);
}

EXPORT_SYMBOL(alloc_skb);
EXPORT_SYMBOL(dev_alloc_skb);
EXPORT_SYMBOL(__kfree_skb);
EXPORT_SYMBOL(kfree_skb);
EXPORT_SYMBOL(skb_copy);
EXPORT_SYMBOL(skb_over_panic);
EXPORT_SYMBOL(skb_under_panic);
