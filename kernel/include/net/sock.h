/*
 * Sockets: AF_INET, SOCK_DGRAM. struct sock is 2.4's struct socket and struct sock in one, as there is only one
 * family.
 *
 * Memory accounting as in 2.4: a packet is charged at skb->truesize to the socket that sends it until the driver
 * frees it (sndbuf), or to the socket that received it until the program has read it (rcvbuf). SO_SNDBUF and
 * SO_RCVBUF set twice the value asked for, since truesize counts the overhead too; values above SK_BUF_MAX are cut.
 */
#ifndef _NET_SOCK_H
#define _NET_SOCK_H

#include <linux/types.h>
#include <linux/skbuff.h>
#include <linux/wait.h>

#define SK_BUF_MAX (256 * 1024)     /* of the value asked for, bytes */
#define SK_BUF_DEFAULT (64 * 1024)  /* of what is accounted */
#define SOCK_MIN_BUF 2048

struct sock {
  struct sock *next; /* hash chain of bound ports, softirqs off */
  u32 rcv_saddr;    /* bound to, big endian; 0 is any */
  u16 num;    /* local port, host order; 0 is not bound */
  u32 daddr;    /* connected to, big endian; 0 is not connected */
  u16 dport;    /* big endian */
  u8 no_check;    /* send without a UDP checksum */
  int err;    /* pending error, positive; reported once */
  long rcvtimeo;    /* jiffies, or MAX_SCHEDULE_TIMEOUT */
  int sndbuf;
  int rcvbuf;
  atomic_t wmem_alloc;
  atomic_t rmem_alloc;
  atomic_t refcnt;      /* one for the file, one for each packet being sent */
  unsigned int drops;   /* datagrams that found the receive buffer full or had a bad checksum */
  wait_queue_head_t sleep;
  struct sk_buff_head receive_queue;
};

struct sock *sk_alloc(void);
void sock_hold(struct sock *sk);
void sock_put(struct sock *sk);

/* A buffer charged to sndbuf; sleeps for room unless noblock. NULL and *err (negative) on failure. */
struct sk_buff *sock_alloc_send_skb(struct sock *sk, unsigned int size, int noblock, int *err);
/* Charges rcvbuf and queues, wakes the reader; -ENOMEM when the buffer is full (skb is still the caller's). */
int sock_queue_rcv_skb(struct sock *sk, struct sk_buff *skb);

/* Waits for a packet to read; NULL and *err (negative) if there is none. It stays queued. */
struct sk_buff *sock_wait_packet(struct sock *sk, int noblock, int *err);

/* udp.c: called by socket.c in process context. */
struct sockaddr_in;
int udp_bind(struct sock *sk, const struct sockaddr_in *addr);
int udp_connect(struct sock *sk, const struct sockaddr_in *addr);
long udp_sendmsg(struct sock *sk, const void *user, size_t len, unsigned int flags, const struct sockaddr_in *to);
long udp_recvmsg(struct sock *sk, void *user, size_t len, unsigned int flags, struct sockaddr_in *from);
void udp_unhash(struct sock *sk);

#endif
