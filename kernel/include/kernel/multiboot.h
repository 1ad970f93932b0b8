/* Multiboot 0.6.96, section 3.3: what the loader tells. All addresses physical. */
#ifndef KERNEL_MULTIBOOT_H
#define KERNEL_MULTIBOOT_H

#include <linux/stddef.h>
#include <linux/types.h>

#define MULTIBOOT_LOADED 0x2BADB002u

#define MB_MEMORY 0x01u
#define MB_CMDLINE 0x04u
#define MB_MODULES 0x08u
#define MB_MMAP 0x40u

struct multiboot_info {
  u32 flags;
  u32 mem_lower, mem_upper; /* KiB; upper starts at 1 MiB */
  u32 boot_device;
  u32 cmdline;
  u32 mods_count, mods_addr;
  u32 syms[4];
  u32 mmap_length, mmap_addr;
};

struct multiboot_module {
  u32 start, end;
  u32 string;
  u32 reserved;
};

struct multiboot_mmap {
  u32 size; /* of the rest */
  u64 base, length;
  u32 type; /* 1 = RAM */
} __attribute__((packed));

_Static_assert(offsetof(struct multiboot_info, mods_addr) == 24, "Multiboot 3.3");
_Static_assert(offsetof(struct multiboot_info, mmap_addr) == 48, "Multiboot 3.3");
_Static_assert(sizeof(struct multiboot_mmap) == 24, "Multiboot 3.3");

#endif
