/* The lock of everything that changes network devices and addresses. Process context; taken before any other. */
#ifndef _LINUX_RTNETLINK_H
#define _LINUX_RTNETLINK_H

#include <asm/semaphore.h>

extern struct semaphore rtnl_sem;

#define rtnl_lock() down(&rtnl_sem)
#define rtnl_unlock() up(&rtnl_sem)

#endif
