/*
 * Every way into the kernel: exceptions, interrupts, system calls, the double-fault task, and the first steps
 * of new tasks. A trap builds a struct pt_regs (asm/ptrace.h) on the stack that it finds.
 *
 * All gates are interrupt gates: handlers start with interrupts off.
 */
#include <asm/memlayout.h>
#include <kernel/offsets.h>
#include <kernel/syscalls.h>

/* Offsets in struct pt_regs. */
#define R_EAX 24
#define R_DS 28
#define R_ES 32
#define R_CS 48
#define R_TRAP_WORDS 8 /* bytes of vector and error code */

.macro save_regs
  cld
  pushl %es
  pushl %ds
  pushl %eax
  pushl %ebp
  pushl %edi
  pushl %esi
  pushl %edx
  pushl %ecx
  pushl %ebx
  movl $KERNEL_DS, %eax
  movl %eax, %ds
  movl %eax, %es
.endm

.macro restore_regs
  popl %ebx
  popl %ecx
  popl %edx
  popl %esi
  popl %edi
  popl %ebp
  popl %eax
  popl %ds
  popl %es
  addl $R_TRAP_WORDS, %esp
  iret
.endm

.text

/* ---- Exceptions and interrupts ---- */

/*
 * From here to trap_entry_end a domain may be loaded and half of a trap taken: the watchdog's NMI, which may
 * come anywhere, does not unwind a domain that it finds here (nooks/watchdog.c).
 */
.global trap_entry_start
trap_entry_start:

.macro vector number, error
trap_\number:
  .if \error == 0
  pushl $0
  .endif
  pushl $\number
  jmp trap_common
.endm

/*
 * An NMI goes back straight to where it came from, also to ring 3: NMIs are blocked until its IRET, so this is no
 * place to run another task.
 */
trap_2:
  pushl $0
  pushl $2
  save_regs
  movl %esp, %ebx
  xorl %ebp, %ebp
  cmpl $0, domain_cr3
  jne trap_from_domain
  pushl $0
  pushl %ebx
  call do_trap
  addl $8, %esp
  restore_regs

.altmacro
.set n, 0
.rept 48
  .if n == 2
  .elseif n == 8 || n == 10 || n == 11 || n == 12 || n == 13 || n == 14 || n == 17
    vector %n, 1
  .else
    vector %n, 0
  .endif
  .set n, n + 1
.endr

trap_common:
  save_regs
  movl %esp, %ebx
  xorl %ebp, %ebp               /* the chain of frames ends here */
  cmpl $0, domain_cr3
  jne trap_from_domain
  pushl $0
  pushl %ebx
  call do_trap
  addl $8, %esp
  testb $3, R_CS(%esp)
  jnz ring3_exit
  restore_regs

/*
 * The trap interrupted a domain: its registers are on the domain's stack, %ebx points at them. Handle it under
 * the current task's page directory and on its kernel stack, then put back what was found.
 *
 * domain_cr3 is set only while %esp is on the domain's stack: an NMI at any of these instructions would begin at
 * domain_kernel_esp as well, and must find nothing of ours there.
 */
trap_from_domain:
  movl %cr3, %esi
  movl current_task, %eax
  movl TASK_CR3(%eax), %eax
  movl %eax, %cr3
  movl domain_cr3, %edi
  movl $0, domain_cr3
  movl domain_kernel_esp, %esp
  pushl %esi
  pushl %edi
  pushl domain_kernel_esp
  pushl %edi
  pushl %ebx
  call do_trap
  addl $8, %esp
  popl domain_kernel_esp
  popl %edi
  popl %esi
  movl %ebx, %esp               /* the stack first, then the directory: an NMI finds a writable one */
  movl %edi, domain_cr3
  movl %esi, %cr3
  restore_regs

/* ---- System calls ---- */

.global system_call
system_call:
  pushl $0
  pushl $0x80
  save_regs
  xorl %ebp, %ebp
  testb $3, R_CS(%esp)
  jz bad_system_call
  movl R_EAX(%esp), %eax
  sti
  cmpl $NR_syscalls, %eax
  jae 2f
  pushl 20(%esp)                /* the six argument registers, by value: a callee owns its arguments */
  pushl 20(%esp)
  pushl 20(%esp)
  pushl 20(%esp)
  pushl 20(%esp)
  pushl 20(%esp)
  call *syscall_table(, %eax, 4)
  addl $24, %esp
1:
  movl %eax, R_EAX(%esp)
  cli
  jmp ring3_exit
2:
  movl $-38, %eax               /* -ENOSYS */
  jmp 1b

/* INT 0x80 in ring 0 (a driver's): an exception like any other. */
bad_system_call:
  movl %esp, %ebx
  cmpl $0, domain_cr3
  jne trap_from_domain
  pushl $0
  pushl %ebx
  call do_trap
  ud2
/*
 * The double-fault task (arch/double_fault.c): each #DF resumes it after its last IRET. From here on the kernel runs,
 * for an NMI too.
 */
.global double_fault_entry
double_fault_entry:
  movl domain_cr3, %eax
  movl $0, domain_cr3
  pushl %eax
  call do_double_fault
  movl $df_stack + DF_STACK_SIZE, %esp /* the error code is gone; a software INT 8 pushed none */
  iret
  jmp double_fault_entry
.global trap_entry_end
trap_entry_end:

/* Interrupts are off; the frame is on the stack. */
ring3_exit:
  movl current_task, %eax
  movl TASK_NEED_RESCHED(%eax), %ecx
  orl TASK_KILL_SIGNAL(%eax), %ecx
  jz 1f
  pushl %esp
  call return_to_user
  addl $4, %esp
1:
  restore_regs

/* void enter_user(struct pt_regs *regs): leaves the kernel for good by this frame. */
.global enter_user
enter_user:
  movl 4(%esp), %esp
  cli
  jmp ring3_exit

/* ---- Tasks ---- */

/* void switch_to(prev, next): what C keeps across calls is all there is to a task in ring 0. */
.global switch_to
switch_to:
  movl 4(%esp), %eax
  movl 8(%esp), %edx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, TASK_ESP(%eax)
  movl TASK_ESP(%edx), %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

/* A forked process comes out of switch_to here; the copied frame is next on its stack. */
.global ret_from_fork
ret_from_fork:
  call schedule_tail
  cli
  jmp ring3_exit

/* A kernel thread comes out of switch_to here; %ebx is its function, %esi the argument. */
.global kernel_thread_start
kernel_thread_start:
  call schedule_tail
  sti
  pushl %esi
  call *%ebx
  pushl $0
  call do_exit
  ud2

.section .rodata
.macro vector_address number
  .long trap_\number
.endm
.global trap_vectors
trap_vectors:
.set n, 0
.rept 48
  vector_address %n
  .set n, n + 1
.endr
