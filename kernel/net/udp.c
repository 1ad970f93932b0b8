/*
 * UDP (RFC 768). The checksum is made while the payload is copied from the program, and verified while it is copied
 * to it, as in 2.4.
 *
 * The table of bound sockets is changed by processes with softirqs off and searched by softirqs.
 */
#include <linux/udp.h>
#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/interrupt.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <asm/uaccess.h>

#define UDP_HASH 64
#define UDP_MAX_PAYLOAD (65535u - sizeof(struct iphdr) - sizeof(struct udphdr))
#define FIRST_EPHEMERAL 32768
#define LAST_EPHEMERAL 61000

static struct sock *table[UDP_HASH];
static u16 next_port = FIRST_EPHEMERAL;

static unsigned int bucket_of(u16 port) {
  return port & (UDP_HASH - 1);
}

static int port_is_used(u16 port, u32 saddr) {
  struct sock *sk = table[bucket_of(port)];

  while (sk && !(sk->num == port && (!sk->rcv_saddr || !saddr || sk->rcv_saddr == saddr))) sk = sk->next;
  return sk != NULL;
}

static u16 free_port(void) {
  int tries = LAST_EPHEMERAL - FIRST_EPHEMERAL;

  while (tries--) {
    u16 port = next_port++;

    if (next_port >= LAST_EPHEMERAL) next_port = FIRST_EPHEMERAL;
    if (!port_is_used(port, 0)) return port;
  }
  return 0;
}

/* Binds to a port, any free one for 0. */
static int bind_port(struct sock *sk, u32 saddr, u16 port) {
  int err = -EADDRINUSE;

  local_bh_disable();
  if (!port) port = free_port();
  if (port && !port_is_used(port, saddr)) {
    sk->rcv_saddr = saddr;
    sk->num = port;
    sk->next = table[bucket_of(port)];
    table[bucket_of(port)] = sk;
    err = 0;
  }
  local_bh_enable();
  return err;
}

int udp_bind(struct sock *sk, const struct sockaddr_in *addr) {
  u32 saddr = addr->sin_addr.s_addr;

  if (sk->num) return -EINVAL;
  if (saddr && !inet_addr_is_local(saddr)) return -EADDRNOTAVAIL;
  return bind_port(sk, saddr, ntohs(addr->sin_port));
}

/* AF_UNSPEC undoes a connect. */
int udp_connect(struct sock *sk, const struct sockaddr_in *addr) {
  struct route rt;
  int err;

  if (addr->sin_family == AF_UNSPEC) {
    sk->daddr = 0;
    sk->dport = 0;
    return 0;
  }
  err = ip_route_output(&rt, addr->sin_addr.s_addr);
  if (!err && !sk->num) err = bind_port(sk, 0, 0);
  if (err) return err;
  sk->daddr = addr->sin_addr.s_addr;
  sk->dport = addr->sin_port;
  return 0;
}

void udp_unhash(struct sock *sk) {
  struct sock **p = &table[bucket_of(sk->num)];

  local_bh_disable();
  while (*p && *p != sk) p = &(*p)->next;
  if (*p) *p = sk->next;
  local_bh_enable();
}

/* The socket that fits best: each address that it fixes and that fits counts. */
static struct sock *lookup(u32 saddr, u16 sport, u32 daddr, u16 dport) {
  struct sock *sk, *best = NULL;
  int best_score = -1;

  for (sk = table[bucket_of(dport)]; sk; sk = sk->next) {
    int score = 0;

    if (sk->num != dport) continue;
    if (sk->rcv_saddr && sk->rcv_saddr != daddr) continue;
    if (sk->daddr && (sk->daddr != saddr || sk->dport != sport)) continue;
    score = (sk->rcv_saddr != 0) + 2 * (sk->daddr != 0);
    if (score > best_score) {
      best = sk;
      best_score = score;
    }
  }
  return best;
}

/* ---- sending ---- */

/* A datagram under way, for the callback that copies its parts, last part first. */
struct udp_out {
  const char *user;
  u32 saddr, daddr;
  u16 source, dest; /* big endian */
  unsigned int length; /* with header */
  int no_check;
  u32 *sum; /* of the payload copied so far */
};

static int copy_payload(const struct udp_out *out, char *to, unsigned int offset, unsigned int length) {
  int err = 0;

  if (out->no_check) return copy_from_user(to, out->user + offset, length) ? -EFAULT : 0;
  *out->sum = csum_block_add(*out->sum, csum_and_copy_from_user(out->user + offset, to, (int)length, 0, &err), (int)offset);
  return err;
}

static int udp_getfrag(const void *frag, char *to, unsigned int offset, unsigned int length) {
  const struct udp_out *out = frag;
  struct udphdr *header = (struct udphdr *)to;
  int err;

  if (offset) return copy_payload(out, to, offset - sizeof(*header), length);
  err = copy_payload(out, to + sizeof(*header), 0, length - sizeof(*header));
  if (err) return err;
  header->source = out->source;
  header->dest = out->dest;
  header->len = htons((u16)out->length);
  header->check = 0;
  if (!out->no_check) {
    u32 sum = csum_partial(header, sizeof(*header), *out->sum);

    header->check = csum_tcpudp_magic(out->saddr, out->daddr, (u16)out->length, IPPROTO_UDP, sum);
    if (!header->check) header->check = 0xFFFF;
  }
  return 0;
}

long udp_sendmsg(struct sock *sk, const void *user, size_t len, unsigned int flags, const struct sockaddr_in *to) {
  u32 daddr = to ? to->sin_addr.s_addr : sk->daddr, sum = 0;
  u16 dport = to ? to->sin_port : sk->dport;
  struct udp_out out;
  struct route rt;
  int err;

  if (len > UDP_MAX_PAYLOAD) return -EMSGSIZE;
  if (!daddr && !to) return -EDESTADDRREQ;
  if (!dport) return -EINVAL;
  if (!sk->num && (err = bind_port(sk, 0, 0))) return err;
  err = ip_route_output(&rt, daddr);
  if (err) return err;
  out = (struct udp_out){
    .user = user,
    .saddr = sk->rcv_saddr ? sk->rcv_saddr : rt.saddr,
    .daddr = daddr,
    .source = htons(sk->num),
    .dest = dport,
    .length = (unsigned int)len + sizeof(struct udphdr),
    .no_check = sk->no_check,
    .sum = &sum,
  };
  dev_hold(rt.dev);
  err = ip_build_xmit(sk, udp_getfrag, &out, out.length, &rt, out.saddr, daddr, IPPROTO_UDP,
                      (flags & MSG_DONTWAIT) != 0);
  dev_put(rt.dev);
  if (err) return err;
  ip_statistics.udp_out_datagrams++;
  return (long)len;
}

/* ---- receiving ---- */

/* Sums, and copies to user memory when `to` is not NULL, `len` bytes from `offset` of the packet. */
static u32 sum_and_copy(const struct sk_buff *skb, unsigned int offset, char *to, unsigned int len, int *err) {
  const struct sk_buff *part = skb;
  unsigned int room = skb_headlen(skb), done = 0;
  u32 sum = 0;

  while (done < len) {
    if (offset < room) {
      unsigned int n = min(len - done, room - offset);
      const unsigned char *from = part->data + offset;
      u32 part_sum = to ? csum_and_copy_to_user(from, to + done, (int)n, 0, err) : csum_partial(from, (int)n, 0);

      sum = csum_block_add(sum, part_sum, (int)done);
      done += n;
      offset += n;
    }
    offset -= room;
    part = part == skb ? skb->frag_list : part->next;
    if (part) room = part->len;
  }
  return sum;
}

static int copy_only(const struct sk_buff *skb, unsigned int offset, char *to, unsigned int len) {
  const struct sk_buff *part = skb;
  unsigned int room = skb_headlen(skb);

  while (len) {
    if (offset < room) {
      unsigned int n = min(len, room - offset);

      if (copy_to_user(to, part->data + offset, n)) return -EFAULT;
      to += n;
      len -= n;
      offset += n;
    }
    offset -= room;
    part = part == skb ? skb->frag_list : part->next;
    if (part) room = part->len;
  }
  return 0;
}

/* Adds header and pseudo header (which udp_rcv put into skb->csum) to the payload's sum: 0 when all is right. */
static u16 verdict(const struct sk_buff *skb, u32 payload_sum) {
  return csum_fold(csum_add(csum_partial(skb->h.uh, sizeof(struct udphdr), skb->csum), payload_sum));
}

