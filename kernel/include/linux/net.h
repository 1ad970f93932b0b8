/* The network layer's configuration at boot. Its system calls are in <kernel/syscalls.h>. */
#ifndef _LINUX_NET_H
#define _LINUX_NET_H

/*
 * Gives the devices the addresses of the kernel command line, ip=ADDRESS/PREFIX[:GATEWAY][,...], and opens
 * them. Process context; may be called again (after a driver was reloaded).
 */
void ip_auto_config(void);

/* The same, soon, in process context; for register_netdev(). */
void ip_auto_config_later(void);

#endif
