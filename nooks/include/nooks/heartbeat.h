/* The heartbeat of network drivers (heartbeat.c). */
#ifndef NOOKS_HEARTBEAT_H
#define NOOKS_HEARTBEAT_H

#include <linux/types.h>

/* What is known of an interface's service. Clock's interrupt, and the tasklet that asks. */
struct nooks_beat {
  bool up;             /* it was up when last looked */
  unsigned long freed; /* of the domain, when last looked */
  u32 stalled;   /* us for which packets are sent or wait and none was completed */
  u32 overdue;   /* times in a row that it kept a packet for too long */
  u32 heard_off; /* ticks in which packets came though the driver says that there is no link */
  u32 silent;    /* us since something came */
  u32 asked;     /* questions without an answer */
  unsigned long answered; /* the device's arp_answered when last looked */
  unsigned long up_since; /* jiffies */
  unsigned long since; /* jiffies: first of them */
  bool ask;      /* one is due */
};

void nooks_heartbeat(void); /* each clock tick, interrupts off */

#endif
