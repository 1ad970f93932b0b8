/* What a trap leaves on the kernel stack (kernel/arch/entry.S pushes it, lowest address first). */
#ifndef ASM_PTRACE_H
#define ASM_PTRACE_H

#include <linux/types.h>

struct pt_regs {
  u32 ebx, ecx, edx, esi, edi, ebp, eax;
  u32 ds, es;
  u32 orig_eax; /* vector number */
  u32 error;    /* the CPU's error code, or 0 */
  u32 eip, cs, eflags;
  u32 esp, ss; /* only valid when the trap came from ring 3 */
};

#define user_mode(regs) (((regs)->cs & 3) != 0)

_Static_assert(sizeof(struct pt_regs) == 64, "entry.S builds sixteen words");

#endif
