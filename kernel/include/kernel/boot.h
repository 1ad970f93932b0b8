/* Boot: command line, Multiboot modules, and memory before there is an allocator (boot/). */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <linux/types.h>

/* The value of `key=value` on the kernel command line, NULL if absent. The string stays valid. */
const char *boot_option(const char *key);
bool boot_option_is(const char *key, const char *value);
u32 boot_option_u32(const char *key, u32 otherwise);

/* A Multiboot module: name (first word of its string, without directories) and the rest as arguments. */
#define BOOT_NAME_MAX 48
struct boot_module {
  char name[BOOT_NAME_MAX];
  const char *args;
  const u8 *data; /* direct map */
  u32 size;       /* bytes */
};
#define MAX_BOOT_MODULES 64
extern struct boot_module boot_modules[MAX_BOOT_MODULES];
extern u32 boot_module_count;
const struct boot_module *find_boot_module(const char *name);

struct multiboot_info;
void multiboot_read(const struct multiboot_info *info);

/* Physical memory before mm/page_alloc.c runs: everything in use is a reserved range. */
extern u32 ram_end; /* bytes of RAM from 0, without a hole above 1 MiB; at most DIRECT_MAX */
void boot_reserve(u32 start, u32 end);
bool boot_reserved(u32 frame_start); /* the page at this physical address */
u32 boot_alloc(u32 size, u32 align); /* physical, not cleared; panics when there is none */

void printk_init(void);
void page_alloc_init(void);
void heap_init(void);
void sched_init(void);
void keventd_init(void);
void pgtable_init(void);

#endif
