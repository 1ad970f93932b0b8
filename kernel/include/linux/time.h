#ifndef LINUX_TIME_H
#define LINUX_TIME_H

#include <linux/types.h>

struct timeval {
  long tv_sec;
  long tv_usec;
};
struct timespec {
  long tv_sec;
  long tv_nsec;
};

/* Time since boot; to the microsecond, from the TSC as calibrated against the PIT. */
void do_gettimeofday(struct timeval *tv);

#endif
