#ifndef KERNEL_MODULE_ELF_H
#define KERNEL_MODULE_ELF_H

#include <linux/module.h>

/*
 * Lays a relocatable ELF32 object out in the zone, binds its imports, relocates it, sets its parameters and
 * finds its init and cleanup functions. Any fault in the file gives one line on the console and an error. What
 * was allocated so far hangs on `mod`.
 */
int module_read(struct module *mod, const u8 *image, u32 size, const char *args);

#endif
