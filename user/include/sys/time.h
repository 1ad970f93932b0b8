#ifndef SYS_TIME_H
#define SYS_TIME_H

#include <linux/time.h>

struct tms {
  long tms_utime, tms_stime, tms_cutime, tms_cstime; /* ticks of 10 ms */
};
int nanosleep(const struct timespec *want, struct timespec *left);
int gettimeofday(struct timeval *tv, void *zone); /* since boot */
long times(struct tms *buf);                      /* ticks since boot */
unsigned long long now_us(void);

static inline unsigned long long rdtsc(void) {
  unsigned long long v;
  __asm__ __volatile__("rdtsc" : "=A"(v));
  return v;
}

#endif
