/* Sockets' memory accounts, and waiting for room or for packets (see <net/sock.h>). */
#include <net/sock.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/slab.h>

static kmem_cache_t *sock_cache;

struct sock *sk_alloc(void) {
  struct sock *sk;

  if (!sock_cache) sock_cache = kmem_cache_create("sock", sizeof(struct sock), 0, SLAB_HWCACHE_ALIGN, NULL, NULL);
  sk = sock_cache ? kmem_cache_alloc(sock_cache, GFP_KERNEL) : NULL;
  if (!sk) return NULL;
  *sk = (struct sock){ .sndbuf = SK_BUF_DEFAULT, .rcvbuf = SK_BUF_DEFAULT, .rcvtimeo = MAX_SCHEDULE_TIMEOUT };
  atomic_set(&sk->refcnt, 1);
  init_waitqueue_head(&sk->sleep);
  skb_queue_head_init(&sk->receive_queue);
  return sk;
}

void sock_hold(struct sock *sk) {
  atomic_inc(&sk->refcnt);
}

void sock_put(struct sock *sk) {
  if (!atomic_dec_and_test(&sk->refcnt)) return;
  BUG_ON(atomic_read(&sk->wmem_alloc) || atomic_read(&sk->rmem_alloc));
  kmem_cache_free(sock_cache, sk);
}

/* A packet was sent and freed. Wakes the sender when half of its buffer is free, as 2.4 does. Softirq, process. */
static void sock_wfree(struct sk_buff *skb) {
  struct sock *sk = skb->sk;

  atomic_sub((int)skb->truesize, &sk->wmem_alloc);
  if (atomic_read(&sk->wmem_alloc) * 2 <= sk->sndbuf && waitqueue_active(&sk->sleep))
    wake_up_interruptible(&sk->sleep);
  sock_put(sk);
}

static void sock_rfree(struct sk_buff *skb) {
  atomic_sub((int)skb->truesize, &skb->sk->rmem_alloc);
}

static int take_error(struct sock *sk) {
  int err = sk->err;

  sk->err = 0;
  return -err;
}

/* Sleeps until the buffer has room. 0 or a negative error. */
static int wait_for_room(struct sock *sk) {
  return wait_event_interruptible(
      sk->sleep, atomic_read(&sk->wmem_alloc) < sk->sndbuf || sk->err);
}

struct sk_buff *sock_alloc_send_skb(struct sock *sk, unsigned int size, int noblock, int *err) {
  struct sk_buff *skb;

  for (;;) {
    *err = take_error(sk);
    if (*err) return NULL;
    if (atomic_read(&sk->wmem_alloc) < sk->sndbuf) break;
    *err = noblock ? -EAGAIN : wait_for_room(sk);
    if (*err) return NULL;
  }
  skb = alloc_skb(size, GFP_KERNEL);
  if (!skb) {
    *err = -ENOBUFS;
    return NULL;
  }
  sock_hold(sk);
  skb->sk = sk;
  skb->destructor = sock_wfree;
  atomic_add((int)skb->truesize, &sk->wmem_alloc);
  return skb;
}

int sock_queue_rcv_skb(struct sock *sk, struct sk_buff *skb) {
  if (atomic_read(&sk->rmem_alloc) + (int)skb->truesize >= sk->rcvbuf) return -ENOMEM;
  skb->dev = NULL;
  skb->sk = sk;
  skb->destructor = sock_rfree;
  atomic_add((int)skb->truesize, &sk->rmem_alloc);
  skb_queue_tail(&sk->receive_queue, skb);
  if (waitqueue_active(&sk->sleep)) wake_up_interruptible(&sk->sleep);
  return 0;
}

struct sk_buff *sock_wait_packet(struct sock *sk, int noblock, int *err) {
  long timeout = sk->rcvtimeo;
  struct sk_buff *skb;
  DECLARE_WAITQUEUE(wait, current);

  for (;;) {
    prepare_to_wait(&sk->sleep, &wait, TASK_INTERRUPTIBLE);
    skb = skb_peek(&sk->receive_queue);
    *err = skb ? 0 : take_error(sk);
    if (skb || *err) break;
    if (noblock || !timeout)
      *err = -EAGAIN;
    else if (signal_pending(current))
      *err = -ERESTARTSYS;
    if (*err) break;
    timeout = schedule_timeout(timeout);
  }
  finish_wait(&sk->sleep, &wait);
  return skb;
}
