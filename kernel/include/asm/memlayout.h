/*
 * The linear address space, the same in every page directory (contract: docs/architecture.md).
 *
 *   0x00000000 - 0xBFFFFFFF  user
 *   0xC0000000 - 0xDFFFFFFF  direct map: RAM at 0xC0000000 + physical, 4 MiB pages, kernel only
 *   0xE0000000 - 0xEFFFFFFF  vmalloc and ioremap, 4 KiB pages
 *   0xF0000000 - 0xF7FFFFFF  the zone: everything a driver may ever write, 4 KiB pages; physically
 *                            one reserved range (zone_phys, zone_size)
 *   0xFFFFE000               GDT;  0xFFFFF000  both TSSs. Ring-0 data and stack segments end below.
 */
#ifndef ASM_MEMLAYOUT_H
#define ASM_MEMLAYOUT_H

#include <asm/page.h>

#define KERNEL_BASE 0xC0000000u
#define PAGE_OFFSET KERNEL_BASE
#define TASK_SIZE KERNEL_BASE /* user addresses are below */
#define DIRECT_MAX 0x20000000u /* bytes of RAM that can be mapped, 512 MiB */
#define VMALLOC_BASE 0xE0000000u
#define VMALLOC_END 0xF0000000u
#define ZONE_BASE 0xF0000000u
#define ZONE_MAX 0x08000000u /* bytes */
#define ZONE_END (ZONE_BASE + ZONE_MAX)
#define GDT_ADDR 0xFFFFE000u
#define TSS_ADDR 0xFFFFF000u
#define DF_TSS_ADDR 0xFFFFF800u
#define RING0_LIMIT 0xFFFFDFFFu

#define USER_STACK_TOP 0xBFFFF000u
#define USER_STACK_MAX 0x00100000u /* grows down on demand to 1 MiB */
#define USER_MMAP_BASE 0x40000000u

#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS 0x1B
#define USER_DS 0x23
#define TSS_SEL 0x28
#define DF_TSS_SEL 0x30

#ifndef __ASSEMBLER__
#include <linux/types.h>

extern u32 zone_phys; /* physical base of the zone, set once at boot */
extern u32 zone_size; /* bytes */

/* Valid for the direct map and the zone only; panics elsewhere. */
u32 virt_to_phys(const volatile void *addr);
void *phys_to_virt(u32 phys); /* the zone's address for frames of the zone */
#define virt_to_bus virt_to_phys
#define bus_to_virt phys_to_virt

/* The direct-map alias, also for frames of the zone. */
static inline void *direct_map(u32 phys) { return (void *)(KERNEL_BASE + phys); }
static inline bool in_zone(const volatile void *addr) { return (u32)addr - ZONE_BASE < zone_size; }
#endif

#endif
