/*
 * What crossings happened. One record a domain number; the host reads the array by the symbol
 * `nooks_stats`, programs read /proc/nooks. Counters only grow, also when a number is used again by a
 * later domain, so that a difference of two readings is what happened in between.
 */
#ifndef NOOKS_STATS_H
#define NOOKS_STATS_H

#include <linux/types.h>

#define NOOKS_MAX_DOMAINS 16 /* numbers 1 to 16 */

struct nooks_stats {
  u64 to_kernel;    /* XPCs from the domain into the kernel, one for each call (its return is not counted) */
  u64 to_driver;    /* XPCs from the kernel into the domain */
  u64 deferred;     /* calls that rode on another crossing */
  u64 copied_bytes; /* of objects, by value-result */
  u64 failures;     /* detected */
  u64 recoveries;   /* the extension runs again */
};

_Static_assert(sizeof(struct nooks_stats) == 48, "read by the host");
_Static_assert(__builtin_offsetof(struct nooks_stats, deferred) == 16, "read by the host");

/* Adds to a counter; the carry into its upper half is rare. */
static inline void count(u64 *counter, u32 n) {
  u32 *half = (u32 *)counter;
  u32 sum = half[0] + n;
  half[0] = sum;
  if (__builtin_expect(sum < n, 0)) half[1]++;
}

extern struct nooks_stats nooks_stats[NOOKS_MAX_DOMAINS]; /* [number - 1] */

#endif
