#ifndef KERNEL_POISON_H
#define KERNEL_POISON_H

#include <linux/types.h>

extern bool poison; /* freed memory is filled and checked; kernel option poison=off */

#endif
