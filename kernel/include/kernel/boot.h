/* Boot: command line and Multiboot modules (core/boot.c). */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <linux/types.h>

/* The value of `key=value` on the kernel command line, NULL if absent. The string stays valid. */
const char *boot_option(const char *key);
bool boot_option_is(const char *key, const char *value);
u32 boot_option_u32(const char *key, u32 otherwise);

/* A Multiboot module: name (first word of its string, without directories) and the rest as arguments. */
struct boot_module {
  char name[48];
  const char *args;
  const u8 *data; /* direct map */
  u32 size;       /* bytes */
};
extern struct boot_module boot_modules[];
extern u32 boot_module_count;
const struct boot_module *find_boot_module(const char *name);

#endif
