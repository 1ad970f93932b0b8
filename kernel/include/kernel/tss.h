/* The 32-bit task state segment (SDM vol. 3, 7.2.1). */
#ifndef KERNEL_TSS_H
#define KERNEL_TSS_H

#include <linux/stddef.h>
#include <linux/types.h>

struct tss {
  u32 backlink;
  u32 esp0, ss0, esp1, ss1, esp2, ss2;
  u32 cr3; /* read on a switch to this task, never written by one */
  u32 eip, eflags;
  u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
  u32 es, cs, ss, ds, fs, gs;
  u32 ldt;
  u16 trap, iomap;
};

_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, figure 7-2");
_Static_assert(offsetof(struct tss, eip) == 32, "SDM vol. 3, figure 7-2");

struct tss *main_tss(void); /* both by their alias in the direct map */
struct tss *double_fault_tss(void);

#endif
