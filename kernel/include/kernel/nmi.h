/* Periodic non-maskable interrupts, for a watchdog (arch/nmi.c). */
#ifndef KERNEL_NMI_H
#define KERNEL_NMI_H

#include <linux/types.h>

/* Starts them, about every `us` microseconds and at least as often as can be; returns the period, 0: there are none. */
u32 nmi_start(u32 us);
void nmi_arm(void);         /* sets the source up again, should somebody have touched it */
void nmi_acknowledge(void); /* in each */

#endif
