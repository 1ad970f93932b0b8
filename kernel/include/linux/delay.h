/* Busy waits, by the TSC (calibrated against the PIT at boot) or, without one, by the PIT itself. */
#ifndef LINUX_DELAY_H
#define LINUX_DELAY_H

void udelay(unsigned long usecs); /* at least this long; any context */
void mdelay(unsigned long msecs);

#endif
