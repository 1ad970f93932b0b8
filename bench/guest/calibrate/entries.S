/* Handlers that do nothing or read the clock, and the ways into and out of ring 3. */
        .text
        .globl  user_enter                      /* void user_enter(void (*user)(void), u32 *esp) */
user_enter:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    20(%esp), %eax
        movl    24(%esp), %ecx
        movl    %esp, saved_esp
        movl    %esp, tss+4                     /* esp0 */
        pushl   $0x23
        pushl   %ecx
        pushl   $0x02                           /* EFLAGS: IF clear */
        pushl   $0x1B
        pushl   %eax
        movw    $0x23, %dx
        movw    %dx, %ds
        movw    %dx, %es
        iretl

        .balign 64
        .globl  trap_null
trap_null:
        iretl

        .balign 64
        .globl  trap_fault                      /* steps over the faulting instruction's two bytes */
trap_fault:
        addl    $4, %esp
        addl    $2, (%esp)
        iretl

        .balign 64
        .globl  sysenter_null                   /* EDX is where to return to; 0: to stamp_sysenter */
sysenter_null:
        testl   %edx, %edx
        jz      sysenter_stamped
        sysexit

        /*
         * void stamp_X(u32 n, struct { u32 in, out; } *sums): n times, clock, event, clock in the handler, clock.
         * EBX sums the ways in, EDI the ways out, ECX counts.
         */
        .macro  stamp name, event:vararg
        .balign 64
        .globl  \name
\name:
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        pushl   %ebp
        movl    20(%esp), %ecx
        xorl    %ebx, %ebx
        xorl    %edi, %edi
        movl    $0x60000000, %ebp
1:      rdtsc
        subl    %eax, %ebx
        \event
        rdtsc
        addl    %eax, %edi
        decl    %ecx
        jnz     1b
        movl    24(%esp), %eax
        movl    %ebx, (%eax)
        movl    %edi, 4(%eax)
        popl    %ebp
        popl    %edi
        popl    %esi
        popl    %ebx
        ret
        .endm

        .macro  clock_here
        rdtsc
        addl    %eax, %ebx
        subl    %eax, %edi
        .endm

        .macro  enter_kernel
        movl    %ecx, %esi
        movl    %esp, %ecx
        xorl    %edx, %edx
        sysenter
stamped_back:
        movl    %esi, %ecx
        .endm

        .macro  load_absent
        movl    (%ebp), %edx
        .byte   0x90
        .endm

        stamp   stamp_nothing, clock_here
        stamp   stamp_int, int $0x82
        stamp   stamp_sysenter, enter_kernel
        stamp   stamp_fault, load_absent

        .balign 64
        .globl  trap_stamped
trap_stamped:
        clock_here
        iretl

        .balign 64
        .globl  trap_fault_stamped              /* steps over MOV and NOP */
trap_fault_stamped:
        clock_here
        addl    $4, %esp
        addl    $4, (%esp)
        iretl

        .balign 64
sysenter_stamped:
        clock_here
        movl    $stamped_back, %edx
        sysexit

        .globl  trap_exit                       /* back to whoever called user_enter */
trap_exit:
        movl    saved_esp, %esp
        movw    $0x10, %dx
        movw    %dx, %ds
        movw    %dx, %es
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
        .section .note.GNU-stack, "", @progbits
