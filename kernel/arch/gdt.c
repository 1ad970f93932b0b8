/*
 * Segments and task state (SDM vol. 3, 3.4 and 7.2). The GDT and both TSSs have the top two pages of linear
 * space, writable in every page directory: the CPU writes there by itself (busy bits, the outgoing TSS of a
 * task switch) whoever runs. Ring-0 data and stack segments end below, so ordinary stores cannot reach them;
 * the kernel writes through the direct map. Accessed bits are set in advance, so loading a selector writes
 * nothing.
 */
#include <asm/memlayout.h>
#include <asm/pgtable.h>
#include <kernel/hooks.h>
#include <kernel/traps.h>
#include <kernel/tss.h>
#include <linux/kernel.h>
#include <linux/string.h>

#define GDT_ENTRIES 7
#define LIMIT_4G 0xFFFFFu
#define CODE_KERNEL 0x9B /* present, ring 0, code, readable, accessed */
#define DATA_KERNEL 0x93
#define CODE_USER 0xFB
#define DATA_USER 0xF3
#define TSS_AVAILABLE 0x89
#define FLAGS_PAGES_32 0xC /* granularity 4 KiB, 32-bit */

static u64 gdt_page[PAGE_SIZE / 8] __aligned(4096);
static u8 tss_page[PAGE_SIZE] __aligned(4096);

struct table_register {
  u16 limit;
  u32 base;
} __packed;

struct tss *main_tss(void) { return (struct tss *)(tss_page + (TSS_ADDR & ~PAGE_MASK)); }
struct tss *double_fault_tss(void) { return (struct tss *)(tss_page + (DF_TSS_ADDR & ~PAGE_MASK)); }

static u64 descriptor(u32 base, u32 limit, u8 access, u8 flags) {
  return (u64)(limit & 0xFFFF) | (u64)(base & 0xFFFFFF) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 0xF) << 48 |
         (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static void load_segments(void) {
  struct table_register gdtr = { GDT_ENTRIES * 8 - 1, GDT_ADDR };
  __asm__ __volatile__(
      "lgdt %0\n\t"
      "ljmp %1,$1f\n"
      "1:\n\t"
      "movl %2,%%ds; movl %2,%%es; movl %2,%%ss\n\t"
      "movl %3,%%fs; movl %3,%%gs\n\t"
      "ltr %w4"
      :
      : "m"(gdtr), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(0), "r"(TSS_SEL)
      : "memory");
}

void gdt_init(void) {
  gdt_page[KERNEL_CS >> 3] = descriptor(0, LIMIT_4G, CODE_KERNEL, FLAGS_PAGES_32);
  gdt_page[KERNEL_DS >> 3] = descriptor(0, RING0_LIMIT >> PAGE_SHIFT, DATA_KERNEL, FLAGS_PAGES_32);
  gdt_page[USER_CS >> 3] = descriptor(0, LIMIT_4G, CODE_USER, FLAGS_PAGES_32);
  gdt_page[USER_DS >> 3] = descriptor(0, LIMIT_4G, DATA_USER, FLAGS_PAGES_32);
  gdt_page[TSS_SEL >> 3] = descriptor(TSS_ADDR, sizeof(struct tss) - 1, TSS_AVAILABLE, 0);
  gdt_page[DF_TSS_SEL >> 3] = descriptor(DF_TSS_ADDR, sizeof(struct tss) - 1, TSS_AVAILABLE, 0);
  main_tss()->ss0 = KERNEL_DS;
  main_tss()->cr3 = kernel_pgd_phys;
  main_tss()->iomap = sizeof(struct tss);
  map_page(GDT_ADDR, (u32)gdt_page - KERNEL_BASE, PTE_W | PTE_A | PTE_D);
  map_page(TSS_ADDR, (u32)tss_page - KERNEL_BASE, PTE_W | PTE_A | PTE_D);
  load_segments();
}

void set_kernel_stack(u32 esp0) { main_tss()->esp0 = esp0; }
