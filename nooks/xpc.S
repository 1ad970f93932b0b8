/*
 * The two ways across: nooks_enter_domain (kernel to domain and back) and nooks_kernel_call (domain to
 * kernel and back). Both run in both page directories, at the same address.
 *
 * Order. In: the stack first, then domain_cr3, then MOV CR3. Out: MOV CR3, domain_cr3 = 0, then the stack.
 * So whenever a trap can come (an NMI even with interrupts off), %esp points at memory that is writable
 * under the directory that is loaded; and trap_from_domain (kernel/arch/entry.S), which starts anew at
 * domain_kernel_esp, never finds the trap's own frame there. Leaving loads the current task's directory.
 */
#include <asm/memlayout.h>
#include <kernel/offsets.h>
#include <nooks/offsets.h>

/* AC, NT, DF, TF: a domain leaves none of them behind. (CLD always would cost more than the test.) */
#define BAD_FLAGS 0x44500

/* A domain that left the user's data segment loaded could write to the GDT by it, and so could we. */
.macro check_segments scratch
  movl %ds, \scratch
  cmpl $KERNEL_DS, \scratch
  jne 8f
  movl %es, \scratch
  cmpl $KERNEL_DS, \scratch
  je 9f
8:
  movl $KERNEL_DS, \scratch
  movl \scratch, %ds
  movl \scratch, %es
9:
.endm

.section .text.xpc, "ax"
.global xpc_code_start, xpc_code_end /* in which interrupts are off and no domain is to blame (watchdog.c) */
xpc_code_start:

/*
 * bool nooks_enter_domain(struct xpc_frame *frame, const void *fn, u32 domain_esp, u32 cr3, u32 *result)
 * Interrupts are off, and on return. The arguments of fn are at domain_esp. True if fn returned.
 */
.global nooks_enter_domain
nooks_enter_domain:
  pushl %ebp
  movl %esp, %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl 8(%ebp), %eax
  movl 12(%ebp), %edx
  movl 16(%ebp), %ecx
  movl 20(%ebp), %ebx
  movl FRAME_EFLAGS(%eax), %esi
  movl %esp, FRAME_KERNEL_ESP(%eax)
  movl %esp, domain_kernel_esp
  movl %ecx, %esp
  movl %ebx, domain_cr3
  movl %ebx, %cr3
  testl $FLAG_IF, %esi
  jz 1f
  sti
1:
  call *%edx
  cli
  movl current_task, %edx
  movl TASK_CR3(%edx), %edx
  movl %edx, %cr3
  movl $0, domain_cr3
  movl domain_kernel_esp, %esp
  check_segments %edx
  pushfl
  testl $BAD_FLAGS, (%esp)
  jz 1f
  movl $2, (%esp)
  popfl
  pushl $2
1:
  addl $4, %esp
  leal 12(%esp), %ebp
  movl 24(%ebp), %edx
  movl %eax, (%edx)
  movl $1, %eax
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

/* void nooks_unwind(struct xpc_frame *frame): makes nooks_enter_domain return false. */
.global nooks_unwind
nooks_unwind:
  cli
  movl 4(%esp), %eax
  movl FRAME_KERNEL_ESP(%eax), %esp
  movl $0, domain_cr3
/* The double-fault task resumes a task here, with its stack set and interrupts off. */
.global nooks_unwound
nooks_unwound:
  pushl $2                      /* clean flags, by an IRET: NMIs are blocked until one if an NMI unwound it */
  pushl $KERNEL_CS
  pushl $1f
  iret
1:
  xorl %eax, %eax
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

/*
 * A stub (wrappers/stubs.S) jumps here in the domain, %eax the wrapper, the stack as its caller left it.
 * The wrapper's body keeps the caller's registers, as C does.
 */
.global nooks_kernel_call
nooks_kernel_call:
  pushfl
  cli
  movl current_task, %edx
  movl TASK_CR3(%edx), %edx
  movl %esp, %ecx
  movl %edx, %cr3
  movl $0, domain_cr3
  movl domain_kernel_esp, %esp
  check_segments %edx
  pushl %ecx                    /* kept for the way back */
  testl $FLAG_IF, (%ecx)
  jz 1f
  sti
1:
  testl $BAD_FLAGS, (%ecx)
  jnz 3f
2:
  pushl %ecx
  pushl %eax
  call nooks_dispatch
  addl $8, %esp
  cli
4:
  popl %ecx
  movl current_task, %edx
  movl TASK_NOOKS(%edx), %edx
  movl FRAME_DOMAIN(%edx), %edx
  movl DOMAIN_CR3(%edx), %edx
  movl %esp, domain_kernel_esp
  movl %ecx, %esp
  movl %edx, domain_cr3
  movl %edx, %cr3
  testl $FLAG_IF, (%esp)
  leal 4(%esp), %esp
  jz 1f
  sti
1:
  ret

3:
  pushfl
  andl $~BAD_FLAGS, (%esp)
  popfl
  jmp 2b

/*
 * void nooks_refuse(struct xpc_frame *frame): makes the running call of the kernel return the wrapper's error. Below
 * the frame's kernel stack pointer lie the domain's stack pointer, the arguments and return address of
 * nooks_dispatch, and what that saved: %ebp, %ebx, %edi, %esi (xpc.c).
 */
.global nooks_refuse
nooks_refuse:
  cli
  movl 4(%esp), %edx
  movl FRAME_KERNEL_ESP(%edx), %ecx
  movl -12(%ecx), %eax
  movl WRAPPER_REFUSED(%eax), %eax
  movl -20(%ecx), %ebp
  movl -24(%ecx), %ebx
  movl -28(%ecx), %edi
  movl -32(%ecx), %esi
  leal -4(%ecx), %esp
  jmp 4b
xpc_code_end:
