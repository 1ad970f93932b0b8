/*
 * IPv4 inside the kernel: addresses and routes, input, fragments, output. All addresses big endian.
 *
 * Left out: forwarding, IP options on sending (they are skipped on receiving), multicast groups of sockets,
 * path MTU discovery, and ICMP errors but port unreachable.
 */
#ifndef _NET_IP_H
#define _NET_IP_H

#include <linux/types.h>
#include <linux/netdevice.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <net/sock.h>

/* The address of a device; one each. */
struct in_device {
  u32 address;
  u32 mask;
  u32 broadcast;
};

struct route {
  struct net_device *dev;
  u32 gateway; /* the next hop: the destination itself, or a router */
  u32 saddr;   /* our address on that device */
};

/* Counters of the layers, after the SNMP MIB (RFC 1213). */
struct ip_mib {
  unsigned int in_receives, in_hdr_errors, in_addr_errors, in_unknown_protos, in_delivers;
  unsigned int out_requests, out_no_routes;
  unsigned int reasm_reqds, reasm_oks, reasm_fails, reasm_timeout, frag_creates;
  unsigned int udp_in_datagrams, udp_no_ports, udp_in_errors, udp_out_datagrams;
  unsigned int icmp_in_msgs, icmp_in_errors, icmp_out_msgs;
};
extern struct ip_mib ip_statistics;

/* devinet.c */
int inet_set_address(struct net_device *dev, u32 address, u32 mask);
void inet_forget_device(struct net_device *dev);
int inet_addr_is_local(u32 address);
int inet_addr_is_broadcast(const struct net_device *dev, u32 address);
int devinet_ioctl(unsigned int cmd, void *user_ifreq);
/* 0 and *rt, or -ENETUNREACH. */
int ip_route_output(struct route *rt, u32 daddr);

/* ip_input.c, ip_fragment.c */
int ip_rcv(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt);
/* Takes a fragment; returns the whole datagram when it was the last missing one, else NULL. Softirq. */
struct sk_buff *ip_defrag(struct sk_buff *skb);
void ip_frag_init(void);
extern unsigned int ip_frag_mem; /* bytes of truesize in unfinished datagrams */

/* ip_output.c */
/*
 * Copies `length` bytes, from `offset` of what `frag` describes, to `to`. Called with the last fragment first, so
 * that the first one, which has the transport header, knows the sum of all. 0 or a negative error.
 */
typedef int (*ip_getfrag_t)(const void *frag, char *to, unsigned int offset, unsigned int length);

/* Builds and sends a datagram of `length` bytes of transport header and payload. Process context. */
int ip_build_xmit(struct sock *sk, ip_getfrag_t getfrag, const void *frag, unsigned int length,
      const struct route *rt, u32 saddr, u32 daddr, u8 protocol, int noblock);
/* Sends one packet whose transport part is at skb->data, from a softirq; frees it. */
int ip_send_reply(struct sk_buff *skb, u32 saddr, u32 daddr, u8 protocol);

/* Transport protocols. Each takes skb with data at its header; frees it. */
int udp_rcv(struct sk_buff *skb);
int icmp_rcv(struct sk_buff *skb);
/* Tells the sender of skb (data at the transport header) of an error; skb stays the caller's. */
void icmp_send(struct sk_buff *skb, u8 type, u8 code);

#endif