static int checksum_is_bad(const struct sk_buff *skb) {
  int err = 0;

  if (skb->ip_summed == CHECKSUM_UNNECESSARY) return 0;
  return verdict(skb, sum_and_copy(skb, sizeof(struct udphdr), NULL, skb->len - sizeof(struct udphdr), &err)) != 0;
}

/* Cuts what is behind the UDP length; 0 when header and length are right. */
static int bad_length(struct sk_buff *skb) {
  unsigned int length;

  if (skb_headlen(skb) < sizeof(struct udphdr)) return 1;
  length = ntohs(skb->h.uh->len);
  if (length < sizeof(struct udphdr) || length > skb->len) return 1;
  if (length < skb->len && skb->frag_list) return 1;
  skb_trim(skb, length);
  return 0;
}

int udp_rcv(struct sk_buff *skb) {
  const struct iphdr *iph = skb->nh.iph;
  const struct udphdr *uh = skb->h.uh;
  struct sock *sk;

  if (bad_length(skb)) {
    ip_statistics.udp_in_errors++;
    goto drop;
  }
  if (!uh->check) skb->ip_summed = CHECKSUM_UNNECESSARY;
  skb->csum = csum_tcpudp_nofold(iph->saddr, iph->daddr, ntohs(uh->len), IPPROTO_UDP, 0);
  sk = lookup(iph->saddr, uh->source, iph->daddr, ntohs(uh->dest));
  if (!sk) {
    ip_statistics.udp_no_ports++;
    if (!checksum_is_bad(skb)) icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH);
    goto drop;
  }
  if (sock_queue_rcv_skb(sk, skb)) {
    sk->drops++;
    ip_statistics.udp_in_errors++;
    goto drop;
  }
  return 0;
drop:
  kfree_skb(skb);
  return 0;
}

/* Copies the payload out. 0, -EFAULT, or -EBADMSG for a wrong checksum. */
static int copy_out(const struct sk_buff *skb, char *user, unsigned int copied) {
  unsigned int payload = skb->len - sizeof(struct udphdr);
  int err = 0;

  if (skb->ip_summed != CHECKSUM_UNNECESSARY && copied == payload) {
    u32 sum = sum_and_copy(skb, sizeof(struct udphdr), user, payload, &err);

    if (err) return err;
    return verdict(skb, sum) ? -EBADMSG : 0;
  }
  if (checksum_is_bad(skb)) return -EBADMSG;
  return copy_only(skb, sizeof(struct udphdr), user, copied);
}

/* Takes skb off the queue, unless a second reader already has. Releases the caller's reference. */
static void consume(struct sock *sk, struct sk_buff *skb, int peek) {
  int dequeued = 0;
  unsigned long irq;

  spin_lock_irqsave(&sk->receive_queue.lock, irq);
  if (!peek && skb->list == &sk->receive_queue) {
    __skb_unlink(skb, &sk->receive_queue);
    dequeued = 1;
  }
  spin_unlock_irqrestore(&sk->receive_queue.lock, irq);
  kfree_skb(skb);
  if (dequeued) kfree_skb(skb);
}

long udp_recvmsg(struct sock *sk, void *user, size_t len, unsigned int flags, struct sockaddr_in *from) {
  for (;;) {
    int err;
    struct sk_buff *skb = sock_wait_packet(sk, (flags & MSG_DONTWAIT) != 0, &err);
    unsigned int payload, copied;

    if (!skb) return err;
    skb_get(skb);
    payload = skb->len - sizeof(struct udphdr);
    copied = min_t(unsigned int, payload, len);
    err = copy_out(skb, user, copied);
    if (!err && from) {
      memset(from, 0, sizeof(*from));
      from->sin_family = AF_INET;
      from->sin_port = skb->h.uh->source;
      from->sin_addr.s_addr = skb->nh.iph->saddr;
    }
    consume(sk, skb, !err && (flags & MSG_PEEK));
    if (err == -EBADMSG) {
      sk->drops++;
      ip_statistics.udp_in_errors++;
      continue;
    }
    if (err) return err;
    ip_statistics.udp_in_datagrams++;
    return flags & MSG_TRUNC ? (long)payload : (long)copied;
  }
}
