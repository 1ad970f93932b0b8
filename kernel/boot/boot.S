/*
 * From the Multiboot loader to C. Multiboot leaves us in 32-bit protected mode with flat segments and
 * paging off (Multiboot 0.6.96, 3.2). Here paging goes on with the kernel's own directory: RAM at
 * KERNEL_BASE in 4 MiB pages, and for a few instructions the first 4 MiB at their physical address too.
 */
#include <asm/memlayout.h>

#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 3 /* modules page-aligned; memory information wanted */
#define KSTACK_BYTES 8192
#define LARGE_RW 0x83     /* present, writable, 4 MiB */
#define PHYS(symbol) ((symbol) - KERNEL_BASE)

.section .multiboot, "a"
  .align 4
  .long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

.section .text.boot, "ax"
.global _start
_start:
  cli
  cld
  movl %eax, %esi               /* Multiboot's magic */
  movl $PHYS(boot_pgd), %edi
  movl $LARGE_RW, (%edi)
  leal (KERNEL_BASE >> 20)(%edi), %edx
  movl $LARGE_RW, %eax
  movl $(DIRECT_MAX >> 22), %ecx
1:
  movl %eax, (%edx)
  addl $0x400000, %eax
  addl $4, %edx
  decl %ecx
  jnz 1b

  movl %cr4, %eax
  orl $0x10, %eax               /* PSE */
  movl %eax, %cr4
  movl %edi, %cr3
  movl %cr0, %eax
  andl $0x9FFAFFFF, %eax        /* caches on (CD, NW), AM off */
  orl $0x80010004, %eax         /* PG, WP; EM: there is no FPU for anyone */
  movl %eax, %cr0
  movl $high, %eax
  jmp *%eax

high:
  movl $0, boot_pgd             /* nothing lives below KERNEL_BASE any more */
  movl %edi, %cr3
  movl $(boot_stack + KSTACK_BYTES), %esp
  xorl %ebp, %ebp
  pushl $0
  popfl
  pushl %ebx                    /* struct multiboot_info, physical */
  pushl %esi
  call start_kernel
1:
  cli
  hlt
  jmp 1b

.section .bss.page_aligned, "aw", @nobits
  .align 4096
.global boot_pgd
boot_pgd:
  .skip 4096
.global boot_stack
boot_stack:                     /* becomes the idle task's */
  .skip KSTACK_BYTES
