/*
 * The Internet checksum (RFC 1071), and copies that sum as they go, as Linux 2.4 on i686 has them.
 *
 * A partial sum is a one's complement sum of 32 bits; csum_fold() makes the 16 bits that go into a header.
 * Partial sums add up (csum_add) when every block but the last has an even number of bytes.
 */
#ifndef _NET_CHECKSUM_H
#define _NET_CHECKSUM_H

#include <linux/types.h>
#include <linux/in.h>

/* kernel/net/checksum.S */
u32 csum_partial(const void *buff, int len, u32 sum);
u32 csum_partial_copy_generic(const void *src, void *dst, int len, u32 sum, int *err);

/* kernel/net/checksum.c: *err becomes -EFAULT on a bad user address; the destination is then undefined. */
u32 csum_and_copy_from_user(const void *user_src, void *dst, int len, u32 sum, int *err);
u32 csum_and_copy_to_user(const void *src, void *user_dst, int len, u32 sum, int *err);

static inline u32 csum_add(u32 a, u32 b) {
  a += b;
  return a + (a < b);
}

/* Adds b, the sum of a block that started at byte `offset` of the whole. */
static inline u32 csum_block_add(u32 a, u32 b, int offset) {
  if (offset & 1)
    b = (b >> 8) | (b << 24);
  return csum_add(a, b);
}

static inline u16 csum_fold(u32 sum) {
  sum = (sum >> 16) + (sum & 0xFFFF);
  sum += sum >> 16;
  return (u16)~sum;
}

/* Checksum of an IP header of ihl words: 0 when the header with its check field is right. */
static inline u16 ip_fast_csum(const void *iph, unsigned int ihl) {
  const u32 *word = iph;
  u32 sum = 0;

  while (ihl--)
    sum = csum_add(sum, *word++);
  return csum_fold(sum);
}

/* Sum of the pseudo header of UDP; addresses big endian, len and protocol in host order. */
static inline u32 csum_tcpudp_nofold(u32 saddr, u32 daddr, unsigned short len, unsigned short proto, u32 sum) {
  sum = csum_add(sum, saddr);
  sum = csum_add(sum, daddr);
  return csum_add(sum, (u32)htons(len) + htons(proto));
}

static inline u16 csum_tcpudp_magic(u32 saddr, u32 daddr, unsigned short len, unsigned short proto, u32 sum) {
  return csum_fold(csum_tcpudp_nofold(saddr, daddr, len, proto, sum));
}

#endif
